"""Time zones of exported and imported dates.

The service has a list of names of its own, which no source shows; here they are IANA's (assumed).
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from datetime import tzinfo

__all__ = ["DEFAULT", "local", "to_utc", "zone_of"]

DEFAULT = "Z"
"""How tables name UTC (observed)."""


@lru_cache(maxsize=64)
def zone_of(name: str) -> tzinfo:
    """The time zone of a name; not in an event loop, for it may be read from a file.

    Raises:
        ValueError: for a name that is unknown.
    """
    if name == DEFAULT:
        return UTC
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        raise ValueError(f"{name!r:.60} is no time zone that the sandbox knows; try Europe/Lisbon.") from None


def local(milliseconds: int, zone: tzinfo) -> int:
    """The same instant as clocks in a zone show it, counted as if they were in UTC."""
    shift = datetime.fromtimestamp(milliseconds // 1000, zone).utcoffset()
    return milliseconds if shift is None else milliseconds + int(shift.total_seconds()) * 1000


def to_utc(text: str, zone: tzinfo) -> str:
    """`2026-05-02 08:00:00` in a zone as values have it: `2026-05-02T06:00:00Z`; what is none stays."""
    try:
        moment = datetime.fromisoformat(text)
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return text
    return f"{moment.replace(tzinfo=None).isoformat()}Z"
