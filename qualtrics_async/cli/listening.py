"""Events to stdout as they happen, until somebody ends it, or nobody reads them any more."""

from __future__ import annotations

import asyncio
import logging
import os
import select
import signal
import stat
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TextIO, TypeVar

import anyio.to_thread

from qualtrics_async.bulk.writers import RecordWriter, record_writer
from qualtrics_async.cli.eventlines import event_line, fetched_line
from qualtrics_async.cli.output import counted, say, standard_output, visible
from qualtrics_async.cli.secrecy import masked

if TYPE_CHECKING:
    from qualtrics_async.webhooks import Counts, Event
    from qualtrics_async.webhooks.fetching import EventWithResponse
    from qualtrics_async.webhooks.hearing import Events

__all__ = ["LogSaid", "Printed", "hangup_terminates", "log_said", "print_events"]

T = TypeVar("T")

_GRACE: Final = 1.0
"""Seconds that a line gets to be written when the command is to end."""


@dataclass
class Printed:
    """How many events were printed, and of how many the response was not found."""

    events: int = 0
    without_response: int = 0


async def print_events(
    listening: AbstractAsyncContextManager[Events[Event] | Events[EventWithResponse]],
    *,
    most: int | None = None,
    seconds: float | None = None,
    told: Callable[[Events[Any]], object],
) -> Printed:
    """Print events until there are so many, or so many seconds have passed; each line is flushed by itself.

    `told` is called once deliveries are accepted and subscribed to.

    Raises:
        BrokenPipeError: as soon as nobody reads stdout any more, also while no event comes.
    """
    stdout = standard_output()
    out = record_writer("ndjson", stdout, ())
    printed = Printed()
    async with listening as events:
        try:
            told(events)
            until = None if seconds is None else asyncio.get_running_loop().time() + seconds
            with _Reader(stdout).watched() as reader:
                walk: AsyncIterator[Event | EventWithResponse] = aiter(events)
                while printed.events != most and (found := await reader.next_of(walk, until)) is not None:
                    out.write(_line(found, printed))
                    await _flush(out, printed)
        finally:
            _conclude(printed, events.counts)
    return printed


async def _flush(out: RecordWriter, printed: Printed) -> None:
    """Write what waits, and count it; who does not read must not keep a cancelled task for long."""
    writing = asyncio.ensure_future(anyio.to_thread.run_sync(out.flush))
    try:
        await asyncio.wait({writing})
    except asyncio.CancelledError:
        await asyncio.wait({writing}, timeout=_GRACE)
        raise
    finally:
        if not writing.done():
            writing.cancel()
        elif not writing.cancelled() and writing.exception() is None:
            printed.events += 1
    writing.result()


def _line(found: Event | EventWithResponse, printed: Printed) -> dict[str, Any]:
    from qualtrics_async.webhooks.fetching import EventWithResponse

    if not isinstance(found, EventWithResponse):
        return event_line(found)
    printed.without_response += found.error is not None
    return fetched_line(found)


def _conclude(printed: Printed, counts: Counts) -> None:
    more = {
        "without its response": printed.without_response,
        "delivered again and not printed again": counts.repeated,
        "refused": sum(counts.refused.values()),
        "sent away because too many waited": counts.full,
    }
    texts = [f"{count:,} {what}" for what, count in more.items() if count]
    say("; ".join([f"{counted(printed.events, 'event')} printed", *texts]))


class _Reader:
    """Who reads a pipe: that they have gone is told by the system before anything is written."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_gone = False
        self._waiting: asyncio.Timeout | None = None

    @contextmanager
    def watched(self) -> Iterator[_Reader]:
        """Watch the pipe inside; what is no pipe, or on a system that does not tell, is not watched."""
        number = _pipe(self._stream)
        if number is None:
            yield self
            return
        loop = asyncio.get_running_loop()
        ended = select.poll()
        ended.register(number, 0)

        def look() -> None:
            loop.remove_reader(number)
            if ended.poll(0):
                self._leave()

        loop.add_reader(number, look)
        try:
            yield self
        finally:
            loop.remove_reader(number)

    def _leave(self) -> None:
        self._is_gone = True
        if self._waiting is not None and not self._waiting.expired():
            self._waiting.reschedule(asyncio.get_running_loop().time())

    async def next_of(self, walk: AsyncIterator[T], until: float | None) -> T | None:
        """Wait for the next item; None when there is none, or the time has come.

        Raises:
            BrokenPipeError: when the reader has gone.
        """
        if self._is_gone:
            raise BrokenPipeError
        try:
            async with asyncio.timeout_at(until) as self._waiting:
                return await anext(walk, None)
        except TimeoutError:
            if self._waiting is None or not self._waiting.expired():
                raise
            if self._is_gone:
                raise BrokenPipeError from None
            return None
        finally:
            self._waiting = None


def _pipe(stream: TextIO) -> int | None:
    try:
        number = stream.fileno()
        is_pipe = stat.S_ISFIFO(os.fstat(number).st_mode)
    except (OSError, ValueError):
        return None
    return number if is_pipe and hasattr(select, "poll") else None


@contextmanager
def hangup_terminates() -> Iterator[None]:
    """Let a terminal that is closed do what SIGTERM does, unless that is ignored, as under nohup."""
    number = getattr(signal, "SIGHUP", None)
    main = threading.current_thread() is threading.main_thread()
    if number is None or not main or signal.getsignal(number) is not signal.SIG_DFL:
        yield
        return
    signal.signal(number, lambda *_: signal.raise_signal(signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(number, signal.SIG_DFL)


class LogSaid(logging.Handler):
    """Says warnings and errors of the package as they come, a line each."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Say one, with its level."""
        text = record.getMessage()
        if record.levelno >= logging.ERROR:
            self._said.append(text)
        self._say(record.levelname.lower(), text)

    def say_once(self, note: str) -> None:
        """Say what belongs to an error, unless it was said."""
        if not self.has_said(note):
            self._say("note", note)

    def has_said(self, text: str) -> bool:
        """Whether an error that was said had this text."""
        return any(text in said for said in self._said)

    @staticmethod
    def _say(what: str, text: str) -> None:
        say(f"{what}: {masked(' '.join(visible(text).split()))}")


@contextmanager
def log_said() -> Iterator[LogSaid]:
    """Say inside what the package logs; whatever else handles its log still gets it."""
    logger, handler = logging.getLogger("qualtrics_async"), LogSaid()
    logger.addHandler(handler)
    try:
        yield handler
    finally:
        logger.removeHandler(handler)
