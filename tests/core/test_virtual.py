"""The virtual loop itself, on which the other tests stand."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from talking import talking
from virtual import Deadlock, loop, run, virtual


@virtual
async def test_an_hour_passes_at_once() -> None:
    """Sleeping moves the loop's clock by the time slept and takes no time."""
    began = time.perf_counter()
    await asyncio.sleep(3600)
    assert loop().time() == 3600
    assert time.perf_counter() - began < 1


@virtual
async def test_timers_fire_in_order() -> None:
    """A jump stops at the next timer, not beyond it."""
    seen: list[tuple[str, float]] = []

    async def sleeper(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        seen.append((name, loop().time()))

    await asyncio.gather(sleeper("late", 2.5), sleeper("early", 0.5), sleeper("middle", 1.5))
    assert seen == [("early", 0.5), ("middle", 1.5), ("late", 2.5)]


@virtual
async def test_sockets_are_served_before_time_jumps() -> None:
    """A request that is under way is answered before any time limit can pass."""
    async with talking() as (_, client):
        for _ in range(5):
            await client.users.whoami()
        assert loop().time() < 1


@virtual
async def test_the_clock_waits_for_threads() -> None:
    """Work on a thread ends before any timer fires."""
    release = threading.Event()
    asyncio.get_running_loop().call_soon(threading.Timer(0.05, release.set).start)
    async with asyncio.timeout(10):
        assert await asyncio.get_running_loop().run_in_executor(None, release.wait, 5)
    assert loop().time() < 1


def test_a_leaked_task_fails_the_run() -> None:
    """A task that outlives the test is reported."""
    kept: list[asyncio.Task[None]] = []

    async def leaky() -> None:
        kept.append(asyncio.create_task(asyncio.sleep(100)))

    with pytest.raises(AssertionError, match="left running"):
        run(leaky())


def test_waiting_for_nothing_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop in which nothing can ever happen ends instead of hanging."""
    monkeypatch.setattr("selectors.DefaultSelector.select", lambda _self, _timeout=None: [])

    async def stuck() -> None:
        await asyncio.Event().wait()

    with pytest.raises(Deadlock):
        run(stuck())
