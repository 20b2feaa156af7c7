"""Reading a listing to its end, beyond the retries of a single call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from qualtrics_async._core.paging import Paged
from qualtrics_async.errors import (
    Conflict,
    ConnectFailed,
    CursorRefused,
    DecodeError,
    Forbidden,
    InvalidRequest,
    NotFound,
    QualtricsError,
    ServerFault,
    TransportError,
    UnexpectedStatus,
)

__all__ = ["PASSING", "REFUSALS", "read_whole"]

T = TypeVar("T")

PASSING: Final = (ServerFault, TransportError, DecodeError)
"""What may be over when it is asked again."""

REFUSALS: Final = (NotFound, InvalidRequest, Conflict, UnexpectedStatus)
"""What one question is refused for, and no other."""

_PASSES: Final = 3


async def read_whole(
    listing: Paged[T],
    add: Callable[[Sequence[T]], None],
    *,
    pause: float,
    passing: tuple[type[QualtricsError], ...] = PASSING,
) -> bool:
    """Give each page to `add`; False when the listing is refused, or a part of it cannot be read.

    A page that fails for a `passing` reason is asked for again after `pause` seconds.

    Raises:
        QualtricsError: what would end the job, whatever was asked.
    """
    cursor = None
    for attempt in range(_PASSES):
        try:
            if attempt:
                await asyncio.sleep(pause)
            async for page in listing.resume(cursor).pages():
                add(page.elements)
        except ConnectFailed:
            raise
        except passing as error:
            cursor = error.cursor
        except (Forbidden, CursorRefused, *REFUSALS):
            return False
        else:
            return True
    return False
