"""When links end: an instant, or a time from the job's beginning that its journal remembers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias

from qualtrics_async._core.request import instant
from qualtrics_async.bulk.job import Job
from qualtrics_async.errors import UsageError

__all__ = ["Expiry", "checked_expiry", "expiry_of"]

Expiry: TypeAlias = datetime | timedelta | str
"""An aware instant, its ISO text, or a time from the first call of a job on."""

_EXPIRES: Final = "expires"


def checked_expiry(expires: Expiry | None) -> str | None:
    """Write an expiry as a job's fingerprint has it: the same for each call of the same job.

    Raises:
        UsageError: when it is in the past, or no instant.
    """
    if expires is None:
        return None
    if isinstance(expires, timedelta):
        if expires <= timedelta(0):
            raise UsageError(f"expires is in the past: {expires}; such links would be dead")
        return f"{expires} after the first call"
    ends = instant(expires, _EXPIRES)
    if datetime.fromisoformat(ends) <= datetime.now(UTC):
        raise UsageError(f"expires is in the past: {ends}; such links would be dead")
    return ends


async def expiry_of(job: Job[Any, Any], expires: Expiry | None) -> str | None:
    """Tell when the links of a job end, as the service takes it."""
    if not isinstance(expires, timedelta):
        return checked_expiry(expires)
    known = await job.journal.meta(_EXPIRES)
    if known is None:
        known = instant(datetime.now(UTC) + expires, _EXPIRES)
        await job.journal.set_meta(_EXPIRES, known)
    return known
