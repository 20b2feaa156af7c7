"""Import chunks whose reply was lost: sent again where that is harmless, else looked for; never doubled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from between import between
from doubting import LOST, arrives, decided, members
from virtual import loop, virtual
from working import (
    AT_ONCE,
    CONTACTS,
    DIRECTORIES,
    IMPORT,
    SEARCH,
    asynchronous,
    client_of,
    scene,
    settle,
    take,
)

from qualtrics_async import OutcomeUnknown, Polling, Timeouts
from qualtrics_async.bulk import InDoubt
from qualtrics_async.sandbox import ByPolls, BySeconds


@pytest.mark.parametrize("fault", LOST, ids=str)
@pytest.mark.parametrize("criteria", [("email",), ("email", "externalDataReference", "firstName")])
@asynchronous
async def test_under_deduplication_a_chunk_is_sent_again(
    fault: dict[str, Any], criteria: tuple[str, ...]
) -> None:
    """All rows have every criterion: one more POST, every row accepted with its ids, no contact doubled."""
    async with scene(lists=2, deduplicate=criteria) as s:
        s.sandbox.faults.add(route=IMPORT, **fault)
        rows = s.rows(40)
        taken = await take(s.imports(rows))
        settle(s.sandbox, rows, taken.outcomes)
        assert taken.kinds == {"Ok": 40}
        assert all(outcome.value.contact_id for outcome in taken.outcomes)
        assert (s.count(IMPORT), members(s)) == (5, 40)
        [decision] = taken.summary.decisions
        assert (decision.items, decision.decision) == (10, "sent again")
        assert decision.reason == "deduplication makes it harmless"
        assert (s.count(SEARCH), s.count(DIRECTORIES)) == (0, 1)


@asynchronous
async def test_what_is_sent_again_does_not_undo_what_came_after_it() -> None:
    """The list waits for its doubtful chunk: the last row of a contact wins, as the input has it."""
    async with scene() as s:
        s.sandbox.faults.add(kind="cut", when="after", route=IMPORT)
        rows = s.rows(20)
        for n in range(10):
            rows[n + 10]["email"] = rows[n]["email"]
        await take(s.imports(rows))
        names = {contact.first_name for contact in s.sandbox.state.list_contacts(s.lists[0])}
        assert names == {f"Name {n}" for n in range(10, 20)}


@asynchronous
async def test_sending_again_ends() -> None:
    """A list whose imports never get an answer costs twenty repeats a chunk; the other list is done."""
    async with scene(lists=2) as s:
        s.sandbox.faults.add(kind="status", status=500, route=IMPORT, path=s.lists[0], times=None)
        rows = s.rows(20)
        taken = await take(s.imports(rows))
        settle(s.sandbox, rows, taken.outcomes)
        assert taken.kinds == {"Ok": 10, "InDoubt": 10}
        assert taken.reasons == {"lost reply": 10}
        assert s.count(IMPORT) == 1 + 21
        assert decided(taken) == {"sent again": 20, "in doubt": 1}


@pytest.mark.parametrize(
    "second", [{"kind": "status", "status": 409}, {"kind": "failed_job"}, {"kind": "stuck_job"}], ids=str
)
@pytest.mark.parametrize("report", [True, False])
@asynchronous
async def test_what_was_sent_again_and_failed_is_no_failure(second: dict[str, Any], report: bool) -> None:
    """The first import may have come through, so nobody can say that nothing was left behind."""
    polling = Polling(first=0.01, factor=1, longest=0.01, deadline=0.2)
    async with scene(import_report=report, client={"polling": polling}, jobs=ByPolls(0)) as s:
        s.sandbox.faults.add(kind="cut", when="after", route=IMPORT)
        s.sandbox.faults.add(route=IMPORT, **second)
        rows = s.rows(10)
        taken = await take(s.imports(rows))
        settle(s.sandbox, rows, taken.outcomes)
        assert taken.kinds == {"InDoubt": 10}
        assert (s.count(IMPORT), members(s)) == (2, 10)


@pytest.mark.parametrize("lag", [None, ByPolls(7)])
@pytest.mark.parametrize("polls", [0, 1, 3])
@pytest.mark.parametrize("fault", LOST, ids=str)
@asynchronous
async def test_without_deduplication_a_sample_decides(fault: dict[str, Any], polls: int, lag: Any) -> None:
    """What arrived is accepted, what a later import overtook without a trace is sent again; once each."""
    async with scene(deduplicate=(), jobs=ByPolls(polls), search_lag=lag) as s:
        s.sandbox.faults.add(route=IMPORT, skip=1, **fault)
        rows = s.rows(40)
        taken = await take(s.imports(rows))
        settle(s.sandbox, rows, taken.outcomes)
        assert taken.kinds == {"Ok": 40}
        assert all(outcome.value.contact_id for outcome in taken.outcomes)
        assert members(s) == 40
        assert s.count(IMPORT) == (4 if arrives(fault) else 5)
        assert decided(taken) == ({"accepted": 1} if arrives(fault) else {"sent again": 1})
        assert taken.summary.sent == 40


def without(rows: list[dict[str, Any]], what: str) -> None:
    """Make rows that deduplication does not protect."""
    for n, row in enumerate(rows):
        if what == "transactions":
            row["transactionData"] = {"amount": str(n)}
        elif what == "gaps" and n % 5 == 2:
            del row["firstName"]


@pytest.mark.parametrize("what", ["transactions", "gaps", "batch"])
@pytest.mark.parametrize("when", ["before", "after"])
@asynchronous
async def test_rows_that_deduplication_does_not_protect(what: str, when: Any) -> None:
    """Transaction data, a batch, an empty criterion: nothing is sent a second time that arrived."""
    async with scene(deduplicate=("email", "firstName")) as s:
        s.sandbox.faults.add(kind="cut", route=IMPORT, when=when, skip=1)
        rows = s.rows(40)
        without(rows, what)
        options = {"batch_id": s.sandbox.state.add_transaction_batch()} if what == "batch" else {}
        taken = await take(s.imports(rows, **options))
        settle(s.sandbox, rows, taken.outcomes)
        assert taken.kinds == {"Ok": 40}
        assert set(s.sandbox.state.accepted_rows.values()) == {1}
        assert len(s.sandbox.state.transactions) == (40 if what == "transactions" else 0)
        assert s.count(IMPORT) == (5 if when == "before" else 4)


@asynchronous
async def test_criteria_that_nobody_tells_protect_nothing() -> None:
    """Where the directory cannot be asked for, a sample decides."""
    async with scene() as s:
        s.sandbox.faults.add(kind="status", status=403, route=DIRECTORIES, times=None)
        s.sandbox.faults.add(kind="cut", route=IMPORT, when="after", skip=1)
        rows = s.rows(30)
        taken = await take(s.imports(rows))
        assert taken.kinds == {"Ok": 30}
        assert set(s.sandbox.state.accepted_rows.values()) == {1}
        assert decided(taken) == {"accepted": 1}


@pytest.mark.parametrize("fault", LOST, ids=str)
@pytest.mark.parametrize("on_doubt", ["report", "resend"])
@asynchronous
async def test_the_last_chunk_of_a_list(fault: dict[str, Any], on_doubt: Any) -> None:
    """No later import tells: what left no trace in time is in doubt, or sent again if that was asked for."""
    async with scene(deduplicate=()) as s:
        s.sandbox.faults.add(route=IMPORT, skip=3, **fault)
        rows = s.rows(40)
        taken = await take(s.imports(rows, on_doubt=on_doubt, reconcile_timeout=0.1))
        settle(s.sandbox, rows, taken.outcomes)
        if arrives(fault) or on_doubt == "resend":
            assert taken.kinds == {"Ok": 40}
        else:
            assert taken.kinds == {"Ok": 30, "InDoubt": 10}
            assert taken.reasons == {"lost reply": 10}
        assert s.count(IMPORT) == (5 if on_doubt == "resend" and not arrives(fault) else 4)
        doubts = [outcome for outcome in taken.outcomes if isinstance(outcome, InDoubt)]
        assert all(isinstance(doubt.error, OutcomeUnknown) for doubt in doubts)
        assert all("@" not in str(doubt.error) for doubt in doubts)


@virtual
async def test_an_import_that_is_still_running_is_waited_for() -> None:
    """All samples are there and the last row is not: it comes, and is not in doubt."""
    timing: dict[str, Any] = {"jobs": BySeconds(100), "clock": loop().time}
    polling = Polling(first=5, factor=1, longest=5)
    async with scene(deduplicate=(), client={"polling": polling}, **timing) as s:
        s.sandbox.faults.add(kind="cut", when="after", route=IMPORT)
        rows = s.rows(10)
        taken = await take(s.imports(rows))
        settle(s.sandbox, rows, taken.outcomes)
        assert taken.kinds == {"Ok": 10}
        assert s.count(CONTACTS) == 2


@pytest.mark.parametrize("on_doubt", ["report", "resend"])
@virtual
async def test_a_look_that_began_in_time_is_not_the_last(on_doubt: Any) -> None:
    """Its answer comes when the time is up: what arrived meanwhile is found by one more look."""
    timing: dict[str, Any] = {"jobs": BySeconds(5), "clock": loop().time}
    async with scene(deduplicate=(), client={"polling": Polling(first=1, longest=1)}, **timing) as s:
        s.sandbox.faults.add(kind="cut", when="after", route=IMPORT)
        s.sandbox.faults.add(kind="delay", when="after", route=SEARCH, skip=3 + 2, seconds=20)
        rows = s.rows(10)
        taken = await take(s.imports(rows, on_doubt=on_doubt, reconcile_timeout=10))
        settle(s.sandbox, rows, taken.outcomes)
        assert taken.kinds == {"Ok": 10}
        assert s.count(IMPORT) == 1


@asynchronous
async def test_sending_again_on_demand_ends() -> None:
    """A chunk that never leaves a trace is sent five times more."""
    async with scene(deduplicate=()) as s:
        s.sandbox.faults.add(kind="cut", route=IMPORT, times=None)
        rows = s.rows(10)
        taken = await take(s.imports(rows, on_doubt="resend", reconcile_timeout=0))
        settle(s.sandbox, rows, taken.outcomes)
        assert taken.kinds == {"InDoubt": 10}
        assert s.count(IMPORT) == 6
        assert decided(taken) == {"sent again": 5, "in doubt": 1}


@asynchronous
async def test_a_timeout_of_nothing_looks_once() -> None:
    """The job does not wait: one look at the samples, then the doubt is reported."""
    async with scene(deduplicate=(), client={"polling": Polling(first=60, longest=60)}, jobs=ByPolls(0)) as s:
        s.sandbox.faults.add(kind="cut", route=IMPORT)
        rows = s.rows(10)
        taken = await take(s.imports(rows, reconcile_timeout=0))
        settle(s.sandbox, rows, taken.outcomes)
        assert taken.kinds == {"InDoubt": 10}
        assert s.count(SEARCH) == 3 + 3


@asynchronous
async def test_several_doubtful_chunks_of_a_list_are_found_in_one_reading() -> None:
    """Two chunks arrived and one did not: all rows end well, and the list is read once."""
    async with scene(deduplicate=()) as s:
        s.sandbox.faults.add(kind="cut", when="after", route=IMPORT, times=2)
        s.sandbox.faults.add(kind="cut", route=IMPORT)
        rows = s.rows(60)
        taken = await take(s.imports(rows))
        settle(s.sandbox, rows, taken.outcomes)
        assert taken.kinds == {"Ok": 60}
        assert decided(taken) == {"accepted": 2, "sent again": 1}
        assert (s.count(IMPORT), s.count(CONTACTS)) == (7, 1)


@asynchronous
async def test_a_doubt_in_every_list_holds_up_no_other_chunk() -> None:
    """The rest of the job is delivered before the doubts are settled."""
    async with scene(lists=3, deduplicate=()) as s:
        s.sandbox.faults.add(kind="cut", route=IMPORT, times=3)
        rows = s.rows(90)
        taken = await take(s.imports(rows, reconcile_timeout=0.2))
        settle(s.sandbox, rows, taken.outcomes)
        assert taken.kinds == {"Ok": 90}
        first = [n for n, outcome in enumerate(taken.outcomes) if outcome.item.index < 30]
        assert min(first) >= 30


@asynchronous
async def test_an_index_that_never_catches_up_doubles_nothing() -> None:
    """Absence proves nothing while rows of later imports are not found either."""
    async with scene(deduplicate=(), search_lag=BySeconds(10**6)) as s:
        s.sandbox.faults.add(kind="cut", when="after", route=IMPORT, skip=1)
        rows = s.rows(40)
        taken = await take(s.imports(rows, reconcile_timeout=0.1))
        settle(s.sandbox, rows, taken.outcomes)
        assert taken.kinds == {"Ok": 30, "InDoubt": 10}
        assert s.count(IMPORT) == 4


@pytest.mark.parametrize("when", ["before", "after"])
@asynchronous
async def test_a_later_import_that_is_stuck_proves_nothing(when: Any) -> None:
    """It was sent later and has not ended; the doubtful chunk is accepted by its own trace, or in doubt."""
    polling = Polling(first=0.01, factor=1, longest=0.01, deadline=0.2)
    async with scene(deduplicate=(), client={"polling": polling}) as s:
        s.sandbox.faults.add(kind="cut", when=when, route=IMPORT)
        s.sandbox.faults.add(kind="stuck_job", route=IMPORT)
        rows = s.rows(20)
        taken = await take(s.imports(rows, reconcile_timeout=0.1))
        settle(s.sandbox, rows, taken.outcomes)
        assert taken.kinds == ({"InDoubt": 20} if when == "before" else {"Ok": 10, "InDoubt": 10})
        assert s.count(IMPORT) == 2


@pytest.mark.parametrize("status", [400, 403, 404])
@asynchronous
async def test_a_search_that_is_refused_leaves_doubt_at_once(status: int) -> None:
    """The rest of the job is imported, nothing is waited for, and nothing is sent again."""
    async with scene(lists=2, deduplicate=()) as s:
        s.sandbox.faults.add(kind="status", status=status, route=SEARCH, times=None)
        s.sandbox.faults.add(kind="cut", route=IMPORT)
        rows = s.rows(40)
        taken = await take(s.imports(rows, on_doubt="resend"))
        settle(s.sandbox, rows, taken.outcomes)
        assert taken.kinds == {"Ok": 30, "InDoubt": 10}
        assert s.count(IMPORT) == 4
        assert decided(taken) == {"in doubt": 1}


@asynchronous
async def test_a_search_that_fails_for_a_while_costs_time_only() -> None:
    """Faults of the search are outlived, beyond the retries of a single call."""
    async with scene(deduplicate=()) as s:
        s.sandbox.faults.add(kind="cut", route=IMPORT, skip=1)
        s.sandbox.faults.add(kind="status", status=500, route=SEARCH, times=18, skip=9)
        rows = s.rows(30)
        taken = await take(s.imports(rows))
        settle(s.sandbox, rows, taken.outcomes)
        assert taken.kinds == {"Ok": 30}
        assert s.count(IMPORT) == 4


@asynchronous
async def test_rows_that_nobody_can_tell_apart_are_no_samples() -> None:
    """A key that two rows have, or that the list had before, is no sample; without one there is doubt."""
    async with scene(deduplicate=()) as s:
        rows = [{"extRef": f"r{n % 10}", "firstName": f"Name {n}"} for n in range(20)]
        s.sandbox.faults.add(kind="cut", when="after", route=IMPORT)
        taken = await take(s.imports(rows, mailing_list=s.lists[0]))
        assert taken.kinds == {"Ok": 10, "InDoubt": 10}
        assert s.count(IMPORT) == 2
    async with scene(deduplicate=()) as s:
        rows = s.rows(20)
        for n in range(20):
            s.sandbox.state.add_contact(s.lists[0], ext_ref=f"r{n}")
        s.sandbox.faults.add(kind="cut", route=IMPORT)
        taken = await take(s.imports(rows))
        settle(s.sandbox, rows, taken.outcomes)
        assert taken.kinds == {"Ok": 10, "InDoubt": 10}


@asynchronous
async def test_a_chunk_that_is_lost_twice_is_overtaken_anew() -> None:
    """What overtook its first POST says nothing of the second, which the index does not show yet."""
    async with scene(deduplicate=(), search_lag=ByPolls(20)) as s:
        s.sandbox.faults.add(kind="cut", when="before", route=IMPORT)
        s.sandbox.faults.add(kind="cut", when="after", route=IMPORT, skip=1)
        rows = s.rows(20)
        taken = await take(s.imports(rows, reconcile_timeout=5))
        settle(s.sandbox, rows, taken.outcomes)
        assert taken.kinds == {"Ok": 20}
        assert s.count(IMPORT) == 3
        assert decided(taken) == {"sent again": 1, "accepted": 1}


@asynchronous
async def test_an_earlier_import_proves_nothing() -> None:
    """Its rows can be found, and those of the last chunk, which was sent after it, may come yet."""
    async with scene(deduplicate=()) as s:
        s.sandbox.faults.add(kind="cut", when="after", route=IMPORT)
        s.sandbox.faults.add(kind="cut", when="before", route=IMPORT, skip=1)
        rows = s.rows(30)
        taken = await take(s.imports(rows, reconcile_timeout=0.3))
        outcomes = settle(s.sandbox, rows, taken.outcomes)
        assert {n for n, outcome in outcomes.items() if isinstance(outcome, InDoubt)} == set(range(20, 30))
        assert s.count(IMPORT) == 3


@asynchronous
async def test_a_key_that_a_later_row_has_as_well_is_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was that of one row when its chunk left; then the same references were read and imported."""
    monkeypatch.setattr("qualtrics_async.bulk.spool._BATCH", 11)
    async with scene(deduplicate=()) as s:
        s.sandbox.faults.add(kind="cut", route=IMPORT)

        async def read() -> AsyncGenerator[dict[str, Any]]:
            for row in s.rows(11):
                yield row
            while not s.count(IMPORT):  # noqa: ASYNC110  (nobody sets an event: the sandbox counts)
                await asyncio.sleep(0.001)
            for row in s.rows(10):
                yield row | {"firstName": "double"}

        taken = await take(s.imports(read(), reconcile_timeout=5))
        assert taken.kinds == {"Ok": 11, "InDoubt": 10}
        assert decided(taken) == {"in doubt": 1}
        assert s.count(IMPORT) == 3


