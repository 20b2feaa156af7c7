"""The service's part of exports and imports: a job that is asked for its progress until it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from qualtrics_async._core.events import Call
from qualtrics_async.client import Qualtrics
from qualtrics_async.errors import ApiError, JobFailed, NotFound, OutcomeUnknown, QualtricsError
from qualtrics_async.exports.options import ExportState, Plan
from qualtrics_async.models.common import JobProgress

__all__ = ["Watch", "exported"]

P = TypeVar("P", bound=JobProgress)

_OK: Final = 200
_TIMED_OUT: Final = "timed out"
"""The poller's word for it."""


async def exported(client: Qualtrics, survey_id: str, plan: Plan) -> tuple[str, str, str | None]:
    """Start an export and wait for its end; the ids of the job and of its file, and the continuation token.

    A start whose reply was lost is repeated: an export that nobody fetches does no harm.

    Raises:
        JobFailed: with `status` `"failed"` as the service says it, at whatever percentage, or the code of an
            error inside a 200; `"no file"` for an end without a file; `"gone"` for a job that the service
            does not know any more; `"stalled"` after `stall_timeout` without progress; `"timed out"` at the
            end of the client's polling.
        QualtricsError: when the start or a question for the progress is refused, with the survey in a note.
    """
    try:
        return await _exported(client, survey_id, plan)
    except JobFailed:
        raise  # its message names the survey
    except QualtricsError as error:
        error.add_note(f"it was about an export of the survey {survey_id}")
        raise


async def _exported(client: Qualtrics, survey_id: str, plan: Plan) -> tuple[str, str, str | None]:
    def tell(percent: float) -> None:
        plan.tell(ExportState(survey_id=survey_id, phase="exporting", percent=percent))

    job_id = await _start(client, survey_id, plan)
    watch = Watch(
        client,
        job_id,
        f"the export {job_id} of {survey_id}",
        stall_timeout=plan.stall_timeout,
        again=": start it again",
        tell=tell,
    )
    done = await watch.wait(lambda: client.response_exports.progress(survey_id, job_id))
    # Documented: only the word with a file is success.
    if not done.status or not done.file_id:
        raise watch.failure("no file", "ended without a file: start it again", done)
    return job_id, done.file_id, done.continuation_token


async def _start(client: Qualtrics, survey_id: str, plan: Plan) -> str:
    retry, faults = client.retry, 0
    while True:
        try:
            return (await client.response_exports.start(survey_id, plan.start)).progress_id
        except OutcomeUnknown:
            faults += 1
            if faults > retry.retries:
                raise
            await asyncio.sleep(retry.longest_wait(faults))


class Watch:
    """Asks for the progress of one job, and sees when nothing moves any more.

    `name` stands for the job in messages, `again` is what to do about one that did not end well; `tell` is
    told the percentage.
    """

    def __init__(
        self,
        client: Qualtrics,
        job_id: str,
        name: str,
        *,
        stall_timeout: float,
        again: str,
        tell: Callable[[float], object],
    ) -> None:
        self._client = client
        self._job_id = job_id
        self._name = name
        self._stall_timeout = stall_timeout
        self._again = again
        self._tell = tell
        self._now = asyncio.get_running_loop().time
        self._moved = self._now()
        self._last: tuple[float | None, str | None] = (None, None)
        self._request_id: str | None = None

    def observe(self, call: Call) -> None:
        """Remember the request id: the vendor's support asks for it."""
        self._request_id = call.request_id or self._request_id

    async def wait(self, ask: Callable[[], Awaitable[P]]) -> P:
        """Ask until it ends.

        Raises:
            JobFailed: when it ended badly or did not end in time.
            QualtricsError: when a question is refused.
        """
        try:
            with self._client.observe(self.observe):
                return await self._client.wait(self._job_id, lambda: self._asked(ask))
        except JobFailed as error:
            if error.status != _TIMED_OUT or getattr(error.detail, "is_failed", False):
                raise
            late = (
                f"did not end within {self._client.polling.deadline:g} s; it may still go on: raise the "
                "deadline of the client's polling"
            )
            raise self.failure(_TIMED_OUT, late, error.detail) from None

    async def _asked(self, ask: Callable[[], Awaitable[P]]) -> P:
        try:
            state = await ask()
        except NotFound as error:
            gone = f"is not known to the service any more{self._again}"
            raise self.failure("gone", gone, None) from error
        except ApiError as error:
            if error.status != _OK:
                raise
            said = error.message or error.error_code or "an error"
            refused = f"failed: the service said {said!r}"
            raise self.failure(error.error_code or "failed", refused, error.message) from error
        if state.is_failed:
            raise self.failure(
                state.status or "failed",
                f"failed, and the service does not say why{self._again}; if it fails again, give the request "
                "id to the vendor's support",
                state,
            )
        self._follow(state)
        return state

    def _follow(self, state: JobProgress) -> None:
        percent = min(max(state.percent_complete or 0.0, 0.0), 100.0)
        self._tell(percent)
        if (now := (percent, state.status)) != self._last:
            self._last, self._moved = now, self._now()
        elif not state.is_finished and self._now() - self._moved >= self._stall_timeout:
            stood = (
                f"stood at {percent:g} % for {self._stall_timeout:g} s; it may still go on: raise "
                "stall_timeout"
            )
            raise self.failure("stalled", stood, state)

    def failure(self, status: str, what: str, detail: object) -> JobFailed:
        """Make the error for a job that ended badly."""
        request = f" (request {self._request_id})" if self._request_id else ""
        return JobFailed(f"{self._name} {what}{request}", job_id=self._job_id, status=status, detail=detail)
