"""Contacts of a directory, from the client to the sandbox and back."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from filtering import where
from living import living
from shapes import closed, sample
from speaking import Clock, asynchronous, speaking

from qualtrics_async import InvalidRequest, NotFound
from qualtrics_async.models.contacts import ContactUpdate
from qualtrics_async.models.directory_contacts import DirectoryContactCreate, DirectoryContactUpdate

NOOR = DirectoryContactCreate(
    first_name="Noor",
    last_name="Sample",
    email="noor@example.com",
    phone="+15550109999",
    ext_ref="p-1",
    language="nl",
    embedded_data={"site": "north"},
)


@asynchronous
async def test_a_contact_of_the_directory_lives_and_dies() -> None:
    async with living() as (client, sandbox):
        pool = sandbox.state.default_directory_id
        made = await client.contacts.create(pool, NOOR)
        contact = sandbox.state.contacts[made.id]
        assert (contact.email, contact.accepted) == ("noor@example.com", 1)
        details = await client.contacts.get(pool, made.id, include_segments=True)
        assert (details.contact_id, details.email_domain) == (made.id, "example.com")
        assert (details.embedded_data, details.mailing_lists, details.segments) == ({"site": "north"}, {}, {})
        assert details.creation_date is not None
        changed = DirectoryContactUpdate(first_name="Nora", embedded_data={"floor": "2"})
        await client.contacts.update(pool, made.id, changed)
        assert (contact.first_name, contact.embedded_data) == ("Nora", {"site": "north", "floor": "2"})
        (listed,) = await client.contacts.list(pool).collect()
        assert (listed.contact_id, listed.first_name, listed.unsubscribed) == (made.id, "Nora", False)
        await client.contacts.delete(pool, made.id)
        assert sandbox.state.contacts == {}
        with pytest.raises(NotFound):
            await client.contacts.get(pool, made.id)
        assert await client.contacts.list(pool).collect() == []


@asynchronous
async def test_with_deduplication_a_duplicate_updates() -> None:
    async with living() as (client, sandbox):
        pool = sandbox.state.default_directory_id
        first = await client.contacts.create(pool, NOOR)
        second = await client.contacts.create(
            pool, DirectoryContactCreate(email="NOOR@example.com", unsubscribed=True)
        )
        assert first == second
        assert sandbox.state.contacts[first.id].unsubscribed
        await client.contacts.delete(pool, first.id)
        third = await client.contacts.create(pool, NOOR)
        assert third.id != first.id
        (counted,) = await client.directories.list(include_count=True).collect()
        assert sandbox.state.directories[pool].contact_count == counted.contact_count == 1


@asynchronous
async def test_with_deduplication_a_changed_address_is_the_one_that_counts() -> None:
    async with living() as (client, sandbox):
        pool = sandbox.state.default_directory_id
        list_id = sandbox.state.add_mailing_list("North")
        first = sandbox.state.add_contact(list_id, email="noor@example.com")
        await client.contacts.update(pool, first.id, DirectoryContactUpdate(email="nora@example.com"))
        assert (await client.contacts.create(pool, DirectoryContactCreate(email="nora@example.com"))).id == (
            first.id
        )
        second = await client.contacts.create(pool, DirectoryContactCreate(email="noor@example.com"))
        assert second.id != first.id
        change = ContactUpdate(email="noor@example.com")
        await client.mailing_list_contacts.update(pool, list_id, first.id, change)
        third = await client.contacts.create(pool, DirectoryContactCreate(email="noor@example.com"))
        assert third.id == second.id
        fourth = await client.contacts.create(pool, DirectoryContactCreate(email="nora@example.com"))
        assert fourth.id not in {first.id, second.id}


@asynchronous
async def test_deleting_from_the_directory_empties_every_list() -> None:
    async with living() as (client, sandbox):
        pool = sandbox.state.default_directory_id
        state = sandbox.state
        lists = [state.add_mailing_list(name) for name in ("North", "South")]
        ids = {state.add_contact(list_id, email="noor@example.com").id for list_id in lists}
        others = {state.add_contact(list_id, email="lin@example.com").id for list_id in lists}
        (contact_id,) = ids
        details = await client.contacts.get(pool, contact_id)
        assert [(key, place.name) for key, place in details.mailing_lists.items()] == [
            (lists[0], "North"),
            (lists[1], "South"),
        ]
        await client.contacts.delete(pool, contact_id)
        for list_id in lists:
            left = await client.mailing_list_contacts.list(pool, list_id).collect()
            assert {found.contact_id for found in left} == others


@asynchronous
async def test_opting_out_of_the_directory_shows_everywhere() -> None:
    clock = Clock()
    async with living(clock=clock) as (client, sandbox):
        pool = sandbox.state.default_directory_id
        state = sandbox.state
        list_id = state.add_mailing_list("North")
        contact = state.add_contact(list_id, email="noor@example.com")
        state.add_contact(list_id, email="lin@example.com")
        await client.contacts.update(pool, contact.id, DirectoryContactUpdate(unsubscribed=True))
        when = datetime.fromtimestamp(state.now() // 1000, UTC)
        clock.now += 3600
        (gone,) = await client.contacts.opted_out(pool, page_size=50).collect()
        assert (gone.contact_id, gone.directory_unsubscribed) == (contact.id, True)
        assert gone.directory_unsubscribe_date is not None
        assert gone.directory_unsubscribe_date.replace(microsecond=0) == when
        assert await client.contacts.opted_out(pool, since=when).collect() == [gone]
        later = datetime.fromtimestamp(state.now() // 1000, UTC)
        assert await client.contacts.opted_out(pool, since=later).collect() == []
        listed = await client.mailing_list_contacts.list(pool, list_id).collect()
        assert [(one.unsubscribed, one.mailing_list_unsubscribed) for one in listed] == [
            (True, False),
            (False, False),
        ]
        details = await client.mailing_list_contacts.get(pool, list_id, contact.id)
        assert (details.directory_unsubscribed, details.mailing_list_unsubscribed) == (True, False)
        (found,) = await client.contacts.search(pool, where("email", "eq", "noor@example.com")).collect()
        assert (found.unsubscribed, found.unsubscribe_date) == (True, when)
        links = await client.distributions.create_links(survey_id=state.survey_id, mailing_list_id=list_id)
        assert contact.id not in state.links(links.id)
        await client.contacts.update(pool, contact.id, DirectoryContactUpdate(unsubscribed=False))
        assert await client.contacts.opted_out(pool).collect() == []


@asynchronous
async def test_opting_out_of_a_list_is_seen_in_the_directory() -> None:
    async with living() as (client, sandbox):
        pool = sandbox.state.default_directory_id
        list_id = sandbox.state.add_mailing_list("North")
        contact = sandbox.state.add_contact(list_id, email="noor@example.com")
        await client.mailing_list_contacts.update(pool, list_id, contact.id, ContactUpdate(unsubscribed=True))
        details = await client.contacts.get(pool, contact.id)
        place = details.mailing_lists[list_id]
        assert (place.unsubscribed, details.directory_unsubscribed) == (True, False)
        assert place.unsubscribe_date is not None
        member = sandbox.state.mailing_lists[list_id].by_contact[contact.id]
        assert (place.contact_lookup_id, place.owner_id) == (member.lookup_id, sandbox.state.user_id)
        assert await client.contacts.opted_out(pool).collect() == []


@asynchronous
async def test_segments_are_shown_when_they_are_asked_for() -> None:
    async with living() as (client, sandbox):
        pool = sandbox.state.default_directory_id
        contact = sandbox.state.add_contact(None, language="nl", last_name="Sample", unsubscribed=True)
        sandbox.state.add_contact(None, language="en", last_name="Sample")
        dutch = {"simpleFilter": {"filterType": "language", "comparison": "eq", "value": "nl"}}
        made = await client.request(
            "POST", "/directories/{directoryId}/segments", pool, body={"name": "Dutch", "criteria": dutch}
        )
        details = await client.contacts.get(pool, contact.id, include_segments=True)
        ((segment_id, segment),) = details.segments.items()
        assert (segment_id, segment.name, segment.unsubscribed) == (made["segmentId"], "Dutch", True)
        assert segment.unsubscribe_date is not None
        assert (await client.contacts.get(pool, contact.id)).segments == {}
        search = client.contacts.search(pool, where("lastName", "eq", "Sample"), include_segments=True)
        assert [list(found.segments) for found in await search.collect()] == [[segment_id], []]


@asynchronous
async def test_the_history_is_that_of_all_lists() -> None:
    async with living() as (client, sandbox):
        pool = sandbox.state.default_directory_id
        state = sandbox.state
        lists = [state.add_mailing_list(name) for name in ("North", "South")]
        contact, _ = (state.add_contact(list_id, email="noor@example.com") for list_id in lists)
        sent = [
            state.add_distribution(state.survey_id, list_id, request_type="Invite").id for list_id in lists
        ]
        state.add_distribution(state.survey_id, lists[0])
        history = client.contacts.history(pool, contact.id, type="email", page_size=1)
        assert [mail.distribution_id async for mail in history] == sent
        in_one = client.mailing_list_contacts.history(pool, lists[1], contact.id, type="email")
        assert [mail.distribution_id async for mail in in_one] == sent[1:]
        assert await client.contacts.history(pool, contact.id, type="response").collect() == []
        with pytest.raises(InvalidRequest):
            await client.contacts.history(pool, contact.id, type="letter").collect()


@asynchronous
async def test_directories_do_not_mix() -> None:
    async with living() as (client, sandbox):
        pool = sandbox.state.default_directory_id
        other = sandbox.state.add_directory("Other")
        here = sandbox.state.add_contact(None, email="noor@example.com")
        there = sandbox.state.add_contact(None, directory_id=other, email="noor@example.com")
        for directory_id, contact in ((pool, here), (other, there)):
            (listed,) = await client.contacts.list(directory_id).collect()
            (found,) = await client.contacts.search(
                directory_id, where("email", "eq", "noor@example.com")
            ).collect()
            assert listed.contact_id == found.contact_id == contact.id
        with pytest.raises(NotFound):
            await client.contacts.get(pool, there.id)
        with pytest.raises(NotFound):
            await client.contacts.list("POOL_none").collect()


@asynchronous
async def test_what_a_contact_may_not_have_is_refused() -> None:
    async with living() as (client, sandbox):
        pool = sandbox.state.default_directory_id
        bodies: list[dict[str, object]] = [
            {"privateEmbeddedData": {}},
            {"mail": "x"},
            {"email": None},
            {"unsubscribed": "yes"},
        ]
        for body in bodies:
            with pytest.raises(InvalidRequest):
                await client.request("POST", "/directories/{directoryId}/contacts", pool, body=body)
        assert sandbox.state.contacts == {}


CONTACT = "/directories/{directory}/contacts/{contact}"
CALLS = [
    ("GET", "directory_contacts", "/directories/{directory}/contacts"),
    ("GET", "directory_contact", CONTACT),
    ("GET", "directory_contacts_opted_out", "/directories/{directory}/contacts/optedOutContacts"),
    ("GET", "contact_history_email", CONTACT + "/history?type=email"),
    ("POST", "contact_search_page1", "/directories/{directory}/contacts/search?pageSize=1"),
]


@pytest.mark.parametrize(("method", "name", "template"), CALLS)
def test_bodies_have_the_keys_of_the_samples(method: str, name: str, template: str) -> None:
    async def ask() -> Any:
        async with speaking(quirks=False) as call:
            state = call.sandbox.state
            list_id = state.add_mailing_list("North")
            contact = state.add_contact(list_id, last_name="Sample", unsubscribed=True)
            state.add_distribution(state.survey_id, list_id, request_type="Invite")
            path = template.format(directory=state.default_directory_id, contact=contact.id)
            wire = {"filterType": "lastName", "comparison": "eq", "value": "Sample"}
            return (await call(method, path, {"filter": wire} if method == "POST" else None)).json

    ids = ("mailingListMembership", "segmentMembership")
    assert closed(asyncio.run(ask()), *ids) == closed(sample(name), *ids)
