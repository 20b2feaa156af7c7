"""Jobs over a file of rows: into a list or many, with its failures as the file has them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from qualtrics_async.bulk.outcome import Outcome, Summary
from qualtrics_async.cli.files import distinct, existing
from qualtrics_async.cli.jobs import BulkJob, directory_of
from qualtrics_async.cli.journals import usual_journal
from qualtrics_async.cli.options import BulkOptions, Into, JobChoices, Reading
from qualtrics_async.cli.outcomes import Nouns
from qualtrics_async.cli.settings import connect, service
from qualtrics_async.cli.signals import run_async

if TYPE_CHECKING:
    from qualtrics_async import Qualtrics
    from qualtrics_async.bulk import FailuresFile, JobOptions, Outcomes
    from qualtrics_async.bulk.identity import FileRows

__all__ = ["CORRECT", "Begin", "RowFile", "Start", "run_file", "run_rows"]

CORRECT: Final = ": correct them there and run the command on that file"

_NOUNS: Final = Nouns("row", "row")

Start: TypeAlias = "Callable[..., AbstractAsyncContextManager[Outcomes[Any, Any]]]"
"""A job of the library: called with client, directory, rows, mailing_list and the common options."""

Begin: TypeAlias = (
    "Callable[[Qualtrics, FileRows, JobOptions], Awaitable[AbstractAsyncContextManager[Outcomes[Any, Any]]]]"
)
"""Finds out what a job needs besides its rows, and makes it."""


@dataclass(frozen=True)
class RowFile:
    """A file of rows, how it is read, and where those go that fail."""

    path: Path
    reading: Reading
    failures: Path | None

    def check(self) -> None:
        """See that it is there and can be read, before anything else is done.

        Raises:
            UsageError: when it is not, or cannot be.
        """
        existing(self.path)
        self.rows()

    def rows(self) -> FileRows:
        """Read it from its beginning."""
        from qualtrics_async.bulk.readers import read_contacts

        reading = self.reading
        return read_contacts(self.path, encoding=reading.encoding, delimiter=reading.separator)

    def failed(self) -> AbstractAsyncContextManager[FailuresFile | None]:
        """Open the file of its failures, if there is to be one."""
        from qualtrics_async.bulk.failures import failures_file

        if self.failures is None:
            return nullcontext()
        return failures_file(
            self.failures,
            source=self.path,
            encoding=self.reading.encoding,
            delimiter=self.reading.separator,
        )


def run_rows(verb: str, file: RowFile, into: Into, options: BulkOptions, start: Start, **how: object) -> int:
    """Run a job over a file and return the exit code; `how` are the options that only this job has."""
    into.check()

    async def begin(
        client: Qualtrics, read: FileRows, common: JobOptions
    ) -> AbstractAsyncContextManager[Outcomes[Any, Any]]:
        rows, target = into.of(read)
        directory = await directory_of(client, options.directory)
        return start(client, directory, rows, mailing_list=target, **how, **common)

    identity = (options.directory, into, sorted(how.items()), service())
    return run_file(verb, file, options, begin, identity)


def run_file(
    verb: str, file: RowFile, options: JobChoices, begin: Begin, identity: tuple[object, ...]
) -> int:
    """Run a job over a file and return the exit code; what its `identity` tells apart has another journal."""
    file.check()
    journal = options.journal or usual_journal(file.path, verb, *identity)
    distinct({"the input": file.path, "the failures": file.failures, "the journal": journal})
    job = BulkJob(options, journal, f"{verb} {file.path.name}", _NOUNS)

    async def run() -> Summary:
        async def take(outcome: Outcome[Any, Any]) -> None:
            if kept is not None:
                await kept.add(outcome)

        async with (
            file.failed() as kept,
            connect() as client,
            aclosing(file.rows()) as read,
        ):
            return await job.follow(await begin(client, read, job.options), take)

    with job.running(file.path):
        summary = run_async(run())
        job.check()
    return job.end(summary, CORRECT)
