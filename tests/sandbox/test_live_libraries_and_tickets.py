"""Stories of libraries, tickets and automations: the real client speaks to the sandbox."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from living import living
from shapes import keys, sample
from speaking import asynchronous

from qualtrics_async import Forbidden, InvalidRequest, NotFound, OutcomeUnknown
from qualtrics_async.errors import ApiError
from qualtrics_async.models.libraries import LibraryMessageCreate, LibraryMessageUpdate
from qualtrics_async.models.tickets import TicketUpdate

GIF = b"GIF89a" + bytes(range(256))


@asynchronous
async def test_messages_are_written_read_changed_and_deleted() -> None:
    """The life of an invitation in the caller's own library."""
    async with living() as (client, sandbox):
        mine, shared = await client.libraries.list().collect()
        assert (mine.id, shared.id) == (sandbox.state.user_id, sandbox.state.group_library_id)
        messages = client.libraries.messages
        texts = {"en": "Was lunch good?", "fr": "C'était bon ?"}
        made = await messages.create(
            mine.id, LibraryMessageCreate(description="Lunch", category="invite", messages=texts)
        )
        subject = sandbox.state.add_library_message("Subject", "Lunch?", category="emailSubject")
        assert [message.id for message in await messages.list(mine.id).collect()] == [made.id, subject]
        assert [
            message.description for message in await messages.list(mine.id, category="invite").collect()
        ] == ["Lunch"]
        assert await messages.list(shared.id).collect() == []
        assert (await messages.get(mine.id, made.id)).messages == texts
        await messages.update(mine.id, made.id, LibraryMessageUpdate(description="Dinner"))
        changed = await messages.get(mine.id, made.id)
        assert (changed.description, changed.category, changed.messages) == ("Dinner", "invite", texts)
        await messages.update(mine.id, made.id, LibraryMessageUpdate(messages={"de": "Gut?"}))
        assert (await messages.get(mine.id, made.id)).messages == {"de": "Gut?"}
        await messages.delete(mine.id, made.id)
        with pytest.raises(NotFound):
            await messages.get(mine.id, made.id)
        assert [record["id"] for record in sandbox.state.shelf("message")] == [subject]


@asynchronous
async def test_what_is_no_message_is_refused() -> None:
    """An unknown category or library, and a message of another library."""
    async with living() as (client, sandbox):
        messages, mine = client.libraries.messages, sandbox.state.user_id
        unknown = LibraryMessageCreate(description="Lunch", category="advert", messages={"en": "!"})
        with pytest.raises(InvalidRequest):
            await messages.create(mine, unknown)
        with pytest.raises(NotFound):
            await messages.list("UR_nowhere").collect()
        made = sandbox.state.add_library_message("Lunch", "!", library_id=sandbox.state.group_library_id)
        with pytest.raises(NotFound):
            await messages.update(mine, made, LibraryMessageUpdate(category="general"))
        with pytest.raises(NotFound):
            await messages.delete(mine, made)
        assert len(sandbox.state.shelf("message")) == 1


@asynchronous
async def test_libraries_list_what_they_hold() -> None:
    """Surveys of the caller's own; questions and blocks that a test has put there."""
    async with living(page_size=1) as (client, sandbox):
        state = sandbox.state
        second = state.add_survey("Dinner")
        surveys = await client.libraries.surveys(state.user_id).collect()
        assert [list(names.values()) for names in surveys] == [
            [{state.survey_id: "Sandbox survey"}],
            [{second: "Dinner"}],
        ]
        assert await client.libraries.surveys(state.group_library_id).collect() == []
        for noun in ("question", "block"):
            for number in "12":
                record = {"Canteen": {f"{noun}{number}": "Lunch"}}
                state.shelf(f"library {noun}").put(state.group_library_id, number, record=record)
        questions = await client.libraries.questions(state.group_library_id).collect()
        assert questions == [{"Canteen": {"question1": "Lunch"}}, {"Canteen": {"question2": "Lunch"}}]
        assert len(await client.libraries.blocks(state.group_library_id).collect()) == 2
        assert await client.libraries.blocks(state.user_id).collect() == []


@asynchronous
async def test_graphics_are_uploaded_and_deleted(tmp_path: Path) -> None:
    """From a file on disk, from memory, and by an address."""
    path = tmp_path / "Café.gif"
    await asyncio.to_thread(path.write_bytes, GIF)
    async with living() as (client, sandbox):
        graphics, library = client.libraries.graphics, sandbox.state.group_library_id
        first = await graphics.upload(library, path, folder="North")
        second = await graphics.upload(library, file=b"\x89PNG\r\n\x1a\n", name="logo.png")
        third = await graphics.upload(library, file_url="https://example.com/logo.jpg", name="logo")
        kept = sandbox.state.shelf("graphic")
        assert kept.find(library, first.id) == {
            "id": first.id,
            "name": "Café.gif",
            "contentType": "image/gif",
            "folder": "North",
            "content": GIF,
        }
        assert kept.find(library, second.id)["content"] == b"\x89PNG\r\n\x1a\n"
        assert kept.find(library, third.id)["fileUrl"] == "https://example.com/logo.jpg"
        assert kept.find(library, third.id)["contentType"] == "image/jpeg"
        await graphics.delete(library, second.id)
        with pytest.raises(NotFound):
            await graphics.delete(library, second.id)
        assert [record["id"] for record in kept] == [first.id, third.id]


