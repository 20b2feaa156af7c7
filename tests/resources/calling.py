"""What a call of an operation should do, as a table that each area has for itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

NOON = datetime(2026, 7, 1, 14, 0, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
"""Two hours later than it looks, with a fraction: on the wire `2026-07-01T12:00:00Z`."""


@dataclass
class Case:
    """A call, the request that it should make, and the sample that answers it.

    `name` begins with the operation's name in the catalogue; `call` gets the group, or the sub-group, as the
    client has it.
    """

    name: str
    call: Callable[[Any], Any]
    method: str
    path: str
    answer: str | bytes = "nothing"
    query: dict[str, str] = field(default_factory=dict)
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    id: str | None = None
