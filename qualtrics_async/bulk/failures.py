"""The failures of an import as a file: its rows as the input has them, to be corrected and imported again."""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from functools import partial
from pathlib import Path
from sqlite3 import Connection
from typing import Any, Final, NamedTuple, TextIO

import anyio.to_thread
import msgspec

from qualtrics_async._core.replacing import replacing_off_loop
from qualtrics_async._core.store import Store
from qualtrics_async._core.tasks import to_its_end
from qualtrics_async.bulk.identity import FileRows, Layout
from qualtrics_async.bulk.outcome import Failed, InDoubt, Ok, Outcome
from qualtrics_async.bulk.readers import read_contacts
from qualtrics_async.bulk.response_rows import ResponseRow
from qualtrics_async.bulk.rows import (
    IN_DOUBT,
    NO_LINK,
    NOTES,
    UNREADABLE,
    BrokenRow,
    ImportRow,
    RowProblem,
    read_cell,
    wire_name,
)
from qualtrics_async.bulk.writers import ENOUGH, FileFormat, RecordWriter, cell, format_of, record_writer
from qualtrics_async.errors import UsageError

__all__ = ["FailuresFile", "failures_file", "kind_of", "row_record"]

_EMBEDDED: Final = "embeddedData"
_AT_ONCE: Final = 250
_RESPONSE_NOTES: Final = NOTES[:-1]
"""Notes on a response, which belongs to no mailing list."""

_COLUMNAR: Final = frozenset({"csv", "parquet"})

_SCHEMA: Final = """
CREATE TABLE failures (position INTEGER PRIMARY KEY, line INTEGER, notes BLOB NOT NULL, record BLOB NOT NULL);
CREATE INDEX lines ON failures (line, position)
"""


class _Source(NamedTuple):
    """The file that the rows come from, and what it was when the job began."""

    path: Path
    encoding: str
    delimiter: str | None
    seen: tuple[int, ...]

    def open(self) -> FileRows:
        """Read it from its beginning."""
        return read_contacts(self.path, encoding=self.encoding, delimiter=self.delimiter)

    async def layout(self) -> Layout:
        """How it is written, which its header tells."""
        async with aclosing(self.open()) as rows:
            async for _ in rows:
                break
            return rows.layout

    async def is_the_same(self) -> bool:
        """Whether it is still there, can be read twice and was not written to."""
        try:
            return bool(self.seen) and self.seen == await anyio.to_thread.run_sync(_seen, self.path)
        except OSError:
            return False


