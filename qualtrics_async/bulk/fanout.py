"""Concurrency over units of work, fair between their keys, ending in one stream of outcomes."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, Generic, Self, TypeVar

import anyio
from anyio.abc import TaskGroup

from qualtrics_async.bulk.outcome import I, Outcome, Summary, V, is_unexpected
from qualtrics_async.errors import JobFailed, QualtricsError

__all__ = ["TOO_MANY", "Batch", "Channel", "Deliver", "FairQueue", "Outcomes", "fan_out"]

K = TypeVar("K", bound=Hashable)
W = TypeVar("W")


TOO_MANY: Final = "too many failures"
"""The status of the error of a job that was stopped by `max_failures`."""

_REASONS: Final = 3
"""The commonest reasons that an error names."""


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

    It ends when the last worker has left it, or with the first error that stops the job; more than
    `most_failures` are one. A consumer who is cancelled while it waits loses nothing (with anyio's streams it
    would).
    """

    def __init__(self, size: int, *, workers: int, most_failures: int | None = None) -> None:
        self._most_failures = most_failures
        self._failures: Counter[str] = Counter()
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
            self.stop(error)
        self._workers -= 1
        self._arrived.set()

    async def _put(self, batch: Batch[I, V]) -> None:
        await self._room.acquire()
        self._waiting.append(batch)
        self._arrived.set()
        if self._most_failures is not None:
            self._failures.update(one.reason for one in batch.outcomes if is_unexpected(one))
            if self._failures.total() > self._most_failures:
                self.stop(_too_many(self._failures, self._most_failures))

    def stop(self, error: QualtricsError) -> None:
        """End the job with an error; the first one counts."""
        self._stop = self._stop or error
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


def _too_many(failures: Counter[str], most: int) -> JobFailed:
    reasons = ", ".join(f"{count} for {reason!r}" for reason, count in failures.most_common(_REASONS))
    return JobFailed(
        f"the job was stopped: {failures.total()} items failed ({reasons}) where max_failures allows {most}; "
        "what was done is in its journal, if it has one, and a higher limit goes on there",
        status=TOO_MANY,
        detail=failures.copy(),
    )


class Outcomes(Generic[I, V]):
    """The stream of outcomes: `async for outcome in outcomes`; `summary` is live.

    An outcome counts as delivered when the next one is asked for. An error that stops the job is raised
    here, once and as itself.
    """

    def __init__(
        self, channel: Channel[I, V], summary: Summary, progress: Callable[[], None] | None = None
    ) -> None:
        self.summary = summary
        self._channel = channel
        self._progress = progress
        self._waiting: deque[Outcome[I, V]] = deque()
        self._taken: Callable[[], Awaitable[None]] = _nothing

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Outcome[I, V]:
        while not self._waiting:
            # Forgotten only afterwards: whoever is cancelled here and asks again says it again.
            await self._taken()
            self._taken = _nothing
            if self._progress is not None:
                self._progress()
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
        self._under_way = 0
        self._closed = False
        self._changed = asyncio.Condition()

    async def put(self, key: K, work: W) -> None:
        """Add a unit of work; it never waits, the units are small."""
        async with self._changed:
            self._add(key, work)
            self._changed.notify_all()

    def _add(self, key: K, work: W) -> None:
        units = self._waiting.setdefault(key, deque())
        if not units and key not in self._busy:
            self._turns.append(key)
        units.append(work)

    async def close(self) -> None:
        """Say that no more work will come."""
        async with self._changed:
            self._closed = True
            self._changed.notify_all()

    async def get(self) -> tuple[K, W] | None:
        """Wait for the next key's turn; None when the queue is closed and all work is done."""
        async with self._changed:
            while not self._turns:
                if self._closed and not self._waiting and not self._under_way:
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
            self._under_way += 1
            return key, work

    def has_more(self, key: K) -> bool:
        """Whether units of this key wait for their turn."""
        return key in self._waiting

    async def done(self, key: K, again: W | None = None) -> None:
        """End a unit, or put it back behind the others of its key, whose next turn comes after all others."""
        async with self._changed:
            self._under_way -= 1
            if again is not None:
                self._add(key, again)
            if key in self._busy:
                self._busy.discard(key)
                if key in self._waiting:
                    self._turns.append(key)
            self._changed.notify_all()

    async def pause(self, key: K) -> None:
        """Let the other units of a key go on while one of them waits; it stays under way."""
        async with self._changed:
            self._busy.discard(key)
            if key in self._waiting and not self._parallel:
                self._turns.append(key)
            self._changed.notify_all()

    async def resume(self, key: K, work: W) -> None:
        """Put a unit that waited back behind the others of its key."""
        async with self._changed:
            self._under_way -= 1
            self._add(key, work)
            self._changed.notify_all()

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))


Work = Callable[[W, Deliver[I, V]], Awaitable[bool | float | None]]
"""Does a unit of work; True if it is to be taken up again, behind the other units of its key.

A float is the seconds before it is put back; meanwhile it holds up nothing, neither its key nor a place.
"""


async def _work_off(
    queue: FairQueue[K, W],
    work: Work[W, I, V],
    channel: Channel[I, V],
    concurrency: int | None,
    finish: Callable[[Deliver[I, V]], Awaitable[None]] | None,
) -> None:
    async def do(key: K, unit: W) -> None:
        try:
            again = await work(unit, deliver)
        except QualtricsError as error:
            channel.stop(error)
            again = None
        waits = isinstance(again, float)
        await (queue.pause(key) if waits else queue.done(key, unit if again else None))
        if room is not None:
            room.release()
        if isinstance(again, float):
            await asyncio.sleep(again)
            await queue.resume(key, unit)

    room = None if concurrency is None else anyio.Semaphore(concurrency)
    async with channel.worker() as deliver:
        async with anyio.create_task_group() as tasks:
            while True:
                if room is not None:
                    await room.acquire()
                if channel.is_stopped or (found := await queue.get()) is None or channel.is_stopped:
                    break
                tasks.start_soon(do, *found)
        if finish is not None and not channel.is_stopped:
            await finish(deliver)


def fan_out(
    tasks: TaskGroup,
    queue: FairQueue[K, W],
    work: Work[W, I, V],
    channel: Channel[I, V],
    *,
    concurrency: int | None = None,
    finish: Callable[[Deliver[I, V]], Awaitable[None]] | None = None,
) -> None:
    """Work off the queue until it ends, in a task for each unit; the channel ends with the last of them.

    So many units at a time as `concurrency` says, or one for each key that has work; `finish` is called when
    all are done. A `QualtricsError` of a unit stops the job: no further unit is begun, and the consumer gets
    the error after what had been delivered before. Any other exception is a bug, and leaves the task group as
    itself.
    """
    tasks.start_soon(_work_off, queue, work, channel, concurrency, finish)
