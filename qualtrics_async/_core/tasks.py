"""What asyncio and anyio have no word for: tasks that end with a body, work that outlives a cancellation."""

from __future__ import annotations

import asyncio
from asyncio import CancelledError
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from concurrent.futures import Future
from contextlib import asynccontextmanager
from contextvars import ContextVar, copy_context
from functools import partial
from typing import Any, Final, TypeVar, TypeVarTuple

import anyio
import anyio.to_thread
from anyio import CapacityLimiter
from anyio.abc import TaskGroup

__all__ = [
    "Grace",
    "background_tasks",
    "finish_within",
    "is_in_doubt",
    "leaving",
    "mark_in_doubt",
    "on_thread",
    "outlasted",
    "to_its_end",
]

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")


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


_TURN: Final = 0.01

_inside: ContextVar[list[Callable[[], bool]] | None] = ContextVar("_inside", default=None)


async def finish_within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """Do some work in a task of its own that gets up to `seconds` to end when the caller is cancelled.

    It gets them only once a write inside of it has left (see `leaving()`); else it ends at once. The
    caller's cancellation is raised afterwards in any case.
    """
    loop = asyncio.get_running_loop()
    over: asyncio.Future[None] = loop.create_future()
    left: list[Callable[[], bool]] = []
    context = copy_context()
    context.run(_inside.set, left)
    task = loop.create_task(_telling(over, work), context=context)
    task.add_done_callback(partial(_tell, over))  # it may have had no turn at all
    try:
        # The work itself tells its end: shield() and wait() hear of it a turn of the loop later.
        await over
    except CancelledError:
        has_left = any(ask() for ask in left)
        give_up = loop.time() + (seconds if has_left else 0)
        while not task.done():
            rest = give_up - loop.time()
            if rest <= 0:
                task.cancel()
                rest = max(seconds, _TURN)
            try:
                with anyio.CancelScope(shield=True):
                    await asyncio.wait({task}, timeout=rest)
            except CancelledError:
                give_up = loop.time()  # whoever asks twice waits no longer
        work.close()  # it may have had no turn at all
        if not task.cancelled():
            task.exception()
        raise
    finally:
        left.clear()  # whatever keeps the context must not keep the request
    return task.result()


def leaving(has_left: Callable[[], bool]) -> bool:
    """Tell the `finish_within()` around how to ask whether a write has left; False if there is none."""
    around = _inside.get()
    if around is None:
        return False
    around[:] = [has_left]
    return True


class Grace:
    """The seconds in which a write that has left may be confirmed although its caller is cancelled.

    `cancellation` is what came meanwhile; whoever has the answer raises it.
    """

    __slots__ = ("_seconds", "_until", "_wanted", "cancellation")

    def __init__(self, seconds: float, wanted: Callable[[], bool]) -> None:
        self._seconds = seconds
        self._wanted = wanted
        self._until = 0.0
        self.cancellation: CancelledError | None = None

    async def hold(self, step: Callable[[], Awaitable[T]]) -> T:
        """Await a step that can be begun again, and go on with it when the first cancellation comes.

        `wanted` is asked then, whether there is any sense in it; a second cancellation ends it.
        """
        if self.cancellation is None:
            try:
                return await step()
            except CancelledError as cancellation:
                if not self._wanted():
                    raise
                self.cancellation = cancellation
                self._until = asyncio.get_running_loop().time() + self._seconds
        with anyio.CancelScope(deadline=self._until, shield=True):
            return await step()
        raise self.cancellation


async def to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """Do some work that nothing interrupts, in a task of its own: what runs on a thread cannot be stopped.

    A caller that is cancelled meanwhile waits for the end, and is cancelled then.
    """
    task = asyncio.get_running_loop().create_task(work)
    try:
        await outlasted(lambda: None if task.done() else task)
    except CancelledError:
        if not task.cancelled():
            task.exception()
        raise
    return task.result()


async def on_thread(
    work: Callable[[*Arguments], T], *arguments: *Arguments, limiter: CapacityLimiter | None = None
) -> T:
    """Call a function on a thread, and wait for its end whatever happens meanwhile.

    A caller that is cancelled is cancelled then. Unlike `to_its_end()` of a call on a thread, this waits also
    when all tasks of the loop are cancelled, those inside of it as well: a thread that still writes would
    write into whatever file is opened after its own is closed.
    """
    done: Future[T] = Future()
    task = asyncio.get_running_loop().create_task(
        anyio.to_thread.run_sync(_fulfil, done, partial(work, *arguments), limiter=limiter)
    )

    def running() -> asyncio.Future[Any] | None:
        if not task.done():
            return task
        # What no thread has begun will not be begun any more.
        return None if done.cancel() or done.done() else asyncio.wrap_future(done)

    try:
        await outlasted(running)
    except CancelledError:
        if not task.cancelled():
            task.exception()
        raise
    if done.cancelled():
        await task  # it says why no thread has begun
    return done.result()


def _fulfil(done: Future[T], work: Callable[[], T]) -> None:
    if not done.set_running_or_notify_cancel():
        return
    try:
        done.set_result(work())
    except BaseException as error:  # noqa: BLE001  (raised by who asks for the result)
        done.set_exception(error)


async def outlasted(running: Callable[[], asyncio.Future[Any] | None]) -> None:
    """Wait until nothing runs, and raise the cancellation that came meanwhile."""
    cancellation: CancelledError | None = None
    while (future := running()) is not None:
        try:
            with anyio.CancelScope(shield=True):
                await asyncio.wait({future})
        except CancelledError as error:
            cancellation = error
    if cancellation is not None:
        raise cancellation


async def _telling(over: asyncio.Future[None], work: Coroutine[Any, Any, T]) -> T:
    try:
        return await work
    finally:
        _tell(over)


def _tell(over: asyncio.Future[None], *_: object) -> None:
    if not over.done():
        over.set_result(None)


def mark_in_doubt(ended: BaseException) -> None:
    """Say of what ended a write, a cancellation or an error, that it may have been carried out before."""
    ended.__dict__["in_doubt"] = True


def is_in_doubt(ended: BaseException) -> bool:
    """Whether a write that ended like this had left before, and nobody saw what became of it."""
    return ended.__dict__.get("in_doubt", False) is True
