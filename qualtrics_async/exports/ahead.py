"""What is made on a thread, one piece ahead of who takes it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

from qualtrics_async._core.tasks import on_thread, outlasted
from qualtrics_async.errors import UsageError

__all__ = ["Ahead", "made_ahead"]

T = TypeVar("T")


def _never() -> bool:
    return False


class Ahead(Generic[T]):
    """Hands out what `make` returns until it returns None; the next piece is made while one is used.

    Where `is_at_hand` says so, a piece is made at once, without a thread: for who keeps the interpreter busy
    with every piece, a thread that has to wait for it is slower than none. Who is cancelled while waiting
    loses nothing: the piece is there for the next who asks. Several who ask share the pieces, each has one.
    """

    def __init__(self, make: Callable[[], T | None], is_at_hand: Callable[[], bool]) -> None:
        self._make = make
        self._is_at_hand = is_at_hand
        self._is_over = False
        self._next: asyncio.Future[T | None] | None = self._begin()

    def _begin(self) -> asyncio.Task[T | None]:
        return asyncio.create_task(on_thread(self._make))

    async def take(self) -> T | None:
        """Wait for the next piece; None at the end, and whatever `make` raised, however often it is asked.

        Raises:
            UsageError: when the `async with` around it has ended.
        """
        if self._next is None or self._next.done():
            await asyncio.sleep(0)  # whoever takes many pieces in a row lets others have a turn
        while self._next is not None and not self._next.done():
            await asyncio.wait({self._next})
        if self._is_over:
            raise UsageError("this export is over, its `async with` has ended: ask for it anew")
        if self._next is None:
            self._next = self._made()
        made = self._next.result()
        if made is not None:
            self._next = None if self._is_at_hand() else self._begin()
        return made

    def _made(self) -> asyncio.Future[T | None]:
        """Make a piece here and now; the end, or what was raised, stays for all who ask."""
        made: asyncio.Future[T | None] = asyncio.get_running_loop().create_future()
        try:
            made.set_result(self._make())
        except Exception as error:  # noqa: BLE001  (raised by who asks for the result)
            made.set_exception(error)
        return made

    async def end(self) -> None:
        """Wait until nothing runs on a thread any more; nothing interrupts that."""
        self._is_over = True
        made = self._next
        if made is None:
            return
        try:
            # No task of its own: whoever cancels all tasks of the loop would cancel that one as well.
            await outlasted(lambda: None if made.done() else made)
        finally:
            if not made.cancelled():
                made.exception()


@asynccontextmanager
async def made_ahead(
    make: Callable[[], T | None], is_at_hand: Callable[[], bool] = _never
) -> AsyncGenerator[Ahead[T]]:
    """Call `make` on a thread again and again; at the end nothing of it runs any more."""
    ahead = Ahead(make, is_at_hand)
    try:
        yield ahead
    finally:
        await ahead.end()
