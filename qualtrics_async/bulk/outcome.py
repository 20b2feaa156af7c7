"""What became of an item: a value, a failure, or nobody knows; and how a whole job stands."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final, Generic, TypeAlias, TypeGuard, TypeVar

from msgspec import Struct, field

from qualtrics_async.errors import QualtricsError

__all__ = [
    "LATEST_DECISIONS",
    "OPTED_OUT",
    "Decision",
    "Failed",
    "InDoubt",
    "Ok",
    "Outcome",
    "Summary",
    "is_unexpected",
]

I = TypeVar("I")  # noqa: E741  (item)
V = TypeVar("V")


class Ok(Struct, Generic[I, V], frozen=True):
    """It worked: `value` is what the service made of the item."""

    item: I
    value: V


class Failed(Struct, Generic[I], frozen=True):
    """It did not work and nothing was left behind; `reason` is a few words to count by, `error` the whole.

    Of `contacts_to_links()`, `imported` says that the row itself is in the list: what failed is its link.
    """

    item: I
    error: QualtricsError
    reason: str
    imported: bool = False


class InDoubt(Struct, Generic[I], frozen=True):
    """It was sent and nobody knows whether it was carried out; it is not sent again."""

    item: I
    error: QualtricsError
    reason: str


Outcome: TypeAlias = Ok[I, V] | Failed[I] | InDoubt[I]


OPTED_OUT: Final = "opted out"
"""The reason of a failure that nobody has to mend: it stops no job."""


def is_unexpected(outcome: Outcome[I, V]) -> TypeGuard[Failed[I]]:
    """Whether an outcome is a failure that `max_failures` counts."""
    return isinstance(outcome, Failed) and outcome.reason != OPTED_OUT


LATEST_DECISIONS: Final = 100
"""Decisions that a summary lists; it counts all of them."""


class Decision(Struct, frozen=True):
    """What was decided on something whose fate was unknown, and why.

    `items` rows (of a distribution: 1) of a mailing list were, in the words of `decision`, `"sent again"`,
    found `"accepted"`, or left `"in doubt"`. Of a job over responses, the id is that of the survey.
    """

    mailing_list_id: str
    items: int
    decision: str
    reason: str


class Summary(Struct):
    """A job so far; live while it runs, and what the progress hook is given.

    `items` were read, `sent` of them have left, `ok`, `failed` and `in_doubt` have their outcome; `reasons`
    counts failures and doubts. `requests` were made in `seconds`, which is `quota_used` of what the brand's
    limit allows in that time (1.0 for all of it; None without a limit). `decisions` on what was in doubt, the
    latest hundred, and `decided` counts all of them; those of earlier runs over the same journal included.
    Of updates of responses, `columns` are set as embedded data, and `left_out` are columns that are not, as
    far as the rows were read.
    """

    items: int = 0
    sent: int = 0
    ok: int = 0
    failed: int = 0
    in_doubt: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    requests: int = 0
    quota_used: float | None = None
    decisions: list[Decision] = field(default_factory=list)
    decided: Counter[str] = field(default_factory=Counter)
    columns: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

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

    def take_decisions(self, part: Summary) -> None:
        """Add what was decided in a part of the job."""
        for decision in part.decisions:
            self.decide(decision)

    def decide(self, decision: Decision) -> None:
        """Add one decision."""
        self.decided[decision.decision] += 1
        self.decisions.append(decision)
        del self.decisions[:-LATEST_DECISIONS]
