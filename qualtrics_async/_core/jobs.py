"""One poller for every job of the server's: start, progress, result."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from msgspec import Struct

from qualtrics_async.errors import ApiError, ConfigError, JobFailed

__all__ = ["Polling", "Progress", "poll"]

_OK = 200


class Progress(Protocol):
    """What the poller reads of a progress answer, whatever else a family has in it."""

    @property
    def is_finished(self) -> bool:
        """Whether the job has ended, well or badly."""

    @property
    def is_failed(self) -> bool:
        """Whether it ended badly; a job may fail at 100 %."""

    @property
    def status(self) -> str | None:
        """The server's word for it."""


P = TypeVar("P", bound=Progress)


class Polling(Struct, frozen=True):
    """How often to ask, in seconds: `first`, then `factor` times longer each time up to `longest`.

    After `deadline` seconds the job counts as failed, although it may still go on at the server.
    """

    first: float = 0.5
    factor: float = 1.5
    longest: float = 10.0
    deadline: float = 3600.0

    def __post_init__(self) -> None:
        if not (self.first >= 0 and self.longest >= 0 and self.factor >= 1 and self.deadline > 0):
            raise ConfigError(f"polling takes positive seconds and a factor of at least 1: {self}")


async def poll(
    job_id: str,
    progress: Callable[[], Awaitable[P]],
    polling: Polling,
    *,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    clock: Callable[[], float] | None = None,
) -> P:
    """Ask for the progress of a job until it ends, and return the last answer.

    Raises:
        JobFailed: when the job failed, when an answer holds an error inside of a 200, or when the deadline
            passed (`status` is then `"timed out"`).
        QualtricsError: when a progress call itself fails for good.
    """
    now = clock or asyncio.get_running_loop().time
    give_up, interval = now() + polling.deadline, polling.first
    while True:
        try:
            state = await progress()
        except ApiError as error:
            if error.status != _OK:
                raise
            failed = JobFailed(
                f"job {job_id} failed: {error.message or error.error_code}",
                job_id=job_id,
                status=error.error_code or "",
                detail=error.message,
            )
            raise failed from error
        if state.is_failed:
            raise JobFailed(
                f"job {job_id} failed ({state.status}): `detail` of this error is the service's last answer",
                job_id=job_id,
                status=state.status or "",
                detail=state,
            )
        if state.is_finished:
            return state
        if now() + interval > give_up:
            raise JobFailed(
                f"job {job_id} did not end within {polling.deadline:g} s; it may still go on",
                job_id=job_id,
                status="timed out",
                detail=state,
            )
        await sleep(interval)
        interval = min(interval * polling.factor, polling.longest)
