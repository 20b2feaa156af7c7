"""Subscriptions to events of the service."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from qualtrics_async.models._base import Flag, Input, Model, convert_wire, lenient

__all__ = ["AnyEventSubscription", "EventSubscription", "EventSubscriptionCreate"]


class EventSubscriptionCreate(Input, kw_only=True):
    """A subscription to create."""

    topics: str
    publication_url: str
    encrypt: bool = False
    shared_key: str | UnsetType = UNSET

    def __repr__(self) -> str:
        return f"EventSubscriptionCreate(topics={self.topics!r}, encrypt={self.encrypt!r}, ...)"


class EventSubscription(Model, frozen=True, kw_only=True):
    """A subscription (observed). `topics` is one text; `scope` is the brand."""

    id: str
    scope: str | None = None
    topics: str | None = None
    publication_url: str | None = None
    encrypted: Flag | None = None
    successful_calls: int | None = None


def _subscription(value: object) -> EventSubscription:
    """An `EventSubscription`, also where it is nested in a second `result` (the specifications)."""
    if isinstance(value, dict) and "id" not in value and "result" in value:
        value = value["result"]
    return msgspec.convert(value, EventSubscription, dec_hook=convert_wire)


AnyEventSubscription: Final = lenient(EventSubscription, _subscription)
