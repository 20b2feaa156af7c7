"""Links: complete, joined to contact and list, one distribution a list, and a reason where one is missing."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from working import (
    CONTACTS,
    DISTRIBUTE,
    HISTORY,
    LINKS,
    Scene,
    Taken,
    asynchronous,
    client_of,
    scene,
    take,
)

from qualtrics_async import (
    ConnectFailed,
    Forbidden,
    InvalidRequest,
    JournalError,
    NotFound,
    OutcomeUnknown,
    Polling,
    RateLimited,
    RetryPolicy,
    ServerFault,
    Unauthorized,
    UsageError,
)
from qualtrics_async.bulk import Failed, InDoubt, Ok
from qualtrics_async.sandbox import ByPolls


def settle_links(s: Scene, outcomes: Iterable[Any], missing: dict[str, int] | None = None) -> None:
    """Check that each contact of each list has one outcome, and each link is what the sandbox made."""
    state = s.sandbox.state
    by_list = {made.mailing_list_id: made for made in state.distributions.values()}
    assert len(by_list) == len(state.distributions), "a list has two distributions"
    seen = Counter((o.item.mailing_list_id, o.item.contact_id) for o in outcomes)
    assert set(seen.values()) <= {1}
    expected = {
        (name, contact.id) for name in s.lists for contact in state.list_contacts(name) if name in by_list
    }
    assert set(seen) == expected
    reasons: Counter[str] = Counter()
    for outcome in outcomes:
        who, made = outcome.item, by_list[outcome.item.mailing_list_id]
        contact = state.contacts[who.contact_id]
        assert (who.email, who.external_data_reference) == (contact.email, contact.ext_ref)
        assert who.distribution_id == made.id
        member = state.mailing_lists[who.mailing_list_id].by_contact[contact.id]
        assert who.contact_lookup_id == member.lookup_id
        if isinstance(outcome, Ok):
            assert outcome.value.link == state.link(made, member)
        else:
            reasons[outcome.reason] += 1
    assert reasons == (missing or {})


@pytest.mark.parametrize("links", ["at_once", "growing"])
@pytest.mark.parametrize("polls", [0, 3])
@asynchronous
async def test_every_contact_of_many_lists_has_its_link(links: Any, polls: int) -> None:
    """However the links come into being, each list gets one distribution and each contact one link."""
    async with scene(lists=5, links=links, jobs=ByPolls(polls), page_size=10) as s:
        s.fill(35, 1, 10, 20, 99)
        taken = await take(s.links(concurrency=3))
        assert taken.error is None
        settle_links(s, taken.outcomes)
        assert taken.summary.items == taken.summary.ok == 165
        assert s.count(DISTRIBUTE) == 5
        assert s.count(HISTORY) == 0 or links == "growing"


@asynchronous
async def test_pages_of_many_lists_interleave() -> None:
    """A long list does not keep the others waiting until its last page."""
    async with scene(lists=3, page_size=10) as s:
        s.fill(200, 20, 20)
        taken = await take(s.links(concurrency=3))
        settle_links(s, taken.outcomes)
        order = [outcome.item.mailing_list_id for outcome in taken.outcomes]
        assert max(n for n, name in enumerate(order) if name != s.lists[0]) < 150


@asynchronous
async def test_an_empty_listing_is_polled_by_its_first_page() -> None:
    """While nothing is there, one page is asked for and no more; then each page about once."""
    async with scene(jobs=ByPolls(6), page_size=10) as s:
        s.fill(100)
        taken = await take(s.links())
        settle_links(s, taken.outcomes)
        queries = [r.query for r in s.sandbox.requests if f"{r.method} {r.route}" == LINKS]
        first = sum("skipToken" not in query for query in queries)
        assert first == 6
        assert len(queries) == 6 + 9


@asynchronous
async def test_growing_links_are_not_read_from_the_start_again() -> None:
    """What was read already is not asked for again as the listing grows."""
    async with scene(jobs=ByPolls(4), links="growing", page_size=10) as s:
        s.fill(100)
        taken = await take(s.links())
        settle_links(s, taken.outcomes)
        assert s.count(LINKS) < 40


@asynchronous
async def test_the_opted_out_are_not_waited_for() -> None:
    """Who opted out of the list or the directory is reported so, at once and not at the deadline."""
    async with scene() as s:
        s.fill(10)
        s.sandbox.state.add_contact(s.lists[0], email="out1@example.com", unsubscribed=True)
        s.sandbox.state.add_contact(s.lists[0], email="out2@example.com", list_unsubscribed=True)
        taken = await take(s.links(deadline=600))
        settle_links(s, taken.outcomes, {"opted out": 2})
        assert taken.summary.items == 12


@asynchronous
async def test_an_empty_list_has_no_distribution() -> None:
    """Nobody to invite: nothing is created, nothing comes out, also not on a replay."""
    async with scene(lists=2) as s:
        s.fill(0, 3)
        taken = await take(s.links())
        assert taken.kinds == {"Ok": 3}
        assert s.count(DISTRIBUTE) == 1


def withhold(s: Scene, count: int) -> None:
    """Take members out of every distribution, as if they got no link."""
    for made in s.sandbox.state.distributions.values():
        del made.members[:count]


@asynchronous
async def test_the_deadline_ends_the_wait() -> None:
    """Who has no link by then is `pending`; those who have one are not lost."""
    polling = Polling(first=0.02, factor=1, longest=0.02)
    async with scene(lists=2, client={"polling": polling}) as s:
        s.fill(5, 5)
        s.sandbox.faults.add(kind="stuck_job", route=DISTRIBUTE)
        taken = await take(s.links(deadline=0.2))
        settle_links(s, taken.outcomes, {"pending": 5})
        assert taken.kinds == {"Ok": 5, "Failed": 5}
        assert s.count(LINKS) < 60


@asynchronous
async def test_a_frequency_rule_is_told_from_waiting(tmp_path: Path) -> None:
    """A contact without a link whom the history names a rule for is not waited for until the deadline."""
    async with scene() as s:
        s.fill(6)
        ruled = s.sandbox.state.list_contacts(s.lists[0])[2]
        ruled.exceeded_frequency = True
        journal = tmp_path / "j.db"
        held = s.sandbox.faults.add(kind="delay", route=LINKS)
        job = asyncio.create_task(take(s.links(journal=journal, deadline=600)))
        await held.arrived()
        [made] = s.sandbox.state.distributions.values()
        hidden = [made.members.pop(2)]
        whole = s.sandbox.faults.add(kind="delay", route=HISTORY)
        held.release()
        await whole.arrived()
        made.members.extend(hidden)
        # The history names the rule, and the link stays away.
        blocked = s.sandbox.faults.add(kind="status", route=LINKS, status=500, times=None)
        whole.release()
        taken = await job
        assert blocked.used == 0
        settle_links(s, taken.outcomes, {"frequency rule": 1})


@pytest.mark.parametrize("kind", ["short_page", "empty_page", "repeat_page"])
@pytest.mark.parametrize("route", [LINKS, CONTACTS])
@asynchronous
async def test_odd_pages(kind: Any, route: str) -> None:
    """Short, empty and repeated pages, of the links or of the contacts, cost nothing but requests."""
    async with scene(lists=2, page_size=10) as s:
        s.fill(45, 45)
        s.sandbox.faults.add(kind=kind, route=route, times=2, skip=1)
        taken = await take(s.links())
        assert taken.error is None
        settle_links(s, taken.outcomes)
        assert taken.summary.items == 90


PASSING: list[dict[str, Any]] = [
    {"kind": "status", "status": 500, "times": 7},
    {"kind": "cut", "times": 7},
    {"kind": "truncated", "times": 7},
    {"kind": "html", "times": 6},
    {"kind": "no_result", "times": 1},
]


@pytest.mark.parametrize("route", [LINKS, CONTACTS])
@pytest.mark.parametrize("fault", PASSING, ids=str)
@asynchronous
async def test_a_page_that_fails_is_asked_for_again(route: str, fault: dict[str, Any]) -> None:
    """A listing that fails at a page goes on at that page, beyond the retries of a single call."""
    async with scene(page_size=10) as s:
        s.fill(95)
        s.sandbox.faults.add(route=route, skip=5, **fault)
        taken = await take(s.links())
        assert taken.error is None
        settle_links(s, taken.outcomes)
        assert s.count(route) <= 10 + 8


@pytest.mark.parametrize(("route", "reason"), [(CONTACTS, "unreadable list"), (LINKS, "unreadable links")])
@asynchronous
async def test_a_list_that_cannot_be_read_does_not_end_the_others(
    route: str, reason: str, tmp_path: Path
) -> None:
    """It is reported with its error at the deadline, others are complete, a later call completes it."""
    polling = Polling(first=0.01, factor=1, longest=0.01)
    async with scene(lists=2, page_size=10, client={"polling": polling}) as s:
        s.fill(25, 25)
        journal = tmp_path / "j.db"
        path = s.lists[1] if route == CONTACTS else None
        if path is None:
            first = await take(s.links(lists=s.lists[:1], deadline=0.1))
            s.sandbox.faults.add(kind="status", route=route, status=500, times=None)
            taken = await take(s.links(lists=s.lists[1:], deadline=0.1, journal=journal))
            assert taken.reasons == {reason: 25}
            assert all(isinstance(o.error, ServerFault) for o in taken.outcomes)
            settle_links(s, first.outcomes + taken.outcomes, {reason: 25})
            return
        s.sandbox.faults.add(kind="status", route=route, status=500, times=None, path=path)
        taken = await take(s.links(deadline=0.1, journal=journal))
        assert taken.error is None
        assert taken.kinds == {"Ok": 25, "Failed": 1}
        assert taken.reasons == {reason: 1}
        assert taken.summary.items == 26
        s.sandbox.faults.clear()
        again = await take(s.links(deadline=0.1, journal=journal))
        settle_links(s, [o for o in taken.outcomes if isinstance(o, Ok)] + again.outcomes)


@asynchronous
async def test_an_inactive_survey_is_refused_for_each_list(tmp_path: Path) -> None:
    """A refused distribution is one `Failed` for its list, also on a replay; nothing is called doubtful."""
    async with scene(lists=3) as s:
        s.fill(3, 3, 3)
        survey, journal = s.sandbox.state.add_survey("Asleep", active=False), tmp_path / "j.db"
        for replay in (False, True):
            taken = await take(s.links(survey_id=survey, journal=journal, replay=replay))
            assert taken.error is None
            assert taken.reasons == {"refused": 3}
            assert {o.item.mailing_list_id for o in taken.outcomes} == set(s.lists)
            assert all(isinstance(o.error, InvalidRequest) for o in taken.outcomes)
            assert all(o.item.contact_id is None for o in taken.outcomes)
        assert s.count(DISTRIBUTE) == 3
        assert not s.sandbox.state.distributions


DOUBTFUL: list[dict[str, Any]] = [
    {"kind": "cut"},
    {"kind": "cut", "when": "after"},
    {"kind": "truncated"},
    {"kind": "html"},
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 503, "when": "after"},
]


@pytest.mark.parametrize("fault", DOUBTFUL, ids=str)
@asynchronous
async def test_a_lost_reply_is_doubt_for_the_list(fault: dict[str, Any], tmp_path: Path) -> None:
    """One `InDoubt` for the list, exactly one POST for it, now and by the same call later."""
    async with scene(lists=2) as s:
        s.fill(4, 4)
        s.sandbox.faults.add(route=DISTRIBUTE, **fault)
        journal = tmp_path / "j.db"
        for replay in (False, True):
            taken = await take(s.links(journal=journal, replay=replay))
            assert taken.error is None
            assert taken.kinds == {"Ok": 4, "InDoubt": 1}
            [doubt] = [o for o in taken.outcomes if isinstance(o, InDoubt)]
            assert isinstance(doubt.error, OutcomeUnknown)
            assert doubt.item.contact_id is None
            assert doubt.reason == "lost reply"
            assert taken.summary.items == taken.summary.outcomes
        assert s.count(DISTRIBUTE) == 2
        assert len(s.sandbox.state.distributions) <= 2


@pytest.mark.parametrize("route", [CONTACTS, DISTRIBUTE, LINKS])
@pytest.mark.parametrize(
    ("status", "error"), [(401, Unauthorized), (403, Forbidden), (404, NotFound), (429, RateLimited)]
)
@asynchronous
async def test_what_would_fail_every_list_stops_the_job(
    status: int, error: type[Exception], route: str, tmp_path: Path
) -> None:
    """The same call afterwards completes every list with one distribution each."""
    async with scene(lists=3, page_size=10, client={"retry": RetryPolicy(base=0, refusals=1)}) as s:
        s.fill(15, 15, 15)
        s.sandbox.faults.add(kind="status", route=route, status=status, skip=1, times=None)
        journal = tmp_path / "j.db"
        first = await take(s.links(journal=journal, concurrency=2))
        assert type(first.error) is error
        s.sandbox.faults.clear()
        second = await take(s.links(journal=journal))
        settle_links(s, first.outcomes + second.outcomes)
        assert s.sandbox.state.processed[DISTRIBUTE] == 3


@asynchronous
async def test_unknown_lists_and_no_network_stop_at_once() -> None:
    """Neither is a failure of single contacts."""
    async with scene() as s:
        taken = await take(s.links(lists=["CG_nowhere"]))
        assert isinstance(taken.error, NotFound)
        assert s.count(DISTRIBUTE) == 0
        await s.sandbox.close()
        taken = await take(s.links())
        assert isinstance(taken.error, ConnectFailed)
        await s.sandbox.start()


@pytest.mark.parametrize("most", [0, 1, 10, 11, 33, 59, 60])
@asynchronous
async def test_leaving_the_body_anywhere(most: int, tmp_path: Path) -> None:
    """The same call goes on without a second distribution; together every link once, a replay is whole."""
    async with scene(lists=3, page_size=10) as s:
        s.fill(25, 10, 25)
        journal = tmp_path / "j.db"
        first = await take(s.links(journal=journal), most)
        second = await take(s.links(journal=journal))
        # The batch around the cut is delivered again, by design.
        once = {(o.item.mailing_list_id, o.item.contact_id): o for o in first.outcomes + second.outcomes}
        settle_links(s, list(once.values()))
        assert second.summary.items == second.summary.outcomes
        for replay, count in ((False, 0), (True, 60), (True, 60)):
            again = await take(s.links(journal=journal, replay=replay))
            assert again.summary.items == len(again.outcomes) == count
            if replay:
                settle_links(s, again.outcomes)
        assert s.count(DISTRIBUTE) == 3


@pytest.mark.parametrize("fault", [{"kind": "cut"}, {"kind": "status", "status": 400}], ids=str)
@asynchronous
async def test_an_outcome_of_a_whole_list_that_nobody_took_comes_again(
    fault: dict[str, Any], tmp_path: Path
) -> None:
    """A body that left before it had seen the refusal or the doubt is told by the next call, once."""
    async with scene() as s:
        s.fill(3)
        refused = s.sandbox.faults.add(route=DISTRIBUTE, **fault)
        journal, counts = tmp_path / "j.db", []
        async with s.links(journal=journal):
            await refused.arrived()
            await asyncio.sleep(0.05)
        for _ in range(3):
            taken = await take(s.links(journal=journal))
            counts.append(len(taken.outcomes))
        assert counts == [1, 0, 0]
        assert s.count(DISTRIBUTE) == 1


@pytest.mark.parametrize("status", [400, 409, 302])
@pytest.mark.parametrize("skip", [0, 1])
@asynchronous
async def test_a_list_that_is_refused_to_readers_does_not_end_the_others(status: int, skip: int) -> None:
    """A refusal of one list's contacts concerns that list, before its distribution and after."""
    async with scene(lists=2, page_size=10) as s:
        s.fill(25, 25)
        fault: dict[str, Any] = (
            {"kind": "redirect"} if status == 302 else {"kind": "status", "status": status}
        )
        s.sandbox.faults.add(route=CONTACTS, path=s.lists[0], skip=skip, times=None, **fault)
        taken = await take(s.links(lists=s.lists))
        assert taken.error is None
        assert taken.reasons == {"unreadable list": 1}
        assert sum(o.item.mailing_list_id == s.lists[1] for o in taken.outcomes) == 25
        assert s.count(DISTRIBUTE) == 1 + skip


