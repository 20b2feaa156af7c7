"""`links`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

from cyclopts import App, Parameter

from qualtrics_async.cli.linkfile import DEFAULT_ORDER, TO_STDOUT, LinkFile, LinkOrder
from qualtrics_async.cli.linkjobs import Links, run_from_contacts, run_generate
from qualtrics_async.cli.options import FOUND_OUT, USUAL, BulkOptions, Flag, Reading
from qualtrics_async.cli.plans import plan_generate
from qualtrics_async.cli.rowjobs import RowFile
from qualtrics_async.errors import UsageError

__all__ = ["app"]

Ids: TypeAlias = Annotated[list[str] | None, Parameter(negative="")]

app = App(name="links", help="Individual survey links.")


@app.command
def generate(
    *,
    survey: str,
    mailing_list: Ids = None,
    transaction_batch: Ids = None,
    dry_run: Flag = False,
    order: LinkOrder = DEFAULT_ORDER,
    links: LinkFile = TO_STDOUT,
    options: BulkOptions = USUAL,
) -> int:
    """Generate an individual link for every contact of one or more mailing lists.

    Contacts that get no link (opted out, held back by a frequency rule) are counted by reason. The same
    command goes on after an interruption: what was read is in the journal, and the output is completed.

    Args:
        survey: the id of an active survey (SV_...).
        mailing_list: the id of a mailing list (CG_...); several are given by repeating the option.
        transaction_batch: the id of a transaction batch (BT_...), whose transactions get a link each, instead
            of a list or besides; it can be repeated too.
        dry_run: only count: how many contacts, how many requests, and how long the limits let them take.
            Nothing is created or written.
    """
    lists, batches = mailing_list or [], transaction_batch or []
    if not lists and not batches:
        raise UsageError("give --mailing-list or --transaction-batch")
    if dry_run:
        return plan_generate(lists, batches, options)
    return run_generate(Links(survey, order, links, options), lists, batches)


@app.command
def from_contacts(
    file: Path,
    *,
    survey: str,
    list: str | None = None,  # noqa: A002  (the option's name)
    mailing_list: str | None = None,
    clear_empty: Flag = False,
    order: LinkOrder = DEFAULT_ORDER,
    links: LinkFile = TO_STDOUT,
    reading: Reading = FOUND_OUT,
    options: BulkOptions = USUAL,
) -> int:
    """Import a file of contacts and write a link for each of its rows: the whole way in one command.

    Columns are read as by `contacts import`. The links have the columns of `links generate`, and before them
    the number of the row and its line in FILE. The same command goes on after an interruption, wherever that
    was, and does nothing twice.

    Args:
        file: a .csv, .tsv or .txt file with a header, or .ndjson, .jsonl or .parquet.
        survey: the id of an active survey (SV_...).
        list: the name of the mailing list that the contacts go into; it is created if there is none.
        mailing_list: the id of the list (CG_...), instead of its name.
        clear_empty: send empty cells, which clears the field, instead of leaving them out.
    """
    return run_from_contacts(
        Links(survey, order, links, options),
        RowFile(file, reading, options.failures),
        list_name=list,
        mailing_list=mailing_list,
        clear_empty=clear_empty,
    )