@asynchronous
async def test_a_graphic_that_the_service_does_not_take_is_refused() -> None:
    """Another type (415), and more than 5 MB (413)."""
    async with living() as (client, sandbox):
        upload, library = client.libraries.graphics.upload, sandbox.state.user_id
        with pytest.raises(InvalidRequest) as refusal:
            await upload(library, file=b"<svg/>", name="logo.svg", content_type="image/svg+xml")
        assert refusal.value.status == 415
        with pytest.raises(InvalidRequest) as refusal:
            await upload(library, file=bytes(5_000_001), name="logo.png")
        assert refusal.value.status == 413
        assert len(sandbox.state.shelf("graphic")) == 0


@asynchronous
async def test_an_upload_that_is_refused_for_its_rate_is_sent_again() -> None:
    """The whole body goes out twice, and one graphic is there."""
    async with living(record_bodies=True) as (client, sandbox):
        route = "POST /libraries/{libraryId}/graphics"
        sandbox.faults.add(kind="status", status=429, retry_after=0, route=route)
        await client.libraries.graphics.upload(sandbox.state.user_id, file=GIF, name="logo.gif")
        bodies = [record.body for record in sandbox.requests if record.route == route.partition(" ")[2]]
        assert len(bodies) == 2
        assert bodies[0] == bodies[1]
        assert GIF in (bodies[0] or b"")
        assert [record["content"] for record in sandbox.state.shelf("graphic")] == [GIF]


@asynchronous
async def test_a_ticket_is_worked_on_and_closed() -> None:
    """Listed, searched, changed with a comment, looked into, deleted; the log has what happened."""
    async with living(page_size=1) as (client, sandbox):
        state, tickets = sandbox.state, client.tickets
        soup = state.add_ticket("Cold soup", survey_id=state.survey_id, root_causes=["Broken stove"])
        state.add_ticket("Long queue", owner_id="UR_somebody", status=2)
        third = state.add_ticket("Loud music")
        assert [ticket.name for ticket in await tickets.list().collect()] == ["Cold soup", "Loud music"]
        everybody = await tickets.list(all_tickets=True, page_size=2).collect()
        assert [ticket.status for ticket in everybody] == [1, 2, 1]
        found = await tickets.search({"status": 1}).collect()
        assert [ticket.key for ticket in found] == [soup, third]
        closed = next(status.id for status in await tickets.statuses.get() if status.name == "Closed")
        await tickets.update(soup, TicketUpdate(status=closed, comment="Heated"))
        ticket = await tickets.get(soup)
        assert (ticket.status, ticket.owner_id) == (closed, state.user_id)
        assert ticket.follow_up_details_survey_id == state.survey_id
        events = await tickets.events(soup).collect()
        assert [event.event_details for event in events] == [
            {"oldStatusId": 1, "newStatusId": closed},
            {"comment": "Heated"},
        ]
        assert all(event.owner_id == state.user_id and event.created_at for event in events)
        (cause,) = await tickets.root_causes(soup)
        assert cause.name == "Broken stove"
        assert cause.created_at is not None
        await tickets.update_additional_data(soup, {"table": "4"})
        await tickets.update_additional_data(soup, {"guest": "5"})
        assert state.shelf("ticket additional data").find(soup) == {"table": "4", "guest": "5"}
        await tickets.delete(soup)
        with pytest.raises(NotFound):
            await tickets.get(soup)
        assert [record["key"] for record in state.shelf("ticket")] == [everybody[1].key, third]


@asynchronous
async def test_statuses_are_replaced_as_a_whole() -> None:
    """What is left out is gone, and tickets can only have what is there."""
    async with living() as (client, sandbox):
        soup = sandbox.state.add_ticket("Cold soup")
        kitchen = {"id": 7, "name": "In the kitchen", "transitions": [8]}
        await client.tickets.statuses.update({"elements": [kitchen, {"id": 8, "name": "Eaten"}]})
        statuses = await client.tickets.statuses.get()
        assert [(status.id, status.name, status.transitions) for status in statuses] == [
            (7, "In the kitchen", [8]),
            (8, "Eaten", None),
        ]
        with pytest.raises(InvalidRequest):
            await client.tickets.update(soup, TicketUpdate(status=1))
        await client.tickets.update(soup, TicketUpdate(status=7))
        assert sandbox.state.shelf("ticket").find(soup)["status"] == 7


