"""Events together with the responses that they are about."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final, NamedTuple

from qualtrics_async.client import Qualtrics
from qualtrics_async.errors import (
    ConnectFailed,
    DecodeError,
    NotFound,
    QualtricsError,
    RateLimited,
    ServerFault,
    TransportError,
)
from qualtrics_async.models.responses import Response
from qualtrics_async.webhooks.events import Event, ResponseEvent
from qualtrics_async.webhooks.receiver import Receiver

__all__ = ["EventWithResponse", "Fetching"]

_IN_HAND: Final = 256
"""Events that are taken and not handed out, those that wait for their response among them."""


class EventWithResponse(NamedTuple):
    """An event, and the response that it is about: read when the event came, not as it was then.

    `async for event, response, error in events` takes it apart.

    Both `response` and `error` are None for an event that is about no response. `error` is why a response
    could not be read: `NotFound` where it was not readable in time, `Forbidden`, ...
    """

    event: Event
    response: Response | None = None
    error: QualtricsError | None = None


class Fetching:
    """Reads the responses of events, several at a time, and hands them out as they become readable.

    A response may not be readable yet when its event comes (assumed). It is asked for again with the pauses
    of the client's `polling`, for `patience` seconds; meanwhile others pass.
    """

    def __init__(self, receiver: Receiver, client: Qualtrics, *, concurrency: int, patience: float) -> None:
        self._receiver = receiver
        self._client = client
        self._patience = patience
        self._room = asyncio.Semaphore(_IN_HAND)
        self._slots = asyncio.Semaphore(concurrency)
        self._ready: deque[tuple[int, EventWithResponse]] = deque()
        self._arrived = asyncio.Event()
        self._failure: BaseException | None = None
        self._is_over = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._held = 0

    @property
    def waiting(self) -> int:
        """How many events were taken from the receiver and not yet handed out."""
        return self._held

    def begin(self) -> None:
        """Take events from the receiver, which is open, until `end()`."""
        self._start(asyncio.create_task(self._pump()))

    async def end(self) -> None:
        """Stop reading; who waits for an event gets None. Can be called again when it was interrupted."""
        self._is_over = True
        self._arrived.set()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def take(self) -> tuple[int, EventWithResponse] | None:
        """Wait for the next event; None at the end.

        Raises:
            JournalError: when the receiver's inbox cannot be read.
        """
        while not self._is_over:
            if self._ready:
                number, found = self._ready.popleft()
                self._held -= 1
                self._room.release()
                if isinstance(found.event, ResponseEvent):
                    self._slots.release()
                return number, found
            if self._failure is not None:
                raise self._failure
            self._arrived.clear()
            await self._arrived.wait()
        return None

    async def done(self, number: int) -> None:
        """Say that an event was handled."""
        await self._receiver.done(number)

    async def _pump(self) -> None:
        while True:
            await self._room.acquire()
            taken = await self._receiver.take()
            if taken is None:
                return
            self._held += 1
            if isinstance(taken.event, ResponseEvent):
                self._start(asyncio.create_task(self._fetch(taken.number, taken.event)))
            else:
                self._put(taken.number, EventWithResponse(event=taken.event))

    async def _fetch(self, number: int, event: ResponseEvent) -> None:
        clock = asyncio.get_running_loop().time
        pause = self._client.polling.first
        give_up: float | None = None
        while True:
            # A slot is held until the response is handed out, so that no more of them are in memory.
            await self._slots.acquire()
            give_up = clock() + self._patience if give_up is None else give_up
            try:
                response = await self._client.responses.get(event.survey_id, event.response_id)
            except QualtricsError as error:
                if not _may_pass(error) or clock() + pause > give_up:
                    return self._put(number, EventWithResponse(event=event, error=error))
            else:
                return self._put(number, EventWithResponse(event=event, response=response))
            self._slots.release()
            await asyncio.sleep(pause)
            pause = min(pause * self._client.polling.factor, self._client.polling.longest)

    def _put(self, number: int, found: EventWithResponse) -> None:
        self._ready.append((number, found))
        self._arrived.set()

    def _start(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if self._is_over or self._failure is not None:
            return
        # Whoever waits must not wait for ever for what nobody reads any more.
        self._failure = QualtricsError("the reading was cancelled") if task.cancelled() else task.exception()
        if self._failure is not None:
            self._arrived.set()


def _may_pass(error: QualtricsError) -> bool:
    """Whether asking again later may help; the client has repeated by itself what it repeats."""
    if isinstance(error, ConnectFailed):
        return not error.permanent
    if isinstance(error, DecodeError):
        return error.transient
    return isinstance(error, NotFound | TransportError | ServerFault | RateLimited)
