"""What a call of an operation should do, as tables that each area has for itself, and how it is called."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from recorder import Recorder

from qualtrics_async import UsageError
from qualtrics_async._core.paging import Paged

NOON = datetime(2026, 7, 1, 14, 0, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
"""Two hours later than it looks, with a fraction: on the wire `2026-07-01T12:00:00Z`."""


@dataclass
class Case:
    """A call, the request that it should make, and the sample that answers it.

    `name` begins with the operation's name in the catalogue; `call` gets the group, or the sub-group, as the
    client has it.
    """

    name: str
    call: Callable[[Any], Any]
    method: str
    path: str
    answer: str | bytes = "nothing"
    query: dict[str, str] = field(default_factory=dict)
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    id: str | None = None


async def run(made: Any) -> Any:
    """Await a single call, fetch the first page of a listing, read a file."""
    if isinstance(made, Paged):
        return await made.first_page()
    if isinstance(made, AbstractAsyncContextManager):
        async with made as file:
            return await file.read(1_000_000)
    return await made


def check_refused(call: Callable[[Recorder], Any]) -> UsageError:
    """Call what is refused before anything is sent, and return the error."""
    recorder = Recorder()

    async def attempt() -> None:
        await run(call(recorder))

    with pytest.raises(UsageError) as caught:
        asyncio.run(attempt())
    assert recorder.requests == []
    return caught.value
