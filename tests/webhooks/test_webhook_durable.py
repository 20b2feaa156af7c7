"""The inbox in a file: what is accepted is on disk, many at once cost one transaction, nothing is half."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from virtual import loop, run, virtual
from webhook_keeping import (
    Transactions,
    crashed,
    drained,
    kept,
    response,
    settled,
    tables,
)
from webhook_posting import filled

from qualtrics_async import JournalError
from qualtrics_async.webhooks.durable import DurableInbox
from qualtrics_async.webhooks.events import event_of


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the inbox is."""
    return tmp_path / "inbox.db"


# On disk.


def test_what_is_accepted_survives_a_crash_and_what_is_not_yet_is_nowhere(path: Path) -> None:
    """Copies of the disk before the commit of an event, and when it was accepted."""

    async def writing() -> tuple[Path, Path]:
        inbox = await filled(path, 1, 2)
        transactions = Transactions(inbox)
        before: list[Path] = []
        transactions.before_commit = lambda: before.append(crashed(path, 1))
        assert await asyncio.gather(*map(inbox.put, map(response, (3, 4)))) == ["accepted"] * 2
        after = await asyncio.to_thread(crashed, path, 2)
        await inbox.aclose()
        return before[0], after

    before, after = run(writing())
    assert run(kept(before)) == [response(1), response(2)]
    assert run(kept(after)) == [response(n) for n in (1, 2, 3, 4)]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_each_acceptance_is_synced_and_what_is_done_waits_for_the_next(path: Path) -> None:
    async def writing() -> list[bool]:
        inbox = await filled(path)
        transactions = Transactions(inbox)
        for number in (1, 2):
            await inbox.put(response(number))
        taken = await inbox.take()
        assert taken is not None
        await inbox.done(taken.number)
        await settled(inbox)
        await inbox.aclose()
        return transactions.durable

    assert run(writing()) == [True, True, False]


def test_deliveries_at_once_share_a_transaction(path: Path) -> None:
    """A hundred are one; a hundred that come while it is written are the next one, with what is done."""

    async def writing() -> list[bool]:
        inbox = await filled(path, 1000, size=1000)
        taken = await inbox.take()
        assert taken is not None
        transactions = Transactions(inbox)
        transactions.gate.clear()
        first = [asyncio.ensure_future(inbox.put(response(number))) for number in range(100)]
        await transactions.within()
        second = [asyncio.ensure_future(inbox.put(response(number))) for number in range(100, 200)]
        await asyncio.sleep(0)
        await inbox.done(taken.number)
        transactions.gate.set()
        assert await asyncio.gather(*first, *second) == ["accepted"] * 200
        assert await drained(inbox) == [response(number) for number in range(200)]
        durable = list(transactions.durable)
        await inbox.aclose()
        return durable

    assert run(writing()) == [True, True]
    assert tables(path)["events"] == []


@pytest.mark.parametrize("fails", [False, True])
def test_a_repeat_of_what_is_being_written_waits_for_that(fails: bool, path: Path) -> None:
    """It is no repeat of something that is nowhere."""

    async def writing() -> None:
        inbox = await filled(path, size=1)
        transactions = Transactions(inbox)
        transactions.gate.clear()
        transactions.fail = int(fails)
        puts = [asyncio.ensure_future(inbox.put(response(1)))]
        await transactions.within()
        puts += [asyncio.ensure_future(inbox.put(response(1))) for _ in range(2)]
        for _ in range(5):
            await asyncio.sleep(0)
        assert not any(put.done() for put in puts)
        assert await inbox.put(response(2)) == "full"
        assert inbox.waiting == 0
        transactions.gate.set()
        found = await asyncio.gather(*puts, return_exceptions=True)
        if fails:
            assert [type(one) for one in found] == [JournalError] * 3
            assert await inbox.put(response(1)) == "accepted"
        else:
            assert found == ["accepted", "repeated", "repeated"]
        assert await drained(inbox) == [response(1)]
        assert await inbox.put(response(2)) == "accepted"
        await inbox.aclose()

    run(writing())
    assert run(kept(path)) == [response(2)]


