"""What a listener hands out."""

from __future__ import annotations

import asyncio
from typing import Any, Generic, Protocol, Self, TypeVar
from weakref import WeakKeyDictionary, WeakSet

from qualtrics_async.webhooks.receiver import Counts, Receiver
from qualtrics_async.webhooks.serving import OwnServer
from qualtrics_async.webhooks.subscribing import Subscriptions

__all__ = ["Events", "Hands"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class _Source(Protocol[T_co]):
    """Where events come from, each under a number."""

    async def take(self) -> tuple[int, T_co] | None:
        """Wait for the next one; None when there are no more."""

    async def done(self, number: int) -> None:
        """Say that one was handled."""


class Hands(Generic[T]):
    """Who has which event in hand, by loop and by task."""

    def __init__(self, source: _Source[T]) -> None:
        self._source = source
        self._of_tasks: WeakKeyDictionary[asyncio.Task[Any], int] = WeakKeyDictionary()
        self._walks: WeakSet[_Walk[T]] = WeakSet()
        self.is_open = False

    def held_here(self) -> set[int]:
        """The numbers of the events that this task has in hand."""
        here = asyncio.current_task()
        held = {walk.number for walk in self._walks if walk.is_held_by(here)}
        return held if here is None else held | {self._of_tasks.get(here, 0)}

    async def next_of(self, walk: _Walk[T]) -> T:
        """Wait for the next event of a loop; what it or this task had in hand before is handled."""
        here = asyncio.current_task()
        before = {walk.number} if here is None else {walk.number, self._of_tasks.get(here, 0)}
        for number in before - {0}:
            await self._source.done(number)
        taken = await self._source.take() if self.is_open else None
        if taken is None or here is None:
            raise StopAsyncIteration
        walk.number, event = taken
        walk.holder = here
        self._of_tasks[here] = walk.number
        self._walks.add(walk)
        return event


class Events(Generic[T]):
    """The events of a listener, until its `async with` ends; then each loop over them ends as well.

    Any number of tasks share them, and each event comes out once. As with a `Receiver`, an event counts as
    handled when the task that had it, or the same loop, asks for the next one, or when that task leaves the
    `async with` without an error. `await anext(events)` gives a single one.
    """

    def __init__(
        self, hands: Hands[T], receiver: Receiver, subscriptions: Subscriptions, server: OwnServer
    ) -> None:
        self._hands = hands
        self._receiver = receiver
        self._subscriptions = subscriptions
        self._server = server
        self._walk = _Walk(hands)

    def __repr__(self) -> str:
        state = f"{len(self.subscription_ids)} subscriptions" if self._hands.is_open else "left"
        return f"<Events at {self.url}: {state}, {self.counts.accepted} accepted>"

    @property
    def url(self) -> str:
        """What is subscribed."""
        return self._subscriptions.url

    @property
    def port(self) -> int:
        """Where the server listens."""
        return self._server.port

    @property
    def subscription_ids(self) -> tuple[str, ...]:
        """The subscriptions, one a topic."""
        return self._subscriptions.ids

    @property
    def counts(self) -> Counts:
        """What became of the deliveries so far."""
        return self._receiver.counts

    @property
    def waiting(self) -> int:
        """How many events were accepted and not yet taken; with `fetch`, beside those that are being read."""
        return self._receiver.waiting

    def __aiter__(self) -> _Walk[T]:
        return _Walk(self._hands)

    async def __anext__(self) -> T:
        return await self._hands.next_of(self._walk)


class _Walk(Generic[T]):
    """One loop over the events of a listener, and the number of its latest one; 0 for none."""

    def __init__(self, hands: Hands[T]) -> None:
        self._hands = hands
        self._owner = asyncio.current_task()
        self.holder: asyncio.Task[Any] | None = None
        self.number = 0

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        return await self._hands.next_of(self)

    def is_held_by(self, task: asyncio.Task[Any] | None) -> bool:
        """Whether it is this task's, which got the event through another one that only fetched it."""
        holder = self.holder
        return (
            self._owner is task
            and holder is not None
            and holder.done()
            and not holder.cancelled()
            and holder.exception() is None
        )
