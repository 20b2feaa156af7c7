"""Records as CSV, JSON, JSON lines or Parquet: formatted where they come up, written on a thread."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal, Protocol, TextIO, TypeAlias

import msgspec

__all__ = ["ENOUGH", "FileFormat", "RecordWriter", "cell", "format_of", "guarded", "plain", "record_writer"]

FileFormat: TypeAlias = Literal["csv", "json", "ndjson", "parquet"]

ENOUGH: Final = 64 * 1024
"""Characters that are worth a write."""

_SUFFIXES: Final[Mapping[str, FileFormat]] = {
    ".csv": "csv",
    ".txt": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".parquet": "parquet",
}
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def format_of(path: Path, otherwise: FileFormat = "csv") -> FileFormat:
    """Tell a file's format by its suffix."""
    return _SUFFIXES.get(path.suffix.lower(), otherwise)


def plain(value: object) -> object:
    """Write an instant as text in UTC; leave all else as it is."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value


def cell(value: object) -> str:
    """Write a value as a cell: truth as true or false, an object as JSON."""
    match plain(value):
        case None:
            return ""
        case bool() as flag:
            return "true" if flag else "false"
        case str() as text:
            return text
        case int() | float() as number:
            return str(number)
        case date() | time() as moment:
            return moment.isoformat()
        case other:
            return msgspec.json.encode(other).decode()


def guarded(text: str) -> str:
    """Put an apostrophe before a cell that a spreadsheet would run as a formula (OWASP: CSV injection)."""
    return f"'{text}" if text.startswith(_FORMULA) else text


class RecordWriter(Protocol):
    """Takes records one by one and writes them together."""

    @property
    def waiting(self) -> int:
        """How many characters wait for `flush()`."""

    def write(self, record: Mapping[str, Any]) -> None:
        """Format a record; nothing is written yet."""

    def flush(self) -> None:
        """Write what waits, on a thread."""

    def end(self) -> None:
        """Write what waits and what is due at the end, on a thread; the file stays open."""


def record_writer(
    form: FileFormat, file: TextIO, columns: Sequence[str], *, delimiter: str = ",", guard: bool = False
) -> RecordWriter:
    """Make what writes records in a format: CSV and Parquet under `columns`, JSON under their own names.

    In a CSV that is to `guard` no cell is a formula to a spreadsheet.

    Raises:
        UsageError: for Parquet, without pyarrow.
    """
    match form:
        case "csv":
            return _Csv(file, columns, delimiter, guard=guard)
        case "parquet":
            return _Parquet(file, columns)
        case "ndjson":
            return _JsonLines(file)
        case "json":
            return _Json(file)


class _Text:
    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._waiting = io.StringIO()

    @property
    def waiting(self) -> int:
        return self._waiting.tell()

    def flush(self) -> None:
        self._file.write(self._waiting.getvalue())
        self._file.flush()
        self._waiting.seek(0)
        self._waiting.truncate()

    def end(self) -> None:
        self.flush()


class _Csv(_Text):
    def __init__(self, file: TextIO, columns: Sequence[str], delimiter: str, *, guard: bool) -> None:
        super().__init__(file)
        self._columns = columns
        self._guard = guard
        writer = partial(csv.writer, self._waiting, delimiter=delimiter, lineterminator="\n")
        self._rows, self._quoted = writer(), writer(quoting=csv.QUOTE_ALL)
        self._row(columns)

    def write(self, record: Mapping[str, Any]) -> None:
        self._row([cell(record.get(column)) for column in self._columns])

    def _row(self, cells: Sequence[str]) -> None:
        if self._guard:
            cells = [guarded(text) for text in cells]
        # Before Python 3.13 the module sees no line end in a carriage return, and does not quote it.
        rows = self._quoted if any("\r" in text for text in cells) else self._rows
        rows.writerow(cells)


class _JsonLines(_Text):
    def write(self, record: Mapping[str, Any]) -> None:
        self._waiting.write(f"{_json(record)}\n")


class _Json(_Text):
    _separator = "["

    def write(self, record: Mapping[str, Any]) -> None:
        self._waiting.write(f"{self._separator}\n  {_json(record)}")
        self._separator = ","

    def end(self) -> None:
        self._waiting.write("[]\n" if self._separator == "[" else "\n]\n")
        super().end()


def _json(record: Mapping[str, Any]) -> str:
    return msgspec.json.encode({name: plain(value) for name, value in record.items()}).decode()


class _Parquet:
    def __init__(self, file: TextIO, columns: Sequence[str]) -> None:
        from qualtrics_async.bulk.parquet import ParquetWriter

        self._columns = columns
        self._parquet = ParquetWriter(file.buffer, columns)
        self._rows: list[list[str | None]] = []
        self.waiting = 0

    def write(self, record: Mapping[str, Any]) -> None:
        values = [record.get(column) for column in self._columns]
        row = [None if value is None else cell(value) for value in values]
        self._rows.append(row)
        self.waiting += sum(len(text) for text in row if text)

    def flush(self) -> None:
        for row in self._rows:
            self._parquet.row(row)
        self._rows.clear()
        self.waiting = 0

    def end(self) -> None:
        self.flush()
        self._parquet.close()
