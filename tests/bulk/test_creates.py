"""Single creates: one POST a row, one outcome a row, each of them the truth."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from working import CREATE, Taken, asynchronous, scene, settle, take

from qualtrics_async import (
    Forbidden,
    NotFound,
    RateLimited,
    RetryPolicy,
    Unauthorized,
    UsageError,
)
from qualtrics_async.models import ContactCreate


@asynchronous
async def test_each_row_is_one_post() -> None:
    """Every good row is created once, with its ids; every bad one fails before anything is sent."""
    async with scene(lists=3) as s:
        rows: list[Any] = [*s.rows(70), {"Color": "red"}]
        taken = await take(
            s.creates(rows, mailing_list=lambda row: s.spread(row) if "extRef" in row else "CG_1")
        )
        settle(s.sandbox, rows, taken.outcomes)
        assert taken.kinds == {"Ok": 70, "Failed": 1}
        assert s.count(CREATE) == 70
        assert taken.summary.items == taken.summary.outcomes == 71


@asynchronous
async def test_private_embedded_data_goes_along_and_transaction_data_does_not() -> None:
    """What one POST takes is not what an import takes."""
    async with scene() as s:
        rows = s.rows(2)
        rows[0]["privateEmbeddedData"] = {"x": 1}
        rows[1]["transactionData"] = {"x": 1}
        taken = await take(s.creates(rows))
        settle(s.sandbox, rows, taken.outcomes)
        assert taken.reasons == {"bad value": 1}
        [member] = s.sandbox.state.mailing_lists[s.lists[0]].members
        assert member.private_embedded_data == {"x": "1"}


@pytest.mark.parametrize("deduplicate", [("email",), ()])
@asynchronous
async def test_duplicates(deduplicate: tuple[str, ...]) -> None:
    """A double updates the contact where the directory deduplicates, and makes a second one where not."""
    async with scene(deduplicate=deduplicate) as s:
        rows = s.rows(10, email="same@example.com")
        taken = await take(s.creates(rows))
        settle(s.sandbox, rows, taken.outcomes)
        assert taken.kinds == {"Ok": 10}
        assert len(s.sandbox.state.contacts) == (1 if deduplicate else 10)


@pytest.mark.parametrize("concurrency", [1, 25, 40])
@asynchronous
async def test_concurrency_bounds_the_requests(concurrency: int) -> None:
    """No more requests are in flight than were asked for."""
    async with scene(latency=0.005) as s:
        most = 0

        async def watch() -> None:
            nonlocal most
            while True:
                most = max(most, s.client.quota().in_flight)
                await asyncio.sleep(0)

        watching = asyncio.create_task(watch())
        rows = s.rows(60)
        taken = await take(s.creates(rows, concurrency=concurrency))
        watching.cancel()
        settle(s.sandbox, rows, taken.outcomes)
        assert min(concurrency, 2) <= most <= concurrency


@asynchronous
async def test_a_refusal_is_one_rows_failure() -> None:
    """A 400 fails its row, a 429 is repeated."""
    async with scene() as s:
        s.sandbox.faults.add(kind="status", route=CREATE, status=400, skip=3)
        s.sandbox.faults.add(kind="status", route=CREATE, status=429, times=4)
        rows = s.rows(30)
        taken = await take(s.creates(rows))
        settle(s.sandbox, rows, taken.outcomes)
        assert taken.kinds == {"Ok": 29, "Failed": 1}
        assert taken.reasons == {"refused": 1}


@pytest.mark.parametrize(
    ("status", "error"), [(401, Unauthorized), (403, Forbidden), (404, NotFound), (429, RateLimited)]
)
@asynchronous
async def test_what_would_fail_every_row_stops_the_job(
    status: int, error: type[Exception], tmp_path: Path
) -> None:
    """The rows that were not created are created by the same call later, each once."""
    async with scene(client={"retry": RetryPolicy(base=0, refusals=1)}) as s:
        s.sandbox.faults.add(kind="status", route=CREATE, status=status, skip=7, times=None)
        rows, journal = s.rows(60), tmp_path / "j.db"
        first = await take(s.creates(rows, journal=journal))
        assert type(first.error) is error
        assert s.sandbox.state.processed[CREATE] == 7
        s.sandbox.faults.clear()
        second = await take(s.creates(rows, journal=journal))
        settle(s.sandbox, rows, first.outcomes + second.outcomes)
        assert second.error is None
        assert s.sandbox.state.processed[CREATE] == 60


@asynchronous
async def test_rows_that_wait_for_their_turn_are_not_sent_after_a_stop() -> None:
    """They are of the same block, and the only place is free again."""
    async with scene() as s:
        s.sandbox.faults.add(kind="status", route=CREATE, status=403, skip=3, times=None)
        taken = await take(s.creates(s.rows(20), concurrency=1))
        assert isinstance(taken.error, Forbidden)
        assert s.count(CREATE) == 4


@asynchronous
async def test_cancelled_while_rows_are_under_way(tmp_path: Path) -> None:
    """What has left is confirmed, what has not is created later; no row is in doubt."""
    async with scene() as s:
        rows, journal, first = s.rows(50), tmp_path / "j.db", Taken()

        async def run() -> None:
            async with s.creates(rows, journal=journal) as outcomes:
                async for outcome in outcomes:
                    first.outcomes.append(outcome)

        held = s.sandbox.faults.add(kind="delay", route=CREATE, when="after", skip=10)
        task = asyncio.create_task(run())
        await held.arrived()
        task.cancel()
        await asyncio.sleep(0.01)
        held.release()
        with pytest.raises(asyncio.CancelledError):
            await task
        second = await take(s.creates(rows, journal=journal))
        settle(s.sandbox, rows, first.outcomes + second.outcomes)
        assert second.kinds["InDoubt"] == 0
        assert s.count(CREATE) == 50


@asynchronous
async def test_contacts_as_rows_and_arguments_that_cannot_be_meant() -> None:
    """`ContactCreate` is a row; strange ids and numbers are refused before anything is read."""
    async with scene() as s:
        contacts = [ContactCreate(ext_ref=f"r{n}", first_name="A") for n in range(3)]
        taken = await take(s.creates(contacts, mailing_list=s.lists[0]))
        assert taken.kinds == {"Ok": 3}
        for options in ({"concurrency": 0}, {"mailing_list": " "}):
            taken = await take(s.creates([], **options))
            assert isinstance(taken.error, UsageError)
