"""The cells of a table, read from the bytes of an export; for a thread.

The csv module reads them. What it cannot read, because one cell is longer than its limit for the whole
process or because a carriage return stands in a cell without quotes, is split here.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Generator, Iterator
from io import StringIO
from typing import Final, Self

from msgspec import Struct

from qualtrics_async.errors import DecodeError
from qualtrics_async.exports.archive import MemberStream
from qualtrics_async.exports.columns import ColumnMap, Names

__all__ = ["DELIMITERS", "LONGEST", "Cells", "Pass"]

DELIMITERS: Final = {"csv": ",", "tsv": "\t"}
"""What stands between cells, by format."""

LONGEST: Final = 64 * 1024**2
"""Characters of one row that are waited for: beyond it, a quote was never closed."""

_HEADER_ROWS: Final = 3
_ESCAPED: Final = re.compile("[\udc80-\udcff]")
"""Stand where bytes were no UTF-8, which has no such characters of its own."""


class Pass(Struct, frozen=True):
    """Some rows, and how many bytes of the export have been read for them and those before."""

    rows: list[list[str]]
    done: int


class Cells:
    """Reads a table from its beginning; `columns` is there once `open()` has read the header.

    `count` is how many rows have been read. Another reader may read on in the bytes for a while: it takes
    them with `hand_over()` and `read()`, raises `count`, and gives with `take_back()` what it could not read.
    """

    columns: ColumnMap

    def __init__(self, members: MemberStream, delimiter: str, names: Names) -> None:
        self._members = members
        self._lines = _Lines(members)
        self._delimiter = delimiter
        self._names = names
        self._records = self._read()
        self._rows: Iterator[list[str]] = iter(())
        self.count = 0
        self.has_rows = False
        self._is_open = False
        self._failure: DecodeError | None = None

    def open(self) -> None:
        """Read the header.

        Raises:
            DecodeError: when there is none, or it cannot be read.
        """
        first = [cells for _, cells in zip(range(_HEADER_ROWS), self._records, strict=False)]
        self.columns = ColumnMap.from_header(first, names=self._names)
        below = first[self.columns.header_rows :]
        self.has_rows = bool(below)
        self._rows = self._checked(below)
        self._is_open = True

    def take(self, most_rows: int, most_text: int) -> Pass | None:
        """Read rows, up to a number of them or of characters; None at the end.

        Raises:
            DecodeError: for a row that is none, by its number, after all before it have been taken.
        """
        rows: list[list[str]] = []
        enough = self._lines.count + most_text
        try:
            for cells in self._rows:
                rows.append(cells)
                if len(rows) >= most_rows or self._lines.count >= enough:
                    break
        except DecodeError as error:
            self._failure = error
        if self._failure is not None and not rows:
            raise self._failure
        return Pass(rows, self._lines.done) if rows else None

    def close(self) -> None:
        """Let go of the file."""
        self._members.close()

    @property
    def done(self) -> int:
        """Bytes of the export that have been read."""
        return self._lines.done

    @property
    def line_end(self) -> str:
        """What ends the lines of this file, as the first of them says."""
        return self._lines.end

    def hand_over(self) -> bytes:
        """The bytes that were read and are no rows yet."""
        return self._lines.hand_over()

    def read(self) -> bytes:
        """The next bytes; nothing at the end."""
        return self._lines.read()

    def take_back(self, unread: bytes) -> None:
        """Go on from these bytes."""
        self._lines.take_back(unread)

    def _checked(self, first: list[list[str]]) -> Generator[list[str]]:
        """The rows under the header, each with a cell for each column."""
        width = len(self.columns)
        for cells in first:
            yield from self._fitting(cells, width)
        for cells in self._records:
            if len(cells) == width:
                self.count += 1
                yield cells
            else:
                yield from self._fitting(cells, width)

    def _fitting(self, cells: list[str], width: int) -> Generator[list[str]]:
        """A row, or nothing for a blank line: where there is one column, that is an empty cell."""
        if not cells and width == 1:
            cells = [""]
        if not cells or (cells == ["\r"] and width > 1):
            return
        if len(cells) != width:
            raise self._broken(f"has {len(cells)} cells under a header of {width}")
        self.count += 1
        yield cells

    def _broken(self, problem: str) -> DecodeError:
        """Name the row; it is not shown, because it is somebody's answers."""
        which = f"row {self.count + 1}" if self._is_open else "the header"
        return DecodeError(f"{which} of the export {problem}: records() reads another format, ndjson")

    def _read(self) -> Generator[list[str]]:
        lines = self._lines
        reader = csv.reader(lines, delimiter=self._delimiter, strict=True)
        while True:
            lines.begin()
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error:
                cells = self._by_hand()
            if lines.is_odd:
                cells = self._looked_at(cells)
            yield cells

    def _by_hand(self) -> list[str]:
        """Split a row that the csv module has given up."""
        lines = self._lines
        text = lines.text()
        quotes = text.count('"')
        while quotes % 2 and (line := next(lines, None)) is not None:
            quotes += line.count('"')
        cells = _split(lines.text(), self._delimiter, lines.end)
        if cells is None:
            self._decoded()
            raise self._broken("has quotes that do not match")
        return cells

    def _decoded(self) -> str:
        """The text of the row, which was UTF-8."""
        text = self._lines.text()
        if _ESCAPED.search(text):
            raise self._broken("has bytes that are not UTF-8")
        return text

    def _looked_at(self, cells: list[str]) -> list[str]:
        """See what the csv module makes of bytes that are no UTF-8, and of a carriage return at the end."""
        text = self._decoded()
        if self._lines.end == "\n" and text.endswith("\r\n"):
            return _split(text, self._delimiter, "\n") or cells
        return cells


