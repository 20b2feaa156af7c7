"""The service's part of an export: each way in which it ends, and how it is asked for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest
from talking import arrivals, talking
from vendor import DONE, SURVEY, Service, at, zipped
from virtual import loop, run, virtual
from wires import Reader, Writer, head_of
from wires import answered as answered_with

from qualtrics_async import (
    Forbidden,
    InvalidRequest,
    JobFailed,
    Limits,
    OutcomeUnknown,
    Polling,
    Qualtrics,
    RetryPolicy,
    ServerFault,
)
from qualtrics_async.exports import ExportState
from qualtrics_async.exports.chunks import stream
from qualtrics_async.exports.job import exported
from qualtrics_async.exports.options import planned
from qualtrics_async.sandbox import ByPolls, BySeconds, Sandbox

START = "POST /surveys/{surveyId}/export-responses"
PROGRESS = "GET /surveys/{surveyId}/export-responses/{exportProgressId}"
FILE = "GET /surveys/{surveyId}/export-responses/{fileId}/file"
RUNNING = {"percentComplete": 10.0, "status": "inProgress"}


@asynccontextmanager
async def exporting(jobs: Any = None, **client: Any) -> AsyncGenerator[tuple[Sandbox, Qualtrics]]:
    """Open a sandbox in virtual time whose jobs get on by the clock, and a client."""
    options = {"jobs": jobs or BySeconds(60), "clock": loop().time}
    async with talking(options, **client) as opened:
        yield opened


async def failure(client: Qualtrics, survey_id: str = SURVEY, **options: Any) -> JobFailed:
    """Export, and expect that the job ends badly; its error says in a line what and which request."""
    with pytest.raises(JobFailed) as told:
        await exported(client, survey_id, planned("csv", options))  # type: ignore[arg-type]  # any options
    error = told.value
    assert f"the export {error.job_id} of {survey_id} " in str(error)
    assert "(request " in str(error)
    assert "\n" not in str(error)
    return error


async def answered(*states: dict[str, Any], **client: Any) -> JobFailed:
    """How an export ends whose progress has these answers."""
    async with at(Service(b"", states=[RUNNING, *states]), **client) as opened:
        return await failure(opened)


@virtual
async def test_a_job_leaves_its_ids_and_the_token() -> None:
    """The file's id is another than the job's; the token is there if it was asked for."""
    async with exporting(ByPolls(2)) as (sandbox, client):
        survey_id = sandbox.state.survey_id
        job_id, file_id, token = await exported(client, survey_id, planned("csv", {}))
        assert job_id.startswith("ES_")
        assert file_id not in ("", job_id)
        assert token is None
        sandbox.state.add_response(survey_id, {"QID1": 1})
        plan = planned("csv", {"allow_continuation": True})
        *_, token = await exported(client, survey_id, plan)
        assert token


@virtual
async def test_a_failed_job_is_failed_at_100_percent() -> None:
    """The vendor's word for it counts, whatever the percentage; no file is asked for."""
    async with exporting() as (sandbox, client):
        sandbox.faults.add(kind="failed_job", route=START)
        error = await failure(client, sandbox.state.survey_id)
        assert (error.status, getattr(error.detail, "percent_complete", None)) == ("failed", 100.0)
        assert "support" in str(error)
        assert arrivals(sandbox, FILE) == 0


@virtual
async def test_a_job_without_a_file_is_no_success() -> None:
    """`complete` alone is not enough (documented)."""
    async with exporting() as (sandbox, client):
        sandbox.faults.add(kind="no_file", route=START)
        error = await failure(client, sandbox.state.survey_id)
        assert error.status == "no file"
        assert "ended without a file: start it again" in str(error)
        assert arrivals(sandbox, FILE) == 0


@pytest.mark.parametrize(
    "state",
    [
        {"percentComplete": 100.0, "status": "complete", "fileId": None},
        {"percentComplete": 100.0, "status": "complete", "fileId": ""},
        {"percentComplete": 100.0, "status": "complete"},
        {"percentComplete": 100.0, "status": "", "fileId": "F_1"},
        {"percentComplete": 100.0, "fileId": "F_1"},
    ],
    ids=str,
)
@virtual
async def test_only_the_word_with_a_file_is_success(state: dict[str, Any]) -> None:
    """Whatever else says that it has ended."""
    assert (await answered(state)).status == "no file"


