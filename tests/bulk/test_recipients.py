"""Who has a link and who has none: found by contact, from pages that are read in any order, also anew."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest
from working import LINKS, Scene, asynchronous, scene

from qualtrics_async.bulk import Failed, Ok
from qualtrics_async.bulk.distributing import LinkOrder
from qualtrics_async.bulk.expected import Expected, State
from qualtrics_async.bulk.fanout import Batch
from qualtrics_async.bulk.job import Job, Settings
from qualtrics_async.bulk.journal import Journal
from qualtrics_async.bulk.links import Links
from qualtrics_async.bulk.recipients import Pages, Recipients
from qualtrics_async.bulk.records import ChunkState
from qualtrics_async.bulk.targets import Target, TargetKind
from qualtrics_async.models.distributions import DistributionLink

PRINT = {"job": "test"}


def link(key: str) -> DistributionLink:
    """Make the link of a contact."""
    return DistributionLink(contact_id=key, link=f"https://example.com/{key}", email=f"{key}@example.com")


def target() -> Target:
    """Make a list with a distribution."""
    return Target(1, TargetKind.LIST, "CG_1", job="EMD_1")


async def recipients(journal: Journal) -> Recipients:
    """Prepare the recipients of a list whose pages are in a journal."""
    return Recipients(await Pages.open(journal.store, kept=True), target())


@pytest.mark.parametrize("seed", range(8))
@asynchronous
async def test_outcomes_are_found_by_contact(seed: int, tmp_path: Path) -> None:
    """Whatever page came first and came twice: each link once, reasons for the others, strangers left out."""
    random = Random(seed)
    names = [f"CID_{n:02}'\"\\é" for n in range(60)]
    out, linked = set(names[::10]), [name for name in names if names.index(name) % 3]
    members = [Expected(name, state=State.OPTED_OUT if name in out else State.WAITING) for name in names]
    steps: list[Any] = [("expect", members[n : n + 7]) for n in range(0, 54, 7)]
    steps += [("claim", linked[n : n + 9]) for n in range(0, len(linked), 9)] * 2
    steps.append(("claim", [linked[0], *linked[:3], *linked[-3:]]))
    random.shuffle(steps)
    journal = await Journal.open(tmp_path / "j.db", PRINT, keep_rows=True)
    first = await recipients(journal)
    fresh: list[str] = []
    count = 0
    for step, what in steps:
        if step == "expect":
            count += await first.expect(what, "more")
        else:
            _, new, added = await first.claim([link(name) for name in what], "more")
            fresh += [one.contact_id for one in new]
            count += added
    known = {one.contact or "" for step, part in steps if step == "expect" for one in part} | set(linked)
    assert sorted(fresh) == sorted(linked)
    assert count == len(known)
    await first.settle(None)
    assert not await first.anyone_waits()
    again = await recipients(journal)
    assert await again.index() == len(known)
    for one in (first, again):
        found = await one.of_contacts([*names, "CID_stranger"])
        assert set(found) == known
        for name, outcome in found.items():
            assert outcome.item.contact_id == name
            if name in linked:
                assert isinstance(outcome, Ok)
                assert outcome.value == link(name)
            else:
                assert isinstance(outcome, Failed)
                assert outcome.reason == ("opted out" if name in out else "pending")
    await journal.aclose()


def _parts(s: Scene, journal: Journal, *, deadline: float = 5) -> tuple[Job[Any, Any], LinkOrder]:
    order = LinkOrder(
        survey_id=s.sandbox.state.survey_id,
        link_type="Individual",
        expires=None,
        description=None,
        deadline=deadline,
    )
    return Job(s.client, Settings(), journal, 2), order


@asynchronous
async def test_links_that_are_not_handed_out_can_be_looked_up() -> None:
    """All of them are in the journal, a temporary one too, until somebody says that they have been used."""
    async with scene(page_size=10) as s:
        s.fill(35)
        s.sandbox.state.add_contact(s.lists[0], email="out@example.com", unsubscribed=True)
        journal = await Journal.open(None, PRINT)
        job, order = _parts(s, journal)
        links = await Links.open(job, s.directory, order, handing_out=False)
        one = Target(1, TargetKind.LIST, s.lists[0])
        await links.targets.save([one])
        delivered: list[Batch[Any, Any]] = []

        async def deliver(batch: Batch[Any, Any]) -> None:
            delivered.append(batch)

        await links.work(one, deliver)
        assert delivered == []
        (known,) = await links.targets.read()
        assert (known.state, known.ended, known.taken) == (ChunkState.DONE, True, False)
        contacts = s.sandbox.state.list_contacts(s.lists[0])
        asked = s.count(LINKS)
        looked_up = await links.recipients(known)
        found = await looked_up.of_contacts(contact.id for contact in contacts)
        assert len(found) == len(contacts) == 36
        (made,) = s.sandbox.state.distributions.values()
        for contact in contacts:
            outcome = found[contact.id]
            member = s.sandbox.state.mailing_lists[s.lists[0]].by_contact[contact.id]
            assert outcome.item.email == contact.email
            if isinstance(outcome, Ok):
                assert outcome.value.link == s.sandbox.state.link(made, member)
            else:
                assert (contact.email, outcome.reason) == ("out@example.com", "opted out")
        assert s.count(LINKS) == asked
        await journal.aclose()
