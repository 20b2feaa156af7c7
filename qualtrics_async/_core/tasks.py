"""What asyncio and anyio have no word for: tasks that end with a body, work that outlives a cancellation."""

from __future__ import annotations

import asyncio
from asyncio import CancelledError
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import anyio
from anyio.abc import TaskGroup

__all__ = ["background_tasks", "finish_within", "is_in_doubt", "mark_in_doubt"]

T = TypeVar("T")


@asynccontextmanager
async def background_tasks() -> AsyncGenerator[TaskGroup]:
    """Open a task group that ends with the body: leaving cancels what still runs.

    An exception of the body, or the first one of a task, leaves as itself, never inside a group.
    """
    escaped: BaseException | None = None
    try:
        async with anyio.create_task_group() as group:
            try:
                yield group
            except CancelledError:
                raise
            except BaseException as error:  # noqa: BLE001  (raised again below, outside of the group)
                escaped = error
            group.cancel_scope.cancel()
    except BaseExceptionGroup as failures:
        if escaped is None:
            escaped = _first(failures)
    if escaped is not None:
        raise escaped


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def finish_within(
    seconds: float, work: Coroutine[Any, Any, T], *, worthwhile: Callable[[], bool] = lambda: True
) -> T:
    """Do some work in a task of its own that gets up to `seconds` to end when the caller is cancelled.

    The caller's cancellation is raised afterwards in any case. `worthwhile` is asked then: false ends the
    work at once.
    """
    loop = asyncio.get_running_loop()
    over: asyncio.Future[None] = loop.create_future()
    task = loop.create_task(_telling(over, work))
    try:
        # The work itself tells its end: shield() and wait() hear of it a turn of the loop later.
        await over
    except CancelledError:
        try:
            if worthwhile():
                with anyio.CancelScope(shield=True):
                    await asyncio.wait({task}, timeout=seconds)
        finally:
            task.cancel()
            with anyio.CancelScope(shield=True):
                await asyncio.wait({task})
            if not task.cancelled():
                task.exception()
        raise
    return task.result()


async def _telling(over: asyncio.Future[None], work: Coroutine[Any, Any, T]) -> T:
    try:
        return await work
    finally:
        if not over.done():
            over.set_result(None)


def mark_in_doubt(cancellation: CancelledError) -> None:
    """Say of a cancellation that a write had left by then and was not confirmed."""
    cancellation.__dict__["in_doubt"] = True


def is_in_doubt(cancellation: CancelledError) -> bool:
    """Whether a write had left, unconfirmed, when this cancellation came."""
    return cancellation.__dict__.get("in_doubt", False) is True