@virtual
async def test_a_job_that_vanished_is_gone() -> None:
    """404 is no error of the call's: asking again is no use, starting again is."""
    async with exporting() as (sandbox, client):
        sandbox.faults.add(kind="gone_job", route=START, polls=2)
        error = await failure(client, sandbox.state.survey_id)
        assert error.status == "gone"
        assert "not known to the service any more: start it again" in str(error)
        assert getattr(error.__cause__, "status", None) == 404
        assert arrivals(sandbox, PROGRESS) == 3


@virtual
async def test_a_job_that_does_not_get_on_has_stalled() -> None:
    """After `stall_timeout` without a change, told from the last one; the deadline is for the whole."""
    async with exporting() as (sandbox, client):
        sandbox.faults.add(kind="stuck_job", route=START)
        error = await failure(client, sandbox.state.survey_id, stall_timeout=100)
        assert error.status == "stalled"
        assert "stood at" in str(error)
        assert "% for 100 s" in str(error)
        assert "may still go on" in str(error)
        assert 100 <= loop().time() < 100 + 10 + 1


@virtual
async def test_a_job_that_gets_on_slowly_has_not_stalled() -> None:
    """Each step of a percent counts."""
    async with exporting(BySeconds(1000)) as (sandbox, client):
        await exported(client, sandbox.state.survey_id, planned("csv", {"stall_timeout": 30}))
        assert loop().time() == pytest.approx(1000, abs=11)


@virtual
async def test_a_job_that_takes_too_long_has_timed_out() -> None:
    """At the end of the client's polling, with what it said last."""
    async with exporting(BySeconds(9000), polling=Polling(deadline=600)) as (sandbox, client):
        error = await failure(client, sandbox.state.survey_id)
        assert error.status == "timed out"
        assert "did not end within 600 s; it may still go on" in str(error)
        assert getattr(error.detail, "percent_complete", 0) > 5
        assert 580 < loop().time() <= 600


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ({"errorCode": "RP_2", "errorMessage": "It went wrong."}, "RP_2"),
        ({"errorMessage": "It went wrong."}, "failed"),
    ],
)
@virtual
async def test_an_error_inside_of_a_200_is_a_failed_job(error: dict[str, str], status: str) -> None:
    """With the service's words and the request id."""
    told = await answered({"error": error})
    assert told.status == status
    assert "failed: the service said 'It went wrong.' (request REQ_7)" in str(told)


@virtual
async def test_the_last_request_id_is_kept() -> None:
    """An answer without one does not lose that of the answer before."""
    started = {"progressId": "ES_1", "percentComplete": 0.0, "status": "inProgress"}
    failed = {"percentComplete": 100.0, "status": "failed"}
    answers = [
        {"result": started, "meta": {"requestId": "REQ_1"}},
        {"result": RUNNING, "meta": {"requestId": "REQ_2"}},
        {"result": failed, "meta": {}},
    ]

    class Forgetful(Service):
        """Its last answer has no request id."""

        async def __call__(self, reader: Reader, writer: Writer) -> None:
            while await head_of(reader):
                writer.write(answered_with(json.dumps(answers.pop(0)).encode()))

    async with at(Forgetful(b"")) as client:
        assert "(request REQ_2)" in str(await failure(client))


@virtual
async def test_a_word_of_the_service_is_not_taken_for_ours() -> None:
    """Its own `failed` in another spelling is kept."""
    assert (await answered({"percentComplete": 7.0, "status": "FAILED"})).status == "FAILED"


@virtual
async def test_a_refusal_is_itself() -> None:
    """Of the start or of a question: nothing is repeated that would be refused again."""
    async with exporting() as (sandbox, client):
        survey_id = sandbox.state.survey_id
        sandbox.faults.add(kind="status", status=400, route=START)
        with pytest.raises(InvalidRequest) as refused:
            await exported(client, survey_id, planned("csv", {}))
        assert any(survey_id in note for note in refused.value.__notes__)
        assert arrivals(sandbox, START) == 1
        sandbox.faults.add(kind="status", status=403, route=PROGRESS)
        with pytest.raises(Forbidden):
            await exported(client, survey_id, planned("csv", {}))
        sandbox.faults.add(kind="status", status=503, route=PROGRESS, times=None)
        with pytest.raises(ServerFault):
            await exported(client, survey_id, planned("csv", {}))


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "cut", "when": "after"},
        {"kind": "status", "status": 503, "when": "after"},
        {"kind": "malformed"},
        {"kind": "html"},
    ],
    ids=lambda fault: fault["kind"],
)
@virtual
async def test_a_start_whose_reply_was_lost_is_repeated(fault: dict[str, Any]) -> None:
    """An export that nobody fetches does no harm."""
    async with exporting(ByPolls(0)) as (sandbox, client):
        sandbox.faults.add(route=START, times=2, **fault)
        await exported(client, sandbox.state.survey_id, planned("csv", {}))
        assert arrivals(sandbox, START) == 3


