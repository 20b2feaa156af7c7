"""Many lists: each has its turn, whoever waits holds no place, and one in trouble holds up nobody."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from settling import LISTED, settle_links
from virtual import loop, virtual
from working import CONTACTS, DISTRIBUTE, LINKS, asynchronous, scene, take

from qualtrics_async import JobFailed, Polling
from qualtrics_async.bulk import Ok, Summary, links
from qualtrics_async.sandbox import BySeconds


@pytest.mark.parametrize("concurrency", [1, 4])
@asynchronous
async def test_small_lists_end_before_a_large_one(concurrency: int) -> None:
    """A list a hundred times larger, which comes first, does not keep the small ones waiting."""
    async with scene(lists=4, page_size=10) as s:
        s.fill(1000, 10, 10, 10)
        ends: dict[str | None, int] = {}
        count = 0
        async with s.links(concurrency=concurrency) as outcomes:
            async for outcome in outcomes:
                count += 1
                ends[outcome.item.mailing_list_id] = count
        assert ends[s.lists[0]] == count == 1030
        assert max(ends[name] for name in s.lists[1:]) < 300


@virtual
async def test_a_list_that_waits_for_its_links_holds_no_place() -> None:
    """With one place, lists whose links take minutes wait side by side."""
    clock = asyncio.get_running_loop().time
    options: dict[str, Any] = {"jobs": BySeconds(120), "clock": clock, "client": {"polling": Polling()}}
    async with scene(lists=20, **options) as s:
        s.fill(*[3] * 20)
        began = loop().time()
        taken = await take(s.links(concurrency=1, deadline=600))
        settle_links(s, taken.outcomes)
        assert loop().time() - began < 600  # one after the other, it is 2400
        assert s.count(LINKS) < 20 * 60


@virtual
async def test_many_lists_are_waited_for_with_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Polls become rare, as the client says, and no more lists are open at a time than are of use."""
    monkeypatch.setattr(links, "_OPEN", 10)
    clock = asyncio.get_running_loop().time
    options: dict[str, Any] = {"jobs": BySeconds(60), "clock": clock, "client": {"polling": Polling()}}
    async with scene(lists=30, **options) as s:
        s.fill(*[1] * 30)
        ended: set[str | None] = set()
        most = 0

        def watch(_: Summary) -> None:
            nonlocal most
            most = max(most, len(s.sandbox.state.distributions) - len(ended))

        async with s.links(on_progress=watch, deadline=600, concurrency=2) as outcomes:
            async for outcome in outcomes:
                assert isinstance(outcome, Ok)
                ended.add(outcome.item.mailing_list_id)
        assert len(ended) == 30
        assert 10 <= most <= 12  # one or two have ended and nobody has been told yet
        assert s.count(LINKS) < 30 * 16


@pytest.mark.parametrize("route", [CONTACTS, LINKS, DISTRIBUTE])
@virtual
async def test_a_list_in_trouble_holds_up_nobody(route: str) -> None:
    """One fails page after page, or cannot be sent; with one place the others are through within seconds."""
    async with scene(lists=4, page_size=10, client={"polling": Polling()}) as s:
        s.fill(30, 30, 30, 30)
        fault: dict[str, Any] = {"kind": "status", "status": 500, "times": None}
        if route == DISTRIBUTE:
            fault["times"] = 1
        elif route == CONTACTS:
            fault["path"] = s.lists[0]
        held = None
        if route == LINKS:
            held = s.sandbox.faults.add(kind="delay", route=DISTRIBUTE, when="after")
        else:
            s.sandbox.faults.add(route=route, **fault)
        began, ends = loop().time(), dict[str, float]()

        async def run() -> Summary:
            async with s.links(concurrency=1, deadline=300, reconcile_timeout=300) as outcomes:
                async for outcome in outcomes:
                    ends[outcome.item.mailing_list_id or ""] = loop().time() - began
            return outcomes.summary

        job = asyncio.create_task(run())
        if held is not None:
            await held.arrived()
            [made] = s.sandbox.state.distributions
            s.sandbox.faults.add(route=LINKS, path=made, **fault)
            held.release()
        summary = await job
        assert summary.items == summary.outcomes
        assert len([end for end in ends.values() if end < 30]) == 3
        assert max(ends.values()) >= 290


@asynchronous
async def test_progress_and_counts() -> None:
    """The hook sees every count rise; what has left is what belongs to a distribution of this call."""
    async with scene(lists=3, page_size=10) as s:
        s.fill(25, 0, 10)
        seen: list[tuple[int, int, int]] = []
        job = s.links(on_progress=lambda summary: seen.append((summary.items, summary.sent, summary.ok)))
        taken = await take(job)
        settle_links(s, taken.outcomes)
        assert seen[-1] == (35, 35, 35)
        assert seen == sorted(seen)
        assert len(set(seen)) > 5
        assert taken.summary.requests == len(s.sandbox.requests)


@pytest.mark.parametrize(("most", "stops"), [(0, True), (2, True), (3, False)])
@asynchronous
async def test_those_who_opted_out_are_no_failures_to_stop_for(most: int, stops: bool) -> None:
    """`max_failures` counts who should have had a link."""
    async with scene() as s:
        s.fill(5)
        for n in range(10):
            s.sandbox.state.add_contact(s.lists[0], email=f"out{n}@example.com", unsubscribed=True)
        for contact in s.sandbox.state.list_contacts(s.lists[0])[:3]:
            contact.exceeded_frequency = True
        held = s.sandbox.faults.add(kind="delay", route=DISTRIBUTE, when="after")
        job = asyncio.create_task(take(s.links(max_failures=most, deadline=0.2)))
        await held.arrived()
        [made] = s.sandbox.state.distributions.values()
        hidden = made.members[:3]
        del made.members[:3]
        held.release()
        taken = await job
        assert len(hidden) == 3
        if stops:
            assert isinstance(taken.error, JobFailed)
        else:
            assert taken.error is None
            assert taken.reasons == {"opted out": 10, "pending": 3}


@virtual
async def test_a_limit_of_rows_spreads_the_distributions() -> None:
    """Lists of a hundred at two hundred a minute: the last of four leaves after more than a minute."""
    async with scene(lists=4, page_size=10, client={"polling": Polling()}) as s:
        s.fill(100, 100, 100, 100)
        began = loop().time()
        taken = await take(s.links(limit_rows_per_minute=200))
        settle_links(s, taken.outcomes)
        assert loop().time() - began > 60


@asynchronous
async def test_a_look_before_each_list_and_no_more(tmp_path: Path) -> None:
    """Without a doubt, distributions are listed once a list, and not again on a resume."""
    async with scene(lists=5) as s:
        s.fill(2, 2, 2, 2, 0)
        for _ in range(2):
            await take(s.links(journal=tmp_path / "j.db"))
        assert s.count(LISTED) == 4
