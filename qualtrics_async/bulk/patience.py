"""How long, and how often, to look for the traces of a write whose fate is unknown."""

from __future__ import annotations

import asyncio
from typing import Final

from qualtrics_async._core.jobs import Polling

__all__ = ["Patience"]

_MOST_REPEATS: Final = 20
_MOST_LOOKS: Final = 6000
"""Looks within the time limit, however small the pauses of the client's polling are."""


class Patience:
    """Begins to run out when it is made; its pauses are those of the client's polling."""

    def __init__(self, polling: Polling, seconds: float) -> None:
        self._time = asyncio.get_running_loop().time
        self._polling = polling
        self._until = self._time() + seconds
        self._least = seconds / _MOST_LOOKS
        self._pause = polling.first
        self._repeats = 0

    @property
    def is_over(self) -> bool:
        """Whether the time is up."""
        return self._time() >= self._until

    def pause(self) -> float:
        """Tell the seconds until the next look, which is due at the end of the time at the latest."""
        # Repeats are counted, looks are not.
        seconds = self._pause if self._repeats else max(self._pause, self._least)
        self._pause = min(self._pause * self._polling.factor, self._polling.longest)
        return float(min(seconds, max(0.0, self._until - self._time())))

    def may_repeat(self) -> bool:
        """Whether what is harmless may be sent again: once in any case, then within the time and a number."""
        allowed = self._repeats == 0 or (self._repeats < _MOST_REPEATS and not self.is_over)
        self._repeats += 1
        return allowed
