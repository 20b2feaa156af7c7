"""The header rows of tables that come in several files."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from qualtrics_async.errors import DecodeError
from qualtrics_async.exports.columns import header_height

__all__ = ["Header", "without_mark"]

_LONGEST: Final = 64 * 1024**2
"""Bytes of header rows that are looked at: beyond them, this is no table with header rows."""

_ROWS: Final = 3
_MARK: Final = b"\xef\xbb\xbf"
_LINE_ENDS: Final = (b"\n", b"\r\n")


def without_mark(data: bytes) -> bytes:
    """Leave the byte order mark of UTF-8 away, which belongs at the beginning of a stream only."""
    return data.removeprefix(_MARK)


class _Rows:
    """Finds the first rows in data that only grows; line ends within quotes are text."""

    def __init__(self, delimiter: str) -> None:
        self._delimiter = delimiter
        self._starts = [0]
        self._from = 0
        self._quotes = 0

    def have_ended(self, data: bytes | bytearray) -> bool:
        """Whether there are as many as a header may have, reading on from where it was."""
        while len(self._starts) <= _ROWS:
            after = data.find(b"\n", self._from) + 1
            if not after:
                return False
            self._quotes += data.count(b'"', self._from, after)
            if self._quotes % 2 == 0:
                self._starts.append(after)
            self._from = after
        return True

    def header(self, data: bytes | bytearray) -> bytes:
        """The header rows, without a mark and the end of the last line; nothing without import ids.

        What counts as them is decided where tables are read, in `columns`.
        """
        ends = self._starts[1:]
        if len(ends) < _ROWS and self._from < len(data):
            ends.append(len(data))  # the last line of a member may have no end
        cells = [self._cells(bytes(data[begin:end])) for begin, end in pairwise([0, *ends])]
        height = header_height(cells)
        if height < 2:  # noqa: PLR2004  (a row of names alone may as well be data)
            return b""
        return without_mark(bytes(data[: ends[height - 1]])).rstrip(b"\r\n")

    def _cells(self, row: bytes) -> list[str]:
        try:
            return next(
                csv.reader([without_mark(row).decode(errors="replace")], delimiter=self._delimiter), []
            )
        except csv.Error:
            return ["a cell too long for an import id"]


class Header:
    """Leaves the header rows of later members away, where they equal those of the first with any bytes.

    They are known by their row of import ids (observed). A member that has other ones has other columns, and
    one that has none is all data.
    """

    def __init__(self, delimiter: str) -> None:
        self._delimiter = delimiter
        self._is_known = False
        self._first = b""

    def once(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Give the pieces of the next member, its header only if it is the first.

        Raises:
            DecodeError: when its header is another one.
        """
        return self._other(pieces) if self._is_known else self._learned(pieces)

    def _learned(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        begun, rows = bytearray(), _Rows(self._delimiter)
        for piece in pieces:
            if not self._is_known:
                begun += piece
                self._is_known = have_ended = rows.have_ended(begun)
                if have_ended:
                    self._first = rows.header(begun)
                if len(begun) > _LONGEST:
                    self._is_known = True
                if self._is_known:
                    begun.clear()
            yield piece
        if begun:
            self._first, self._is_known = rows.header(begun), True

    def _other(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        head, rows = bytearray(), _Rows(self._delimiter)
        is_short = True
        for piece in pieces:
            head += piece
            if rows.have_ended(head) or len(head) > _LONGEST:
                is_short = len(head) <= _LONGEST
                break
        rest = without_mark(bytes(head))
        if is_short and (header := rows.header(head)):
            if header != self._first:
                raise DecodeError(
                    "the files of the export have different columns: export ndjson, or save the .zip"
                )
            rest = rest[len(header) :]
            rest = next((rest[len(end) :] for end in _LINE_ENDS if rest.startswith(end)), rest)
        yield rest
        yield from pieces
