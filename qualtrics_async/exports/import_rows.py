"""Rows as the file that an import reads: written to disk as they come, in memory that does not grow.

The header must name every column, and a row may bring a new one at any time. So the rows go into one
temporary file as they come, and once all columns are known into a second one: below the header, and filled up
to its width. Neither has a name, and both are gone when they are closed.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import struct
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from collections.abc import (
    Set as AbstractSet,
)
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from itertools import chain
from tempfile import TemporaryFile
from typing import Any, BinaryIO, Final, Literal, TypeAlias

import anyio.to_thread

from qualtrics_async._core.tasks import to_its_end
from qualtrics_async.bulk.rows import BrokenRow, RowProblem, SourceRow, read_cell
from qualtrics_async.bulk.sources import as_rows
from qualtrics_async.errors import UsageError
from qualtrics_async.models.responses import Response

__all__ = ["DELIMITERS", "ImportHeader", "RowFile", "written"]

ImportHeader: TypeAlias = Literal["tags", "import_ids"]
"""What the keys of rows are: export tags (`Q1`, `StartDate`), or ImportIds (`QID1`, `startDate`)."""

_AT_ONCE: Final = 500
"""Rows that are written at a time, or as many as have so many cells: each batch is a hop to a thread."""
_CELLS: Final = 5_000

DELIMITERS: Final = {"csv": ",", "tsv": "\t"}
_LINE_END: Final = "\r\n"
_OPEN_END: Final = "\udcff"
"""Ends a row that may still be filled up: a lone surrogate, which no text that can be sent has..."""
_OPEN_BYTE: Final = b"\xff"
"""...and which leaves as a byte that is nowhere in UTF-8."""
_BATCH: Final = struct.Struct("<IQ")

_QUESTION: Final = re.compile(r"(?:\d+_)?QID\d+(?:\D|$)")
_ISO_UTC: Final = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?Z")
_DATE_IDS: Final = frozenset({"startDate", "endDate", "recordedDate"})
_DATES: Final = _DATE_IDS | {"StartDate", "EndDate", "RecordedDate"}
_BOOLEANS: Final = frozenset({"bool", "bool_"})
"""The names of Python's type and of NumPy's, which is no subclass of it."""

_CHOICE: Final = re.compile(r"QID\d+.*|.+_\d+", re.DOTALL)
"""Columns of single choices, of which tables made of an export say truth: they hold 1 or nothing."""

_FINISHED: Final = frozenset({"finished", "Finished"})
_ONE: Final = (str, int, float, type(None))
_SEVERAL: Final = (list, tuple, set, frozenset)
_RECORD: Final = frozenset({"responseId", "values"})


class RowFile:
    """The rows of an import on disk; all its methods but the constructor are for a thread.

    `count` is how many rows there are. `content`, `size` in bytes and `digest` (SHA-256) are known when it
    is ended.
    """

    def __init__(self, form: str, header: ImportHeader | None) -> None:
        self.count = 0
        self.size = 0
        self.digest = ""
        self._delimiter = DELIMITERS[form]
        self._header = header
        self._records = False
        self._columns: dict[str, None] = {}
        self._plain: AbstractSet[str] = frozenset()
        self._files: list[BinaryIO] = []

    @property
    def content(self) -> BinaryIO:
        """The file that is sent."""
        return self._files[-1]

    def add(self, rows: Sequence[object]) -> None:
        """Write some rows.

        Raises:
            UsageError: for what is no row, or cannot be written, with its index.
        """
        if not self._files:
            self._files.append(_temporary())
        read = [self._read(self.count + number, row) for number, row in enumerate(rows)]
        known = self._columns.keys()
        for index, cells in enumerate(read, self.count):
            if cells.keys() <= known:
                continue
            if not all(map(_is_sound, cells.keys() - known)):
                raise UsageError(f"row {index} has a column whose name is not valid Unicode")
            self._columns.update(dict.fromkeys(cells))
            self._plain = known - _DATES
        body = self._body(read)
        self._files[0].write(_BATCH.pack(len(self._columns), len(body)) + body)
        self.count += len(rows)

    def end(self) -> None:
        """Write the header and, below it, all rows as wide as it is."""
        self._files.append(_temporary())
        hashed = hashlib.sha256()
        for piece in chain([self._head()], self._filled()):
            hashed.update(piece)
            self.size += self.content.write(piece)
        self._files.pop(0).close()
        self.content.seek(0)
        self.digest = hashed.hexdigest()

    def close(self) -> None:
        """Remove what was written."""
        while self._files:
            self._files.pop().close()

    def _read(self, index: int, row: object) -> dict[str, str]:
        """The cells of a row by column."""
        where = f"row {index}"
        if isinstance(row, BrokenRow):
            raise UsageError(f"{where} (line {row.line}) is no row: {row.problem}")
        if isinstance(row, SourceRow):
            where += f" (line {row.line})"
            row = row.cells
        if isinstance(row, Response):
            row, self._records = row.values, True
        elif isinstance(row, Mapping) and row.keys() >= _RECORD and isinstance(row["values"], Mapping):
            row, self._records = row["values"], True  # as NDJSON has it
        if not isinstance(row, Mapping):
            raise UsageError(f"{where}: a row is a mapping or a Response, got {type(row).__name__}")
        cells: dict[str, str] = {}
        plain = self._plain
        for key, value in row.items():
            if key in plain and key not in cells and type(value) is str:
                cells[key] = value  # most cells, so they have a short way
                continue
            if not isinstance(key, str) or not key.strip():
                raise UsageError(f"{where}: a column is named by text that is not blank, got {key!r:.40}")
            try:
                _write(cells, key, value)
            except ValueError as problem:
                raise UsageError(f"{where}: {problem}") from None
        if not any(cells.values()):
            raise UsageError(f"{where} has no value: leave it out, a file cannot tell it from a blank line")
        return cells

    def _body(self, rows: Sequence[Mapping[str, str]]) -> bytes:
        columns = list(self._columns)
        text = io.StringIO(newline="")
        # Both characters of the line end make a cell that has one of them a quoted one.
        table = csv.writer(text, delimiter=self._delimiter, lineterminator=_OPEN_END + _LINE_END)
        table.writerows([cells.get(column, "") for column in columns] for cells in rows)
        body = text.getvalue()
        try:
            body.replace(_OPEN_END, "").encode()
            sound = body.count(_OPEN_END) == len(rows)
        except UnicodeEncodeError:
            sound = False
        if not sound:
            raise self._unsound(rows)
        return body.encode("utf-8", "surrogateescape")

    def _unsound(self, rows: Sequence[Mapping[str, str]]) -> UsageError:
        for index, cells in enumerate(rows, self.count):
            for column, cell in cells.items():
                if not _is_sound(cell):
                    return UsageError(f"row {index}: {column!a:.60} holds text that is not valid Unicode")
        raise AssertionError("a text that was not valid Unicode is")

    def _head(self) -> bytes:
        by_id = self._header == "import_ids" or (
            self._header is None and (self._records or any(map(_QUESTION.match, self._columns)))
        )
        columns = list(self._columns)
        text = io.StringIO(newline="")
        # Quoted: a byte order mark that begins the first name would be taken for that of the file.
        table = csv.writer(text, delimiter=self._delimiter, lineterminator=_LINE_END, quoting=csv.QUOTE_ALL)
        table.writerow(columns)
        if by_id:
            table.writerow(columns)
            table.writerow(map(_source, columns))
        return text.getvalue().encode()

    def _filled(self) -> Iterator[bytes]:
        spooled, all_columns = self._files[0], len(self._columns)
        spooled.seek(0)
        while head := spooled.read(_BATCH.size):
            columns, size = _BATCH.unpack(head)
            yield spooled.read(size).replace(_OPEN_BYTE, self._delimiter.encode() * (all_columns - columns))


def _temporary() -> BinaryIO:
    return TemporaryFile(prefix="qualtrics-")


def _is_sound(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _source(column: str) -> str:
    """A cell of the third header row, as exports have it (observed)."""
    zone = {"timeZone": "Z"} if column in _DATE_IDS else {}
    return json.dumps({"ImportId": column} | zone, separators=(",", ":"))


def _write(cells: dict[str, str], column: str, value: object) -> None:
    """Write a value under its column, a list under a column for each of its items.

    Raises:
        ValueError: for a value that no cell can hold.
    """
    if isinstance(value, _ONE):
        _put(cells, column, _text(column, value))
        return
    if hasattr(value, "tolist") and hasattr(value, "__len__"):
        value = value.tolist()  # an array
    if not isinstance(value, _SEVERAL):
        _put(cells, column, _text(column, value))
        return
    for item in value:
        choice = read_cell(item, column, clear_empty=False)
        if choice is not None:
            _put(cells, f"{column}_{choice}", "1")


def _put(cells: dict[str, str], column: str, text: str) -> None:
    if cells.setdefault(column, text) != text:
        raise RowProblem("bad row", f"{column!r:.60} has two values")


def _text(column: str, value: object) -> str:
    """Write a value as a cell: None, NaN and the like are empty.

    Raises:
        ValueError: for a value that no cell can hold.
    """
    if type(value) is int:
        return str(value)
    if column in _DATES:
        return _moment(column, value)
    if type(value).__name__ in _BOOLEANS:
        if column in _FINISHED:
            return "1" if value else "0"
        if _CHOICE.fullmatch(column):
            return "1" if value else ""
    if isinstance(value, Mapping):
        return _object(column, value)
    return read_cell(value, column, clear_empty=False) or ""


def _moment(column: str, value: object) -> str:
    """Write an instant as tables have it: `2026-05-02 08:00:00`, in UTC (observed in exports)."""
    if isinstance(value, str):
        found = _ISO_UTC.fullmatch(value)
        return value if found is None else f"{found[1]} {found[2]}"
    if isinstance(value, datetime) and value == value:  # noqa: PLR0124  (a NaT is not equal to itself)
        if value.tzinfo is None:
            raise RowProblem("bad value", f"{column} holds a datetime without a time zone: give it one")
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    return read_cell(value, column, clear_empty=False) or ""


def _object(column: str, value: Mapping[Any, Any]) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise RowProblem("bad value", f"{column!r:.60} holds an object that is no JSON") from None


@asynccontextmanager
async def written(
    rows: Iterable[Any] | AsyncIterable[Any],
    form: str,
    header: ImportHeader | None,
    tell: Callable[[int], object],
) -> AsyncGenerator[RowFile]:
    """Write all rows to a file that is gone at the end; `tell` is told how many there are by now.

    Raises:
        UsageError: for rows that cannot be written, with their index.
    """
    file = RowFile(form, header)
    try:
        async with aclosing(_batches(rows)) as batches:
            async for batch in batches:
                await to_its_end(anyio.to_thread.run_sync(file.add, batch))
                tell(file.count)
        if file.count:
            await to_its_end(anyio.to_thread.run_sync(file.end))
        yield file
    finally:
        await to_its_end(anyio.to_thread.run_sync(file.close))


async def _batches(rows: Iterable[Any] | AsyncIterable[Any]) -> AsyncGenerator[list[Any]]:
    batch: list[Any] = []
    room = _CELLS
    async with aclosing(as_rows(rows)) as source:
        async for row in source:
            batch.append(row)
            room -= len(row) if type(row) is dict else _width(row)
            if len(batch) >= _AT_ONCE or room <= 0:
                yield batch
                batch, room = [], _CELLS
    if batch:
        yield batch


def _width(row: object) -> int:
    cells = row.values if isinstance(row, Response) else row.cells if isinstance(row, SourceRow) else row
    return len(cells) if isinstance(cells, Mapping) else 1
