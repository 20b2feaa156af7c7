"""Files of contacts as streams of rows, read off the event loop and never whole.

```python
async with aclosing(read_contacts("contacts.csv")) as rows:
    async for row in rows: ...
```

`aclosing` (of contextlib) closes the file at once also when the iteration is abandoned; the bulk helpers do
it by themselves. A line that is no row is a `BrokenRow` and the next one is read on. What a reader returns
has an `identity`: the size of the file, and the hash of its content as it is read.
"""

from __future__ import annotations

import codecs
import csv
import threading
from collections import deque
from collections.abc import AsyncGenerator, Generator, Iterable, Iterator
from io import BufferedReader, TextIOWrapper
from itertools import count, islice
from os import PathLike
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import anyio.to_thread
import msgspec

from qualtrics_async.bulk.identity import FileRows, HashedFile, Identity, Layout, Row
from qualtrics_async.bulk.rows import _OBJECTS, BrokenRow, SourceRow, wire_name
from qualtrics_async.errors import UsageError

__all__ = ["read_contacts", "read_csv", "read_ndjson"]

DELIMITERS: Final = ",;\t|"
BATCH_ROWS: Final = 1_000
BATCH_SIZE: Final = 256 * 1024
LONGEST_RECORD: Final = 1024 * 1024
LONGEST_OBJECT: Final = 8 * 1024 * 1024
EXCERPT: Final = 1_000

_BUFFER = 64 * 1024
_SAMPLE = 8 * 1024
_LINE_ENDS = ("\n", "\r")
_TABULAR = {".csv": None, ".txt": None, ".tsv": "\t"}
_JSON_LINES = frozenset({".ndjson", ".jsonl"})
_PARQUET = ".parquet"
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

_UTF8 = "utf-8-sig"
"""UTF-8, with a byte order mark or without one."""

_NO_TEXT = frozenset({"idna", "punycode", "undefined"})

_UNDECODABLE = "\udcff"
"""Stands where bytes could not be decoded: a lone surrogate, which no text that was decoded has."""

_MARKING = "qualtrics_async.mark"


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return _UNDECODABLE, error.end


codecs.register_error(_MARKING, _mark)

_QUOTES = "quotes that do not match"


def read_contacts(
    path: str | PathLike[str], *, encoding: str = _UTF8, delimiter: str | None = None
) -> FileRows:
    """Read a file by its suffix: `read_csv` for .csv, .txt and .tsv, `read_ndjson` for .ndjson and .jsonl.

    A .parquet file is read with `read_parquet`.

    Raises:
        UsageError: for another suffix, and for a delimiter of a file that has none.
    """
    suffix = Path(path).suffix.lower()
    if suffix in _TABULAR:
        return read_csv(path, encoding=encoding, delimiter=delimiter or _TABULAR[suffix])
    if suffix not in _JSON_LINES and suffix != _PARQUET:
        known = ", ".join([*_TABULAR, *sorted(_JSON_LINES), _PARQUET])
        raise UsageError(f"{Path(path).name}: the suffix says what a file is; known are {known}")
    if delimiter is not None:
        raise UsageError(f"{Path(path).name}: a {suffix} file has no delimiter")
    if suffix == _PARQUET:
        from qualtrics_async.bulk.parquet import read_parquet

        return read_parquet(path)
    return read_ndjson(path)


def read_csv(path: str | PathLike[str], *, encoding: str = _UTF8, delimiter: str | None = None) -> FileRows:
    """Read the rows of a CSV file, cells by the names of the first line.

    Without `delimiter` it is sniffed among comma, semicolon, tab and bar. A record is broken when its number
    of cells is not the header's, when its quotes do not match, and when it holds a NUL or bytes that are not
    of the encoding. Of a quote that is never closed only the line is lost, not what it seems to swallow.
    Blank lines are skipped. A cell of embedded or transaction data is a JSON object.

    Raises:
        UsageError: for an unknown encoding or delimiter at once; for a header that cannot be read or has
            empty or doubled names, before the first row; for a file that is not in the encoding at all.
        OSError: when the file cannot be opened, before the first row.
    """
    if encoding.lower() in _NO_TEXT:
        raise UsageError(f"{encoding} is no encoding of files; try utf-8, utf-16 or cp1252")
    try:
        b" ".decode(encoding, "replace")
    except (LookupError, ValueError):
        raise UsageError(f"{encoding!r:.40} is no encoding; try utf-8, utf-16 or cp1252") from None
    if codecs.lookup(encoding) == codecs.lookup("utf-8"):
        encoding = _UTF8
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n\0'):
        raise UsageError(f"a delimiter is one character, neither a quote nor a line end: {delimiter!r:.40}")
    file, layout = Path(path), Layout("csv", encoding=encoding)
    identity = Identity(file)
    return FileRows(_read(_csv_rows(file, identity, layout, delimiter)), identity, layout)


