"""`whoami`."""

from __future__ import annotations

from qualtrics_async.cli.output import Format, write_record
from qualtrics_async.cli.settings import connect

__all__ = ["whoami"]

COLUMNS = (
    "user_id",
    "user_name",
    "first_name",
    "last_name",
    "email",
    "account_type",
    "brand_id",
    "datacenter",
    "language",
)


async def whoami(*, format: Format | None = None) -> None:  # noqa: A002  (the option's name)
    """Show the account that the credential belongs to.

    Args:
        format: table, csv, json or ndjson; by default a table on a terminal, else ndjson.
    """
    async with connect() as client:
        await write_record(await client.users.whoami(), COLUMNS, format)
