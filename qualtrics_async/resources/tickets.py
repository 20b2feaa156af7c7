"""Tickets: their events, statuses and root causes."""

from __future__ import annotations

from qualtrics_async.resources._base import Resource

__all__ = ["Tickets"]


class Tickets(Resource):
    """Tickets: their events, statuses and root causes."""

    __slots__ = ()
