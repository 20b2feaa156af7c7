"""Bounded concurrency over units of work, fair between their keys, ending in one stream of outcomes."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, Self, TypeVar

import anyio
from anyio.abc import TaskGroup
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from qualtrics_async.bulk.outcome import I, Outcome, Summary, V

__all__ = ["Batch", "Deliver", "FairQueue", "Outcomes", "fan_out"]

K = TypeVar("K", bound=Hashable)
W = TypeVar("W")


async def _nothing() -> None:
    return


@dataclass(slots=True)
class Batch(Generic[I, V]):
    """Outcomes on their way to the consumer, and what to do when all of them have been taken."""

    outcomes: list[Outcome[I, V]]
    taken: Callable[[], Awaitable[None]] = field(default=_nothing)


class Outcomes(Generic[I, V]):
    """The stream of outcomes: `async for outcome in outcomes`; `summary` is live.

    An outcome counts as delivered when the next one is asked for. An error that stops the job is raised
    here, as itself.
    """

    def __init__(
        self,
        receive: MemoryObjectReceiveStream[Batch[I, V] | Exception],
        summary: Summary,
        clock: Callable[[], float],
    ) -> None:
        self.summary = summary
        self._receive = receive
        self._clock = clock
        self._began = clock()
        self._waiting: deque[Outcome[I, V]] = deque()
        self._taken: Callable[[], Awaitable[None]] = _nothing

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Outcome[I, V]:
        while not self._waiting:
            taken, self._taken = self._taken, _nothing
            await taken()
            self.summary.seconds = self._clock() - self._began
            try:
                arrival = await self._receive.receive()
            except anyio.EndOfStream:
                raise StopAsyncIteration from None
            if isinstance(arrival, Exception):
                raise arrival
            self._waiting.extend(arrival.outcomes)
            self._taken = arrival.taken
        outcome = self._waiting.popleft()
        self.summary.count(outcome)
        return outcome


class FairQueue(Generic[K, W]):
    """Work by key: the keys take turns, and each has at most one unit under way."""

    def __init__(self) -> None:
        self._waiting: dict[K, deque[W]] = {}
        self._turns: deque[K] = deque()
        self._busy: set[K] = set()
        self._closed = False
        self._changed = anyio.Condition()

    async def put(self, key: K, work: W) -> None:
        """Add a unit of work; it never waits, the units are small."""
        async with self._changed:
            units = self._waiting.setdefault(key, deque())
            if not units and key not in self._busy:
                self._turns.append(key)
            units.append(work)
            self._changed.notify()

    async def close(self) -> None:
        """Say that no more work will come."""
        async with self._changed:
            self._closed = True
            self._changed.notify_all()

    async def get(self) -> tuple[K, W]:
        """Wait for the next key's turn.

        Raises:
            EndOfStream: when the queue is closed and empty.
        """
        async with self._changed:
            while not self._turns:
                if self._closed and not self._waiting:
                    raise anyio.EndOfStream
                await self._changed.wait()
            key = self._turns.popleft()
            self._busy.add(key)
            units = self._waiting[key]
            work = units.popleft()
            if not units:
                del self._waiting[key]
            return key, work

    async def done(self, key: K) -> None:
        """Give the key its next turn, behind those that wait already."""
        async with self._changed:
            self._busy.discard(key)
            if key in self._waiting:
                self._turns.append(key)
            self._changed.notify_all()

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))


Deliver = Callable[[Batch[I, V]], Awaitable[None]]
"""Hands a batch to the consumer; waits when the consumer is slow."""


async def _work_off(
    queue: FairQueue[K, W],
    work: Callable[[W, Deliver[I, V]], Awaitable[None]],
    stream: MemoryObjectSendStream[Batch[I, V] | Exception],
    expected: tuple[type[Exception], ...],
) -> None:
    async with stream:
        while True:
            try:
                key, unit = await queue.get()
            except anyio.EndOfStream:
                return
            try:
                await work(unit, stream.send)
            except expected as error:
                await stream.send(error)
                # The consumer ends the job when it takes the error: until then nothing more is begun.
                await anyio.sleep(math.inf)
            await queue.done(key)


def fan_out(
    tasks: TaskGroup,
    queue: FairQueue[K, W],
    work: Callable[[W, Deliver[I, V]], Awaitable[None]],
    stream: MemoryObjectSendStream[Batch[I, V] | Exception],
    *,
    concurrency: int,
    stops: tuple[type[Exception], ...],
) -> None:
    """Start workers that take units off the queue until it ends; the stream ends with the last of them.

    An exception of `stops` goes through the stream to the consumer and ends the job there; any other is a
    bug, and leaves the task group as itself.
    """
    for _ in range(concurrency):
        tasks.start_soon(_work_off, queue, work, stream.clone(), stops)
