"""What became of the items of a job: the last lines and the exit code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qualtrics_async.bulk.outcome import Failed, InDoubt, Summary
from qualtrics_async.cli.output import counted, say, visible

__all__ = ["SOME_FAILED", "Tally", "conclude"]

SOME_FAILED = 3


class Tally:
    """What the summary of a job does not know: what went wrong first, and what were lists, not items."""

    def __init__(self) -> None:
        self.errors: dict[str, str] = {}
        self.lists = Summary()

    def add(self, outcome: Failed[Any] | InDoubt[Any], *, whole_list: bool = False) -> None:
        """Take note of what did not succeed."""
        self.errors.setdefault(outcome.reason, " ".join(visible(str(outcome.error)).split()))
        if whole_list:
            self.lists.count(outcome)
            self.lists.items += 1


def conclude(summary: Summary, tally: Tally, noun: str, failures: Path | None, journal: Path) -> int:
    """Say how a job ended and return the exit code; `failures` is the file of what did not succeed."""
    items, lists = _without(summary, tally.lists), tally.lists
    say(f"{counted(items.items, noun)} in {summary.seconds:,.1f} s: {_counts(items)}")
    if lists.items:
        say(f"{counted(lists.items, 'mailing list')} as a whole: {_counts(lists)}")
    for reason, count in summary.reasons.most_common():
        say(f"  {reason}: {count:,}{_first(tally.errors.get(reason, ''), reason)}")
    if not summary.failed and not summary.in_doubt:
        return 0
    if failures is not None:
        say(f"those that did not succeed are in {failures}")
    if summary.in_doubt:
        say(f"what is in doubt was sent and is not sent again while {journal} is there, which is kept")
    return SOME_FAILED


def _without(summary: Summary, lists: Summary) -> Summary:
    return Summary(
        items=summary.items - lists.items,
        ok=summary.ok,
        failed=summary.failed - lists.failed,
        in_doubt=summary.in_doubt - lists.in_doubt,
    )


def _counts(summary: Summary) -> str:
    counts = [f"{summary.ok:,} done", f"{summary.failed:,} failed"]
    if summary.in_doubt:
        counts.append(f"{summary.in_doubt:,} in doubt")
    return ", ".join(counts)


def _first(error: str, reason: str) -> str:
    """Add the first error of a reason, unless it says no more than the reason."""
    return "" if not error or error == f"no link: {reason}" else f" (first: {error})"
