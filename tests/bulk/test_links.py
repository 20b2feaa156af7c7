"""Links: complete, joined to contact and list, one distribution a list, and a reason where one is missing."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from settling import settle_links
from working import (
    CONTACTS,
    DISTRIBUTE,
    HISTORY,
    LINKS,
    Scene,
    asynchronous,
    scene,
    take,
)

from qualtrics_async import (
    ConnectFailed,
    Forbidden,
    InvalidRequest,
    NotFound,
    Polling,
    RateLimited,
    RetryPolicy,
    ServerFault,
    Unauthorized,
)
from qualtrics_async.bulk import Ok
from qualtrics_async.sandbox import ByPolls, BySeconds


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
    polling = Polling(first=0.03, factor=1)
    async with scene(jobs=BySeconds(0.6), links="growing", page_size=10, client={"polling": polling}) as s:
        s.fill(100)
        taken = await take(s.links())
        settle_links(s, taken.outcomes)
        asked = [r.query for r in s.sandbox.requests if f"{r.method} {r.route}" == LINKS]
        pages = list(dict.fromkeys(asked))
        positions = [pages.index(query) for query in asked]
        assert positions == sorted(positions)
        assert len(pages) >= 10
        assert len(asked) > len(pages), "the listing did not grow under the reader"


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


@asynchronous
async def test_an_empty_page_that_is_not_the_last_is_no_member() -> None:
    """A list without anybody gets no distribution although its first page has a next one."""
    async with scene() as s:
        s.sandbox.faults.add(kind="empty_page", route=CONTACTS)
        taken = await take(s.links())
        assert (taken.outcomes, taken.error) == ([], None)
        assert s.count(CONTACTS) == 2
        assert s.count(DISTRIBUTE) == 0


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
