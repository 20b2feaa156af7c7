"""Rows as an import takes them: what goes in comes out again, what cannot is refused, memory stays small."""

from __future__ import annotations

import asyncio
import csv
import datetime as dt
import io
import json
import tracemalloc
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inward import METADATA, START, Place, place, taking
from virtual import run

from qualtrics_async.bulk import BrokenRow, SourceRow
from qualtrics_async.errors import InvalidRequest, UsageError
from qualtrics_async.exports import import_rows
from qualtrics_async.exports.chunks import stream
from qualtrics_async.exports.import_rows import written
from qualtrics_async.exports.importing import ImportState, import_responses
from qualtrics_async.exports.record_stream import records as records_of
from qualtrics_async.exports.row_stream import rows as rows_of
from qualtrics_async.models.contacts import ContactCreate
from qualtrics_async.models.responses import Response

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qualtrics_async.exports.import_rows import ImportHeader
    from qualtrics_async.sandbox import Sandbox

SEVERAL = {
    "QuestionText": "Which?",
    "DataExportTag": "Q3",
    "QuestionID": "QID3",
    "QuestionType": "MC",
    "Selector": "MAVR",
    "SubSelector": "TX",
    "Choices": {str(code): {"Display": f"Choice {code}"} for code in (1, 2, 3)},
    "ChoiceOrder": ["1", "2", "3"],
}
NOON = dt.datetime(2026, 7, 1, 12, 30, 15, 999, tzinfo=dt.timezone(dt.timedelta(hours=2)))

GAPS = {"no value": None, "not a number": float("nan")}
"""Columns of each row in which there is nothing."""
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1) | st.sampled_from(
    [
        "\ufeff",
        "=1+1",
        "a\r\nb",
        '"',
        '""',
        ",",
        "\t",
        "\r",
        "\n",
        " ",
        "'",
        "0",
        "1,2",
        "🙂",
        "\\",
        "\0",
        "True",
    ]
)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(
    lambda name: bool(name.strip()) and name not in GAPS and name not in METADATA and "QID" not in name
)
IDS = st.fixed_dictionaries(
    {},
    optional={
        "QID1": st.sampled_from([1, 2, 4]),
        "QID1_4_TEXT": TEXT,
        "QID2_TEXT": TEXT,
        "QID3": st.lists(st.sampled_from(["1", "2", "3"]), min_size=1, unique=True).map(sorted),
        "startDate": st.just("2026-05-02T08:00:00Z"),
        "duration": st.integers(0, 10**6),
        "finished": st.sampled_from([0, 1]),
        "userLanguage": st.sampled_from(["EN", "FR"]),
    },
)
EMBEDDED = st.dictionaries(NAMES, TEXT, max_size=4)
RECORDS = st.lists(
    st.builds(lambda ids, data: data | ids, IDS, EMBEDDED).filter(bool), min_size=1, max_size=9
)
TAGS = {"QID1": "Q1", "QID1_4_TEXT": "Q1_4_TEXT", "QID2_TEXT": "Q2", "QID3": "Q3", "startDate": "StartDate"}
TAGS |= {"duration": "Duration (in seconds)", "finished": "Finished", "userLanguage": "UserLanguage"}


def asked(sandbox: Sandbox, survey_id: str) -> None:
    """Give a survey a question with several answers."""
    sandbox.state.surveys[survey_id].definition["Questions"]["QID3"] = SEVERAL


def parts(values: dict[str, Any], like: dict[str, Any]) -> dict[str, Any]:
    """Of what a response holds what a row said; all else must be metadata that the service makes."""
    return {
        key: sorted(value) if isinstance(value, list) else value
        for key, value in values.items()
        if key in like
    }


def check_same(found: list[dict[str, Any]], rows: list[dict[str, Any]]) -> None:
    """Check that responses hold what the rows said, and nothing else of what any row said."""
    assert len(found) == len(rows)
    keys = dict.fromkeys(key for row in rows for key in row)
    made = {"startDate", "duration", "finished", "userLanguage"}
    for values, row in zip(found, rows, strict=True):
        assert parts(values, row) == row
        assert not (values.keys() & keys) - row.keys() - made


