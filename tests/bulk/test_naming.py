"""The list of a name: found or created, once, whatever becomes of the reply."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from between import between
from working import Scene, asynchronous, scene

from qualtrics_async import Conflict, JobFailed, OutcomeUnknown, Timeouts, UsageError
from qualtrics_async.bulk.job import Job, Settings
from qualtrics_async.bulk.naming import list_of_name

CREATE_LIST = "POST /directories/{directoryId}/mailinglists"
LISTS = "GET /directories/{directoryId}/mailinglists"
LOST: list[dict[str, Any]] = [
    {"kind": "cut"},
    {"kind": "cut", "when": "after"},
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 504, "when": "after"},
    {"kind": "truncated"},
]


@asynccontextmanager
async def job_of(s: Scene, journal: Path | None = None, **options: Any) -> AsyncGenerator[Job[Any, Any]]:
    """Open a job that has nothing to do but this."""
    settings = Settings(journal=journal, **{"reconcile_timeout": 0.0, **options})
    async with Job[Any, Any].open(s.client, settings, {"job": "test"}, concurrency=1) as job:
        yield job


def called(s: Scene, name: str) -> list[str]:
    """Find the lists of a name in the sandbox's own record."""
    return [made.id for made in s.sandbox.state.mailing_lists.values() if made.name == name]


@asynchronous
async def test_a_list_is_found_by_its_exact_name_or_created(tmp_path: Path) -> None:
    """The journal remembers the choice, also when another list gets the name later."""
    async with scene() as s:
        async with job_of(s, tmp_path / "j.db") as job:
            assert await list_of_name(job, s.directory, "List 0") == s.lists[0]
        s.sandbox.state.add_mailing_list("List 0")
        async with job_of(s, tmp_path / "j.db") as job:
            assert await list_of_name(job, s.directory, "List 0") == s.lists[0]
        async with job_of(s) as job:
            assert await list_of_name(job, s.directory, "list 0") == called(s, "list 0")[0]


@asynchronous
async def test_a_name_that_several_lists_have_is_refused() -> None:
    """Nobody but the user can say which is meant."""
    async with scene() as s:
        s.sandbox.state.add_mailing_list("List 0")
        async with job_of(s) as job:
            with pytest.raises(UsageError, match="2 mailing lists are called 'List 0'"):
                await list_of_name(job, s.directory, "List 0")


@pytest.mark.parametrize("fault", LOST, ids=str)
@asynchronous
async def test_a_lost_reply_makes_no_second_list(fault: dict[str, Any]) -> None:
    """The list that came up is taken; if none did, the creation is sent again."""
    async with scene() as s:
        s.sandbox.faults.add(route=CREATE_LIST, **fault)
        async with job_of(s) as job:
            made = await list_of_name(job, s.directory, "New")
            assert called(s, "New") == [made]
            [decision] = job.summary.decisions
            late = fault.get("when") == "after" or fault["kind"] == "truncated"
            assert decision.decision == ("accepted" if late else "sent again")


@pytest.mark.parametrize("arrived", [True, False])
@asynchronous
async def test_a_crash_while_it_is_created_makes_no_second_list(arrived: bool, tmp_path: Path) -> None:
    """The next run finds the intent in the journal and looks first."""
    async with scene() as s:
        async with job_of(s, tmp_path / "j.db") as job:
            await job.journal.set_meta("list intent", "[]")
        if arrived:
            s.sandbox.state.add_mailing_list("New")
        async with job_of(s, tmp_path / "j.db") as job:
            assert [await list_of_name(job, s.directory, "New")] == called(s, "New")


@asynchronous
async def test_a_crash_after_the_request_left_makes_no_second_list(tmp_path: Path) -> None:
    """The intent is in the journal before the request leaves; a listing that lags does not matter then."""
    looks = iter(range(3))

    def lag(answer: Any) -> None:
        if next(looks, None) is not None:
            answer["result"]["elements"].clear()

    quick = Timeouts(grace=0)
    async with scene() as s, between(s, answer={LISTS: lag}, timeouts=quick) as s.client:
        held = s.sandbox.faults.add(kind="delay", when="after", route=CREATE_LIST)

        async def run() -> str:
            async with job_of(s, tmp_path / "j.db", reconcile_timeout=5) as job:
                return await list_of_name(job, s.directory, "New")

        dying = asyncio.create_task(run())
        await held.arrived()
        dying.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dying
        held.release()
        assert [await run()] == called(s, "New")
        assert (s.count(CREATE_LIST), next(looks, None)) == (1, None)


@asynchronous
async def test_several_new_lists_after_a_lost_reply_are_not_guessed_at() -> None:
    """One of them may be somebody else's."""
    async with scene() as s:
        s.sandbox.faults.add(kind="cut", route=CREATE_LIST, when="after")
        async with job_of(s) as job:
            await job.journal.set_meta("list intent", "[]")
            for _ in range(2):
                s.sandbox.state.add_mailing_list("New")
            with pytest.raises(JobFailed, match="2 mailing lists called 'New' came up"):
                await list_of_name(job, s.directory, "New")


@asynchronous
async def test_a_refusal_is_itself_and_leaves_no_doubt(tmp_path: Path) -> None:
    """After it the next call asks for the list anew."""
    async with scene() as s:
        s.sandbox.faults.add(kind="status", status=409, route=CREATE_LIST)
        async with job_of(s, tmp_path / "j.db") as job:
            with pytest.raises(Conflict):
                await list_of_name(job, s.directory, "New")
            assert await job.journal.meta("list intent") is None
        async with job_of(s, tmp_path / "j.db") as job:
            assert [await list_of_name(job, s.directory, "New")] == called(s, "New")


@asynchronous
async def test_it_is_not_tried_for_ever() -> None:
    """A creation that is always lost ends as what it is."""
    async with scene() as s:
        s.sandbox.faults.add(kind="cut", route=CREATE_LIST, times=None)
        async with job_of(s) as job:
            with pytest.raises(OutcomeUnknown):
                await list_of_name(job, s.directory, "New")
            assert s.count(CREATE_LIST) == 3
