"""Workers, turns and the channel: fair, bounded, and nothing is lost when somebody is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from working import asynchronous

from qualtrics_async import QualtricsError, UsageError
from qualtrics_async._core.tasks import background_tasks
from qualtrics_async.bulk.fanout import Batch, Channel, Deliver, FairQueue, Outcomes, fan_out
from qualtrics_async.bulk.outcome import Ok, Summary

Work = Callable[[int, Deliver[int, None]], Awaitable[bool | float | None]]


async def queue_of(units: list[tuple[str, int]], *, parallel: bool = False) -> FairQueue[str, int]:
    """Make a closed queue."""
    queue = FairQueue[str, int](parallel=parallel)
    for key, unit in units:
        await queue.put(key, unit)
    await queue.close()
    return queue


@asynccontextmanager
async def running(
    queue: FairQueue[str, int], work: Work, *, concurrency: int | None, size: int = 2
) -> AsyncGenerator[Outcomes[int, None]]:
    """Run workers over a queue."""
    channel = Channel[int, None](size, workers=1)
    async with background_tasks() as tasks:
        fan_out(tasks, queue, work, channel, concurrency=concurrency)
        yield Outcomes(channel, Summary())


async def echo(unit: int, deliver: Deliver[int, None]) -> None:
    """Deliver the unit."""
    await deliver(Batch([Ok(unit, None)]))


@asynchronous
async def test_keys_take_turns() -> None:
    """A key with many units does not go before one with few."""
    queue = await queue_of([("big", n) for n in range(10)] + [("small", 100)])
    async with running(queue, echo, concurrency=1) as outcomes:
        order = [outcome.item async for outcome in outcomes]
    assert order.index(100) == 1
    assert sorted(order) == [*range(10), 100]
    assert outcomes.summary.ok == 11
    assert len(queue) == 0


@pytest.mark.parametrize(("parallel", "most"), [(False, 1), (True, 4)])
@asynchronous
async def test_units_of_a_key_run_one_at_a_time_unless_parallel(parallel: bool, most: int) -> None:
    """One unit of a key at a time; in a parallel queue as many as there are workers."""
    busy = seen = 0

    async def work(unit: int, deliver: Deliver[int, None]) -> None:
        nonlocal busy, seen
        busy += 1
        seen = max(seen, busy)
        for _ in range(20):
            await asyncio.sleep(0)
        busy -= 1
        await echo(unit, deliver)

    queue = await queue_of([("a", n) for n in range(8)], parallel=parallel)
    async with running(queue, work, concurrency=4) as outcomes:
        assert len([outcome async for outcome in outcomes]) == 8
    assert seen == most


@asynchronous
async def test_a_slow_consumer_holds_the_workers() -> None:
    """No more units are begun than the channel and the workers have room for."""
    begun = 0

    async def work(unit: int, deliver: Deliver[int, None]) -> None:
        nonlocal begun
        begun += 1
        await echo(unit, deliver)

    queue = await queue_of([(str(n), n) for n in range(100)])
    async with running(queue, work, concurrency=3, size=2) as outcomes:
        await anext(outcomes)
        for _ in range(50):
            await asyncio.sleep(0)
        assert begun <= 1 + 2 + 3


@asynchronous
async def test_an_exception_of_the_body_leaves_as_itself() -> None:
    """No group is wrapped around what the caller's own code raises, and no worker is left."""
    with pytest.raises(ZeroDivisionError):  # noqa: PT012  (the body is the point)
        async with running(await queue_of([("a", 1)]), echo, concurrency=2) as outcomes:
            async for _ in outcomes:
                _ = 1 // 0


@asynchronous
async def test_breaking_out_early_leaves_no_task() -> None:
    """Leaving the body ends the workers, also those that wait for room."""
    queue = await queue_of([(str(n), n) for n in range(50)])
    async with running(queue, echo, concurrency=5, size=1) as outcomes:
        async for _ in outcomes:
            break


@asynchronous
async def test_a_stop_error_is_raised_once_and_begins_nothing_more() -> None:
    """What was delivered comes first, then the error as itself, then the end."""
    begun = []

    async def work(unit: int, deliver: Deliver[int, None]) -> None:
        begun.append(unit)
        if unit == 3:
            raise UsageError("stop")
        await echo(unit, deliver)

    queue = await queue_of([("a", n) for n in range(10)])
    got = []
    async with running(queue, work, concurrency=1, size=10) as outcomes:
        with pytest.raises(UsageError, match="stop"):  # noqa: PT012  (the loop is what raises)
            async for outcome in outcomes:
                got.append(outcome.item)  # noqa: PERF401  (a comprehension would lose them)
        assert [outcome async for outcome in outcomes] == []
    assert got == [0, 1, 2]
    assert begun == [0, 1, 2, 3]


