"""`surveys`."""

from __future__ import annotations

from cyclopts import App

from qualtrics_async.cli.output import Format, write_listing
from qualtrics_async.cli.settings import connect

__all__ = ["app"]

COLUMNS = ("id", "name", "is_active", "last_modified", "creation_date", "owner_id")

app = App(name="surveys", help="Surveys of the account.")


@app.command(name="list")
async def list_(*, format: Format | None = None) -> None:  # noqa: A002  (the option's name)
    """List the surveys that the account owns or was given.

    Args:
        format: table, csv, json or ndjson; by default a table on a terminal, else ndjson.
    """
    async with connect() as client:
        await write_listing(client.surveys.list(), COLUMNS, format)
