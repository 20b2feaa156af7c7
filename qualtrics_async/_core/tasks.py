"""A task group for context managers that hand a stream to their body."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
from anyio.abc import TaskGroup

__all__ = ["background_tasks"]


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
