"""Whatever a user has rows in, as a stream of rows: frames, tables, cursors and iterables of any length.

No library is imported for it: a source is known by what it can do. All are read in pieces, none is copied.

```python
import_contacts(client, "POOL_1", pandas.read_sql(...), mailing_list="CG_1")
import_contacts(client, "POOL_1", polars.read_csv("contacts.csv"), mailing_list="CG_1")
import_contacts(client, "POOL_1", sqlite.execute("SELECT email, extRef FROM people"), mailing_list="CG_1")
```

Frames and tables are read on a thread. Other sources that are not asynchronous are read on the event loop: a
database cursor belongs to the thread that made it. Where a row takes long, give an async cursor or generator.
"""

from __future__ import annotations

import os
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Callable,
    Generator,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from itertools import islice
from typing import Any, Final, TypeAlias

import anyio.to_thread

from qualtrics_async.bulk.rows import BrokenRow, SourceRow
from qualtrics_async.errors import UsageError
from qualtrics_async.models.contacts import ContactFields

__all__ = ["Rows", "as_rows"]

Rows: TypeAlias = Iterable[Any] | AsyncIterable[Any]
"""What jobs take as rows; of frames and tables see `as_rows()`."""

_AT_ONCE: Final = 250
"""Rows that are taken out of a frame or a table at a time."""

_OF_A_FILE: Final = "for a file: bulk.read_contacts(path)"
_READY: Final = (dict, SourceRow, BrokenRow, ContactFields, Mapping)


def as_rows(rows: Any, *, advice: str = _OF_A_FILE) -> AsyncGenerator[Any]:
    """Read rows out of whatever they are in; closing the stream closes a generator that it reads from.

    Taken are iterables and async iterables of mappings, contacts, rows of the readers, named tuples and
    database rows (`sqlite3.Row`, SQLAlchemy's `Row`, asyncpg's `Record`); cursors of the DB-API, whose plain
    tuples get the names of the columns; data frames of pandas and polars; tables, batches and batch readers
    of pyarrow. What is no row passes through, and is refused when it is its turn. `advice` says what to give
    instead of what holds no rows.

    Raises:
        UsageError: at once for what holds no rows, a lazy frame, and columns that have no name or the same;
            of a cursor or a database row, when its first row is read.
    """
    if isinstance(rows, str | bytes | bytearray | os.PathLike | Mapping):
        raise _no_rows(rows, advice)
    if _has(rows, "collect", "lazy"):
        raise UsageError(
            f"{type(rows).__name__} holds a plan, not rows: give frame.collect(), or write it with "
            "sink_parquet(path), which takes little memory, and give bulk.read_parquet(path)"
        )
    found = _tabular(rows)
    if found is not None:
        return _from_pieces(found)
    if isinstance(rows, AsyncIterable):
        return _from_async(rows)
    if isinstance(rows, Iterable):
        return _from_iterable(rows)
    raise _no_rows(rows, advice)


def _no_rows(rows: object, advice: str) -> UsageError:
    return UsageError(f"rows takes an iterable of rows, got {type(rows).__name__}; {advice}")


def _has(source: object, *names: str) -> bool:
    return all(hasattr(source, name) for name in names)


def _tabular(source: Any) -> Iterator[Any] | None:
    """The rows of what has columns of its own; None for all else."""
    if _has(source, "itertuples", "iloc", "columns"):
        return _pandas_rows(source, _checked(source.columns))
    if _has(source, "iter_rows", "columns"):
        rows: Iterator[Any] = source.iter_rows(named=True)
        return rows
    if not hasattr(getattr(source, "schema", None), "names"):
        return None
    if _has(source, "to_batches"):
        batches = source.to_batches()
    elif _has(source, "read_next_batch"):
        batches = source
    elif _has(source, "to_pylist", "slice"):
        batches = [source]
    else:
        return None
    _checked(source.schema.names)
    return _arrow_rows(batches)


def _pandas_rows(frame: Any, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    # Of some kinds of columns pandas copies all that it iterates over, so it is given a piece at a time.
    for start in range(0, len(frame), _AT_ONCE):
        for cells in frame.iloc[start : start + _AT_ONCE].itertuples(index=False, name=None):
            yield dict(zip(columns, cells, strict=True))


def _arrow_rows(batches: Iterable[Any]) -> Iterator[dict[str, Any]]:
    for batch in batches:
        for start in range(0, batch.num_rows, _AT_ONCE):
            yield from batch.slice(start, _AT_ONCE).to_pylist(maps_as_pydicts="strict")


def _checked(columns: Iterable[Any]) -> list[str]:
    """See that each column can be told by its name."""
    names = list(columns)
    unnamed = [name for name in names if not isinstance(name, str) or not name.strip()]
    if unnamed:
        raise UsageError(f"columns are named by text, one of the rows' is called {unnamed[0]!r:.60}")
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise UsageError(f"the rows have several columns called {', '.join(doubled)}: rename all but one")
    return names


async def _from_pieces(rows: Iterator[Any]) -> AsyncGenerator[Any]:
    while piece := await anyio.to_thread.run_sync(_piece, rows):
        for row in piece:
            yield row


def _piece(rows: Iterator[Any]) -> list[Any]:
    return list(islice(rows, _AT_ONCE))


async def _from_iterable(rows: Iterable[Any]) -> AsyncGenerator[Any]:
    iterator = iter(rows)
    named = _namer(rows)
    try:
        for row in iterator:
            yield row if isinstance(row, _READY) else named(row)
    finally:
        if isinstance(iterator, Generator):
            iterator.close()


async def _from_async(rows: AsyncIterable[Any]) -> AsyncGenerator[Any]:
    iterator = aiter(rows)
    named = _namer(rows)
    try:
        async for row in iterator:
            yield row if isinstance(row, _READY) else named(row)
    finally:
        close = getattr(iterator, "aclose", None)
        if close is not None:
            await close()


def _namer(source: Any) -> Callable[[Any], Any]:
    """Make what names the cells of a row; a cursor may know its columns only after the first one."""
    columns: list[str] = []

    def named(row: Any) -> Any:
        cells = _named(row)
        if cells is not None:
            return cells
        if isinstance(row, tuple | list):
            if not columns:
                columns.extend(_described(source))
            if columns:
                return dict(zip(columns, row, strict=True))
        return row

    return named


def _named(row: Any) -> dict[Any, Any] | None:
    """The cells of a row that knows their names."""
    if _has(row, "_mapping"):  # of SQLAlchemy
        cells = dict(row._mapping)  # noqa: SLF001  (its documented name)
    elif _has(row, "_asdict"):  # a named tuple
        cells = row._asdict()
    elif _has(row, "keys", "__getitem__"):  # of sqlite3 and asyncpg
        cells = dict(row)
    else:
        return None
    if len(cells) != len(row):
        doubled = ", ".join(map(str, cells))
        raise UsageError(
            f"several columns of a row have the same name (of {doubled:.200}): rename all but one"
        )
    return cells


def _described(source: Any) -> list[str]:
    """The names of a cursor's columns; none where the source is no cursor."""
    description = getattr(source, "description", None)
    if not isinstance(description, Sequence) or isinstance(description, str):
        return []
    return _checked(column[0] for column in description)
