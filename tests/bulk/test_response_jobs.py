"""Updates and deletions of responses: chunks, jobs one after the other, an outcome for each response."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from between import between
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from responding import DELETE, GET_RESPONSE, UPDATE, UPDATING, Survey, survey
from virtual import virtual
from working import asynchronous, take

from qualtrics_async import InvalidRequest, JobFailed, JournalError, NotFound, Polling, UsageError, bulk
from qualtrics_async.bulk import Failed, InDoubt, Ok
from qualtrics_async.bulk.job import Settings
from qualtrics_async.bulk.responses import MAX_JOB_BYTES, MAX_JOB_ROWS, response_chunker
from qualtrics_async.models.response_jobs import ResponseUpdate
from qualtrics_async.sandbox import ByPolls

KINDS = ["update", "delete"]


def given_to(kind: str, rows: list[dict[str, Any]]) -> list[Any]:
    """Give updates as rows, and deletions as ids."""
    return rows if kind == "update" else [row["responseId"] for row in rows]


def bodies(v: Survey, route: str) -> list[dict[str, Any]]:
    """What was sent to a route."""
    return [
        json.loads(record.body or b"")
        for record in v.scene.sandbox.requests
        if f"{record.method} {record.route}" == route
    ]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("polls", [0, 3])
@asynchronous
async def test_every_response_has_its_outcome(kind: str, polls: int) -> None:
    """In jobs of ten, one after the other; all that was asked for is done, and the summary says so."""
    async with survey(35, jobs=ByPolls(polls)) as v:
        rows = given_to(kind, v.rows())
        taken = await take(v.job(kind, rows))
        v.settle(kind, rows, taken.outcomes)
        assert taken.kinds == {"Ok": 35}
        route = UPDATE if kind == "update" else DELETE
        assert [len(body.get("updates") or body["deletes"]) for body in bodies(v, route)] == [10, 10, 10, 5]
        assert (taken.summary.items, taken.summary.sent, taken.summary.ok) == (35, 35, 35)
        posts = [f"{record.method} {record.route}" == route for record in v.scene.sandbox.requests]
        second = posts.index(True, posts.index(True) + 1)
        if polls:  # the second job left only when the first had been seen to end
            assert second > polls


@pytest.mark.parametrize("ignored", [True, False])
@pytest.mark.parametrize("kind", KINDS)
@asynchronous
async def test_responses_that_are_not_there(kind: str, ignored: bool) -> None:
    """They fail, and no other one does, or are Ok where that was asked for."""
    async with survey(12) as v:
        rows = v.rows()
        rows[3:3] = [{"responseId": f"R_missing{n}", "Segment": "x"} for n in range(2)]
        rows = given_to(kind, rows)
        taken = await take(v.job(kind, rows, ignore_missing_responses=ignored))
        outcomes = v.settle(kind, rows, taken.outcomes, ignored=ignored)
        assert taken.kinds == ({"Ok": 14} if ignored else {"Ok": 12, "Failed": 2})
        if not ignored:
            assert outcomes[3].item.response_id == "R_missing0"
            assert "R_missing0" in str(outcomes[3].error)
            assert taken.reasons == {"refused by the job": 2}


@asynchronous
async def test_the_second_row_of_a_response_fails() -> None:
    """Also when they would be in different jobs; the first one counts, and it is said which one failed."""
    async with survey(15) as v:
        rows = [*v.rows(), v.rows()[0] | {"Segment": "again"}, v.rows()[14] | {"Segment": "again"}]
        taken = await take(v.job("update", rows))
        outcomes = v.settle("update", rows, taken.outcomes)
        assert taken.reasons == {"twice in the input": 2}
        assert outcomes[15].item.response_id == v.responses[0]
        assert outcomes[15].item.embedded_data == {"Segment": "again"}
        assert [(v.values(name) or {})["Segment"] for name in v.responses[::14]] == ["s0", "s14"]


@asynchronous
async def test_a_stream_of_updates() -> None:
    """An async generator of `ResponseUpdate`s; each may say for itself whether its date is reset."""
    async with survey(4) as v:

        async def updates() -> AsyncGenerator[ResponseUpdate]:
            for n, name in enumerate(v.responses):
                made = ResponseUpdate(response_id=name, embedded_data={"Segment": f"s{n}"})
                yield replace(made, reset_recorded_date=True) if n == 2 else made

        taken = await take(v.job("update", updates(), reset_recorded_date=False))
        v.settle("update", v.rows(), taken.outcomes)
        assert v.once() == {v.responses[2]: 1}


@asynchronous
async def test_a_response_of_a_row_that_was_erased_is_known(tmp_path: Path) -> None:
    """A replay of a job that is over names each response, although its row is gone from the journal."""
    async with survey(12) as v:
        rows = [*v.rows(), {"responseId": "R_missing", "Segment": "x"}]
        await take(v.job("update", rows, journal=tmp_path / "j.db"))
        taken = await take(v.job("update", rows, journal=tmp_path / "j.db", replay=True))
        outcomes = {outcome.item.index: outcome for outcome in taken.outcomes}
        names = [outcomes[index].item.response_id for index in range(13)]
        assert names == [*v.responses, "R_missing"]
        assert outcomes[0].value.response_id == v.responses[0]
        assert outcomes[0].item.embedded_data == {}
        assert v.scene.count(UPDATE) == 2


@pytest.mark.parametrize("few", [True, False])
@asynchronous
async def test_a_failed_job(few: bool) -> None:
    """Few responses of it are looked at, and fail where nothing was done; of many, all are in doubt."""
    async with survey(40) as v:
        v.scene.sandbox.faults.add(kind="failed_job", route=UPDATE)
        rows = v.rows()
        taken = await take(v.job("update", rows, chunk_rows=10 if few else 30))
        v.settle("update", rows, taken.outcomes)
        assert taken.kinds == ({"Ok": 30, "Failed": 10} if few else {"Ok": 10, "InDoubt": 30})
        assert taken.reasons == {"job failed": 10 if few else 30}
        assert v.scene.count(UPDATE) == (4 if few else 2)


@asynchronous
async def test_a_failed_job_that_was_done_in_part() -> None:
    """What shows the values is Ok, what does not has failed, and who cannot be asked for is in doubt."""
    async with survey(5) as v:
        v.scene.sandbox.faults.add(kind="failed_job", route=UPDATE)
        state = v.scene.sandbox.state
        state.responses[v.responses[1]].values["Segment"] = "s1"
        v.scene.sandbox.faults.add(
            kind="status", status=403, route=GET_RESPONSE, path=v.responses[2], times=None
        )
        rows = v.rows()
        taken = await take(v.job("update", rows))
        outcomes = v.settle("update", rows, taken.outcomes)
        assert [type(outcomes[n]) for n in range(5)] == [Failed, Ok, InDoubt, Failed, Failed]


@pytest.mark.parametrize("kind", KINDS)
@asynchronous
async def test_counts_that_nobody_is_named_for(kind: str) -> None:
    """An error without a name leaves the others of its job in doubt, and the next job goes on."""
    route = UPDATING if kind == "update" else UPDATING.replace("update-", "delete-")
    told = iter([True])

    def edit(answer: Any) -> None:
        if answer["result"]["status"] == "complete" and next(told, False):
            answer["result"] |= {"errorCount": 2, "errors": [f"{v.responses[3]}: no"]}

    async with survey(40) as v, between(v.scene, answer={route: edit}) as client:
        rows = given_to(kind, v.rows())
        taken = await take(v.job(kind, rows, client=client, chunk_rows=30))
        assert taken.reasons == {"errors without a name": 29, "refused by the job": 1}
        assert taken.kinds == {"Ok": 10, "Failed": 1, "InDoubt": 29}


@virtual
async def test_a_job_that_does_not_end() -> None:
    """After the deadline of the call, not that of the client, its responses are in doubt."""
    polling = Polling(first=1, factor=2, longest=600, deadline=60)
    async with survey(30, client={"polling": polling}) as v:
        v.scene.sandbox.faults.add(kind="stuck_job", route=UPDATE)
        began = asyncio.get_running_loop().time()
        taken = await take(v.job("update", v.rows(), chunk_rows=30, deadline=900))
        assert taken.reasons == {"job timed out": 30}
        assert 250 < asyncio.get_running_loop().time() - began <= 900
        taken = await take(v.job("update", v.rows(), chunk_rows=30, deadline=100))
        assert taken.reasons == {"job timed out": 30}  # it waits behind the other
        assert asyncio.get_running_loop().time() - began < 1_000


@asynchronous
async def test_a_job_that_is_not_found_any_more() -> None:
    """Nobody knows what became of it, and the next job goes on."""
    async with survey(40) as v:
        v.scene.sandbox.faults.add(kind="status", status=404, route=UPDATING)
        taken = await take(v.job("update", v.rows(), chunk_rows=30))
        assert taken.reasons == {"job not seen": 30}
        assert taken.kinds == {"Ok": 10, "InDoubt": 30}


@asynchronous
async def test_progress_that_cannot_be_read_for_a_while() -> None:
    """Faults of the progress cost nothing but time."""
    async with survey(10) as v:
        v.scene.sandbox.faults.add(kind="status", status=503, route=UPDATING, times=12)
        taken = await take(v.job("update", v.rows()))
        assert taken.kinds == {"Ok": 10}


@pytest.mark.parametrize("kind", KINDS)
@asynchronous
async def test_a_job_that_is_refused(kind: str) -> None:
    """Its responses fail with what the service said, and nothing was left behind; the others are done."""
    async with survey(20) as v:
        route = UPDATE if kind == "update" else DELETE
        v.scene.sandbox.faults.add(kind="status", status=400, route=route)
        rows = given_to(kind, v.rows())
        taken = await take(v.job(kind, rows))
        outcomes = v.settle(kind, rows, taken.outcomes)
        assert taken.reasons == {"refused": 10}
        assert isinstance(outcomes[0].error, InvalidRequest)


@asynchronous
async def test_a_survey_that_is_not_there_ends_the_job() -> None:
    """The error is the service's, and nothing is tried again."""
    async with survey(20) as v:
        taken = await take(bulk.update_responses(v.scene.client, "SV_none", v.rows(), chunk_rows=10))
        assert isinstance(taken.error, NotFound)
        assert (taken.outcomes, v.scene.count(UPDATE)) == ([], 1)


