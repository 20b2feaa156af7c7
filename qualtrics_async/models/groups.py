"""Groups of users."""

from __future__ import annotations

from qualtrics_async.models._base import Flag, Instant, Model

__all__ = ["Group"]


class Group(Model, frozen=True, kw_only=True):
    """A group of users (used by clients). `type` is the id of a group type, which no operation lists."""

    id: str
    type: str | None = None
    division_id: str | None = None
    name: str | None = None
    auto_membership: Flag | None = None
    creation_date: Instant | None = None
    creator_id: str | None = None
