"""The tables of all areas as one."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from calling import Case

AREAS = [import_module(path.stem) for path in sorted(Path(__file__).parent.glob("cases_*.py"))]

CASES: list[Case] = [case for area in AREAS for case in area.CASES]
"""Calls of every operation."""

ARGUMENTS: dict[str, dict[str, Any]] = {
    name: arguments for area in AREAS for name, arguments in getattr(area, "ARGUMENTS", {}).items()
}
"""What operations are called with when it does not matter, where a placeholder will not do."""

OWN_TESTS: set[str] = {name for area in AREAS for name in getattr(area, "OWN_TESTS", ())}
"""Operations that tests of their own look at."""
