"""Updates, opt-outs and removals: one request a row, one outcome a row, and the sandbox says the same."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from changing import (
    DIRECTORY,
    JOBS,
    REMOVE,
    ROUTES,
    SEARCH,
    UPDATE,
    changing,
    is_done,
    named,
    people,
    rows_of,
)
from working import Scene, asynchronous, client_of, scene, take

from qualtrics_async import (
    Forbidden,
    InvalidRequest,
    JobFailed,
    JournalError,
    NotFound,
    RateLimited,
    RetryPolicy,
    Unauthorized,
    UsageError,
    bulk,
)
from qualtrics_async.bulk import Changed, Failed, Ok

KINDS = list(JOBS)
WAYS = ["id", "extRef", "email"]


@pytest.mark.parametrize("deduplicate", [("email",), ()])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", WAYS)
@asynchronous
async def test_each_contact_is_changed_whatever_it_is_named_by(
    how: str, kind: str, deduplicate: tuple[str, ...]
) -> None:
    """By one request each, and a search where the id is not known; nobody else is touched."""
    async with scene(deduplicate=deduplicate) as s:
        contacts = people(s, 70)
        rows = rows_of(s, kind, contacts[:60], how)
        taken = await take(changing(s, kind, rows))
        assert taken.kinds == {"Ok": 60}
        assert {o.item.index: o.value for o in taken.outcomes} == {
            n: Changed(contact) for n, contact in enumerate(contacts[:60])
        }
        assert {contact for contact in contacts if is_done(s, kind, contact)} == set(contacts[:60])
        assert s.count(ROUTES[kind]) == 60
        assert s.count(SEARCH) == (0 if how == "id" else 60)
        assert (taken.summary.items, taken.summary.sent, taken.summary.ok) == (60, 60, 60)
        assert len(s.sandbox.state.contacts) == 70


@asynchronous
async def test_what_an_update_sends() -> None:
    """Cells that are not there are not sent, nor is what names the contact; an outcome has all of it."""
    async with scene(deduplicate=(), record_bodies=True) as s:
        one, two, three = people(s, 3)
        rows = [
            {"extRef": "R0", "First Name": "Anna", "Color": "red", "phone": None},
            {"email": "person1@example.com", "extRef": "new", "unsubscribed": "yes"},
            {
                "contactId": three,
                "email": "other@example.com",
                "privateEmbeddedData": {"a": 1},
                "language": "",
            },
        ]
        taken = await take(changing(s, "update", rows, identify_by="auto", concurrency=1))
        # The second row has a reference: it is what names it, and there is none like it.
        assert taken.kinds == {"Ok": 2, "Failed": 1}
        bodies = [json.loads(record.body or b"") for record in s.sandbox.requests if record.method == "PUT"]
        assert bodies == [
            {"firstName": "Anna", "embeddedData": {"Color": "red"}},
            {"email": "other@example.com", "privateEmbeddedData": {"a": "1"}},
        ]
        contact = s.sandbox.state.contacts[one]
        assert (contact.ext_ref, contact.first_name, contact.email) == ("r0", "Anna", "person0@example.com")
        [first] = [outcome for outcome in taken.outcomes if outcome.item.index == 0]
        assert first.item.contact == {"extRef": "R0", "firstName": "Anna", "embeddedData": {"Color": "red"}}
        by_email = await take(changing(s, "update", rows[1:2], identify_by="email"))
        assert by_email.kinds == {"Ok": 1}
        assert s.sandbox.state.contacts[two].ext_ref == "new"
        assert s.sandbox.state.mailing_lists[s.lists[0]].by_contact[two].unsubscribed
        assert not s.sandbox.state.contacts[two].unsubscribed


@pytest.mark.parametrize("clear", [True, False])
@asynchronous
async def test_empty_cells_clear_only_when_asked_to(clear: bool) -> None:
    """As imports have it."""
    async with scene() as s:
        [contact] = people(s, 1)
        rows = [{"extRef": "r0", "firstName": "", "language": "FR"}]
        taken = await take(changing(s, "update", rows, clear_empty=clear))
        assert taken.kinds == {"Ok": 1}
        assert s.sandbox.state.contacts[contact].first_name == ("" if clear else "Name 0")


@pytest.mark.parametrize("kind", KINDS)
@asynchronous
async def test_rows_that_name_nobody_or_too_many(kind: str) -> None:
    """Each is a failure with its reason, and nothing is changed for it."""
    async with scene(lists=2, deduplicate=()) as s:
        here, there = s.lists
        for _ in range(2):
            s.sandbox.state.add_contact(here, email="two@example.com", ext_ref="two")
        elsewhere = s.sandbox.state.add_contact(there, email="there@example.com", ext_ref="there").id
        more = {"language": "FR"}
        rows: list[Any] = [
            {"extRef": "two"} | more,
            {"email": "two@example.com"} | more,
            {"extRef": "nobody"} | more,
            {"email": "there@example.com"} | more,
            {"contactId": elsewhere} | more,
            {"contactId": "CID_nobody"} | more,
            {"phone": "1"},
            {"contactId": "17"} | more,
        ]
        taken = await take(changing(s, kind, rows))
        assert taken.reasons == {"ambiguous": 2, "not in the list": 4, "no identity": 1, "bad id": 1}
        assert taken.summary.reasons == taken.reasons
        errors = {o.item.index: type(o.error) for o in taken.outcomes}
        assert [errors[n] for n in range(8)] == [JobFailed] * 4 + [NotFound] * 2 + [UsageError] * 2
        assert not s.sandbox.state.processed[ROUTES[kind]]
        assert s.count("GET /directories/{directoryId}/mailinglists/{mailingListId}") == 1


@asynchronous
async def test_opting_out_of_the_list_and_of_the_directory() -> None:
    """The directory only if it is asked for, and never for who is not in the list."""
    async with scene(lists=2, record_bodies=True) as s:
        state, contacts = s.sandbox.state, people(s, 4)
        other = people(s, 4, mailing_list=s.lists[1])
        assert other == contacts
        stranger = state.add_contact(s.lists[1], email="x@example.com").id
        taken = await take(changing(s, "unsubscribe", contacts[:2]))
        assert taken.kinds == {"Ok": 2}
        assert not any(state.contacts[contact].unsubscribed for contact in contacts)
        rows = [contacts[2], "person3@example.com", stranger]
        taken = await take(changing(s, "unsubscribe", rows, from_directory=True))
        assert taken.kinds == {"Ok": 2, "Failed": 1}
        assert taken.summary.sent == 2
        assert [state.contacts[c].unsubscribed for c in contacts] == [False, False, True, True]
        assert not state.contacts[stranger].unsubscribed
        members = [state.mailing_lists[name].by_contact for name in s.lists]
        assert [members[0][c].unsubscribed for c in contacts] == [True] * 4
        assert [members[1][c].unsubscribed for c in contacts] == [False] * 4
        bodies = [json.loads(record.body or b"") for record in s.sandbox.requests if record.method == "PUT"]
        assert bodies == [{"unsubscribed": True}] * 7


@asynchronous
async def test_the_directory_may_refuse_what_the_list_does_not() -> None:
    """The row failed, and whoever reads the documentation knows that the list is left all the same."""
    async with scene() as s:
        contacts = people(s, 2)
        s.sandbox.faults.add(kind="status", status=400, route=DIRECTORY)
        taken = await take(changing(s, "unsubscribe", contacts, from_directory=True, concurrency=1))
        assert taken.kinds == {"Ok": 1, "Failed": 1}
        assert all(is_done(s, "unsubscribe", contact) for contact in contacts)


@asynchronous
async def test_a_removed_contact_stays_in_the_directory_and_in_other_lists() -> None:
    """Only its place in the list is gone."""
    async with scene(lists=2) as s:
        contacts = people(s, 3)
        people(s, 3, mailing_list=s.lists[1])
        taken = await take(changing(s, "remove", ["PERSON0@example.com ", contacts[1]]))
        assert taken.kinds == {"Ok": 2}
        assert s.sandbox.state.list_contacts(s.lists[0]) == [s.sandbox.state.contacts[contacts[2]]]
        assert len(s.sandbox.state.list_contacts(s.lists[1])) == 3


@asynchronous
async def test_a_page_without_contacts_is_not_the_end_of_a_search() -> None:
    """Who comes after it is found, and counts where others came before."""
    async with scene(deduplicate=()) as s:
        contacts = people(s, 1)
        s.sandbox.faults.add(kind="empty_page", route=SEARCH)
        taken = await take(changing(s, "remove", ["person0@example.com"]))
        assert [outcome.value.contact_id for outcome in taken.outcomes] == contacts


@pytest.mark.parametrize("kind", KINDS)
@asynchronous
async def test_many_lists_take_turns(kind: str) -> None:
    """The small ones do not wait for the large one."""
    async with scene(lists=4, deduplicate=()) as s:
        large, *small = s.lists
        rows = [row | {"list": large} for row in rows_of(s, kind, people(s, 400), "extRef")]
        for name in small:
            people(s, 3, mailing_list=name)
            rows += [row | {"list": name} for row in rows[:3]]
        taken = await take(
            changing(s, kind, rows, mailing_list=lambda row: row["list"], concurrency=8, identify_by="extRef")
        )
        assert taken.kinds == {"Ok": 409}
        order = [outcome.item.mailing_list_id for outcome in taken.outcomes]
        assert max(order.index(name) for name in small) < 200
        for name in s.lists:
            people_of = [member.contact.id for member in s.sandbox.state.mailing_lists[name].members]
            assert all(is_done(s, kind, contact, name) for contact in people_of)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("status", "error"), [(401, Unauthorized), (403, Forbidden), (429, RateLimited)], ids=str
)
@asynchronous
async def test_what_would_fail_every_row_stops_the_job(
    status: int, error: type[Exception], kind: str, tmp_path: Path
) -> None:
    """The same call later goes on with the others, each once."""
    async with scene(client={"retry": RetryPolicy(base=0, refusals=1)}) as s:
        contacts, journal = people(s, 60), tmp_path / "j.db"
        rows = rows_of(s, kind, contacts)
        s.sandbox.faults.add(kind="status", route=ROUTES[kind], status=status, skip=7, times=None)
        first = await take(changing(s, kind, rows, journal=journal))
        assert type(first.error) is error
        s.sandbox.faults.clear()
        second = await take(changing(s, kind, rows, journal=journal))
        assert second.error is None
        assert (first.kinds + second.kinds) == {"Ok": 60}
        assert s.sandbox.state.processed[ROUTES[kind]] == 60
        assert all(is_done(s, kind, contact) for contact in contacts)


@pytest.mark.parametrize("kind", KINDS)
@asynchronous
async def test_rows_that_wait_for_their_turn_are_not_sent_after_a_stop(kind: str) -> None:
    """They are of the same block, and the only place is free again."""
    async with scene() as s:
        s.sandbox.faults.add(kind="status", route=ROUTES[kind], status=403, skip=3, times=None)
        taken = await take(changing(s, kind, rows_of(s, kind, people(s, 20)), concurrency=1))
        assert isinstance(taken.error, Forbidden)
        assert s.count(ROUTES[kind]) == 4


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("kind", KINDS)
@asynchronous
async def test_a_list_that_is_not_there_stops_the_job(kind: str, how: str) -> None:
    """It is no failure of the row."""
    async with scene() as s:
        rows = rows_of(s, kind, people(s, 3), how)
        taken = await take(changing(s, kind, rows, mailing_list="CG_none"))
        assert type(taken.error) is NotFound
        assert not taken.outcomes


@pytest.mark.parametrize(
    ("status", "error"), [(400, InvalidRequest), (403, Forbidden), (404, NotFound)], ids=str
)
@asynchronous
async def test_searches_that_are_refused_stop_the_job(status: int, error: type[Exception]) -> None:
    """Without XM Directory nobody is found by reference: that is not the row's fault."""
    async with scene() as s:
        rows = rows_of(s, "update", people(s, 30), "extRef")
        s.sandbox.faults.add(kind="status", route=SEARCH, status=status, times=None)
        taken = await take(changing(s, "update", rows))
        assert type(taken.error) is error
        assert not taken.outcomes


