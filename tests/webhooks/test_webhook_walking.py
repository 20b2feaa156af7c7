"""Which event is in whose hand, and when it counts as handled."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator

import pytest
from virtual import virtual

from qualtrics_async import Limits, Qualtrics
from qualtrics_async.webhooks.hearing import Events
from qualtrics_async.webhooks.receiver import Receiver
from qualtrics_async.webhooks.serving import OwnServer
from qualtrics_async.webhooks.subscribing import Subscriptions
from qualtrics_async.webhooks.walking import Walks


class Numbers:
    """Hands out 1, 2, 3, ... as long as there are any, and remembers what was handled."""

    def __init__(self, last: int = 1000) -> None:
        self.next = 1
        self.last = last
        self.handled: list[int] = []
        self.more = asyncio.Event()

    async def take(self) -> tuple[int, str] | None:
        """Wait for the next one."""
        while self.next > self.last:
            await self.more.wait()
        self.next += 1
        return self.next - 1, f"event {self.next - 1}"

    async def done(self, number: int) -> None:
        """Note that one was handled."""
        assert number not in self.handled
        self.handled.append(number)


def walking(source: Numbers) -> tuple[Walks[str], Events[str]]:
    """Open walks over a source, and what a user sees of them."""
    client = Qualtrics(token="a-token", datacenter="fra1", limits=Limits.unlimited())
    receiver, subscriptions = Receiver(), Subscriptions(client, "https://h.example.com/x", ("*",), "a key")
    walks = Walks(source)
    walks.is_open = True
    return walks, Events(walks, receiver, subscriptions, OwnServer(receiver, "x"))


@virtual
async def test_an_event_is_handled_when_the_next_is_asked_for() -> None:
    """Not before: the loop may still fail."""
    walks, events = walking(source := Numbers())
    async for event in events:
        assert source.handled == list(range(1, source.next - 1))
        if event == "event 4":
            break
    assert source.handled == [1, 2, 3]
    assert walks.let_go() == [4]


@virtual
async def test_another_loop_of_the_same_task_goes_on() -> None:
    """A task that asks for an event in any way has handled what it had: also in a loop within a loop."""
    _, events = walking(source := Numbers())
    async for _ in events:
        break
    async for _ in events:
        async for _ in events:
            break
        assert source.handled == [1, 2]
        break
    await anext(events)
    assert source.handled == [1, 2, 3]


@virtual
async def test_who_waits_in_a_task_of_its_own_is_known() -> None:
    """`asyncio.wait_for()` makes one in Python 3.11; the event is the caller's all the same."""
    walks, events = walking(source := Numbers())
    walk = aiter(events)
    for asked in (anext(events), anext(walk), asyncio.ensure_future(anext(events)), anext(walk)):
        await asyncio.wait_for(asked, 1)
    assert source.handled == [1, 2, 3]
    assert walks.let_go() == [4]


@virtual
async def test_tasks_that_share_an_iterator_do_not_speak_for_each_other() -> None:
    """What one of them works at stays in its hand while others ask; what one had that failed comes again."""
    walks, events = walking(source := Numbers(0))
    walk, gates = aiter(events), [asyncio.Event() for _ in range(3)]

    async def work(number: int) -> None:
        await anext(walk)
        await gates[number].wait()
        if number == 2:
            raise ValueError
        await anext(walk)
        await asyncio.Event().wait()

    tasks = [asyncio.create_task(work(number)) for number in range(3)]
    await asyncio.sleep(1)
    source.last = 1000
    source.more.set()
    await asyncio.sleep(1)
    assert source.next == 4
    gates[1].set()
    await asyncio.sleep(1)
    assert source.handled == [2]
    gates[2].set()
    await asyncio.sleep(1)
    await anext(events)
    assert source.handled == [2]
    tasks[0].cancel()
    await asyncio.wait(tasks, timeout=1)
    assert walks.let_go() == [5]
    tasks[1].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@virtual