async def out_and_in(here: Place, way: str, other: str) -> None:
    """Export a survey in some way, and import what came into another one."""
    client, survey = here.client, here.survey_id
    if way == "records":
        async with records_of(client, survey) as records:
            await import_responses(client, other, records, check=False)
    elif way in ("tag", "import_id"):
        async with rows_of(client, survey, names=way) as rows:  # type: ignore[arg-type]  # one of the two
            await import_responses(client, other, rows, check=False)
    else:
        async with stream(client, survey, format=way) as chunks:  # type: ignore[arg-type]  # one of three
            content = b"".join([chunk async for chunk in chunks])
        source = json.loads(content)["responses"] if way == "json" else content
        form: Any = None if way == "json" else way
        await import_responses(client, other, source, format=form, check=False)


@settings(max_examples=40)
@given(
    rows=RECORDS,
    size=st.integers(1, 4),
    way=st.sampled_from(["records", "tag", "import_id", "csv", "tsv", "json"]),
)
def test_what_goes_in_comes_out_and_goes_in_again(rows: list[dict[str, Any]], size: int, way: str) -> None:
    """Rows by ImportIds, exported in every way and imported elsewhere: equal values every time."""

    @taking
    async def there_and_back() -> None:
        async with place() as here:
            other = here.sandbox.state.add_survey("Other")
            for survey in (here.survey_id, other):
                asked(here.sandbox, survey)
            given = (row | GAPS for row in rows)
            done = await import_responses(
                here.client, here.survey_id, given, header="import_ids", check=False
            )
            assert done.rows == len(rows)
            check_same(here.values, rows)
            await out_and_in(here, way, other)
            here.survey_id = other
            check_same(here.values, rows)

    with pytest.MonkeyPatch.context() as patched:
        # Columns come with later batches, so that earlier ones must be filled up.
        patched.setattr(import_rows, "_AT_ONCE", size)
        there_and_back()


@settings(max_examples=25)
@given(rows=RECORDS, form=st.sampled_from(["csv", "tsv"]))
def test_rows_by_export_tags(rows: list[dict[str, Any]], form: Any) -> None:
    """The same rows by the names that tables show, in both formats."""

    @taking
    async def there() -> None:
        async with place() as here:
            asked(here.sandbox, here.survey_id)
            tagged = [{TAGS.get(key, key): value for key, value in row.items()} for row in rows]
            await import_responses(
                here.client, here.survey_id, tagged, format=form, header="tags", check=False
            )
            check_same(here.values, rows)

    there()


async def table(
    rows: Any, header: ImportHeader | None = None, form: str = "csv"
) -> tuple[list[list[str]], bytes]:
    """The file that is made of rows, as a reader of CSV sees it, and its bytes."""
    async with written(rows, form, header, lambda _: None) as file:
        content = await asyncio.to_thread(file.content.read)
    return list(
        csv.reader(io.StringIO(content.decode(), newline=""), delimiter="\t" if form == "tsv" else ",")
    ), content


@pytest.mark.parametrize(
    ("rows", "header", "by_id"),
    [
        ([{"Q1": 1, "campaign": "a"}], None, False),
        ([{"QID1": 1, "campaign": "a"}], None, True),
        ([{"1_QID5_TEXT": "a"}], None, True),
        ([{"QIDs": "a"}], None, False),
        ([{"QID1": 1}], "tags", False),
        ([{"Q1": 1}], "import_ids", True),
        ([Response(response_id="R_1", values={"campaign": "a"})], None, True),
        ([{"responseId": "R_1", "values": {"campaign": "a"}}], None, True),
        ([{"responseId": "R_1", "values": "a"}], None, False),
    ],
)
def test_the_header_says_what_keys_are(rows: list[Any], header: ImportHeader | None, by_id: bool) -> None:
    """One row of tags; or three, the third of which has ImportIds, as exports have it."""
    lines, _ = run(table(rows, header))
    assert len(lines) == (4 if by_id else 2)
    if by_id:
        assert lines[0] == lines[1]
        assert [json.loads(cell)["ImportId"] for cell in lines[2]] == lines[0]


def test_the_columns_are_all_keys_in_the_order_in_which_they_come() -> None:
    """A row may bring a new column at any time; rows before it are filled up, in every batch."""
    rows = [{"a": n} for n in range(600)] + [{"b": "x"}, {"c": "y", "a": 1}]
    lines, content = run(table(rows))
    assert lines[0] == ["a", "b", "c"]
    assert [len(line) for line in lines] == [3] * 603
    assert lines[1] == ["0", "", ""]
    assert lines[-2:] == [["", "x", ""], ["1", "", "y"]]
    assert content.startswith(b'"a","b","c"\r\n0,,\r\n')


