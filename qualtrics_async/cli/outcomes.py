"""What became of the items of a job: the last lines and the exit code."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, Final, NamedTuple

from qualtrics_async.bulk.outcome import Failed, InDoubt, Summary
from qualtrics_async.cli.output import counted, say, visible

__all__ = ["SOME_FAILED", "Nouns", "Tally", "conclude"]

SOME_FAILED = 3

_MOST_DECISIONS: Final = 5
_MINUTE: Final = 60


class Nouns(NamedTuple):
    """What a job is about: its items, and what a decision on its doubts counts."""

    item: str
    write: str


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


def conclude(
    summary: Summary,
    tally: Tally,
    nouns: Nouns,
    *,
    failures: Path | None,
    journal: Path,
    again: str = "",
) -> int:
    """Say how a job ended and return the exit code.

    `failures` is the file of what did not succeed, `again` how what is in it can be given again.
    """
    items, lists = _without(summary, tally.lists), tally.lists
    say(f"{counted(items.items, nouns.item)} in {summary.seconds:,.1f} s: {_counts(items)}; {_used(summary)}")
    if lists.items:
        say(f"{counted(lists.items, 'mailing list')} as a whole: {_counts(lists)}")
    for reason, count in summary.reasons.most_common():
        say(f"  {reason}: {count:,}{_first(tally.errors.get(reason, ''), reason)}")
    _tell_decisions(summary, nouns.write)
    if not summary.failed and not summary.in_doubt:
        return 0
    if failures is not None:
        say(f"those that did not succeed are in {failures}{again if summary.failed else ''}")
    elif summary.failed and again:
        say("with --failures FILE those that did not succeed are written down")
    if summary.in_doubt:
        say(
            f"what is in doubt was sent and may be there: look, before you give it again. {journal} is kept, "
            "and while it is there the same command does not send it"
        )
    return SOME_FAILED


def _used(summary: Summary) -> str:
    requests = counted(summary.requests, "request")
    # A share of a minute's quota says nothing of a few seconds.
    if summary.quota_used is None or summary.seconds < _MINUTE:
        return requests
    return f"{requests}, {summary.quota_used:.1%} of the quota of that time"


def _tell_decisions(summary: Summary, noun: str) -> None:
    """Say what was decided on what was in doubt; what was decided alike is one line."""
    made: Counter[tuple[str, str]] = Counter()
    for decision in summary.decisions:
        made[decision.decision, decision.reason] += decision.items
    for (decided, reason), items in made.most_common(_MOST_DECISIONS):
        say(f"  {counted(items, noun)} {decided}: {' '.join(visible(reason).split())}")
    total = summary.decided.total()
    if len(made) > _MOST_DECISIONS or total > len(summary.decisions):
        say(f"  {counted(total, 'decision')} on what was in doubt; the latest are told")


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
