"""Segments of a directory, and their refreshes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from qualtrics_async._core.paging import Paged
from qualtrics_async._core.request import DELETE, GET, POST, PUT
from qualtrics_async.models.common import AnyCreated, Created, JobProgress
from qualtrics_async.models.contact_filters import ContactFilter
from qualtrics_async.models.segments import Segment, SegmentRefreshStarted
from qualtrics_async.resources._base import Resource, given, named

__all__ = ["SegmentRefreshes", "Segments", "criteria_of"]


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
        criteria: ContactFilter | Mapping[str, Any],
        description: str | None = None,
    ) -> Created:
        """Create a segment; it is never sent twice by itself.

        `criteria` is one filter, or the wire's whole object, with `simpleFilter` or groups of them. That a
        filter takes what the contact search takes is assumed, and that the other keys are those of what is
        read. The body may have up to 10 kB (documented).
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
        criteria: ContactFilter | Mapping[str, Any] | None = None,
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
        """Refresh a segment and wait for the end.

        Raises:
            JobFailed: when the refresh failed.
        """
        started = await self.start(directory_id, segment_id)
        poll = partial(self.progress, directory_id, segment_id, started.progress_id)
        return await self._wait(started.progress_id, poll)


def criteria_of(criteria: ContactFilter | Mapping[str, Any] | None) -> object:
    """The wire's object around one filter; what is a mapping is that object already."""
    return {"simpleFilter": criteria} if isinstance(criteria, ContactFilter) else criteria


def _segment(
    name: str | None, criteria: ContactFilter | Mapping[str, Any] | None, description: str | None
) -> dict[str, object]:
    return given({"name": name, "criteria": criteria_of(criteria), "description": description})
