"""The progress of exports on stderr: a bar for each survey that is under way, nothing where nobody looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from qualtrics_async.exports import ExportState

__all__ = ["ExportBars", "export_bars"]

_WORDS: Final = {"exporting": "exporting", "downloading": "downloading", "reading": "writing"}
_ALL: Final = 100.0
"""Percent."""


class ExportBars:
    """Bars by survey, each begun anew in every phase, so that its rate and the time left are the phase's."""

    def __init__(self, bars: Progress | None, total: int = 1) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}
        self._last: dict[str, tuple[str, int]] = {}
        self._surveys = None
        if bars is not None and total > 1:
            self._surveys = bars.add_task("surveys", total=total, phase="", rate=False)

    @property
    def on_progress(self) -> Callable[[ExportState], None] | None:
        """The hook for an export; None where nobody looks."""
        return None if self._bars is None else self.show

    def show(self, state: ExportState) -> None:
        """Bring the bar of a survey up to date."""
        if self._bars is None:
            return
        is_job = state.phase == "exporting"
        done, total = (state.percent, _ALL) if is_job else (state.done, state.total)
        phase, before = self._last.get(state.survey_id, ("", 0))
        if phase != state.phase or state.done < before:
            self._begin(self._bars, state, total)
        self._last[state.survey_id] = (state.phase, state.done)
        self._bars.update(self._tasks[state.survey_id], completed=done, total=total)

    def _begin(self, bars: Progress, state: ExportState, total: float | None) -> None:
        fields: dict[str, Any] = {"phase": _WORDS[state.phase], "rate": state.phase != "exporting"}
        task = self._tasks.get(state.survey_id)
        if task is None:
            self._tasks[state.survey_id] = bars.add_task(state.survey_id, total=total, **fields)
            return
        next(known for known in bars.tasks if known.id == task).total = None
        bars.reset(task, total=total, **fields)

    def end(self, survey_id: str) -> None:
        """Take away the bar of a survey that has its outcome."""
        task = self._tasks.pop(survey_id, None)
        self._last.pop(survey_id, None)
        if self._bars is not None:
            if task is not None:
                self._bars.remove_task(task)
            if self._surveys is not None:
                self._bars.advance(self._surveys)


@contextmanager
def export_bars() -> Iterator[Progress | None]:
    """Show the bars that are made inside; None where nobody looks."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        Task,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )
    from rich.text import Text

    class RateColumn(TransferSpeedColumn):
        """The rate of what is counted in bytes."""

        def render(self, task: Task) -> Text:
            return super().render(task) if task.fields["rate"] else Text("")

    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        TaskProgressColumn(),
        TextColumn("{task.fields[phase]}"),
        RateColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bars:
        yield bars
