"""The whole way: each row has its own contact's link, once, whatever interrupts it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from settling import DOUBTFUL
from working import (
    CONTACTS,
    DISTRIBUTE,
    IMPORT,
    LINKS,
    SEARCH,
    Scene,
    asynchronous,
    client_of,
    scene,
    take,
)

from qualtrics_async import JournalError, NotFound, UsageError, bulk
from qualtrics_async.bulk import Failed, InDoubt, Ok
from qualtrics_async.sandbox import ByPolls

CREATE_LIST = "POST /directories/{directoryId}/mailinglists"


def way(
    s: Scene, rows: Iterable[Any], **options: Any
) -> AbstractAsyncContextManager[bulk.Outcomes[bulk.ImportRow, bulk.RowLink]]:
    """Go the whole way, ten rows a chunk, into a list of the name "Spring" unless something else is said."""
    given: dict[str, Any] = {"deadline": 5, "chunk_rows": 10, "reconcile_timeout": 0.05}
    if "mailing_list" not in options:
        given["list_name"] = "Spring"
    return bulk.contacts_to_links(s.client, s.sandbox.state.survey_id, rows, **{**given, **options})


def settle(s: Scene, rows: list[Any], outcomes: list[Any]) -> None:
    """Check each outcome against the sandbox: the row's own contact, its link, one distribution."""
    state = s.sandbox.state
    assert sorted(outcome.item.index for outcome in outcomes) == list(range(len(rows)))
    [spring] = [made for made in state.mailing_lists.values() if made.name == "Spring"]
    made = state.distributions_of(spring.id)
    assert len(made) <= 1
    for outcome in outcomes:
        row = rows[outcome.item.index]
        reference = row.get("extRef", "")
        there = state.count_members(spring.id, ext_ref=reference)
        match outcome:
            case Ok(value=value):
                assert there == 1
                contact = state.contacts[value.contact_id]
                assert contact.ext_ref == reference
                member = spring.by_contact[contact.id]
                assert value.contact_lookup_id == member.lookup_id
                assert value.link == state.link(made[0], member)
                assert (value.mailing_list_id, value.distribution_id) == (spring.id, made[0].id)
                assert outcome.item.contact["extRef"] == reference
            case InDoubt():
                assert there <= 1


@pytest.mark.parametrize("deduplicate", [(), ("externalDataReference",)])
@pytest.mark.parametrize("report", [True, False])
@asynchronous
async def test_every_row_has_its_link(deduplicate: Any, report: bool) -> None:
    """With and without an import report; rows that fail say why, and who was there before has no outcome."""
    async with scene(deduplicate=deduplicate, import_report=report, page_size=7) as s:
        rows: list[Any] = [*s.rows(33), {"email": "nobody@"}, {"Color": "red"}]
        rows[5]["unsubscribed"] = True
        spring = s.sandbox.state.add_mailing_list("Spring")
        s.sandbox.state.add_contact(spring, ext_ref="old", email="old@example.com")
        taken = await take(way(s, rows))
        assert taken.error is None
        settle(s, rows, taken.outcomes)
        assert taken.kinds == {"Ok": 32, "Failed": 3}
        assert taken.reasons == {"invalid e-mail": 1, "no contact field": 1, "opted out": 1}
        assert taken.summary.items == taken.summary.outcomes == 35


@asynchronous
async def test_rows_of_one_contact_share_its_link() -> None:
    """Deduplication makes them one; each has its outcome."""
    async with scene(deduplicate=("externalDataReference",)) as s:
        rows = [{"extRef": "r1", "email": f"{n}@example.com"} for n in range(3)]
        taken = await take(way(s, rows))
        assert len({outcome.value.link for outcome in taken.outcomes}) == 1
        assert taken.kinds == {"Ok": 3}


@asynchronous
async def test_no_links_are_made_for_nobody() -> None:
    """Where no row was imported, those who were in the list before are not written to."""
    async with scene() as s:
        spring = s.sandbox.state.add_mailing_list("Spring")
        s.sandbox.state.add_contact(spring, ext_ref="old", email="old@example.com")
        taken = await take(way(s, [{"email": "nobody@"}]))
        assert taken.kinds == {"Failed": 1}
        assert s.count(DISTRIBUTE) == 0
        empty = await take(way(s, []))
        assert (empty.outcomes, empty.error) == ([], None)


