"""Bounded concurrency over units of work, fair between their keys, ending in one stream of outcomes."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Generic, Self, TypeVar

from anyio.abc import TaskGroup

from qualtrics_async.bulk.outcome import I, Outcome, Summary, V
from qualtrics_async.errors import QualtricsError

__all__ = ["Batch", "Channel", "Deliver", "FairQueue", "Outcomes", "fan_out"]

K = TypeVar("K", bound=Hashable)
W = TypeVar("W")


async def _nothing() -> None:
    return


@dataclass(slots=True)
class Batch(Generic[I, V]):
    """Outcomes on their way to the consumer, and what to do when all of them have been taken."""

    outcomes: list[Outcome[I, V]]
    taken: Callable[[], Awaitable[None]] = field(default=_nothing)


Deliver = Callable[[Batch[I, V]], Awaitable[None]]
"""Hands a batch to the consumer; waits when the consumer is slow."""


class Channel(Generic[I, V]):
    """Carries batches from `workers` tasks to one consumer; `size` of them may wait.

    It ends when the last worker has left it, or with the first error that stops the job. A consumer who is
    cancelled while it waits loses nothing (with anyio's streams it would).
    """

    def __init__(self, size: int, *, workers: int) -> None:
        self._room = asyncio.Semaphore(size)
        self._waiting: deque[Batch[I, V]] = deque()
        self._arrived = asyncio.Event()
        self._workers = workers
        self._stop: QualtricsError | None = None
        self._over = False

    @asynccontextmanager
    async def worker(self) -> AsyncGenerator[Deliver[I, V]]:
        """Be one of the workers; a `QualtricsError` of the body stops the whole job.

        Any other exception is a bug and does not end the channel: it ends the task group.
        """
        try:
            yield self._put
        except QualtricsError as error:
            self._stop = self._stop or error
        self._workers -= 1
        self._arrived.set()

    async def _put(self, batch: Batch[I, V]) -> None:
        await self._room.acquire()
        self._waiting.append(batch)
        self._arrived.set()

    @property
    def is_stopped(self) -> bool:
        """Whether an error has ended the job: nothing more is begun."""
        return self._stop is not None

    async def get(self) -> Batch[I, V] | None:
        """Wait for the next batch; None at the end.

        Raises:
            QualtricsError: once, the error that stopped the job; what had been delivered before comes first.
        """
        while not self._waiting:
            if self._over or not (self._workers or self._stop):
                return None
            if self._stop is not None:
                self._over = True
                raise self._stop
            self._arrived.clear()
            await self._arrived.wait()
        self._room.release()
        return self._waiting.popleft()

    def close(self) -> None:
        """End it for the consumer."""
        self._over = True
        self._waiting.clear()


class Outcomes(Generic[I, V]):
    """The stream of outcomes: `async for outcome in outcomes`; `summary` is live.

    An outcome counts as delivered when the next one is asked for. An error that stops the job is raised
    here, once and as itself.
    """

    def __init__(self, channel: Channel[I, V], summary: Summary) -> None:
        self.summary = summary
        self._channel = channel
        self._clock = asyncio.get_running_loop().time
        self._began = self._clock()
        self._waiting: deque[Outcome[I, V]] = deque()
        self._taken: Callable[[], Awaitable[None]] = _nothing

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Outcome[I, V]:
        while not self._waiting:
            # Forgotten only afterwards: whoever is cancelled here and asks again says it again.
            await self._taken()
            self._taken = _nothing
            self.summary.seconds = self._clock() - self._began
            batch = await self._channel.get()
            if batch is None:
                raise StopAsyncIteration
            self._waiting.extend(batch.outcomes)
            self._taken = batch.taken
        outcome = self._waiting.popleft()
        self.summary.count(outcome)
        return outcome

    def close(self) -> None:
        """End the stream: its job is over."""
        self._waiting.clear()
        self._taken = _nothing
        self._channel.close()


class FairQueue(Generic[K, W]):
    """Work by key: the keys take turns, and each has at most one unit under way, unless it is `parallel`."""

    def __init__(self, *, parallel: bool = False) -> None:
        self._parallel = parallel
        self._waiting: dict[K, deque[W]] = {}
        self._turns: deque[K] = deque()
        self._busy: set[K] = set()
        self._closed = False
        self._changed = asyncio.Condition()

    async def put(self, key: K, work: W) -> None:
        """Add a unit of work; it never waits, the units are small."""
        async with self._changed:
            units = self._waiting.setdefault(key, deque())
            if not units and key not in self._busy:
                self._turns.append(key)
            units.append(work)
            self._changed.notify_all()

    async def close(self) -> None:
        """Say that no more work will come."""
        async with self._changed:
            self._closed = True
            self._changed.notify_all()

    async def get(self) -> tuple[K, W] | None:
        """Wait for the next key's turn; None when the queue is closed and empty."""
        async with self._changed:
            while not self._turns:
                if self._closed and not self._waiting:
                    return None
                await self._changed.wait()
            key = self._turns.popleft()
            units = self._waiting[key]
            work = units.popleft()
            if not units:
                del self._waiting[key]
            if not self._parallel:
                self._busy.add(key)
            elif units:
                self._turns.append(key)
            return key, work

    async def done(self, key: K) -> None:
        """Give the key its next turn, behind those that wait already."""
        async with self._changed:
            if key in self._busy:
                self._busy.discard(key)
                if key in self._waiting:
                    self._turns.append(key)
            self._changed.notify_all()

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))


async def _work_off(
    queue: FairQueue[K, W], work: Callable[[W, Deliver[I, V]], Awaitable[None]], channel: Channel[I, V]
) -> None:
    async with channel.worker() as deliver:
        while not channel.is_stopped and (found := await queue.get()) is not None:
            key, unit = found
            await work(unit, deliver)
            await queue.done(key)


def fan_out(
    tasks: TaskGroup,
    queue: FairQueue[K, W],
    work: Callable[[W, Deliver[I, V]], Awaitable[None]],
    channel: Channel[I, V],
    *,
    concurrency: int,
) -> None:
    """Start workers that take units off the queue until it ends; the channel ends with the last of them.

    A `QualtricsError` of a unit stops the job: no further unit is begun, and the consumer gets the error
    after what had been delivered before. Any other exception is a bug, and leaves the task group as itself.
    """
    for _ in range(concurrency):
        tasks.start_soon(_work_off, queue, work, channel)
