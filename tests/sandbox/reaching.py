"""What a function of the sandbox reaches through the functions that it calls, read from their code."""

from __future__ import annotations

from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType

PACKAGE = "qualtrics_async.sandbox"


def functions(first: object) -> Iterator[FunctionType]:
    """A function and all of the sandbox's functions that it calls, by itself or through others."""
    waiting, seen = [first], set[object]()
    while waiting:
        function = waiting.pop()
        if not isinstance(function, FunctionType) or function in seen:
            continue
        seen.add(function)
        if function.__module__.startswith(PACKAGE):
            yield function
            waiting += values(function)


def values(function: FunctionType) -> Iterator[object]:
    """The constants of a function, and what it names in its own module or as `module.name`."""
    for code in _codes(function.__code__):
        yield from code.co_consts
        named = [function.__globals__.get(name) for name in code.co_names]
        yield from named
        for module in named:
            if isinstance(module, ModuleType):
                yield from (getattr(module, name, None) for name in code.co_names)


def _codes(code: CodeType) -> Iterator[CodeType]:
    """The code and that of all functions inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)
