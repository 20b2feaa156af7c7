"""Calls around libraries, tickets and files of automations."""

from __future__ import annotations

from typing import Any

from calling import Case

from qualtrics_async.models.libraries import LibraryMessageCreate, LibraryMessageUpdate
from qualtrics_async.models.tickets import TicketUpdate

CREATED = LibraryMessageCreate(description="Lunch", category="invite", messages={"en": "Lunch?"})
CHANGED = LibraryMessageUpdate(description="Dinner")
STATUSES = {"elements": [{"id": 1, "name": "Open", "transitions": []}]}
FILES = "/automations/AU_1/files"

ARGUMENTS: dict[str, dict[str, Any]] = {
    "libraries.messages.create": {"message": CREATED},
    "libraries.messages.update": {"message": CHANGED},
    "libraries.graphics.upload": {"file": b"GIF89a", "name": "logo.gif"},
    "tickets.search": {"search": {"status": 1}},
    "tickets.update": {"ticket": TicketUpdate(status=2)},
    "tickets.update_additional_data": {"data": {"table": "4"}},
    "tickets.statuses.update": {"statuses": STATUSES},
    "automations.files.create": {"file": b"a,b\n", "filename": "contacts.csv"},
}
OWN_TESTS = {"libraries.graphics.upload", "automations.files.create"}
CASES = [
    Case("libraries.list", lambda r: r.list(), "GET", "/libraries", "libraries"),
    Case(
        "libraries.surveys",
        lambda r: r.surveys("UR_1"),
        "GET",
        "/libraries/UR_1/survey/surveys",
        "library_surveys",
    ),
    Case(
        "libraries.questions",
        lambda r: r.questions("UR_1"),
        "GET",
        "/libraries/UR_1/survey/questions",
        "library_surveys",
    ),
    Case(
        "libraries.blocks",
        lambda r: r.blocks("UR_1"),
        "GET",
        "/libraries/UR_1/survey/blocks",
        "library_surveys",
    ),
    Case(
        "libraries.messages.list",
        lambda r: r.list("UR_1"),
        "GET",
        "/libraries/UR_1/messages",
        "library_messages",
    ),
    Case(
        "libraries.messages.list of a category",
        lambda r: r.list("UR_1", category="invite"),
        "GET",
        "/libraries/UR_1/messages",
        "library_messages",
        {"category": "invite"},
    ),
    Case(
        "libraries.messages.create",
        lambda r: r.create("UR_1", CREATED),
        "POST",
        "/libraries/UR_1/messages",
        "library_message_created",
        body={"description": "Lunch", "category": "invite", "messages": {"en": "Lunch?"}},
    ),
    Case(
        "libraries.messages.get",
        lambda r: r.get("UR_1", "MS_1"),
        "GET",
        "/libraries/UR_1/messages/MS_1",
        "library_message",
    ),
    Case(
        "libraries.messages.update",
        lambda r: r.update("UR_1", "MS_1", CHANGED),
        "PUT",
        "/libraries/UR_1/messages/MS_1",
        body={"description": "Dinner"},
    ),
    Case(
        "libraries.messages.update with everything",
        lambda r: r.update(
            "UR_1",
            "MS_1",
            LibraryMessageUpdate(description="Dinner", category="reminder", messages={"en": "Dinner?"}),
        ),
        "PUT",
        "/libraries/UR_1/messages/MS_1",
        body={"description": "Dinner", "category": "reminder", "messages": {"en": "Dinner?"}},
    ),
    Case(
        "libraries.messages.delete",
        lambda r: r.delete("UR_1", "MS_1"),
        "DELETE",
        "/libraries/UR_1/messages/MS_1",
    ),
    Case(
        "libraries.graphics.delete",
        lambda r: r.delete("UR_1", "IM_1"),
        "DELETE",
        "/libraries/UR_1/graphics/IM_1",
    ),
    Case("tickets.list", lambda r: r.list(), "GET", "/tickets", "tickets"),
    Case(
        "tickets.list with everything",
        lambda r: r.list(all_tickets=True, page_size=50),
        "GET",
        "/tickets",
        "tickets",
        {"allTickets": "true", "pageSize": "50"},
    ),
    Case(
        "tickets.search",
        lambda r: r.search({"status": 1}),
        "POST",
        "/tickets/search",
        "tickets",
        body={"status": 1},
    ),
    Case("tickets.get", lambda r: r.get("TICKET-7"), "GET", "/tickets/TICKET-7", "ticket"),
    Case(
        "tickets.update",
        lambda r: r.update("TICKET-7", TicketUpdate(status=2)),
        "PUT",
        "/tickets/TICKET-7",
        body={"status": 2},
    ),
    Case(
        "tickets.update with everything",
        lambda r: r.update(
            "TICKET-7",
            TicketUpdate(
                name="Cold soup",
                status=2,
                priority=1,
                owner_id="UR_1",
                comment="Heated",
                ticket_team_id="ROL_1",
                ticket_group_id="TGRP_1",
            ),
        ),
        "PUT",
        "/tickets/TICKET-7",
        body={
            "name": "Cold soup",
            "status": 2,
            "priority": 1,
            "ownerId": "UR_1",
            "comment": "Heated",
            "ticketTeamId": "ROL_1",
            "ticketGroupId": "TGRP_1",
        },
    ),
    Case("tickets.delete", lambda r: r.delete("TICKET-7"), "DELETE", "/tickets/TICKET-7"),
    Case(
        "tickets.events", lambda r: r.events("TICKET-7"), "GET", "/tickets/TICKET-7/events", "ticket_events"
    ),
    Case(
        "tickets.root_causes",
        lambda r: r.root_causes("TICKET-7"),
        "GET",
        "/tickets/TICKET-7/rootCauses",
        "ticket_root_causes",
    ),
    Case(
        "tickets.update_additional_data",
        lambda r: r.update_additional_data("TICKET-7", {"table": "4"}),
        "PUT",
        "/tickets/TICKET-7/ticketAdditionalData",
        body={"table": "4"},
    ),
    Case("tickets.statuses.get", lambda r: r.get(), "GET", "/tickets/statuses", "ticket_statuses"),
    Case("tickets.statuses.update", lambda r: r.update(STATUSES), "PUT", "/tickets/statuses", body=STATUSES),
    Case("automations.list", lambda r: r.list(), "GET", "/automations", "automations"),
    Case("automations.files.list", lambda r: r.list("AU_1"), "GET", FILES, "automation_files"),
    Case(
        "automations.files.list of a tag",
        lambda r: r.list("AU_1", tag="archived"),
        "GET",
        FILES,
        "automation_files",
        {"tag": "archived"},
    ),
    Case(
        "automations.files.get", lambda r: r.get("AU_1", "AFL_1"), "GET", f"{FILES}/AFL_1", "automation_file"
    ),
    Case("automations.files.delete", lambda r: r.delete("AU_1", "AFL_1"), "DELETE", f"{FILES}/AFL_1"),
    Case(
        "automations.files.content",
        lambda r: r.content("AU_1", "AFL_1"),
        "GET",
        f"{FILES}/AFL_1/content",
        b"a,b\n",
    ),
]