@pytest.mark.parametrize("most", [0, 1, 12, 30, 45, 46])
@pytest.mark.parametrize("keep", [True, False])
@asynchronous
async def test_leaving_the_body_anywhere(most: int, keep: bool, tmp_path: Path) -> None:
    """The same call goes on: one list, one distribution, each row imported once; a replay is whole."""
    async with scene(page_size=10, deduplicate=()) as s:
        rows: list[Any] = [*s.rows(45), {"email": "nobody@"}]
        options: dict[str, Any] = {"journal": tmp_path / "j.db", "keep_rows": keep}
        first = await take(way(s, rows, **options), most)
        second = await take(way(s, rows, **options))
        together = {outcome.item.index: outcome for outcome in first.outcomes + second.outcomes}
        settle(s, rows, list(together.values()))
        third = await take(way(s, rows, **options))
        assert third.outcomes == []
        before = len(s.sandbox.requests)
        for _ in range(2):
            again = await take(way(s, rows, **options, replay=True))
            assert again.kinds == {"Ok": 45, "Failed": 1}
            assert len({outcome.value.link for outcome in again.outcomes if isinstance(outcome, Ok)}) == 45
        asked = [f"{record.method} {record.route}" for record in list(s.sandbox.requests)[before:]]
        assert (LINKS in asked) is not keep
        assert s.count(DISTRIBUTE) == 1
        assert s.count(IMPORT) == 5


@asynchronous
async def test_a_replay_without_an_import_report_finds_its_contacts_again(tmp_path: Path) -> None:
    """The rows are erased by then, which alone could name them."""
    async with scene(import_report=False) as s:
        rows, journal = s.rows(33), tmp_path / "j.db"
        first = await take(way(s, rows, journal=journal), 12)
        second = await take(way(s, rows, journal=journal))
        again = await take(way(s, rows, journal=journal, replay=True))
        said = {outcome.item.index: outcome.value.link for outcome in first.outcomes + second.outcomes}
        assert {outcome.item.index: outcome.value.link for outcome in again.outcomes} == said
        assert len(said) == 33


@asynchronous
async def test_no_report_and_no_search_are_needed() -> None:
    """Links say whose they are: where both are forbidden each row has its link all the same."""
    async with scene(import_report=False, page_size=7) as s:
        s.sandbox.faults.add(kind="status", status=403, route=SEARCH, times=None)
        rows: list[Any] = [*s.rows(12), {"email": "Only@example.com"}, {"firstName": "Nobody"}]
        rows[3]["extRef"] = "R3 "
        taken = await take(way(s, rows))
        assert taken.error is None
        assert taken.kinds == {"Ok": 13, "Failed": 1}
        assert taken.reasons == {"contact not found": 1}
        for outcome in taken.outcomes:
            if isinstance(outcome, Ok):
                assert (
                    s.sandbox.state.contacts[outcome.value.contact_id].email == outcome.item.contact["email"]
                )


@asynchronous
async def test_a_row_whose_key_several_contacts_have_says_so() -> None:
    """Without an import report nothing tells them apart, and a guess might be another's link."""
    async with scene(import_report=False, deduplicate=()) as s:
        spring = s.sandbox.state.add_mailing_list("Spring")
        s.sandbox.state.add_contact(spring, ext_ref="r3", email="person3@example.com")
        taken = await take(way(s, s.rows(5)))
        assert taken.reasons == {"ambiguous": 1}
        assert taken.kinds == {"Ok": 4, "Failed": 1}


@pytest.mark.parametrize(("deduplicate", "joined"), [("email", 3), ("phone", 1)])
@asynchronous
async def test_an_address_joins_rows_that_it_made_one(deduplicate: str, joined: int) -> None:
    """Their contact has the reference of the last; elsewhere the same address may be another's."""
    async with scene(import_report=False, deduplicate=(deduplicate,)) as s:
        rows = [{"extRef": f"r{n}", "email": "one@example.com", "phone": "1"} for n in range(3)]
        taken = await take(way(s, rows))
        assert taken.kinds["Ok"] == joined
        assert len({outcome.value.link for outcome in taken.outcomes if isinstance(outcome, Ok)}) == 1
        assert taken.reasons["contact not found"] == 3 - joined


