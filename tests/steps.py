"""Cancelling a coroutine at any of its awaits."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


class Steps(Coroutine[Any, Any, Any]):
    """A coroutine whose task is cancelled at its n-th suspension; `count` tells how often it suspended.

    `at_once` cancels while the task suspends, otherwise the cancellation comes one turn of the loop later,
    when what was awaited may have happened already.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, Any], at: int, *, at_once: bool) -> None:
        self._coroutine = coroutine
        self._at = at
        self._at_once = at_once
        self.count = 0

    def send(self, value: Any) -> Any:
        """Take one step."""
        waited_for = self._coroutine.send(value)
        self.count += 1
        if self.count == self._at:
            task = asyncio.current_task()
            assert task is not None
            if self._at_once:
                task.cancel()
            else:
                asyncio.get_running_loop().call_soon(task.cancel)
        return waited_for

    def throw(self, *error: Any) -> Any:
        """Hand an exception in."""
        return self._coroutine.throw(*error)

    def close(self) -> None:
        """End it."""
        self._coroutine.close()

    def __await__(self) -> Any:
        raise NotImplementedError  # it is driven by a task, never awaited
