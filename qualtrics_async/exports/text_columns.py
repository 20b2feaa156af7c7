"""The cells of a table as Arrow arrays of text, column by column; for a thread.

Arrow's reader is several times as fast as the csv module, but it takes for a row what the other refuses, and
carriage returns for ends of rows. So it gets only what both read alike, and the csv module all the rest.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct

from qualtrics_async.exports.archive import MemberStream
from qualtrics_async.exports.cells import LONGEST, Cells
from qualtrics_async.exports.columns import ColumnMap, Names

__all__ = ["Arrays", "TextColumns", "read_alike"]

_ROWS: Final = 20_000
_TEXT: Final = 4 * 1024**2
"""Characters that are made arrays of at a time: some ten milliseconds of a thread's."""

_STEP: Final = 256 * 1024
"""Characters that are looked at in one go: a millisecond or two."""

_MISPLACED: Final = {
    ",": re.compile(rb'"(?:[^,\r\n"]|(?<=[^,\n"]"))'),
    "\t": re.compile(rb'"(?:[^\t\r\n"]|(?<=[^\t\n"]"))'),
}
"""Quotes in the middle of a cell, where whole quoted stretches are a single one."""


class Arrays(Struct, frozen=True):
    """Some rows as one array of text for each column, null where a cell is empty; bytes read until there."""

    columns: list[Any]
    done: int


class TextColumns:
    """Reads a table from its beginning; `columns` is there once `open()` has read the header."""

    columns: ColumnMap

    def __init__(self, members: MemberStream, delimiter: str, names: Names) -> None:
        self._members = members
        self._delimiter = delimiter
        self._cells = Cells(members, delimiter, names)
        self._piece = b""
        self._is_over = False
        self._by_cells = False
        self._options: dict[str, Any] = {}

    def open(self) -> None:
        """Read the header.

        Raises:
            DecodeError: when there is none, or it cannot be read.
        """
        import pyarrow as pa
        from pyarrow import csv

        self._cells.open()
        self.columns = self._cells.columns
        # A blank line is a row where there is one column only.
        self._by_cells = len(self.columns) == 1 or self._cells.has_rows
        if self._by_cells:
            return
        self._piece = self._cells.hand_over()
        called = [str(index) for index in range(len(self.columns))]
        self._options = {
            "parse_options": csv.ParseOptions(delimiter=self._delimiter, newlines_in_values=True),
            "convert_options": csv.ConvertOptions(
                column_types=dict.fromkeys(called, pa.string()),
                strings_can_be_null=True,
                null_values=[""],
                quoted_strings_can_be_null=True,
            ),
        }

    def take(self) -> Arrays | None:
        """Read some rows; None at the end.

        Raises:
            DecodeError: for a row that is none, by its number.
        """
        while not self._by_cells:
            piece = self._whole_rows()
            if not piece:
                return None
            read = self._at_once(piece) if self._is_clear(piece) else None
            if read is None:
                self._cells.take_back(piece + self._piece)
                self._by_cells = True
            elif read.num_rows:
                self._cells.count += read.num_rows
                return Arrays(read.columns, self._cells.done)
        taken = self._cells.take(_ROWS, _TEXT)
        return None if taken is None else Arrays(_arrays(taken.rows), taken.done)

    def close(self) -> None:
        """Let go of the file."""
        self._cells.close()

    def _whole_rows(self) -> bytes:
        """The next bytes up to where a row has ended, if quotes tell that rightly; all at the end."""
        wanted, cut = _TEXT, 0
        while not cut:
            self._read_on(wanted)
            if len(self._piece) <= wanted and self._is_over:
                cut = len(self._piece)
                break
            cut = len(self._piece) if wanted > LONGEST else _end_of_row(self._piece[:wanted])
            wanted *= 2
        piece, self._piece = self._piece[:cut], self._piece[cut:]
        return piece

    def _read_on(self, wanted: int) -> None:
        """Read until there are so many bytes, or no more."""
        more = [self._piece]
        missing = wanted - len(self._piece)
        while missing > 0 and not self._is_over:
            read = self._cells.read()
            self._is_over = not read
            more.append(read)
            missing -= len(read)
        self._piece = b"".join(more)

    def _is_clear(self, piece: bytes) -> bool:
        """Whether Arrow may read these rows; in steps, because each holds the interpreter."""
        at = 0
        while at < len(piece):
            step = piece[at : at + _STEP]
            step = step[: _end_of_row(step)] or piece[at:]
            if not read_alike(step, self._delimiter, self._cells.line_end):
                return False
            at += len(step)
        return True

    def _at_once(self, piece: bytes) -> Any:
        """A record batch of whole rows; None when they are not what was promised."""
        import pyarrow as pa
        from pyarrow import csv

        read = csv.ReadOptions(
            column_names=[str(index) for index in range(len(self.columns))],
            block_size=len(piece) + 2 * len(BOM_UTF8),
            use_threads=False,
        )
        if piece.startswith(BOM_UTF8):
            piece = BOM_UTF8 + piece  # the first is taken for a mark wherever the piece is from
        try:
            table = csv.read_csv(pa.BufferReader(piece), read_options=read, **self._options)
        except pa.ArrowInvalid:
            return None
        batches = table.combine_chunks().to_batches()
        return batches[0] if batches else None


def read_alike(piece: bytes, delimiter: str, line_end: str) -> bool:
    """Whether Arrow and the csv module find the same cells in whole rows.

    They do where quotes stand only around cells, or doubled in quoted ones, and carriage returns only in
    quoted cells, or before every line feed. Bytes that are not UTF-8 are refused by both.
    """
    bare = piece
    if b'"' in piece:
        parts = piece.split(b'"')
        bare = b'"'.join(parts[::2])
        if len(parts) % 2 == 0 or _MISPLACED[delimiter].search(bare):
            return False
    returns = bare.count(b"\r")
    return not returns if line_end == "\n" else returns == bare.count(b"\r\n")


def _end_of_row(piece: bytes) -> int:
    """Where the last whole row ends; line feeds within quotes end none. 0 where there is none."""
    quotes = piece.count(b'"')
    end = len(piece)
    while cut := piece.rfind(b"\n", 0, end) + 1:
        quotes -= piece.count(b'"', cut, end)
        if quotes % 2 == 0:
            return cut
        end = piece.rfind(b'"', 0, cut) + 1
    return 0


def _arrays(rows: Sequence[Sequence[str]]) -> list[Any]:
    import pyarrow as pa
    import pyarrow.compute as pc

    arrays = (pa.array(cells, pa.string()) for cells in zip(*rows, strict=True))
    return [pc.if_else(pc.equal(array, ""), None, array) for array in arrays]
