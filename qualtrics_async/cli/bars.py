"""Progress on stderr: a live bar on a terminal, nothing elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

    from qualtrics_async.bulk.outcome import Summary

__all__ = ["Bar", "progress"]

EVERY = 100


class Bar:
    """The bar of one job; `total` may come to be known only while it runs."""

    def __init__(self, bars: Progress, title: str, total: int | None = None) -> None:
        self._bars = bars
        self._task = bars.add_task(title, total=total)
        self._known = total

    def show(self, summary: Summary) -> None:
        """Bring the bar up to date, every hundredth outcome."""
        if summary.outcomes % EVERY == 0:
            self.end(summary)

    def end(self, summary: Summary) -> None:
        """Bring the bar up to date."""
        total = max(self._known or 0, summary.items, summary.outcomes) or None
        self._bars.update(self._task, completed=summary.outcomes, total=total)


@contextmanager
def progress() -> Iterator[Progress]:
    """Show the bars that are made inside."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    )
    with bars:
        yield bars
