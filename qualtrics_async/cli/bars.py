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
    """The bar of one job; how much there is to do may come to be known only while it runs."""

    def __init__(self, bars: Progress | None, title: str, total: int | None = None) -> None:
        self._bars = bars
        self._task = None if bars is None else bars.add_task(title, total=total)
        self._known = total or 0

    def show(self, summary: Summary) -> None:
        """Bring the bar up to date, every hundredth outcome."""
        if summary.outcomes % EVERY == 0:
            self.end(summary)

    def end(self, summary: Summary) -> None:
        """Bring the bar up to date."""
        if self._bars is not None and self._task is not None:
            total = max(self._known, summary.items, summary.outcomes)
            self._bars.update(self._task, completed=summary.outcomes, total=total or None)


@contextmanager
def progress() -> Iterator[Progress | None]:
    """Show the bars that are made inside; None where nobody looks."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bars:
        yield bars
