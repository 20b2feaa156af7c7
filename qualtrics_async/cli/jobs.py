"""A bulk job as a command runs it: its journal, its bar, what is told at its end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qualtrics_async.bulk.journal import erase_rows
from qualtrics_async.bulk.outcome import Failed, InDoubt, Outcome, Summary
from qualtrics_async.cli.bars import Bar, progress
from qualtrics_async.cli.journals import forget, resumable
from qualtrics_async.cli.options import JobChoices
from qualtrics_async.cli.outcomes import Nouns, Tally, conclude
from qualtrics_async.cli.output import counted, say
from qualtrics_async.cli.signals import run_async
from qualtrics_async.errors import JobFailed, QualtricsError

if TYPE_CHECKING:
    from qualtrics_async import Qualtrics
    from qualtrics_async.bulk import Outcomes
    from qualtrics_async.bulk.job import JobOptions

__all__ = ["BulkJob", "directory_of"]


async def directory_of(client: Qualtrics, directory: str | None) -> str:
    """The id of the directory that was named, or of the default one."""
    return directory or (await client.directories.default()).id


class BulkJob:
    """One job of a command; `journal` is where it is written down, and `title` what its bar is called.

    A job that `needs_rows` has them in its journal until all is written: an output that is begun anew has
    columns of theirs.
    """

    def __init__(
        self, options: JobChoices, journal: Path, title: str, nouns: Nouns, *, needs_rows: bool = False
    ) -> None:
        self._chosen = options
        self._needs_rows = needs_rows
        self._journal = journal
        self._title = title
        self._nouns = nouns
        self._bar = Bar(None, title)
        self._tally = Tally()
        self._unlinked = 0
        self._stopped: QualtricsError | None = None

    @contextmanager
    def running(self, source: Path | None = None) -> Iterator[None]:
        """Show the bar, and say how to go on when what is done inside does not end well.

        `source` is the file that the job is about, if it is about one.
        """
        with resumable(self._journal, usual=self._is_ours, source=source), progress() as bars:
            self._bar = Bar(bars, self._title)
            yield

    def check(self) -> None:
        """Raise what stopped the job, once its failures are written down."""
        if self._stopped is not None:
            raise self._stopped

    @property
    def _is_ours(self) -> bool:
        """Whether nobody asked for the journal."""
        return self._chosen.journal is None and not self._chosen.keep_rows

    @property
    def options(self) -> JobOptions:
        """The options of the job in the library."""
        chosen = self._chosen
        return {
            "journal": self._journal,
            "replay": True,
            "keep_rows": chosen.keep_rows or self._needs_rows,
            "on_doubt": chosen.on_doubt,
            "reconcile_timeout": chosen.reconcile_timeout,
            "limit_rows_per_minute": chosen.limit_rows_per_minute,
            "max_failures": chosen.max_failures,
            "on_progress": self._bar.on_progress,
        }

    async def follow(
        self,
        job: AbstractAsyncContextManager[Outcomes[Any, Any]],
        take: Callable[[Outcome[Any, Any]], Awaitable[object]],
        *,
        is_whole_list: Callable[[Any], bool] = lambda _: False,
    ) -> Summary:
        """Hand on every outcome. A job that is stopped by its failures ends here; `check()` raises it."""
        summary = Summary()
        try:
            async with job as outcomes:
                summary = outcomes.summary
                async for outcome in outcomes:
                    if isinstance(outcome, Failed | InDoubt):
                        self._unlinked += isinstance(outcome, Failed) and outcome.imported
                        self._tally.add(outcome, whole_list=is_whole_list(outcome.item))
                    await take(outcome)
        except JobFailed as error:
            limit = self._chosen.max_failures
            if limit is None or summary.failed <= limit:
                raise
            self._stopped = error
        self._bar.end(summary)
        return summary

    def end(self, summary: Summary, again: str = "", *, once_more: str = "") -> int:
        """Say how it ended, remove what is not needed any more, and return the exit code.

        `again` says how failures are given again once they are corrected, `once_more` what else the same
        command needs when it goes on for links that are missing.
        """
        unlinked = self._unlinked
        if self._is_ours and not summary.in_doubt and not unlinked:
            forget(self._journal)
        elif self._needs_rows and not self._chosen.keep_rows and not unlinked:
            run_async(erase_rows(self._journal))
        code = conclude(
            summary,
            self._tally,
            self._nouns,
            failures=self._chosen.failures,
            journal=self._journal,
            again=again if summary.failed > unlinked else "",
        )
        if unlinked:
            say(
                f"{counted(unlinked, 'row')} of them had been imported, and only the link is missing: "
                f"{self._journal} is kept, with these rows. While it is there the same command{once_more} "
                "imports nothing again and looks for the links; remove it when they are given up"
            )
        return code
