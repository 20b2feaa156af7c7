"""Rows of responses: which response they name, what is embedded data, and which of two rows is refused."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from functools import partial
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from working import asynchronous

from qualtrics_async import Qualtrics
from qualtrics_async._core.store import Store
from qualtrics_async.bulk.response_columns import ResponseColumns
from qualtrics_async.bulk.response_rows import DOUBLED, ResponseReader, Seen, prepared_rows
from qualtrics_async.bulk.rows import BrokenRow, Prepared, RowProblem, SourceRow
from qualtrics_async.models.response_jobs import ResponseUpdate
from qualtrics_async.models.responses import Response

OFFLINE = Qualtrics(token="x", base_url="http://127.0.0.1:9/API/v3")
ID = "R_3fTgh5Xq0aBcD1e"


def update(row: object, id_column: str | None = None, *, clear_empty: bool = False) -> dict[str, Any]:
    """Read a row of an update that keeps the date."""
    reader = ResponseReader(id_column)
    return reader.update(reader.row(row), reset=False, clear_empty=clear_empty)


@pytest.mark.parametrize(
    "column", ["responseId", "ResponseId", "Response ID", "response_id", "_recordId", "RESPONSE-ID"]
)
def test_the_id_is_found_in_any_spelling(column: str) -> None:
    """As the API, an export's header rows and a spreadsheet call it; all other columns are data."""
    row = {"Color": "red", column: f" {ID} ", "Recorded": 3}
    assert update(row) == {
        "responseId": ID,
        "embeddedData": {"Color": "red", "Recorded": "3"},
        "resetRecordedDate": False,
    }


def test_a_column_of_ones_own_is_the_only_one() -> None:
    """With `response_id_column` any other column is embedded data, one called responseId too."""
    item = update({"Case": ID, "responseId": "other"}, "Case")
    assert (item["responseId"], item["embeddedData"]) == (ID, {"responseId": "other"})
    assert update(ResponseUpdate(response_id=ID, embedded_data={"a": "b"}), "Case")["responseId"] == ID


def test_updates_and_the_shape_of_the_wire() -> None:
    """A `ResponseUpdate` and what the API takes are read alike, empty text among them; flags count."""
    made = ResponseUpdate(response_id=ID, embedded_data={"a": "b", "c": ""}, reset_recorded_date=True)
    wire: Mapping[str, Any] = msgspec.to_builtins(made)
    expected = {"responseId": ID, "embeddedData": {"a": "b", "c": ""}, "resetRecordedDate": True}
    assert update(made) == update(wire) == expected
    row = {"responseId": ID, "a": "b", "reset recorded date": "Yes"}
    assert update(row)["resetRecordedDate"] is True
    assert update(row | {"reset recorded date": " "})["resetRecordedDate"] is False


def test_cells_that_say_nothing() -> None:
    """None, NaN and empty text are absent; empty text clears where that is asked for."""
    row = {"responseId": ID, "a": "", "b": None, "c": float("nan"), "d": "x"}
    assert update(row)["embeddedData"] == {"d": "x"}
    assert update(row, clear_empty=True)["embeddedData"] == {"a": "", "d": "x"}


def test_of_two_columns_for_the_id_one_may_be_empty() -> None:
    """Files of several origins have both; it is a fault only where both say something."""
    for empty in ("", None):
        row = {"responseId": empty, "Response ID": ID, "a": "b"}
        assert (update(row)["responseId"], update(row)["embeddedData"]) == (ID, {"a": "b"})
    with pytest.raises(RowProblem) as caught:
        update({"responseId": "", "Response ID": None, "a": "b"})
    assert caught.value.reason == "no response id"


def test_notes_of_a_failures_file_are_no_data() -> None:
    """What an earlier run left can be given again."""
    row = {"responseId": ID, "a": "b", "_outcome": "failed", "_reason": "x", "_error": "y", "_text": "z"}
    assert update(row | {"_line": "2", "_mailing_list_id": ""})["embeddedData"] == {"a": "b"}


