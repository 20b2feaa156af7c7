"""Tables: responses as Arrow, polars and pandas, typed by the survey and by the data."""

from __future__ import annotations

import asyncio
import inspect
import re
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from outward import FILE, START, asynchronous, scene

from qualtrics_async import Qualtrics, exports
from qualtrics_async.errors import ApiError, DecodeError, JobFailed, UsageError
from qualtrics_async.exports import text_columns
from qualtrics_async.exports.record_stream import records
from qualtrics_async.exports.row_stream import rows
from qualtrics_async.sandbox import Exports, Question, Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable

ZoneInfo("UTC")  # is read once, which would block the loop

ASKED = (
    Question("single", "How was it?", ("Bad", "Fair", "Good")),
    Question("multiple", "Which?", ("Shop", "Website"), other="Another"),
    Question("text", "Why?"),
    Question("number", "How much?"),
    Question("matrix", "Rate", ("Low", "High"), statements=("Price", "Taste")),
    Question("text", "Why else?", tag="Q1"),
)
EMBEDDED = {"site": "String", "age": "Number"}
FULL = {
    "QID1": 3,
    "QID2": ["1", "3"],
    "QID2_3_TEXT": 'a "third",\nsay',
    "QID3_TEXT": "007",
    "QID4_TEXT": "2.50",
    "QID5_1": 2,
    "QID6_TEXT": "é",
    "site": "05",
    "age": "41",
    "locationLatitude": 48.5,
}
SURVEY = "GET /surveys/{surveyId}"


def asked(sandbox: Sandbox, *responses: dict[str, Any]) -> str:
    survey_id = sandbox.state.add_survey("Typed", questions=ASKED, embedded_data=EMBEDDED)
    for values in responses:
        sandbox.state.add_response(survey_id, values)
    return survey_id


def types(table: pa.Table) -> dict[str, str]:
    return {field.name: str(field.type) for field in table.schema}


@asynchronous
async def test_types_come_from_the_survey() -> None:
    """Each column has the type of its question, whether or not there are cells; empty ones are null."""
    async with scene() as play:
        table = await exports.to_arrow(play.client, asked(play.sandbox, FULL, {}))
        assert types(table) == {
            **dict.fromkeys(("StartDate", "EndDate", "RecordedDate"), "timestamp[us, tz=UTC]"),
            **dict.fromkeys(("Status", "Progress", "Duration (in seconds)"), "int64"),
            **dict.fromkeys(("IPAddress", "ResponseId", "ExternalReference"), "string"),
            **dict.fromkeys(("RecipientLastName", "RecipientFirstName", "RecipientEmail"), "string"),
            **dict.fromkeys(("LocationLatitude", "LocationLongitude"), "double"),
            **dict.fromkeys(("DistributionChannel", "UserLanguage", "site"), "string"),
            **dict.fromkeys(("Finished", "Q2_1", "Q2_2", "Q2_3"), "bool"),
            "Q1": "int64",
            "Q2_3_TEXT": "string",
            "Q3": "string",
            "Q4": "double",
            "age": "double",
            "Q5_1": "int64",
            "Q5_2": "int64",
            "Q1_2": "string",
        }
        first, second = table.to_pylist()
        chosen = {name: first[name] for name in ("Q1", "Q2_1", "Q2_2", "Q2_3", "Q2_3_TEXT", "Q3", "Q4")}
        assert chosen == {
            "Q1": 3,
            "Q2_1": True,
            "Q2_2": None,
            "Q2_3": True,
            "Q2_3_TEXT": 'a "third",\nsay',
            "Q3": "007",
            "Q4": 2.5,
        }
        assert (first["Q5_1"], first["Q5_2"], first["Q1_2"], first["LocationLatitude"]) == (
            2,
            None,
            "é",
            48.5,
        )
        assert (first["Finished"], first["StartDate"].tzinfo is not None) == (True, True)
        assert {second[name] for name in ("Q1", "Q2_1", "Q3", "Q4", "Q5_1", "Q1_2", "site")} == {None}
        metadata = table.schema.field("Q1_2").metadata
        assert (metadata[b"tag"], metadata[b"text"], metadata[b"import_id"]) == (
            b"Q1",
            b"Why else?",
            b"QID6_TEXT",
        )


