"""Faults that hold what draws them."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

__all__ = ["Holding"]


class Holding:
    """What faults of requests and of deliveries have in common."""

    if TYPE_CHECKING:
        # The slots are those of the dataclasses below it.
        __slots__ = ("_loop",)
        seconds: float | None
        _released: asyncio.Event
        _arrived: asyncio.Event
        _loop: asyncio.AbstractEventLoop | None
    else:
        __slots__ = ()

    def release(self) -> None:
        """Let everything that a delay holds go on, now and later. Safe from any thread."""
        if self._loop is None or self._loop.is_closed():
            self._released.set()
        else:
            self._loop.call_soon_threadsafe(self._released.set)

    async def arrived(self) -> None:
        """Wait until something has drawn this fault; only in the sandbox's own loop."""
        await self._arrived.wait()

    async def hold(self) -> None:
        """Wait as long as the fault wants."""
        self._loop = asyncio.get_running_loop()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._released.wait(), self.seconds)
