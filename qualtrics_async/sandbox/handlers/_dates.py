"""Instants as several services have them: in two forms, without a zone in UTC."""

from __future__ import annotations

from datetime import UTC, datetime

from qualtrics_async.sandbox.state import iso
from qualtrics_async.sandbox.wire import Refused

__all__ = ["as_iso", "read_instant", "write_plain"]


def read_instant(text: object, key: str) -> int:
    """Milliseconds since the epoch from `YYYY-MM-DD HH:MM:SS` or ISO 8601; UTC unless it says otherwise."""
    try:
        moment = datetime.fromisoformat(text)  # type: ignore[arg-type]  # what is no text is refused as well
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError):
        raise Refused(400, "PLACEHOLDER_400", f"{key} must be a date.") from None
    return int(moment.timestamp() * 1000)


def as_iso(text: object, key: str) -> str:
    """A date in either form as it is read afterwards: `2026-06-01T09:00:00Z`."""
    return iso(read_instant(text, key))


def write_plain(milliseconds: int) -> str:
    """`2026-06-01 09:00:00`."""
    return iso(milliseconds).replace("T", " ").removesuffix("Z")
