"""A pace of rows below what the quota allows."""

from __future__ import annotations

import asyncio
from typing import Final

__all__ = ["Pace"]

_MINUTE: Final = 60.0


class Pace:
    """Lets so many rows leave in a minute, in the order in which they ask; without a limit, all at once.

    Whoever takes rows waits until those before have had their time: a chunk leaves whole, and the next one
    when the minutes that it stands for are over.
    """

    def __init__(self, rows_per_minute: float | None) -> None:
        self._seconds = 0.0 if rows_per_minute is None else _MINUTE / rows_per_minute
        self._free = 0.0

    async def take(self, rows: int) -> None:
        """Wait for the turn of these rows."""
        if not self._seconds:
            return
        now = asyncio.get_running_loop().time()
        turn = max(now, self._free)
        self._free = turn + rows * self._seconds
        if turn > now:
            await asyncio.sleep(turn - now)
