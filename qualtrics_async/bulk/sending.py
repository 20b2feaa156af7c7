"""One write under a journal: its intent is durable before it leaves, its fate is written down after."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import anyio

from qualtrics_async._core.tasks import finish_within, is_in_doubt
from qualtrics_async.bulk.records import Kind
from qualtrics_async.errors import (
    ConnectFailed,
    Forbidden,
    JournalError,
    NotFound,
    OutcomeUnknown,
    QualtricsError,
    RateLimited,
    Unauthorized,
)

__all__ = ["STOPS", "send_once"]

T = TypeVar("T")

_LEAVING: Final = True
_NOT_LEFT: Final = False

STOPS: Final = (Unauthorized, Forbidden, NotFound, ConnectFailed, RateLimited)
"""What nothing was done for, and what would fail every other item too: it ends the job."""


async def send_once(
    intend: Callable[[bool], Awaitable[None]],
    call: Callable[[], Awaitable[T]],
    accept: Callable[[T], Awaitable[None]],
    reject: Callable[[Kind, str, QualtricsError], Awaitable[None]],
    *,
    grace: float,
) -> None:
    """Make a call that must not be made twice, and write down what became of it.

    Args:
        intend: writes down durably that the call is about to leave (True), or that it has not left after
            all (False), so that it may be made later.
        call: makes it.
        accept: writes down its result.
        reject: writes down that it was refused (`Kind.FAILED`), or that nobody knows (`Kind.IN_DOUBT`), with
            a few words and the error.
        grace: seconds that the call, once it has left, gets to be confirmed and written down when its job
            is cancelled.

    Raises:
        QualtricsError: one of `STOPS`; the intent is taken back then.
    """

    async def step() -> None:
        try:
            await intend(_LEAVING)
            result = await call()
        except asyncio.CancelledError as cancellation:
            if not is_in_doubt(cancellation):
                with anyio.CancelScope(shield=True):
                    await intend(_NOT_LEFT)
            raise
        except STOPS:
            await intend(_NOT_LEFT)
            raise
        except OutcomeUnknown as error:
            await reject(Kind.IN_DOUBT, "lost reply", error)
        except JournalError:
            raise
        except QualtricsError as error:
            await reject(Kind.FAILED, "refused", error)
        else:
            await accept(result)

    await finish_within(grace, step())
