"""Where accepted events wait for who handles them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from hashlib import blake2b
from typing import Literal, NamedTuple, Protocol, TypeAlias

from qualtrics_async.webhooks.events import Event
from qualtrics_async.webhooks.packing import MOST_UNPACKED, pack, unpacked
from qualtrics_async.webhooks.walking import Source

__all__ = ["Inbox", "MemoryInbox", "Seen", "Taken", "Verdict", "mark_of"]

Verdict: TypeAlias = Literal["accepted", "repeated", "full"]
"""What became of an event: `full` leaves no trace of it, so that it may come again."""


class Taken(NamedTuple):
    """An event that was handed out, and the number under which it is `done`."""

    number: int
    event: Event


class Inbox(Source[Event], Protocol):
    """Accepts events, each of them once, and hands them out in that order; closed, it has no more of them."""

    @property
    def waiting(self) -> int:
        """How many events were accepted and not yet taken."""

    async def put(self, event: Event) -> Verdict:
        """Accept an event; what this has returned `accepted` for is as safe as the inbox makes it.

        Who is cancelled meanwhile does not know whether it was accepted: putting it again tells.

        Raises:
            TimeoutError: when that takes too long; it may be accepted all the same, putting it again tells.
        """

    async def take(self) -> Taken | None:
        """Wait for the next event."""

    async def aclose(self) -> None:
        """Accept and hand out nothing more; who waits in `take()` gets None."""


def mark_of(event: Event) -> bytes | None:
    """16 bytes that all deliveries of one event have in common; None where nothing tells two events apart.

    Signed ones have others than those that anybody can make up, which so cannot pass for them.
    """
    identity = event.identity
    if identity is None:
        return None
    person = b"signed" if event.is_signed else b""
    return blake2b("\0".join(identity).encode(), digest_size=16, person=person).digest()


class Seen:
    """The marks of the last so many events, each with the number of its event."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._numbers: dict[bytes, int] = {}
        # Beside the dictionary, which looks for its first key behind all that were deleted.
        self._order: deque[bytes] = deque()

    def __contains__(self, mark: bytes) -> bool:
        return mark in self._numbers

    def __len__(self) -> int:
        return len(self._numbers)

    def add(self, mark: bytes, number: int) -> None:
        """Remember a new mark, and forget the oldest one where there are too many."""
        self._numbers[mark] = number
        self._order.append(mark)
        if len(self._order) > self._most:
            del self._numbers[self._order.popleft()]

    def forgotten_for(self, marks: Sequence[tuple[int, bytes]]) -> int:
        """Tell the number up to which marks are forgotten when these are added, 0 for none."""
        excess = len(self._order) + len(marks) - self._most
        if excess <= 0:
            return 0
        if excess > len(self._order):
            return marks[excess - len(self._order) - 1][0]
        return self._numbers[self._order[excess - 1]]


class MemoryInbox:
    """Events in memory, at most `size` of them; the last `remember` ones are known again.

    What waits here is lost with the process.
    """

    def __init__(self, size: int, remember: int) -> None:
        self._size = size
        self._seen = Seen(remember)
        self._events: deque[Taken | tuple[int, bytes]] = deque()
        self._arrived = asyncio.Event()
        self._number = 0
        self._is_closed = False

    @property
    def waiting(self) -> int:
        """How many events were accepted and not yet taken."""
        return len(self._events)

    async def put(self, event: Event) -> Verdict:
        """Accept an event."""
        mark = mark_of(event)
        if mark is not None and mark in self._seen:
            return "repeated"
        if self._is_closed or len(self._events) >= self._size:
            return "full"
        self._number += 1
        if mark is not None:
            self._seen.add(mark, self._number)
        is_packed = len(self._events) >= MOST_UNPACKED
        self._events.append((self._number, pack(event)) if is_packed else Taken(self._number, event))
        self._arrived.set()
        return "accepted"

    async def take(self) -> Taken | None:
        """Wait for the next event; None when the inbox was closed."""
        while not self._is_closed:
            if self._events:
                number, event = self._events.popleft()
                return Taken(number, unpacked(event) if isinstance(event, bytes) else event)
            self._arrived.clear()
            await self._arrived.wait()
        return None

    async def done(self, number: int) -> None:
        """Nothing is left of an event once it was taken."""

    async def aclose(self) -> None:
        """Drop what waits."""
        self._is_closed = True
        self._events.clear()
        self._arrived.set()
