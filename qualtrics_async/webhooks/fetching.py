"""Events together with the responses that they are about."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Coroutine
from contextlib import AbstractAsyncContextManager
from heapq import heappop, heappush
from types import TracebackType
from typing import Any, Final, NamedTuple

from msgspec import Struct

from qualtrics_async._core.tasks import to_its_end
from qualtrics_async.client import Qualtrics
from qualtrics_async.errors import (
    ConnectFailed,
    DecodeError,
    NotFound,
    QualtricsError,
    RateLimited,
    ServerFault,
    TransportError,
    UsageError,
)
from qualtrics_async.models.responses import Response
from qualtrics_async.webhooks.events import Event, ResponseEvent
from qualtrics_async.webhooks.receiver import Receiver
from qualtrics_async.webhooks.walking import Source, Walk, Walks

__all__ = ["EventWithResponse", "Fetching", "with_responses"]

_IN_HAND: Final = 256
"""Events that are taken and neither handed out nor parked."""


class EventWithResponse(NamedTuple):
    """An event, and the response that it is about: read when the event came, not as it was then.

    `async for event, response, error in events` takes it apart.

    Both `response` and `error` are None for an event that is about no response. `error` is why a response
    could not be read: `NotFound` where it was not readable in time, `Forbidden`, ...
    """

    event: Event
    response: Response | None = None
    error: QualtricsError | None = None


class _Wanted(Struct, eq=False):
    """An event whose response is to be read; `give_up` is set by the first attempt, by the loop's clock."""

    number: int
    event: ResponseEvent
    pause: float
    give_up: float | None = None
    is_repeat: bool = False


