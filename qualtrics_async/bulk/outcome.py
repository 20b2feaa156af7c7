"""What became of an item: a value when it worked, when it failed, and when nobody knows."""

from __future__ import annotations

from collections import Counter
from typing import Any, Generic, TypeAlias, TypeVar

from msgspec import Struct, field

from qualtrics_async.errors import QualtricsError

__all__ = ["Failed", "InDoubt", "Ok", "Outcome", "Summary"]

I = TypeVar("I")  # noqa: E741  (item)
V = TypeVar("V")


class Ok(Struct, Generic[I, V], frozen=True):
    """It worked: `value` is what the service made of the item."""

    item: I
    value: V


class Failed(Struct, Generic[I], frozen=True):
    """It did not work and nothing was left behind; `reason` is a few words to count by, `error` the whole."""

    item: I
    error: QualtricsError
    reason: str


class InDoubt(Struct, Generic[I], frozen=True):
    """It was sent and nobody knows whether it was carried out; it is not sent again."""

    item: I
    error: QualtricsError
    reason: str


Outcome: TypeAlias = Ok[I, V] | Failed[I] | InDoubt[I]


class Summary(Struct):
    """A job so far: items read, outcomes by kind, failures and doubts by reason, seconds since it began."""

    items: int = 0
    ok: int = 0
    failed: int = 0
    in_doubt: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def outcomes(self) -> int:
        """How many items have an outcome; equal to `items` when the job is over."""
        return self.ok + self.failed + self.in_doubt

    def count(self, outcome: Outcome[Any, Any]) -> None:
        """Add one outcome."""
        match outcome:
            case Ok():
                self.ok += 1
            case Failed():
                self.failed += 1
                self.reasons[outcome.reason] += 1
            case InDoubt():
                self.in_doubt += 1
                self.reasons[outcome.reason] += 1
