"""Names of a package that are imported when they are asked for, so that the package itself costs nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Sequence
from importlib import import_module

__all__ = ["lazy"]


def lazy(package: str, names: Collection[str], files: Sequence[str]) -> Callable[[str], object]:
    """Make the `__getattr__` of a package whose public `names` live in these files.

    They are listed by `dir()` as well, and so by completion and `help()`.
    """

    def find(name: str) -> object:
        if name in names:
            for file in files:
                module = import_module(f"{package}.{file}")
                if name in module.__all__:
                    found: object = getattr(module, name)
                    setattr(sys.modules[package], name, found)
                    return found
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    sys.modules[package].__dict__["__dir__"] = lambda: sorted(names)
    return find
