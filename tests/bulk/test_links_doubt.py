"""Distributions whose fate is unknown: adopted, made after all, or left in doubt, and never two."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from settling import DOUBTFUL, LISTED, settle_links
from virtual import loop, virtual
from working import DISTRIBUTE, Scene, Taken, asynchronous, scene, take

from qualtrics_async import OutcomeUnknown, Polling, Timeouts
from qualtrics_async.bulk import InDoubt
from qualtrics_async.bulk.distributing import Finding, LinkOrder, judge
from qualtrics_async.bulk.targets import Target, TargetKind
from qualtrics_async.models import Distribution, DistributionRecipients, DistributionSurveyLink
from qualtrics_async.sandbox import ByPolls, BySeconds

ENDS = datetime(2099, 1, 2, 3, 4, 5, tzinfo=UTC)
PROCESSED: list[dict[str, Any]] = [
    {"kind": "cut", "when": "after"},
    {"kind": "truncated"},
    {"kind": "html", "when": "after"},
    {"kind": "status", "status": 503, "when": "after"},
]
LOST: list[dict[str, Any]] = [
    {"kind": "cut"},
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 504},
]


def decisions(taken: Taken) -> list[tuple[str, str, str]]:
    """What was decided, of which list, and why."""
    return [(one.mailing_list_id, one.decision, one.reason) for one in taken.summary.decisions]


def others(s: Scene, count: int = 1, **fields: Any) -> list[str]:
    """Let somebody else make distributions for the first list."""
    add, survey = s.sandbox.state.add_distribution, fields.pop("survey_id", s.sandbox.state.survey_id)
    return [add(survey, fields.pop("to", s.lists[0]), **fields).id for _ in range(count)]


@pytest.mark.parametrize("fault", PROCESSED, ids=str)
@pytest.mark.parametrize("expires", [None, ENDS])
@asynchronous
async def test_a_distribution_that_was_made_is_adopted(
    fault: dict[str, Any], expires: datetime | None, tmp_path: Path
) -> None:
    """The reply was lost, the distribution is there: one POST, every link, and the journal says why."""
    async with scene(lists=2) as s:
        s.fill(4, 4)
        before = others(s, 3, link_type="Individual", expiration="2099-01-02T03:04:05Z")
        s.sandbox.faults.add(route=DISTRIBUTE, **fault)
        journal = tmp_path / "j.db"
        taken = await take(s.links(journal=journal, expires=expires))
        assert taken.error is None
        settle_links(s, taken.outcomes, others=before)
        assert s.count(DISTRIBUTE) == 2
        [(name, decision, why)] = decisions(taken)
        [made] = [d.id for d in s.sandbox.state.distributions_of(name) if d.id not in before]
        assert decision == "accepted"
        assert made in why
        again = await take(s.links(journal=journal, expires=expires, replay=True))
        settle_links(s, again.outcomes, others=before)
        assert decisions(again) == decisions(taken)
        assert s.count(DISTRIBUTE) == 2


@pytest.mark.parametrize("fault", LOST, ids=str)
@virtual
async def test_a_distribution_without_a_trace_is_made_after_the_timeout(fault: dict[str, Any]) -> None:
    """Not before, with looks that become rare, and with a last look before the second POST."""
    async with scene(lists=2, client={"polling": Polling()}) as s:
        s.fill(4, 4)
        s.sandbox.faults.add(route=DISTRIBUTE, **fault)
        began = loop().time()
        taken = await take(s.links(reconcile_timeout=600))
        settle_links(s, taken.outcomes)
        assert s.count(DISTRIBUTE) == 3
        assert 600 <= loop().time() - began <= 620
        assert [decision for _, decision, _ in decisions(taken)] == ["sent again"]
        assert 60 < s.count(LISTED) < 90
        routes = [f"{r.method} {r.route}" for r in s.sandbox.requests]
        last = len(routes) - 1 - routes[::-1].index(DISTRIBUTE)
        assert routes[last - 1] == LISTED


@virtual
async def test_a_list_in_doubt_holds_no_place() -> None:
    """With one place, the other lists are complete long before the doubt is over."""
    async with scene(lists=3, client={"polling": Polling()}) as s:
        s.fill(4, 4, 4)
        s.sandbox.faults.add(kind="cut", route=DISTRIBUTE)
        began, ends = loop().time(), {}
        async with s.links(concurrency=1, reconcile_timeout=600) as outcomes:
            async for outcome in outcomes:
                ends[outcome.item.mailing_list_id] = loop().time() - began
        late = [name for name, end in ends.items() if end > 30]
        assert len(late) == 1
        assert ends[late[0]] > 600
        assert len(s.sandbox.state.distributions) == 3


@pytest.mark.parametrize("lag", [ByPolls(4), BySeconds(100)])
@virtual
async def test_a_listing_that_lags_behind(lag: Any) -> None:
    """What shows late is adopted when it shows, and not made again."""
    clock = asyncio.get_running_loop().time
    async with scene(lists=2, listing_lag=lag, clock=clock, client={"polling": Polling()}) as s:
        s.fill(4, 4)
        s.sandbox.faults.add(kind="cut", when="after", route=DISTRIBUTE)
        taken = await take(s.links(reconcile_timeout=600))
        settle_links(s, taken.outcomes)
        assert s.count(DISTRIBUTE) == 2
        assert [decision for _, decision, _ in decisions(taken)] == ["accepted"]


@virtual
async def test_a_second_doubt_is_judged_by_the_first_look() -> None:
    """A distribution that shows only after it was made again is known to be new, and is the one."""
    clock = asyncio.get_running_loop().time
    async with scene(listing_lag=BySeconds(80), clock=clock, client={"polling": Polling()}) as s:
        s.fill(4)
        s.sandbox.faults.add(kind="cut", when="after", route=DISTRIBUTE, times=2)
        taken = await take(s.links(reconcile_timeout=50))
        assert taken.kinds == {"Ok": 4}
        assert [decision for _, decision, _ in decisions(taken)] == ["sent again", "accepted"]
        first, _ = s.sandbox.state.distributions  # such a listing takes a longer reconcile_timeout
        assert {o.item.distribution_id for o in taken.outcomes} == {first}


@pytest.mark.parametrize(
    ("fields", "kinds"),
    [
        ({"link_type": "Individual", "expiration": "2099-01-02T03:04:05Z"}, {"InDoubt": 1}),
        ({"link_type": "Individual", "expiration": None}, {"InDoubt": 1}),
        ({"link_type": "Individual", "expiration": "2099-01-02T03:04:06Z"}, {"Ok": 4}),
        ({"link_type": "Multiple", "expiration": "2099-01-02T03:04:05Z"}, {"Ok": 4}),
        ({"request_type": "Invite", "expiration": "2099-01-02T03:04:05Z"}, {"Ok": 4}),
        ({"to": 1, "expiration": "2099-01-02T03:04:05Z"}, {"Ok": 4}),
        ({"survey_id": "other", "expiration": "2099-01-02T03:04:05Z"}, {"Ok": 4}),
    ],
)
@asynchronous
async def test_what_others_make_meanwhile(
    fields: dict[str, Any], kinds: dict[str, int], tmp_path: Path
) -> None:
    """Another survey, list, kind, link type or expiry is not ours; what could be ours makes it doubtful."""
    async with scene(lists=2, client={"timeouts": Timeouts(grace=0.05)}) as s:
        s.fill(4, 4)
        if "to" in fields:
            fields = fields | {"to": s.lists[1]}
        if "survey_id" in fields:
            fields = fields | {"survey_id": s.sandbox.state.add_survey("Other")}
        held = s.sandbox.faults.add(kind="delay", when="after", route=DISTRIBUTE)
        first = asyncio.create_task(take(s.links(lists=s.lists[:1], expires=ENDS, journal=tmp_path / "j.db")))
        await held.arrived()
        theirs = others(s, **fields)
        first.cancel()
        s.sandbox.faults.add(kind="cut", route=DISTRIBUTE)
        with pytest.raises(asyncio.CancelledError):
            await first
        held.release()
        taken = await take(s.links(lists=s.lists[:1], expires=ENDS, journal=tmp_path / "j.db"))
        assert taken.kinds == kinds
        assert s.count(DISTRIBUTE) == 1
        assert len(s.sandbox.state.distributions) == 2
        if "Ok" in kinds:
            s.lists = s.lists[:1]
            settle_links(s, taken.outcomes, others=theirs)
        else:
            [doubt] = taken.outcomes
            assert doubt.reason == "lost reply"
            assert isinstance(doubt.error, OutcomeUnknown)
            assert [decision for _, decision, _ in decisions(taken)] == ["in doubt"]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("skip", [0, 1])
@asynchronous
async def test_a_listing_that_is_refused_leaves_the_doubt(when: Any, skip: int, tmp_path: Path) -> None:
    """Who may not list distributions, before or afterwards, is told of the doubt once, and sends once."""
    async with scene(lists=2) as s:
        s.fill(4, 4)
        s.sandbox.faults.add(kind="status", status=403, route=LISTED, skip=2 * skip, times=None)
        s.sandbox.faults.add(kind="cut", when=when, route=DISTRIBUTE)
        journal = tmp_path / "j.db"
        for replay in (False, True):
            taken = await take(s.links(journal=journal, replay=replay))
            assert taken.error is None
            assert taken.kinds == {"Ok": 4, "InDoubt": 1}
            [doubt] = [o for o in taken.outcomes if isinstance(o, InDoubt)]
            assert isinstance(doubt.error, OutcomeUnknown)
            assert doubt.item.stands_for_all
            assert doubt.reason == "lost reply"
            assert taken.summary.items == taken.summary.outcomes
        assert s.count(DISTRIBUTE) == 2


@pytest.mark.parametrize("times", [2, 40, None])
@virtual
async def test_a_listing_that_fails_for_a_while(times: int | None) -> None:
    """It is asked again until the timeout and a little beyond; then nobody can know."""
    async with scene(client={"polling": Polling(first=1, longest=5)}) as s:
        s.fill(4)
        s.sandbox.faults.add(kind="status", status=500, route=LISTED, skip=1, times=times)
        s.sandbox.faults.add(kind="cut", when="after", route=DISTRIBUTE)
        taken = await take(s.links(reconcile_timeout=30))
        assert taken.kinds == ({"InDoubt": 1} if times is None else {"Ok": 4})
        assert s.count(DISTRIBUTE) == 1


@asynchronous
async def test_a_first_look_that_fails_costs_only_the_adoption() -> None:
    """The distribution is made without knowing what was there; no doubt, no loss."""
    async with scene() as s:
        s.fill(4)
        s.sandbox.faults.add(kind="status", status=500, route=LISTED, times=None)
        taken = await take(s.links())
        settle_links(s, taken.outcomes)


@pytest.mark.parametrize("fault", DOUBTFUL, ids=str)
@asynchronous
async def test_after_a_crash(fault: dict[str, Any], tmp_path: Path) -> None:
    """An intent that an earlier process left behind is settled as a lost reply is."""
    async with scene() as s:
        s.fill(4)
        journal = tmp_path / "j.db"
        held = s.sandbox.faults.add(kind="delay", route=LISTED, skip=1)
        s.sandbox.faults.add(route=DISTRIBUTE, **fault)
        first = asyncio.create_task(take(s.links(journal=journal)))
        await held.arrived()  # the POST has left, nobody knows, and now the process ends
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        held.release()
        taken = await take(s.links(journal=journal, reconcile_timeout=0))
        settle_links(s, taken.outcomes)
        processed = len(s.sandbox.state.distributions) == 1 and s.count(DISTRIBUTE) == 1
        assert [one for _, one, _ in decisions(taken)] == ["accepted" if processed else "sent again"]


@asynchronous
async def test_doubts_in_many_lists_at_once() -> None:
    """Each list is settled by its own distributions."""
    async with scene(lists=12) as s:
        s.fill(*[5] * 12)
        for when in ("before", "after"):
            s.sandbox.faults.add(kind="cut", when=when, route=DISTRIBUTE, times=4)
        taken = await take(s.links(reconcile_timeout=0.2))
        settle_links(s, taken.outcomes)
        assert taken.summary.decided == {"accepted": 4, "sent again": 4}
        assert s.count(DISTRIBUTE) == 16


def listed(number: int, **fields: Any) -> Distribution:
    """A distribution as a listing shows it."""
    link = DistributionSurveyLink(
        survey_id=fields.get("survey", "SV_1"),
        link_type=fields.get("link_type", "Individual"),
        expiration_date=fields.get("ends", ENDS),
    )
    recipients = DistributionRecipients(mailing_list_id=fields.get("to", "CG_1"))
    return Distribution(
        id=f"EMD_{number}",
        request_type=fields.get("kind", "GeneratedInvite"),
        survey_link=None if fields.get("bare") else link,
        recipients=None if fields.get("bare") else recipients,
    )


DOUBT = "doubt"
JUDGED: list[tuple[list[Distribution], str | None]] = [
    ([], None),
    ([listed(1)], "EMD_1"),
    ([listed(1), listed(2)], DOUBT),
    ([listed(1), listed(2, ends=ENDS + timedelta(seconds=1))], "EMD_1"),
    ([listed(1, ends=ENDS + timedelta(microseconds=900_000))], "EMD_1"),
    ([listed(1), listed(2, to="CG_2"), listed(3, kind="Invite"), listed(4, survey="SV_2")], "EMD_1"),
    ([listed(1, link_type="Multiple")], None),
    ([listed(1, link_type=None, survey=None, kind=None)], "EMD_1"),
    ([listed(1, ends=None)], DOUBT),
    ([listed(1, to=None)], DOUBT),
    ([listed(1, bare=True)], DOUBT),
    ([listed(1), listed(2, bare=True)], DOUBT),
]


@pytest.mark.parametrize(("new", "verdict"), JUDGED)
def test_the_judgement(new: list[Distribution], verdict: str | None) -> None:
    """One that is certainly the one is adopted; one that may be it is never passed over."""
    target = Target(1, TargetKind.LIST, "CG_1")
    order = LinkOrder(survey_id="SV_1", expires="2099-01-02T03:04:05Z")
    finding = judge(new, target, order)
    if verdict == DOUBT:
        assert finding.doubt
        assert finding.adopted is None
    else:
        assert finding == Finding(adopted=verdict)
