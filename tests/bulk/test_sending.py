"""One write under a journal: intent, call, fate, in this order, whatever interrupts."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from working import asynchronous

from qualtrics_async import (
    ConnectFailed,
    Forbidden,
    InvalidRequest,
    JournalError,
    NotFound,
    OutcomeUnknown,
    QualtricsError,
    RateLimited,
    TimedOut,
    Unauthorized,
)
from qualtrics_async._core.tasks import finish_within, leaving, mark_in_doubt
from qualtrics_async.bulk.records import Kind
from qualtrics_async.bulk.sending import send_once


class Book:
    """A journal that notes what it is told, slowly."""

    def __init__(self, call: Any) -> None:
        self.notes: list[str] = []
        self._call = call

    async def _note(self, text: str) -> None:
        self.notes.append(text)
        await asyncio.sleep(0)

    async def intend(self, leaving: bool) -> None:
        """Note the intent."""
        await self._note("sending" if leaving else "planned")

    async def accept(self, value: str) -> None:
        """Note a result."""
        await self._note(f"accepted {value}")

    async def reject(self, kind: Kind, reason: str, error: QualtricsError) -> None:
        """Note a failure or a doubt."""
        await self._note(f"{kind.name} {reason}")

    async def run(self) -> None:
        """Make the call under this journal."""
        await send_once(self.intend, self._call, self.accept, self.reject, grace=5.0)


async def leave(seconds_until_answer: float) -> str:
    """Act as the engine does: leave after a turn of the loop, then wait for the answer."""
    left = False
    leaving(lambda: left)
    try:
        await asyncio.sleep(0)
        left = True
        await asyncio.sleep(seconds_until_answer)
    except asyncio.CancelledError as cancellation:
        if left:
            mark_in_doubt(cancellation)
        raise
    return "CID_1"


def raising(error: QualtricsError) -> Any:
    """Make a call that fails."""

    async def call() -> str:
        raise error

    return call


@asynchronous
async def test_intent_comes_before_the_call_and_fate_after() -> None:
    """The plain course."""
    book = Book(lambda: leave(0))
    await book.run()
    assert book.notes == ["sending", "accepted CID_1"]


@pytest.mark.parametrize(
    ("error", "note"),
    [
        (OutcomeUnknown("x"), "IN_DOUBT lost reply"),
        (InvalidRequest("x", status=400), "FAILED refused"),
        (TimedOut("waited for quota"), "FAILED refused"),
    ],
)
@asynchronous
async def test_failures_of_one_item_are_written_down(error: QualtricsError, note: str) -> None:
    """A lost reply is a doubt, anything else that concerns the item is a failure."""
    book = Book(raising(error))
    await book.run()
    assert book.notes == ["sending", note]


@pytest.mark.parametrize(
    "error",
    [ConnectFailed("x"), *(cls("x", status=400) for cls in (Unauthorized, Forbidden, NotFound, RateLimited))],
)
@asynchronous
async def test_what_stops_a_job_takes_the_intent_back(error: QualtricsError) -> None:
    """Nothing was done, so it can be done later."""
    book = Book(raising(error))
    with pytest.raises(type(error)):
        await book.run()
    assert book.notes == ["sending", "planned"]


@asynchronous
async def test_a_broken_journal_is_no_failure_of_the_item() -> None:
    """Without an intent nothing is sent, and nothing is called refused."""
    called: list[str] = []

    class Broken(Book):
        async def intend(self, leaving: bool) -> None:
            raise JournalError("disk full", reason="unusable")

    book = Broken(lambda: called.append("call"))
    with pytest.raises(JournalError):
        await book.run()
    assert called == book.notes == []


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("turns", range(9))
@asynchronous
async def test_cancelled_at_any_turn(turns: int, times: int) -> None:
    """Before it leaves it is planned again, afterwards it is confirmed; asked twice, it may stay in doubt."""
    book = Book(lambda: leave(0.01))
    task = asyncio.create_task(book.run())
    for _ in range(turns):
        await asyncio.sleep(0)
    for _ in range(times):
        task.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await task
    fates = [[], ["sending", "planned"], ["sending", "accepted CID_1"]]
    assert book.notes in (fates if times == 1 else [*fates, ["sending"]])


@asynchronous
async def test_an_answer_that_never_comes_leaves_the_intent() -> None:
    """What left and was not answered in time stays `sending`, which is doubt for the next run."""
    left = asyncio.Event()

    async def call() -> str:
        leaving(left.is_set)
        left.set()
        return await leave(60)

    book = Book(call)
    task = asyncio.create_task(finish_within(0.02, book.run()))
    await left.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert book.notes == ["sending"]
