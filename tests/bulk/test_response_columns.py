"""Which columns become embedded data: what was exported can be given again, and changes no answer."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from responding import DELETE, UPDATE, Survey, survey
from working import asynchronous, take

from qualtrics_async import Unauthorized, UsageError, bulk, exports
from qualtrics_async.bulk import Failed, SourceRow
from qualtrics_async.bulk.response_plan import ResponsePlan, plan_responses
from qualtrics_async.exports import columns_of_survey
from qualtrics_async.models.responses import Response
from qualtrics_async.sandbox import ByPolls

SURVEY = "GET /surveys/{surveyId}"
FORMS = ["file", "frame", "rows", "import ids", "texts"]


async def exported(v: Survey, folder: Path) -> Path:
    """Export the survey as a file with three header rows."""
    path = folder / "out.csv"
    await exports.to_file(v.scene.client, v.id, path)
    return path


def table(path: Path) -> list[list[str]]:
    """The cells of a file."""
    return list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"))))


def save(path: Path, rows: Iterable[Iterable[str]]) -> Path:
    """Write cells into a file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return path


def with_segment(rows: list[list[str]]) -> list[list[str]]:
    """Add a column to an export, as a user does who knows nothing of its header rows."""
    return [[*rows[0], "Segment"], *([*row, ""] for row in rows[1:3]), *([*row, "gold"] for row in rows[3:])]


def edited(rows: list[list[str]], form: str) -> Any:
    """Give an export with another column as any of the things that it may be read into."""
    rows = with_segment(rows)
    records = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
    if form == "frame":
        pandas = pytest.importorskip("pandas")
        return pandas.DataFrame(records)
    if form == "rows":
        return records
    names = exports.ColumnMap.from_header(rows[:3], names="text" if form == "texts" else "import_id").names
    return [dict(zip(names, row, strict=True)) for row in rows[3:]]


@pytest.mark.parametrize("form", FORMS)
@asynchronous
async def test_an_export_that_is_given_again_changes_only_what_was_added(form: str, tmp_path: Path) -> None:
    """No header row is a row, no answer becomes embedded data, and the summary says what was left out."""
    async with survey(3) as v:
        path = await exported(v, tmp_path)
        rows = await asyncio.to_thread(table, path)
        if form == "file":
            source: Any = bulk.read_csv(await asyncio.to_thread(save, path, with_segment(rows)))
        else:
            source = await asyncio.to_thread(edited, rows, form)
        before = {name: set(v.values(name) or ()) for name in v.responses}
        taken = await take(v.job("update", source))
        assert taken.error is None
        assert taken.kinds == {"Ok": 3}
        assert {outcome.item.response_id for outcome in taken.outcomes} == set(v.responses)
        for name in v.responses:
            assert set(v.values(name) or ()) - before[name] <= {"Segment", "cohort"}
            assert (v.values(name) or {})["Segment"] == "gold"
        assert set(taken.summary.columns) <= {"Segment", "cohort"}
        assert "Segment" in taken.summary.columns
        assert len(taken.summary.left_out) + len(taken.summary.columns) == len(rows[0])  # and the id's
        assert not {"Segment", "cohort"} & set(taken.summary.left_out)
        assert v.scene.count(SURVEY) == int(form in {"import ids", "texts"})


@asynchronous
async def test_a_column_that_is_named_is_sent_and_no_other() -> None:
    """Whatever it is called; also within a mapping of embedded data."""
    async with survey(2) as v:
        one, two = v.responses
        rows = [
            {"responseId": one, "Status": "gold", "Segment": "x", "Embedded Data": "y"},
            {"responseId": two, "embeddedData": {"Status": "silver", "Segment": "x"}},
        ]
        taken = await take(v.job("update", rows, columns=["Status", "Embedded Data"]))
        assert taken.kinds == {"Ok": 2}
        found = [v.values(name) or {} for name in v.responses]
        assert [(each["Status"], "Segment" in each) for each in found] == [("gold", False), ("silver", False)]
        assert found[0]["Embedded Data"] == "y"
        assert (taken.summary.columns, taken.summary.left_out) == (["Status", "Embedded Data"], ["Segment"])
        assert v.scene.count(SURVEY) == 0


