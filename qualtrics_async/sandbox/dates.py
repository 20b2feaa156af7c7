"""Instants as the wire has them; milliseconds since the epoch in the sandbox."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["from_iso", "iso", "iso_fraction"]


def iso(milliseconds: int) -> str:
    """`2026-06-01T09:00:00Z`."""
    return datetime.fromtimestamp(milliseconds // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def iso_fraction(milliseconds: int) -> str:
    """`2026-06-01T09:00:00.123Z`, as the distribution history has it."""
    return f"{iso(milliseconds)[:-1]}.{milliseconds % 1000:03}Z"


def from_iso(text: str) -> int:
    """Milliseconds since the epoch, in UTC unless the text says otherwise."""
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
