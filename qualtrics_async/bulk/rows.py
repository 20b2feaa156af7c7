"""One row of input: as it was read, and as it is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["BrokenRow", "SourceRow"]


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A row of a file: its cells by column name, and the number of the line that it begins on, from 1."""

    line: int
    cells: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BrokenRow:
    """A line of a file that is no row: what it says, and what is wrong with it."""

    line: int
    text: str
    problem: str
