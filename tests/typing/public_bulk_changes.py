"""What the jobs that change contacts are to a type checker. Never run: mypy reads it."""

from __future__ import annotations

from typing import Any, assert_type

from qualtrics_async import Qualtrics, bulk
from qualtrics_async.bulk import (
    Changed,
    Decision,
    Failed,
    ImportRow,
    InDoubt,
    JobOptions,
    Ok,
    Outcomes,
    Summary,
)


async def jobs(client: Qualtrics, rows: list[dict[str, Any]], gone: list[str]) -> None:
    """Each is a context manager over outcomes of the same kind."""
    async with bulk.update_contacts(client, "POOL_1", rows, mailing_list="CG_1") as updated:
        assert_type(updated, Outcomes[ImportRow, Changed])
        async for outcome in updated:
            match outcome:
                case Ok(item=row, value=changed):
                    assert_type(row, ImportRow)
                    assert_type(changed.contact_id, str)
                case Failed(reason=reason) | InDoubt(reason=reason):
                    assert_type(reason, str)
    async with bulk.unsubscribe_contacts(
        client, "POOL_1", gone, mailing_list=lambda row: row["list"], from_directory=True, identify_by="email"
    ) as unsubscribed:
        assert_type(unsubscribed, Outcomes[ImportRow, Changed])
    async with bulk.remove_contacts(client, "POOL_1", gone, mailing_list="CG_1") as removed:
        assert_type(removed.summary, Summary)
        assert_type(removed.summary.decisions, list[Decision])


async def options(client: Qualtrics, gone: list[str], common: JobOptions) -> None:
    """The options of every job have one type; what is no option, and no way to name a contact, is refused."""
    async with bulk.remove_contacts(client, "POOL_1", gone, mailing_list="CG_1", **common):
        pass
    bulk.remove_contacts(client, "POOL_1", gone, mailing_list="CG_1", journal="a.db", on_doubt="resend")
    bulk.remove_contacts(client, "POOL_1", gone, mailing_list="CG_1", journals="a.db")  # type: ignore[call-arg]  # it is misspelt
    bulk.remove_contacts(client, "POOL_1", gone, mailing_list="CG_1", identify_by="phone")  # type: ignore[arg-type]  # several may have it
    bulk.update_contacts(client, "POOL_1", gone)  # type: ignore[call-arg]  # no list is named
