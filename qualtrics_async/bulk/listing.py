"""Reading a listing page by page in turn with others, beyond what a single call is repeated for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Final, Generic, TypeVar

import anyio

from qualtrics_async._core.paging import Page, Paged
from qualtrics_async.bulk.sending import STOPS
from qualtrics_async.errors import (
    Conflict,
    CursorRefused,
    DecodeError,
    InvalidRequest,
    QualtricsError,
    ServerFault,
    TransportError,
    UnexpectedStatus,
)

__all__ = ["PASSING", "REFUSED", "Reader", "is_passing"]

T = TypeVar("T")

PASSING: Final = (ServerFault, TransportError, DecodeError, CursorRefused)
"""What may be over when it is asked again, and concerns one list."""

REFUSED: Final = (InvalidRequest, Conflict, UnexpectedStatus)
"""What one listing is refused for, and no other."""


def is_passing(error: QualtricsError) -> bool:
    """Whether it makes sense to ask again."""
    return isinstance(error, PASSING) and not isinstance(error, STOPS)


class Reader(Generic[T]):
    """Reads one listing from a cursor on, now and later; a place is held for one page at a time.

    `take` is given a page and the cursor at which to go on after it. `cursor` is where it stands. A cursor
    that is refused, as one that is too old (documented: after seven days), means the beginning, once.
    `waited` are the seconds for which it waited for its turn.
    """

    def __init__(
        self,
        listing: Paged[T],
        places: anyio.Semaphore,
        take: Callable[[Page[T], str | None], Awaitable[None]],
        cursor: str | None,
    ) -> None:
        self.cursor = cursor
        self.waited = 0.0
        self._listing = listing
        self._places = places
        self._take = take
        self._restarted = False

    async def read(self) -> QualtricsError | None:
        """Read to the end; what comes back is what stood in the way, and may be over later.

        Raises:
            QualtricsError: when the listing is refused, or everything would be.
        """
        try:
            await self._read()
        except QualtricsError as error:
            if isinstance(error, InvalidRequest) and error.cursor is not None and not self._restarted:
                self._restarted = True
                self.cursor = None
                return await self.read()
            if not is_passing(error):
                raise
            self.cursor = None if isinstance(error, CursorRefused) else error.cursor
            return error
        return None

    async def _read(self) -> None:
        clock = asyncio.get_running_loop().time
        async with aclosing(self._listing.resume(self.cursor).pages()) as pages:
            following: str | None = self.cursor
            while True:
                began = clock()
                async with self._places:
                    self.waited += clock() - began
                    page = await anext(pages)
                    # The last page is where more may appear.
                    following = page.next_page or following
                    await self._take(page, following)
                    self.cursor = following
                if page.next_page is None:
                    return
