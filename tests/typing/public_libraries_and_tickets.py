"""What operations of libraries, tickets and automations are to a type checker. Never run: mypy reads it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, assert_type

from qualtrics_async import Download, Paged, Qualtrics
from qualtrics_async.models.automations import AutomationFileCreated, AutomationFileWarning
from qualtrics_async.models.common import Created
from qualtrics_async.models.libraries import (
    Library,
    LibraryMessage,
    LibraryMessageCreate,
    LibraryMessageSummary,
    LibraryMessageUpdate,
)
from qualtrics_async.models.tickets import Ticket, TicketEvent, TicketRootCause, TicketStatus, TicketUpdate


async def libraries(client: Qualtrics) -> None:
    """Libraries with their messages and graphics."""
    assert_type(client.libraries.list(), Paged[Library])
    assert_type(client.libraries.questions("UR_1"), Paged[dict[str, Any]])
    messages = client.libraries.messages
    assert_type(messages.list("UR_1"), Paged[LibraryMessageSummary])
    message = LibraryMessageCreate(description="Lunch", category="invite", messages={"en": "Lunch?"})
    assert_type(await messages.create("UR_1", message), Created)
    assert_type(await messages.get("UR_1", "MS_1"), LibraryMessage)
    assert_type(await messages.update("UR_1", "MS_1", LibraryMessageUpdate(category="general")), None)
    assert_type(await client.libraries.graphics.upload("UR_1", file=Path("logo.png")), Created)
    assert_type(await client.libraries.graphics.delete("UR_1", "IM_1"), None)


async def tickets(client: Qualtrics) -> None:
    """Tickets with their events and statuses."""
    assert_type(client.tickets.list(all_tickets=True), Paged[Ticket])
    assert_type(client.tickets.search({"status": 1}), Paged[Ticket])
    assert_type(await client.tickets.get("TICKET-7"), Ticket)
    assert_type(await client.tickets.update("TICKET-7", TicketUpdate(status=2)), None)
    assert_type(client.tickets.events("TICKET-7"), Paged[TicketEvent])
    assert_type(await client.tickets.root_causes("TICKET-7"), Sequence[TicketRootCause])
    assert_type(await client.tickets.statuses.get(), Sequence[TicketStatus])
    assert_type(await client.tickets.statuses.update({"elements": []}), None)


async def automations(client: Qualtrics) -> None:
    """Automations with their files."""
    assert_type(client.automations.list(), Paged[dict[str, Any]])
    files = client.automations.files
    assert_type(files.list("AU_1", tag="archived"), Paged[dict[str, Any]])
    created = await files.create("AU_1", b"a,b\n", filename="rows.csv")
    assert_type(created, AutomationFileCreated)
    assert_type(created.warning, AutomationFileWarning | None)
    assert_type(await files.get("AU_1", "AFL_1"), dict[str, Any])
    assert_type(await files.delete("AU_1", "AFL_1"), None)
    assert_type(files.content("AU_1", "AFL_1"), AbstractAsyncContextManager[Download])


async def refused(client: Qualtrics) -> None:
    """What a checker must refuse; each ignored error is one that has to be there."""
    await client.automations.files.create("AU_1", "rows.csv")  # type: ignore[arg-type]  # must be an error
    await client.tickets.update("TICKET-7", {"status": 2})  # type: ignore[arg-type]  # must be an error
    LibraryMessageCreate(description="Lunch", category="invite")  # type: ignore[call-arg]  # must be an error
