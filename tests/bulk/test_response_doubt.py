"""Jobs over responses whose reply was lost: sent again where that is harmless, else looked for first."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from doubting import LOST, SLOW, arrives, broken_off, decided
from hypothesis import given, settings
from hypothesis import strategies as st
from responding import DELETE, GET_RESPONSE, UPDATE, UPDATING, Survey, survey
from steps import Steps
from virtual import loop, virtual
from working import asynchronous, client_of, settled, take

from qualtrics_async import OutcomeUnknown, Polling, Timeouts
from qualtrics_async.bulk import InDoubt, Ok
from qualtrics_async.sandbox import ByPolls

HARMLESS: dict[str, dict[str, Any]] = {"update": {"reset_recorded_date": False}, "delete": {}}
HARMFUL: dict[str, dict[str, Any]] = {"update": {}, "delete": {"decrement_quotas": True}}
ROUTE = {"update": UPDATE, "delete": DELETE}
KINDS = ["update", "delete"]


def rows_of(v: Survey, kind: str) -> list[Any]:
    """Give updates as rows, and deletions as ids."""
    return v.rows() if kind == "update" else v.responses


@pytest.mark.parametrize("fault", LOST, ids=str)
@pytest.mark.parametrize("kind", KINDS)
@asynchronous
async def test_what_is_harmless_is_sent_again(kind: str, fault: dict[str, Any]) -> None:
    """Whatever became of it: one more POST, every response is Ok, and nobody is asked for anything."""
    async with survey(25) as v:
        v.scene.sandbox.faults.add(route=ROUTE[kind], skip=1, **fault)
        rows = rows_of(v, kind)
        taken = await take(v.job(kind, rows, **HARMLESS[kind]))
        v.settle(kind, rows, taken.outcomes)
        assert taken.kinds == {"Ok": 25}
        assert (v.scene.count(ROUTE[kind]), v.scene.count(GET_RESPONSE)) == (4, 0)
        [decision] = taken.summary.decisions
        assert (decision.items, decision.decision) == (10, "sent again")
        assert decision.reason == "sent twice it does the same"


@pytest.mark.parametrize("polls", [0, 2])
@pytest.mark.parametrize("fault", LOST, ids=str)
@pytest.mark.parametrize("kind", KINDS)
@asynchronous
async def test_what_must_be_done_once_is_looked_for(kind: str, fault: dict[str, Any], polls: int) -> None:
    """A sample tells whether it arrived; either way every response is Ok, and none was treated twice."""
    async with survey(35, jobs=ByPolls(polls)) as v:
        v.scene.sandbox.faults.add(route=ROUTE[kind], skip=1, **fault)
        rows = rows_of(v, kind)
        taken = await take(v.job(kind, rows, **HARMFUL[kind]))
        v.settle(kind, rows, taken.outcomes)
        assert taken.kinds == {"Ok": 35}
        assert v.once() == dict.fromkeys(v.responses, 1)
        assert decided(taken) == {"sent again": 1}
        words = "it had arrived" if arrives(fault) else "a later job has ended"
        assert words in taken.summary.decisions[0].reason
        assert v.scene.count(ROUTE[kind]) == 5
        assert taken.summary.sent == 35


@pytest.mark.parametrize("on_doubt", ["report", "resend"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kind", KINDS)
@asynchronous
async def test_the_last_job_has_no_later_one(kind: str, when: Any, on_doubt: Any) -> None:
    """It is sent again if it left a trace, or if that is wanted of what leaves none; else it is in doubt."""
    async with survey(10) as v:
        v.scene.sandbox.faults.add(kind="cut", when=when, route=ROUTE[kind])
        rows = rows_of(v, kind)
        options = {"on_doubt": on_doubt, "reconcile_timeout": 0.05, **HARMFUL[kind]}
        taken = await take(v.job(kind, rows, **options))
        outcomes = v.settle(kind, rows, taken.outcomes)
        if when == "after" or on_doubt == "resend":
            assert taken.kinds == {"Ok": 10}
            assert v.once() == dict.fromkeys(v.responses, 1)
        else:
            assert taken.reasons == {"lost reply": 10}
            assert isinstance(outcomes[0].error, OutcomeUnknown)
            assert decided(taken) == {"in doubt": 1}
            assert v.scene.count(ROUTE[kind]) == 1


@pytest.mark.parametrize("missing", [True, False])
@asynchronous
async def test_what_cannot_be_looked_for_is_in_doubt(missing: bool) -> None:
    """Responses that have the values already, or cannot be read, tell nothing; it is not sent again."""
    async with survey(10) as v:
        v.scene.sandbox.faults.add(kind="cut", route=UPDATE)
        for n, name in enumerate(v.responses):
            (v.values(name) or {})["Segment"] = f"s{n}"
        if missing:
            v.scene.sandbox.faults.add(kind="status", status=403, route=GET_RESPONSE, times=None)
        taken = await take(v.job("update", v.rows(), reconcile_timeout=5))
        assert taken.reasons == {"lost reply": 10}
        assert v.scene.count(UPDATE) == 1
        assert "nothing of it can be looked for" in taken.summary.decisions[0].reason


@pytest.mark.parametrize("second", [{"kind": "status", "status": 409}, {"kind": "failed_job"}], ids=str)
@pytest.mark.parametrize("kind", KINDS)
@asynchronous
async def test_what_was_sent_again_and_failed_is_no_failure(kind: str, second: dict[str, Any]) -> None:
    """The first one may have come through: few are asked for and show it, else all are in doubt."""
    async with survey(10) as v:
        v.scene.sandbox.faults.add(kind="cut", when="after", route=ROUTE[kind])
        v.scene.sandbox.faults.add(route=ROUTE[kind], **second)
        rows = rows_of(v, kind)
        taken = await take(v.job(kind, rows, **HARMLESS[kind]))
        v.settle(kind, rows, taken.outcomes)
        assert taken.kinds == ({"Ok": 10} if second["kind"] == "failed_job" else {"InDoubt": 10})


@asynchronous
async def test_sending_again_ends() -> None:
    """A job that never gets an answer is in doubt after twenty repeats, and the others are done."""
    async with survey(20) as v:
        v.scene.sandbox.faults.add(kind="status", status=500, route=UPDATE, times=21)
        taken = await take(v.job("update", v.rows(), reset_recorded_date=False))
        v.settle("update", v.rows(), taken.outcomes)
        assert taken.kinds == {"Ok": 10, "InDoubt": 10}
        assert decided(taken) == {"sent again": 20, "in doubt": 1}
        assert v.scene.count(UPDATE) == 22


@asynchronous
async def test_a_deletion_that_is_sent_again_finds_them_gone() -> None:
    """Gone is what was wanted, so a second deletion names none of them, and a first one all strangers."""
    async with survey(10) as v:
        v.scene.sandbox.faults.add(kind="cut", when="after", route=DELETE)
        rows = [*v.responses[:9], "R_stranger"]
        taken = await take(v.job("delete", rows))
        assert taken.kinds == {"Ok": 10}
        assert (await take(v.job("delete", ["R_stranger"]))).kinds == {"Failed": 1}


@pytest.mark.parametrize("harm", [HARMLESS, HARMFUL], ids=["harmless", "harmful"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kind", KINDS)
@asynchronous
async def test_a_job_that_broke_off_in_doubt_goes_on(kind: str, when: Any, harm: Any, tmp_path: Path) -> None:
    """The next call knows that a job was being sent, and sends it again as it may be; all are Ok, once."""
    async with survey(25) as v:
        rows, options = rows_of(v, kind), {"journal": tmp_path / "j.db", **harm[kind]}
        v.scene.sandbox.faults.add(kind="cut", when=when, route=ROUTE[kind])
        held = v.scene.sandbox.faults.add(kind="delay", route=ROUTE[kind])
        async with client_of(v.scene.sandbox, timeouts=Timeouts(grace=0.05), polling=SLOW) as slow:

            def is_in_doubt() -> bool:
                return held.used > 0 or (harm is HARMLESS and v.scene.count(ROUTE[kind]) == 1)

            await broken_off(v.job(kind, rows, client=slow, **options), is_in_doubt)
        held.release()
        v.scene.sandbox.faults.clear()
        assert "sending" in await states(tmp_path / "j.db")
        taken = await take(v.job(kind, rows, **options, replay=True))
        v.settle(kind, rows, taken.outcomes)
        assert taken.kinds == {"Ok": 25}
        assert decided(taken) == {"sent again": taken.summary.decided.total()}


async def states(journal: Path) -> list[str]:
    """How the chunks of a journal stand that nobody has open."""

    def work() -> list[str]:
        with closing(sqlite3.connect(journal)) as db:
            return [str(state) for (state,) in db.execute("SELECT state FROM chunks WHERE number > 0")]

    return await asyncio.to_thread(work)


@asynchronous
async def test_an_accepted_job_is_asked_for_by_the_next_call(tmp_path: Path) -> None:
    """What was accepted is not sent again: its progress is asked for until it has ended."""
    async with survey(10) as v:
        options: dict[str, Any] = {"journal": tmp_path / "j.db"}
        held = v.scene.sandbox.faults.add(kind="delay", route=UPDATING)
        await broken_off(v.job("update", v.rows(), **options), lambda: held.used > 0)
        held.release()
        assert await states(tmp_path / "j.db") == ["accepted"]
        taken = await take(v.job("update", v.rows(), **options))
        v.settle("update", v.rows(), taken.outcomes)
        assert taken.kinds == {"Ok": 10}
        assert v.scene.count(UPDATE) == 1


@pytest.mark.parametrize(("kind", "at_once"), [("update", True), ("delete", False)])
@asynchronous
async def test_cancelled_at_every_await(kind: str, at_once: bool, tmp_path: Path) -> None:
    """At each suspension of the caller: no task or slot is left, nothing is in doubt, and it goes on."""
    async with survey() as v:
        for at in range(1, 60):
            names = [v.scene.sandbox.state.add_response(v.id).id for _ in range(4)]
            part = Survey(v.scene, v.id, names)
            journal, outcomes = tmp_path / f"{at}.db", []

            async def run() -> None:
                job = part.job(kind, rows_of(part, kind), journal=journal, chunk_rows=2)  # noqa: B023  (it is over before the next)
                async with job as found:
                    outcomes.extend([outcome async for outcome in found])  # noqa: B023

            steps = Steps(run(), at, at_once=at_once)
            task = asyncio.get_running_loop().create_task(steps)
            await asyncio.wait({task})
            await settled()
            assert v.scene.client.quota().in_flight == 0
            taken = await take(
                part.job(kind, rows_of(part, kind), journal=journal, chunk_rows=2, replay=True)
            )
            assert [type(outcome) for outcome in taken.outcomes] == [Ok] * 4
            part.settle(kind, rows_of(part, kind), taken.outcomes)
            if steps.count < at:
                break
        assert 8 < at < 59


FAULTS = st.sampled_from([*LOST, {"kind": "failed_job"}, {"kind": "status", "status": 400}])


@settings(max_examples=25)
@given(
    faults=st.lists(st.tuples(FAULTS, st.integers(0, 6)), max_size=4),
    kind=st.sampled_from(KINDS),
    harm=st.sampled_from([HARMLESS, HARMFUL]),
    strangers=st.sets(st.integers(0, 40), max_size=5),
    on_doubt=st.sampled_from(["report", "resend"]),
)
def test_each_response_has_one_outcome_and_it_is_true(
    faults: list[tuple[dict[str, Any], int]],
    kind: str,
    harm: dict[str, dict[str, Any]],
    strangers: set[int],
    on_doubt: str,
) -> None:
    """Whatever is lost, refused or fails: Ok was done, Failed was not, and nothing was done twice."""

    @asynchronous
    async def run() -> None:
        async with survey(40) as v:
            for fault, skip in faults:
                v.scene.sandbox.faults.add(route=ROUTE[kind], skip=skip, **fault)
            rows = v.rows()
            for n in strangers:
                rows.insert(n, {"responseId": f"R_stranger{n}", "Segment": "x"})
            given = rows if kind == "update" else [row["responseId"] for row in rows]
            options = {"on_doubt": on_doubt, "reconcile_timeout": 0.05, **harm[kind]}
            taken = await take(v.job(kind, given, **options))
            assert taken.error is None
            for outcome in v.settle(kind, given, taken.outcomes).values():
                assert not isinstance(outcome, InDoubt) or faults

    run()


@virtual
async def test_after_a_doubt_the_next_job_rests() -> None:
    """What may still be on its way gets some time, so that it is before the next job, not behind it."""
    polling = Polling(first=1, factor=1, longest=7, deadline=60)
    async with survey(20, client={"polling": polling}, clock=loop().time) as v:
        v.scene.sandbox.faults.add(kind="cut", when="after", route=UPDATE)
        taken = await take(v.job("update", v.rows()))
        assert taken.kinds == {"Ok": 20}
        posts = [record.at for record in v.scene.sandbox.requests if record.method == "POST"]
        assert posts[1] - posts[0] >= 7


@pytest.mark.parametrize("most", [0, 3, 13])
@asynchronous
async def test_a_stream_with_a_name_is_not_read_again(most: int, tmp_path: Path) -> None:
    """Left anywhere, the same call goes on and does nothing twice; once it is whole, nobody reads it."""
    read = 0

    def stream() -> Iterator[Any]:
        nonlocal read
        for row in v.rows():
            read += 1
            yield row

    async with survey(25) as v:
        options: dict[str, Any] = {"journal": tmp_path / "j.db", "job_id": "nightly"}
        await take(v.job("update", stream(), **options), most)
        assert (await take(v.job("update", stream(), **options))).error is None
        before = read
        again = await take(v.job("update", stream(), **options, replay=True))
        assert read == before
        names = [outcome.item.response_id for outcome in again.outcomes]
        assert sorted(names) == sorted(v.responses)
        assert v.once() == dict.fromkeys(v.responses, 1)
        assert v.scene.count(UPDATE) == 3
