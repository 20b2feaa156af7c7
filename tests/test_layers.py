"""Imports point down only; each third-party package has its place. Read from the source, nothing is run."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

import qualtrics_async

ROOT = Path(qualtrics_async.__file__).parent
PACKAGE = "qualtrics_async"
STANDARD = sys.stdlib_module_names

# From the bottom up; the longest name that begins a module's counts.
LAYERS = {
    "errors": 0,
    "_lazy": 0,
    "models": 1,
    "config": 2,
    "_core": 2,
    "resources": 3,
    "_core.engine": 3,
    "_core.throttle": 3,
    "_core.pool": 3,
    "_core.credentials": 3,
    "client": 4,
    "bulk": 5,
    "exports": 5,
    "webhooks": 5,
    "": 6,  # the package itself, which collects the public names
    "cli": 7,
    "pytest_plugin": 7,
    "__main__": 8,
}
SANDBOX = "sandbox"
SANDBOX_USERS = ("cli", "pytest_plugin")

# Where a package may be imported; what is not listed may be imported nowhere.
PLACES = {
    "aiohttp": ("_core.pool", "webhooks", "sandbox"),
    "yarl": ("_core.pool",),
    "aiolimiter": ("_core.throttle",),
    "msgspec": ("models", "_core", "config", "resources", "bulk", "exports", "webhooks", "cli"),
    "anyio": ("_core", "bulk", "exports", "webhooks", "cli"),
    "cyclopts": ("cli",),
    "rich": ("cli",),
    "pytest": ("pytest_plugin",),
    "pyarrow": ("exports", "bulk.parquet"),
    "polars": ("exports",),
}


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted(ROOT.rglob("*.py"))}


def begins(module: str, name: str) -> bool:
    return module == name or module.startswith(name + ".") or name == ""


def layer(module: str) -> int:
    if module == "":
        return LAYERS[""]
    known = [name for name in LAYERS if name and begins(module, name)]
    assert known, f"{module} has no layer: add it to the table and to the design"
    return LAYERS[max(known, key=len)]


def imported(module: str) -> set[str]:
    """Return the full names of all that a module imports, lazily or for types only as well."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: a relative import hides what is imported"
            source = str(node.module)
            for alias in node.names:
                own = f"{source}.{alias.name}".removeprefix(f"{PACKAGE}.")
                found.add(f"{PACKAGE}.{own}" if source.startswith(PACKAGE) and own in MODULES else source)
    return found


def own_imports(module: str) -> set[str]:
    names = {name for name in imported(module) if begins(name, PACKAGE)}
    return {name.removeprefix(PACKAGE).removeprefix(".") for name in names}


def test_the_tables_are_about_modules_that_are_there() -> None:
    """The package was found, and the core is in it."""
    assert {"_core.engine", "_core.pool", "client", "errors", "sandbox.app"} <= MODULES.keys()
    assert len(MODULES) > 50


@pytest.mark.parametrize("module", [name for name in MODULES if not begins(name, SANDBOX)])
def test_imports_point_down(module: str) -> None:
    """A module imports from its own layer or from below; resources and the engine do not know each other."""
    for target in own_imports(module):
        if begins(target, SANDBOX):
            assert any(begins(module, user) for user in SANDBOX_USERS), f"{module} imports the sandbox"
            continue
        assert layer(target) <= layer(module), f"{module} imports {target}, which stands above it"
        if layer(target) == layer(module) == LAYERS["resources"]:
            sides = {begins(name, "resources") for name in (module, target)}
            assert len(sides) == 1, f"{module} imports {target}: the two sides of one layer"


def test_errors_import_nothing_of_ours() -> None:
    """The bottom stands on nothing."""
    assert own_imports("errors") == set()


@pytest.mark.parametrize("module", [name for name in MODULES if begins(name, SANDBOX)])
def test_the_sandbox_stands_alone(module: str) -> None:
    """It is a second statement of the wire format, so it shares no line with the first."""
    assert all(begins(target, SANDBOX) for target in own_imports(module))
    others = {name for name in imported(module) if not begins(name, PACKAGE)}
    foreign = {name for name in others if name.partition(".")[0] not in STANDARD}
    assert foreign <= {"aiohttp", "aiohttp.web"}
    assert "from aiohttp import ClientSession" not in MODULES[module].read_text(encoding="utf-8")


@pytest.mark.parametrize("module", MODULES)
def test_each_package_has_its_place(module: str) -> None:
    """Only the edge speaks aiohttp, only the throttle aiolimiter, and nothing comes in unseen."""
    for name in imported(module):
        package = name.partition(".")[0]
        if package == PACKAGE or package in STANDARD:
            continue
        assert package in PLACES, f"{module} imports {package}, which no table lists"
        assert any(begins(module, place) for place in PLACES[package]), f"{module} imports {package}"
