"""A client of a sandbox, for stories about its directory."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from qualtrics_async import Limits, Qualtrics, RetryPolicy
from qualtrics_async.models.contact_filters import ContactFilter
from qualtrics_async.sandbox import ByPolls, Sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

QUICK = RetryPolicy(base=0.001)


@asynccontextmanager
async def living(**options: Any) -> AsyncIterator[tuple[Qualtrics, Sandbox, str]]:
    """A client of a sandbox, and the id of its directory."""
    async with (
        Sandbox(jobs=ByPolls(0), **options) as sandbox,
        Qualtrics(
            token=sandbox.token, base_url=sandbox.base_url, retry=QUICK, limits=Limits.unlimited()
        ) as client,
    ):
        yield client, sandbox, sandbox.state.default_directory_id


def where(filter_type: str, comparison: str | bool, value: str | datetime, **more: str) -> ContactFilter:
    """A condition that has a value."""
    return ContactFilter(filter_type=filter_type, comparison=comparison, value=value, **more)
