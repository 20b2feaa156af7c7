"""The responses of a survey as rows of a table."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from typing import Final, Literal, Self, TypeAlias, Unpack, get_args

from msgspec import Struct

from qualtrics_async._core.tasks import on_thread
from qualtrics_async.client import Qualtrics
from qualtrics_async.errors import UsageError
from qualtrics_async.exports.ahead import Ahead, made_ahead
from qualtrics_async.exports.cells import DELIMITERS, Cells
from qualtrics_async.exports.columns import ColumnMap, Names
from qualtrics_async.exports.export import Export, ExportInfo, open_export
from qualtrics_async.exports.options import ExportOptions, planned

__all__ = ["Row", "Rows", "TableFormat", "cells_of", "check_names", "rows"]

Row: TypeAlias = dict[str, str]
"""The cells of a response, by the names of the columns."""

TableFormat: TypeAlias = Literal["csv", "tsv"]

_BATCH_ROWS: Final = 100
_BATCH_TEXT: Final = 64 * 1024


class _Batch(Struct, frozen=True):
    rows: list[Row]
    done: int


class Rows:
    """The rows of an export, one by one; `columns` and `info` tell what there is.

    Several tasks may share them. After the `async with` they give nothing more: asking for a row is a
    `UsageError`.
    """

    def __init__(self, export: Export, columns: ColumnMap, ahead: Ahead[_Batch]) -> None:
        self.info: ExportInfo = export.info
        self.columns = columns
        self._export = export
        self._ahead = ahead
        self._ready: Iterator[Row] = iter(())
        self._turn = asyncio.Lock()
        self._done = 0

    def __repr__(self) -> str:
        return f"<Rows of {self.info.survey_id} as {self.info.format}: {len(self.columns)} columns>"

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Row:
        while (row := next(self._ready, None)) is None:
            async with self._turn:
                if (row := next(self._ready, None)) is not None:
                    return row  # another task was here before
                batch = await self._ahead.take()
                if batch is None:
                    self._tell(self.info.size)
                    raise StopAsyncIteration
                self._ready = iter(batch.rows)
                self._tell(batch.done)
        return row

    def _tell(self, done: int) -> None:
        """Report how far it is; tasks that share them may all meet the end, which counts once."""
        if done > self._done:
            self._done = done
            self._export.tell(done)

    def end(self) -> None:
        """Forget what was read and not taken; `rows()` does so when its `async with` ends."""
        self._ready = iter(())


@asynccontextmanager
async def cells_of(export: Export, names: Names) -> AsyncGenerator[Cells]:
    """Open an export that is there as a table, its header read."""
    cells = Cells(export.stream(), DELIMITERS[export.info.format], names)
    try:
        await on_thread(cells.open)
        yield cells
    finally:
        await on_thread(cells.close)


def check_names(names: Names) -> None:
    """See that there are such names of columns.

    Raises:
        UsageError: when there are not.
    """
    if names not in get_args(Names):
        raise UsageError(f"names is one of {', '.join(get_args(Names))}, got {names!r:.40}")


@asynccontextmanager
async def rows(
    client: Qualtrics,
    survey_id: str,
    *,
    format: TableFormat = "csv",  # noqa: A002  (the wire's name)
    names: Names = "tag",
    **options: Unpack[ExportOptions],
) -> AsyncGenerator[Rows]:
    """Export the responses of a survey as rows, in constant memory, whatever their number.

    ```python
    async with exports.rows(client, "SV_0aB1cD2eF3gH4iJ", use_labels=True) as rows:
        print(rows.columns.names)
        async for row in rows:
            print(row["ResponseId"], row["Q1"])
    ```

    A row is a `dict` of text by the unique names of `rows.columns`, `""` where a cell is empty. The three
    header rows (observed) are understood and are no rows. A blank line is no row, unless the table has a
    single column; a carriage return that stands in a cell belongs to it. A survey without responses has
    columns and no rows.

    Args:
        format: `csv` or `tsv`; the rows are the same.
        names: what columns are called: by `tag` (`Q1`), by `import_id` (`QID1`), or by the `text` of the
            question; a second one of the same name is `Q1_2`.
        options: which responses and columns, and how they are written: see `ExportOptions`.

    Raises:
        UsageError: for options that exclude one another, other formats and names, before any I/O.
        JobFailed, TransportError, QualtricsError: as `stream()` does.
        DecodeError: as `stream()` does, and for a header that cannot be read, and, after the rows before it,
            for a row with more or fewer cells than columns, with bytes that are not UTF-8, or with quotes
            that do not match, by its number from 1.
    """
    if format not in DELIMITERS:
        raise UsageError(
            f"rows are of csv or tsv, not {format!r:.40}: stream() and to_file() take any format"
        )
    check_names(names)
    plan = planned(format, options)
    async with open_export(client, survey_id, plan) as export, cells_of(export, names) as cells:
        called = cells.columns.names

        def batch() -> _Batch | None:
            taken = cells.take(_BATCH_ROWS, _BATCH_TEXT)
            if taken is None:
                return None
            return _Batch([dict(zip(called, row, strict=True)) for row in taken.rows], taken.done)

        async with made_ahead(batch) as ahead:
            found = Rows(export, cells.columns, ahead)
            try:
                yield found
            finally:
                found.end()