def test_a_full_disk_is_an_error_and_no_end(path: Path) -> None:
    """Nothing of what did not fit is remembered; with room again it is accepted, what was done is noted."""

    def limit(pages: int) -> Callable[[sqlite3.Connection], Any]:
        return lambda db: db.execute(f"PRAGMA max_page_count = {pages}").fetchone()

    async def writing() -> None:
        inbox = await filled(path, 1)
        await inbox._store.run(limit(1))  # SQLite takes what the file has already
        large = event_of("threesixty.created", {"text": "x" * 60_000}, is_signed=False)
        lost = response(2)
        for _ in range(3):
            found = await asyncio.gather(inbox.put(lost), inbox.put(large), return_exceptions=True)
            assert [type(one) for one in found] == [JournalError] * 2
            assert "database or disk is full" in str(found[0])
            assert str(path) in str(found[0])
        assert await drained(inbox) == [response(1)]
        await inbox._store.run(limit(1_000_000))
        assert await asyncio.gather(*map(inbox.put, (lost, large))) == ["accepted"] * 2
        await inbox.aclose()

    run(writing())
    assert [event.topic for event in run(kept(path))] == [response(2).topic, "threesixty.created"]


def test_what_could_not_be_noted_as_done_is_noted_with_the_next_event(path: Path) -> None:
    """A disk that fails is not asked again and again."""

    async def writing() -> None:
        inbox = await filled(path, 1, 2)
        transactions = Transactions(inbox)
        transactions.fail = 1
        assert await drained(inbox) == [response(1), response(2)]
        await settled(inbox)
        assert transactions.durable == [False]
        await inbox.put(response(3))
        assert transactions.durable == [False, True]
        assert await inbox.put(response(1)) == "repeated"
        await inbox.aclose()
        assert transactions.durable == [False, True]

    run(writing())
    assert run(kept(path)) == [response(3)]


@virtual
async def test_nobody_waits_longer_than_the_deadline_and_what_is_late_is_kept(tmp_path: Path) -> None:
    """Those who wait for one transaction are sent away together, those who come later have their time."""
    inbox = await DurableInbox.open(tmp_path / "late.db", 100, 100, 5)
    transactions = Transactions(inbox)
    transactions.gate.clear()
    puts = [asyncio.ensure_future(inbox.put(response(1)))]
    await transactions.within()
    for numbers, seconds in (((1, 2), 3), ((2, 3), 2), ((1, 4), 3), ((), 2)):
        puts += [asyncio.ensure_future(inbox.put(response(number))) for number in numbers]
        await asyncio.sleep(0)
        loop().stall(seconds)
        await asyncio.sleep(0)
    for _ in range(3):
        await asyncio.sleep(0)
    assert [put.done() for put in puts] == [True] * 7
    found = await asyncio.gather(*puts, return_exceptions=True)
    assert {type(one) for one in found} == {TimeoutError}
    last = asyncio.ensure_future(inbox.put(response(4)))
    await asyncio.sleep(0)
    transactions.gate.set()
    assert await last == "repeated"
    assert not [timer for timer in loop()._scheduled if not timer.cancelled()]  # type: ignore[attr-defined]
    assert [await inbox.put(response(number)) for number in (1, 2, 3, 4)] == ["repeated"] * 4
    assert sorted(event.fields["ResponseID"] for event in await drained(inbox)) == [
        "R_1",
        "R_2",
        "R_3",
        "R_4",
    ]
    await inbox.aclose()


