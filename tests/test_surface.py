"""The public surface: what is exported, documented and small enough to read."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import qualtrics_async
from qualtrics_async import errors

ROOT = Path(qualtrics_async.__file__).parent
MOST_LINES = 500


def _names() -> list[str]:
    found = [module.name for module in pkgutil.walk_packages([str(ROOT)], "qualtrics_async.")]
    return ["qualtrics_async", *(name for name in found if not name.endswith("__main__"))]


NAMES = _names()
PUBLIC = [name for name in NAMES if not any(part.startswith("_") for part in name.split("."))]


def _kind(name: str) -> int:
    """Constants come first, then classes, then functions, as ruff sorts them."""
    return 0 if name.isupper() and len(name) > 1 else 1 if name[0].isupper() else 2


def defined_in(module: ModuleType) -> dict[str, object]:
    """Return the public classes and functions that a module defines itself."""
    return {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__ == module.__name__
    }


@pytest.mark.parametrize("name", NAMES)
def test_exports_are_sorted_and_exist(name: str) -> None:
    """`__all__` is in order (constants, classes, functions), and every name in it can be imported."""
    module = importlib.import_module(name)
    exported = getattr(module, "__all__", [])
    assert list(exported) == sorted(set(exported), key=lambda entry: (_kind(entry), entry))
    for entry in exported:
        getattr(module, entry)


@pytest.mark.parametrize("name", NAMES)
def test_no_module_has_the_name_of_what_its_package_exports(name: str) -> None:
    """An import of the module would put it in the place of the function, for whoever asks afterwards."""
    module = importlib.import_module(name)
    files = {found.name for found in pkgutil.iter_modules(getattr(module, "__path__", []))}
    assert not files & set(getattr(module, "__all__", []))


@pytest.mark.parametrize("name", [name for name in PUBLIC if ".cli" not in name and ".sandbox." not in name])
def test_what_is_public_is_exported(name: str) -> None:
    """A public module says what it exports, and defines nothing public that it does not export."""
    module = importlib.import_module(name)
    if not defined_in(module):
        return
    assert defined_in(module).keys() <= set(module.__all__)


def members(cls: type) -> Iterator[tuple[str, object]]:
    for name, value in vars(cls).items():
        if name.startswith("_"):
            continue
        function = value.fget if isinstance(value, property) else getattr(value, "func", value)
        function = getattr(function, "__func__", function)
        if inspect.isfunction(function) and not function.__name__.startswith("_"):
            yield name, function


@pytest.mark.parametrize("name", NAMES)
def test_every_public_object_has_a_docstring(name: str) -> None:
    """Modules, exported classes and functions, and their public methods and properties say what they are."""
    module = importlib.import_module(name)
    assert module.__doc__, name
    for entry in getattr(module, "__all__", ()):
        thing = getattr(module, entry)
        if not (inspect.isclass(thing) or inspect.isfunction(thing)):
            continue
        assert vars(thing).get("__doc__") if inspect.isclass(thing) else thing.__doc__, f"{name}.{entry}"
        if inspect.isclass(thing):
            for method, function in members(thing):
                assert inspect.getdoc(function) or inspect.getdoc(getattr(thing, method)), (
                    f"{name}.{entry}.{method}"
                )


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_is_too_long(path: Path) -> None:
    """A file that must be longer is two ideas."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


def test_importing_the_package_imports_no_group_and_no_model() -> None:
    """Groups and models are imported when they are first used, so that their number costs nothing."""
    code = "import sys, qualtrics_async; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    ours = {name for name in done.stdout.split() if name.startswith("qualtrics_async.")}
    inner = {name.rpartition(".")[2] for name in ours if ".resources." in name or ".models." in name}
    assert all(name.startswith("_") for name in inner), inner


def test_the_package_says_that_it_is_typed() -> None:
    """PEP 561's marker is shipped."""
    assert (ROOT / "py.typed").is_file()


def test_the_whole_error_tree_is_at_the_top() -> None:
    """Every error can be caught by its name from `qualtrics_async`, and is one of ours."""
    classes = {name for name, value in defined_in(errors).items() if inspect.isclass(value)}
    assert classes <= set(qualtrics_async.__all__)
    assert all(issubclass(getattr(errors, name), errors.QualtricsError) for name in classes)


def test_the_tree_is_as_it_is_drawn() -> None:
    """The drawing in the docstring of `errors` has every class, under its parent."""
    drawn: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    for line in str(errors.__doc__).partition("```text\n")[2].partition("```")[0].splitlines():
        name, depth = line.split()[0], len(line) - len(line.lstrip())
        while above and above[-1][0] >= depth:
            above.pop()
        drawn[name] = above[-1][1] if above else "Exception"
        above.append((depth, name))
    classes = {name: value for name, value in defined_in(errors).items() if inspect.isclass(value)}
    assert drawn == {name: value.__mro__[1].__name__ for name, value in classes.items()} | {
        "UsageError": "QualtricsError"
    }
