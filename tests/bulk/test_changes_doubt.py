"""Changes whose reply was lost, in a run or with it: sent again until one comes, and done once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from changing import DIRECTORY, JOBS, REMOVE, ROUTES, SEARCH, changing, is_done, people, rows_of
from doubting import LOST
from hypothesis import given, settings
from hypothesis import strategies as st
from virtual import loop, virtual
from working import Scene, Taken, asynchronous, scene, take

from qualtrics_async import Forbidden, Polling, RateLimited, RetryPolicy, Timeouts
from qualtrics_async.bulk import Decision, Failed, Ok

KINDS = list(JOBS)
ONCE: dict[str, Any] = {"retry": RetryPolicy(base=0, retries=0)}
GRACELESS: dict[str, Any] = {"timeouts": Timeouts(grace=0)}


def account(s: Scene, kind: str, contacts: list[str], *parts: Taken) -> Counter[str]:
    """Check that every row has its outcome, the same in each part, and that the sandbox says so too."""
    known: dict[int, str] = {}
    for part in parts:
        indexes = [outcome.item.index for outcome in part.outcomes]
        assert len(set(indexes)) == len(indexes)
        for outcome in part.outcomes:
            name = type(outcome).__name__
            assert known.setdefault(outcome.item.index, name) == name
            if isinstance(outcome, Ok | Failed):
                done = is_done(s, kind, contacts[outcome.item.index])
                assert done is isinstance(outcome, Ok), outcome
    assert sorted(known) == list(range(len(contacts)))
    return Counter(known.values())


async def until(condition: Callable[[], bool]) -> None:
    """Give others their turns until something is so."""
    while not condition():  # noqa: ASYNC110  (nobody tells of it)
        await asyncio.sleep(0)


@pytest.mark.parametrize("fault", LOST, ids=str)
@pytest.mark.parametrize("kind", KINDS)
@asynchronous
async def test_a_lost_reply_costs_a_repeat(kind: str, fault: dict[str, Any]) -> None:
    """Also where the client itself repeats nothing; the decision is in the summary, one for a block."""
    async with scene(client=ONCE) as s:
        contacts = people(s, 40)
        s.sandbox.faults.add(route=ROUTES[kind], skip=3, times=4, **fault)
        taken = await take(changing(s, kind, rows_of(s, kind, contacts), concurrency=1))
        assert account(s, kind, contacts, taken) == {"Ok": 40}
        assert s.count(ROUTES[kind]) == 44
        reason = "no reply came, and sent twice it does the same"
        assert taken.summary.decisions == [Decision(s.lists[0], 4, "sent again", reason)]


@pytest.mark.parametrize("how", ["id", "extRef"])
@pytest.mark.parametrize("fault", LOST, ids=str)
@asynchronous
async def test_a_removal_whose_replies_are_lost_counts_once(fault: dict[str, Any], how: str) -> None:
    """Whether the engine repeats it or the job: a contact that is gone then is its own work."""
    async with scene() as s:
        contacts = people(s, 30)
        s.sandbox.faults.add(route=REMOVE, skip=4, times=8, **fault)
        taken = await take(changing(s, "remove", rows_of(s, "remove", contacts, how), concurrency=1))
        assert account(s, "remove", contacts, taken) == {"Ok": 30}
        assert taken.summary.sent == 30
        assert s.count(SEARCH) == (0 if how == "id" else 30)


@pytest.mark.parametrize("kind", KINDS)
@virtual
async def test_without_any_reply_rows_end_in_doubt(kind: str, tmp_path: Path) -> None:
    """After reconcile_timeout and not before; their neighbours do not wait, and they are not sent later."""
    polling = Polling(first=1, factor=2, longest=30, deadline=5)
    patient: dict[str, Any] = {"polling": polling, "timeouts": Timeouts(attempt=10_000)}
    async with scene(client=ONCE | patient) as s:
        contacts, journal = people(s, 90), tmp_path / "j.db"
        rows = rows_of(s, kind, contacts)
        for lost in contacts[:3]:
            path = f"/contacts/{lost}"
            s.sandbox.faults.add(kind="status", route=ROUTES[kind], path=path, times=None, when="after")
        options: dict[str, Any] = {"journal": journal, "reconcile_timeout": 100.0}
        first, ends = Taken(), []
        async with changing(s, kind, rows, **options) as outcomes:
            first.summary = outcomes.summary
            async for outcome in outcomes:
                first.outcomes.append(outcome)
                ends.append(loop().time())
        assert account(s, kind, contacts, first) == {"Ok": 87, "InDoubt": 3}
        assert {outcome.item.index for outcome in first.outcomes[87:]} == {0, 1, 2}
        assert ends[87] >= 100
        assert first.summary.reasons == {"lost reply": 3}
        assert first.summary.decided == {"sent again": 1, "in doubt": 1}
        sent = s.count(ROUTES[kind])
        assert 87 + 3 * 2 <= sent <= 87 + 3 * 9  # after 1, 2, 4, 8, 16, 30, 30 and 9 seconds
        s.sandbox.faults.clear()
        again = await take(changing(s, kind, rows, replay=True, **options))
        assert again.kinds == first.kinds
        assert s.count(ROUTES[kind]) == sent


@pytest.mark.parametrize("fault", LOST, ids=str)
@asynchronous
async def test_the_second_half_of_an_opt_out_is_repeated_too(fault: dict[str, Any]) -> None:
    """The reply of the list had come, that of the directory was lost."""
    async with scene(client=ONCE) as s:
        contacts = people(s, 30)
        s.sandbox.faults.add(route=DIRECTORY, skip=3, times=3, **fault)
        taken = await take(changing(s, "unsubscribe", contacts, from_directory=True, concurrency=1))
        assert account(s, "unsubscribe", contacts, taken) == {"Ok": 30}
        assert all(s.sandbox.state.contacts[contact].unsubscribed for contact in contacts)


@pytest.mark.parametrize("kind", KINDS)
@asynchronous
async def test_no_time_for_a_reply(kind: str) -> None:
    """With a timeout of zero nothing is sent twice."""
    async with scene(client=ONCE) as s:
        contacts = people(s, 5)
        s.sandbox.faults.add(kind="cut", route=ROUTES[kind], when="after", times=2)
        taken = await take(changing(s, kind, rows_of(s, kind, contacts), reconcile_timeout=0))
        assert account(s, kind, contacts, taken) == {"Ok": 3, "InDoubt": 2}
        assert s.count(ROUTES[kind]) == 5
        reason = "no reply came until reconcile_timeout, however often it was sent"
        assert taken.summary.decisions == [Decision(s.lists[0], 2, "in doubt", reason)]


@pytest.mark.parametrize("how", ["id", "email"])
@pytest.mark.parametrize("kind", KINDS)
@asynchronous
async def test_what_an_earlier_run_was_sending_is_sent_again(kind: str, how: str, tmp_path: Path) -> None:
    """A contact that it had found is not searched for again: a removed one is not to be found any more."""
    async with scene(client=GRACELESS) as s:
        contacts, journal = people(s, 50), tmp_path / "j.db"
        rows, first = rows_of(s, kind, contacts, how), Taken()

        async def run() -> None:
            async with changing(s, kind, rows, journal=journal) as outcomes:
                async for outcome in outcomes:
                    first.outcomes.append(outcome)

        held = s.sandbox.faults.add(kind="delay", route=ROUTES[kind], when="after", skip=10, times=5)
        task = asyncio.create_task(run())
        await held.arrived()
        await until(lambda: held.used == 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        held.release()
        searched = s.count(SEARCH)
        second = await take(changing(s, kind, rows, journal=journal))
        whole = await take(changing(s, kind, rows, journal=journal, replay=True))
        assert account(s, kind, contacts, first, second, whole) == {"Ok": 50}
        assert len(whole.outcomes) == 50
        assert second.summary.decided["sent again"] >= 1
        assert sum(decision.items for decision in second.summary.decisions) >= 5
        if how == "email":
            assert s.count(SEARCH) - searched <= 45


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("most", [0, 1, 25, 60])
@asynchronous
async def test_leaving_the_body_anywhere(most: int, kind: str, tmp_path: Path) -> None:
    """The same call goes on; what was delivered does not come again, except by a replay."""
    async with scene() as s:
        contacts, journal = people(s, 60), tmp_path / "j.db"
        rows = rows_of(s, kind, contacts, "extRef")
        first = await take(changing(s, kind, rows, journal=journal), most)
        second = await take(changing(s, kind, rows, journal=journal))
        assert account(s, kind, contacts, first, second) == {"Ok": 60}
        third = await take(changing(s, kind, rows, journal=journal))
        assert third.outcomes == []
        whole = await take(changing(s, kind, rows, journal=journal, replay=True))
        assert account(s, kind, contacts, whole) == {"Ok": 60}


@pytest.mark.parametrize("how", ["id", "email"])
@pytest.mark.parametrize(("status", "error"), [(403, Forbidden), (429, RateLimited)])
@asynchronous
async def test_a_job_that_stops_at_a_repeat_keeps_in_mind_what_had_left(
    status: int, error: type[Exception], how: str, tmp_path: Path
) -> None:
    """The removal was carried out, its reply was lost, its repeat is refused: later that is still `Ok`."""
    async with scene(client={"retry": RetryPolicy(base=0, refusals=0)}) as s:
        contacts, journal = people(s, 1), tmp_path / "j.db"
        rows = rows_of(s, "remove", contacts, how)
        s.sandbox.faults.add(kind="cut", route=REMOVE, when="after")
        s.sandbox.faults.add(kind="status", status=status, route=REMOVE)
        first = await take(changing(s, "remove", rows, journal=journal))
        assert type(first.error) is error
        assert is_done(s, "remove", contacts[0])
        second = await take(changing(s, "remove", rows, journal=journal))
        assert account(s, "remove", contacts, second) == {"Ok": 1}


@asynchronous
async def test_cancelled_between_two_attempts(tmp_path: Path) -> None:
    """While the client waits for its repeat, nothing is on the wire; what had left before is known."""
    async with scene(client=GRACELESS | {"retry": RetryPolicy(base=1_000_000, cap=1_000_000)}) as s:
        contacts, journal = people(s, 1), tmp_path / "j.db"
        cut = s.sandbox.faults.add(kind="cut", route=REMOVE, when="after")
        rows = ["person0@example.com"]
        task = asyncio.create_task(take(changing(s, "remove", rows, journal=journal)))
        await cut.arrived()
        await until(lambda: not s.client.quota().in_flight)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert s.count(REMOVE) == 1
        second = await take(changing(s, "remove", rows, journal=journal))
        assert account(s, "remove", contacts, second) == {"Ok": 1}
        assert second.summary.decided == {"sent again": 1}


@pytest.mark.parametrize("fault", [{"kind": "status", "status": 403}, {"kind": "delay"}], ids=str)
@asynchronous
async def test_what_never_left_or_was_refused_is_open_again(fault: dict[str, Any], tmp_path: Path) -> None:
    """A contact that was never in the list is not taken for one that was removed before."""
    async with scene() as s:
        journal = tmp_path / "j.db"
        rows = [{"contactId": "CID_nobody"}, {"contactId": "CID_nobody_else"}]
        held = s.sandbox.faults.add(route=REMOVE, **fault)
        job = take(changing(s, "remove", rows, journal=journal, concurrency=1))
        task = asyncio.create_task(job)
        await held.arrived()
        if fault["kind"] == "delay":  # the first one has left and is confirmed, the second waits
            task.cancel()
        held.release()
        await asyncio.gather(task, return_exceptions=True)
        second = await take(changing(s, "remove", rows, journal=journal))
        assert second.reasons == {"not in the list": 2}
        assert not second.summary.decisions


@pytest.mark.parametrize("kind", KINDS)
@asynchronous
async def test_random_faults(kind: str) -> None:
    """Whatever goes wrong in a fifth of all requests, each row has one outcome and that is the truth."""
    faults = [*LOST, {"kind": "status", "status": 429}, {"kind": "status", "status": 422}]
    for seed in range(3):
        async with scene(seed=seed, deduplicate=()) as s:
            contacts = people(s, 60)
            s.sandbox.faults.random(rate=0.2, kinds=faults, seed=seed, route=ROUTES[kind])
            rows = rows_of(s, kind, contacts, ["id", "extRef", "email"][seed])
            taken = await take(changing(s, kind, rows))
            assert taken.error is None
            assert account(s, kind, contacts, taken)["Ok"] > 30
            assert {o.reason for o in taken.outcomes if not isinstance(o, Ok)} <= {"refused"}


@pytest.mark.parametrize("client", [ONCE, {}], ids=["the job repeats", "the client repeats"])
@pytest.mark.parametrize("when", ["before", "after"])
@asynchronous
async def test_a_repeat_that_is_refused_says_nothing_of_the_first(when: Any, client: dict[str, Any]) -> None:
    """Nobody knows whether that was carried out, so the row is in doubt, and it is not sent a third time."""
    async with scene(client=client) as s:
        contacts = people(s, 1)
        s.sandbox.faults.add(kind="cut", route=REMOVE, when=when)
        s.sandbox.faults.add(kind="status", status=422, route=REMOVE)
        taken = await take(changing(s, "remove", contacts))
        assert account(s, "remove", contacts, taken) == {"InDoubt": 1}
        assert taken.reasons == {"refused": 1}
        assert is_done(s, "remove", contacts[0]) is (when == "after")
        assert taken.summary.decided["in doubt"] == 1
        assert s.count(REMOVE) == 2


@pytest.mark.parametrize("kind", KINDS)
@asynchronous
async def test_who_is_gone_when_a_row_is_sent_again(kind: str) -> None:
    """That is what a removal wanted, and a failure of all else."""
    async with scene(client=ONCE) as s:
        [contact] = people(s, 1)
        cut = s.sandbox.faults.add(kind="cut", route=ROUTES[kind])
        gone = s.sandbox.faults.add(kind="status", status=404, route=ROUTES[kind])
        taken = await take(changing(s, kind, rows_of(s, kind, [contact])))
        assert (cut.used, gone.used) == (1, 1)
        assert taken.kinds == ({"Ok": 1} if kind == "remove" else {"Failed": 1})
        assert taken.reasons == ({} if kind == "remove" else {"not in the list": 1})


@asynchronous
async def test_a_quota_is_no_doubt() -> None:
    """What was refused for the rate limit was not carried out: a refusal after it is one."""
    async with scene() as s:
        contacts = people(s, 1)
        s.sandbox.faults.add(kind="status", status=429, route=REMOVE)
        s.sandbox.faults.add(kind="status", status=422, route=REMOVE)
        taken = await take(changing(s, "remove", contacts))
        assert account(s, "remove", contacts, taken) == {"Failed": 1}
        assert not taken.summary.decisions


@asynchronous
async def interrupted(kind: str, how: str, cuts: list[float], seed: int, journal: Path) -> None:
    """Run a job under faults, cancel it after each of these times, and let it come to its end."""
    async with scene(seed=seed, deduplicate=(), client=GRACELESS) as s:
        contacts = people(s, 40)
        rows = rows_of(s, kind, contacts, how)
        s.sandbox.faults.random(rate=0.1, kinds=LOST, seed=seed, route=ROUTES[kind])
        parts: list[Taken] = []
        for cut in cuts:
            parts.append(Taken())
            with suppress(TimeoutError):
                async with asyncio.timeout(cut), changing(s, kind, rows, journal=journal) as outcomes:
                    async for outcome in outcomes:
                        parts[-1].outcomes.append(outcome)
        parts.append(await take(changing(s, kind, rows, journal=journal)))
        assert account(s, kind, contacts, *parts) == {"Ok": 40}
        whole = await take(changing(s, kind, rows, journal=journal, replay=True))
        assert account(s, kind, contacts, whole) == {"Ok": 40}


@settings(max_examples=15, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    how=st.sampled_from(["id", "extRef", "email"]),
    cuts=st.lists(st.floats(0.001, 0.08), max_size=4),
    seed=st.integers(0, 2**16),
)
def test_interrupted_at_any_moments_under_faults(kind: str, how: str, cuts: list[float], seed: int) -> None:
    """However often a job is cancelled and taken up again, each contact is changed, and told of once."""
    with TemporaryDirectory() as folder:
        interrupted(kind, how, cuts, seed, Path(folder) / "j.db")