class _Lines:
    """The lines of an export for the csv module, each with its end; only a line feed ends one.

    `end` is the end of the first line: a carriage return that only some have belongs to their text.
    `done` counts bytes, those of header rows that were left out too, `count` characters; `is_odd` says that
    rows have to be looked at.
    """

    def __init__(self, members: MemberStream) -> None:
        self.done = 0
        self.count = 0
        self._has_begun = False
        self.is_odd = False
        self.end = ""
        self._members = members
        self._ready: Iterator[str] = iter(())
        self._rest: list[bytes] = []
        self._waiting = 0
        self._is_over = False
        self._given = b""
        self._taken: list[str] = []
        self._began = 0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = next(self._ready, None)
        while line is None:
            if self._is_over:
                raise StopIteration
            self._read()
            line = next(self._ready, None)
        self._taken.append(line)
        self.count += len(line)
        if self.count - self._began > LONGEST:
            raise _endless()
        return line

    def begin(self) -> None:
        """Begin a row."""
        self._taken.clear()
        self._began = self.count

    def text(self) -> str:
        """The row so far, as it stands in the file."""
        return "".join(self._taken)

    def hand_over(self) -> bytes:
        """What was read and is no row yet."""
        lines = "".join(self._ready).encode(errors="surrogateescape")
        unread = b"".join((lines, *self._rest))
        self._rest.clear()
        self._waiting = 0
        return unread

    def take_back(self, unread: bytes) -> None:
        """Go on from these bytes."""
        self._given = unread
        self._is_over = False

    def read(self) -> bytes:
        """The next bytes, without a byte order mark."""
        if self._given:
            given, self._given = self._given, b""
            return given
        piece = self._members.take()
        is_first = not self._has_begun
        self._has_begun = True
        self.done = self._members.done
        return piece.removeprefix(codecs.BOM_UTF8) if is_first else piece

    def _read(self) -> None:
        """Read on until there are whole lines, or no more bytes."""
        piece = self.read()
        self._is_over = not piece
        cut = piece.rfind(b"\n") + 1
        if cut or self._is_over:
            whole = b"".join((*self._rest, piece[:cut]))
            self._ready = iter(StringIO(self._decoded(whole), newline="\n"))
            self._rest.clear()
            self._waiting = 0
        self._rest.append(piece[cut:])
        self._waiting += len(piece) - cut
        if self._waiting > LONGEST:
            raise _endless()

    def _decoded(self, whole: bytes) -> str:
        try:
            text = whole.decode()
        except UnicodeDecodeError:
            text = whole.decode(errors="surrogateescape")
            self.is_odd = True
        if not self.end:
            self.end = "\r\n" if text.partition("\n")[0].endswith("\r") else "\n"
        if self.end == "\n" and "\r\n" in text:
            self.is_odd = True
        return text


def _endless() -> DecodeError:
    return DecodeError(f"a row of the export is longer than {LONGEST} characters: it is no table")


def _split(text: str, delimiter: str, end: str) -> list[str] | None:
    """The cells of one row; None when its quotes do not match."""
    text = text.removesuffix(end)
    cells = []
    at = 0
    while True:
        if text.startswith('"', at):
            close = at + 1
            while (close := text.find('"', close)) >= 0 and text.startswith('""', close):
                close += 2
            if close < 0:
                return None
            cells.append(text[at + 1 : close].replace('""', '"'))
            at = close + 1
            if text[at:] == "\r":
                return cells
            if at < len(text) and text[at] != delimiter:
                return None
        else:
            close = text.find(delimiter, at)
            cells.append(text[at:] if close < 0 else text[at:close])
            at = len(text) if close < 0 else close
        if at >= len(text):
            return cells
        at += 1
