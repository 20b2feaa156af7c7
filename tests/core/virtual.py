"""An event loop whose clock jumps as soon as nothing is ready, so that no test sleeps.

Sockets work as well, as long as both ends live in the loop: before it jumps, the loop gives the kernel a
moment to deliver.
"""

from __future__ import annotations

import asyncio
import functools
import selectors
from asyncio import Future
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar, TypeVarTuple

import anyio.to_thread
import pytest

T = TypeVar("T")
P = ParamSpec("P")
Ts = TypeVarTuple("Ts")

_DELIVERY = 0.004
_OWN_SOCKETS = 1
_THREAD = 5
_SPINNING = 20
_LEAST = 1e-9


class Deadlock(Exception):
    """Nothing is ready, nothing is scheduled: the test would wait for ever."""


class _JumpingSelector(selectors.DefaultSelector):
    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.turns = 0
        self.threads = 0

    def select(self, timeout: float | None = None) -> list[Any]:
        speaking = len(self.get_map()) > _OWN_SOCKETS
        patience = _DELIVERY if speaking and timeout != 0 else 0
        if self.working() and timeout != 0:
            patience = _THREAD  # whatever a thread does takes real time
        ready: list[Any] = super().select(patience)
        self.turns += 1
        if self.turns > _SPINNING:
            # A timer that is early by a rounding error comes again and again; a real clock moves on.
            self.turns = 0
            self.now += _LEAST
        if ready or timeout == 0:
            return ready
        if timeout is None:
            # Real time again, for whatever a thread has yet to deliver.
            ready = super().select(5)
            if not ready:
                raise Deadlock
            return ready
        if timeout > _LEAST:
            self.now += timeout
            self.turns = 0
        return ready

    def working(self) -> bool:
        """Whether a thread of asyncio's or of anyio's does something."""
        return self.threads > 0


class VirtualLoop(asyncio.SelectorEventLoop):
    """Begins at zero seconds and jumps from timer to timer."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Seconds since the loop was made, as its timers tell."""
        return self._jumping.now

    def run_in_executor(self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts) -> Future[T]:
        """Hand work to a thread; the clock stands still until it is done."""
        self._jumping.threads += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._back)
        return future

    def _back(self, _: object) -> None:
        self._jumping.threads -= 1

    async def shutdown_default_executor(self, *_: Any) -> None:
        """Send the threads home; the asyncio way waits for them by the clock."""
        executor: ThreadPoolExecutor | None = self._default_executor  # type: ignore[attr-defined]  # not in the stubs
        if executor is not None:
            executor.shutdown(wait=False)

    def stall(self, seconds: float) -> None:
        """Let time pass while nothing runs, as a blocked loop does."""
        self._jumping.now += seconds


def loop() -> VirtualLoop:
    """Return the running loop."""
    running = asyncio.get_running_loop()
    assert isinstance(running, VirtualLoop)
    return running


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a virtual loop; a task that it leaves behind is a failure."""

    async def watched() -> T:
        result = await main
        for _ in range(3):
            await asyncio.sleep(0)
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, f"left running: {left}"
        return result

    with pytest.MonkeyPatch.context() as patched, asyncio.Runner(loop_factory=VirtualLoop) as runner:
        patched.setattr(anyio.to_thread, "run_sync", _counted)
        return runner.run(watched())


_run_sync = anyio.to_thread.run_sync


async def _counted(*given: Any, **options: Any) -> Any:
    """Work on a thread of anyio's, whatever its limiter; the clock stands still until it is done."""
    jumping = loop()._jumping
    jumping.threads += 1
    try:
        return await _run_sync(*given, **options)
    finally:
        jumping.threads -= 1


def virtual(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Turn an async test into one that pytest and Hypothesis call, in a virtual loop of its own."""

    @functools.wraps(test)
    def called(*args: P.args, **kwargs: P.kwargs) -> None:
        run(test(*args, **kwargs))

    return called
