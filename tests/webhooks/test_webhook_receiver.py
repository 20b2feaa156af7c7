"""The receiver without a server: what is answered, what counts as handled, what is logged."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from virtual import loop, run, virtual
from webhook_keeping import Transactions
from webhook_making import FORM, KEY
from webhook_posting import deliver, endless, form, left, number, pieces, post

from qualtrics_async import JournalError, UsageError
from qualtrics_async.errors import DeliveryError
from qualtrics_async.webhooks.durable import DurableInbox
from qualtrics_async.webhooks.receiver import Answer, Receiver


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the inbox is."""
    return tmp_path / "inbox.db"


# Answers.


@virtual
async def test_only_posts_are_deliveries() -> None:
    receiver = Receiver()
    async with receiver:
        assert (await receiver.answer("GET", pieces())).status == 200
        assert (await receiver.answer("HEAD", pieces())).status == 200
        refused = await receiver.answer("PUT", pieces(form()), content_type=FORM)
        assert (refused.status, refused.headers) == (405, {"Allow": "GET, HEAD, POST"})
        assert receiver.waiting == 0
        assert (await post(receiver, pieces(form()[:20], b"", form()[20:]))) == Answer(200, "ok")
        assert (await post(receiver, form())).status == 200
        assert (receiver.counts.accepted, receiver.counts.repeated, receiver.waiting) == (1, 1, 1)
        assert repr(receiver) == "<Receiver 1 waiting, 1 accepted>"
    assert repr(receiver) == "<Receiver closed, 1 accepted>"


@virtual
async def test_a_receiver_that_is_not_open_says_so(caplog: pytest.LogCaptureFixture) -> None:
    """To who checks its health, to who sends, and once to who forgot to open it."""
    receiver = Receiver(shared_key=KEY)
    for closings in (1, 2):
        for method in ("GET", "HEAD", "POST", "POST"):
            answer = await receiver.answer(method, form(key=KEY), content_type=FORM)
            assert (answer.status, answer.headers) == (503, {"Retry-After": "30"})
        assert (await receiver.answer("PUT", b"")).status == 405
        assert (receiver.counts.failed, receiver.counts.accepted) == (2 * closings, closings - 1)
        (warned,) = [record.getMessage() for record in caplog.records]
        assert "async with receiver" in warned
        caplog.clear()
        await asyncio.sleep(61)
        async with receiver:
            assert (await receiver.answer("GET", b"")).status == 200
            assert (await post(receiver, form(closings, key=KEY))).status == 200


@virtual
async def test_who_iterates_over_what_was_never_open_is_told() -> None:
    """Once it was open, its loops end."""
    receiver = Receiver()
    for asked in (receiver.take, receiver.__anext__):
        with pytest.raises(UsageError, match="async with receiver"):
            await asked()
    with pytest.raises(UsageError, match="async with receiver"):
        [event async for event in receiver]
    async with receiver:
        pass
    assert [event async for event in receiver] == []
    assert await receiver.take() is None
    with pytest.raises(StopAsyncIteration):
        await anext(receiver)


@virtual
async def test_who_opens_it_without_a_key_is_warned(caplog: pytest.LogCaptureFixture) -> None:
    """An environment variable that is not set is the usual reason."""
    for key in (KEY, None):
        receiver = Receiver(shared_key=key)
        assert caplog.text == ""
        async with receiver:
            warned = [record.levelname for record in caplog.records if "not verified" in record.getMessage()]
            assert warned == ["WARNING"] * (key is None)


