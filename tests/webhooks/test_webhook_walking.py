"""Which event is in whose hand, and when it counts as handled."""

from __future__ import annotations

import asyncio

import pytest
from virtual import virtual

from qualtrics_async import Limits, Qualtrics
from qualtrics_async.webhooks.receiver import Receiver
from qualtrics_async.webhooks.serving import OwnServer
from qualtrics_async.webhooks.subscribing import Subscriptions
from qualtrics_async.webhooks.walking import Events, Hands


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
        if number not in self.handled:  # as an inbox does
            self.handled.append(number)


def walking(source: Numbers) -> tuple[Hands[str], Events[str]]:
    """Open hands over a source, and what a user sees of them."""
    client = Qualtrics(token="a-token", datacenter="fra1", limits=Limits.unlimited())
    receiver, subscriptions = Receiver(), Subscriptions(client, "https://h.example.com/x", ("*",), "a key")
    hands = Hands(source)
    hands.is_open = True
    return hands, Events(hands, receiver, subscriptions, OwnServer(receiver, "x"))


@virtual
async def test_an_event_is_handled_when_the_next_is_asked_for() -> None:
    """Not before: the loop may still fail."""
    hands, events = walking(source := Numbers())
    async for event in events:
        assert source.handled == list(range(1, source.next - 1))
        if event == "event 4":
            break
    assert source.handled == [1, 2, 3]
    assert hands.held_here() >= {4}


@virtual
async def test_another_loop_of_the_same_task_goes_on() -> None:
    """A task that asks for an event in any way has handled what it had."""
    _, events = walking(source := Numbers())
    async for _ in events:
        break
    async for _ in events:
        break
    assert source.handled == [1]
    await anext(events)
    assert source.handled == [1, 2]


@virtual
async def test_who_waits_in_a_task_of_its_own_is_known() -> None:
    """`asyncio.wait_for()` makes one in Python 3.11; the event is the caller's all the same."""
    hands, events = walking(source := Numbers())
    for _ in range(3):
        await asyncio.wait_for(asyncio.ensure_future(anext(events)), 1)
    assert source.handled == [1, 2]
    assert 3 in hands.held_here()


@virtual
async def test_what_other_tasks_have_in_hand_is_theirs() -> None:
    """Who leaves the block while they work does not speak for them; nor for one that failed."""
    hands, events = walking(source := Numbers())
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

    async def drive() -> None:
        await anext(walk)
        raise ValueError

    for other in (end_well(), drive()):
        await asyncio.gather(other, return_exceptions=True)
        assert not hands.held_here() - {0}
    task = asyncio.create_task(work("hangs"))
    await got.wait()
    assert not hands.held_here() - {0}
    assert source.handled == []
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert not hands.held_here() - {0}


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
    hands, events = walking(source := Numbers())
    heard = []
    async for event in events:
        heard.append(event)
        if event == "event 3":
            hands.is_open = False
    assert heard == ["event 1", "event 2", "event 3"]
    assert source.handled == [1, 2, 3]
    with pytest.raises(StopAsyncIteration):
        await anext(events)


@virtual
async def test_nothing_secret_shows() -> None:
    """Neither the key nor the token."""
    hands, events = walking(Numbers())
    for text in (repr(events), repr(hands), str(vars(events))):
        assert "a key" not in text
        assert "a-token" not in text
    assert "https://h.example.com/x" in repr(events)