@pytest.mark.parametrize(("parallel", "concurrency"), [(False, None), (False, 1), (True, 1)])
@asynchronous
async def test_a_unit_that_waits_holds_up_nothing(parallel: bool, concurrency: int | None) -> None:
    """The others of its key are done meanwhile, in the one place that there is; the job ends after it."""
    again = [0.01, True]

    async def work(unit: int, deliver: Deliver[int, None]) -> float | bool | None:
        if unit == 0 and again:
            return again.pop(0)
        await echo(unit, deliver)
        return None

    queue = FairQueue[str, int](parallel=parallel)
    for n in range(4):
        await queue.put("a", n)
    await queue.close()
    async with running(queue, work, concurrency=concurrency) as outcomes:
        assert [outcome.item async for outcome in outcomes] == [1, 2, 3, 0]


@asynchronous
async def test_several_workers_that_stop_raise_one_error() -> None:
    """The first error wins; the others are the same trouble seen again."""

    async def work(unit: int, deliver: Deliver[int, None]) -> None:
        await asyncio.sleep(0)
        raise UsageError(str(unit))

    raised = 0
    async with running(await queue_of([(str(n), n) for n in range(4)]), work, concurrency=4) as outcomes:
        for _ in range(3):
            try:
                await anext(outcomes)
            except QualtricsError:
                raised += 1
            except StopAsyncIteration:
                break
    assert raised == 1


@asynchronous
async def test_a_bug_of_a_worker_leaves_as_itself() -> None:
    """The body is not told that the stream has ended when a worker broke."""

    async def work(unit: int, deliver: Deliver[int, None]) -> None:
        raise KeyError(unit)

    ended = False
    with pytest.raises(KeyError):  # noqa: PT012  (the body is the point)
        async with running(await queue_of([("a", 1)]), work, concurrency=1) as outcomes:
            async for _ in outcomes:
                pass
            ended = True
    assert not ended


@asynchronous
async def test_a_consumer_that_gives_up_waiting_loses_nothing() -> None:
    """`wait_for(anext(...))` that is cancelled in the very turn in which a batch arrives takes no batch."""
    queue = await queue_of([(str(n), n) for n in range(20)])
    got: list[int] = []
    async with running(queue, echo, concurrency=2) as outcomes:
        while True:
            waiting = asyncio.ensure_future(anext(outcomes))
            for _ in range(len(got) % 4):
                await asyncio.sleep(0)
            waiting.cancel()
            try:
                got.append((await waiting).item)
            except asyncio.CancelledError:
                await asyncio.sleep(0)
                try:
                    got.append((await anext(outcomes)).item)
                except StopAsyncIteration:
                    break
            except StopAsyncIteration:
                break
    assert sorted(got) == list(range(20))


@asynchronous
async def test_a_batch_counts_as_taken_when_more_is_asked_for() -> None:
    """`taken` is called once the next outcome is asked for, and again if that was cancelled."""
    calls = 0
    hold = asyncio.Event()

    async def taken() -> None:
        nonlocal calls
        calls += 1
        await hold.wait()

    channel = Channel[int, None](2, workers=1)
    outcomes = Outcomes(channel, Summary())
    async with channel.worker() as deliver:
        await deliver(Batch([Ok(1, None), Ok(2, None)], taken))
    assert [(await anext(outcomes)).item, (await anext(outcomes)).item] == [1, 2]
    assert calls == 0
    waiting = asyncio.ensure_future(anext(outcomes, None))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    hold.set()
    assert await anext(outcomes, None) is None
    assert calls == 2


@asynchronous
async def test_a_stream_is_over_after_its_job() -> None:
    """Asking an old stream for more is the end of an iteration, not an error of another library."""
    channel = Channel[int, None](2, workers=1)
    outcomes = Outcomes(channel, Summary())
    async with channel.worker() as deliver:
        await deliver(Batch([Ok(1, None)]))
    outcomes.close()
    assert await anext(outcomes, None) is None