class Fetching:
    """Reads the responses of events, several at a time, and hands them out as they become readable.

    A response may not be readable yet when its event comes (assumed). It is asked for again with the pauses
    of the client's `polling`, for `patience` seconds. Up to `most_parked` events wait for that beside the
    others, which pass: repeats get half of the slots. When the source ends, this ends too.
    """

    def __init__(
        self,
        source: Source[Event],
        client: Qualtrics,
        *,
        concurrency: int,
        patience: float,
        most_parked: int = 10_000,
    ) -> None:
        self._source = source
        self._client = client
        self._patience = patience
        self._most_parked = most_parked
        # A slot is held until the response is handed out, so that no more of them are in memory.
        self._slots = concurrency
        self._slots_for_repeats = max(1, concurrency // 2)
        self._held: dict[int, _Wanted] = {}
        self._fresh: deque[_Wanted] = deque()
        self._parked: list[tuple[float, int, _Wanted]] = []
        self._ready: deque[tuple[int, EventWithResponse]] = deque()
        self._was_repeat = False
        self._timer: asyncio.TimerHandle | None = None
        self._room = asyncio.Event()
        self._arrived = asyncio.Event()
        self._failure: BaseException | None = None
        self._is_over = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting = 0

    @property
    def waiting(self) -> int:
        """How many events were taken from the source and not yet handed out."""
        return self._waiting

    def begin(self) -> None:
        """Take events from the source, which is open, until `end()`."""
        self._start(self._pump())

    async def end(self) -> None:
        """Stop reading; who waits for an event gets None. Can be called again when it was interrupted."""
        self._is_over = True
        self._stop()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def take(self) -> tuple[int, EventWithResponse] | None:
        """Wait for the next event; None at the end.

        Raises:
            JournalError: when the source cannot be read; whatever else ends the reading leaves at once, too.
        """
        while not self._is_over:
            if self._failure is not None:
                raise self._failure
            if self._ready:
                number, found = self._ready.popleft()
                self._waiting -= 1
                self._held.pop(number, None)
                self._go_on()
                return number, found
            self._arrived.clear()
            await self._arrived.wait()
        return None

    async def done(self, number: int) -> None:
        """Say that an event was handled."""
        await self._source.done(number)

    async def _pump(self) -> None:
        while True:
            while not self._has_room():
                self._room.clear()
                await self._room.wait()
            taken = await self._source.take()
            if taken is None:
                self._is_over = True
                return self._stop()
            number, event = taken
            self._waiting += 1
            if isinstance(event, ResponseEvent):
                self._fresh.append(_Wanted(number, event, self._client.polling.first))
                self._go_on()
            else:
                self._put(number, EventWithResponse(event=event))

    def _has_room(self) -> bool:
        parked = len(self._parked)
        return self._waiting - parked < _IN_HAND and parked < self._most_parked

    def _go_on(self) -> None:
        """Read what can be read now, and see that what is parked has its turn."""
        if self._is_over or self._failure is not None:
            return
        while len(self._held) < self._slots and (wanted := self._next()) is not None:
            self._held[wanted.number] = wanted
            self._start(self._read(wanted))
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        loop = asyncio.get_running_loop()
        if self._parked and self._parked[0][0] > loop.time():
            self._timer = loop.call_at(self._parked[0][0], self._go_on)
        if self._has_room():
            self._room.set()

    def _next(self) -> _Wanted | None:
        """A repeat that is due where it may have a slot, but not twice in a row while others wait."""
        is_due = self._parked and self._parked[0][0] <= asyncio.get_running_loop().time()
        if is_due and not (self._was_repeat and self._fresh):
            repeats = sum(wanted.is_repeat for wanted in self._held.values())
            if repeats < self._slots_for_repeats:
                self._was_repeat = True
                return heappop(self._parked)[2]
        if not self._fresh:
            return None
        self._was_repeat = False
        return self._fresh.popleft()

    async def _read(self, wanted: _Wanted) -> None:
        clock = asyncio.get_running_loop().time
        event = wanted.event
        if wanted.give_up is None:
            wanted.give_up = clock() + self._patience
        try:
            response = await self._client.responses.get(event.survey_id, event.response_id)
        except QualtricsError as error:
            if not _may_pass(error) or clock() + wanted.pause > wanted.give_up:
                self._put(wanted.number, EventWithResponse(event=event, error=error))
            else:
                self._park(wanted, clock() + wanted.pause)
        else:
            self._put(wanted.number, EventWithResponse(event=event, response=response))

    def _park(self, wanted: _Wanted, due: float) -> None:
        polling = self._client.polling
        wanted.is_repeat = True
        wanted.pause = min(wanted.pause * polling.factor, polling.longest)
        heappush(self._parked, (due, wanted.number, wanted))
        del self._held[wanted.number]
        self._go_on()

    def _put(self, number: int, found: EventWithResponse) -> None:
        self._ready.append((number, found))
        self._arrived.set()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()
        self._arrived.set()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        failure = QualtricsError("the reading was cancelled") if task.cancelled() else task.exception()
        if failure is not None and self._failure is None and not self._is_over:
            # Whoever waits must not wait for ever for what nobody reads any more; nor is more taken.
            self._failure = failure
            self._stop()


class _Pairs(AsyncIterator[EventWithResponse]):
    """Events with their responses, for any number of tasks, each of which has its own in hand."""

    def __init__(self, walks: Walks[EventWithResponse]) -> None:
        self._walks = walks

    def __aiter__(self) -> Walk[EventWithResponse]:
        return self._walks.here()

    def __anext__(self) -> Coroutine[Any, Any, EventWithResponse]:
        # The walk is chosen at once: what is returned may be awaited in another task, see `Walk`.
        return self._walks.here().__anext__()


def with_responses(
    receiver: Receiver, client: Qualtrics, *, concurrency: int = 8, deadline: float = 120.0
) -> AbstractAsyncContextManager[AsyncIterator[EventWithResponse]]:
    """Hand out a receiver's events with the responses that they are about, as `listen(fetch=True)` does.

    ```python
    async with receiver, webhooks.with_responses(receiver, client) as events:
        async for event, response, error in events: ...
    ```

    They come as they become readable, not in the order of the events. An event is handled when its task asks
    for the next one or, for the task of the block, when the block ends without an error. What is not handled
    by then, and what was being read, a durable receiver hands out when it is opened again.

    Args:
        receiver: open, and for longer than this block; nobody else iterates over it meanwhile.
        client: open for longer than this block.
        concurrency: how many responses are read at a time.
        deadline: seconds for which an unreadable response is asked for again.

    Raises:
        UsageError: for arguments that cannot be meant; on entering, when the receiver is not open.
    """
    if concurrency < 1 or not deadline >= 0:
        raise UsageError("concurrency and deadline are positive numbers")
    return _Reading(receiver, Fetching(receiver, client, concurrency=concurrency, patience=deadline))


class _Reading(AbstractAsyncContextManager[AsyncIterator[EventWithResponse]]):
    """The block in which a receiver's responses are read.

    Not a generator: one that is abandoned is closed while it runs, and this is what others close last.
    """

    def __init__(self, receiver: Receiver, fetching: Fetching) -> None:
        self._receiver = receiver
        self._fetching = fetching
        self._walks = Walks(fetching)
        self._is_entered = False

    async def __aenter__(self) -> AsyncIterator[EventWithResponse]:
        if self._is_entered:
            raise UsageError("this is entered once: call `with_responses()` again")
        if not self._receiver.is_open:
            raise UsageError("the receiver is not open: use it as `async with receiver`, around this")
        self._is_entered = self._walks.is_open = True
        self._fetching.begin()
        return _Pairs(self._walks)

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if exc_type is None:
                for number in self._walks.let_go():
                    await self._receiver.done(number)
        finally:
            self._walks.is_open = False
            await to_its_end(self._fetching.end())


def _may_pass(error: QualtricsError) -> bool:
    """Whether asking again later may help; the client has repeated by itself what it repeats."""
    if isinstance(error, ConnectFailed):
        return not error.permanent
    if isinstance(error, DecodeError):
        return error.transient
    return isinstance(error, NotFound | TransportError | ServerFault | RateLimited)