@asynchronous
async def test_what_the_survey_says_is_asked_for_once_and_only_where_it_is_needed() -> None:
    """Not for metadata, which every export has, nor for what looks like an import id."""
    async with survey(2) as v:
        client, one = v.scene.client, v.responses[0]
        tag = next(
            column.tag for column in columns_of_survey(await client.surveys.get(v.id)) if column.question_id
        )
        v.scene.sandbox.requests.clear()
        row = {
            "responseId": one,
            "Status": "1",
            "QID99_4_TEXT": "x",
            "BL_1_DO": "1",
            "embeddedData": {"a": "b"},
        }
        taken = await take(v.job("update", [row]))
        assert (taken.kinds, v.scene.count(SURVEY)) == ({"Ok": 1}, 0)
        rows = [{"responseId": name, tag: "1", f"{tag}_DO_2": "1", "b": "c"} for name in v.responses]
        taken = await take(v.job("update", rows))
        assert (taken.summary.columns, taken.summary.left_out) == (["b"], [tag, f"{tag}_DO_2"])
        assert v.scene.count(SURVEY) == 1


@asynchronous
async def test_a_survey_that_cannot_be_read_still_has_its_metadata() -> None:
    """Then questions count as embedded data; what every export has does not."""
    async with survey(1) as v:
        v.scene.sandbox.faults.add(kind="status", status=403, route=SURVEY, times=None)
        rows = [{"responseId": v.responses[0], "StartDate": "x", "Recorded Date": "x", "Q1": "x"}]
        taken = await take(v.job("update", rows))
        assert (taken.kinds, taken.summary.columns) == ({"Ok": 1}, ["Q1"])


@asynchronous
async def test_a_survey_that_nobody_may_ask_for_ends_the_job() -> None:
    """A token that is refused would be for every job as well: nothing is sent."""
    async with survey(1) as v:
        v.scene.sandbox.faults.add(kind="status", status=401, route=SURVEY, times=None)
        taken = await take(v.job("update", v.rows()))
        assert isinstance(taken.error, Unauthorized)
        assert v.scene.count(UPDATE) == 0


@asynchronous
async def test_hundreds_of_columns_are_told_apart() -> None:
    """In the order that they have, whichever of them the survey is asked for."""
    async with survey(1) as v:
        names = [name for n in range(300) for name in (f"QID{n}_1", f"field {n}")]
        row = {"responseId": v.responses[0], **dict.fromkeys(names, "x")}
        taken = await take(v.job("update", [row]))
        assert taken.kinds == {"Ok": 1}
        assert (taken.summary.columns, taken.summary.left_out) == (names[1::2], names[::2])
        assert v.scene.count(SURVEY) == 1


RECORD = {"responseId": "R_1", "values": {"QID1": 1}, "labels": {}}
SENSELESS: list[tuple[str, list[Any], dict[str, Any], str]] = [
    ("update", [{"id": "R_1", "a": "b"}], {}, "'responseId'; there are id, a: .*--response-id-column"),
    ("delete", [{"id": "R_1", "a": "b"}], {}, "'responseId'; there are id, a: .*response_id_column"),
    ("update", [{"id": "R_1"}], {"response_id_column": "Case"}, "'Case'"),
    (
        "update",
        [{"responseId": "R_1", "a": "b"}],
        {"columns": ["a", "b"]},
        "called b; there are responseId, a",
    ),
    ("update", [{"responseId": "R_1", "Status": "b"}], {}, "an export has Status too"),
    ("update", [Response(response_id="R_1", values={"QID1": 1})], {}, "a response has answers"),
    ("update", [RECORD], {}, "a response has answers"),
    ("update", [], {"columns": []}, "one column or more"),
    ("update", [], {"columns": "a"}, "a list of names, got str"),
    ("update", [], {"columns": [7]}, "each of them text"),
    ("update", [], {"columns": ["Response ID"]}, "names the response"),
]


@pytest.mark.parametrize(("kind", "rows", "options", "words"), SENSELESS, ids=str)
@asynchronous
async def test_columns_that_make_no_sense(
    kind: str, rows: list[Any], options: dict[str, Any], words: str
) -> None:
    """They are one error that says what to do, before anything is sent, and not one for each row."""
    async with survey(1) as v:
        taken = await take(v.job(kind, rows, **options))
        assert taken.outcomes == []
        with pytest.raises(UsageError, match=words):
            raise taken.error or AssertionError(taken)
        assert v.scene.count(UPDATE) + v.scene.count(DELETE) == 0