async def test_who_waits_for_several_at_once_has_all_of_them() -> None:
    """Each wait in a task of its own, before there is any event."""
    walks, events = walking(source := Numbers(0))
    waiting = [asyncio.ensure_future(anext(events)) for _ in range(3)]
    await asyncio.sleep(1)
    source.last = 3
    source.more.set()
    await asyncio.wait(waiting)
    assert source.handled == []
    assert walks.let_go() == [1, 2, 3]


@virtual
async def test_what_other_tasks_have_in_hand_is_theirs() -> None:
    """Who leaves the block while they work does not speak for them; nor for one that failed."""
    walks, events = walking(source := Numbers())
    got = asyncio.Event()

    async def work(how: str) -> None:
        async for _ in events:
            if how == "fails":
                raise ValueError
            got.set()
            await asyncio.Event().wait()

    failed = await asyncio.gather(work("fails"), return_exceptions=True)
    assert isinstance(failed[0], ValueError)
    walk, theirs = aiter(events), []

    async def end_well() -> None:
        theirs.append(aiter(events))
        await anext(theirs[0])
        await anext(events)

    async def drive() -> None:
        await anext(walk)
        raise ValueError

    for other in (end_well(), drive()):
        await asyncio.gather(other, return_exceptions=True)
        assert walks.let_go() == []
    task = asyncio.create_task(work("hangs"))
    await got.wait()
    assert walks.let_go() == []
    assert source.handled == [2]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert walks.let_go() == []


@pytest.mark.parametrize("how", ["works", "fails", "is cancelled"])
@virtual
async def test_who_asks_in_anothers_place_must_have_ended_well(how: str) -> None:
    walks, events = walking(Numbers())

    async def ask(walk: AsyncIterator[str]) -> None:
        await anext(walk)
        if how == "fails":
            raise ValueError
        if how == "is cancelled":
            raise asyncio.CancelledError
        await asyncio.sleep(1)

    task = asyncio.create_task(ask(aiter(events)))
    await asyncio.wait({task}, timeout=0.5)
    assert walks.let_go() == []
    await asyncio.wait({task})
    assert walks.let_go() == ([1] if how == "works" else [])
    assert task.cancelled() or (task.exception() is None) is (how == "works")


@virtual
async def test_no_task_is_kept_that_has_ended() -> None:
    """However many there were, whether or not they asked in another one's place."""
    walks, events = walking(Numbers())
    walk = aiter(events)

    async def ask(events: AsyncIterator[str]) -> None:
        if await anext(events) in ("event 2", "event 3"):
            raise ValueError

    for _ in range(5):
        await asyncio.gather(ask(aiter(events)), ask(events), ask(walk), return_exceptions=True)
    await asyncio.sleep(0)
    gc.collect()
    assert [*walks._of_tasks] == [asyncio.current_task()]
    assert len(walk._in_hand) == 1


@virtual
async def test_who_is_cancelled_while_waiting_has_handled_the_one_before() -> None:
    """And nothing else is lost: the next event is still there."""
    _, events = walking(source := Numbers(1))
    await anext(events)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await anext(events)
    assert source.handled == [1]
    source.last = 2
    assert await anext(events) == "event 2"


@virtual
async def test_the_end_of_the_block_ends_each_loop() -> None:
    """After it has told that its last event was handled."""
    walks, events = walking(source := Numbers())
    heard = []
    async for event in events:
        heard.append(event)
        if event == "event 3":
            walks.is_open = False
    assert heard == ["event 1", "event 2", "event 3"]
    assert source.handled == [1, 2, 3]
    with pytest.raises(StopAsyncIteration):
        await anext(events)


@virtual
async def test_nothing_secret_shows() -> None:
    """Neither the key nor the token."""
    walks, events = walking(Numbers())
    for text in (repr(events), repr(walks), str(vars(events))):
        assert "a key" not in text
        assert "a-token" not in text
    assert "https://h.example.com/x" in repr(events)