MISSING: list[tuple[str, dict[str, Any]]] = [
    ("pending", {"kind": "stuck_job"}),
    ("refused", {"kind": "status", "status": 400}),
]


@pytest.mark.parametrize(("reason", "fault"), MISSING, ids=[reason for reason, _ in MISSING])
@pytest.mark.parametrize("keep", [True, False])
@asynchronous
async def test_links_that_are_missing_are_looked_for_again(
    reason: str, fault: dict[str, Any], keep: bool, tmp_path: Path
) -> None:
    """A replay imports nothing again; what is complete then stays as it is."""
    async with scene(deduplicate=()) as s:
        rows: list[Any] = [*s.rows(12), {"email": "nobody@"}]
        options: dict[str, Any] = {"journal": tmp_path / "j.db", "keep_rows": keep, "deadline": 0.05}
        s.sandbox.faults.add(route=DISTRIBUTE, **fault)
        first = await take(way(s, rows, **options))
        assert first.reasons == {reason: 12, "invalid e-mail": 1}
        assert sum(outcome.imported for outcome in first.outcomes) == 12
        for made in s.sandbox.state.distributions.values():
            made.progress.stuck = False
        assert (await take(way(s, rows, **options))).outcomes == []
        asked = 0
        for _ in range(3):
            asked = s.count(LINKS)
            again = await take(way(s, rows, **options, replay=True))
            assert again.kinds == {"Ok": 12, "Failed": 1}
        assert (s.count(LINKS) > asked) is not keep
        assert s.count(IMPORT) == 2
        assert len(s.sandbox.state.distributions) == 1


@asynchronous
async def test_who_will_have_no_link_is_not_looked_for_again(tmp_path: Path) -> None:
    """A replay asks for no link of a contact who has opted out."""
    async with scene() as s:
        rows = s.rows(3)
        rows[1]["unsubscribed"] = True
        options: dict[str, Any] = {"journal": tmp_path / "j.db", "keep_rows": True, "replay": True}
        first = await take(way(s, rows, **options))
        before = s.count(LINKS)
        second = await take(way(s, rows, **options))
        assert first.reasons == second.reasons == {"opted out": 1}
        assert s.count(LINKS) == before


@pytest.mark.parametrize("keep", [True, False])
@asynchronous
async def test_no_address_and_no_link_is_left_in_the_journal(keep: bool, tmp_path: Path) -> None:
    """Unless they are to be kept."""
    journal = tmp_path / "j.db"
    async with scene() as s:
        await take(way(s, s.rows(25), journal=journal, keep_rows=keep))
    content = await asyncio.to_thread(journal.read_bytes)
    assert (b"example.com" in content) is keep
    assert (b"https://" in content) is keep


@pytest.mark.parametrize("route", [IMPORT, DISTRIBUTE, CREATE_LIST])
@pytest.mark.parametrize("fault", DOUBTFUL, ids=str)
@asynchronous
async def test_a_lost_reply_anywhere_doubles_nothing(route: str, fault: dict[str, Any]) -> None:
    """Of the list, of an import, of the distribution: what is in doubt is settled, and said."""
    async with scene(deduplicate=("externalDataReference",), jobs=ByPolls(1)) as s:
        s.sandbox.faults.add(route=route, **fault)
        rows = s.rows(25)
        taken = await take(way(s, rows))
        settle(s, rows, taken.outcomes)
        assert taken.kinds == {"Ok": 25}
        assert taken.summary.decided.total() == len(taken.summary.decisions) == 1


@asynchronous
async def test_a_distribution_that_is_refused_is_the_outcome_of_every_row() -> None:
    """Of those that were imported; the others have their own reason."""
    async with scene() as s:
        s.sandbox.faults.add(kind="status", status=400, route=DISTRIBUTE)
        taken = await take(way(s, [*s.rows(3), {"email": "nobody@"}]))
        assert taken.reasons == {"refused": 3, "invalid e-mail": 1}
        assert all(isinstance(outcome, Failed) for outcome in taken.outcomes)