@asynchronous
async def test_too_many_failures_stop_the_job() -> None:
    """As in every bulk job."""
    async with survey(0) as v:
        rows = [f"R_{n}" for n in range(30)]
        taken = await take(v.job("delete", rows, max_failures=5))
        assert isinstance(taken.error, JobFailed)
        assert v.scene.count(DELETE) < 3


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"chunk_rows": 0}, "1 to 250000 rows"),
        ({"chunk_rows": 250_001}, "1 to 250000 rows"),
        ({"chunk_bytes": 5_000_001}, "to 5000000 bytes"),
        ({"chunk_bytes": 10}, "to 5000000 bytes"),
        ({"deadline": 0}, "deadline"),
        ({"max_failures": -1}, "max_failures"),
        ({"confirm": 1}, "confirm=True"),
        ({"survey_id": "SV/1"}, "surveyId"),
        ({"rows": "R_1"}, "iterable of rows, got str; one id goes into a list"),
    ],
)
@asynchronous
async def test_arguments_that_cannot_be_meant(options: dict[str, Any], words: str) -> None:
    """They are refused before anything is read or sent."""
    async with survey(1) as v:
        survey_id, rows = options.pop("survey_id", v.id), options.pop("rows", iter(()))
        with pytest.raises(UsageError, match=words):
            async with bulk.delete_responses(v.scene.client, survey_id, rows, **{"confirm": True, **options}):
                pass
        assert v.scene.sandbox.requests == []


