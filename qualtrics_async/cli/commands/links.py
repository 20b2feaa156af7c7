"""`links`."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple, TypeAlias

from cyclopts import App, Parameter

from qualtrics_async.bulk.writers import FileFormat
from qualtrics_async.cli.files import distinct, file_format, replacing
from qualtrics_async.cli.journals import forget, resumable, usual_journal
from qualtrics_async.cli.output import Writer, standard_output
from qualtrics_async.cli.settings import connect, service
from qualtrics_async.errors import UsageError

if TYPE_CHECKING:
    from qualtrics_async.bulk import Recipient, Summary
    from qualtrics_async.cli.bars import Bar
    from qualtrics_async.cli.failures import Failures
    from qualtrics_async.cli.outcomes import Tally
    from qualtrics_async.models import DistributionLink

__all__ = ["LINK_COLUMNS", "app", "link_row"]

RECIPIENT_COLUMNS = (
    "mailing_list_id",
    "distribution_id",
    "contact_id",
    "contact_lookup_id",
    "external_data_reference",
    "email",
    "first_name",
    "last_name",
)
FAILURE_COLUMNS = ("outcome", "reason", "error", *RECIPIENT_COLUMNS)
LINK_COLUMNS = (*RECIPIENT_COLUMNS, "link", "link_expiration")

Lists: TypeAlias = Annotated[list[str], Parameter(negative="")]

app = App(name="links", help="Individual survey links.")


@app.command
def generate(
    *,
    survey: str,
    mailing_list: Lists,
    expires: str | None = None,
    directory: str | None = None,
    output: Path | None = None,
    failures: Path | None = None,
    journal: Path | None = None,
    format: FileFormat | None = None,  # noqa: A002  (the option's name)
    spreadsheet_safe: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Generate an individual link for every contact of one or more mailing lists.

    Contacts that get no link (opted out, held back by a frequency rule) are counted by reason.

    Args:
        survey: the id of an active survey (SV_...).
        mailing_list: the id of a mailing list (CG_...); several are given by repeating the option.
        expires: when the links end, with an offset: 2030-01-31T12:00Z.
        directory: the id of the directory; the default one if none is given.
        output: where the links are written when all are there; stdout if no file is given.
        failures: where the contacts without a link are written, as CSV or, by its suffix, NDJSON, JSON or
            Parquet.
        journal: the file that knows what was done, so that the same command goes on after an interruption;
            by default one beside OUTPUT or in this folder, removed when all is done.
        format: csv, json, ndjson or parquet; by default what the suffix of the output says, else csv.
        spreadsheet_safe: put an apostrophe before every cell of a CSV that begins with = + - @, a tab or a
            carriage return (so before numbers like -5 as well), so that a spreadsheet runs none as a formula.
    """
    from qualtrics_async.cli.bars import Bar, progress
    from qualtrics_async.cli.failures import failures as failures_file
    from qualtrics_async.cli.outcomes import Tally, conclude

    instant = None if expires is None else _instant(expires)
    around = output or Path("links")
    memory = journal or usual_journal(around, directory, survey, mailing_list, expires, service())
    distinct({"the output": output, "the failures": failures, "the journal": memory})
    form = file_format(output, format)
    if spreadsheet_safe and form != "csv":
        raise UsageError(f"--spreadsheet-safe is for CSV, and the output is {form}")
    if form == "parquet" and output is None and standard_output().isatty():
        raise UsageError("Parquet is nothing to look at: give a file with --output")
    tally = Tally()
    with (
        resumable(memory, usual=journal is None),
        failures_file(failures, first=FAILURE_COLUMNS) as failed,
        replacing(output) as file,
        progress() as bars,
    ):
        writer = Writer(file, LINK_COLUMNS, form, guard=spreadsheet_safe)
        job = _Job(survey, mailing_list, directory, instant, memory)
        summary = asyncio.run(_generate(job, writer, failed, Bar(bars, "links"), tally))
    if journal is None and not summary.in_doubt:
        forget(memory)
    return conclude(summary, tally, "contact", failures, memory)


class _Job(NamedTuple):
    survey: str
    mailing_lists: list[str]
    directory: str | None
    expires: datetime | None
    journal: Path


async def _generate(job: _Job, writer: Writer, failed: Failures, bar: Bar, tally: Tally) -> Summary:
    from qualtrics_async import bulk
    from qualtrics_async.bulk.failures import kind_of

    async with connect() as client:
        links = bulk.generate_links(
            client,
            job.survey,
            job.mailing_lists,
            directory_id=job.directory,
            expires=job.expires,
            journal=job.journal,
            replay=True,
        )
        async with links as outcomes:
            async for outcome in outcomes:
                if isinstance(outcome, bulk.Ok):
                    writer.row(link_row(outcome.item, outcome.value))
                    await writer.drain()
                else:
                    tally.add(outcome, whole_list=outcome.item.contact_id is None)
                    about = {
                        "outcome": kind_of(outcome),
                        "reason": outcome.reason,
                        "error": str(outcome.error),
                    }
                    await failed.add(about | _identity(outcome.item))
                bar.show(outcomes.summary)
    await writer.end()
    bar.end(outcomes.summary)
    return outcomes.summary


def link_row(recipient: Recipient, link: DistributionLink) -> list[object]:
    """The values of `LINK_COLUMNS`."""
    return [*_identity(recipient).values(), link.link, link.link_expiration]


def _identity(recipient: Recipient) -> dict[str, object]:
    return {column: getattr(recipient, column) for column in RECIPIENT_COLUMNS}


def _instant(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise UsageError(f"--expires takes an instant with an offset, as 2030-01-31T12:00Z: {text!r:.40}")
    return found
