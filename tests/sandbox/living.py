"""The real client against a sandbox, waiting neither for quotas nor between polls."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from qualtrics_async import Limits, Polling, Qualtrics, RetryPolicy
from qualtrics_async.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


def client_of(sandbox: Sandbox) -> Qualtrics:
    """A client that waits for nothing."""
    return Qualtrics(
        token=sandbox.token,
        base_url=sandbox.base_url,
        limits=Limits.unlimited(),
        polling=Polling(first=0, longest=0),
        retry=RetryPolicy(base=0),
    )


@asynccontextmanager
async def living(**options: Any) -> AsyncIterator[tuple[Qualtrics, Sandbox]]:
    """A client and its sandbox, which takes the options."""
    async with Sandbox(**options) as sandbox, client_of(sandbox) as client:
        yield client, sandbox
