"""Who has how much in hand of a source, and its end when nothing comes to it any more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from qualtrics_async.errors import QualtricsError
from qualtrics_async.webhooks.walking import Source

__all__ = ["Watched"]

T = TypeVar("T")


class Watched(Generic[T]):
    """A source that can be told that nothing more comes: what it has is handed out, then it fails."""

    def __init__(self, source: Source[T], waiting: Callable[[], int]) -> None:
        self._source = source
        self._waiting = waiting
        self._in_hand: set[int] = set()
        self._asking: set[asyncio.Timeout] = set()
        self._loss: str | None = None

    @property
    def in_hand(self) -> int:
        """How many were handed out and are not handled."""
        return len(self._in_hand)

    def lose(self, why: str) -> None:
        """Raise this from `take()` as soon as nothing is left."""
        self._loss = why
        self._wake()

    async def take(self) -> tuple[int, T] | None:
        """Wait for the next one; None when there are no more. Who is cancelled then loses nothing.

        Raises:
            QualtricsError: when nothing more comes.
        """
        while self._loss is None or self._waiting():
            asking = asyncio.timeout(None)
            try:
                async with asking:
                    self._asking.add(asking)
                    taken = await self._source.take()
            except TimeoutError:
                if not asking.expired():
                    raise
                continue
            finally:
                self._asking.discard(asking)
            if taken is not None:
                self._in_hand.add(taken[0])
            if self._loss is not None:
                self._wake()
            return taken
        raise QualtricsError(self._loss)

    async def done(self, number: int) -> None:
        """Say that one was handled."""
        self._in_hand.discard(number)
        await self._source.done(number)

    def _wake(self) -> None:
        """Let all who wait look again whether there is anything left to wait for."""
        now = asyncio.get_running_loop().time()
        for asking in self._asking:
            if not asking.expired():
                asking.reschedule(now)
