"""Calls that are cancelled: a write that has left is confirmed first, a read ends at once."""

from __future__ import annotations

import asyncio
from typing import Any

import anyio
import pytest
from talking import arrivals, assert_idle, subscribe, talking
from virtual import loop, virtual

from qualtrics_async import (
    Limits,
    Timeouts,
)

SUBSCRIBE = "POST /eventsubscriptions"
DELETE = "DELETE /eventsubscriptions/{subscriptionId}"
WHOAMI = "GET /whoami"


@virtual
async def test_a_cancelled_write_that_has_left_is_confirmed_first() -> None:
    """The caller's cancellation waits for the answer and is raised then; the sandbox carried it out once."""
    async with talking({"latency": 2.0}) as (sandbox, client):
        task = asyncio.create_task(subscribe(client))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert 2 <= loop().time() < 2.5
        assert len(sandbox.state.subscriptions) == arrivals(sandbox, SUBSCRIBE) == 1
        assert_idle(client)


@virtual
async def test_a_cancelled_write_waits_no_longer_than_the_grace(caplog: pytest.LogCaptureFixture) -> None:
    """A silent service gets five seconds; then the doubt is logged."""
    async with talking(timeouts=Timeouts(grace=5)) as (sandbox, client):
        fault = sandbox.faults.add(kind="delay", route=SUBSCRIBE)
        task = asyncio.create_task(subscribe(client))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert 6 <= loop().time() < 6.5
        assert "its outcome is unknown" in caplog.text
        fault.release()
        assert_idle(client)


@virtual
async def test_a_second_cancellation_ends_the_grace() -> None:
    """Who cancels twice means it."""
    async with talking() as (sandbox, client):
        fault = sandbox.faults.add(kind="delay", route=SUBSCRIBE)
        task = asyncio.create_task(subscribe(client))
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert loop().time() < 3
        fault.release()
        assert_idle(client)


@virtual
async def test_a_write_in_a_cancelled_scope_is_confirmed_too() -> None:
    """A scope of anyio's cancels again at every await; the grace is shielded from that."""
    async with talking({"latency": 2.0}) as (sandbox, client):
        with anyio.move_on_after(1) as scope:
            await subscribe(client)
        assert scope.cancelled_caught
        assert 2 <= loop().time() < 2.5
        assert len(sandbox.state.subscriptions) == 1


@virtual
async def test_a_cancelled_read_ends_at_once() -> None:
    """Nothing is in doubt when a GET is abandoned."""
    async with talking({"latency": 2.0}) as (_, client):
        task = asyncio.create_task(client.users.whoami())
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert loop().time() < 1.5
        assert_idle(client)


@virtual
async def test_a_write_cancelled_before_it_left_was_never_sent() -> None:
    """While it waits for quota, a write ends at once and nothing arrives."""
    async with talking(limits=Limits(brand_per_minute=None, routes={SUBSCRIBE: 1})) as (sandbox, client):
        await subscribe(client)
        task = asyncio.create_task(subscribe(client))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert arrivals(sandbox, SUBSCRIBE) == 1
        assert_idle(client)


@pytest.mark.parametrize("kind", ["delay", "stalled"])
@pytest.mark.parametrize("seconds", [0.5, 0.9])
@virtual
async def test_a_scope_knows_its_own_cancellation_again(kind: Any, seconds: float) -> None:
    """Whatever ends the grace, its own time or the attempt's, the scope catches what it sent itself."""
    async with talking(timeouts=Timeouts(attempt=1, grace=5)) as (sandbox, client):
        fault = sandbox.faults.add(kind=kind, route=SUBSCRIBE, times=2)
        with anyio.move_on_after(seconds) as scope:
            await subscribe(client)
        assert scope.cancelled_caught
        with pytest.raises(TimeoutError), anyio.fail_after(seconds):
            await subscribe(client)
        fault.release()
        assert_idle(client)


@virtual
async def test_the_body_has_its_grace_too() -> None:
    """A write whose headers came and whose body stalls is read to its end after the cancellation."""
    async with talking(timeouts=Timeouts(grace=5)) as (sandbox, client):
        sandbox.faults.add(kind="stalled", route=SUBSCRIBE, seconds=3)
        task = asyncio.create_task(subscribe(client))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert 3 <= loop().time() < 3.5
        assert_idle(client)
