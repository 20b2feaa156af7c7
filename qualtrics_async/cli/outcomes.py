"""What became of the items of a job: the last lines and the exit code."""

from __future__ import annotations

from pathlib import Path

from qualtrics_async.bulk.outcome import Summary
from qualtrics_async.cli.output import say

__all__ = ["SOME_FAILED", "conclude"]

SOME_FAILED = 3


def conclude(summary: Summary, noun: str, path: Path | None) -> int:
    """Say how a job ended and return the exit code."""
    say(f"{summary.items:,} {noun} in {summary.seconds:,.1f} s: {_counts(summary)}")
    for reason, count in summary.reasons.most_common():
        say(f"  {reason}: {count:,}")
    if not summary.failed and not summary.in_doubt:
        return 0
    if path is not None:
        say(f"those that did not succeed are in {path}")
    return SOME_FAILED


def _counts(summary: Summary) -> str:
    counts = [f"{summary.ok:,} done", f"{summary.failed:,} failed"]
    if summary.in_doubt:
        counts.append(f"{summary.in_doubt:,} in doubt")
    return ", ".join(counts)
