"""The header rows of tables that come in several files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from qualtrics_async.errors import DecodeError

__all__ = ["Header", "without_mark"]

_LONGEST: Final = 64 * 1024**2
"""Bytes of header rows that are looked at: beyond them, this is no table with header rows."""

_ROWS: Final = 3
_MARK: Final = b"\xef\xbb\xbf"
_IMPORT_ID: Final = b"ImportId"


def without_mark(data: bytes) -> bytes:
    """Leave the byte order mark of UTF-8 away, which belongs at the beginning of a stream only."""
    return data.removeprefix(_MARK)


class _Rows:
    """Finds where the header rows end, reading on from where it was; line ends within quotes are text."""

    def __init__(self) -> None:
        self._starts = [0]
        self._from = 0
        self._quotes = 0

    def end(self, data: bytes | bytearray) -> int | None:
        """Where they have ended in data that only grows; None as long as they have not."""
        while len(self._starts) <= _ROWS:
            after = data.find(b"\n", self._from) + 1
            if not after:
                return None
            self._quotes += data.count(b'"', self._from, after)
            if self._quotes % 2 == 0:
                self._starts.append(after)
            self._from = after
        return self._starts[-1]

    def are_header(self, data: bytes | bytearray) -> bool:
        """Whether the last of the rows that have ended holds import ids."""
        start, end = self._starts[-2:]
        return data.startswith((b"{", b'"{'), start) and data.find(_IMPORT_ID, start, end) >= 0


class Header:
    """Leaves the header rows of later members away, where they equal those of the first with any bytes.

    They are known by the import ids in the third of them (observed). A member that has other ones has other
    columns, and one that has none is all data.
    """

    def __init__(self) -> None:
        self._is_known = False
        self._first = b""

    def once(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Give the pieces of the next member, its header only if it is the first.

        Raises:
            DecodeError: when its header is another one.
        """
        return self._other(pieces) if self._is_known else self._learned(pieces)

    def _learned(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        begun, rows = bytearray(), _Rows()
        for piece in pieces:
            if not self._is_known:
                begun += piece
                end = rows.end(begun)
                if end is not None and rows.are_header(begun):
                    self._first = without_mark(bytes(begun[:end]))
                if end is not None or len(begun) > _LONGEST:
                    self._is_known = True
                    begun.clear()
            yield piece
        self._is_known = self._is_known or bool(begun)

    def _other(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        head, rows, end = bytearray(), _Rows(), None
        for piece in pieces:
            head += piece
            end = rows.end(head)
            if end is not None or len(head) > _LONGEST:
                break
        rest = without_mark(bytes(head))
        if end is not None and rows.are_header(head):
            if not (self._first and rest.startswith(self._first)):
                raise DecodeError(
                    "the files of the export have different columns: export ndjson, or save the .zip"
                )
            rest = rest[len(self._first) :]
        yield rest
        yield from pieces