@virtual
async def test_a_start_is_repeated_as_often_as_the_client_says() -> None:
    """With its waits in between; then the doubt is told."""
    async with exporting(retry=RetryPolicy(retries=3, base=10, cap=30)) as (sandbox, client):
        sandbox.faults.add(kind="cut", when="after", route=START, times=None)
        with pytest.raises(OutcomeUnknown):
            await exported(client, sandbox.state.survey_id, planned("csv", {}))
        assert arrivals(sandbox, START) == 4
        assert loop().time() == pytest.approx(10 + 20 + 30, abs=1)
    async with exporting() as (sandbox, client):
        sandbox.faults.add(kind="cut", when="after", route=START, times=None)
        with pytest.raises(OutcomeUnknown):
            await exported(client.with_options(retries=0), sandbox.state.survey_id, planned("csv", {}))
        assert arrivals(sandbox, START) == 1


@virtual
async def test_questions_come_quickly_and_then_slowly() -> None:
    """A small export is there in half a second; a large one is asked for every ten."""
    async with exporting(BySeconds(120)) as (sandbox, client):
        await exported(client, sandbox.state.survey_id, planned("csv", {}))
        asked = [record.at for record in sandbox.requests if f"{record.method} {record.route}" == PROGRESS]
        waits = [after - before for before, after in pairwise(asked)]
        expected = [min(10, 0.5 * 1.5**number) for number in range(len(waits))]
        assert waits == pytest.approx(expected, abs=0.1)
        assert waits[-1] == pytest.approx(10, abs=0.1)


def test_many_jobs_stay_within_the_quota_of_their_route() -> None:
    """Of a thousand questions a minute, however many exports wait."""

    async def main() -> None:
        limits = Limits(routes={PROGRESS: 120, START: None})
        polling = Polling(first=0.5, factor=1, longest=0.5)
        async with exporting(BySeconds(60), limits=limits, polling=polling) as (sandbox, client):
            plan = planned("csv", {})
            await asyncio.gather(*(exported(client, sandbox.state.survey_id, plan) for _ in range(10)))
            asked = [
                record.at for record in sandbox.requests if f"{record.method} {record.route}" == PROGRESS
            ]
            most = max(sum(begin <= at < begin + 60 for at in asked) for begin in asked)
            assert 100 <= most <= 120

    run(main())


@virtual
async def test_progress_is_told_while_the_service_works() -> None:
    """In percent of its own; numbers beyond the scale are brought back into it."""
    states: list[ExportState] = []
    service = Service(
        zipped(b"x"),
        states=[
            {"percentComplete": -5.0, "status": "inProgress"},
            {"percentComplete": "40", "status": "inProgress"},
            {"status": "inProgress"},
            {"percentComplete": 250.0, "status": "inProgress"},
            DONE,
        ],
    )
    async with at(service) as client:
        await exported(client, SURVEY, planned("csv", {"on_progress": states.append}))
    assert [state.percent for state in states] == [0, 40, 0, 100, 100]
    assert {(state.phase, state.survey_id, state.done, state.total) for state in states} == {
        ("exporting", SURVEY, 0, None)
    }


@virtual
async def test_what_a_listener_raises_ends_the_export() -> None:
    """As itself, not as a failed job."""

    def complain(_: ExportState) -> None:
        raise ZeroDivisionError

    async with at(Service(zipped(b"x"))) as client:
        with pytest.raises(ZeroDivisionError):
            await exported(client, SURVEY, planned("csv", {"on_progress": complain}))


@virtual
async def test_waiting_ends_with_its_task() -> None:
    """A cancellation is heard between two questions."""
    async with exporting() as (sandbox, client):

        async def ask() -> None:
            async with stream(client, sandbox.state.survey_id):
                raise AssertionError

        task = asyncio.create_task(ask())
        await asyncio.sleep(7)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert loop().time() == pytest.approx(7, abs=0.1)
        assert arrivals(sandbox, FILE) == 0