def test_the_file_does_not_depend_on_how_rows_come() -> None:
    """The same rows make the same bytes, and with them the same key, in whatever batches they are written."""
    rows = [{"a": "é"}, {"b": 1}, {"a": "x", "c": None}, {"d": ["1"]}]
    made = set()
    for size in (1, 2, 3, 500):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(import_rows, "_AT_ONCE", size)
            made.add(run(table(iter(rows)))[1])
    assert made == {'"a","b","c","d_1"\r\né,,,\r\n,1,,\r\nx,,,\r\n,,,1\r\n'.encode()}


def test_later_batches_are_read_as_the_first() -> None:
    """A column that is known has its dates written, and its doubles refused, as one that is new."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(import_rows, "_AT_ONCE", 1)
        rows: list[Any] = [{"startDate": "2026-07-01T10:30:15Z", "QID3_1": "1"}] * 3
        lines, _ = run(table(rows, "tags"))
        assert lines[1:] == [["2026-07-01 10:30:15", "1"]] * 3
        with pytest.raises(UsageError, match="row 3: 'QID3_1' has two values"):
            run(table([*rows, {"QID3": ["1"], "QID3_1": "0"}]))


@taking
async def test_a_refused_row_closes_the_source() -> None:
    """At once, although the error still holds the frames that read from it."""
    closed: list[str] = []

    def rows() -> Iterator[Any]:
        try:
            yield {"a": 1}
            yield 7
            yield {"a": 2}
        finally:
            closed.append("closed")

    source = rows()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(import_rows, "_AT_ONCE", 1)
        try:
            await table(source)
        except UsageError as error:
            assert "row 1" in str(error)  # noqa: PT017  (what is so while it is held)
            assert closed == ["closed"]
        else:
            pytest.fail("the row was taken")


def test_the_dates_of_a_response_say_their_zone() -> None:
    """The third header row has it, as exports do."""
    lines, _ = run(table([{"startDate": NOON, "QID1": 1}]))
    assert [json.loads(cell) for cell in lines[2]] == [
        {"ImportId": "startDate", "timeZone": "Z"},
        {"ImportId": "QID1"},
    ]


@pytest.mark.parametrize(
    ("column", "value", "cell"),
    [
        ("a", "=SUM(A1:A9)", "=SUM(A1:A9)"),
        ("a", " x ", " x "),
        ("a", 7, "7"),
        ("a", 7.0, "7"),
        ("a", 0.5, "0.5"),
        ("a", Decimal("1.50"), "1.50"),
        ("a", True, "true"),
        ("finished", True, "1"),
        ("Finished", False, "0"),
        ("finished", 1, "1"),
        ("a", UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ("a", dt.date(2026, 7, 1), "2026-07-01"),
        ("a", NOON, "2026-07-01T12:30:15.000999+02:00"),
        ("startDate", NOON, "2026-07-01 10:30:15"),
        ("StartDate", pd.Timestamp(NOON), "2026-07-01 10:30:15"),
        ("endDate", "2026-07-01T10:30:15.123Z", "2026-07-01 10:30:15"),
        ("endDate", "2026-07-01T10:30:15+02:00", "2026-07-01T10:30:15+02:00"),
        ("endDate", dt.date(2026, 7, 1), "2026-07-01"),
        ("a", "2026-07-01T10:30:15Z", "2026-07-01T10:30:15Z"),
        ("a", {"é": [1]}, '{"é": [1]}'),
        ("a", np.int64(3), "3"),
        ("Finished", np.bool_(False), "0"),  # noqa: FBT003  (numpy's own)
        ("Q3_1", np.bool_(True), "1"),  # noqa: FBT003  (numpy's own)
        ("QID3_1", True, "1"),
        ("a", np.str_("x"), "x"),
        ("a", 10**400, str(10**400)),
    ],
)
def test_how_a_value_is_written(column: str, value: Any, cell: str) -> None:
    """Text stays as it is; numbers, flags and dates are written as exports have them."""
    lines, _ = run(table([{column: value}], "tags"))
    assert lines[1] == [cell]


@pytest.mark.parametrize("gap", [None, float("nan"), pd.NA, pd.NaT, Decimal("NaN"), "", [], np.array([])])
def test_what_is_missing_leaves_the_cell_empty(gap: Any) -> None:
    """Nothing is written for it, in dates neither; a list of nothing has no column at all."""
    lines, _ = run(table([{"x": 1, "a": gap, "startDate": gap}]))
    assert lines[1][0] == "1"
    assert not any(lines[1][1:])


@pytest.mark.parametrize("several", [["1", "3"], (1, 3), np.array([1, 3]), ["1", None, "3", "3"]])
def test_several_choices_have_a_column_each(several: Any) -> None:
    """As exports break them out."""
    lines, _ = run(table([{"QID3": several}, {"QID3": ["2"]}], "tags"))
    assert lines == [["QID3_1", "QID3_3", "QID3_2"], ["1", "1", ""], ["", "", "1"]]


LONE = "a\ud800b"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (7, "mapping or a Response, got int"),
        ("Q1", "mapping or a Response, got str"),
        (None, "got NoneType"),
        (ContactCreate(email="a@example.com"), "got ContactCreate"),
        (BrokenRow(12, "x", "a NUL"), r"\(line 12\) is no row: a NUL"),
        ({1: "x"}, "named by text"),
        ({" ": "x"}, "named by text"),
        ({}, "no value"),
        ({"a": None, "b": ""}, "no value"),
        (SourceRow(9, {"a": ""}), r"\(line 9\) has no value"),
        ({"a": LONE}, "'a' holds text that is not valid"),
        ({"a": "\udcff"}, "'a' holds text that is not valid"),
        ({"new \udc80": "x"}, "not valid"),
        ({"a": object()}, "'a' holds a object"),
        ({"a": float("inf")}, "'a' holds a float"),
        ({"a": b"x"}, "'a' holds a bytes"),
        ({"a": [["x"]]}, "'a' holds a list"),
        ({"a": {"x": object()}}, "'a' holds an object that is no JSON"),
        ({"a": {"x": float("nan")}}, "no JSON"),
        ({"a": 10**5000}, "row 501"),
        ({"QID3": ["1"], "QID3_1": "0"}, "'QID3_1' has two values"),
        ({"startDate": NOON.replace(tzinfo=None)}, "startDate holds a datetime without a time zone"),
    ],
)
@taking
async def test_a_row_that_cannot_be_written_is_refused_with_its_index(row: Any, words: str) -> None:
    """Wherever it stands, before anything is sent, and without a word of what it holds."""
    async with place() as here:
        rows = [{"a": "kept to oneself"}] * 501
        with pytest.raises(UsageError, match=f"^row 501.*{words}|^{words}") as caught:
            await import_responses(here.client, here.survey_id, [*rows, row])
        assert str(caught.value).startswith("row 501")
        assert "kept" not in str(caught.value)
        assert not here.sandbox.requests


def counted(number: int, began: int) -> Iterator[dict[str, str]]:
    """So many rows; memory is watched from one of them on."""
    for n in range(number):
        if n == began:
            tracemalloc.start()
        yield {"Q1": "2", "name": "Zoë", "id": f"r{n}"}


@taking
async def test_any_number_of_rows_takes_the_same_memory() -> None:
    """Of 300 000 rows the last twentieth, and the file that is made of all, are held in pieces."""
    number = 300_000
    peaks: list[int] = []

    def look(state: ImportState) -> None:
        if state.phase == "sending":
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()

    async with place(record_bodies=False) as here:
        # What becomes of so many responses is the sandbox's memory, so it refuses what it has read.
        here.sandbox.faults.add(kind="status", status=400, route=START)
        rows = counted(number, number * 19 // 20)
        with pytest.raises(InvalidRequest):
            await import_responses(here.client, here.survey_id, rows, on_progress=look)
        assert here.count(START) == 1
    assert peaks[0] < 1_500_000, peaks


def test_thousands_of_columns() -> None:
    """Wide rows are written a few at a time."""
    rows = ({f"c{column}": "1" for column in range(8_000)} for _ in range(40))
    lines, _ = run(table(rows))
    assert [len(line) for line in lines] == [8_000] * 41