@asynchronous
async def test_samples_that_were_refused_do_not_double_the_others() -> None:
    """No sample row came, but other rows did: the chunk is in doubt, and not sent again."""
    spoiled: set[str] = set()

    def spoil(body: Any) -> None:
        for at in (0, 4, 8):
            spoiled.add(body["contacts"][at]["extRef"])
            body["contacts"][at]["email"] = "impossible"

    async with scene(deduplicate=()) as s, between(s, request={IMPORT: spoil}) as client:
        s.sandbox.faults.add(kind="cut", when="after", route=IMPORT)
        rows = s.rows(20)
        taken = await take(s.imports(rows, client=client, on_doubt="resend", reconcile_timeout=0.1))
        settle(s.sandbox, rows, taken.outcomes)
        assert {"r0", "r4", "r8"} <= spoiled
        assert s.count(IMPORT) == 2
        assert decided(taken) == {"in doubt": 1}


@pytest.mark.parametrize("status", [403, 500])
@asynchronous
async def test_a_list_that_cannot_be_read(status: int) -> None:
    """The chunk arrived, and nobody says more: its rows are in doubt, and not sent again."""
    async with scene(deduplicate=()) as s:
        s.sandbox.faults.add(kind="cut", when="after", route=IMPORT)
        s.sandbox.faults.add(kind="status", status=status, route=CONTACTS, times=None)
        rows = s.rows(20)
        taken = await take(s.imports(rows))
        settle(s.sandbox, rows, taken.outcomes)
        assert taken.kinds == {"Ok": 10, "InDoubt": 10}
        assert s.count(IMPORT) == 2


