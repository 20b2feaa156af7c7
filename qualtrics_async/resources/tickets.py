"""Tickets: their events, statuses and root causes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import UNSET

from qualtrics_async._core.paging import Page, Paged
from qualtrics_async._core.request import DELETE, GET, POST, PUT
from qualtrics_async.models.tickets import Ticket, TicketEvent, TicketRootCause, TicketStatus, TicketUpdate
from qualtrics_async.resources._base import Resource, filled

__all__ = ["TicketStatuses", "Tickets"]


class Tickets(Resource):
    """Tickets of the closed loop. Without its licence the service answers 403 `TIK_1.1` (documented)."""

    __slots__ = ()

    @property
    def statuses(self) -> TicketStatuses:
        """The statuses that tickets can have."""
        return TicketStatuses(self._executor)

    def list(self, *, all_tickets: bool | None = None, page_size: int | None = None) -> Paged[Ticket]:
        """Tickets of the account; one client asks for those of all owners with `all_tickets`."""
        return self._paged(GET("/tickets"), Ticket, query={"allTickets": all_tickets, "pageSize": page_size})

    async def get(self, ticket_key: str) -> Ticket:
        """One ticket."""
        return await self._send(GET("/tickets/{ticketKey}", ticket_key), Ticket)

    async def update(self, ticket_key: str, ticket: TicketUpdate) -> None:
        """Change what is set of a ticket. A comment is never sent twice by itself."""
        route = PUT("/tickets/{ticketKey}", ticket_key)
        return await self._send(route, None, body=ticket, idempotent=ticket.comment is UNSET)

    async def delete(self, ticket_key: str) -> None:
        """Delete a ticket."""
        return await self._send(DELETE("/tickets/{ticketKey}", ticket_key), None)

    def search(self, search: Mapping[str, Any]) -> Paged[Ticket]:
        """Tickets that a search finds. No source shows its body, so it is sent as it is (assumed)."""
        return self._paged(POST("/tickets/search"), Ticket, body=search)

    def events(self, ticket_key: str) -> Paged[TicketEvent]:
        """What happened to a ticket."""
        return self._paged(GET("/tickets/{ticketKey}/events", ticket_key), TicketEvent)

    async def root_causes(self, ticket_key: str) -> Sequence[TicketRootCause]:
        """Why a ticket came to be."""
        route = GET("/tickets/{ticketKey}/rootCauses", ticket_key)
        return (await self._send(route, Page[TicketRootCause])).elements

    async def update_additional_data(self, ticket_key: str, data: Mapping[str, Any]) -> None:
        """Change the additional data of a ticket. No source shows the body, so it is sent as it is (assumed).

        Raises:
            UsageError: for an empty body.
        """
        route = PUT("/tickets/{ticketKey}/ticketAdditionalData", ticket_key)
        return await self._send(route, None, body=filled(data, "data"))


class TicketStatuses(Resource):
    """The statuses that tickets of the brand can have."""

    __slots__ = ()

    async def get(self) -> Sequence[TicketStatus]:
        """Every status, with those that may follow it."""
        return (await self._send(GET("/tickets/statuses"), Page[TicketStatus])).elements

    async def update(self, statuses: Mapping[str, Any]) -> None:
        """Replace the whole set of statuses: what is left out is gone (documented).

        No source shows the body, so it is sent as it is (assumed: `{"elements": [...]}`, as it is read).

        Raises:
            UsageError: for an empty body, which must never mean that no status is left.
        """
        return await self._send(PUT("/tickets/statuses"), None, body=filled(statuses, "statuses"))