@asynchronous
async def test_a_replay_of_an_unfinished_job_is_whole(tmp_path: Path) -> None:
    """Whatever was delivered before, also of a list that is not done, comes again, once."""
    async with scene(lists=2, page_size=10) as s:
        s.fill(35, 35)
        journal = tmp_path / "j.db"
        await take(s.links(journal=journal), 30)
        await take(s.links(journal=journal, replay=True), 17)
        taken = await take(s.links(journal=journal, replay=True))
        settle_links(s, taken.outcomes)


@pytest.mark.parametrize("route", [DISTRIBUTE, LINKS, CONTACTS])
@asynchronous
async def test_cancelled_while_a_request_is_under_way(route: str, tmp_path: Path) -> None:
    """A distribution that has left is confirmed first: no doubt, and no second one."""
    async with scene(lists=2, page_size=10) as s:
        s.fill(25, 25)
        journal, first = tmp_path / "j.db", Taken()

        async def run() -> None:
            async with s.links(journal=journal) as outcomes:
                async for outcome in outcomes:
                    first.outcomes.append(outcome)

        held = s.sandbox.faults.add(kind="delay", route=route, when="after", skip=1)
        task = asyncio.create_task(run())
        await held.arrived()
        task.cancel()
        await asyncio.sleep(0.01)
        held.release()
        with pytest.raises(asyncio.CancelledError):
            await task
        second = await take(s.links(journal=journal))
        assert second.kinds["InDoubt"] == 0
        once = {(o.item.mailing_list_id, o.item.contact_id): o for o in first.outcomes + second.outcomes}
        settle_links(s, list(once.values()))
        assert s.count(DISTRIBUTE) == 2