WRONG: list[tuple[object, str]] = [
    ({"Color": "red"}, "no response id"),
    ({"responseId": None, "a": "b"}, "no response id"),
    ({"responseId": "  ", "a": "b"}, "no response id"),
    ({"responseId": "Response ID", "a": "b"}, "no response id"),
    ({"responseId": '{"ImportId":"_recordId"}', "a": "b"}, "no response id"),
    ({"responseId": "../R_1", "a": "b"}, "no response id"),
    ({"responseId": "..", "a": "b"}, "no response id"),
    ({"responseId": "R_é", "a": "b"}, "no response id"),
    ({"responseId": ID, "Response Id": ID, "a": "b"}, "bad row"),
    ({"responseId": ID}, "no embedded data"),
    ({"responseId": ID, "a": [1]}, "bad value"),
    ({"responseId": ID, "embeddedData": "a=b"}, "bad value"),
    ({"responseId": ID, "a": "b", "resetRecordedDate": "perhaps"}, "bad value"),
    ({"responseId": ID, 7: "b"}, "bad row"),
    (17, "bad row"),
    ({"responseId": ID, "values": {"QID1": 1}, "a": "b"}, "bad row"),
    (Response(response_id=ID, values={"QID1": 1}), "bad row"),
    ({"responseId": ID, "a": "x" * 5_001}, "too long"),
]


@pytest.mark.parametrize(("row", "reason"), WRONG, ids=lambda given: str(given)[:60])
def test_rows_that_cannot_be_sent(row: object, reason: str) -> None:
    """Each is refused with a reason, the header rows of an export among them."""
    with pytest.raises(RowProblem) as caught:
        update(row)
    assert caught.value.reason == reason


@pytest.mark.parametrize("decrement", [True, False])
def test_a_deletion_reads_the_id_alone(decrement: bool) -> None:
    """An id, or a row that has one; its other cells may hold anything."""
    reader = ResponseReader()
    expected = {"responseId": ID} | ({"decrementQuotas": True} if decrement else {})
    for row in (ID, {"ResponseId": ID, "x": object()}, ResponseUpdate(response_id=ID, embedded_data={})):
        assert reader.delete(reader.row(row), decrement_quotas=decrement) == expected


async def prepared(rows: list[Any]) -> list[Prepared]:
    """Prepare rows of deletions."""

    async def source() -> AsyncGenerator[Any]:
        for row in rows:
            yield row

    reader, columns = ResponseReader(), ResponseColumns(OFFLINE, "SV_1", id_only=True)
    read = partial(reader.delete, decrement_quotas=False)
    async with aclosing(await Store.open(None, Seen.SCHEMA, 1)) as store:
        ready = prepared_rows(source(), reader, read, Seen(store), columns)
        async with aclosing(ready):
            return [row async for row in ready]


@given(st.lists(st.integers(0, 400), max_size=700))
def test_the_first_row_of_a_response_counts(numbers: list[int]) -> None:
    """Whatever comes between: every later row of the same response is refused, no other one, in order."""

    @asynchronous
    async def run() -> None:
        rows = await prepared([f"R_{number}" for number in numbers])
        seen: set[int] = set()
        assert [row.index for row in rows] == list(range(len(numbers)))
        for number, row in zip(numbers, rows, strict=True):
            assert (row.problem is not None and row.problem.reason == DOUBLED) == (number in seen)
            seen.add(number)

    run()


@asynchronous
async def test_a_refused_row_takes_no_ones_place() -> None:
    """Lines keep their numbers, and a row that cannot be sent is not the first of its response."""
    rows = await prepared(
        [
            SourceRow(2, {"responseId": "R 1"}),
            SourceRow(3, {"responseId": "R_1"}),
            BrokenRow(4, "R_1,", "bad"),
            SourceRow(5, {"ResponseId": "R_1"}),
        ]
    )
    assert [row.line for row in rows] == [2, 3, 4, 5]
    reasons = [row.problem and row.problem.reason for row in rows]
    assert reasons == ["no response id", None, "broken line", DOUBLED]


@asynchronous
async def test_large_rows_do_not_wait_for_many() -> None:
    """Rows of a hundred kilobytes are handed on after a few, not after hundreds."""
    taken = 0

    async def source() -> AsyncGenerator[Any]:
        nonlocal taken
        for number in range(100):
            taken += 1
            yield {"responseId": f"R_{number}", "a": "x" * 100_000}

    columns = ResponseColumns(OFFLINE, "SV_1", wanted=["a"])
    reader = ResponseReader(None, columns)
    read = partial(reader.update, reset=True, clear_empty=False)
    async with aclosing(await Store.open(None, Seen.SCHEMA, 1)) as store:
        ready = prepared_rows(source(), reader, read, Seen(store), columns)
        async with aclosing(ready):
            await anext(ready)
            assert taken <= 3