@pytest.mark.parametrize("fault", [{"status": 400}, {"status": 500, "times": 5}], ids=str)
@asynchronous
async def test_a_search_that_fails_alone_is_the_rows_failure(fault: dict[str, Any]) -> None:
    """Others were answered before; nothing was sent for it."""
    async with scene() as s:
        contacts = people(s, 10)
        s.sandbox.faults.add(kind="status", route=SEARCH, skip=3, **fault)
        taken = await take(changing(s, "update", rows_of(s, "update", contacts, "email"), concurrency=1))
        assert taken.reasons == {"search failed": 1}
        assert taken.kinds == {"Ok": 9, "Failed": 1}
        assert s.count(UPDATE) == sum(is_done(s, "update", contact) for contact in contacts) == 9


@pytest.mark.parametrize("kind", KINDS)
@asynchronous
async def test_a_refusal_is_one_rows_failure(kind: str) -> None:
    """A 400 is not repeated."""
    async with scene() as s:
        s.sandbox.faults.add(kind="status", route=ROUTES[kind], status=400, skip=3)
        taken = await take(changing(s, kind, rows_of(s, kind, people(s, 30))))
        assert taken.kinds == {"Ok": 29, "Failed": 1}
        assert taken.reasons == {"refused": 1}
        assert s.count(ROUTES[kind]) == 30


