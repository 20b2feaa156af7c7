"""The contract with type checkers in `tests/typing/` has every group, and each kind of result in it."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

from operations import METHODS

TYPING = Path(__file__).parents[1] / "typing"


def dotted(node: ast.expr, known: dict[str, str]) -> str | None:
    """The name of an attribute below `client`, seen through what it was assigned to."""
    match node:
        case ast.Name(id="client"):
            return ""
        case ast.Name(id=name):
            return known.get(name)
        case ast.Attribute(value=value, attr=attr):
            above = dotted(value, known)
            return None if above is None else f"{above}.{attr}".removeprefix(".")
    return None


def stated() -> Iterator[str]:
    """Every method that is called there."""
    for path in TYPING.glob("public_*.py"):
        for function in ast.parse(path.read_text(encoding="utf-8")).body:
            known: dict[str, str] = {}
            for node in ast.walk(function):
                if isinstance(node, ast.Assign):
                    (target,) = node.targets
                    names = target.elts if isinstance(target, ast.Tuple) else [target]
                    values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
                    for name, value in zip(names, values, strict=False):
                        group = dotted(value, known)
                        if isinstance(name, ast.Name) and group is not None:
                            known[name.id] = group
            for node in ast.walk(function):
                method = dotted(node.func, known) if isinstance(node, ast.Call) else None
                if method is not None:
                    yield method


def kind(name: str) -> str:
    """What an operation gives: pages, a file, nothing, plain JSON or a model."""
    result = str(inspect.signature(METHODS[name]).return_annotation)
    words = {"Paged[": "pages", "None": "nothing", "dict[": "JSON"}
    file = "a file" if "Download" in result else "a model"
    return next((word for start, word in words.items() if result.startswith(start)), file)


def test_each_kind_of_result_of_each_group_is_stated() -> None:
    """A result that turns into `Any` unseen would take its users' checks with it."""
    has = {(name.rpartition(".")[0], kind(name)) for name in METHODS}
    says = {(name.rpartition(".")[0], kind(name)) for name in stated() if name in METHODS}
    assert sorted(has - says) == []
