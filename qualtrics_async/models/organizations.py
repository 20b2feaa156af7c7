"""The organization: what elsewhere is called the brand."""

from __future__ import annotations

from qualtrics_async.models._base import Instant, JsonObject, Model

__all__ = ["Organization"]


class Organization(Model, frozen=True, kw_only=True):
    """An organization (documented). What `stats` counts is documented nowhere."""

    id: str
    name: str | None = None
    base_url: str | None = None
    type: str | None = None
    status: str | None = None
    creation_date: Instant | None = None
    expiration_date: Instant | None = None
    stats: JsonObject | None = None
