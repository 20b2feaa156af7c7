"""The jobs of `links`: links of lists and batches, and the whole way from a file of contacts."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from qualtrics_async.bulk.outcome import Ok, Outcome, Summary
from qualtrics_async.cli.failures import failures
from qualtrics_async.cli.files import distinct
from qualtrics_async.cli.jobs import BulkJob
from qualtrics_async.cli.journals import usual_journal
from qualtrics_async.cli.linkfile import (
    BATCH_COLUMNS,
    RECIPIENT_COLUMNS,
    ROW_COLUMNS,
    LinkFile,
    LinkOrder,
    identity,
    link_row,
    row_link,
)
from qualtrics_async.cli.options import BulkOptions
from qualtrics_async.cli.outcomes import Nouns
from qualtrics_async.cli.output import counted, say
from qualtrics_async.cli.rowjobs import CORRECT, RowFile
from qualtrics_async.cli.settings import connect, service
from qualtrics_async.cli.signals import run_async
from qualtrics_async.errors import UsageError

__all__ = ["Links", "run_from_contacts", "run_generate"]

_FAILURE: Final = ("outcome", "reason", "error")
_FURTHER: Final = "; they get links of a further distribution to the list"
_ANOTHER: Final = f", with another --output{_FURTHER}"
_ENDS: Final = ("link", "link_expiration")


@dataclass(frozen=True)
class Links:
    """What both jobs are told: which links, where they go, and how the job is done."""

    survey: str
    order: LinkOrder
    file: LinkFile
    options: BulkOptions

    def journal(self, beside: Path, *identity: object) -> Path:
        """Name the journal of a job that differs from others by this too."""
        chosen = self.options
        return chosen.journal or usual_journal(
            self.file.output or beside, chosen.directory, self.survey, self.order, identity, service()
        )


def run_generate(links: Links, lists: Sequence[str], batches: Sequence[str]) -> int:
    """Generate the links of mailing lists and transaction batches, and return the exit code."""
    arguments, options, file = links.order.arguments(), links.options, links.file
    journal = links.journal(Path("links"), lists, batches)
    distinct({"the output": file.output, "the failures": options.failures, "the journal": journal})
    file.check()
    columns = (*BATCH_COLUMNS, *RECIPIENT_COLUMNS) if batches else RECIPIENT_COLUMNS
    job = BulkJob(options, journal, "links", Nouns("contact", "distribution"))

    async def run() -> Summary:
        from qualtrics_async import bulk
        from qualtrics_async.bulk.failures import kind_of

        async def take(outcome: Outcome[Any, Any]) -> None:
            if isinstance(outcome, Ok):
                writer.row(link_row(outcome.item, outcome.value, columns))
                await writer.drain()
                return
            about = (kind_of(outcome), outcome.reason, str(outcome.error))
            await failed.add(dict(zip(_FAILURE, about, strict=True)) | identity(outcome.item, columns))

        async with connect() as client:
            work = bulk.generate_links(
                client,
                links.survey,
                lists,
                transaction_batches=batches,
                directory_id=options.directory,
                **arguments,
                **job.options,
            )
            summary = await job.follow(work, take, is_whole_list=lambda item: item.stands_for_all)
        await writer.end()
        return summary

    with job.running(), file.writer([*columns, *_ENDS]) as writer:
        with failures(options.failures, first=[*_FAILURE, *columns]) as failed:
            summary = run_async(run())
        job.check()
    return job.end(summary)


def run_from_contacts(
    links: Links,
    source: RowFile,
    *,
    list_name: str | None,
    mailing_list: str | None,
    clear_empty: bool,
) -> int:
    """Import the rows of a file and write their links; return the exit code."""
    if (list_name is None) == (mailing_list is None):
        raise UsageError("give either --list NAME or --mailing-list ID")
    arguments, options, file = links.order.arguments(), links.options, links.file
    source.check()
    journal = links.journal(source.path, source.path, list_name, mailing_list, clear_empty)
    distinct(
        {
            "the input": source.path,
            "the output": file.output,
            "the failures": source.failures,
            "the journal": journal,
        }
    )
    file.check()
    nouns = Nouns("row", "item")
    job = BulkJob(options, journal, f"links of {source.path.name}", nouns, needs_rows=True)
    erased = 0

    async def run() -> Summary:
        from qualtrics_async import bulk

        async def take(outcome: Outcome[Any, Any]) -> None:
            nonlocal erased
            if isinstance(outcome, Ok):
                erased += not outcome.item.contact
                writer.row(row_link(outcome.item, outcome.value))
                await writer.drain()
            elif kept is not None:
                await kept.add(outcome)

        async with (
            source.failed() as kept,
            connect() as client,
            aclosing(source.rows()) as rows,
        ):
            work = bulk.contacts_to_links(
                client,
                links.survey,
                rows,
                list_name=list_name,
                mailing_list=mailing_list,
                directory_id=options.directory,
                clear_empty=clear_empty,
                **arguments,
                **job.options,
            )
            summary = await job.follow(work, take)
        await writer.end()
        return summary

    with job.running(source.path), file.writer(ROW_COLUMNS) as writer:
        summary = run_async(run())
        job.check()
    if erased:
        say(f"{counted(erased, 'row')} had been erased from {journal}: their links stand without their cells")
    return job.end(
        summary,
        CORRECT + (_ANOTHER if file.output else _FURTHER),
        once_more=", with --overwrite," if file.output and not file.overwrite else "",
    )
