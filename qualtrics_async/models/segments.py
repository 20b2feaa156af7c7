"""Segments: contacts of a directory who meet criteria, as of the last refresh."""

from __future__ import annotations

from qualtrics_async.models._base import Flag, Instant, JsonObject, Model
from qualtrics_async.models.directory_contacts import Person

__all__ = ["Segment", "SegmentContact", "SegmentRefreshStarted"]


class Segment(Model, frozen=True, kw_only=True):
    """A segment (used by a client). `criteria` holds a `simpleFilter`, or groups of them (documented)."""

    segment_id: str
    name: str | None = None
    description: str | None = None
    contact_count: int | None = None
    creation_date: Instant | None = None
    last_modified_date: Instant | None = None
    criteria: JsonObject | None = None

    @property
    def id(self) -> str:
        """The same as `segment_id`."""
        return self.segment_id


class SegmentRefreshStarted(Model, frozen=True, kw_only=True):
    """The job of a refresh (assumed: named as in the path of its progress)."""

    progress_id: str


class SegmentContact(Person, frozen=True, kw_only=True, gc=False):
    """A contact of a segment (used by a client)."""

    directory_unsubscribed: Flag | None = None
    directory_unsubscribe_date: Instant | None = None
    segment_unsubscribed: Flag | None = None
    segment_unsubscribe_date: Instant | None = None
