"""Ctrl-C and SIGTERM: both stop what runs and wait for what has left; the second one waits no longer."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import Any, Final, TypeAlias, TypeVar

from qualtrics_async.cli.output import say

__all__ = ["Terminated", "run_async", "terminable"]

T = TypeVar("T")
_Handler: TypeAlias = Callable[[int, FrameType | None], object]

_STOPS: Final = (signal.SIGINT, signal.SIGTERM)
_PATIENCE: Final = 3
"""Signals after which nothing is waited for, not even a thread that writes to the journal."""


class Terminated(KeyboardInterrupt):
    """SIGTERM, which does what Ctrl-C does and has an exit code of its own."""


def _stop_at_once(number: int, _: FrameType | None) -> None:
    raise Terminated if number == signal.SIGTERM else KeyboardInterrupt


@contextmanager
def _handling(number: int, handler: _Handler) -> Iterator[None]:
    """Handle a signal inside, unless it is ignored, or this is no main thread, which alone can."""
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(number) is signal.SIG_IGN:
        yield
        return
    before = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, before)


@contextmanager
def terminable() -> Iterator[None]:
    """Let SIGTERM raise `Terminated` inside, as Ctrl-C raises `KeyboardInterrupt`."""
    with _handling(signal.SIGTERM, _stop_at_once):
        yield


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine as `asyncio.run()` does; a signal cancels it, and the second one all that it waits for.

    Raises:
        KeyboardInterrupt: when it was interrupted, `Terminated` when it was SIGTERM, unless it ended well.
    """
    came: list[int] = []

    async def main() -> T:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()

        def cancel() -> None:
            say("stopping: what has left is waited for; once more ends it at once")
            if task is not None:
                task.cancel()

        def cancel_all() -> None:
            for each in asyncio.all_tasks():
                each.cancel()

        def stop(number: int, frame: FrameType | None) -> None:
            # Nothing is raised in the middle of whatever runs just now: not all of it would survive that.
            came.append(number)
            if len(came) > _PATIENCE:
                _stop_at_once(number, frame)
            loop.call_soon_threadsafe(cancel if len(came) == 1 else cancel_all)

        with ExitStack() as stack:
            for number in _STOPS:
                stack.enter_context(_handling(number, stop))
            return await work

    try:
        return asyncio.run(main())
    except asyncio.CancelledError:
        if not came:
            raise
    raise Terminated if came[-1] == signal.SIGTERM else KeyboardInterrupt