@asynchronous
async def test_without_a_report_the_rows_of_a_doubtful_chunk_have_ids() -> None:
    """They come from the list; those of the other chunks are unknown."""
    async with scene(deduplicate=(), import_report=False) as s:
        s.sandbox.faults.add(kind="cut", when="after", route=IMPORT)
        rows = s.rows(20)
        taken = await take(s.imports(rows))
        outcomes = settle(s.sandbox, rows, taken.outcomes)
        assert [bool(outcomes[n].value.contact_id) for n in range(20)] == [True] * 10 + [False] * 10


@asynchronous
async def test_a_list_in_doubt_rests_before_its_next_import() -> None:
    """What is still on its way must not be overtaken by what was sent later."""
    polling = Polling(first=0, factor=1, longest=0.3, deadline=5)
    async with scene(deduplicate=(), client={"polling": polling, "timeouts": Timeouts(attempt=0.1)}) as s:
        s.sandbox.faults.add(kind="delay", when="before", seconds=0.25, route=IMPORT)
        rows = s.rows(20)
        taken = await take(s.imports(rows))
        settle(s.sandbox, rows, taken.outcomes)
        assert taken.kinds == {"Ok": 20}
        assert s.count(IMPORT) == 2


@asynchronous
async def test_two_jobs_of_one_client_do_not_share_their_doubts() -> None:
    """Each asks for itself; the second finds a list that the first has filled."""
    async with scene(deduplicate=()) as s, client_of(s.sandbox, polling=AT_ONCE) as client:
        rows = s.rows(20)
        await take(s.imports(rows, client=client))
        s.sandbox.faults.add(kind="cut", when="after", route=IMPORT)
        more = [{"extRef": f"r{n + 20}", "email": f"more{n}@example.com"} for n in range(20)]
        taken = await take(s.imports(more, client=client, mailing_list=s.lists[0]))
        assert taken.kinds == {"Ok": 20}
        assert members(s) == 40