@asynchronous
async def test_an_empty_survey_has_the_same_columns() -> None:
    """A survey without responses gives a table without rows, with the types that others have."""
    async with scene() as play:
        empty, full = asked(play.sandbox), asked(play.sandbox, FULL)
        table = await exports.to_arrow(play.client, empty)
        assert (table.num_rows, table.schema.types) == (
            0,
            (await exports.to_arrow(play.client, full)).schema.types,
        )
        assert (await exports.to_polars(play.client, empty)).shape == (0, table.num_columns)
        assert (await exports.to_pandas(play.client, empty)).shape == (0, table.num_columns)


@asynchronous
async def test_labels_and_names() -> None:
    """With labels answers are texts; columns are called as it is asked for."""
    async with scene() as play:
        survey_id = asked(play.sandbox, FULL)
        table = await exports.to_arrow(play.client, survey_id, labels=True, names="import_id")
        (row,) = table.to_pylist()
        assert (row["QID1"], row["QID2_1"], row["QID2_2"], row["QID5_1"]) == ("Good", "Shop", None, "High")
        assert types(table)["QID5_2"] == "string"
        assert types(table)["duration"] == "int64"
        both = await exports.to_arrow(play.client, survey_id, include_label_columns=True)
        assert (both["Q1"].to_pylist(), both["Q1_LABEL"].to_pylist()) == ([3], ["Good"])


@asynchronous
async def test_several_choices_in_one_column() -> None:
    """Choices that are not broken out are a list of codes."""
    async with scene() as play:
        table = await exports.to_arrow(play.client, asked(play.sandbox, FULL, {}), breakout_sets=False)
        assert types(table)["Q2"] == "list<item: int64>"
        assert table["Q2"].to_pylist() == [[1, 3], None]
        frame = await exports.to_polars(play.client, asked(play.sandbox, FULL), breakout_sets=False)
        assert frame["Q2"].to_list() == [[1, 3]]


@asynchronous
async def test_what_does_not_fit_makes_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """One cell, in the last of many pieces, that is no number makes all of its column text."""
    monkeypatch.setattr(text_columns, "_TEXT", 1_000)
    async with scene() as play:
        numbers = [{"QID1": number, "QID5_1": number, "QID5_2": number} for number in range(60)]
        survey_id = asked(play.sandbox, *numbers, {"QID1": "about 3", "QID5_1": 0.5, "QID5_2": "007"})
        table = await exports.to_arrow(play.client, survey_id)
        assert table["Q1"].to_pylist() == [*map(str, range(60)), "about 3"]
        assert table["Q5_1"].to_pylist() == [*map(float, range(60)), 0.5]
        assert table["Q5_2"].to_pylist() == [*map(str, range(60)), "007"]
        assert table["Q1"].num_chunks > 5


@asynchronous
async def test_decimal_commas() -> None:
    """Amounts are numbers however their point is written."""
    async with scene() as play:
        survey_id = asked(play.sandbox, FULL)
        table = await exports.to_arrow(play.client, survey_id, format_decimal_as_comma=True)
        assert table["LocationLatitude"].to_pylist() == [48.5]
        assert table["Q4"].to_pylist() == [2.5]


@asynchronous
async def test_without_sight_of_the_survey() -> None:
    """Whoever may not read the survey gets what the header rows tell."""
    async with scene() as play:
        for status in (403, 404):
            play.sandbox.faults.add(kind="status", route=SURVEY, status=status)
            table = await exports.to_arrow(play.client, asked(play.sandbox, FULL))
            assert play.count(SURVEY)
            assert table["Q1"].to_pylist() == [3]
            assert table["Q3"].to_pylist() == ["007"]
            assert table["LocationLatitude"].to_pylist() == [48.5]


