"""A pace of rows below what the quota allows."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from math import ceil
from typing import Final

__all__ = ["Pace"]

_MINUTE: Final = 60.0


class Pace:
    """Lets so many rows leave in any sliding minute, in the order in which they ask; all at once without one.

    What is under way counts until a minute after its end: when exactly it was on the wire is not known. Rows
    that leave together are evenly spaced too, so that a minute does not begin with all of its rows. What has
    more rows than a minute allows leaves alone.
    """

    def __init__(self, rows_per_minute: float | None) -> None:
        self._limit = rows_per_minute
        self._spacing = 0.0 if rows_per_minute is None else _MINUTE / rows_per_minute
        self._free = 0.0
        self._used = 0
        self._ended: deque[tuple[float, int]] = deque()
        self._turn = asyncio.Lock()
        self._end = asyncio.Event()

    def share(self, most: int) -> int:
        """How many rows should leave together, at most so many, so that each minute can be used up."""
        if self._limit is None:
            return most
        return max(1, int(self._limit / ceil(self._limit / most)))

    @asynccontextmanager
    async def leave(self, rows: int) -> AsyncGenerator[None]:
        """Wait for the turn of these rows; they leave within the body."""
        if self._limit is None:
            yield
            return
        async with self._turn:
            await self._wait(rows, self._limit)
            self._used += rows
            self._free = asyncio.get_running_loop().time() + rows * self._spacing
        try:
            yield
        finally:
            self._ended.append((asyncio.get_running_loop().time() + _MINUTE, rows))
            self._end.set()

    async def take(self, rows: int) -> None:
        """Wait for the turn of these rows, which leave at once."""
        async with self.leave(rows):
            return

    async def _wait(self, rows: int, limit: float) -> None:
        loop = asyncio.get_running_loop()
        while True:
            now = loop.time()
            while self._ended and self._ended[0][0] <= now:
                self._used -= self._ended.popleft()[1]
            fits = not self._used or self._used + rows <= limit
            if fits and self._free <= now:
                return
            turn = self._free if fits else self._ended[0][0] if self._ended else None
            self._end.clear()
            if turn is None:
                await self._end.wait()  # all of it is under way
            else:
                await asyncio.sleep(turn - now)
