"""What every bulk job has: its options, its summary, its pace, and the tasks that its outcomes come from."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, aclosing, asynccontextmanager
from typing import Any, Final, Generic, Literal, TypeAlias, TypedDict

import anyio
from msgspec import Struct

from qualtrics_async._core.events import Call
from qualtrics_async._core.tasks import background_tasks
from qualtrics_async.bulk.fanout import Channel, Deliver, FairQueue, K, Outcomes, W, Work, fan_out
from qualtrics_async.bulk.journal import Journal
from qualtrics_async.bulk.outcome import LATEST_DECISIONS, Decision, I, Summary, V
from qualtrics_async.bulk.pacing import Pace
from qualtrics_async.client import Qualtrics
from qualtrics_async.errors import UsageError

__all__ = ["Clock", "Job", "JobOptions", "OnDoubt", "Settings"]

OnDoubt: TypeAlias = Literal["report", "resend"]

_BATCHES_AHEAD: Final = 4
_MINUTE: Final = 60.0


class JobOptions(TypedDict, total=False):
    """The keyword options that all bulk jobs take.

    Keys:
        journal: a file that makes the job resumable: the same call with the same input goes on where it
            stopped, and does nothing twice. A temporary file by default. Only its owner may read it.
        job_id: names the job, for an input that is a stream: with the same name and a journal that has read
            the stream to its end, the stream is not read again. It must be the same in each call.
        replay: on a journal, yield the outcomes again that were delivered before.
        keep_rows: keep the rows in the journal when they are done; they are erased otherwise.
        on_doubt: what becomes of a write whose fate is unknown, that left no trace in the service until
            `reconcile_timeout`: `"report"` (the default) ends it as `InDoubt`, `"resend"` sends it again.
        reconcile_timeout: seconds in which such a write may still leave a trace; 600 by default.
        max_failures: the job is stopped by a `JobFailed` when more items than this fail in one call; its
            `detail` counts the reasons. What was done is in the journal. None by default.
        limit_rows_per_minute: rows that leave in any sliding minute, all lists together, below what the quota
            allows; none by default. It may be another when the job is repeated.
        on_progress: called with the live summary whenever it has changed, on the event loop: rows were read,
            sent, decided on, delivered. It must not block; what it raises ends the job and leaves as itself.
    """

    journal: str | os.PathLike[str] | None
    job_id: str | None
    replay: bool
    keep_rows: bool
    on_doubt: OnDoubt
    reconcile_timeout: float
    max_failures: int | None
    limit_rows_per_minute: float | None
    on_progress: Callable[[Summary], None] | None


class Settings(Struct, frozen=True, kw_only=True):
    """The options of a job, complete and checked."""

    journal: str | os.PathLike[str] | None = None
    job_id: str | None = None
    replay: bool = False
    keep_rows: bool = False
    on_doubt: OnDoubt = "report"
    reconcile_timeout: float = 600.0
    max_failures: int | None = None
    limit_rows_per_minute: float | None = None
    on_progress: Callable[[Summary], None] | None = None

    def __post_init__(self) -> None:
        if self.on_doubt not in ("report", "resend"):
            raise UsageError(f'on_doubt is "report" or "resend", got {self.on_doubt!r:.40}')
        if self.job_id is not None and not self.job_id.strip():
            raise UsageError("a job_id is not blank")
        if not self.reconcile_timeout >= 0:
            raise UsageError(f"reconcile_timeout is a number of seconds, got {self.reconcile_timeout}")
        if self.max_failures is not None and self.max_failures < 0:
            raise UsageError(f"max_failures is not negative, got {self.max_failures}")
        if self.limit_rows_per_minute is not None and not self.limit_rows_per_minute > 0:
            raise UsageError(f"limit_rows_per_minute is positive, got {self.limit_rows_per_minute}")


class Job(Generic[I, V]):
    """One bulk job while it runs; `async with Job.open(...)` opens its journal."""

    def __init__(self, client: Qualtrics, settings: Settings, journal: Journal, concurrency: int) -> None:
        self.client = client
        self.settings = settings
        self.journal = journal
        self.summary = Summary()
        self._clock = Clock(client, self.summary)
        self.pace = Pace(settings.limit_rows_per_minute)
        self.places = anyio.Semaphore(concurrency)
        """Held by whoever holds rows in memory to send them, also while they wait for quota."""
        self.exits = anyio.Semaphore(concurrency)
        """Held by whoever holds outcomes in memory; what waits for quota does not hold them up."""

    @classmethod
    @asynccontextmanager
    async def open(
        cls, client: Qualtrics, settings: Settings, fingerprint: Mapping[str, Any], *, concurrency: int
    ) -> AsyncGenerator[Job[I, V]]:
        """Open the journal of a job; it is closed at the end.

        Raises:
            JournalError: when it is in use, damaged, or of another job.
        """
        named = dict(fingerprint) | {"service": client.base_url, "job id": settings.job_id}
        opened = await Journal.open(settings.journal, named, keep_rows=settings.keep_rows)
        async with aclosing(opened) as journal:
            job = cls(client, settings, journal, concurrency)
            for decision in await journal.decisions(LATEST_DECISIONS):
                job.summary.decide(decision)
            yield job

    async def decide(self, decision: Decision) -> None:
        """Write down what was decided on something in doubt; it is in the summary too."""
        await self.journal.decide(decision)
        self.summary.decide(decision)
        self.progress()

    def progress(self) -> None:
        """Tell the observer that the summary has changed; what it raises ends the job, as itself."""
        self._clock.read()
        if self.settings.on_progress is not None:
            self.settings.on_progress(self.summary)

    def counting(self) -> AbstractContextManager[None]:
        """Count the requests of the calls that are made inside."""
        return self.client.observe(self._clock.count)

    @asynccontextmanager
    async def running(
        self,
        queue: FairQueue[K, W],
        work: Work[W, I, V],
        begin: Callable[[Deliver[I, V]], Awaitable[None]],
        *,
        finish: Callable[[Deliver[I, V]], Awaitable[None]] | None = None,
        concurrency: int | None = None,
        ahead: int = _BATCHES_AHEAD,
    ) -> AsyncGenerator[Outcomes[I, V]]:
        """Work off a queue while the body takes the outcomes.

        `begin` fills the queue and `finish` is called when all of it is done; both may deliver as well.
        """
        channel = Channel[I, V](ahead, workers=2, most_failures=self.settings.max_failures)

        async def fill() -> None:
            async with channel.worker() as deliver:
                await begin(deliver)

        outcomes = Outcomes(channel, self.summary, self.progress)
        try:
            async with background_tasks() as tasks:
                with self.counting():  # the tasks keep it, the body does not
                    fan_out(tasks, queue, work, channel, concurrency=concurrency, finish=finish)
                    tasks.start_soon(fill)
                yield outcomes
        finally:
            self._clock.read()
            outcomes.close()


class Clock:
    """Keeps the time and the requests of a summary."""

    def __init__(self, client: Qualtrics, summary: Summary) -> None:
        self._summary = summary
        self._time = asyncio.get_running_loop().time
        self._began = self._time()
        self._limit = client.quota().brand.limit

    def count(self, call: Call) -> None:
        """Count the requests of a call."""
        self._summary.requests += call.attempts

    def read(self) -> None:
        """Bring the summary up to date."""
        summary = self._summary
        summary.seconds = self._time() - self._began
        if self._limit is not None and summary.seconds > 0:
            allowed = self._limit * summary.seconds / _MINUTE
            summary.quota_used = summary.requests / allowed
