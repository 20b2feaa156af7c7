"""The audit log and exports of it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from qualtrics_async.models._base import Input, Instant, JsonObject, Model, convert_wire, lenient
from qualtrics_async.models.common import JobProgress

__all__ = [
    "AnyAuditEventType",
    "AuditEvent",
    "AuditEventType",
    "AuditEventTypesPage",
    "AuditExportOptions",
    "AuditExportProgress",
]


class AuditEventType(Model, frozen=True, kw_only=True):
    """A kind of event that is logged (used by a client)."""

    name: str
    description: str | None = None
    category: str | None = None


class AuditEvent(Model, frozen=True, kw_only=True):
    """One entry of the log (documented). What `descriptor` holds depends on the activity."""

    id: str
    timestamp: Instant | None = None
    datacenter: str | None = None
    source: str | None = None
    descriptor: JsonObject | None = None


class AuditExportOptions(Input, kw_only=True):
    """Which events to export (documented): of one name, from `start_date` to `end_date`, of one user or all.

    Instants are aware `datetime`s or ISO text.
    """

    event_name: str
    start_date: datetime | str
    end_date: datetime | str
    user_id: str | UnsetType = UNSET


class AuditExportProgress(JobProgress, frozen=True, kw_only=True):
    """How far an export is (used by a client)."""

    id: str | None = None
    file_id: str | None = None


def _event_type(value: object) -> AuditEventType:
    """An `AuditEventType`, also where the wire has only its name (documented)."""
    if isinstance(value, str):
        return AuditEventType(name=value)
    return msgspec.convert(value, AuditEventType, dec_hook=convert_wire)


if TYPE_CHECKING:
    AnyAuditEventType: TypeAlias = AuditEventType
else:
    AnyAuditEventType = lenient(AuditEventType, _event_type)


class AuditEventTypesPage(Model, frozen=True, kw_only=True):
    """Kinds of events, under `elements` (used by a client) or `events` (documented)."""

    elements: list[AnyAuditEventType] | None = None
    events: list[AnyAuditEventType] | None = None
    next_page: str | None = None