def test_what_came_without_a_key_is_neither_handed_out_nor_hides_what_is_signed(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def opened(key: str | None, *numbers: int) -> None:
        caplog.clear()
        async with Receiver(inbox=path, shared_key=key) as receiver:
            for n in numbers:
                assert (await post(receiver, form(n, key=key))).status == 200
            if key is not None:
                assert (await post(receiver, form())).status == 401
            assert (receiver.counts.accepted, receiver.waiting) == (len(numbers), len(numbers))
            dropped = receiver.counts.refused["SignatureMismatch"] - 1 if key is not None else 0
            warned = [record.getMessage() for record in caplog.records if "dropped" in record.getMessage()]
            assert [line.partition(" were")[0] for line in warned] == [f"{dropped} events in {path}"][
                :dropped
            ]
            assert ("(SignatureMismatch)" in caplog.text) is (key is not None)
            found = [await asyncio.wait_for(anext(receiver), 1) for _ in numbers]
            assert [(number(event), event.is_signed) for event in found] == [(n, bool(key)) for n in numbers]
            if key is None:
                raise KeyError

    for key, numbers in ((None, (1, 2)), (KEY, (1, 3)), (KEY, (4,))):
        with nullcontext() if key else pytest.raises(KeyError):
            run(opened(key, *numbers))
    assert left(path) == []


@virtual
async def test_refusals_have_their_status_and_are_told_without_secrets(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One line a kind; whoever listens is told of each, and may fail."""
    told: list[DeliveryError] = []

    def listen(error: DeliveryError) -> None:
        told.append(error)
        raise RuntimeError("the listener's own")

    caplog.set_level(logging.INFO)
    large = b"x" * 1001
    async with Receiver(shared_key=KEY, max_size=1000, on_refused=listen) as receiver:
        asked = [
            (await post(receiver, form(key="another"))).status,
            (await post(receiver, form(key="another"))).status,
            (await post(receiver, endless(large[:500], large[500:]))).status,
            (await post(receiver, large)).status,
            (await post(receiver, form(key=KEY), content_type="text/plain")).status,
            (await post(receiver, form(key=KEY), content_encoding="gzip")).status,
            (await post(receiver, form(key=KEY), content_encoding=" Identity")).status,
        ]
        assert asked == [401, 401, 413, 413, 415, 415, 200]
        names = {"SignatureMismatch": 2, "DeliveryTooLarge": 2, "DeliveryTypeRefused": 2}
        assert (receiver.counts.refused, receiver.counts.accepted, receiver.waiting) == (names, 1, 1)
    assert [type(error).__name__ for error in told] == list(receiver.counts.refused.elements())
    lines = [record.message for record in caplog.records]
    assert sum("was refused" in line for line in lines) == 3
    assert sum("on_refused raised" in line for line in lines) == 1
    assert KEY not in caplog.text + repr(receiver)
    assert loop().time() == 0


@pytest.mark.parametrize("is_whole", [True, False])
@virtual
async def test_an_answer_does_not_take_longer_than_the_deadline(is_whole: bool, path: Path) -> None:
    """408 for what does not arrive; 503 for what is not on disk by then, and comes again as a repeat."""
    async with Receiver(deadline=3, inbox=path) as receiver:
        assert isinstance(receiver._inbox, DurableInbox)
        assert (await post(receiver, endless(form()[:10]))).status == 408
        assert loop().time() == 3
        transactions = Transactions(receiver._inbox)
        transactions.gate.clear()
        late = asyncio.ensure_future(post(receiver, form() if is_whole else pieces(form())))
        await transactions.within()
        loop().stall(2.9)
        await asyncio.sleep(0)
        assert not late.done()
        loop().stall(0.101)
        answer = await late
        assert (answer.status, answer.headers) == (503, {"Retry-After": "30"})
        assert loop().time() == pytest.approx(6, abs=0.01)
        transactions.gate.set()
        assert (await post(receiver, form())).status == 200
        counts = receiver.counts
        assert (counts.failed, counts.accepted, counts.repeated, receiver.waiting) == (2, 0, 1, 1)


@virtual
async def test_what_has_no_room_or_no_disk_is_asked_for_again(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A 503 that leaves no trace; of each kind a line a minute, however often some are accepted between."""
    async with Receiver(inbox=path, queue_size=2) as receiver:
        caplog.clear()
        assert isinstance(receiver._inbox, DurableInbox)
        transactions = Transactions(receiver._inbox)
        transactions.fail = 2
        assert [(await post(receiver, form())).status for _ in range(3)] == [503, 503, 200]
        await deliver(receiver, 2)
        full = [await post(receiver, form(number)) for number in (3, 4, 3)]
        assert [(answer.status, answer.headers) for answer in full] == [(503, {"Retry-After": "30"})] * 3
        events = aiter(receiver)
        assert [number(await anext(events)), number(await anext(events))] == [1, 2]
        await deliver(receiver, 3)
        for seconds in (0, 59, 2, 1):
            await asyncio.sleep(seconds)
            assert (await post(receiver, form(4))).status == 503
        assert (receiver.counts.full, receiver.counts.failed, receiver.counts.accepted) == (7, 2, 3)
    warned = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    assert [("2 events wait" in line, "disk I/O error" in line) for line in warned] == [
        (False, True),
        (True, False),
        (True, False),
    ]


@virtual
async def test_what_a_body_raises_passes_through() -> None:
    class Gone(Exception):
        """The client hung up."""

    async def broken() -> AsyncIterator[bytes]:
        yield form()[:10]
        raise Gone

    async with Receiver() as receiver:
        with pytest.raises(Gone):
            await post(receiver, broken())
        assert (receiver.waiting, receiver.counts.accepted, receiver.counts.failed) == (0, 0, 0)


@pytest.mark.parametrize("turns", range(8))
def test_a_delivery_that_is_cancelled_anywhere_comes_out_once(turns: int, path: Path) -> None:
    async def delivering() -> list[int]:
        async with Receiver(inbox=path) as receiver:
            task = asyncio.ensure_future(post(receiver, form(1)))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait({task})
            await deliver(receiver, 1, 2)
            events = aiter(receiver)
            return [number(await anext(events)) for _ in range(receiver.waiting)]

    assert run(delivering()) == [1, 2]
    assert left(path) == []


# Open and closed.


@pytest.mark.parametrize(
    "wrong",
    [
        {"queue_size": 0},
        {"remember": 0},
        {"max_size": 0},
        {"deadline": 0},
        {"deadline": float("nan")},
        {"max_age": -1},
        {"shared_key": ""},
        {"shared_key": b""},
    ],
)
def test_what_makes_no_sense_is_refused_at_once(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        Receiver(**wrong)


def test_it_is_open_once_and_can_be_opened_again(path: Path) -> None:
    """What was not handled in between comes first, and iterators of before are harmless."""

    async def opening() -> list[int]:
        receiver = Receiver(inbox=path)
        first, second = await asyncio.gather(
            receiver.__aenter__(), receiver.__aenter__(), return_exceptions=True
        )
        assert (first, type(second)) == (receiver, UsageError)
        with pytest.raises(UsageError, match="open already"):
            await receiver.__aenter__()
        await deliver(receiver, 1, 2)
        old = aiter(receiver)
        await anext(old)
        await receiver.__aexit__(RuntimeError, RuntimeError(), None)
        assert not receiver.is_open
        await receiver.__aexit__(None, None, None)
        async with receiver:
            # What this task and its old iterator had in hand before is another one's now.
            found = [await asyncio.ensure_future(_ask(receiver)), await _ask(receiver)]
            with pytest.raises(StopAsyncIteration):
                await anext(old)
            await receiver.__aexit__(ValueError, ValueError(), None)
        return found

    assert run(opening()) == [1, 2]
    assert left(path) == [1, 2]


async def _ask(receiver: Receiver) -> int:
    return number(await anext(receiver))


def test_an_opening_that_fails_can_be_repeated(path: Path) -> None:
    async def opening() -> None:
        receiver = Receiver(inbox=path.with_name("no") / "inbox.db")
        for _ in range(2):
            with pytest.raises(JournalError):
                await receiver.__aenter__()
        assert not receiver.is_open

    run(opening())


def test_another_event_loop_is_told() -> None:
    """In place of a consumer that is never woken."""
    receiver = Receiver()
    asyncio.run(receiver.__aenter__())

    async def elsewhere() -> None:
        with pytest.raises(UsageError, match="another event loop"):
            await post(receiver, form())
        with pytest.raises(UsageError, match="another event loop"):
            await asyncio.wait_for(receiver.take(), 5)
        with pytest.raises(UsageError, match="another event loop"):
            aiter(receiver)

    asyncio.run(elsewhere())


@virtual
async def test_closing_ends_every_loop_and_answers_what_is_being_written(path: Path) -> None:
    """Who waits is done, not cancelled."""
    receiver = Receiver(inbox=path)

    async def walk() -> list[int]:
        return [number(event) async for event in receiver]

    async with receiver:
        assert isinstance(receiver._inbox, DurableInbox)
        walks = [asyncio.ensure_future(walk()) for _ in range(3)]
        taking = asyncio.ensure_future(receiver.take())
        transactions = Transactions(receiver._inbox)
        transactions.gate.clear()
        delivery = asyncio.ensure_future(post(receiver, form()))
        await transactions.within()
        asyncio.get_running_loop().call_soon(transactions.gate.set)
    assert (await delivery).status == 200
    assert await asyncio.gather(*walks) == [[], [], []]
    assert await taking is None
