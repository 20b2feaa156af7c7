"""Imports that were broken off in doubt: the next call settles it with the service, and doubles nothing."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from doubting import SLOW, broken_off, decided, members
from working import CONTACTS, IMPORT, SEARCH, Scene, asynchronous, client_of, merges, scene, settle, take

from qualtrics_async import OutcomeUnknown, Timeouts
from qualtrics_async.bulk import InDoubt
from qualtrics_async.bulk.traces import SAMPLES
from qualtrics_async.sandbox import ByPolls

Rows = list[dict[str, Any]]


async def ask(journal: Path, query: str) -> list[Any]:
    """Ask a journal that nobody has open, or change it."""

    def work() -> list[Any]:
        with closing(sqlite3.connect(journal, isolation_level=None)) as db:
            return [value for (value,) in db.execute(query)]

    return await asyncio.to_thread(work)


QUICK = {"timeouts": Timeouts(grace=0.1)}
STATES = "SELECT state FROM chunks WHERE number > 0 ORDER BY number"


async def leave_in_doubt(s: Scene, rows: Rows, journal: Path, when: Any) -> None:
    """Break a job of one chunk off while it waits to send it again, or looks for it for the first time."""
    s.sandbox.faults.add(kind="cut", when=when, route=IMPORT)
    held = s.sandbox.faults.add(kind="delay", route=SEARCH, skip=SAMPLES)

    def is_in_doubt() -> bool:
        return held.used > 0 or (merges(s.sandbox) and s.count(IMPORT) > 0)

    async with client_of(s.sandbox, polling=SLOW) as slow:
        s.client, quick = slow, s.client
        await broken_off(s.imports(rows, journal=journal), is_in_doubt)
        s.client = quick
    s.sandbox.faults.clear()
    assert await ask(journal, STATES) == ["sending"]


@pytest.mark.parametrize("when", ["before", "after"])
@asynchronous
async def test_under_deduplication_the_next_call_sends_it_again(when: Any, tmp_path: Path) -> None:
    """What was being sent is sent once more, and makes no second contact."""
    async with scene() as s:
        rows, journal = s.rows(10), tmp_path / "j.db"
        await leave_in_doubt(s, rows, journal, when)
        taken = await take(s.imports(rows, journal=journal))
        settle(s.sandbox, rows, taken.outcomes)
        assert taken.kinds == {"Ok": 10}
        assert (s.count(IMPORT), members(s)) == (2, 10)
        assert decided(taken) == {"sent again": 1}


@pytest.mark.parametrize("on_doubt", ["report", "resend"])
@pytest.mark.parametrize("polls", [0, 3])
@pytest.mark.parametrize("when", ["before", "after"])
@asynchronous
async def test_without_deduplication_the_last_chunk_is_looked_for(
    when: Any, polls: int, on_doubt: Any, tmp_path: Path
) -> None:
    """Accepted by its trace, also while its import is queued; without a trace as `on_doubt` says."""
    async with scene(deduplicate=(), jobs=ByPolls(polls)) as s:
        rows, journal = s.rows(10), tmp_path / "j.db"
        await leave_in_doubt(s, rows, journal, when)
        options: dict[str, Any] = {"journal": journal, "on_doubt": on_doubt, "reconcile_timeout": 0.1}
        taken = await take(s.imports(rows, **options))
        outcomes = settle(s.sandbox, rows, taken.outcomes)
        if when == "after" or on_doubt == "resend":
            assert taken.kinds == {"Ok": 10}
            assert all(outcome.value.contact_id for outcome in outcomes.values())
        else:
            assert taken.reasons == {"lost reply": 10}
            assert all(isinstance(outcome.error, OutcomeUnknown) for outcome in outcomes.values())
        assert s.count(IMPORT) == (2 if when == "before" and on_doubt == "resend" else 1)
        again = await take(s.imports(rows, **options, replay=True))
        settle(s.sandbox, rows, again.outcomes)
        assert again.kinds == taken.kinds
        assert decided(again) == decided(taken)


@pytest.mark.parametrize("when", ["before", "after"])
@asynchronous
async def test_later_chunks_of_the_next_call_settle_it(when: Any, tmp_path: Path) -> None:
    """Two chunks of a list in doubt are overtaken by those that the next call sends."""
    async with scene(deduplicate=(), client=QUICK) as s:
        rows, journal = s.rows(40), tmp_path / "j.db"
        s.sandbox.faults.add(kind="cut", when=when, route=IMPORT, times=2)
        held = s.sandbox.faults.add(kind="delay", route=IMPORT)
        part = await broken_off(s.imports(rows, journal=journal), lambda: held.used > 0)
        held.release()
        assert part.outcomes == []
        taken = await take(s.imports(rows, journal=journal, reconcile_timeout=5))
        settle(s.sandbox, rows, taken.outcomes)
        assert taken.kinds == {"Ok": 40}
        assert members(s) == 40


@asynchronous
async def test_a_decision_survives_being_broken_off_before_it_is_carried_out(tmp_path: Path) -> None:
    """Accepted, and broken off before its rows are known: the next call reads the list, and sends nothing."""
    async with scene(deduplicate=(), client=QUICK) as s:
        rows, journal = s.rows(10), tmp_path / "j.db"
        s.sandbox.faults.add(kind="cut", when="after", route=IMPORT)
        held = s.sandbox.faults.add(kind="delay", route=CONTACTS)
        await broken_off(s.imports(rows, journal=journal), lambda: held.used > 0)
        s.sandbox.faults.clear()
        assert await ask(journal, STATES) == ["accepted"]
        searches = s.count(SEARCH)
        taken = await take(s.imports(rows, journal=journal, reconcile_timeout=0))
        settle(s.sandbox, rows, taken.outcomes)
        assert taken.kinds == {"Ok": 10}
        assert (s.count(IMPORT), s.count(SEARCH)) == (1, searches)
        assert decided(taken) == {"accepted": 1}


@asynchronous
async def test_what_was_planned_again_is_looked_for_once_more(tmp_path: Path) -> None:
    """Between the decision and the POST lies a crash, and by then the first POST has come through."""
    async with scene(deduplicate=(), client=QUICK) as s:
        rows, journal = s.rows(20), tmp_path / "j.db"
        s.sandbox.faults.add(kind="cut", when="after", route=IMPORT)
        held = s.sandbox.faults.add(kind="delay", route=IMPORT)
        await broken_off(s.imports(rows, journal=journal), lambda: held.used > 0)
        s.sandbox.faults.clear()
        await ask(journal, "UPDATE chunks SET state = 'planned' WHERE state = 'sending' AND number = 1")
        taken = await take(s.imports(rows, journal=journal, reconcile_timeout=5))
        settle(s.sandbox, rows, taken.outcomes)
        assert members(s) == 20
        assert taken.kinds == {"Ok": 20}


@asynchronous
async def test_what_was_planned_again_under_deduplication_that_is_gone_is_not_sent(tmp_path: Path) -> None:
    """It was harmless when it was decided and has no samples: now nobody can tell."""
    async with scene() as s:
        rows, journal = s.rows(10), tmp_path / "j.db"
        await leave_in_doubt(s, rows, journal, "after")
        await ask(journal, "UPDATE chunks SET state = 'planned' WHERE state = 'sending'")
        s.sandbox.faults.add(kind="status", status=403, route="GET /directories", times=None)
        taken = await take(s.imports(rows, journal=journal, on_doubt="resend"))
        settle(s.sandbox, rows, taken.outcomes)
        assert all(isinstance(outcome, InDoubt) for outcome in taken.outcomes)
        assert s.count(IMPORT) == 1