OTHER: list[tuple[dict[str, Any], str]] = [
    ({"reset_recorded_date": False}, "recorded date"),
    ({"ignore_missing_responses": True}, "missing responses"),
    ({"response_id_column": "responseId"}, "response id column"),
    ({"clear_empty": True}, "empty cells"),
    ({"chunk_rows": 9}, "chunks"),
]


@pytest.mark.parametrize(("options", "named"), OTHER)
@asynchronous
async def test_a_journal_of_another_job_is_refused(options: Any, named: str, tmp_path: Path) -> None:
    """What would change what is sent makes it another job; how long is waited does not."""
    async with survey(5) as v:
        journal = tmp_path / "j.db"
        await take(v.job("update", v.rows(), journal=journal))
        taken = await take(v.job("update", v.rows(), journal=journal, **options))
        assert isinstance(taken.error, JournalError)
        assert named in str(taken.error)
        assert (await take(v.job("delete", v.rows(), journal=journal))).error is not None
        assert (await take(v.job("update", v.rows(), journal=journal, deadline=7))).error is None
        assert v.scene.count(UPDATE) == 1


@asynchronous
async def test_failures_become_a_file_that_can_be_given_again(tmp_path: Path) -> None:
    """Rows that came from no file have a column for the id, one for each value, and what went wrong."""
    path = tmp_path / "failed.csv"
    async with survey(2) as v:
        rows = [
            *v.rows(),
            v.rows()[0],
            {"responseId": "R_none", "Segment": "x"},
            {"Response ID": "", "a": 1},
        ]
        async with bulk.failures_file(path) as failed, v.job("update", rows) as outcomes:
            async for outcome in outcomes:
                await failed.add(outcome)
        read = bulk.read_csv(path)
        cells = [row.cells async for row in read if isinstance(row, bulk.SourceRow)]
        assert [(row["responseId"], row["Segment"], row["_reason"]) for row in cells] == [
            (v.responses[0], "s0", "twice in the input"),
            ("R_none", "x", "refused by the job"),
            ("", "", "no response id"),
        ]
        made = v.scene.sandbox.state.add_response(v.id)
        text = await asyncio.to_thread(path.read_text, encoding="utf-8")
        await asyncio.to_thread(path.write_text, text.replace("R_none", made.id), encoding="utf-8")
        taken = await take(v.job("update", bulk.read_csv(path)))
        assert taken.kinds == {"Ok": 2, "Failed": 1}
        assert (made.values["Segment"], "_reason" in made.values) == ("x", False)


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


