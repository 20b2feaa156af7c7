"""Segments of a directory, and their refreshes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, TypeAlias

from qualtrics_async._core.paging import Paged
from qualtrics_async._core.request import DELETE, GET, POST, PUT
from qualtrics_async.models.common import AnyCreated, Created, JobProgress
from qualtrics_async.models.contact_filters import ContactFilter, ContactFilterGroup
from qualtrics_async.models.segments import Segment, SegmentRefreshStarted
from qualtrics_async.resources._base import Resource, given, named

__all__ = ["Criteria", "SegmentRefreshes", "Segments", "criteria_of"]

Criteria: TypeAlias = ContactFilter | ContactFilterGroup | Mapping[str, Any]
"""Conditions as the contact search has them, or the wire's own object."""


class Segments(Resource):
    """Contacts of a directory who meet criteria; needs XM Directory (documented).

    The service refreshes them by itself twice a day, and on demand through `refreshes` (documented).
    """

    __slots__ = ()

    @property
    def refreshes(self) -> SegmentRefreshes:
        """The jobs that look anew who belongs to a segment."""
        return SegmentRefreshes(self._executor)

    def list(self, directory_id: str, *, page_size: int | None = None) -> Paged[Segment]:
        """Every segment of a directory."""
        route = GET("/directories/{directoryId}/segments", directory_id)
        return self._paged(route, Segment, query={"pageSize": page_size})

    async def create(
        self,
        directory_id: str,
        *,
        name: str,
        criteria: Criteria,
        description: str | None = None,
    ) -> Created:
        """Create a segment; it is never sent twice by itself.

        `criteria` are filters, as the contact search takes them (assumed), or the wire's whole object. The
        names of the other keys are those of what is read (assumed). The body may have up to 10 kB
        (documented).
        """
        route = POST("/directories/{directoryId}/segments", directory_id)
        body = _segment(named(name, "name"), criteria, description)
        return await self._send(route, AnyCreated, body=body)

    async def get(self, directory_id: str, segment_id: str) -> Segment:
        """One segment, without its contacts."""
        route = GET("/directories/{directoryId}/segments/{segmentId}", directory_id, segment_id)
        return await self._send(route, Segment)

    async def update(
        self,
        directory_id: str,
        segment_id: str,
        *,
        name: str | None = None,
        criteria: Criteria | None = None,
        description: str | None = None,
    ) -> None:
        """Change a segment; that some of the keys may be given alone is assumed."""
        route = PUT("/directories/{directoryId}/segments/{segmentId}", directory_id, segment_id)
        return await self._send(route, None, body=_segment(name, criteria, description))

    async def delete(self, directory_id: str, segment_id: str) -> None:
        """Delete a segment; that its contacts stay in the directory is assumed."""
        route = DELETE("/directories/{directoryId}/segments/{segmentId}", directory_id, segment_id)
        return await self._send(route, None)


class SegmentRefreshes(Resource):
    """Jobs that look anew who belongs to a segment. Their shapes are assumed."""

    __slots__ = ()

    async def start(self, directory_id: str, segment_id: str) -> SegmentRefreshStarted:
        """Start to refresh a segment."""
        route = POST("/directories/{directoryId}/segments/{segmentId}/refresh-jobs", directory_id, segment_id)
        return await self._send(route, SegmentRefreshStarted)

    async def progress(self, directory_id: str, segment_id: str, progress_id: str) -> JobProgress:
        """How far a refresh is; `.is_finished` and `.is_failed` read it."""
        route = GET(
            "/directories/{directoryId}/segments/{segmentId}/refresh-jobs/{progressId}",
            directory_id,
            segment_id,
            progress_id,
        )
        return await self._send(route, JobProgress)

    async def run(self, directory_id: str, segment_id: str) -> JobProgress:
        """Start a refresh and wait for its end.

        Raises:
            JobFailed: when it failed.
        """
        started = await self.start(directory_id, segment_id)
        poll = partial(self.progress, directory_id, segment_id, started.progress_id)
        return await self._wait(started.progress_id, poll)


def criteria_of(criteria: Criteria | None) -> object:
    """The wire's object around filters; what is a mapping is that object already.

    That a group has its criteria under `filters`, each in an object of its own, is assumed.
    """
    match criteria:
        case ContactFilter():
            return {"simpleFilter": criteria}
        case ContactFilterGroup(conjunction=conjunction, filters=filters):
            inner = [criteria_of(condition) for condition in filters]
            return {"filterGroup": {"conjunction": conjunction, "filters": inner}}
    return criteria


def _segment(name: str | None, criteria: Criteria | None, description: str | None) -> dict[str, object]:
    return given({"name": name, "criteria": criteria_of(criteria), "description": description})
