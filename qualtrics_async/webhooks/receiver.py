"""Deliveries in, events out: what every server in front of it has in common."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import Counter
from collections.abc import AsyncIterable, Callable
from types import TracebackType
from typing import Final, Self

from msgspec import Struct, field

from qualtrics_async.errors import (
    DeliveryError,
    DeliveryTooLarge,
    DeliveryTypeRefused,
    JournalError,
    UsageError,
)
from qualtrics_async.webhooks.events import Event
from qualtrics_async.webhooks.inbox import Inbox, MemoryInbox, Taken, Verdict
from qualtrics_async.webhooks.parsing import MAX_SIZE, Decrypt, parse

__all__ = ["Answer", "Counts", "Receiver"]

_log = logging.getLogger("qualtrics_async")

_AGAIN: Final = {"Retry-After": "30"}
"""Seconds; whether the service reads it is not known."""


class Answer(Struct, frozen=True):
    """What a delivery is answered with: a status, a line of plain text, and headers besides its type."""

    status: int
    text: str
    headers: dict[str, str] = {}


class Counts(Struct):
    """What became of deliveries: `refused` by the name of the error; those of `full` were sent away."""

    accepted: int = 0
    repeated: int = 0
    full: int = 0
    refused: Counter[str] = field(default_factory=Counter)


class Receiver:
    """Takes deliveries from any server and hands their events out, each of them once.

    ```python
    receiver = Receiver(shared_key=key, inbox="events.db")
    app.router.add_route("*", "/qualtrics", webhooks.aiohttp_handler(receiver))
    async with receiver:
        async for event in receiver: ...
    ```

    A delivery is answered as soon as its event is accepted, before anybody handles it. With `inbox`, the path
    of a file, accepting means that it is on disk: a crash loses nothing, and what was not handled by then is
    handed out when the file is opened again. An event counts as handled when the same iterator is asked for
    the next one, or when the task that had it leaves the `async with` without an error. So without a crash
    each event comes out once, after one at least once. Without `inbox` what waits is lost with the process.

    Deliveries of one response event (same topic, response and completion time) are one event, among the last
    `remember` ones. Events without an identity, as activations, come as often as they are delivered.

    Args:
        shared_key: the key of the subscription. With it, what is not signed with it is refused (401); without
            it anybody who knows the address can make up events.
        inbox: the file that keeps accepted events; one process at a time can use it.
        queue_size: events that may wait; a delivery beyond is answered 503, which asks for it again later.
        remember: events that are known again when they are delivered once more.
        max_size: bytes of a delivery.
        max_age: seconds; refuses events that are older. Off by default: genuine redeliveries are old.
        deadline: seconds until a delivery is answered, whatever happens: what has not arrived by then is
            answered 408, what is not on disk 503. How long the service waits is not documented.
        decrypt: makes the JSON text of an encrypted message, see `parse()`.
        on_refused: is told of each delivery that is refused; on the event loop, so it must not block.
        now: seconds since the epoch, for `max_age`.
    """

    def __init__(
        self,
        *,
        shared_key: str | bytes | None = None,
        inbox: str | os.PathLike[str] | None = None,
        queue_size: int = 10_000,
        remember: int = 100_000,
        max_size: int = MAX_SIZE,
        max_age: float | None = None,
        deadline: float = 5.0,
        decrypt: Decrypt | None = None,
        on_refused: Callable[[DeliveryError], object] | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        if min(queue_size, remember, max_size) < 1 or not deadline > 0:
            raise UsageError("queue_size, remember, max_size and deadline are positive numbers")
        if shared_key is not None and not shared_key:
            raise UsageError("an empty shared key protects nothing; None says that deliveries are not signed")
        self.counts = Counts()
        self.max_size = max_size
        self._shared_key = shared_key
        self._path = inbox
        self._queue_size = queue_size
        self._remember = remember
        self._max_age = max_age
        self._deadline = deadline
        self._decrypt = decrypt
        self._on_refused = on_refused
        self._now = now
        self._inbox: Inbox | None = None
        self._in_hand: dict[int, asyncio.Task[object] | None] = {}

    def __repr__(self) -> str:
        state = "closed" if self._inbox is None else f"{self._inbox.waiting} waiting"
        return f"<Receiver {state}, {self.counts.accepted} accepted>"

    @property
    def is_open(self) -> bool:
        """Whether deliveries are accepted."""
        return self._inbox is not None

    @property
    def waiting(self) -> int:
        """How many events were accepted and not yet taken."""
        return 0 if self._inbox is None else self._inbox.waiting

    async def __aenter__(self) -> Self:
        """Open the inbox.

        Raises:
            UsageError: when it is open already.
            JournalError: when its file cannot be used, or another process has it.
        """
        if self._inbox is not None:
            raise UsageError("the receiver is open already")
        self._in_hand.clear()
        if self._path is None:
            self._inbox = MemoryInbox(self._queue_size, self._remember)
        else:
            from qualtrics_async.webhooks.durable import DurableInbox

            self._inbox = await DurableInbox.open(self._path, self._queue_size, self._remember)
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        inbox, self._inbox = self._inbox, None
        if inbox is None:
            return
        try:
            if exc_type is None:
                here = asyncio.current_task()
                for number in [number for number, task in self._in_hand.items() if task is here]:
                    await inbox.done(number)
        finally:
            await inbox.aclose()

    def __aiter__(self) -> _Events:
        return _Events(self)

    async def take(self) -> Taken | None:
        """Wait for the next event, for who handles several at once; None when the receiver is closed.

        It is handled when `done()` is called with its number: in a durable inbox it stays until then.
        """
        inbox = self._inbox
        taken = None if inbox is None else await inbox.take()
        if taken is not None:
            self._in_hand[taken.number] = None
        return taken

    async def done(self, number: int) -> None:
        """Say that an event was handled."""
        self._in_hand.pop(number, None)
        if self._inbox is not None:
            await self._inbox.done(number)

    async def answer(
        self,
        method: str,
        body: AsyncIterable[bytes],
        *,
        content_type: str | None = None,
        content_encoding: str | None = None,
    ) -> Answer:
        """Answer a request: a POST is a delivery; GET and HEAD are asked by the service too (documented).

        Whatever `body` raises passes through.
        """
        if method in ("GET", "HEAD"):
            return Answer(200, "a receiver of events")
        if method != "POST":
            return Answer(405, "method not allowed", {"Allow": "GET, HEAD, POST"})
        if self._inbox is None:
            return Answer(503, "closed", _AGAIN)
        whole: bytes | None = None
        try:
            async with asyncio.timeout(self._deadline):
                if content_encoding and content_encoding.strip().lower() != "identity":
                    raise DeliveryTypeRefused(
                        f"a delivery is not compressed, this one is {content_encoding!r:.40}"
                    )
                whole = await self._read(body)
                verdict = await self._inbox.put(self._parse(whole, content_type))
        except DeliveryError as error:
            return self._refuse(error)
        except TimeoutError:
            return Answer(408, "too slow") if whole is None else Answer(503, "try again", _AGAIN)
        except JournalError as error:
            _log.error("a delivery could not be kept and was answered 503: %s", error)
            return Answer(503, "try again", _AGAIN)
        return self._count(verdict)

    async def _read(self, body: AsyncIterable[bytes]) -> bytes:
        pieces = bytearray()
        async for piece in body:
            pieces += piece
            if len(pieces) > self.max_size:
                raise DeliveryTooLarge(f"a delivery of more than {self.max_size} bytes")
        return bytes(pieces)

    def _parse(self, body: bytes, content_type: str | None) -> Event:
        return parse(
            body,
            content_type,
            self._shared_key,
            max_size=self.max_size,
            max_age=self._max_age,
            decrypt=self._decrypt,
            now=self._now,
        )

    def _refuse(self, error: DeliveryError) -> Answer:
        name = type(error).__name__
        # The first of a kind is news; a flood of them is not worth a flood of lines.
        _log.log(
            logging.DEBUG if self.counts.refused[name] else logging.WARNING,
            "a delivery was refused (%s): %s",
            name,
            error,
        )
        self.counts.refused[name] += 1
        if self._on_refused is not None:
            self._on_refused(error)
        return Answer(error.status, f"refused: {name}")

    def _count(self, verdict: Verdict) -> Answer:
        if verdict == "full":
            self.counts.full += 1
            return Answer(503, "full, try again", _AGAIN)
        if verdict == "repeated":
            self.counts.repeated += 1
        else:
            self.counts.accepted += 1
        return Answer(200, "ok")

    def _hold(self, number: int) -> None:
        self._in_hand[number] = asyncio.current_task()


class _Events:
    """One walk over the events of a receiver; several share them, each has its own in hand."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._number: int | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        if self._number is not None:
            number, self._number = self._number, None
            await self._receiver.done(number)
        taken = await self._receiver.take()
        if taken is None:
            raise StopAsyncIteration
        self._number = taken.number
        self._receiver._hold(taken.number)  # noqa: SLF001  (two parts of one thing)
        return taken.event
