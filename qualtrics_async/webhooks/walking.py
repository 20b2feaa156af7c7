"""Who has which event in hand, and when it counts as handled."""

from __future__ import annotations

import asyncio
from typing import Any, Generic, Protocol, Self, TypeVar
from weakref import WeakKeyDictionary, ref

__all__ = ["Source", "Walk", "Walks"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Source(Protocol[T_co]):
    """Where items come from, each under a number."""

    async def take(self) -> tuple[int, T_co] | None:
        """Wait for the next one; None when there are no more. Who is cancelled then loses nothing."""

    async def done(self, number: int) -> None:
        """Say that one was handled; a number that is not handed out is ignored."""


class Walks(Generic[T]):
    """The walks of all tasks over one source; none goes on when `is_open` is no longer set."""

    def __init__(self, source: Source[T]) -> None:
        self.source = source
        self.is_open = False
        self._of_tasks: WeakKeyDictionary[asyncio.Task[Any], Walk[T]] = WeakKeyDictionary()

    def here(self) -> Walk[T]:
        """The walk of the current task, one for all of its loops: each goes on where another was left."""
        task = asyncio.current_task()
        if task is None:
            return Walk(self, None)
        walk = self._of_tasks.get(task)
        if walk is None:
            walk = self._of_tasks[task] = Walk(self, task)
        return walk

    def let_go(self) -> list[int]:
        """The numbers of what the current task has handled, now that it leaves."""
        return self.here().let_go(asyncio.current_task())


class Walk(Generic[T]):
    """One task's way through the items, and what it has in hand: usually one, until it asks for the next.

    Other tasks may ask in its place, as `asyncio.wait_for()` does before Python 3.12: what one got counts as
    in hand when it has ended, unless it failed.
    """

    def __init__(self, walks: Walks[T], owner: asyncio.Task[Any] | None) -> None:
        self._walks = walks
        # Not the task itself: as the value of a weak dictionary this would keep its own key alive.
        self._owner = (lambda: None) if owner is None else ref(owner)
        self._in_hand: list[tuple[int, asyncio.Task[Any] | None]] = []
        """With the task that asked for it, None for the owner."""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        walks, here = self._walks, asyncio.current_task()
        for number in self.let_go(here):
            await walks.source.done(number)
        taken = await walks.source.take() if walks.is_open else None
        if taken is None:
            raise StopAsyncIteration
        self._in_hand.append((taken[0], None if here is self._owner() else here))
        return taken[1]

    def let_go(self, here: asyncio.Task[Any] | None) -> list[int]:
        """The numbers of what is handled now that this task goes on, or leaves.

        What another task has not finished stays in hand; what a task had that failed will come again.
        """
        in_hand, self._in_hand = self._in_hand, []
        handled = []
        for number, asker in in_hand:
            if asker is None or asker is here or _ended_well(asker):
                handled.append(number)
            elif not asker.done():
                self._in_hand.append((number, asker))
        return handled


def _ended_well(task: asyncio.Task[Any]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None
