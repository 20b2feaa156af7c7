"""Deliveries in, events out: what every server in front of it has in common."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import Counter
from collections.abc import AsyncIterable, Callable, Coroutine
from math import inf
from types import TracebackType
from typing import Any, Final, Self

from msgspec import Struct, field

from qualtrics_async.errors import (
    DeliveryError,
    DeliveryTooLarge,
    DeliveryTypeRefused,
    JournalError,
    SignatureMismatch,
    UsageError,
)
from qualtrics_async.webhooks.events import Event
from qualtrics_async.webhooks.inbox import Inbox, MemoryInbox, Taken, Verdict
from qualtrics_async.webhooks.parsing import MAX_SIZE, Decrypt, parse
from qualtrics_async.webhooks.signatures import signing_key
from qualtrics_async.webhooks.walking import Walk, Walks

__all__ = ["Answer", "Counts", "Receiver"]

_log = logging.getLogger("qualtrics_async")

_AGAIN: Final = {"Retry-After": "30"}
"""Seconds; whether the service reads it is not known."""

_QUIET: Final = 60.0
"""Seconds in which the same trouble is not logged again: a flood is not worth a flood of lines."""

_CLOSED: Final = "not open: deliveries are accepted, and handed out, within `async with receiver`"


class Answer(Struct, frozen=True):
    """What a delivery is answered with: a status, a line of plain text, and headers besides its type."""

    status: int
    text: str
    headers: dict[str, str] = {}


class Counts(Struct):
    """What became of deliveries.

    `refused` by the name of the error; those of `full` and `failed` were asked to come again: there was no
    room, or they did not arrive or could not be written before the deadline, or the receiver was not open.
    Among those of `SignatureMismatch` is what an inbox had kept unsigned when it was opened with a key.
    """

    accepted: int = 0
    repeated: int = 0
    full: int = 0
    failed: int = 0
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
    handed out when the file is opened again. Without `inbox` what waits is lost with the process.

    Any number of tasks share the events. Each has one in hand, in whatever loop it got it: that counts as
    handled when the task asks for the next one, also in another loop, or leaves the `async with` without an
    error. So without a crash each event comes out once, after one at least once; what a task had that failed,
    or ended before it asked again, counts as not handled. `await anext(receiver)` gives a single one;
    `take()` and `done()` are for several at once.

    Deliveries of one response event (same topic, response and completion time) are one event, among the last
    `remember` ones; a signed one and one that is not are two. Events without an identity, as activations,
    come as often as they are delivered.

    Args:
        shared_key: the key of the subscription. With it, what is not signed with it is refused (401), and
            what the inbox has from a time without a key is dropped; without it anybody who knows the address
            can make up events, which is warned about on opening.
        inbox: the file that keeps accepted events; one process at a time can use it.
        queue_size: events that may wait, in a durable inbox with those in hand; a delivery beyond is answered
            503, which asks for it again later. In memory the first 1000 take up to four times `max_size` and
            200 kB each, those behind them `max_size`: by default less than 1 GB, and genuine ones some MB.
        remember: events that are known again when they are delivered once more.
        max_size: bytes of a delivery.
        max_age: seconds; refuses events that are older. Off by default: genuine redeliveries are old.
        deadline: seconds until a delivery is answered, whatever happens: what has not arrived by then is
            answered 408, what is not on disk 503: it may get there all the same, and is known again then. How
            long the service waits is not documented.
        decrypt: makes the JSON text of an encrypted message, see `parse()`.
        on_refused: is told of each delivery that is refused; on the event loop, so it must not block. What it
            raises is logged, the same kind once a minute.
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
        if max_age is not None and not max_age >= 0:
            raise UsageError(f"max_age is a number of seconds, not {max_age!r}")
        signing_key(shared_key)
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
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_opening = False
        self._quiet_until: dict[str, float] = {}
        self._walks: Walks[Event] | None = None

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
        if self._inbox is not None or self._is_opening:
            raise UsageError("the receiver is open already")
        self._is_opening = True
        try:
            self._inbox = await self._open()
        finally:
            self._is_opening = False
        self._loop = asyncio.get_running_loop()
        # Of its own for each opening: numbers of an earlier one mean other events.
        self._walks = Walks(self._inbox)
        self._walks.is_open = True
        if self._shared_key is None:
            _log.warning(
                "no shared key: deliveries are not verified, anybody who knows the address can make up events"
            )
        return self

    async def _open(self) -> Inbox:
        if self._path is None:
            return MemoryInbox(self._queue_size, self._remember)
        from qualtrics_async.webhooks.durable import DurableInbox  # only who needs it pays for SQLite

        inbox = await DurableInbox.open(
            self._path,
            self._queue_size,
            self._remember,
            self._deadline,
            signed_only=self._shared_key is not None,
        )
        if inbox.unsigned:
            self.counts.refused[SignatureMismatch.__name__] += inbox.unsigned
            _log.warning(
                "%d events in %s were dropped: accepted without a shared key, anybody may have made them up",
                inbox.unsigned,
                os.fspath(self._path),
            )
        return inbox

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the inbox; deliveries that are being written get their answer.

        Raises:
            JournalError: when it could not be noted what was handled; those events come again.
        """
        inbox, self._inbox = self._inbox, None
        if inbox is None or self._walks is None:
            return
        if exc_type is None:
            for number in self._walks.let_go():
                await inbox.done(number)
        try:
            await inbox.aclose()
        except JournalError as error:
            if exc_type is None:
                raise
            _log.error("on leaving the receiver: %s", error)

    def __aiter__(self) -> Walk[Event]:
        """The events until it is closed; an iterator does not go on when it is opened again.

        Raises:
            UsageError: when it was never open.
        """
        return self._opened().here()

    def __anext__(self) -> Coroutine[Any, Any, Event]:
        """The next event; it is in hand as in a loop."""
        # The walk is chosen at once: what is returned may be awaited in another task, see `Walk`.
        return self._opened().here().__anext__()

    def _opened(self) -> Walks[Event]:
        if self._walks is None:
            raise UsageError(f"the receiver is {_CLOSED}")
        if self._inbox is not None:
            self._check_loop()
        return self._walks

    async def take(self) -> Taken | None:
        """Wait for the next event, for who handles several at once; None when the receiver is closed.

        It is handled when `done()` is called with its number: in a durable inbox it stays until then.

        Raises:
            UsageError: when it was never open.
        """
        self._opened()
        return None if self._inbox is None else await self._inbox.take()

    async def done(self, number: int) -> None:
        """Say that an event was handled."""
        if self._inbox is not None:
            await self._inbox.done(number)

    def _check_loop(self) -> None:
        if asyncio.get_running_loop() is not self._loop:
            raise UsageError("the receiver was opened in another event loop: open it in the one that serves")

    async def answer(
        self,
        method: str,
        body: bytes | AsyncIterable[bytes],
        *,
        content_type: str | None = None,
        content_encoding: str | None = None,
    ) -> Answer:
        """Answer a request: a POST is a delivery; GET and HEAD are asked by the service too (documented).

        A `body` that is there already is best given as a whole. Whatever another one raises passes through,
        but for refusals (`DeliveryError`).
        """
        if method not in ("GET", "HEAD", "POST"):
            return Answer(405, "method not allowed", {"Allow": "GET, HEAD, POST"})
        if self._inbox is None:
            if method == "POST":
                self.counts.failed += 1
                self._warn("a delivery was answered 503: the receiver is %s", _CLOSED)
            return Answer(503, "closed", _AGAIN)
        if method != "POST":
            return Answer(200, "a receiver of events")
        self._check_loop()
        try:
            return await self._deliver(self._inbox, body, content_type, content_encoding)
        except DeliveryError as error:
            return self._refuse(error)

    async def _deliver(
        self,
        inbox: Inbox,
        body: bytes | AsyncIterable[bytes],
        content_type: str | None,
        content_encoding: str | None,
    ) -> Answer:
        event: Event | None = None
        try:
            if content_encoding and content_encoding.strip().lower() != "identity":
                raise DeliveryTypeRefused(
                    f"a delivery is not compressed, this one is {content_encoding!r:.40}"
                )
            if isinstance(body, bytes):
                event = self._parse(body, content_type)
                verdict = await inbox.put(event)
            else:
                async with asyncio.timeout(self._deadline):
                    event = self._parse(await self._read(body), content_type)
                    verdict = await inbox.put(event)
        except TimeoutError:
            self.counts.failed += 1
            if event is None:
                return Answer(408, "too slow")
            self._warn("a delivery could not be kept before the deadline: answered 503")
            return Answer(503, "try again", _AGAIN)
        except JournalError as error:
            self.counts.failed += 1
            self._warn("a delivery was answered 503: %s", error)
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
        level = logging.WARNING if self._is_news(name, inf) else logging.DEBUG
        _log.log(level, "a delivery was refused (%s): %s", name, error)
        self.counts.refused[name] += 1
        if self._on_refused is not None:
            try:
                self._on_refused(error)
            except Exception as raised:  # noqa: BLE001  (the answer stays the same)
                is_news = self._is_news(f"on_refused: {type(raised).__name__}")
                _log.log(logging.ERROR if is_news else logging.DEBUG, "on_refused raised", exc_info=True)
        return Answer(error.status, f"refused: {name}")

    def _count(self, verdict: Verdict) -> Answer:
        if verdict == "full":
            self.counts.full += 1
            self._warn("a delivery was answered 503: %d events wait already", self._queue_size)
            return Answer(503, "full, try again", _AGAIN)
        if verdict == "repeated":
            self.counts.repeated += 1
        else:
            self.counts.accepted += 1
        return Answer(200, "ok")

    def _warn(self, message: str, *values: object) -> None:
        """Log why deliveries are not accepted."""
        _log.log(logging.WARNING if self._is_news(message) else logging.DEBUG, message, *values)

    def _is_news(self, kind: str, quiet: float = _QUIET) -> bool:
        """Whether this was not told in the last so many seconds."""
        now = asyncio.get_running_loop().time()
        if now < self._quiet_until.get(kind, now):
            return False
        self._quiet_until[kind] = now + quiet
        return True
