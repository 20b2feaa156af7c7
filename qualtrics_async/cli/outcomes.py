"""What became of the items of a job: the failures file, the last line, the exit code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from qualtrics_async.bulk.outcome import Failed, InDoubt, Summary
from qualtrics_async.cli.output import Writer, file_format, replacing, say

__all__ = ["SOME_FAILED", "Failures", "conclude", "failures"]

SOME_FAILED = 3


class Failures:
    """Writes the items that did not succeed, with the reason; without a file it writes nothing."""

    def __init__(self, writer: Writer | None) -> None:
        self._writer = writer

    async def add(self, outcome: Failed[Any] | InDoubt[Any], item: Mapping[str, object]) -> None:
        """Add an item; `item` has the values that tell it from others."""
        if self._writer is not None:
            kind = "failed" if isinstance(outcome, Failed) else "in doubt"
            self._writer.row([kind, outcome.reason, str(outcome.error), *item.values()])
            await self._writer.drain()

    async def end(self) -> None:
        """Write the rest."""
        if self._writer is not None:
            await self._writer.end()


@contextmanager
def failures(path: Path | None, columns: Sequence[str]) -> Iterator[Failures]:
    """Open the failures file: CSV, or JSON where its suffix says so."""
    if path is None:
        yield Failures(None)
        return
    with replacing(path) as file:
        yield Failures(Writer(file, ("outcome", "reason", "error", *columns), file_format(path, None)))


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
