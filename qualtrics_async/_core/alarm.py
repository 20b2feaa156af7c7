"""Time limits that cost next to nothing, because hardly one is ever reached."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import inf
from types import TracebackType
from typing import Any, Self

__all__ = ["Alarm", "Timeout"]


class Alarm:
    """Calls back what takes too long, on one timer for all.

    A timer for each request is among the dearest things that are done for it: the loop keeps a heap in
    order in which nearly all have been cancelled. This timer moves only when something is due before it.
    """

    __slots__ = ("_due", "_loop", "_rings_at", "_timer")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._due: dict[Callable[[], Any], float] = {}
        self._rings_at = inf
        self._timer: asyncio.TimerHandle | None = None

    def set(self, callback: Callable[[], Any], seconds: float) -> None:
        """Call it after so many seconds, unless it is unset before; equal callbacks are one."""
        moment = self._due[callback] = self._loop.time() + seconds
        if moment < self._rings_at:
            self._move(moment)

    def unset(self, callback: Callable[[], Any]) -> None:
        """Do not call it any more."""
        self._due.pop(callback, None)

    def timeout(self, seconds: float) -> Timeout:
        """Cancel what is inside after so many seconds, and raise `TimeoutError` instead."""
        return Timeout(self, seconds)

    def close(self) -> None:
        """Forget everything."""
        self._due.clear()
        self._move(inf)

    def _move(self, moment: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._rings_at = moment
        self._timer = None if moment == inf else self._loop.call_at(moment, self._ring)

    def _ring(self) -> None:
        # The loop may call a hair's breadth too early; its clock need not move before the next time.
        now = max(self._loop.time(), self._rings_at)
        for callback in [callback for callback, moment in self._due.items() if moment <= now]:
            del self._due[callback]
            callback()
        self._move(min(self._due.values(), default=inf))


class Timeout:
    """What `asyncio.timeout()` makes, with the alarm in place of a timer and no coroutines of its own.

    `expired` says that the time is up.
    """

    __slots__ = ("_alarm", "_before", "_inside", "_seconds", "_task", "expired")

    def __init__(self, alarm: Alarm, seconds: float) -> None:
        self._alarm = alarm
        self._seconds = seconds
        self.expired = self._inside = False
        self._task = running_task()
        self._before = self._task.cancelling()

    def __enter__(self) -> Self:
        self._inside = True
        self._alarm.set(self._expire, self._seconds)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._inside = False
        self._alarm.unset(self._expire)
        # A cancellation that somebody else has asked for as well stays one.
        if self.expired and self._task.uncancel() <= self._before and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def renew(self, seconds: float) -> None:
        """Begin again, with so many seconds; too late, it does nothing."""
        if self._inside and not self.expired:
            self._alarm.set(self._expire, seconds)

    def _expire(self) -> None:
        self.expired = True
        self._task.cancel()


def running_task() -> asyncio.Task[Any]:
    """Return the task that this runs in."""
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("this needs a task")
    return task
