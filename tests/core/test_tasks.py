"""Work on threads: waited for to its end, whoever is cancelled."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from threading import Event, get_ident
from typing import Any

import anyio.to_thread
import pytest

from qualtrics_async._core.tasks import on_thread


def in_a_loop(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Run an async test in a loop of its own, ten seconds at most; it must leave no task."""

    @functools.wraps(test)
    def run() -> None:
        async def bounded() -> None:
            async with asyncio.timeout(10):
                await test()
            assert asyncio.all_tasks() == {asyncio.current_task()}

        asyncio.run(bounded())

    return run


class Work:
    """Something that a thread does until it is told to end."""

    def __init__(self) -> None:
        self.began, self.go_on = Event(), Event()
        self.is_over = False

    def __call__(self) -> str:
        """Say that it has begun, and wait."""
        self.began.set()
        self.go_on.wait(5)
        self.is_over = True
        return "done"


@in_a_loop
async def test_a_call_on_a_thread_gives_what_it_returns_or_raises() -> None:
    """Also what no future takes, like the end of an iterator."""
    assert await on_thread(divmod, 7, 2) == (3, 1)
    assert await on_thread(get_ident) != get_ident()
    with pytest.raises(ZeroDivisionError):
        await on_thread(divmod, 7, 0)
    with pytest.raises(RuntimeError, match="StopIteration"):
        await on_thread(next, iter(()))


@pytest.mark.parametrize("everything", [True, False])
def test_whoever_is_cancelled_waits_for_the_thread(*, everything: bool) -> None:
    """However often, and also when all tasks of the loop are: it is cancelled when the thread has ended."""

    async def main() -> None:
        work = Work()
        task = asyncio.create_task(on_thread(work))
        await asyncio.to_thread(work.began.wait, 5)
        for _ in range(3):
            for one in asyncio.all_tasks() - {asyncio.current_task()} if everything else {task}:
                one.cancel()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        assert not task.done()
        work.go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert work.is_over

    asyncio.run(main())


@in_a_loop
async def test_who_is_not_cancelled_has_the_result() -> None:
    """Whatever became of the task inside."""
    work = Work()
    before = asyncio.all_tasks()
    task = asyncio.create_task(on_thread(work))
    await asyncio.to_thread(work.began.wait, 5)
    (inner,) = asyncio.all_tasks() - before - {task}
    inner.cancel()
    await asyncio.wait({inner})
    work.go_on.set()
    assert await task == "done"


def test_a_loop_that_ends_waits_for_the_thread() -> None:
    """`asyncio.run()` cancels what is left over, and is back when nothing runs any more."""
    work = Work()

    async def main() -> asyncio.Task[str]:
        task = asyncio.create_task(on_thread(work))
        await asyncio.to_thread(work.began.wait, 5)
        asyncio.get_running_loop().call_later(0.01, work.go_on.set)
        return task

    assert asyncio.run(main()).cancelled()
    assert work.is_over


@in_a_loop
async def test_what_no_thread_has_begun_is_not_begun() -> None:
    """Who is cancelled while all threads are busy does not wait for one, if the task inside is as well."""
    limiter = anyio.to_thread.current_default_thread_limiter()
    tokens, limiter.total_tokens = limiter.total_tokens, 1
    busy, work = Work(), Work()
    try:
        first = asyncio.create_task(on_thread(busy))
        async with asyncio.timeout(5):
            while limiter.available_tokens:  # noqa: ASYNC110  (it is anyio's)
                await asyncio.sleep(0)
        before = asyncio.all_tasks()
        second = asyncio.create_task(on_thread(work))
        for _ in range(5):
            await asyncio.sleep(0)
        for one in asyncio.all_tasks() - before:
            one.cancel()
        await asyncio.wait({second})
        assert second.cancelled()
        busy.go_on.set()
        assert await first == "done"
        assert not work.began.is_set()
    finally:
        limiter.total_tokens = tokens