@asynchronous
async def test_a_list_that_cannot_be_read_is_tried_again_by_the_next_call(tmp_path: Path) -> None:
    """Its rows fail for now; nothing of it is final."""
    async with scene() as s:
        rows, journal = s.rows(25), tmp_path / "j.db"
        s.sandbox.faults.add(kind="status", status=409, route=CONTACTS, times=None)
        first = await take(way(s, rows, journal=journal))
        assert first.reasons == {"unreadable list": 25}
        s.sandbox.faults.clear()
        second = await take(way(s, rows, journal=journal))
        settle(s, rows, second.outcomes)
        assert second.kinds == {"Ok": 25}
        assert s.count(IMPORT) == 3


@asynchronous
async def test_a_list_that_seems_empty_is_looked_at_again() -> None:
    """What was just imported may not be listed at once."""
    async with scene() as s:
        rows = s.rows(12)
        s.sandbox.faults.add(kind="empty_page", route=CONTACTS, times=3)
        taken = await take(way(s, rows))
        settle(s, rows, taken.outcomes)
        assert taken.kinds == {"Ok": 12}


@asynchronous
async def test_the_expiry_of_the_first_call_is_that_of_all(tmp_path: Path) -> None:
    """A time from now on is the same time when the job goes on."""
    async with scene() as s:
        rows, journal = s.rows(12), tmp_path / "j.db"
        expires = timedelta(days=30)
        await take(way(s, rows, journal=journal, expires=expires), 0)
        taken = await take(way(s, rows, journal=journal, expires=expires))
        [made] = s.sandbox.state.distributions.values()
        ends = {outcome.value.link_expiration.strftime("%Y-%m-%dT%H:%M:%SZ") for outcome in taken.outcomes}
        assert ends == {made.expiration}
        other = await take(way(s, rows, journal=journal, expires=timedelta(days=31)))
        assert isinstance(other.error, JournalError)
        assert "expiry" in str(other.error)


WRONG: list[dict[str, Any]] = [
    {"list_name": None},
    {"list_name": " "},
    {"list_name": "A", "mailing_list": "CG_1"},
    {"mailing_list": "a/b"},
    {"directory_id": ""},
    {"chunk_rows": 0},
    {"expires": timedelta(0)},
    {"link_type": "Anonymous"},
]


@pytest.mark.parametrize("options", WRONG, ids=str)
@asynchronous
async def test_arguments_that_cannot_be_meant(options: dict[str, Any], tmp_path: Path) -> None:
    """They are refused before any I/O."""
    async with scene() as s:
        taken = await take(way(s, [], journal=tmp_path / "j.db", **options))
        assert isinstance(taken.error, UsageError)
        assert len(s.sandbox.requests) == 0
        assert not await asyncio.to_thread((tmp_path / "j.db").exists)


@pytest.mark.parametrize("seed", range(6))
@asynchronous
async def test_random_faults(seed: int) -> None:
    """Whatever goes wrong, each row has one outcome, and it is true."""
    async with scene(
        deduplicate=() if seed % 2 else ("externalDataReference",), seed=seed, links="growing"
    ) as s:
        rows = s.rows(40)
        s.sandbox.faults.random(rate=0.05, kinds=[*DOUBTFUL, {"kind": "status", "status": 429}], seed=seed)
        async with client_of(s.sandbox) as s.client:
            taken = await take(way(s, rows))
        assert taken.error is None
        settle(s, rows, taken.outcomes)


@asynchronous
async def test_a_survey_that_can_have_no_links_is_found_out_before_anybody_is_imported() -> None:
    """A wrong id and an inactive survey cost a look and nothing else."""
    async with scene() as s:
        asleep = s.sandbox.state.add_survey("Asleep", active=False)
        for survey, error in (("SV_typo", NotFound), (asleep, UsageError)):
            job = bulk.contacts_to_links(s.client, survey, s.rows(3), list_name="Spring")
            taken = await take(job)
            assert isinstance(taken.error, error)
        assert s.count(IMPORT) == s.count(CREATE_LIST) == 0