@asynchronous
async def test_my_responses_in_polars() -> None:
    """One line gets all responses into a frame."""
    async with scene() as play:
        client = play.client
        frame = await exports.to_polars(client, "SV_tRgNy0IoPF0uRfk")
        assert play.survey_id == "SV_tRgNy0IoPF0uRfk"
        assert frame.height == 3
        assert frame.schema["RecordedDate"] == pl.Datetime("us", "UTC")
        assert frame.schema["Q1"] == pl.Int64
        assert sorted(frame["Q2"]) == [f'Zoë {number}, "so",\nand on' for number in range(3)]


@asynchronous
async def test_pandas_keeps_whole_numbers_whole() -> None:
    """Codes with gaps are no floats; dates are aware."""
    async with scene() as play:
        frame = await exports.to_pandas(play.client, asked(play.sandbox, FULL, {}))
        assert {name: str(frame.dtypes[name]) for name in ("Q1", "Q2_1", "Q3")} == {
            "Q1": "Int64",
            "Q2_1": "boolean",
            "Q3": "string",
        }
        assert str(frame.dtypes["LocationLatitude"]) == "Float64"
        assert str(frame.dtypes["RecordedDate"]) == "datetime64[us, UTC]"
        assert frame["Q1"][0] == 3
        assert frame["Q1"][1] is pd.NA
        assert list(frame["Q3"]) == ["007", pd.NA]


@pytest.mark.parametrize(
    ("export", "missing", "extra"),
    [
        (exports.to_arrow, "pyarrow", "arrow"),
        (exports.to_polars, "polars", "polars"),
        (exports.to_pandas, "pandas", "pandas"),
        (exports.to_polars, "pyarrow", "polars"),
        (exports.to_pandas, "pyarrow", "pandas"),
    ],
)
def test_a_missing_package_is_named(
    monkeypatch: pytest.MonkeyPatch, export: Callable[..., Any], missing: str, extra: str
) -> None:
    """The extra that brings it is told before any request."""

    @asynchronous
    async def ask() -> None:
        async with scene() as play:
            before = len(play.sandbox.requests)
            with pytest.raises(UsageError, match=rf"needs {missing}: pip install .*\[{extra}\]"):
                await export(play.client, play.survey_id)
            assert len(play.sandbox.requests) == before

    monkeypatch.setitem(sys.modules, missing, None)
    ask()