def _seen(path: Path) -> tuple[int, ...]:
    found = path.stat()
    return (found.st_ino, found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else ()


@asynccontextmanager
async def failures_file(
    path: str | os.PathLike[str],
    *,
    source: str | os.PathLike[str] | None = None,
    encoding: str = "utf-8-sig",
    delimiter: str | None = None,
) -> AsyncGenerator[FailuresFile]:
    """Open a file for the rows of a job that do not succeed; it is there, whole, when the body ends well.

    ```python
    rows = bulk.read_contacts("contacts.csv")
    async with (
        bulk.failures_file("failed.csv", source="contacts.csv") as failed,
        bulk.import_contacts(client, "POOL_1", rows, mailing_list="CG_1") as outcomes,
    ):
        async for outcome in outcomes:
            await failed.add(outcome)
    ```

    The suffix is its format: CSV, JSON lines, JSON (which no reader reads) or Parquet; without a known one it
    is that of the source. The failed rows stand in it as in the source, in its order, columns, delimiter and
    encoding, and after them `_outcome`, `_reason`, `_error`, `_line` and, unless they are of responses,
    `_mailing_list_id`, which an import ignores. A line that is no row is in a column `_text`, ignored as
    well: its cells go into the others.

    Without `source`, when it was written to meanwhile, or when it can be read only once, rows have the fields
    by the names that they are sent by. Memory does not depend on the number of failures. The file is for its
    owner alone; when nothing failed, it has no rows.

    Args:
        path: the file; one of that name is replaced.
        source: the file that the rows are read from by `read_contacts()`, unchanged and in its order.
        encoding: that of the source, if it is a CSV.
        delimiter: that of the source, if it is a CSV; found by looking if none is given.

    Raises:
        UsageError: at once when there can be no such file, or pyarrow is missing; at the end when the rows
            are not those of `source`.
        OSError: when the source is not there, or the file cannot be written.
    """
    target, found = Path(path), None
    form: FileFormat = "csv"
    if source is not None:
        file = Path(source)
        form = format_of(file)
        read_contacts(file, encoding=encoding, delimiter=delimiter)  # which refuses what it cannot read
        seen = await anyio.to_thread.run_sync(partial(_apart, file, target))
        found = _Source(file, encoding, delimiter, seen)
    form = format_of(target, form)
    if form == "parquet":
        from qualtrics_async.bulk.parquet import require

        require()
    async with AsyncExitStack() as stack:
        output = await stack.enter_async_context(replacing_off_loop(target))
        store = await Store.open(None, _SCHEMA, 1)
        await stack.enter_async_context(aclosing(store))
        failed = FailuresFile(store, found, target, form)
        yield failed
        await failed._write(output)  # noqa: SLF001  (the two are one)


def _apart(source: Path, target: Path) -> tuple[int, ...]:
    seen = _seen(source)
    if seen and target.exists() and target.samefile(source):
        raise UsageError(f"{target}: it cannot be the input and the failures at once")
    return seen


class FailuresFile:
    """Takes the outcomes of an import, and keeps on disk those that did not succeed."""

    def __init__(self, store: Store, source: _Source | None, path: Path, form: FileFormat) -> None:
        self._store = store
        self._source = source
        self._path = path
        self._form = form
        self._waiting: list[tuple[int, int | None, bytes, bytes]] = []
        self._columns: dict[str, None] = {}
        self._from_a_file = True
        self._broken = False
        self._notes: Sequence[str] = NOTES

    async def add(self, outcome: Outcome[ImportRow, Any] | Outcome[ResponseRow, Any]) -> None:
        """Take an outcome, in any order; what succeeded is not kept, and of two of a row the last one is."""
        if isinstance(outcome.item, ResponseRow):
            self._notes = _RESPONSE_NOTES
        if isinstance(outcome, Ok):
            return
        row, record = outcome.item, _flat(_columns(outcome.item))
        self._columns.update(dict.fromkeys(record))
        self._from_a_file &= row.line is not None
        self._broken |= UNREADABLE in record
        notes = msgspec.json.encode(_notes(outcome))
        self._waiting.append((row.index, row.line, notes, msgspec.json.encode(record)))
        if len(self._waiting) >= _AT_ONCE:
            await self._keep()

    async def _keep(self) -> None:
        rows, self._waiting = self._waiting, []
        await self._store.run(partial(_insert, rows))

    async def _write(self, file: TextIO) -> None:
        await self._keep()
        source = self._source
        if source is None or not self._from_a_file or not await source.is_the_same():
            await self._save(file, self._columns, self._records())
            return
        layout = await source.layout()
        if layout.form == self._form == "parquet":
            await self._copy(file, source)
            return
        flat = layout.form == "ndjson" and self._form in _COLUMNAR
        columns = dict.fromkeys(layout.columns)
        if flat:
            async with aclosing(self._rows(source, flat=True)) as records:
                async for record in records:
                    columns.update(dict.fromkeys(record))
        elif self._broken:
            columns[UNREADABLE] = None
        delimiter = ","
        if layout.form == self._form == "csv":
            delimiter = layout.delimiter
            await anyio.to_thread.run_sync(_recode, file, layout.encoding)
        await self._save(file, columns, self._rows(source, flat=flat), delimiter)

    async def _save(
        self,
        file: TextIO,
        columns: Iterable[str],
        records: AsyncGenerator[dict[str, Any]],
        delimiter: str = ",",
    ) -> None:
        if self._path.suffix.lower() == ".tsv":
            delimiter = "\t"
        header = [*(column for column in columns if column not in NOTES), *self._notes]
        make = partial(record_writer, self._form, file, header, delimiter=delimiter)
        writer: RecordWriter = await anyio.to_thread.run_sync(make)
        async with aclosing(records):
            async for record in records:
                writer.write(_texts(record) if self._form in _COLUMNAR else record)
                if writer.waiting >= ENOUGH:
                    await anyio.to_thread.run_sync(writer.flush)
        await anyio.to_thread.run_sync(writer.end)

    async def _records(self) -> AsyncGenerator[dict[str, Any]]:
        """The rows by the names that they are sent by, in the order of the input."""
        after = -1
        while page := await self._store.run(partial(_page, after)):
            for position, record, notes in page:
                after = position
                yield msgspec.json.decode(record) | msgspec.json.decode(notes)

    async def _rows(self, source: _Source, *, flat: bool) -> AsyncGenerator[dict[str, Any]]:
        """The rows as they stand in the source."""
        notes = _Notes(self._store, source.path)
        wanted = await notes.line()
        if wanted is None:
            return
        async with aclosing(source.open()) as rows:
            async for row in rows:
                if row.line < wanted:
                    continue
                given = {UNREADABLE: row.text} if isinstance(row, BrokenRow) else row.cells
                cells = {column: value for column, value in given.items() if column not in NOTES}
                for _, texts in await notes.take(row.line, row.line):
                    yield (_flat(cells) if flat else cells) | texts
                wanted = await notes.line()
                if wanted is None:
                    return
        raise notes.strange(wanted)

    async def _copy(self, file: TextIO, source: _Source) -> None:
        """Copy the rows of a Parquet file, with the types of its columns."""
        from qualtrics_async.bulk.parquet import ParquetCopy

        notes = _Notes(self._store, source.path)
        copy = await anyio.to_thread.run_sync(ParquetCopy, source.path, file.buffer, self._notes)
        try:
            before = 0
            while (wanted := await notes.line()) is not None:
                count = await anyio.to_thread.run_sync(copy.advance)
                if not count:
                    raise notes.strange(wanted)
                if taken := await notes.take(before + 1, before + count):
                    places = [line - before - 1 for line, _ in taken]
                    values = [[_text(texts[name], name) for name in self._notes] for _, texts in taken]
                    await anyio.to_thread.run_sync(copy.take, places, values)
                before += count
            await anyio.to_thread.run_sync(copy.end)
        finally:
            await to_its_end(anyio.to_thread.run_sync(copy.close))


class _Notes:
    """The notes of the rows that failed, by the lines of the source that they are on."""

    def __init__(self, store: Store, path: Path) -> None:
        self._store = store
        self._path = path
        self._page: deque[tuple[int, int, bytes]] = deque()
        self._after = (-1, -1)

    async def line(self) -> int | None:
        """The next line that failed; None when there is none."""
        if not self._page:
            self._page.extend(await self._store.run(partial(_notes_page, self._after)))
        return self._page[0][0] if self._page else None

    async def take(self, first: int, last: int) -> list[tuple[int, dict[str, Any]]]:
        """Take the notes of these lines, each with its line.

        Raises:
            UsageError: when there are some of earlier lines, which the source does not have.
        """
        taken: list[tuple[int, dict[str, Any]]] = []
        while (line := await self.line()) is not None and line <= last:
            if line < first:
                raise self.strange(line)
            _, position, notes = self._page.popleft()
            self._after = (line, position)
            taken.append((line, msgspec.json.decode(notes)))
        return taken

    def strange(self, line: int) -> UsageError:
        """Say that the source is not where the rows came from."""
        return UsageError(f"{self._path}: no row begins on its line {line}; it is not what was imported")


def _insert(rows: list[tuple[int, int | None, bytes, bytes]], connection: Connection) -> None:
    connection.executemany("INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?)", rows)


def _page(after: int, connection: Connection) -> list[tuple[int, bytes, bytes]]:
    return connection.execute(
        "SELECT position, record, notes FROM failures WHERE position > ? ORDER BY position LIMIT ?",
        (after, _AT_ONCE),
    ).fetchall()


def _notes_page(after: tuple[int, int], connection: Connection) -> list[tuple[int, int, bytes]]:
    return connection.execute(
        "SELECT line, position, notes FROM failures "
        "WHERE (line, position) > (?, ?) ORDER BY line, position LIMIT ?",
        (*after, _AT_ONCE),
    ).fetchall()


def _recode(file: Any, encoding: str) -> None:
    """Let a file that nothing was written to be in another encoding; an error's words may not fit into it."""
    file.reconfigure(encoding=encoding, errors="replace")


def _texts(record: Mapping[str, Any]) -> dict[str, str | None]:
    return {column: _text(value, column) for column, value in record.items()}


def _text(value: object, column: str) -> str | None:
    """Write a value as an import would, so that it is the same one when it is read again."""
    try:
        return read_cell(value, column, clear_empty=True)
    except RowProblem:
        return cell(value)


def kind_of(outcome: Failed[Any] | InDoubt[Any]) -> str:
    """Name the kind of an outcome; what an import has to refuse as it stands is not just a failure."""
    if isinstance(outcome, InDoubt):
        return IN_DOUBT
    return NO_LINK if outcome.imported else "failed"


def row_record(outcome: Failed[ImportRow] | InDoubt[ImportRow]) -> dict[str, Any]:
    """Make a record of a row: its own columns, which an import takes, and the notes, which it ignores."""
    return _flat(outcome.item.contact) | _notes(outcome)


def _columns(item: ImportRow | ResponseRow) -> dict[str, Any]:
    return item.contact if isinstance(item, ImportRow) else item.cells


def _notes(
    outcome: Failed[ImportRow] | InDoubt[ImportRow] | Failed[ResponseRow] | InDoubt[ResponseRow],
) -> dict[str, Any]:
    row = outcome.item
    notes = (kind_of(outcome), outcome.reason, str(outcome.error), row.line)
    if isinstance(row, ResponseRow):
        return dict(zip(_RESPONSE_NOTES, notes, strict=True))
    return dict(zip(NOTES, (*notes, row.mailing_list_id), strict=True))


def _flat(contact: Mapping[str, Any]) -> dict[str, Any]:
    """Give the keys of the embedded data columns of their own, unless a column would mean something else."""
    record: dict[str, Any] = {}
    for column, value in contact.items():
        if column in NOTES:
            continue
        if wire_name(column) != _EMBEDDED or not isinstance(value, Mapping):
            record[column] = value
            continue
        ambiguous: dict[str, Any] = {}
        for key, item in value.items():
            clear = key and key == key.strip() and wire_name(key) is None
            taken = key in NOTES or key in contact or key in record
            (record if clear and not taken else ambiguous)[key] = item
        if ambiguous:
            record[column] = ambiguous
    return record