@asynchronous
async def test_journals_keep_to_their_job_and_to_no_one_else(tmp_path: Path) -> None:
    """Other lists, another survey or expiry is another job; afterwards no address is left in the file."""
    async with scene(lists=2) as s:
        s.fill(50, 50)
        journal = tmp_path / "j.db"
        await take(s.links(journal=journal))
        for options in (
            {"lists": s.lists[:1]},
            {"survey_id": s.sandbox.state.add_survey("B")},
            {"expires": datetime.now(UTC) + timedelta(days=1)},
            {"link_type": "Multiple"},
        ):
            taken = await take(s.links(journal=journal, **options))
            assert isinstance(taken.error, JournalError)
            assert taken.error.reason == "another job"
    content = await asyncio.to_thread(journal.read_bytes)
    assert b"example.com" not in content


@asynchronous
async def test_what_is_asked_for_arrives() -> None:
    """Expiry, kind and description are sent; without a directory the default one is found."""
    async with scene() as s:
        s.fill(2)
        ends = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
        options: dict[str, Any] = {"expires": ends, "link_type": "Multiple", "description": "A & B"}
        taken = await take(s.links(directory_id=None, **options))
        settle_links(s, taken.outcomes)
        [made] = s.sandbox.state.distributions.values()
        assert (made.link_type, made.description) == ("Multiple", "A & B")
        assert made.expiration == "2030-01-02T03:04:05Z"