@asynchronous
async def test_a_comment_whose_fate_is_unknown_is_not_sent_again() -> None:
    """A status is; the log tells them apart."""
    async with living() as (client, sandbox):
        soup = sandbox.state.add_ticket("Cold soup")
        sandbox.faults.add(kind="cut", when="after", route="PUT /tickets/{ticketKey}", times=2)
        with pytest.raises(OutcomeUnknown):
            await client.tickets.update(soup, TicketUpdate(comment="Heated"))
        await client.tickets.update(soup, TicketUpdate(priority=1))
        events = [record["eventDetails"] for record in sandbox.state.shelf("ticket event").under(soup)]
        assert events == [{"comment": "Heated"}, {"priority": 1}, {"priority": 1}]


@asynchronous
async def test_a_brand_without_the_licence_is_told() -> None:
    """403 `TIK_1.1` (documented)."""
    async with living() as (client, sandbox):
        sandbox.faults.add(kind="status", status=403, code="TIK_1.1", route="GET /tickets")
        with pytest.raises(Forbidden) as refusal:
            await client.tickets.list().collect()
        assert refusal.value.error_code == "TIK_1.1"


@asynchronous
async def test_files_go_into_an_automation_and_come_back(tmp_path: Path) -> None:
    """Uploaded, overwritten, processed, read again, deleted."""
    path = tmp_path / "rows.csv"
    await asyncio.to_thread(path.write_bytes, b"a,b\r\n1,2\r\n")
    async with living(page_size=1) as (client, sandbox):
        nightly = sandbox.state.add_automation("Nightly load")
        other = sandbox.state.add_automation("Weekly load")
        listed = await client.automations.list().collect()
        assert [automation["id"] for automation in listed] == [nightly, other]
        files = client.automations.files
        first = await files.create(nightly, path)
        assert first.warning is None
        again = await files.create(nightly, b"a,b\r\n3,4\r\n", filename="rows.csv", content_type="text/csv")
        assert again.id == first.id
        assert again.warning is not None
        assert again.warning.warning_message
        second = await files.create(nightly, b"", filename="none.csv")
        assert [file["name"] for file in await files.list(nightly).collect()] == ["rows.csv", "none.csv"]
        assert await files.list(other).collect() == []
        known = await files.get(nightly, first.id)
        assert (known["name"], known["size"]) == ("rows.csv", 10)
        async with files.content(nightly, first.id) as download:
            assert download.headers["Content-Type"] == "text/plain; charset=utf-8"
            assert await download.save(tmp_path / "back.csv") == 10
        assert await asyncio.to_thread((tmp_path / "back.csv").read_bytes) == b"a,b\r\n3,4\r\n"
        sandbox.state.shelf("automation file").find(nightly, first.id)["tag"] = "archived"
        assert [file["id"] for file in await files.list(nightly, tag="archived").collect()] == [first.id]
        assert [file["id"] for file in await files.list(nightly).collect()] == [second.id]
        third = await files.create(nightly, path)
        assert (third.warning, third.id == first.id) == (None, False)
        await files.delete(nightly, first.id)
        with pytest.raises(NotFound):
            await files.get(nightly, first.id)
        with pytest.raises(NotFound):
            async with files.content(nightly, first.id):
                pass
        kept = sandbox.state.shelf("automation file").under(nightly)
        assert [file["id"] for file in kept] == [second.id, third.id]


@asynchronous
async def test_files_of_no_automation_are_refused() -> None:
    """An unknown automation, and a tag that there is not."""
    async with living() as (client, sandbox):
        files = client.automations.files
        refused: list[ApiError] = []
        for attempt in (
            files.create("AU_nowhere", b"", filename="rows.csv"),
            files.list("AU_nowhere").collect(),
            files.list(sandbox.state.add_automation("Load"), tag="lost").collect(),
        ):
            with pytest.raises(ApiError) as refusal:
                await attempt
            refused.append(refusal.value)
        assert [error.status for error in refused] == [404, 404, 400]
        assert len(sandbox.state.shelf("automation file")) == 0


SHAPES = [
    ("libraries", "/libraries"),
    ("library_messages", "/libraries/{library}/messages"),
    ("library_message", "/libraries/{library}/messages/{message}"),
    ("tickets", "/tickets"),
    ("ticket", "/tickets/{ticket}"),
    ("ticket_events", "/tickets/{ticket}/events"),
    ("ticket_statuses", "/tickets/statuses"),
    ("ticket_root_causes", "/tickets/{ticket}/rootCauses"),
]


async def ask(template: str) -> Any:
    """The body of an answer about one of everything."""
    async with living() as (client, sandbox):
        state = sandbox.state
        ticket = state.add_ticket("Cold soup", root_causes=["Broken stove"])
        await client.tickets.update(ticket, TicketUpdate(status=2))
        message = state.add_library_message("Lunch", "!")
        path = template.format(library=state.user_id, message=message, ticket=ticket)
        return await client.request("GET", path, whole=True)


@pytest.mark.parametrize(("name", "template"), SHAPES)
def test_bodies_have_the_keys_of_the_samples(name: str, template: str) -> None:
    """Two independent statements of the wire format agree, but for languages, which are data."""
    assert keys(asyncio.run(ask(template))) == keys(sample(name)) - {".result.messages.fr"}
