"""A client that talks to a sandbox in the same virtual loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from random import Random
from typing import Any

from steps import Steps

from qualtrics_async import Limits, Qualtrics, RetryPolicy, SessionPool
from qualtrics_async._core.throttle import Throttle
from qualtrics_async.sandbox import Sandbox

EAGER = RetryPolicy(base=0.01)


def client_of(sandbox: Sandbox, **options: Any) -> Qualtrics:
    """Make a client of a sandbox whose back-offs are short and repeatable."""
    defaults: dict[str, Any] = {
        "token": sandbox.token,
        "base_url": sandbox.base_url,
        "retry": EAGER,
        "random": Random(7),
        "limits": Limits.unlimited(),
    }
    return Qualtrics(**{**defaults, **options})


@asynccontextmanager
async def talking(
    sandbox_options: dict[str, Any] | None = None, **options: Any
) -> AsyncIterator[tuple[Sandbox, Qualtrics]]:
    """Open a sandbox and a client of it."""
    async with (
        Sandbox(**{"gzip": False, **(sandbox_options or {})}) as sandbox,
        client_of(sandbox, **options) as client,
    ):
        yield sandbox, client


def arrivals(sandbox: Sandbox, route: str) -> int:
    """Count the requests of a route that reached the sandbox: `"POST /eventsubscriptions"`."""
    return sum(f"{record.method} {record.route}" == route for record in sandbox.requests)


async def subscribe(client: Qualtrics) -> str:
    """Make the smallest write that is not idempotent."""
    made = await client.event_subscriptions.create(
        topics="surveyengine.completedResponse.SV_1", publication_url="https://hooks.example.com/q"
    )
    return made.id


def throttles(client: Qualtrics) -> list[Throttle]:
    """Return the throttles of the client's pool."""
    pool: SessionPool = client._pool
    return list(pool._throttles.values())


def assert_idle(client: Qualtrics) -> None:
    """Fail if a slot, a turnstile or a connection is still taken."""
    for throttle in throttles(client):
        assert throttle.quota().in_flight == 0
        assert [key for key, lane in throttle._lanes.items() if lane.turnstile.locked()] == []
    connector = client._pool._connector
    assert connector is None or not connector._acquired


async def cancelled_everywhere(
    start: Callable[[], Coroutine[Any, Any, Any]],
    check: Callable[[], Coroutine[Any, Any, None]],
    *,
    at_once: bool,
    most: int = 200,
) -> int:
    """Run a coroutine again and again, cancelled at its first, second, ... suspension, until it just ends.

    `check` runs after each. Returns the number of suspensions that were tried.
    """
    for step in range(1, most):
        before = asyncio.all_tasks()
        steps = Steps(start(), step, at_once=at_once)
        task = asyncio.get_running_loop().create_task(steps)
        ended = await asyncio.gather(task, return_exceptions=True)
        for _ in range(3):
            await asyncio.sleep(0)
        if steps.count >= step:
            assert isinstance(ended[0], asyncio.CancelledError) or not isinstance(ended[0], BaseException), (
                step,
                ended,
            )
        own = {left for left in asyncio.all_tasks() - before if not _serves(left)}
        assert not own, (step, own)
        await check()
        if steps.count < step:
            assert not isinstance(ended[0], BaseException), (step, ended)
            return step - 1
    raise AssertionError(f"still not at its end after {most} suspensions")


def _serves(task: asyncio.Task[Any]) -> bool:
    """Whether a task is the sandbox's: it serves a connection for as long as that is open."""
    code = getattr(task.get_coro(), "cr_code", None)
    return code is not None and str(code.co_qualname).startswith("RequestHandler.")
