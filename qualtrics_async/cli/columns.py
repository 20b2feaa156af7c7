"""Columns of a file that an option names."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any

from qualtrics_async.bulk.identity import FileRows, Layout, Row
from qualtrics_async.bulk.rows import SourceRow
from qualtrics_async.errors import UsageError

__all__ = ["having_column", "without_column"]


class _Cells(dict[str, Any]):
    """The cells of a row, and beside them what its column said."""

    __slots__ = ("taken",)

    def __init__(self, cells: Mapping[str, Any], column: str) -> None:
        super().__init__(cells)
        self.taken = self.pop(column, None)


def without_column(rows: FileRows, column: str) -> tuple[FileRows, Callable[[Any], str | None]]:
    """Take a column out of the rows of a file; the function finds what it said of a row.

    Raises:
        UsageError: from the iteration, when the file has columns and this one is not among them.
    """
    return FileRows(_read(rows, column), rows.identity, rows.layout), _taken


async def _read(rows: FileRows, column: str) -> AsyncGenerator[Row]:
    async with aclosing(rows):
        async for row in rows:
            _check(rows.layout, column, "--list-column")
            yield SourceRow(row.line, _Cells(row.cells, column)) if isinstance(row, SourceRow) else row


def having_column(rows: FileRows, column: str, option: str) -> FileRows:
    """See that a file has a column that an option names.

    Raises:
        UsageError: from the iteration, when the file has columns and this one is not among them.
    """

    async def read() -> AsyncGenerator[Row]:
        async with aclosing(rows):
            async for row in rows:
                _check(rows.layout, column, option)
                yield row

    return FileRows(read(), rows.identity, rows.layout)


def _check(layout: Layout, column: str, option: str) -> None:
    if layout.columns and column not in layout.columns:
        raise UsageError(
            f"{option}: no column is called {column!r:.60}; there are {', '.join(layout.columns):.200}"
        )


def _taken(cells: Any) -> str | None:
    value = cells.taken if isinstance(cells, _Cells) else None
    return value.strip() if isinstance(value, str) else None
