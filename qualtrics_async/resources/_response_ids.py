"""What jobs over responses take: each response once, and not too many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from qualtrics_async.errors import UsageError
from qualtrics_async.resources._base import all_named

__all__ = ["MAX_RESPONSES", "check_response_ids"]

MAX_RESPONSES: Final = 250_000
"""The responses that one job takes (documented)."""


def check_response_ids(ids: Sequence[str]) -> None:
    """Refuse what no job takes: nothing at all, blank ids, an id twice (documented), more than the limit."""
    if len(all_named(ids, "response_ids")) > MAX_RESPONSES:
        raise UsageError(f"a job takes at most {MAX_RESPONSES} responses, got {len(ids)}")
    if len(set(ids)) < len(ids):
        raise UsageError("a job takes each response once")
