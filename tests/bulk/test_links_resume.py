"""Links that are interrupted, replayed, misused or met by random faults: still one link for each contact."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from settling import DOUBTFUL, LISTED, settle_links
from working import (
    CONTACTS,
    DISTRIBUTE,
    LINKS,
    Taken,
    asynchronous,
    client_of,
    scene,
    take,
)

from qualtrics_async import (
    JournalError,
    UsageError,
)
from qualtrics_async.bulk import Failed, Ok
from qualtrics_async.sandbox import ByPolls


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
        s.sandbox.faults.add(kind="status", status=403, route=LISTED)  # so that a doubt stays one
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
        taken = await take(s.links(reconcile_timeout=0.5))
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
