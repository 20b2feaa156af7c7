"""Links job by page: it goes on where it was, and what the journal has is not asked for again."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from settling import settle_links
from working import CONTACTS, DISTRIBUTE, LINKS, Scene, asynchronous, scene, take

from qualtrics_async.bulk import Ok
from qualtrics_async.bulk.recipients import Recipients
from qualtrics_async.sandbox.cursors import LIFETIME


def pages(s: Scene, route: str) -> Counter[str]:
    """How often each page of a listing was asked for, by its cursor."""
    return Counter(f"{r.path}?{r.query}" for r in s.sandbox.requests if f"{r.method} {r.route}" == route)


async def broken_off(s: Scene, route: str, skip: int, journal: Path, **options: Any) -> list[Any]:
    """Run a job until a request of a route is under way, and end it there."""
    held = s.sandbox.faults.add(kind="delay", route=route, skip=skip)
    outcomes: list[Any] = []

    async def run() -> None:
        async with s.links(journal=journal, **options) as found:
            async for outcome in found:
                outcomes.append(outcome)  # noqa: PERF401  (what was taken until then counts)

    job = asyncio.create_task(run())
    await held.arrived()
    await asyncio.sleep(0.05)  # what was read before is being taken
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    held.release()
    s.sandbox.faults.clear()
    return outcomes


@pytest.mark.parametrize("route", [LINKS, CONTACTS])
@pytest.mark.parametrize("skip", [1, 7, 19])
@asynchronous
async def test_an_interrupted_listing_goes_on_at_its_page(route: str, skip: int, tmp_path: Path) -> None:
    """No page before the one that was under way is asked for again, of either listing."""
    async with scene(page_size=10) as s:
        s.fill(200)
        journal = tmp_path / "j.db"
        first = await broken_off(s, route, skip, journal)
        before = {name: pages(s, name) for name in (LINKS, CONTACTS)}
        second = await take(s.links(journal=journal))
        once = {o.item.contact_id: o for o in first + second.outcomes}
        settle_links(s, once.values())
        assert len(once) == 200
        assert second.summary.items == second.summary.outcomes
        for name, known in before.items():
            after = set(pages(s, name) - known)
            assert len(after & set(known)) <= 1  # the page that was under way
            if name == route:
                assert len(after | set(known)) == 20
        assert s.count(DISTRIBUTE) == 1


@asynchronous
async def test_links_that_were_read_and_not_taken_come_from_the_journal(tmp_path: Path) -> None:
    """A reader who left early has all the rest without a single request for links."""
    async with scene(page_size=10) as s:
        s.fill(50)
        journal = tmp_path / "j.db"
        async with s.links(journal=journal) as outcomes:
            first = [await anext(outcomes)]
            await asyncio.sleep(0.2)
        asked = s.count(LINKS), s.count(CONTACTS)
        second = await take(s.links(journal=journal))
        settle_links(s, {o.item.contact_id: o for o in first + second.outcomes}.values())
        assert s.count(CONTACTS) == asked[1]
        assert s.count(LINKS) <= asked[0] + 1
        assert second.summary.sent == 0


@pytest.mark.parametrize("keep_rows", [True, False])
@pytest.mark.parametrize("missing", [0, 3])
@asynchronous
async def test_a_replay_of_a_finished_job(keep_rows: bool, missing: int, tmp_path: Path) -> None:
    """With its rows kept it needs no listing, without them it reads all anew; the outcomes are the same."""
    async with scene(lists=2, page_size=10) as s:
        s.fill(35, 20)
        for n in range(missing):
            s.sandbox.state.add_contact(s.lists[0], email=f"out{n}@example.com", unsubscribed=True)
        journal, reasons = tmp_path / "j.db", {"opted out": missing} if missing else {}
        options = {"journal": journal, "keep_rows": keep_rows}
        first = await take(s.links(**options))
        settle_links(s, first.outcomes, reasons)
        asked = s.count(LINKS) + s.count(CONTACTS)
        for _ in range(2):
            again = await take(s.links(**options, replay=True))
            settle_links(s, again.outcomes, reasons)
            assert again.summary.items == again.summary.outcomes == 55 + missing
            texts = [sorted(repr(o) for o in taken.outcomes) for taken in (first, again)]
            assert texts[0] == texts[1]
            assert (s.count(LINKS) + s.count(CONTACTS) == asked) is keep_rows
            nothing = await take(s.links(**options))
            assert nothing.outcomes == []
            assert nothing.summary.items == 0
        assert s.count(DISTRIBUTE) == 2
        content = await asyncio.to_thread(journal.read_bytes)
        assert (b"example.com" in content) is keep_rows


@pytest.mark.parametrize("most", [0, 5, 30, 39])
@asynchronous
async def test_a_replay_that_is_left_leaves_nothing_behind(most: int, tmp_path: Path) -> None:
    """Rows that an unfinished replay read again are erased too, and the next one is whole."""
    async with scene(page_size=10) as s:
        s.fill(40)
        journal = tmp_path / "j.db"
        settle_links(s, (await take(s.links(journal=journal))).outcomes)
        await take(s.links(journal=journal, replay=True), most)
        assert b"example.com" not in await asyncio.to_thread(journal.read_bytes)
        settle_links(s, (await take(s.links(journal=journal, replay=True))).outcomes)


@asynchronous
async def test_a_replay_of_an_unfinished_job_asks_for_nothing_again(tmp_path: Path) -> None:
    """The list that is done comes from the journal, the other one as far as it was read."""
    async with scene(lists=2, page_size=10) as s:
        s.fill(30, 100)
        journal = tmp_path / "j.db"
        await broken_off(s, LINKS, 9, journal)
        known = {name: pages(s, name) for name in (LINKS, CONTACTS)}
        taken = await take(s.links(journal=journal, replay=True))
        settle_links(s, taken.outcomes)
        for name, before in known.items():
            assert len(set(pages(s, name) - before) & set(before)) <= 2
        assert taken.summary.items == 130


@pytest.mark.parametrize("route", [LINKS, CONTACTS])
@asynchronous
async def test_a_cursor_that_is_too_old_means_the_beginning_once(route: str, tmp_path: Path) -> None:
    """After more than seven days the listing is read anew; nobody is told twice, nobody is missing."""
    now = 0.0
    async with scene(page_size=10, clock=lambda: now) as s:
        s.fill(100)
        journal = tmp_path / "j.db"
        first = await broken_off(s, route, 5, journal)
        now += LIFETIME / 1000 + 60
        old = pages(s, route)
        if route == CONTACTS:  # the sandbox's cursors of contacts do not age
            s.sandbox.faults.add(kind="status", status=400, route=CONTACTS, times=1)
        second = await take(s.links(journal=journal))
        assert second.error is None
        settle_links(s, {o.item.contact_id: o for o in first + second.outcomes}.values())
        assert len(second.outcomes) <= 100 - len(first) + 10
        again = pages(s, route) - old
        assert len(again) >= 10
        assert set(again.values()) <= {1, 2}


@asynchronous
async def test_a_missing_link_shows_in_a_second_pass(tmp_path: Path) -> None:
    """What the first pass left out, before the cursor, is found from the beginning, also after a resume."""
    async with scene(page_size=10) as s:
        s.fill(40)
        journal = tmp_path / "j.db"
        held = s.sandbox.faults.add(kind="delay", route=LINKS)
        job = asyncio.create_task(take(s.links(journal=journal)))
        await held.arrived()
        [made] = s.sandbox.state.distributions.values()
        hidden = [made.members.pop(3) for _ in range(2)]
        whole = s.sandbox.faults.add(kind="delay", route=LINKS, skip=5)
        held.release()
        await whole.arrived()
        made.members[:0] = hidden
        whole.release()
        settle_links(s, (await job).outcomes)


@asynchronous
async def test_links_of_contacts_whom_nobody_expected() -> None:
    """Who left the list while its links were read has a link, and it is handed out and counted."""
    async with scene(page_size=10) as s:
        s.fill(40)
        state = s.sandbox.state
        held = s.sandbox.faults.add(kind="delay", route=DISTRIBUTE, when="after")
        job = asyncio.create_task(take(s.links()))
        await held.arrived()
        mailing_list = state.mailing_lists[s.lists[0]]
        gone = mailing_list.members[-1]
        mailing_list.remove(gone)
        held.release()
        taken = await job
        assert taken.kinds == {"Ok": 40}
        assert gone.contact.id in {o.item.contact_id for o in taken.outcomes}
        assert taken.summary.items == taken.summary.sent == 40


@pytest.mark.parametrize(
    ("event", "reason"), [("joined", "joined later"), ("left", "left"), ("opted", "opted out")]
)
@asynchronous
async def test_why_a_contact_has_no_link(event: str, reason: str) -> None:
    """Who came, went or opted out while the distribution was made is told apart, before the deadline."""
    now = 1000.0
    async with scene(page_size=10, clock=lambda: now) as s:
        s.fill(15)
        state = s.sandbox.state
        mailing_list = state.mailing_lists[s.lists[0]]
        last = mailing_list.members[-1]
        if event != "joined":
            last.unsubscribed_at = 1  # so that it gets no link, and the listing does not say so
        held = s.sandbox.faults.add(kind="delay", route=DISTRIBUTE, when="after")
        before = s.sandbox.faults.add(kind="delay", route=LINKS, when="before")
        job = asyncio.create_task(take(s.links(deadline=600)))
        await held.arrived()
        if event == "joined":
            now += 60
            state.add_contact(s.lists[0], email="late@example.com", ext_ref="late")
        else:
            last.unsubscribed_at = None
        held.release()
        await before.arrived()
        await asyncio.sleep(0.1)  # the listing has shown who is in the list
        if event == "left":
            mailing_list.remove(last)
        elif event == "opted":
            last.unsubscribed_at = 1
        before.release()
        taken = await job
        assert taken.reasons == {reason: 1}
        [one] = [o for o in taken.outcomes if not isinstance(o, Ok)]
        assert one.item.contact_id is not None
        assert one.item.email == ("late@example.com" if event == "joined" else last.contact.email)
        assert taken.summary.items == taken.summary.outcomes == (16 if event == "joined" else 15)


@asynchronous
async def test_pages_are_marked_as_delivered_many_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mark costs a transaction, so there is one for each thousand links, and a last one."""
    told: list[int] = []
    mark = Recipients.told

    async def counted(self: Recipients, number: int) -> None:
        told.append(number)
        await mark(self, number)

    monkeypatch.setattr(Recipients, "told", counted)
    async with scene(page_size=100) as s:
        s.fill(2500)
        settle_links(s, (await take(s.links())).outcomes)
    assert told == sorted(told)
    assert len(told) == 3
