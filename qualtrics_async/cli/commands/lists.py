"""`lists`."""

from __future__ import annotations

from cyclopts import App

from qualtrics_async.cli.output import Format, write_listing
from qualtrics_async.cli.settings import connect

__all__ = ["app"]

COLUMNS = ("id", "name", "contact_count", "last_modified_date", "creation_date", "owner_id")

app = App(name="lists", help="Mailing lists of a directory.")


@app.command(name="list")
async def list_(
    *,
    directory: str | None = None,
    format: Format | None = None,  # noqa: A002  (the option's name)
) -> None:
    """List the mailing lists of a directory; their counts of contacts are approximate.

    Args:
        directory: the id of a directory; the default one if none is given.
        format: table, csv, json or ndjson; by default a table on a terminal, else ndjson.
    """
    async with connect() as client:
        directory_id = directory or (await client.directories.default()).id
        await write_listing(client.mailing_lists.list(directory_id, include_count=True), COLUMNS, format)
