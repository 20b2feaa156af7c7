"""Mailing lists of a directory."""

from __future__ import annotations

from qualtrics_async._core.paging import Paged
from qualtrics_async._core.request import DELETE, GET, POST, PUT
from qualtrics_async.models.common import Created
from qualtrics_async.models.mailing_lists import MailingList
from qualtrics_async.resources._base import Resource, given, named

__all__ = ["MailingLists"]


class MailingLists(Resource):
    """The mailing lists of a directory; at most 10 000 are ever listed (documented)."""

    __slots__ = ()

    def list(
        self,
        directory_id: str,
        *,
        include_count: bool | None = None,
        page_size: int | None = None,
        use_new_pagination_scheme: bool | None = True,
    ) -> Paged[MailingList]:
        """Every mailing list; `include_count` asks for the approximate number of contacts in each.

        The token scheme is asked for by default: offsets are deprecated and skip or repeat rows of a list
        that changes meanwhile (documented).
        """
        query = {
            "includeCount": include_count,
            "pageSize": page_size,
            "useNewPaginationScheme": use_new_pagination_scheme,
        }
        return self._paged(
            GET("/directories/{directoryId}/mailinglists", directory_id), MailingList, query=query
        )

    async def create(
        self,
        directory_id: str,
        *,
        name: str,
        owner_id: str | None = None,
        prioritize_list_metadata: bool | None = None,
    ) -> Created:
        """Create a mailing list; `name` has up to 100 characters (documented)."""
        body = {
            "name": named(name, "name"),
            "ownerId": owner_id,
            "prioritizeListMetadata": prioritize_list_metadata,
        }
        return await self._send(
            POST("/directories/{directoryId}/mailinglists", directory_id), Created, body=given(body)
        )

    async def get(
        self, directory_id: str, mailing_list_id: str, *, include_count: bool | None = None
    ) -> MailingList:
        """One mailing list; `include_count` asks for the approximate number of its contacts."""
        return await self._send(
            GET("/directories/{directoryId}/mailinglists/{mailingListId}", directory_id, mailing_list_id),
            MailingList,
            query={"includeCount": include_count},
        )

    async def update(
        self,
        directory_id: str,
        mailing_list_id: str,
        *,
        name: str | None = None,
        owner_id: str | None = None,
    ) -> None:
        """Change the name or the owner of a mailing list."""
        return await self._send(
            PUT("/directories/{directoryId}/mailinglists/{mailingListId}", directory_id, mailing_list_id),
            None,
            body=given({"name": name, "ownerId": owner_id}),
        )

    async def delete(self, directory_id: str, mailing_list_id: str) -> None:
        """Delete a mailing list; its contacts stay in the directory."""
        return await self._send(
            DELETE("/directories/{directoryId}/mailinglists/{mailingListId}", directory_id, mailing_list_id),
            None,
        )
