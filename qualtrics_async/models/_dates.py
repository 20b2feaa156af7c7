"""Instants as some bodies want them: `YYYY-MM-DD HH:MM:SS` in UTC, without a zone."""

from __future__ import annotations

from datetime import UTC, datetime

from qualtrics_async.errors import UsageError

__all__ = ["utc_text"]


def utc_text(value: datetime | str, name: str) -> str:
    """Write an instant without its zone; text goes as it is.

    Raises:
        UsageError: for a naive `datetime`, which names no instant, one out of range, and what is none.
    """
    if isinstance(value, str):
        return value
    if not isinstance(value, datetime):
        raise UsageError(f"{name} must be a datetime, got {type(value).__name__}")
    if value.utcoffset() is None:
        raise UsageError(f"{name} has no time zone, so it names no instant: {value.isoformat()}")
    try:
        moment = value.astimezone(UTC)
    except OverflowError:
        raise UsageError(f"{name} is out of range: {value.isoformat()}") from None
    return moment.replace(tzinfo=None).isoformat(sep=" ", timespec="seconds")
