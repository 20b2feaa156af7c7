"""Contacts of a segment."""

from __future__ import annotations

from qualtrics_async._core.paging import Paged
from qualtrics_async._core.request import GET
from qualtrics_async.models.segments import SegmentContact
from qualtrics_async.resources._base import Resource

__all__ = ["SegmentContacts"]


class SegmentContacts(Resource):
    """The contacts who belonged to a segment at its last refresh."""

    __slots__ = ()

    def list(
        self, directory_id: str, segment_id: str, *, page_size: int | None = None
    ) -> Paged[SegmentContact]:
        """Every contact of a segment."""
        route = GET("/directories/{directoryId}/segments/{segmentId}/contacts", directory_id, segment_id)
        return self._paged(route, SegmentContact, query={"pageSize": page_size})

    async def get(self, directory_id: str, segment_id: str, contact_id: str) -> SegmentContact:
        """One contact of a segment; its shape is assumed to be that of the listing."""
        route = GET(
            "/directories/{directoryId}/segments/{segmentId}/contacts/{contactId}",
            directory_id,
            segment_id,
            contact_id,
        )
        return await self._send(route, SegmentContact)
