"""Cells as Arrow arrays, of the narrowest type that loses nothing of any cell; for a thread.

One thing is lost: in autumn, both hours that a zone's clocks show alike become the first of them.
"""

from __future__ import annotations

from datetime import UTC, timezone, tzinfo
from typing import TYPE_CHECKING, Any, Final

from qualtrics_async.exports.columns import Column
from qualtrics_async.exports.kinds import Kind, cell_reader, time_zone_of, widen

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["TypedColumn"]

_EXACT: Final = 2**53
"""Whole numbers up to here are exact as floats."""

_STEP: Final = 10_000
"""Cells that are read one by one without a pause: pyarrow holds the interpreter meanwhile."""

_FEW_DIGITS: Final = r"^-?(?:0|[1-9][0-9]{0,8})(?:\.[0-9]{1,6})?$"
"""Numbers that a float holds for certain; others are looked at one by one."""

_PLAIN_MOMENT: Final = (
    "^[12][0-9]{3}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01]) (?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]$"
)
_CODES: Final = "^(?:0|-?[1-9][0-9]{0,17})(?:,(?:0|-?[1-9][0-9]{0,17}))*$"


class TypedColumn:
    """A column and its type: `settle()` widens it for cells that do not fit, `convert()` makes arrays of it.

    A type is only as wide as it must be, and never so that a cell is lost: what does not fit is text.
    """

    def __init__(self, column: Column, kind: Kind, *, decimal_comma: bool = False) -> None:
        self.kind: Kind = kind
        self._column = column
        self._decimal_comma = decimal_comma
        self._zone = time_zone_of(column.time_zone)
        self._fits_wider = True
        self._begin(kind)

    def settle(self, cells: Any) -> None:
        """Look at some more cells, an array of text."""
        while self.kind != "text" and self._read(cells) is None:
            self._begin(self._wider())

    def convert(self, cells: Any) -> Any:
        """Make an array of cells that have been looked at."""
        if self.kind in ("text", "integer"):
            return cells if self.kind == "text" else cells.cast(self._type)
        return self._read(cells)

    def field(self) -> pa.Field:
        """The name and the type, with what the header rows say as its metadata."""
        import pyarrow as pa

        column = self._column
        said = {
            "tag": column.tag,
            "text": column.text,
            "import_id": column.import_id,
            "time_zone": column.time_zone,
            "source": column.source(),
        }
        return pa.field(
            column.name, self._type, metadata={key: value for key, value in said.items() if value}
        )

    def _begin(self, kind: Kind) -> None:
        self.kind = kind
        self._type = self._type_of(kind)
        self._cell = cell_reader(kind, time_zone=self._column.time_zone, decimal_comma=self._decimal_comma)

    def _wider(self) -> Kind:
        """The kind to try next; text if something that was read so far would not fit it."""
        if not self._fits_wider or (self.kind == "integer" and self._decimal_comma):
            return "text"  # with decimal commas, several codes would look like a number
        return widen(self.kind)

    def _type_of(self, kind: Kind) -> Any:
        import pyarrow as pa

        match kind:
            case "datetime":
                # Not every library knows offsets as names of zones.
                return pa.timestamp("us", self._column.time_zone if _has_name(self._zone) else "UTC")
            case "integer":
                return pa.int64()
            case "number":
                return pa.float64()
            case "flag":
                return pa.bool_()
            case "choices":
                return pa.list_(pa.int64())
            case _:
                return pa.string()

    def _read(self, cells: Any) -> Any:
        """Make an array; None when a cell does not fit."""
        import pyarrow as pa

        if cells.null_count == len(cells):
            return pa.nulls(len(cells), self._type)
        try:
            return self._at_once(cells)
        except _Unsure:
            pass
        except pa.ArrowInvalid:
            if self.kind == "integer":
                return None
        return self._one_by_one(cells)

    def _at_once(self, cells: Any) -> Any:
        """Make an array of cells that are all of a form that Arrow reads without loss."""
        import pyarrow as pa
        import pyarrow.compute as pc

        match self.kind:
            case "integer":
                whole = cells.cast(pa.int64())
                if not pc.all(pc.equal(whole.cast(pa.string()), cells)).as_py():
                    return None  # 007, -0
                ends = pc.min_max(whole).as_py()
                self._fits_wider &= ends["min"] >= -_EXACT and ends["max"] <= _EXACT
                return whole
            case "number" if not self._decimal_comma:
                return _alike(cells, _FEW_DIGITS).cast(pa.float64())
            case "flag":
                return pc.equal(_alike(cells, "^[01]$"), "1")
            case "choices":
                return pc.split_pattern(_alike(cells, _CODES), ",").cast(self._type)
            case "datetime" if self._zone is UTC:
                return _alike(cells, _PLAIN_MOMENT).cast(pa.timestamp("us")).view(self._type)
        raise _Unsure

    def _one_by_one(self, cells: Any) -> Any:
        import pyarrow as pa

        read = []
        try:
            for at in range(0, len(cells), _STEP):
                some = cells.slice(at, _STEP).to_pylist()
                values = [None if cell is None else self._cell(cell) for cell in some]
                read.append(pa.array(values, self._type))
        except (ValueError, OverflowError):
            return None
        if self.kind == "flag":
            self._fits_wider = False  # words among them
        return pa.concat_arrays(read)


class _Unsure(Exception):
    """The cells are not all of the usual form."""


def _alike(cells: Any, pattern: str) -> Any:
    import pyarrow.compute as pc

    if not pc.all(pc.match_substring_regex(cells, pattern)).as_py():
        raise _Unsure
    return cells


def _has_name(zone: tzinfo | None) -> bool:
    return zone is not None and not isinstance(zone, timezone)