def test_what_waits_comes_out_the_same_however_many_wait(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first of them as they came, those beyond as they are on disk."""
    monkeypatch.setattr("qualtrics_async.webhooks.durable.MOST_UNPACKED", 2)

    async def writing() -> None:
        inbox = await filled(path)
        events = [response(number) for number in range(5)]
        for event in events:
            await inbox.put(event)
        assert [type(entry[1]) is bytes for entry in inbox._waiting] == [False, False, True, True, True]
        assert await drained(inbox) == events
        await inbox.aclose()

    run(writing())


# Cancelled.


@pytest.mark.parametrize("turns", range(8))
def test_a_put_that_is_cancelled_anywhere_is_kept_once_or_not_at_all(turns: int, path: Path) -> None:
    """Its redelivery tells, and comes out once in either case."""

    async def writing() -> None:
        inbox = await filled(path)
        put = asyncio.ensure_future(inbox.put(response(1)))
        other = asyncio.ensure_future(inbox.put(response(2)))
        for _ in range(turns):
            await asyncio.sleep(0)
        was_done = put.done()
        put.cancel()
        await asyncio.wait({put})
        assert was_done is not put.cancelled()
        expected = "repeated" if turns else "accepted"  # without a turn it had not begun
        assert await inbox.put(response(1)) == expected
        assert await other == "accepted"
        found = await drained(inbox)
        assert sorted(event.fields["ResponseID"] for event in found) == ["R_1", "R_2"]
        await inbox.aclose()

    run(writing())
    assert run(kept(path)) == []


def test_when_all_tasks_are_cancelled_nothing_hangs_and_the_file_tells(path: Path) -> None:
    """Those inside of the inbox as well: a transaction on its way is waited for, the next one not begun."""

    async def writing() -> None:
        inbox = await filled(path)
        transactions = Transactions(inbox)
        transactions.gate.clear()
        first = asyncio.ensure_future(inbox.put(response(1)))
        await transactions.within()
        second = asyncio.ensure_future(inbox.put(response(2)))
        taking = asyncio.ensure_future(inbox.take())
        await asyncio.sleep(0)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        closing = asyncio.ensure_future(inbox.aclose())
        for _ in range(5):
            await asyncio.sleep(0)
        assert not closing.done()
        transactions.gate.set()
        await asyncio.wait({first, second, taking, closing})
        assert first.cancelled()
        assert second.cancelled()
        assert taking.cancelled()
        await closing
        assert await inbox.put(response(3)) == "full"

    run(writing())
    assert run(kept(path)) == [response(1)]


@pytest.mark.parametrize("within", [False, True])
def test_who_is_not_cancelled_with_the_writer_gets_an_error(within: bool, path: Path) -> None:
    """Whatever ends the inbox's own task, before it begins or within: no put waits for ever."""

    async def writing() -> None:
        inbox = await filled(path)
        transactions = Transactions(inbox)
        transactions.gate.clear()
        puts = [asyncio.ensure_future(inbox.put(response(1)))]
        await asyncio.sleep(0)
        if within:
            await transactions.within()
            puts.append(asyncio.ensure_future(inbox.put(response(2))))
            await asyncio.sleep(0)
        assert inbox._writer is not None
        inbox._writer.cancel()
        transactions.gate.set()
        found = await asyncio.gather(*puts, return_exceptions=True)
        assert {type(one) for one in found} == {JournalError}
        assert await inbox.put(response(3)) == "full"
        assert await inbox.take() is None
        assert not inbox._undone
        await inbox.aclose()

    run(writing())
    assert run(kept(path)) == [response(1)] * within


@pytest.mark.parametrize("times", [0, 1, 3])
def test_closing_ends_what_is_being_written_however_often_it_is_cancelled(times: int, path: Path) -> None:
    """What was accepted or done by then is on disk, who waits gets None, and the file is free."""

    async def closing() -> None:
        inbox = await filled(path, 1)
        takers = [asyncio.ensure_future(inbox.take()) for _ in range(3)]
        await asyncio.sleep(0)
        taken = await takers[0]
        assert taken is not None
        transactions = Transactions(inbox)
        transactions.gate.clear()
        puts = [asyncio.ensure_future(inbox.put(response(2)))]
        await transactions.within()
        await inbox.done(taken.number)
        puts.append(asyncio.ensure_future(inbox.put(response(3))))
        await asyncio.sleep(0)
        close = asyncio.ensure_future(inbox.aclose())
        for _ in range(times):
            await asyncio.sleep(0)
            close.cancel()
        await asyncio.sleep(0)
        assert not close.done()
        assert await inbox.put(response(4)) == "full"
        assert await asyncio.gather(*takers[1:]) == [None, None]
        transactions.gate.set()
        assert await asyncio.gather(*puts) == ["accepted"] * 2
        await asyncio.wait({close})
        assert close.cancelled() is bool(times)
        assert inbox.waiting == 0
        await inbox.done(taken.number)
        await inbox.aclose()

    run(closing())
    assert run(kept(path)) == [response(2), response(3)]
    assert not path.with_name("inbox.db-wal").exists()


def test_closing_notes_what_could_not_be_noted_before(path: Path) -> None:
    async def closing() -> None:
        inbox = await filled(path, 1, 2)
        Transactions(inbox).fail = 1
        await drained(inbox)
        await settled(inbox)
        await inbox.aclose()

    run(closing())
    assert run(kept(path)) == []


def test_closing_tells_what_could_not_be_noted(path: Path) -> None:
    """Those events come again; the file is closed all the same."""

    async def closing() -> None:
        inbox = await filled(path, 1, 2)
        transactions = Transactions(inbox)
        transactions.fail = 2
        await drained(inbox)
        await settled(inbox)
        with pytest.raises(JournalError, match="2 events that were handled will come again"):
            await inbox.aclose()

    run(closing())
    assert run(kept(path)) == [response(1), response(2)]


@pytest.mark.parametrize("turns", range(6))
def test_an_opening_that_is_cancelled_leaves_the_file_free(turns: int, path: Path) -> None:
    async def opening() -> None:
        task = asyncio.ensure_future(DurableInbox.open(path, 5, 5))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()
        again = await filled(path, 1)
        await again.aclose()

    run(opening())
