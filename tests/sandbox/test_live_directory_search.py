"""The search among a directory's contacts, from the client to the sandbox and back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from filtering import where
from living import living
from speaking import asynchronous, speaking

from qualtrics_async import CursorRefused, InvalidRequest, concurrent
from qualtrics_async.models.contact_filters import ContactFilter, ContactFilterGroup
from qualtrics_async.sandbox.handlers.contacts import DEEPEST

if TYPE_CHECKING:
    from qualtrics_async.sandbox import Sandbox

LAST_NAME = where("lastName", "eq", "Sample")
JUNE = datetime(2026, 6, 1, 9, 30, tzinfo=UTC)
NOW = int(JUNE.timestamp() * 1000) + 400
"""When the contacts below were made and changed, but for the one that is a day older."""

CRITERIA: list[tuple[ContactFilter | ContactFilterGroup | dict[str, Any], str]] = [
    (where("email", "eq", "NOOR@example.com"), "N"),
    (where("email", "eq", " noor@example.com "), "N"),
    (where("email", "neq", "noor@example.com"), "LX"),
    (where("firstName", "eq", "lin"), "L"),
    (where("lastName", "eq", "sAmPle"), "NL"),
    (where("language", "neq", "nl"), "LX"),
    (where("phone", "eq", "+15550109999"), "N"),
    (where("extRef", "eq", "p-2"), "L"),
    (where("created", "eq", JUNE), "NL"),
    (where("created", "eq", "2026-06-01"), "NL"),
    (where("created", "neq", "2026-06-01"), "X"),
    (where("created", "lt", "2026-06-01"), "X"),
    (where("created", "lte", "2026-06-01"), "NLX"),
    (where("lastModified", "gt", "2026-05-31"), "NL"),
    (where("lastModified", "gte", "2026-06-01 09:30:01"), ""),
    (where("lastModified", "gte", "2026-06-01 09:30:00"), "NL"),
    (where("embeddedData", "eq", "NORTH", field="site"), "N"),
    (where("embeddedData", "neq", "north", field="site"), "LX"),
    (ContactFilter(filter_type="infoFieldState", comparison="empty", field="lastName"), "X"),
    (ContactFilter(filter_type="infoFieldState", comparison="notEmpty", field="extRef"), "NL"),
    (LAST_NAME & where("firstName", "eq", "Noor"), "N"),
    (where("extRef", "eq", "p-1") | where("extRef", "eq", "p-2"), "NL"),
    (LAST_NAME & (where("language", "eq", "nl") | where("language", "eq", "zh")), "NL"),
    (LAST_NAME & where("email", "neq", "x@example.com") & where("language", "eq", "zh"), "L"),
    ({"filterType": "inList", "comparison": True, "mailingListId": "{list}"}, "NX"),
    ({"filterType": "inList", "comparison": "false", "mailingListId": "{list}"}, "L"),
]


def arrange(sandbox: Sandbox) -> tuple[str, dict[str, str]]:
    """Three contacts, the first and the last in a list; the last has no names and is a day older."""
    state = sandbox.state
    list_id = state.add_mailing_list("North")
    noor = state.add_contact(
        list_id,
        first_name="Noor",
        last_name="Sample",
        email="noor@example.com",
        phone="+15550109999",
        ext_ref="p-1",
        language="nl",
        embedded_data={"site": "north"},
    )
    lin = state.add_contact(
        None, first_name="Lin", last_name="Sample", email="lin@example.com", ext_ref="p-2", language="zh"
    )
    nameless = state.add_contact(list_id, email="x@example.com")
    for contact in (noor, lin):
        contact.created = contact.modified = NOW
    nameless.created = nameless.modified = NOW - 86_400_000
    return list_id, {noor.id: "N", lin.id: "L", nameless.id: "X"}


@pytest.mark.parametrize(("filter_", "expected"), CRITERIA)
@asynchronous
async def test_a_search_finds_who_meets_the_filter(
    filter_: ContactFilter | ContactFilterGroup | dict[str, Any], expected: str
) -> None:
    async with living() as (client, sandbox):
        pool = sandbox.state.default_directory_id
        list_id, letters = arrange(sandbox)
        if isinstance(filter_, dict):
            filter_ = filter_ | {"mailingListId": list_id}
        found = await client.contacts.search(pool, filter_).collect()
        assert "".join(letters[contact.id] for contact in found) == expected


@asynchronous
async def test_embedded_data_is_found_only_when_it_is_asked_for() -> None:
    async with living(quirks=False) as (client, sandbox):
        pool = sandbox.state.default_directory_id
        arrange(sandbox)
        noor = where("extRef", "eq", "p-1")
        (bare,) = await client.contacts.search(pool, noor, include_segments=True).collect()
        (full,) = await client.contacts.search(pool, noor, include_embedded=True).collect()
        assert (bare.embedded_data, full.embedded_data) == ({}, {"site": "north"})
        assert (full.phone, full.ext_ref, full.segments) == ("+15550109999", "p-1", {})
        assert full.creation_date == JUNE


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"filter": []},
        {"filter": {}},
        {"filter": {"filterType": "email", "comparison": "eq"}},
        {"filter": {"filterType": "email", "comparison": "gt", "value": "x"}},
        {"filter": {"filterType": "email", "comparison": "eq", "value": None}},
        {"filter": {"filterType": "email", "comparison": ["eq"], "value": "x"}},
        {"filter": {"filterType": "Email", "comparison": "eq", "value": "x"}},
        {"filter": {"filterType": ["email"], "comparison": "eq", "value": "x"}},
        {"filter": {"filterType": "email", "comparison": "eq", "value": "x", "also": "y"}},
        {"filter": {"filterType": "created", "comparison": "eq", "value": "2026-06-01T09:30:00Z"}},
        {"filter": {"filterType": "created", "comparison": "eq", "value": "2026-13-01"}},
        {"filter": {"filterType": "created", "comparison": "empty", "value": "2026-06-01"}},
        {"filter": {"filterType": "inList", "comparison": "eq", "mailingListId": "CG_1"}},
        {"filter": {"filterType": "inList", "comparison": 1, "mailingListId": "CG_1"}},
        {"filter": {"filterType": "inList", "comparison": True, "mailingListId": "CG_none"}},
        {"filter": {"filterType": "infoFieldState", "comparison": "empty", "field": "phone"}},
        {"filter": {"conjunction": "and"}},
        {"filter": {"conjunction": "and", "filters": {}}},
        {"filter": {"conjunction": "xor", "filters": [{}, {}]}},
        {"filter": {"conjunction": "and", "filters": [{"filterType": "email"}] * 2}},
    ],
)
@asynchronous
async def test_impossible_searches_are_refused(body: dict[str, Any]) -> None:
    async with speaking() as call:
        pool = call.sandbox.state.default_directory_id
        assert (await call.post(f"/directories/{pool}/contacts/search", body)).status == 400


@pytest.mark.parametrize(("number", "refused"), [(1, True), (2, False), (5, False), (6, True)])
@asynchronous
async def test_a_group_has_two_to_five_conditions(number: int, *, refused: bool) -> None:
    async with living() as (client, sandbox):
        pool = sandbox.state.default_directory_id
        sandbox.state.add_contact(None, email="noor@example.com", last_name="Sample")
        search = client.contacts.search(pool, ContactFilterGroup(filters=[LAST_NAME] * number))
        if refused:
            with pytest.raises(InvalidRequest):
                await search.collect()
        else:
            assert len(await search.collect()) == 1


@asynchronous
async def test_deep_groups_are_refused_and_break_nothing() -> None:
    async with living() as (client, sandbox):
        pool = sandbox.state.default_directory_id
        nested: ContactFilter | ContactFilterGroup = LAST_NAME
        for depth in range(200):
            nested = (nested | LAST_NAME) if depth % 2 else (nested & LAST_NAME)
        with pytest.raises(InvalidRequest):
            await client.contacts.search(pool, nested).collect()


def people(sandbox: Sandbox, number: int) -> list[str]:
    """Contacts that a search for `Sample` finds, and one among them that it does not."""
    ids = []
    for index in range(number):
        if index == number // 2:
            sandbox.state.add_contact(None, ext_ref="other")
        ids.append(sandbox.state.add_contact(None, ext_ref=f"p-{index}", last_name="Sample").id)
    return ids


@pytest.mark.parametrize(("number", "pages"), [(0, 1), (1, 1), (4, 1), (5, 2), (12, 3), (15, 4)])
@asynchronous
async def test_a_search_walks_its_pages(number: int, pages: int) -> None:
    """After a full page there is a token, so that a search that fits exactly ends with an empty page."""
    async with living() as (client, sandbox):
        pool = sandbox.state.default_directory_id
        ids = people(sandbox, number)
        search = client.contacts.search(pool, LAST_NAME, page_size=5)
        assert [contact.id async for contact in search] == ids
        assert len(sandbox.requests) == pages
        async with search.prefetch(pages=2) as ahead:
            assert [contact.id async for contact in ahead] == ids
        first = await search.first_page()
        assert [contact.id for contact in first.elements] == ids[:5]
        rest = await search.resume(first.next_page).collect() if first.next_page else []
        assert [contact.id for contact in rest] == ids[5:]
        both = {"a": search, "b": client.contacts.search(pool, where("extRef", "eq", "other"))}
        async with concurrent(both) as items:
            found = [(key, contact.id) async for key, contact in items]
        assert [contact_id for key, contact_id in found if key == "a"] == ids
        assert sum(key == "b" for key, _ in found) == (1 if number else 0)


SEARCH = "POST /directories/{directoryId}/contacts/search"
FAULTS: list[dict[str, Any]] = [
    {"kind": "short_page"},
    {"kind": "empty_page"},
    {"kind": "status", "status": 429},
    {"kind": "status", "status": 500},
    {"kind": "cut", "when": "after"},
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault['kind']} {fault.get('status', '')}")
@asynchronous
async def test_a_search_survives_odd_pages_and_refusals(fault: dict[str, Any]) -> None:
    """A short page with a token is followed, and a search that fails is sent again: it only reads."""
    async with living() as (client, sandbox):
        pool = sandbox.state.default_directory_id
        ids = people(sandbox, 12)
        scripted = sandbox.faults.add(route=SEARCH, skip=1, **fault)
        assert [contact.id async for contact in client.contacts.search(pool, LAST_NAME, page_size=5)] == ids
        assert scripted.used == 1


@asynchronous
async def test_a_search_in_a_circle_is_stopped() -> None:
    """A token that came before would never end."""
    async with living() as (client, sandbox):
        pool = sandbox.state.default_directory_id
        people(sandbox, 12)
        sandbox.faults.add(kind="repeat_page", route=SEARCH, skip=1, times=None)
        with pytest.raises(CursorRefused):
            await client.contacts.search(pool, LAST_NAME, page_size=5).collect()
        assert len(sandbox.requests) == 2


@asynchronous
async def test_a_search_ends_at_its_depth_with_the_cursor() -> None:
    """What was found before stays found, and the error says which page could not be had."""
    async with living(max_page_size=None) as (client, sandbox):
        pool = sandbox.state.default_directory_id
        ids = people(sandbox, DEEPEST + 1)
        search = client.contacts.search(pool, LAST_NAME, page_size=2500)
        found: list[str] = []

        async def walk() -> None:
            async for contact in search:
                found.append(contact.id)  # noqa: PERF401  (what came before the error is the point)

        with pytest.raises(InvalidRequest) as caught:
            await walk()
        assert found == ids[:DEEPEST]
        assert caught.value.cursor is not None
        assert (caught.value.status, caught.value.template) == (
            400,
            "/directories/{directoryId}/contacts/search",
        )
        with pytest.raises(InvalidRequest) as again:
            await search.resume(caught.value.cursor).collect()
        assert again.value.cursor == caught.value.cursor
        async with search.prefetch() as ahead:
            with pytest.raises(InvalidRequest) as early:
                assert [contact.id async for contact in ahead] == []
        assert early.value.cursor == caught.value.cursor
        with pytest.raises(InvalidRequest) as whole:
            await client.contacts.search(pool, LAST_NAME, page_size=DEEPEST + 1).collect()
        assert whole.value.cursor is None
