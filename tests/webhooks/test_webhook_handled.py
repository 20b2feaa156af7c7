"""Which events of a receiver count as handled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from virtual import run, virtual
from webhook_keeping import Transactions
from webhook_posting import deliver, left, number

from qualtrics_async import JournalError
from qualtrics_async.webhooks.durable import DurableInbox
from qualtrics_async.webhooks.events import Event
from qualtrics_async.webhooks.receiver import Receiver


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the inbox is."""
    return tmp_path / "inbox.db"


# Handled.


def test_an_event_is_handled_when_the_next_one_is_asked_for_or_the_block_is_left(path: Path) -> None:
    """A crash in between brings back what was in hand."""

    async def walking(*, fails: bool) -> None:
        async with Receiver(inbox=path) as receiver:
            await deliver(receiver, 1, 2, 3)
            async for event in receiver:
                if number(event) == 2:
                    if fails:
                        raise RuntimeError("the handler's own")
                    break

    with pytest.raises(RuntimeError):
        run(walking(fails=True))
    assert left(path) == [2, 3]
    run(walking(fails=False))
    assert left(path) == [3]


def test_loops_that_are_left_and_begun_again_leave_nothing_in_hand(path: Path) -> None:
    """More events than fit, each in a loop of its own, in a task of its own or not."""

    async def one(receiver: Receiver) -> int:
        async for event in receiver:
            return number(event)
        raise AssertionError

    async def walking() -> None:
        async with Receiver(inbox=path, queue_size=3) as receiver:
            for n in range(10):
                await deliver(receiver, n)
                assert await one(receiver) == n
            for n in range(10, 20):
                await deliver(receiver, n)
                taken = await receiver.take()
                assert taken is not None
                await receiver.done(taken.number)
            events = aiter(receiver)
            for n in range(20, 30):
                await deliver(receiver, n)
                assert number(await asyncio.create_task(_anext(events))) == n

    run(walking())
    assert left(path) == []


async def _anext(events: AsyncIterator[Event]) -> Event:
    return await anext(events)


def test_tasks_share_the_events_and_each_has_its_own_in_hand(path: Path) -> None:
    """Each comes out once; what a task had that failed, was cancelled or still works is not handled."""
    in_hand: dict[str, int] = {}
    rest = set(range(25))

    async def walking() -> None:
        hold = asyncio.Event()

        async def work(receiver: Receiver, name: str) -> None:
            async for event in receiver:
                in_hand[name] = number(event)
                rest.remove(number(event))
                await asyncio.sleep(0)
                if len(rest) <= 5:
                    if name == "fails":
                        raise RuntimeError(name)
                    await hold.wait()

        async with Receiver(inbox=path) as receiver:
            names = ("fails", "cancelled", "busy")
            tasks = [asyncio.ensure_future(work(receiver, name)) for name in names]
            await asyncio.gather(*(deliver(receiver, n, n) for n in range(25)))
            for _ in range(100):
                await asyncio.sleep(0)
            tasks[1].cancel()
            await asyncio.wait(tasks[:2])
            assert tasks[1].cancelled()
            assert isinstance(tasks[0].exception(), RuntimeError)
            assert len(rest) == receiver.waiting > 1
            async for event in receiver:  # this task's own is handled when it leaves
                rest.remove(number(event))
                break
        hold.set()
        await tasks[2]

    run(walking())
    assert set(left(path)) == rest | set(in_hand.values())


@pytest.mark.parametrize("who", ["leaves", "worker", "failed", "other"])
def test_what_another_task_fetched_for_the_one_that_leaves_is_handled(who: str, path: Path) -> None:
    """`wait_for()` has a task of its own before Python 3.12; a worker that got an iterator is not."""

    async def walking() -> None:
        async with Receiver(inbox=path) as receiver:
            await deliver(receiver, 1)
            events: AsyncIterator[Event] = aiter(receiver)
            if who == "other":
                events = await asyncio.ensure_future(_walk(receiver))
            hold = asyncio.Event()

            async def work() -> Event:
                event = await anext(events)
                if who == "worker":
                    await hold.wait()
                if who == "failed":
                    raise RuntimeError
                return event

            task = asyncio.ensure_future(work())
            await asyncio.wait({task}, timeout=1)
        hold.set()
        await asyncio.wait({task})
        task.exception()

    run(walking())
    assert left(path) == ([] if who == "leaves" else [1])


def test_who_gives_up_waiting_loses_nothing(path: Path) -> None:
    async def walking() -> None:
        async with Receiver(inbox=path) as receiver:
            events = aiter(receiver)
            for n in range(3):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(anext(events), 1)
                await deliver(receiver, n)
                assert number(await asyncio.wait_for(anext(receiver), 1)) == n

    run(walking())
    assert left(path) == []


@virtual
async def test_leaving_tells_what_could_not_be_noted_unless_something_else_went_wrong(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def leaving(problem: Exception | None) -> None:
        async with Receiver(inbox=path) as receiver:
            assert isinstance(receiver._inbox, DurableInbox)
            await deliver(receiver, 1)
            taken = await receiver.take()
            assert taken is not None
            Transactions(receiver._inbox).fail = 5
            await receiver.done(taken.number)
            if problem is not None:
                raise problem

    with pytest.raises(JournalError, match="come again"):
        await leaving(None)
    assert "come again" not in caplog.text
    with pytest.raises(ZeroDivisionError):
        await leaving(ZeroDivisionError())
    assert "come again" in caplog.text


async def _walk(receiver: Receiver) -> AsyncIterator[Event]:
    return aiter(receiver)
