"""The audit log and exports of it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from qualtrics_async.models._base import Input, Instant, JsonObject, Model, convert_wire
from qualtrics_async.models.common import Created, JobProgress

__all__ = [
    "AnyAuditEventType",
    "AnyAuditExport",
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
    if isinstance(value, str):
        return AuditEventType(name=value)
    return msgspec.convert(value, AuditEventType, dec_hook=convert_wire)


def _export(value: object) -> Created:
    found = [value.get(key) for key in ("id", "exportId")] if isinstance(value, dict) else [value]
    for job_id in found:
        if isinstance(job_id, str):
            return Created(id=job_id)
    raise ValueError("expected the id of an export")


if TYPE_CHECKING:
    AnyAuditEventType: TypeAlias = AuditEventType
    AnyAuditExport: TypeAlias = Created
else:
    from qualtrics_async.models._base import _Lenient

    class AnyAuditEventType(metaclass=_Lenient):
        """An `AuditEventType`, also where the wire has only its name (documented)."""

        result = AuditEventType
        convert = staticmethod(_event_type)

    class AnyAuditExport(metaclass=_Lenient):
        """A `Created`, from `id` (used by a client) or `exportId` (documented)."""

        result = Created
        convert = staticmethod(_export)


class AuditEventTypesPage(Model, frozen=True, kw_only=True):
    """Kinds of events, under `elements` (used by a client) or `events` (documented)."""

    elements: list[AnyAuditEventType] | None = None
    events: list[AnyAuditEventType] | None = None
    next_page: str | None = None
