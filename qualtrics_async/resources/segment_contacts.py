"""Contacts of a segment."""

from __future__ import annotations

from qualtrics_async.resources._base import Resource

__all__ = ["SegmentContacts"]


class SegmentContacts(Resource):
    """Contacts of a segment."""

    __slots__ = ()