@settings(max_examples=25)
@given(
    values=st.lists(st.tuples(TEXTS, st.integers(0, 60)), min_size=1, max_size=30),
    rows=st.integers(1, 12),
    size=st.integers(2_048, 6_000),
)
def test_no_body_is_larger_than_a_job_takes(values: list[tuple[str, int]], rows: int, size: int) -> None:
    """By count and by bytes, whatever the values are made of; each response has exactly one outcome."""

    @asynchronous
    async def run() -> None:
        async with survey(len(values)) as v:
            given = [
                {"responseId": name, "Segment": f"{text}{'ü' * (7 * more)}" or "x"}
                for name, (text, more) in zip(v.responses, values, strict=True)
            ]
            for row in given:
                row["Segment"] = row["Segment"].strip() or "x"
            taken = await take(v.job("update", given, chunk_rows=rows, chunk_bytes=size))
            v.settle("update", given, taken.outcomes)
            assert taken.kinds["Failed"] == 0
            sent = [record.body or b"" for record in v.scene.sandbox.requests if record.method == "POST"]
            assert max(map(len, sent)) <= size
            counts = [len(json.loads(body)["updates"]) for body in sent]
            assert max(counts) <= rows
            assert sum(counts) == len(given)

    run()


@asynchronous
async def test_a_row_that_no_job_takes_is_refused() -> None:
    """A value larger than a body fails alone, before anything is sent."""
    async with survey(3) as v:
        rows = v.rows()
        rows[1]["Segment"] = "ü" * 1_100
        taken = await take(v.job("update", rows, chunk_bytes=2_048))
        outcomes = v.settle("update", rows, taken.outcomes)
        assert taken.reasons == {"too large": 1}
        assert outcomes[1].item.response_id == v.responses[1]


def test_six_hundred_thousand_responses_make_full_chunks() -> None:
    """Each chunk holds as much as a job takes, by count or by bytes, and only the last one has room."""
    for size, counts in ((17, [250_000, 250_000, 100_000]), (100, [49_009, 49_009, 11_892])):
        chunker = response_chunker(Settings(), MAX_JOB_ROWS, MAX_JOB_BYTES)
        full = []
        for _ in range(sum(counts)):
            _, closed = chunker.add("SV_1", size)
            if closed is not None:
                full.append(closed)
        full += chunker.flush()
        assert [chunk.count for chunk in full] == counts
        assert all(chunk.size + 64 <= MAX_JOB_BYTES for chunk in full)