WRONG: list[dict[str, Any]] = [
    {"lists": []},
    {"lists": [""]},
    {"lists": ["CG_1", "CG_1"]},
    {"lists": ["a/b"]},
    {"survey_id": " "},
    {"directory_id": ""},
    {"link_type": "Anonymous"},
    {"deadline": 0},
    {"concurrency": 0},
    {"expires": datetime(2030, 1, 1)},  # noqa: DTZ001  (a naive one is the point)
]


@pytest.mark.parametrize("options", WRONG)
@asynchronous
async def test_arguments_that_cannot_be_meant(options: dict[str, Any], tmp_path: Path) -> None:
    """They are refused before any I/O: no request, no journal."""
    async with scene() as s:
        taken = await take(s.links(journal=tmp_path / "j.db", **options))
        assert isinstance(taken.error, UsageError)
        assert len(s.sandbox.requests) == 0
    assert await asyncio.to_thread(os.listdir, tmp_path) == []


@pytest.mark.parametrize("seed", range(8))
@asynchronous
async def test_random_faults(seed: int) -> None:
    """Whatever goes wrong, each contact or its list has one outcome, and no list two distributions."""
    kinds: list[Any] = [
        *DOUBTFUL,
        "short_page",
        "empty_page",
        "repeat_page",
        {"kind": "status", "status": 429},
    ]
    async with scene(lists=4, page_size=10, seed=seed, links="growing") as s:
        s.fill(30, 5, 11, 20)
        s.sandbox.faults.random(rate=0.15, kinds=kinds, seed=seed)
        taken = await take(s.links())
        assert taken.error is None
        doubtful = {o.item.mailing_list_id for o in taken.outcomes if o.item.contact_id is None}
        made = Counter(made.mailing_list_id for made in s.sandbox.state.distributions.values())
        assert set(made.values()) <= {1}
        certain = [o for o in taken.outcomes if o.item.contact_id is not None]
        assert len(certain) == sum(
            count for name, count in zip(s.lists, (30, 5, 11, 20), strict=True) if name not in doubtful
        )
        assert all(isinstance(o, Ok) for o in certain)
        assert not any(isinstance(o, Failed) for o in taken.outcomes if o.item.contact_id is None)


@asynchronous
async def test_a_slow_consumer_is_not_a_late_list() -> None:
    """The deadline gives up a list that brings nothing new, however long its reader takes for the rest."""
    async with scene(links="growing", jobs=ByPolls(5), page_size=5) as s, client_of(s.sandbox) as client:
        s.client = client
        s.fill(50)
        got = []
        async with s.links(deadline=0.3) as outcomes:
            async for outcome in outcomes:
                got.append(outcome)
                await asyncio.sleep(0.008)
        settle_links(s, got)
