"""Tickets of the closed loop, with what happened to them."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from qualtrics_async.errors import UsageError
from qualtrics_async.models._base import Input, Instant, JsonObject, Model

__all__ = ["Ticket", "TicketEvent", "TicketRootCause", "TicketStatus", "TicketUpdate"]


class TicketUpdate(Input, kw_only=True):
    """What to change of a ticket; what is not set stays as it is (documented).

    `comment` is added to it. Owner, team and group cannot be unset once they are assigned; team and group
    take an administrator (documented).

    Raises:
        UsageError: for a change of nothing, which the service refuses.
    """

    name: str | UnsetType = UNSET
    status: int | UnsetType = UNSET
    priority: int | UnsetType = UNSET
    owner_id: str | UnsetType = UNSET
    comment: str | UnsetType = UNSET
    ticket_team_id: str | UnsetType = UNSET
    ticket_group_id: str | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Refuse a change of nothing."""
        if all(getattr(self, name) is UNSET for name in self.__struct_fields__):
            raise UsageError("a change of a ticket names at least one thing that changes")


class Ticket(Model, frozen=True, kw_only=True):
    """A ticket, as one client reads it. `status` is the id of a `TicketStatus`."""

    key: str
    name: str | None = None
    owner_id: str | None = None
    status: int | None = None
    priority: int | None = None
    follow_up_details_survey_id: str | None = None
    follow_up_details_response_id: str | None = None


class TicketStatus(Model, frozen=True, kw_only=True):
    """A status, and the ids of those that may follow it (as one client reads it)."""

    id: int
    name: str | None = None
    transitions: list[int] | None = None


class TicketEvent(Model, frozen=True, kw_only=True):
    """Something that happened to a ticket (as one client reads it).

    A change of status has `oldStatusId` and `newStatusId` in its details.
    """

    event_type: str | None = None
    owner_id: str | None = None
    created_at: Instant | None = None
    event_details: JsonObject | None = None


class TicketRootCause(Model, frozen=True, kw_only=True):
    """Why a ticket came to be (as one client reads it)."""

    name: str | None = None
    created_at: Instant | None = None
