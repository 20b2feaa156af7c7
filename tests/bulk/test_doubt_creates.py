"""Single creates whose reply was lost: sent again where that is harmless, else looked for, row by row."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from doubting import LOST, SLOW, arrives, broken_off, decided, members
from working import CREATE, SEARCH, asynchronous, client_of, scene, settle, take

from qualtrics_async import Forbidden, OutcomeUnknown
from qualtrics_async.bulk import InDoubt
from qualtrics_async.sandbox import ByPolls

GET_CONTACT = "GET /directories/{directoryId}/contacts/{contactId}"


@pytest.mark.parametrize("fault", LOST, ids=str)
@asynchronous
async def test_under_deduplication_a_row_is_sent_again(fault: dict[str, Any], tmp_path: Path) -> None:
    """Two rows lose their replies and are sent once more; the same call later sends nothing."""
    async with scene() as s:
        s.sandbox.faults.add(route=CREATE, skip=5, times=2, **fault)
        rows, journal = s.rows(40), tmp_path / "j.db"
        taken = await take(s.creates(rows, journal=journal))
        settle(s.sandbox, rows, taken.outcomes)
        assert taken.kinds == {"Ok": 40}
        assert (s.count(CREATE), s.count(SEARCH), members(s)) == (42, 0, 40)
        assert decided(taken) == {"sent again": 2}
        again = await take(s.creates(rows, journal=journal, replay=True))
        settle(s.sandbox, rows, again.outcomes)
        assert again.kinds == taken.kinds
        assert s.count(CREATE) == 42


@pytest.mark.parametrize("on_doubt", ["report", "resend"])
@pytest.mark.parametrize("lag", [None, ByPolls(3)])
@pytest.mark.parametrize("fault", LOST, ids=str)
@asynchronous
async def test_without_deduplication_a_row_is_looked_for(
    fault: dict[str, Any], lag: Any, on_doubt: Any
) -> None:
    """What arrived is found with its ids; what left no trace in time is in doubt, or sent again on demand."""
    async with scene(deduplicate=(), search_lag=lag) as s:
        s.sandbox.faults.add(route=CREATE, skip=5, times=2, **fault)
        rows = s.rows(40)
        taken = await take(s.creates(rows, on_doubt=on_doubt, reconcile_timeout=0.5))
        settle(s.sandbox, rows, taken.outcomes)
        if arrives(fault):
            assert decided(taken) == {"accepted": 2}
            assert all(outcome.value.contact_lookup_id for outcome in taken.outcomes)
        elif on_doubt == "resend":
            assert decided(taken) == {"sent again": 2}
        else:
            assert taken.reasons == {"lost reply": 2}
            doubts = [outcome for outcome in taken.outcomes if isinstance(outcome, InDoubt)]
            assert all(isinstance(doubt.error, OutcomeUnknown) for doubt in doubts)
        assert s.count(CREATE) == (42 if decided(taken) == {"sent again": 2} else 40)


@asynchronous
async def test_the_others_of_a_block_are_delivered_first() -> None:
    """Rows in doubt hold up neither their neighbours nor other blocks, in the one place that there is."""
    async with scene(deduplicate=()) as s:
        s.sandbox.faults.add(kind="cut", route=CREATE, skip=3)
        rows = s.rows(60)
        taken = await take(s.creates(rows, concurrency=1, reconcile_timeout=0.3))
        settle(s.sandbox, rows, taken.outcomes)
        assert taken.kinds == {"Ok": 59, "InDoubt": 1}
        assert isinstance(taken.outcomes[-1], InDoubt)


@pytest.mark.parametrize("replay", [False, True])
@asynchronous
async def test_a_block_that_was_delivered_in_parts_is_replayed_whole(replay: bool, tmp_path: Path) -> None:
    """Each row once in the run, and once in a replay; nothing is left to deliver."""
    async with scene(deduplicate=()) as s:
        s.sandbox.faults.add(kind="cut", route=CREATE, skip=3, times=2)
        rows, journal = s.rows(60), tmp_path / "j.db"
        first = await take(s.creates(rows, journal=journal, reconcile_timeout=0.1, replay=replay))
        settle(s.sandbox, rows, first.outcomes)
        again = await take(s.creates(rows, journal=journal))
        assert again.outcomes == []
        whole = await take(s.creates(rows, journal=journal, replay=True))
        settle(s.sandbox, rows, whole.outcomes)
        assert whole.kinds == first.kinds == {"Ok": 58, "InDoubt": 2}


@asynchronous
async def test_sending_again_ends() -> None:
    """A row that never gets an answer is sent twenty times more, and is in doubt then."""
    async with scene() as s:
        s.sandbox.faults.add(kind="cut", when="after", route=CREATE, times=None)
        rows = s.rows(1)
        taken = await take(s.creates(rows))
        settle(s.sandbox, rows, taken.outcomes)
        assert taken.kinds == {"InDoubt": 1}
        assert (s.count(CREATE), members(s)) == (21, 1)


@asynchronous
async def test_a_row_is_looked_for_until_the_index_has_it() -> None:
    """Absence at the first look proves nothing."""
    async with scene(deduplicate=(), search_lag=ByPolls(40)) as s:
        s.sandbox.faults.add(kind="cut", when="after", route=CREATE)
        taken = await take(s.creates(s.rows(1), reconcile_timeout=15, on_doubt="resend"))
        assert taken.kinds == {"Ok": 1}
        assert (s.count(CREATE), members(s)) == (1, 1)


@asynchronous
async def test_a_repeat_that_stops_the_job_leaves_the_doubt(tmp_path: Path) -> None:
    """It was refused to the job and not to the row, whose first request is in doubt as before."""
    async with scene(deduplicate=()) as s:
        s.sandbox.faults.add(kind="cut", route=CREATE)
        s.sandbox.faults.add(kind="status", status=403, route=CREATE)
        options: dict[str, Any] = {"journal": tmp_path / "j.db", "reconcile_timeout": 0}
        first = await take(s.creates(s.rows(1), on_doubt="resend", **options))
        assert isinstance(first.error, Forbidden)
        second = await take(s.creates(s.rows(1), **options))
        assert second.kinds == {"InDoubt": 1}
        assert s.count(CREATE) == 2


@asynchronous
async def test_sending_again_on_demand_ends() -> None:
    """A row that never leaves a trace is sent five times more."""
    async with scene(deduplicate=()) as s:
        s.sandbox.faults.add(kind="cut", route=CREATE, times=None)
        rows = s.rows(2)
        taken = await take(s.creates(rows, on_doubt="resend", reconcile_timeout=0))
        settle(s.sandbox, rows, taken.outcomes)
        assert taken.kinds == {"InDoubt": 2}
        assert s.count(CREATE) == 12


@asynchronous
async def test_a_refusal_of_what_was_sent_again_is_no_failure() -> None:
    """The first request may have arrived, so nobody can say that nothing was left behind."""
    async with scene() as s:
        s.sandbox.faults.add(kind="cut", when="after", route=CREATE)
        s.sandbox.faults.add(kind="status", status=409, route=CREATE)
        rows = s.rows(1)
        taken = await take(s.creates(rows))
        settle(s.sandbox, rows, taken.outcomes)
        assert taken.kinds == {"InDoubt": 1}
        assert members(s) == 1


@pytest.mark.parametrize("status", [400, 403, 404])
@asynchronous
async def test_a_search_that_is_refused_leaves_doubt_at_once(status: int) -> None:
    """Nothing is sent again, and nothing is waited for."""
    async with scene(deduplicate=()) as s:
        s.sandbox.faults.add(kind="status", status=status, route=SEARCH, times=None)
        s.sandbox.faults.add(kind="cut", route=CREATE, skip=3)
        rows = s.rows(10)
        taken = await take(s.creates(rows, on_doubt="resend"))
        settle(s.sandbox, rows, taken.outcomes)
        assert taken.kinds == {"Ok": 9, "InDoubt": 1}
        assert s.count(CREATE) == 10


@asynchronous
async def test_rows_that_nobody_can_tell_apart_stay_in_doubt() -> None:
    """No key, the key of another row, a key that the list had before: the reply was all that could tell."""
    async with scene(deduplicate=()) as s:
        rows: list[dict[str, Any]] = [
            {"phone": "1"},
            {"extRef": "r1"},
            {"extRef": "R1 ", "firstName": "double"},
            {"extRef": "r3"},
        ]
        s.sandbox.state.add_contact(s.lists[0], ext_ref="r3")
        s.sandbox.faults.add(kind="cut", route=CREATE, times=4)
        taken = await take(s.creates(rows, mailing_list=s.lists[0], on_doubt="resend"))
        assert taken.kinds == {"InDoubt": 4}
        assert taken.reasons == {"no key": 3, "lost reply": 1}
        assert s.count(CREATE) == 4


@asynchronous
async def test_a_row_that_was_read_during_a_search_may_be_who_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The key was that of one row when the search left; then another row with it was read and created."""
    monkeypatch.setattr("qualtrics_async.bulk.spool._BATCH", 26)
    async with scene(deduplicate=()) as s:
        s.sandbox.faults.add(kind="cut", route=CREATE, path=s.lists[0])
        slow = s.sandbox.faults.add(kind="delay", route=SEARCH, skip=25)

        async def read() -> AsyncGenerator[dict[str, Any]]:
            yield {"extRef": "r0", "firstName": "lost"}
            for row in s.rows(26)[1:]:
                yield row
            await slow.arrived()
            yield {"extRef": "r0", "firstName": "made"}
            for n in range(26, 50):
                yield {"extRef": f"r{n}"}

        async def let_go() -> None:
            await slow.arrived()
            while members(s) < 50:  # noqa: ASYNC110  (nobody sets an event: the sandbox counts)
                await asyncio.sleep(0.001)
            slow.release()

        letting = asyncio.create_task(let_go())
        taken = await take(s.creates(read(), mailing_list=s.lists[0], reconcile_timeout=5))
        await letting
        assert taken.kinds == {"Ok": 50, "InDoubt": 1}
        [doubt] = [outcome for outcome in taken.outcomes if isinstance(outcome, InDoubt)]
        assert (doubt.item.contact["firstName"], doubt.reason) == ("lost", "no key")
        made = [outcome.value.contact_id for outcome in taken.outcomes if outcome is not doubt]
        assert len(set(made)) == 50