def test_one_extra_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has neither polars nor pyarrow is told once what to install, and has both then."""

    @asynchronous
    async def ask() -> None:
        async with scene() as play:
            with pytest.raises(UsageError, match=r"needs polars: pip install 'qualtrics-async\[polars\]'"):
                await exports.to_polars(play.client, play.survey_id)

    for package in ("polars", "pyarrow"):
        monkeypatch.setitem(sys.modules, package, None)
    ask()


@asynchronous
async def test_labels_by_either_name() -> None:
    """The vendor's name for labels does as well; the two may not say different things."""
    async with scene() as play:
        survey_id, ask = asked(play.sandbox, FULL), exports.to_arrow
        for options in ({"use_labels": True}, {"labels": True, "use_labels": True}):
            table = await ask(play.client, survey_id, **options)  # type: ignore[arg-type]  # flags, all of them
            assert table["Q1"].to_pylist() == ["Good"]
        table = await ask(play.client, survey_id, labels=False, use_labels=False)
        assert table["Q1"].to_pylist() == [3]
        before = len(play.sandbox.requests)
        for labels in (True, False):
            with pytest.raises(UsageError, match="labels and use_labels"):
                await ask(play.client, survey_id, labels=labels, use_labels=not labels)
        with pytest.raises(UsageError, match="labels is True or False"):
            await ask(play.client, survey_id, labels="yes")  # type: ignore[arg-type]  # what a user may write
        assert len(play.sandbox.requests) == before


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "status", "status": 500}, "ServerFault"),
        ({"kind": "malformed"}, "DecodeError"),
        ({"kind": "huge", "size": 70_000_000}, "DecodeError"),
    ],
    ids=str,
)
def test_a_survey_that_cannot_be_read(
    fault: dict[str, Any], error: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The table is there, typed by its header; a warning says so, and repeats nothing of the answer."""

    @asynchronous
    async def ask() -> None:
        async with scene() as play:
            play.sandbox.faults.add(**fault, route=SURVEY, times=None)
            caplog.clear()
            table = await exports.to_arrow(play.client, asked(play.sandbox, FULL))
            assert (table["Q1"].to_pylist(), table["Q3"].to_pylist()) == ([3], ["007"])

    ask()
    (said,) = [record for record in caplog.records if "questions" in record.message]
    assert (said.name, said.levelname, said.exc_info) == ("qualtrics_async", "WARNING", None)
    assert re.fullmatch(
        rf"the questions of survey SV_\w+ cannot be read \({error}\): the header .*", said.message
    )


def test_help_says_what_arguments_mean() -> None:
    """Each function says what labels, names and options are."""
    for export in (exports.to_arrow, exports.to_polars, exports.to_pandas, exports.to_parquet):
        for name in ("labels", "names", "options"):
            assert f"\n    {name}: " in (inspect.getdoc(export) or "")


@asynchronous
async def test_refused_before_any_request() -> None:
    """What cannot be meant costs no request."""
    wrong: list[Any] = [
        *({"names": "label"}, {"limit": 0}, {"format": "csv"}, {"colour": 1}),
        {"labels": True, "include_label_columns": True},
    ]
    async with scene() as play:
        before = len(play.sandbox.requests)
        for options in wrong:
            for export in (exports.to_arrow, exports.to_polars, exports.to_pandas):
                with pytest.raises(UsageError):
                    await export(play.client, play.survey_id, **options)
        with pytest.raises(UsageError, match="tables are made of csv"):
            await exports.to_arrow(play.client, play.survey_id, format="tsv")  # type: ignore[call-arg]
        with pytest.raises(UsageError):
            await exports.to_arrow(play.client, "")
        assert len(play.sandbox.requests) == before


@asynchronous
async def test_a_broken_file_is_fetched_again() -> None:
    """A wrong checksum costs another download, not a wrong table; when it stays wrong, it is told."""
    async with scene() as play:
        play.sandbox.faults.add(kind="archive", route=FILE, damage="checksum")
        table = await exports.to_arrow(play.client, play.survey_id)
        assert (table.num_rows, play.count(FILE), play.count(START)) == (3, 2, 1)
        play.sandbox.faults.add(kind="archive", route=FILE, times=None, damage="checksum")
        with pytest.raises(DecodeError, match="broken"):
            await exports.to_arrow(play.client, play.survey_id)


@asynchronous
async def test_what_fails_is_told() -> None:
    """A job that fails, and a survey that cannot be asked for now, are errors as elsewhere."""
    async with scene() as play:
        play.sandbox.faults.add(kind="failed_job", route=START)
        with pytest.raises(JobFailed):
            await exports.to_arrow(play.client, play.survey_id)
        play.sandbox.faults.add(kind="status", route=SURVEY, times=None, status=401)
        with pytest.raises(ApiError):
            await exports.to_arrow(play.client, play.survey_id)


@asynchronous
async def test_several_members_with_marks() -> None:
    """Files of a large export are one table, with a byte order mark or without."""
    async with scene(exports=Exports(rows=2, bom=True)) as play:
        survey_id = play.survey(7)
        table = await exports.to_arrow(play.client, survey_id)
        assert (table.num_rows, table.column_names[0]) == (7, "StartDate")


@asynchronous
async def test_eight_thousand_columns() -> None:
    """A wide survey is a matter of seconds, and each column is there."""
    names = [f"field {number}" for number in range(8_000)]
    async with scene() as play:
        survey_id = play.sandbox.state.add_survey("Wide", questions=ASKED, embedded_data=names)
        for number in range(20):
            play.sandbox.state.add_response(survey_id, dict.fromkeys(names, str(number)))
        table = await exports.to_arrow(play.client, survey_id)
        assert table["field 7999"].to_pylist() == [str(number) for number in range(20)]
        assert table.num_columns > 8_000


@asynchronous
async def test_progress_goes_up_to_the_whole() -> None:
    """Both readings of the files count for half of them, header rows that are left out as well."""
    async with scene(exports=Exports(rows=25)) as play:
        heard: list[exports.ExportState] = []
        await exports.to_arrow(play.client, play.survey(50), on_progress=heard.append)
        states = [state for state in heard if state.phase == "reading"]
        done = [state.done for state in states]
        assert done == sorted(done)
        assert done[-1] == states[-1].total
        assert done[-1] // 2 in done


TEXTS = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    ["007", "1e5", "NaN", " 5", '"', "a\nb", "\r", ",", "1,2", "2026-05-01 08:00:00", "\ufeff", "9" * 400]
)
VALUES = st.fixed_dictionaries(
    {},
    optional={
        "QID1": st.integers(1, 3),
        "QID2": st.lists(st.sampled_from(["1", "2", "3"]), unique=True, min_size=1).map(sorted),
        "QID3_TEXT": TEXTS,
        "locationLatitude": st.integers(-90, 90) | st.floats(-90, 90, allow_subnormal=False),
        "QID5_1": st.integers(1, 2),
        "site": TEXTS,
    },
)


@settings(max_examples=25)
@given(st.lists(VALUES, max_size=5))
def test_round_trip(responses: list[dict[str, Any]]) -> None:
    """What is sent as responses comes back equal, as records, as rows and as a table."""
    asyncio.run(_round_trip(responses))


async def _round_trip(responses: list[dict[str, Any]]) -> None:
    async with scene() as play:
        survey_id, client = asked(play.sandbox), play.client
        sent = {
            (await client.responses.create(survey_id, values)).response_id: values for values in responses
        }
        async with records(client, survey_id) as found:
            for_record = {record.response_id: dict(record.values) async for record in found}
        async with rows(client, survey_id, names="import_id") as listed:
            for_row = {row["_recordId"]: row async for row in listed}
        table = await exports.to_arrow(client, survey_id, names="import_id")
        for_table = {row["_recordId"]: row for row in table.to_pylist()}
        assert sent.keys() == for_record.keys() == for_row.keys() == for_table.keys()
        for response_id, values in sent.items():
            record = for_record[response_id]
            assert {key: record[key] for key in values} == values
            compare(for_row[response_id], for_table[response_id], record)


def compare(row: dict[str, str], typed: dict[str, Any], record: Any) -> None:
    """Hold the cells of a row, and the values of a typed row, against a record."""
    assert row.keys() == typed.keys()
    for key in ("QID3_TEXT", "site", "locationLatitude"):
        said = str(record.get(key, ""))
        assert row.get(key, "") == said
        found = typed.get(key)
        assert (float(said) if isinstance(found, float) else said or None) == found
    for key in ("QID1", "QID5_1", "status", "progress", "duration"):
        assert row[key] == str(record.get(key, ""))
        assert typed[key] == record.get(key)
    for choice in "123":
        held = choice in record.get("QID2", ())
        assert (row[f"QID2_{choice}"], typed[f"QID2_{choice}"]) == (("1", True) if held else ("", None))
    for key in ("startDate", "recordedDate"):
        moment = datetime.fromisoformat(record[key])
        assert typed[key] == moment.replace(microsecond=0)
        assert row[key] == moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


@asynchronous
async def test_cancelled_at_any_time() -> None:
    """An export that is cancelled leaves nothing, and the client goes on."""
    async with scene() as play:
        survey_id = play.survey(20)
        for turns in (1, 5, 20, 60, 120, 200):
            task = asyncio.create_task(exports.to_arrow(play.client, survey_id))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        assert (await exports.to_arrow(play.client, survey_id)).num_rows == 20


def test_types_of_the_functions() -> None:
    """All four are coroutines of a client and a survey."""
    for export in (exports.to_arrow, exports.to_polars, exports.to_pandas, exports.to_parquet):
        assert asyncio.iscoroutinefunction(export)
        assert Qualtrics.__name__ in str(export.__annotations__["client"])
