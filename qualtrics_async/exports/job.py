"""The service's part of an export: a job that is started and asked for its progress until there is a file."""

from __future__ import annotations

import asyncio
from typing import Final

from qualtrics_async._core.events import Call
from qualtrics_async.client import Qualtrics
from qualtrics_async.errors import ApiError, JobFailed, NotFound, OutcomeUnknown
from qualtrics_async.exports.options import ExportState, Plan
from qualtrics_async.models.response_exports import ResponseExportProgress

__all__ = ["exported"]

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
        QualtricsError: when the start or a question for the progress is refused.
    """
    job_id = await _start(client, survey_id, plan)
    watch = _Watch(client, survey_id, job_id, plan)
    with client.observe(watch.observe):
        done = await watch.wait()
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
            await asyncio.sleep(min(retry.cap, retry.base * 2 ** min(faults - 1, 30)))


class _Watch:
    """Asks for the progress of one job, and sees when nothing moves any more."""

    def __init__(self, client: Qualtrics, survey_id: str, job_id: str, plan: Plan) -> None:
        self._client = client
        self._survey_id = survey_id
        self._job_id = job_id
        self._plan = plan
        self._now = asyncio.get_running_loop().time
        self._moved = self._now()
        self._last: tuple[float | None, str | None] = (None, None)
        self._request_id: str | None = None

    def observe(self, call: Call) -> None:
        """Remember the request id: the vendor's support asks for it."""
        self._request_id = call.request_id or self._request_id

    async def wait(self) -> ResponseExportProgress:
        """Ask until it ends.

        Raises:
            JobFailed: when it ended badly or did not end in time.
            QualtricsError: when a question is refused.
        """
        try:
            return await self._client.wait(self._job_id, self._ask)
        except JobFailed as error:
            if error.status != _TIMED_OUT or getattr(error.detail, "is_failed", False):
                raise
            late = (
                f"did not end within {self._client.polling.deadline:g} s; it may still go on: ask for less, "
                "or raise the deadline of the client's polling"
            )
            raise self.failure(_TIMED_OUT, late, error.detail) from None

    async def _ask(self) -> ResponseExportProgress:
        try:
            state = await self._client.response_exports.progress(self._survey_id, self._job_id)
        except NotFound as error:
            gone = "is not known to the service any more: start it again"
            raise self.failure("gone", gone, None) from error
        except ApiError as error:
            if error.status != _OK:
                raise
            said = error.message or error.error_code or "an error"
            refused = f"failed: the service said {said!r}"
            raise self.failure(error.error_code or "failed", refused, error.message) from error
        if state.is_failed:
            advice = (
                "failed: start it again, and give the request id to the vendor's support if it fails again"
            )
            raise self.failure(state.status or "failed", advice, state)
        percent = min(max(state.percent_complete or 0.0, 0.0), 100.0)
        self._plan.tell(ExportState(survey_id=self._survey_id, phase="exporting", percent=percent))
        if (now := (percent, state.status)) != self._last:
            self._last, self._moved = now, self._now()
        elif not state.is_finished and self._now() - self._moved >= self._plan.stall_timeout:
            stood = (
                f"stood at {percent:g} % for {self._plan.stall_timeout:g} s; it may still go on: start it "
                "again, or raise stall_timeout"
            )
            raise self.failure("stalled", stood, state)
        return state

    def failure(self, status: str, what: str, detail: object) -> JobFailed:
        """Make the error for a job that ended badly."""
        request = f" (request {self._request_id})" if self._request_id else ""
        return JobFailed(
            f"the export {self._job_id} of {self._survey_id} {what}{request}",
            job_id=self._job_id,
            status=status,
            detail=detail,
        )