@pytest.mark.parametrize("kind", KINDS)
@asynchronous
async def test_replay_job_id_and_kept_rows(kind: str, tmp_path: Path) -> None:
    """A finished job sends nothing more, whoever asks; its outcomes come again, with or without rows."""
    async with scene() as s:
        rows = [*rows_of(s, kind, people(s, 30)), {"phone": "1"}]
        for keep in (True, False):
            journal = tmp_path / f"{keep}.db"
            options = {"journal": journal, "keep_rows": keep, "job_id": "nightly"}
            fresh = rows if keep else [*rows_of(s, kind, people_again(s)), {"phone": "1"}]
            first = await take(changing(s, kind, iter(fresh), **options))
            sent = s.count(ROUTES[kind])
            again = await take(changing(s, kind, iter(()), replay=True, **options))
            assert first.kinds == again.kinds == {"Ok": 30, "Failed": 1}
            assert s.count(ROUTES[kind]) == sent
            contacts = {o.item.index: o.item.contact for o in again.outcomes if isinstance(o, Ok)}
            wanted = {
                o.item.index: o.item.contact if keep else {} for o in first.outcomes if isinstance(o, Ok)
            }
            assert contacts == wanted
            assert all(contacts.values()) is keep
            assert not (await take(changing(s, kind, iter(()), **options))).outcomes


