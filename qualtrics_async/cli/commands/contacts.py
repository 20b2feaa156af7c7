"""`contacts`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

from cyclopts import App

from qualtrics_async.cli.options import FOUND_OUT, NO_LIST, USUAL, BulkOptions, Flag, Into, Reading
from qualtrics_async.cli.plans import plan_rows
from qualtrics_async.cli.rowjobs import RowFile, run_rows
from qualtrics_async.errors import UsageError

__all__ = ["app"]

IdentifyBy: TypeAlias = Literal["auto", "id", "extRef", "email"]

app = App(name="contacts", help="Contacts of mailing lists.")


@app.command(name="import")
def import_(
    file: Path,
    *,
    into: Into = NO_LIST,
    clear_empty: Flag = False,
    one_by_one: Flag = False,
    dry_run: Flag = False,
    reading: Reading = FOUND_OUT,
    options: BulkOptions = USUAL,
) -> int:
    """Import a file of contacts into a mailing list, or into many.

    Columns are matched to the fields of a contact (firstName, First Name, email, phone, extRef, language,
    unsubscribed, ...), all others become embedded data. Rows that fail do not stop the others. The same
    command goes on after an interruption, and sends nothing twice.

    Args:
        file: a .csv, .tsv or .txt file with a header, or .ndjson, .jsonl or .parquet.
        clear_empty: send empty cells, which clears the field, instead of leaving them out.
        one_by_one: create each contact by a request of its own (500 a minute), for directories without the
            licence for import jobs.
        dry_run: only check and count: what would be sent, and how long the limits let it take. Nothing is
            written but the failures file; the exit code is 3 if rows would be refused.
    """
    from qualtrics_async import bulk

    source = RowFile(file, reading, options.failures)
    if dry_run:
        return plan_rows(source, into, options, creates=one_by_one, clear_empty=clear_empty)
    verb, work = ("create", bulk.create_contacts) if one_by_one else ("import", bulk.import_contacts)
    return run_rows(verb, source, into, options, work, clear_empty=clear_empty)


@app.command
def update(
    file: Path,
    *,
    into: Into = NO_LIST,
    identify_by: IdentifyBy = "auto",
    clear_empty: Flag = False,
    reading: Reading = FOUND_OUT,
    options: BulkOptions = USUAL,
) -> int:
    """Change contacts of a mailing list, or of many: each row names one, its other cells are what changes.

    What a row has no cell for stays as it is. What fails, how it goes on and the files are as for `import`;
    the service allows 500 changes a minute.

    Args:
        file: a .csv, .tsv or .txt file with a header, or .ndjson, .jsonl or .parquet.
        identify_by: what names a contact: the column contactId or id, extRef, email, or the first of them
            that a row has. It is not changed.
        clear_empty: send empty cells, which clears the field, instead of leaving them out.
    """
    from qualtrics_async import bulk

    source = RowFile(file, reading, options.failures)
    work = bulk.update_contacts
    return run_rows("update", source, into, options, work, identify_by=identify_by, clear_empty=clear_empty)


@app.command
def unsubscribe(
    file: Path,
    *,
    into: Into = NO_LIST,
    from_directory: Flag = False,
    identify_by: IdentifyBy = "auto",
    reading: Reading = FOUND_OUT,
    options: BulkOptions = USUAL,
) -> int:
    """Opt contacts out of a mailing list, or of many: they stay in it, and get nothing more.

    Of a row only what names the contact is read. What fails, how it goes on and the files are as for
    `import`.

    Args:
        file: a .csv, .tsv or .txt file with a header, or .ndjson, .jsonl or .parquet.
        from_directory: opt them out of the whole directory too.
        identify_by: what names a contact, as for `update`.
    """
    from qualtrics_async import bulk

    source = RowFile(file, reading, options.failures)
    work = bulk.unsubscribe_contacts
    return run_rows(
        "unsubscribe", source, into, options, work, identify_by=identify_by, from_directory=from_directory
    )


@app.command
def remove(
    file: Path,
    *,
    into: Into = NO_LIST,
    yes: Flag = False,
    identify_by: IdentifyBy = "auto",
    reading: Reading = FOUND_OUT,
    options: BulkOptions = USUAL,
) -> int:
    """Take contacts off a mailing list, or off many; they stay in the directory.

    Of a row only what names the contact is read. What fails, how it goes on and the files are as for
    `import`.

    Args:
        file: a .csv, .tsv or .txt file with a header, or .ndjson, .jsonl or .parquet.
        yes: needed, because nothing brings them back but another import.
        identify_by: what names a contact, as for `update`.
    """
    from qualtrics_async import bulk

    if not yes:
        raise UsageError("contacts remove takes contacts off their lists: give --yes if that is meant")

    source = RowFile(file, reading, options.failures)
    work = bulk.remove_contacts
    return run_rows("remove", source, into, options, work, identify_by=identify_by)
