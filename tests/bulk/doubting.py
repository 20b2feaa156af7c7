"""What the tests of doubt share: jobs that are broken off in the middle of one, and what was decided."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from working import Scene, Taken

from qualtrics_async import Polling
from qualtrics_async.bulk import Outcomes

LOST: list[dict[str, Any]] = [
    {"kind": "cut"},
    {"kind": "cut", "when": "after"},
    {"kind": "truncated"},
    {"kind": "html"},
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 503, "when": "after"},
    {"kind": "status", "status": 504},
    {"kind": "status", "status": 504, "when": "after"},
]
"""Replies that are lost; those that strike before the work is done leave nothing behind."""

SLOW = Polling(first=30, factor=1, longest=0, deadline=60)
"""Waits before anything is sent again, long enough to be broken off."""


def arrives(fault: dict[str, Any]) -> bool:
    """Whether the work is done although the reply is lost."""
    before = fault["kind"] in ("cut", "status")
    return bool(fault.get("when", "before" if before else "after") == "after")


def decided(taken: Taken) -> dict[str, int]:
    """What was decided, and how often."""
    return dict(taken.summary.decided)


async def broken_off(
    job: AbstractAsyncContextManager[Outcomes[Any, Any]], until: Callable[[], bool]
) -> Taken:
    """Run a job, and cancel it as soon as something is true; what it said until then comes back."""
    taken = Taken()

    async def run() -> None:
        async with job as outcomes:
            taken.summary = outcomes.summary
            async for outcome in outcomes:
                taken.outcomes.append(outcome)

    task = asyncio.create_task(run())
    while not until() and not task.done():  # noqa: ASYNC110  (nobody sets an event: the sandbox counts)
        await asyncio.sleep(0.002)
    assert not task.done(), "it ended before it could be broken off"
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    return taken


def members(s: Scene) -> int:
    """How many contacts all lists have."""
    return sum(s.sandbox.state.count_members(name) for name in s.lists)