def people_again(s: Scene) -> list[str]:
    """Put thirty others into the list."""
    return [s.sandbox.state.add_contact(s.lists[0], email=f"o{n}@example.com").id for n in range(30)]


@asynchronous
async def test_a_journal_of_another_job_is_refused(tmp_path: Path) -> None:
    """Verb, way of naming, target and what becomes of empty cells are part of the job."""
    async with scene(lists=2) as s:
        contacts, journal = people(s, 3), tmp_path / "j.db"
        rows = rows_of(s, "update", contacts)
        assert (await take(changing(s, "update", rows, journal=journal))).kinds == {"Ok": 3}
        others: list[tuple[str, dict[str, Any]]] = [
            ("remove", {}),
            ("unsubscribe", {}),
            ("update", {"identify_by": "id"}),
            ("update", {"clear_empty": True}),
            ("update", {"mailing_list": s.lists[1]}),
        ]
        for kind, options in others:
            taken = await take(changing(s, kind, rows, journal=journal, **options))
            assert isinstance(taken.error, JournalError)
            assert taken.error.reason == "another job"
        gone = tmp_path / "gone.db"
        assert (await take(changing(s, "unsubscribe", contacts, journal=gone))).error is None
        taken = await take(changing(s, "unsubscribe", contacts, journal=gone, from_directory=True))
        assert isinstance(taken.error, JournalError)


@asynchronous
async def test_options_of_every_job() -> None:
    """Too many failures end it, progress is told, and what cannot be meant is refused before anything."""
    async with scene() as s:
        rows = rows_of(s, "remove", people(s, 40)) + [{"contactId": f"CID_{n}"} for n in range(40)]
        told: list[int] = []
        options: dict[str, Any] = {"max_failures": 10, "on_progress": lambda summary: told.append(summary.ok)}
        taken = await take(changing(s, "remove", rows, **options))
        assert isinstance(taken.error, JobFailed)
        assert max(told) == 40
        for wrong in ({"concurrency": 0}, {"mailing_list": " "}, {"identify_by": "x"}, {"max_failures": -1}):
            for kind in KINDS:
                assert isinstance((await take(changing(s, kind, [], **wrong))).error, UsageError)


@asynchronous
async def test_a_corrected_failure_is_imported_again(tmp_path: Path) -> None:
    """What an outcome has of a contact names it as before, in a file as well."""
    async with scene() as s:
        [contact] = people(s, 1)
        path, failures = tmp_path / "in.csv", tmp_path / "failed.csv"
        text = f"Contact ID,Language,Color\n{contact},FR,red\n"
        await asyncio.to_thread(path.write_text, text)
        s.sandbox.faults.add(kind="status", status=400, route=UPDATE)
        async with (
            bulk.failures_file(failures, source=path) as file,
            changing(s, "update", bulk.read_contacts(path)) as outcomes,
        ):
            async for outcome in outcomes:
                assert isinstance(outcome, Failed)
                assert outcome.item.contact["contactId"] == contact
                await file.add(outcome)
        taken = await take(changing(s, "update", bulk.read_contacts(failures)))
        assert taken.kinds == {"Ok": 1}
        assert s.sandbox.state.contacts[contact].embedded_data == {"Color": "red"}
        assert is_done(s, "update", contact)


@pytest.mark.parametrize("concurrency", [1, 3, 40])
@asynchronous
async def test_concurrency_bounds_the_requests(concurrency: int) -> None:
    """Those of searches as well; another client may do the work."""
    async with scene(latency=0.005) as s, client_of(s.sandbox) as other:
        most = 0

        async def watch() -> None:
            nonlocal most
            while True:
                most = max(most, other.quota().in_flight)
                await asyncio.sleep(0)

        watching = asyncio.create_task(watch())
        rows = named(s, people(s, 60), "email")
        taken = await take(changing(s, "remove", rows, client=other, concurrency=concurrency))
        watching.cancel()
        assert taken.kinds == {"Ok": 60}
        assert s.count(REMOVE) == 60
        assert min(concurrency, 2) <= most <= concurrency
