"""How imports end badly: failed, vanished, stalled and refused ones, and what a cancelled one leaves."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from inward import PROGRESS, START, place, taking
from virtual import virtual

from qualtrics_async import ApiError, Polling, ServerFault
from qualtrics_async.errors import InvalidRequest, JobFailed, NotFound
from qualtrics_async.exports.importing import ImportState, import_responses
from qualtrics_async.models.common import JobProgress
from qualtrics_async.sandbox import ByPolls

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ROWS: list[dict[str, Any]] = [
    {"campaign": "spring", "note": 'a, "b"\nc'},
    {"campaign": "winter", "note": "Zoë"},
]


@taking
async def test_a_failure_inside_a_200_says_why() -> None:
    """The reason, the request id for the vendor's support and the key are in the error."""
    async with place() as here:
        with pytest.raises(
            JobFailed, match=r"failed: the service said 'The file has no header\.' \(request [-0-9a-f]+\)"
        ) as caught:
            await import_responses(here.client, here.survey_id, b"\n", idempotency_key="key-1", check=False)
        error = caught.value
        assert (error.status, error.detail) == ("PLACEHOLDER_IMPORT", "The file has no header.")
        assert error.job_id in here.sandbox.state.jobs
        assert here.survey_id in str(error)
        assert "idempotency_key='key-1'" in error.__notes__[0]
        assert isinstance(error.__cause__, ApiError)


@taking
async def test_a_failure_without_a_reason() -> None:
    """A word in the progress is a failure as well."""
    async with place() as here:
        client = here.client
        answer = JobProgress(percent_complete=100.0, status="failed")

        async def progress(*_: object) -> JobProgress:
            return answer

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(type(client.response_imports), "progress", progress)
            with pytest.raises(JobFailed, match="does not say why") as caught:
                await import_responses(client, here.survey_id, ROWS)
        assert (caught.value.status, caught.value.detail) == ("failed", answer)


@taking
async def test_a_job_that_vanished() -> None:
    """A progress that is not found ends the wait, and says what the key was."""
    async with place(jobs=ByPolls(3)) as here:
        here.sandbox.faults.add(kind="status", status=404, route=PROGRESS, skip=1)
        with pytest.raises(JobFailed, match="not known to the service any more") as caught:
            await import_responses(here.client, here.survey_id, ROWS)
        assert caught.value.status == "gone"
        assert isinstance(caught.value.__cause__, NotFound)
        assert here.headers()[0]["Idempotency-Key"] in caught.value.__notes__[0]


@virtual
async def test_a_job_that_never_moves_ends() -> None:
    """After half an hour without progress, long before the end of an ordinary wait's hour."""
    async with place(polling=Polling(first=50, longest=100)) as here:
        here.sandbox.faults.add(kind="stuck_job", route=START)
        began = asyncio.get_running_loop().time()
        with pytest.raises(JobFailed, match=r"stood at 0 % for 1800 s; .* \(request [-0-9a-f]+\)") as caught:
            await import_responses(here.client, here.survey_id, ROWS)
        assert caught.value.status == "stalled"
        assert isinstance(caught.value.detail, JobProgress)
        assert 1800 <= asyncio.get_running_loop().time() - began < 2000


@virtual
async def test_the_deadline_of_the_polling_counts_too() -> None:
    """A client that is less patient gives up earlier."""
    async with place(polling=Polling(deadline=60)) as here:
        here.sandbox.faults.add(kind="stuck_job", route=START)
        with pytest.raises(JobFailed) as caught:
            await import_responses(here.client, here.survey_id, ROWS)
        assert caught.value.status == "timed out"
        assert "idempotency_key=" in caught.value.__notes__[0]


@virtual
async def test_a_job_that_moves_is_waited_for() -> None:
    """Each time that it has moved it has the whole time again."""
    seen = [0, 0, 0, 10, 10, 10, 20, 20, 20, 100]
    answers = [JobProgress(percent_complete=float(percent), status=None) for percent in seen]

    async def progress(*_: object) -> JobProgress:
        return answers.pop(0)

    async with place(polling=Polling(first=10, longest=10)) as here:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(type(here.client.response_imports), "progress", progress)
            done = await import_responses(here.client, here.survey_id, ROWS, stall_timeout=25)
        assert done.progress is not None
        assert done.progress.is_finished


@taking
async def test_a_refused_question_for_the_progress_leaves_the_key() -> None:
    """The import goes on at the service, and the error says how to repeat it without doubling anything."""
    async with place() as here:
        here.sandbox.faults.add(kind="status", status=500, route=PROGRESS, times=None)
        with pytest.raises(ServerFault) as caught:
            await import_responses(here.client, here.survey_id, ROWS)
        (note,) = caught.value.__notes__
        assert here.headers()[0]["Idempotency-Key"] in note
        assert f"into the survey {here.survey_id} goes on" in note


@taking
async def test_a_refused_start_leaves_the_key() -> None:
    """Nothing was imported, and the error has the key of the call."""
    async with place() as here:
        here.sandbox.faults.add(kind="status", status=400, route=START)
        with pytest.raises(InvalidRequest) as caught:
            await import_responses(here.client, here.survey_id, ROWS)
        assert here.headers()[0]["Idempotency-Key"] in caught.value.__notes__[0]
        assert here.survey_id in caught.value.__notes__[0]
        assert not here.values


@pytest.mark.parametrize("moment", ["reading", "sending", "importing"])
@taking
async def test_cancellation_leaves_nothing(
    moment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whenever it comes: no file is left, no task, the source is closed, and the client still works."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    closed: list[str] = []
    reached = asyncio.Event()

    async def rows() -> AsyncIterator[dict[str, Any]]:
        try:
            for row in ROWS * 400:
                yield row
            if moment == "reading":
                reached.set()
                await asyncio.Event().wait()
        finally:
            closed.append("closed")

    def look(state: ImportState) -> None:
        if state.phase == moment == "importing":
            reached.set()

    async with place(jobs=ByPolls(10**9), polling=Polling(first=0.001, longest=0.001)) as here:
        held = None
        if moment == "sending":
            held = here.sandbox.faults.add(kind="delay", route=START)
        work = asyncio.create_task(import_responses(here.client, here.survey_id, rows(), on_progress=look))
        await (held.arrived() if held is not None else reached.wait())
        work.cancel()
        await asyncio.sleep(0)
        if held is not None:
            held.release()
        with pytest.raises(asyncio.CancelledError):
            await work
        assert closed == ["closed"]
        await here.client.users.whoami()
    assert await asyncio.to_thread(os.listdir, tmp_path) == []


@taking
async def test_a_source_that_breaks_sends_nothing() -> None:
    """What the caller's own iteration raises leaves as itself."""

    def broken() -> Any:
        yield ROWS[0]
        raise ZeroDivisionError

    async with place() as here:
        with pytest.raises(ZeroDivisionError):
            await import_responses(here.client, here.survey_id, broken())
        assert not here.sandbox.requests
