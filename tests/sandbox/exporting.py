"""The real client at a sandbox, and files as it reads them."""

from __future__ import annotations

import csv
import io
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from qualtrics_async import Limits, Polling, Qualtrics, RetryPolicy
from qualtrics_async.sandbox import Sandbox, State

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LIMIT = 1_000_000
"""Bytes; no file of a test is larger."""


@asynccontextmanager
async def living(**options: Any) -> AsyncIterator[tuple[Qualtrics, State, Sandbox]]:
    """A sandbox and a client of it, which waits neither for quotas nor between polls."""
    async with (
        Sandbox(**options) as sandbox,
        Qualtrics(
            token=sandbox.token,
            base_url=sandbox.base_url,
            polling=Polling(first=0, longest=0),
            limits=Limits.unlimited(),
            retry=RetryPolicy(base=0.001),
        ) as client,
    ):
        yield client, sandbox.state, sandbox


def table(content: bytes, delimiter: str = ",") -> list[list[str]]:
    """The rows of a file."""
    return list(csv.reader(io.StringIO(content.decode()), delimiter=delimiter))
