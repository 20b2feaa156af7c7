"""Contacts of a mailing list."""

from __future__ import annotations

from datetime import datetime

from qualtrics_async._core.paging import Paged
from qualtrics_async._core.request import DELETE, GET, POST, PUT, instant
from qualtrics_async.models.contacts import (
    Contact,
    ContactCreate,
    ContactCreated,
    ContactHistoryEntry,
    ContactUpdate,
    ListContact,
)
from qualtrics_async.models.directory_contacts import UnreachableContact
from qualtrics_async.resources._base import Resource, named, optional

__all__ = ["MailingListContacts"]


class MailingListContacts(Resource):
    """The contacts of a mailing list. `contact_id` is the person's id in the directory (`CID_...`)."""

    __slots__ = ()

    def list(
        self,
        directory_id: str,
        mailing_list_id: str,
        *,
        include_embedded: bool | None = None,
        page_size: int | None = None,
        use_new_pagination_scheme: bool | None = True,
    ) -> Paged[ListContact]:
        """Every contact of a mailing list; embedded data only with `include_embedded`.

        Sources disagree on the largest page (50, 500), so the server's own size is the default. The token
        scheme is asked for by default: offsets are deprecated (documented).
        """
        query = {
            "includeEmbedded": include_embedded,
            "pageSize": page_size,
            "useNewPaginationScheme": use_new_pagination_scheme,
        }
        route = GET(
            "/directories/{directoryId}/mailinglists/{mailingListId}/contacts", directory_id, mailing_list_id
        )
        return self._paged(route, ListContact, query=query)

    async def create(self, directory_id: str, mailing_list_id: str, contact: ContactCreate) -> ContactCreated:
        """Create a contact in a mailing list; it is never sent twice by itself.

        Where the directory deduplicates, a match updates the existing contact and answers with its id;
        where it does not, a duplicate is made (documented).
        """
        route = POST(
            "/directories/{directoryId}/mailinglists/{mailingListId}/contacts", directory_id, mailing_list_id
        )
        return await self._send(route, ContactCreated, body=contact)

    async def get(self, directory_id: str, mailing_list_id: str, contact_id: str) -> Contact:
        """One contact with everything known about it."""
        route = GET(
            "/directories/{directoryId}/mailinglists/{mailingListId}/contacts/{contactId}",
            directory_id,
            mailing_list_id,
            contact_id,
        )
        return await self._send(route, Contact)

    async def update(
        self, directory_id: str, mailing_list_id: str, contact_id: str, contact: ContactUpdate
    ) -> None:
        """Change the fields of a contact that are set; `unsubscribed` means this list (documented)."""
        route = PUT(
            "/directories/{directoryId}/mailinglists/{mailingListId}/contacts/{contactId}",
            directory_id,
            mailing_list_id,
            contact_id,
        )
        return await self._send(route, None, body=contact)

    async def delete(self, directory_id: str, mailing_list_id: str, contact_id: str) -> None:
        """Take a contact off a mailing list; it stays in the directory (documented)."""
        route = DELETE(
            "/directories/{directoryId}/mailinglists/{mailingListId}/contacts/{contactId}",
            directory_id,
            mailing_list_id,
            contact_id,
        )
        return await self._send(route, None)

    def bounced(
        self,
        directory_id: str,
        mailing_list_id: str,
        *,
        since: datetime | str | None = None,
        page_size: int | None = None,
    ) -> Paged[UnreachableContact]:
        """Contacts of a mailing list whose e-mails came back; `since` an instant."""
        query = {"since": optional(instant, since, "since"), "pageSize": page_size}
        route = GET(
            "/directories/{directoryId}/mailinglists/{mailingListId}/bouncedContacts",
            directory_id,
            mailing_list_id,
        )
        return self._paged(route, UnreachableContact, query=query)

    def opted_out(
        self,
        directory_id: str,
        mailing_list_id: str,
        *,
        since: datetime | str | None = None,
        page_size: int | None = None,
    ) -> Paged[UnreachableContact]:
        """Contacts who opted out of a mailing list; `since` an instant."""
        query = {"since": optional(instant, since, "since"), "pageSize": page_size}
        route = GET(
            "/directories/{directoryId}/mailinglists/{mailingListId}/optedOutContacts",
            directory_id,
            mailing_list_id,
        )
        return self._paged(route, UnreachableContact, query=query)

    def history(
        self,
        directory_id: str,
        mailing_list_id: str,
        contact_id: str,
        *,
        type: str,  # noqa: A002  (the wire's name)
    ) -> Paged[ContactHistoryEntry]:
        """What a contact was sent (`type="email"`) or answered (`type="response"`)."""
        route = GET(
            "/directories/{directoryId}/mailinglists/{mailingListId}/contacts/{contactId}/history",
            directory_id,
            mailing_list_id,
            contact_id,
        )
        return self._paged(route, ContactHistoryEntry, query={"type": named(type, "type")})
