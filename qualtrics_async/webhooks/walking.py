"""What a listener hands out."""

from __future__ import annotations

import asyncio
from typing import Generic, Protocol, Self, TypeVar

from qualtrics_async.webhooks.receiver import Counts, Receiver
from qualtrics_async.webhooks.serving import OwnServer
from qualtrics_async.webhooks.subscribing import Subscriptions

__all__ = ["Events"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class _Source(Protocol[T_co]):
    """Where events come from, each under a number."""

    async def take(self) -> tuple[int, T_co] | None:
        """Wait for the next one; None when there are no more."""

    async def done(self, number: int) -> None:
        """Say that one was handled."""


class Events(Generic[T]):
    """The events of a listener, until its `async with` ends.

    Several tasks can share them: each `async for` has an event of its own in hand, and each event comes out
    once. It counts as handled when the same loop asks for the next one, or when the task that began the loop
    leaves the `async with` without an error. `await anext(events)` is a loop of its own.
    """

    def __init__(
        self, source: _Source[T], receiver: Receiver, subscriptions: Subscriptions, server: OwnServer
    ) -> None:
        self._source = source
        self._receiver = receiver
        self._subscriptions = subscriptions
        self._server = server
        self._is_open = False
        self._in_hand: dict[_Walk[T], int] = {}
        self._walk: _Walk[T] = _Walk(self)

    def __repr__(self) -> str:
        state = f"{len(self.subscription_ids)} subscriptions" if self._is_open else "left"
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

    def open(self) -> None:
        """Begin; the listener does it."""
        self._walk.owner = asyncio.current_task()
        self._is_open = True

    def close(self) -> None:
        """End every loop when it asks for the next event; the listener does it."""
        self._is_open = False

    def in_hand(self) -> list[int]:
        """The numbers of the events that this task has in hand."""
        here = asyncio.current_task()
        return [number for walk, number in self._in_hand.items() if walk.owner is here]

    def __aiter__(self) -> _Walk[T]:
        return _Walk(self)

    async def __anext__(self) -> T:
        return await self._walk.__anext__()

    async def next_of(self, walk: _Walk[T]) -> T:
        """Settle what a walk has in hand, and wait for its next event."""
        if (number := self._in_hand.get(walk)) is not None:
            await self._source.done(number)
            self._in_hand.pop(walk, None)
        taken = await self._source.take() if self._is_open else None
        if taken is None:
            raise StopAsyncIteration
        number, event = taken
        self._in_hand[walk] = number
        return event


class _Walk(Generic[T]):
    """One loop over the events of a listener."""

    def __init__(self, events: Events[T]) -> None:
        self._events = events
        self.owner = asyncio.current_task()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        return await self._events.next_of(self)
