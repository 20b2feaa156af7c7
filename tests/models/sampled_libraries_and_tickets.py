"""Samples of the models around libraries, tickets and files of automations."""

from __future__ import annotations

from qualtrics_async.models._base import Model
from qualtrics_async.models.automations import AutomationFileCreated, AutomationFileWarning
from qualtrics_async.models.libraries import Library, LibraryMessage, LibraryMessageSummary
from qualtrics_async.models.tickets import Ticket, TicketEvent, TicketRootCause, TicketStatus

SAMPLED: dict[type[Model], tuple[str, ...]] = {
    Library: ("libraries",),
    LibraryMessage: ("library_message",),
    LibraryMessageSummary: ("library_messages",),
    Ticket: ("ticket", "tickets"),
    TicketEvent: ("ticket_events",),
    TicketRootCause: ("ticket_root_causes",),
    TicketStatus: ("ticket_statuses",),
}
NESTED = {AutomationFileCreated, AutomationFileWarning}
