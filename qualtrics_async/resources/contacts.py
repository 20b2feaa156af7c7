"""Contacts of a directory, and the search among them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from qualtrics_async._core.paging import SKIP_TOKEN, Paged
from qualtrics_async._core.request import DELETE, GET, POST, PUT, instant
from qualtrics_async.models.common import Created
from qualtrics_async.models.contact_filters import ContactFilter, ContactFilterGroup
from qualtrics_async.models.contacts import ContactHistoryEntry
from qualtrics_async.models.directory_contacts import (
    ContactSearchResult,
    DirectoryContact,
    DirectoryContactCreate,
    DirectoryContactDetails,
    DirectoryContactUpdate,
    OptedOutContact,
)
from qualtrics_async.resources._base import Resource, named, optional

__all__ = ["Contacts"]


class Contacts(Resource):
    """The contacts of a directory, in whatever mailing lists they are; for XM Directory (documented)."""

    __slots__ = ()

    def list(
        self,
        directory_id: str,
        *,
        page_size: int | None = None,
        use_new_pagination_scheme: bool | None = True,
    ) -> Paged[DirectoryContact]:
        """Every contact of a directory, 100 a page unless `page_size` says otherwise (documented).

        The token scheme is asked for by default: offsets are deprecated (documented).
        """
        query = {"pageSize": page_size, "useNewPaginationScheme": use_new_pagination_scheme}
        return self._paged(
            GET("/directories/{directoryId}/contacts", directory_id), DirectoryContact, query=query
        )

    async def create(self, directory_id: str, contact: DirectoryContactCreate) -> Created:
        """Create a contact that is in no mailing list; it is never sent twice by itself.

        Where the directory deduplicates, a match updates the existing contact and answers with its id;
        where it does not, a duplicate is made (documented).
        """
        return await self._send(
            POST("/directories/{directoryId}/contacts", directory_id), Created, body=contact
        )

    async def get(
        self, directory_id: str, contact_id: str, *, include_segments: bool | None = None
    ) -> DirectoryContactDetails:
        """One contact with its mailing lists; with its segments only if `include_segments` asks for them."""
        route = GET("/directories/{directoryId}/contacts/{contactId}", directory_id, contact_id)
        return await self._send(route, DirectoryContactDetails, query={"includeSegments": include_segments})

    async def update(self, directory_id: str, contact_id: str, contact: DirectoryContactUpdate) -> None:
        """Change the fields of a contact that are set; `unsubscribed` means the directory (assumed)."""
        route = PUT("/directories/{directoryId}/contacts/{contactId}", directory_id, contact_id)
        return await self._send(route, None, body=contact)

    async def delete(self, directory_id: str, contact_id: str) -> None:
        """Delete a contact from the directory and so from every mailing list (used by a client)."""
        return await self._send(
            DELETE("/directories/{directoryId}/contacts/{contactId}", directory_id, contact_id), None
        )

    def search(
        self,
        directory_id: str,
        filter: ContactFilter | ContactFilterGroup | Mapping[str, Any],  # noqa: A002  (the wire's name)
        *,
        include_embedded: bool | None = None,
        include_segments: bool | None = None,
        page_size: int | None = None,
    ) -> Paged[ContactSearchResult]:
        """The contacts that a filter lets through, at most the first 10 000 (documented).

        What lies beyond is refused: an `InvalidRequest` with the `cursor` of the page that could not be had.
        An export of contacts has them all. Words that the service does not know are refused too.
        """
        query = {
            "includeEmbedded": include_embedded,
            "includeSegments": include_segments,
            "pageSize": page_size,
        }
        route = POST("/directories/{directoryId}/contacts/search", directory_id)
        body = {"filter": filter}
        return self._paged(route, ContactSearchResult, query=query, body=body, scheme=SKIP_TOKEN)

    def opted_out(
        self,
        directory_id: str,
        *,
        since: datetime | str | None = None,
        page_size: int | None = None,
    ) -> Paged[OptedOutContact]:
        """Contacts who opted out of the directory; `since` an instant."""
        query = {"since": optional(instant, since, "since"), "pageSize": page_size}
        route = GET("/directories/{directoryId}/contacts/optedOutContacts", directory_id)
        return self._paged(route, OptedOutContact, query=query)

    def history(
        self,
        directory_id: str,
        contact_id: str,
        *,
        type: str,  # noqa: A002  (the wire's name)
        page_size: int | None = None,
    ) -> Paged[ContactHistoryEntry]:
        """What a contact was sent (`type="email"`) or answered (`type="response"`), in all its lists."""
        query = {"type": named(type, "type"), "pageSize": page_size}
        route = GET("/directories/{directoryId}/contacts/{contactId}/history", directory_id, contact_id)
        return self._paged(route, ContactHistoryEntry, query=query)
