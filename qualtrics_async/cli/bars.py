"""Progress on stderr: a live bar on a terminal, nothing elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rich.progress import Progress

    from qualtrics_async.bulk.outcome import Summary

__all__ = ["Bar", "progress"]

_EVERY: Final = 0.1
"""Seconds between two looks at a summary: nobody reads faster, and each outcome asks for one."""


class Bar:
    """The bar of one job: what was read, what has left and what is done, as its progress hook tells.

    How much there is to do may come to be known only while it runs.
    """

    def __init__(
        self,
        bars: Progress | None,
        title: str,
        total: int | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bars = bars
        self._task = None if bars is None else bars.add_task(title, total=total, counts="")
        self._known = total or 0
        self._clock = clock
        self._next = clock()

    @property
    def on_progress(self) -> Callable[[Summary], None] | None:
        """The hook for a job; None where nobody looks."""
        return None if self._bars is None else self.show

    def show(self, summary: Summary) -> None:
        """Bring the bar up to date, ten times a second."""
        now = self._clock()
        if now >= self._next:
            self._next = now + _EVERY
            self.end(summary)

    def end(self, summary: Summary) -> None:
        """Bring the bar up to date."""
        if self._bars is not None and self._task is not None:
            total = max(self._known, summary.items, summary.outcomes)
            sent = f", {summary.sent:,} sent" if summary.sent else ""
            self._bars.update(
                self._task,
                completed=summary.outcomes,
                total=total or None,
                counts=f"{summary.items:,} read{sent}, {summary.outcomes:,} done",
            )


@contextmanager
def progress() -> Iterator[Progress | None]:
    """Show the bars that are made inside; None where nobody looks."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        TaskProgressColumn(),
        TextColumn("{task.fields[counts]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bars:
        yield bars