@asynchronous
async def test_a_file_of_a_header_alone_is_looked_at(tmp_path: Path) -> None:
    """That nothing in it names a response is said although it has no rows; with the id it is just empty."""
    async with survey(1) as v:
        wrong = bulk.read_csv(await asyncio.to_thread(save, tmp_path / "a.csv", [["id", "a"]]))
        assert isinstance((await take(v.job("update", wrong))).error, UsageError)
        right = bulk.read_csv(await asyncio.to_thread(save, tmp_path / "b.csv", [["responseId", "a"]]))
        taken = await take(v.job("update", right))
        assert (taken.error, taken.outcomes) == (None, [])


@pytest.mark.parametrize("form", ["file", "records"])
@asynchronous
async def test_responses_that_were_exported_are_deleted(form: str, tmp_path: Path) -> None:
    """As the table that they stand in, without its header rows, or as the records themselves."""
    async with survey(3) as v:
        if form == "file":
            source: Any = bulk.read_csv(await exported(v, tmp_path))
        else:
            async with exports.records(v.scene.client, v.id) as found:
                source = [record async for record in found]
                assert all(isinstance(record, Response) for record in source)
        taken = await take(v.job("delete", source))
        assert taken.kinds == {"Ok": 3}
        assert [v.values(name) for name in v.responses] == [None] * 3


@asynchronous
async def test_rows_of_an_export_know_their_columns() -> None:
    """What `exports.rows()` gives is an update as it stands; nothing is asked for."""
    async with survey(2) as v:
        for name in v.responses:
            v.scene.sandbox.state.responses[name].values["cohort"] = "a"
        async with exports.rows(v.scene.client, v.id, names="text") as rows:
            taken = await take(v.job("update", rows))
        assert (taken.kinds, taken.summary.columns) == ({"Ok": 2}, ["cohort"])
        assert v.scene.count(SURVEY) == 0


@asynchronous
async def test_a_value_that_is_too_long_fails_before_anything_is_sent() -> None:
    """Above 5 000 characters; the row stands in its outcome as it was given."""
    async with survey(3) as v:
        rows = [row | {"Segment": "x" * (4_999 + n), "Status": "y"} for n, row in enumerate(v.rows())]
        taken = await take(v.job("update", rows))
        assert taken.kinds == {"Ok": 2, "Failed": 1}
        assert taken.reasons == {"too long": 1}
        (failed,) = [outcome for outcome in taken.outcomes if isinstance(outcome, Failed)]
        assert failed.item.cells == rows[2]
        assert "5001 characters" in str(failed.error)


async def plan(v: Survey, rows: Any, **options: Any) -> ResponsePlan:
    """Plan an update, or a deletion."""
    return await plan_responses(v.scene.client, v.id, rows, chunk_rows=10, **options)


@pytest.mark.parametrize("deletes", [True, False])
@pytest.mark.parametrize("looks", [True, False])
@asynchronous
async def test_a_plan_counts_what_the_job_sends(deletes: bool, looks: bool) -> None:
    """The same requests of the same routes, and no write at all."""
    async with survey(25, jobs=ByPolls(0)) as v:
        rows = [SourceRow(n + 2, row | {"Status": "1"}) for n, row in enumerate(v.rows())]
        rows.append(SourceRow(90, v.rows()[0]))
        refused: list[Any] = []

        async def keep(outcome: Any) -> None:
            refused.append(outcome)

        planned = await plan(v, rows, deletes=deletes, looks=looks, on_refused=keep)
        assert (planned.rows, planned.valid, planned.refused, planned.jobs) == (26, 25, 1, 3)
        assert planned.reasons == {"twice in the input": 1}
        assert (planned.problems[0].line, refused[0].item.response_id) == (90, v.responses[0])
        assert planned.columns == (() if deletes else ("Segment",))
        assert planned.left_out == (() if deletes else ("Status",))
        assert {record.method for record in v.scene.sandbox.requests} <= {"GET"}
        assert len(v.scene.sandbox.requests) == (0 if deletes else 1)
        v.scene.sandbox.requests.clear()
        how: dict[str, Any] = {"decrement_quotas": looks} if deletes else {"reset_recorded_date": looks}
        taken = await take(v.job("delete" if deletes else "update", rows, **how))
        assert taken.kinds == {"Ok": 25, "Failed": 1}
        sent = [f"{record.method} {record.route}" for record in v.scene.sandbox.requests]
        assert {route: sent.count(route) for route in sent} == planned.routes
        assert planned.requests == len(sent)
