"""Types of columns: as narrow as the survey says, as wide as the cells need; nothing of any cell is lost."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any, get_args

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qualtrics_async.exports.columns import Column
from qualtrics_async.exports.kinds import Kind, fits, read_cell
from qualtrics_async.exports.typed_columns import TypedColumn

if TYPE_CHECKING:
    from collections.abc import Sequence

ODD = (
    *("", "0", "1", "2", "-1", "-99", "007", "-0", "+5", " 5", "5 ", "1e5", "1E400", "0x1f", "1_000", "٣"),
    *("9" * 18, "9" * 19, str(2**63 - 1), str(2**63), str(2**53 + 1), "-" + "9" * 5_000, "0." + "3" * 5_000),
    *("0.5", "1.50", ".5", "5.", "-0.0", "0.1", "3,5", "1.234,5", "NaN", "nan", "inf", "-inf", "null", "NA"),
    *("True", "true", "FALSE", "yes", "1,2", "1,-99,3", "01,2", "1,,2", "1;2", ",", "a\0b", "\ufeff1"),
    *("2026-05-01 08:00:00", "1969-12-31 23:59:59", "0001-01-01 00:00:00", "9999-12-31 23:59:59"),
    *("0000-00-00 00:00:00", "2026-02-30 08:00:00", "2026-05-01 24:00:00", "2026-05-01 23:59:60"),
    *("2026-05-01", "2026-05-01T08:00:00Z", "2026-05-01 08:00:00.123456", "2026-05-01 08:00:00.1234567"),
    *("2026-03-29 02:30:00", "2026-10-25 02:30:00", "2026-05-01 08:00:00+02:00", "26-05-01 08:00:00"),
)
ZONES = (None, "Z", "UTC", "+02:00", "+05:30", "Europe/Berlin", "America/Denver", "Nowhere/Nothing")
KINDS: tuple[Kind, ...] = get_args(Kind)

CELLS = st.lists(st.sampled_from(ODD) | st.sampled_from(["", "0", "1"]) | st.integers().map(str), max_size=6)


def built(
    kind: Kind, *batches: Sequence[str], zone: str | None = None, comma: bool = False
) -> tuple[TypedColumn, list[Any]]:
    """The column and its values, after both passes."""
    column = TypedColumn(Column(name="c", time_zone=zone), kind, decimal_comma=comma)
    arrays = [pa.array([cell or None for cell in batch], pa.string()) for batch in batches]
    for array in arrays:
        column.settle(array)
    found: list[Any] = []
    for array in arrays:
        made = column.convert(array)
        assert made.type == column.field().type
        found += made.to_pylist()
    return column, found


@given(st.sampled_from(KINDS), st.lists(CELLS, max_size=3), st.sampled_from(ZONES), st.booleans())
def test_no_cell_is_lost(kind: Kind, batches: list[list[str]], zone: str | None, comma: bool) -> None:
    """Whatever kind was expected, each cell is read as the kind that came of it says, and as nothing else."""
    column, found = built(kind, *batches, zone=zone, comma=comma)
    cells = [cell for batch in batches for cell in batch]
    assert found == [read_cell(column.kind, cell, time_zone=zone, decimal_comma=comma) for cell in cells]
    if column.kind == "text":
        assert found == [cell or None for cell in cells]


@given(st.sampled_from(KINDS), CELLS, st.sampled_from(ZONES))
def test_types_are_as_narrow_as_they_may_be(kind: Kind, cells: list[str], zone: str | None) -> None:
    """A column whose cells all fit is what the survey says that it is."""
    skipped = ("02:30:00", " 24:")  # moments that clocks leave out or show twice are not what `fits` is about
    if not any(part in cell for cell in cells for part in skipped):
        column, _ = built(kind, cells, zone=zone)
        whole = all(fits(kind, cell, time_zone=zone) for cell in cells)
        assert (column.kind == kind) == whole


@given(CELLS, CELLS, st.sampled_from(["flag", "integer", "number"]))
def test_batches_do_not_matter(first: list[str], second: list[str], kind: Kind) -> None:
    """What a column becomes depends on its cells, except that an earlier batch may make it wider still."""
    parts, _ = built(kind, first, second)
    whole, _ = built(kind, first + second)
    order: tuple[Kind, ...] = ("flag", "integer", "number", "text")
    assert order.index(parts.kind) >= order.index(whole.kind)
    if parts.kind != whole.kind:
        assert parts.kind == "text"


@pytest.mark.parametrize(
    ("kind", "cells", "expected"),
    [
        ("integer", ["1", "", "-99"], [1, None, -99]),
        ("integer", ["1", "007"], ["1", "007"]),
        ("integer", ["1", "2.5"], [1.0, 2.5]),
        ("integer", [str(2**53 + 1), "2.5"], [str(2**53 + 1), "2.5"]),
        ("flag", ["1", "", "0"], [True, None, False]),
        ("flag", ["True", "False"], [True, False]),
        ("flag", ["1", "4"], [1, 4]),
        ("flag", ["True", "4"], ["True", "4"]),
        ("number", ["48.137", "-0.5"], [48.137, -0.5]),
        ("number", ["1.5", "NaN"], ["1.5", "NaN"]),
        ("number", ["0.1234567890123456789"], ["0.1234567890123456789"]),
        ("choices", ["1,3", "", "-99"], [[1, 3], None, [-99]]),
        ("choices", ["1,Other"], ["1,Other"]),
        ("datetime", ["1969-12-31 23:59:59"], [datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)]),
        ("datetime", ["2026-05-01 24:00:00"], ["2026-05-01 24:00:00"]),
        ("datetime", ["2026-05-01 08:00:00", "soon"], ["2026-05-01 08:00:00", "soon"]),
        ("text", ["1", "2"], ["1", "2"]),
    ],
)
def test_what_cells_become(kind: Kind, cells: list[str], expected: list[Any]) -> None:
    """The rules one by one."""
    assert built(kind, cells)[1] == expected
    if len(cells) > 1:
        assert built(kind, cells[:-1], cells[-1:])[1] == expected


def test_dates_in_a_zone() -> None:
    """Dates are shown as they came; the hour that comes twice is the first, the one left out makes text."""
    berlin = "Europe/Berlin"
    texts = ["2026-07-01 08:00:00", "2026-10-25 02:30:00", "2026-12-01 08:00:00"]
    column, found = built("datetime", texts, zone=berlin)
    assert column.field().type == pa.timestamp("us", berlin)
    assert [moment.strftime("%Y-%m-%d %H:%M:%S") for moment in found] == texts
    assert [moment.astimezone(UTC).hour for moment in found] == [6, 0, 7]
    assert str(found[0].tzinfo) == berlin
    assert built("datetime", ["2026-03-29 02:30:00"], zone=berlin)[1] == ["2026-03-29 02:30:00"]


def test_offsets_are_kept_in_utc() -> None:
    """A zone that is an offset, which not every library knows, is told by the metadata."""
    column, found = built("datetime", ["2026-07-01 08:00:00"], zone="+05:30")
    assert column.field().type == pa.timestamp("us", "UTC")
    assert found == [datetime(2026, 7, 1, 2, 30, tzinfo=UTC)]
    assert column.field().metadata[b"time_zone"] == b"+05:30"


def test_decimal_commas() -> None:
    """Amounts with commas are numbers; codes with commas are no amounts."""
    assert built("number", ["3,5", "1", ""], comma=True)[1] == [3.5, 1.0, None]
    assert built("number", ["1.234,5"], comma=True)[1] == ["1.234,5"]
    assert built("integer", ["1,3", "1"], comma=True)[1] == ["1,3", "1"]
    assert built("choices", ["1,3"], comma=True)[1] == [[1, 3]]


def test_many_cells_of_an_unusual_form() -> None:
    """Cells that are read one by one are all there, in order."""
    texts = [f"2026-05-01 08:{minute // 60 % 60:02}:{minute % 60:02}.5" for minute in range(25_000)]
    _, found = built("datetime", texts)
    assert len(found) == 25_000
    assert [moment.strftime("%M:%S") for moment in found] == [text[14:19] for text in texts]
    assert sum(later < earlier for earlier, later in pairwise(found)) == 6


def test_columns_without_cells_keep_their_type() -> None:
    """A column is typed by the survey alone where no cell says anything."""
    types = {kind: built(kind, ["", ""])[0].field().type for kind in KINDS}
    assert types == {
        "datetime": pa.timestamp("us", "UTC"),
        "integer": pa.int64(),
        "number": pa.float64(),
        "flag": pa.bool_(),
        "choices": pa.list_(pa.int64()),
        "text": pa.string(),
    }


def test_what_the_header_says_is_kept() -> None:
    """Tag, text, import id and the whole third row are the metadata of a field."""
    column = Column(name="Q1_2", tag="Q1", text="Which?\n- Shop", import_id="QID1", extra={"choiceId": "2"})
    field = TypedColumn(column, "flag").field()
    assert (field.name, field.type) == ("Q1_2", pa.bool_())
    assert field.metadata == {
        b"tag": b"Q1",
        b"text": b"Which?\n- Shop",
        b"import_id": b"QID1",
        b"source": b'{"ImportId":"QID1","choiceId":"2"}',
    }