@asynchronous
async def test_a_contact_whose_place_in_the_list_cannot_be_read_is_accepted_without_it() -> None:
    """It was found, and that it is there is what counts."""
    async with scene(deduplicate=()) as s:
        s.sandbox.faults.add(kind="status", status=403, route=GET_CONTACT, times=None)
        s.sandbox.faults.add(kind="cut", when="after", route=CREATE)
        taken = await take(s.creates(s.rows(1)))
        [outcome] = taken.outcomes
        assert outcome.value.contact_id in s.sandbox.state.contacts
        assert outcome.value.contact_lookup_id is None


@pytest.mark.parametrize("criteria", [(), ("email",)])
@pytest.mark.parametrize("when", ["before", "after"])
@asynchronous
async def test_a_doubt_that_was_broken_off_is_settled_by_the_next_call(
    when: Any, criteria: tuple[str, ...], tmp_path: Path
) -> None:
    """Cancelled while it waits, the job leaves the doubt in its journal; no row is created twice."""
    async with scene(deduplicate=criteria) as s, client_of(s.sandbox, polling=SLOW) as slow:
        s.client, quick = slow, s.client
        s.sandbox.faults.add(kind="cut", when=when, route=CREATE, skip=4)
        rows, journal = s.rows(30), tmp_path / "j.db"
        await broken_off(s.creates(rows, journal=journal), lambda: s.count(CREATE) == 30)
        s.client = quick
        options = {"journal": journal, "on_doubt": "resend", "reconcile_timeout": 0.1}
        await take(s.creates(rows, **options))
        whole = await take(s.creates(rows, **options, replay=True))
        settle(s.sandbox, rows, whole.outcomes)
        assert whole.kinds == {"Ok": 30}
        assert members(s) == 30
        assert decided(whole) == ({"accepted": 1} if when == "after" and not criteria else {"sent again": 1})


@pytest.mark.parametrize("seed", range(6))
@asynchronous
async def test_random_faults(seed: int) -> None:
    """Whatever goes wrong in a fifth of all requests, each row has one outcome and that is the truth."""
    kinds = [*LOST, {"kind": "status", "status": 429}]
    async with scene(lists=2, seed=seed, deduplicate=("email",) if seed % 2 else ()) as s:
        s.sandbox.faults.random(rate=0.2, kinds=kinds, seed=seed)
        refusals = [{"kind": "status", "status": 422}]
        s.sandbox.faults.random(rate=0.05, kinds=refusals, seed=seed, route=CREATE)
        rows = s.rows(100)
        options: dict[str, Any] = {"on_doubt": "resend" if seed % 3 else "report", "reconcile_timeout": 0.1}
        taken = await take(s.creates(rows, **options))
        settle(s.sandbox, rows, taken.outcomes)
        assert taken.error is None