def read_ndjson(path: str | PathLike[str]) -> FileRows:
    """Read a file of JSON objects, one a line; blank lines are skipped.

    Raises:
        OSError: when the file cannot be opened, before the first row.
    """
    identity = Identity(Path(path))
    return FileRows(_read(_json_rows(Path(path), identity)), identity, Layout("ndjson"))


async def _read(rows: Generator[tuple[int, Row]]) -> AsyncGenerator[Row]:
    source = _Source(rows)
    try:
        while batch := await anyio.to_thread.run_sync(source.take):
            for row in batch:
                yield row
    finally:
        source.close()


class _Source:
    """Rows that another thread reads; closing waits for nothing, not even for a pipe that says nothing."""

    def __init__(self, rows: Generator[tuple[int, Row]]) -> None:
        self._rows = rows
        self._busy = threading.Lock()
        self._closed = False

    def take(self) -> list[Row]:
        """Read a batch; the last one is empty."""
        try:
            with self._busy:
                return _batch(self._rows)
        finally:
            if self._closed:
                self.close()

    def close(self) -> None:
        """Close the file: now, or when the batch that a cancelled task has left behind is read."""
        self._closed = True
        if self._busy.acquire(blocking=False):
            try:
                self._rows.close()
            finally:
                self._busy.release()


def _batch(rows: Iterator[tuple[int, Row]]) -> list[Row]:
    batch: list[Row] = []
    room = BATCH_SIZE
    for size, row in islice(rows, BATCH_ROWS):
        batch.append(row)
        room -= size
        if room <= 0:
            break
    return batch


def _csv_rows(
    path: Path, identity: Identity, layout: Layout, delimiter: str | None
) -> Generator[tuple[int, Row]]:
    encoding = layout.encoding
    try:
        with BufferedReader(HashedFile(path, identity), _BUFFER) as file:
            yield from _decoded_rows(file, path.name, layout, delimiter)
    except UnicodeError as error:
        raise UsageError(f"{path.name}: it is not in the encoding {encoding}: {error}") from error


def _decoded_rows(
    file: BufferedReader[Any], name: str, layout: Layout, delimiter: str | None
) -> Generator[tuple[int, Row]]:
    sample = file.peek(_SAMPLE)[:_SAMPLE]
    layout.delimiter = delimiter or _sniff(sample.decode(layout.encoding, "replace"))
    with TextIOWrapper(file, layout.encoding, _MARKING, newline="") as text:
        if layout.encoding == _UTF8 and not sample.startswith(codecs.BOM_UTF8):
            layout.encoding = "utf-8"
        records = _records(_Lines(text), layout.delimiter)
        for first in records:
            header = _header(first, name, sample)
            layout.columns = tuple(header)
            objects = _objects(header)
            for record in records:
                yield len(record.text), _row(record, header, objects)


def _objects(columns: Iterable[str]) -> list[str]:
    """The columns whose cells are objects."""
    return [column for column in columns if wire_name(column) in _OBJECTS]


def _row(record: _Record, header: list[str], objects: list[str]) -> Row:
    problem = record.problem
    if not problem and len(record.cells) != len(header):
        problem = f"a row of {len(record.cells)} cells under a header of {len(header)}"
    if not problem:
        cells: dict[str, Any] = dict(zip(header, record.cells, strict=True))
        for column in objects:
            cells[column] = _object(cells[column])
        return SourceRow(record.line, cells)
    text = record.text.rstrip("\r\n").replace(_UNDECODABLE, "\ufffd")
    return BrokenRow(record.line, text if len(text) < LONGEST_RECORD else text[:EXCERPT], problem)


def _object(text: str) -> object:
    """Read the cell of a column that holds objects; what is none stays text, and is refused later."""
    if not text.strip():
        return None
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return text


def _sniff(sample: str) -> str:
    """Choose among the delimiters that the header has; the csv module decides between several."""
    header = next((line for line in sample.splitlines() if line.strip()), "")
    found = [delimiter for delimiter in DELIMITERS if delimiter in header]
    if len(found) < 2:  # noqa: PLR2004  (nothing to choose)
        return found[0] if found else DELIMITERS[0]
    try:
        return csv.Sniffer().sniff(sample, "".join(found)).delimiter
    except csv.Error:
        return max(found, key=header.count)


