"""`contacts`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from cyclopts import App

from qualtrics_async.cli.files import distinct, existing
from qualtrics_async.cli.journals import forget, resumable, usual_journal
from qualtrics_async.cli.settings import connect, service

if TYPE_CHECKING:
    from qualtrics_async.bulk import BrokenRow, FailuresFile, SourceRow, Summary
    from qualtrics_async.cli.bars import Bar
    from qualtrics_async.cli.outcomes import Tally

__all__ = ["app"]

TABS = {"tab": "\t", "\\t": "\t"}

app = App(name="contacts", help="Contacts of mailing lists.")


@app.command(name="import")
def import_(
    file: Path,
    *,
    mailing_list: str,
    directory: str | None = None,
    journal: Path | None = None,
    failures: Path | None = None,
    delimiter: str | None = None,
    encoding: str = "utf-8-sig",
) -> int:
    """Import a file of contacts into a mailing list.

    Columns are matched to the fields of a contact (firstName, First Name, email, phone, extRef, language,
    unsubscribed, ...), all others become embedded data. Rows that fail do not stop the others. The same
    command goes on after an interruption, and sends nothing twice.

    Args:
        file: a .csv, .tsv or .txt file with a header, or .ndjson, .jsonl or .parquet.
        mailing_list: the id of the list that the contacts go into (CG_...).
        directory: the id of the directory; the default one if none is given.
        journal: the file that knows what was done; by default one beside FILE, removed when all is done.
        failures: where the rows that fail are written, as they stand in FILE and, unless the suffix is of
            another format, in its format, with five columns of notes that an import ignores: corrected, it
            can be imported again.
        delimiter: the delimiter of a CSV file, "tab" for a tab; found by looking if none is given.
        encoding: the encoding of a CSV file.
    """
    from qualtrics_async.bulk.failures import failures_file
    from qualtrics_async.bulk.readers import read_contacts
    from qualtrics_async.cli.bars import Bar, progress
    from qualtrics_async.cli.outcomes import Tally, conclude

    delimiter = TABS.get(delimiter or "", delimiter)
    rows = read_contacts(existing(file), encoding=encoding, delimiter=delimiter)
    memory = journal or usual_journal(file, directory, mailing_list, service())
    distinct({"the input": file, "the failures": failures, "the journal": memory})
    tally = Tally()
    failed: AbstractAsyncContextManager[FailuresFile | None] = nullcontext()
    if failures is not None:
        failed = failures_file(failures, source=file, encoding=encoding, delimiter=delimiter)
    with resumable(memory, usual=journal is None), progress() as bars:
        bar = Bar(bars, f"importing {file.name}")
        summary = asyncio.run(
            _import(rows, directory, mailing_list, memory, failed=failed, bar=bar, tally=tally)
        )
    if journal is None and not summary.in_doubt:
        forget(memory)
    return conclude(summary, tally, "row", failures, memory)


async def _import(
    rows: AsyncGenerator[SourceRow | BrokenRow],
    directory: str | None,
    mailing_list: str,
    journal: Path,
    *,
    failed: AbstractAsyncContextManager[FailuresFile | None],
    bar: Bar,
    tally: Tally,
) -> Summary:
    from qualtrics_async import bulk

    async with failed as kept, connect() as client, aclosing(rows):
        target = directory or (await client.directories.default()).id
        job = bulk.import_contacts(
            client, target, rows, mailing_list=mailing_list, journal=journal, replay=True
        )
        async with job as outcomes:
            async for outcome in outcomes:
                if not isinstance(outcome, bulk.Ok):
                    tally.add(outcome)
                    if kept is not None:
                        await kept.add(outcome)
                bar.show(outcomes.summary)
    bar.end(outcomes.summary)
    return outcomes.summary
