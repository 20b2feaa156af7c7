"""What the jobs over responses are to a type checker. Never run: mypy reads it."""

from __future__ import annotations

from typing import Any, assert_type

from qualtrics_async import Qualtrics, bulk
from qualtrics_async.bulk import (
    Failed,
    FailuresFile,
    InDoubt,
    JobOptions,
    Ok,
    Outcomes,
    ResponseChanged,
    ResponseRow,
)
from qualtrics_async.models.response_jobs import ResponseUpdate


async def jobs(client: Qualtrics, updates: list[ResponseUpdate], failed: FailuresFile) -> None:
    """Both are context managers over outcomes of the same kind, which a failures file takes."""
    async with bulk.update_responses(client, "SV_1", updates, reset_recorded_date=False) as updated:
        assert_type(updated, Outcomes[ResponseRow, ResponseChanged])
        async for outcome in updated:
            await failed.add(outcome)
            match outcome:
                case Ok(item=row, value=changed):
                    assert_type(row.response_id, str | None)
                    assert_type(row.embedded_data, dict[str, Any])
                    assert_type(changed.response_id, str)
                case Failed(reason=reason) | InDoubt(reason=reason):
                    assert_type(reason, str)
    async with bulk.delete_responses(client, "SV_1", ["R_1"], confirm=True, decrement_quotas=True) as gone:
        assert_type(gone, Outcomes[ResponseRow, ResponseChanged])


async def options(client: Qualtrics, ids: list[str], common: JobOptions) -> None:
    """The options of every job have one type; a deletion that nobody confirms is refused."""
    bulk.delete_responses(client, "SV_1", ids, confirm=True, **common)
    bulk.update_responses(client, "SV_1", ids, journal="a.db", deadline=3600, on_doubt="resend")
    bulk.delete_responses(client, "SV_1", ids)  # type: ignore[call-arg]  # it is not confirmed
    bulk.update_responses(client, "SV_1", ids, journals="a.db")  # type: ignore[call-arg]  # it is misspelt