def _header(record: _Record, name: str, sample: bytes) -> list[str]:
    if record.problem:
        hint = "; the file looks like UTF-16" if sample.startswith(_UTF16_MARKS) else ""
        raise UsageError(f"{name}: its header cannot be read: {record.problem}{hint}")
    names = [cell.strip() for cell in record.cells]
    if "" in names:
        raise UsageError(f"{name}: column {names.index('') + 1} of its header has no name")
    doubled = sorted({column for column in names if names.count(column) > 1})
    if doubled:
        raise UsageError(f"{name}: its header has several columns called {', '.join(doubled)}")
    return names


class _Record(NamedTuple):
    line: int
    text: str
    cells: list[str]
    problem: str


def _records(lines: _Lines, delimiter: str) -> Iterator[_Record]:
    """Split lines into records; of one that cannot be split only its first line is given up."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    shadow = 0
    while True:
        lines.begin()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            shadow = max(shadow, lines.number)
            first = lines.give_back()
            problem = "a line that is too long" if len(first) >= LONGEST_RECORD else _QUOTES
            yield _Record(lines.number, first, [], problem)
            continue
        text = lines.text()
        if len(cells) < 2 and not text.strip():  # noqa: PLR2004  (a blank line)
            continue
        problem = ""
        if _UNDECODABLE in text:
            problem = "bytes that are not of the encoding"
        elif "\0" in text:
            problem = "a NUL"
        elif lines.first <= shadow and text.count('"') % 2:
            # It may be the rest of a broken record: such a line must not pass for a row.
            problem = _QUOTES
        yield _Record(lines.first, text, cells, problem)


class _Lines:
    """The numbered lines of a file for the csv module; those of a record can be given back."""

    def __init__(self, file: TextIOWrapper) -> None:
        self._file = file
        self._returned: deque[str] = deque()
        self._taken: list[str] = []
        self._size = 0
        self.number = 0
        self.first = 1

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = self._returned.popleft() if self._returned else self._read()
        if not line:
            raise StopIteration
        self.number += 1
        self._taken.append(line)
        self._size += len(line)
        if self._size >= LONGEST_RECORD:
            raise csv.Error("a record that is too long")
        return line

    def _read(self) -> str:
        line = rest = self._file.readline(LONGEST_RECORD)
        while len(rest) == LONGEST_RECORD and not rest.endswith(_LINE_ENDS):
            rest = self._file.readline(LONGEST_RECORD)
        return line

    def begin(self) -> None:
        """Begin a record."""
        self._taken.clear()
        self._size = 0
        self.first = self.number + 1

    def text(self) -> str:
        """The record so far, as it stands in the file."""
        return self._taken[0] if len(self._taken) == 1 else "".join(self._taken)

    def give_back(self) -> str:
        """Return the first line of the record; the others will be read again."""
        first, *others = self._taken
        self._returned.extendleft(reversed(others))
        self.number = self.first
        return first


def _json_rows(path: Path, identity: Identity) -> Generator[tuple[int, Row]]:
    decoder = msgspec.json.Decoder(dict[str, Any])
    with BufferedReader(HashedFile(path, identity), _BUFFER) as file:
        for number in count(1):
            line = rest = file.readline(LONGEST_OBJECT)
            if not line:
                return
            while len(rest) == LONGEST_OBJECT and not rest.endswith(b"\n"):
                rest = file.readline(LONGEST_OBJECT)
            if number == 1:
                line = line.removeprefix(codecs.BOM_UTF8)
            if line.strip():
                yield len(line), _json_row(decoder, number, line)


def _json_row(decoder: msgspec.json.Decoder[dict[str, Any]], number: int, line: bytes) -> Row:
    if len(line) >= LONGEST_OBJECT:
        return BrokenRow(number, line[:EXCERPT].decode(errors="replace"), "a line that is too long")
    try:
        return SourceRow(number, decoder.decode(line))
    except msgspec.DecodeError as error:
        problem = f"no JSON object: {error}"
    except UnicodeDecodeError:
        problem = "bytes that are not UTF-8"
    except RecursionError:
        problem = "JSON that is nested too deep"
    return BrokenRow(number, line.rstrip(b"\r\n").decode(errors="replace"), problem)
