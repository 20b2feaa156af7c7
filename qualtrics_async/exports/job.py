"""The service's part of an export: a job that is started and asked for its progress until there is a file."""

from __future__ import annotations

import asyncio

from qualtrics_async._core.events import Call
from qualtrics_async.client import Qualtrics
from qualtrics_async.errors import JobFailed, NotFound, OutcomeUnknown
from qualtrics_async.exports.options import ExportState, Plan
from qualtrics_async.models.response_exports import ResponseExportProgress

__all__ = ["exported"]


async def exported(client: Qualtrics, survey_id: str, plan: Plan) -> tuple[str, str, str | None]:
    """Start an export and wait for its end; the ids of the job and of its file, and the continuation token.

    A start whose reply was lost is repeated: an export that nobody fetches does no harm.

    Raises:
        JobFailed: with `status` `"failed"` as the service says it, at whatever percentage; `"no file"` for an
            end without a file; `"gone"` for a job that the service does not know any more; `"stalled"` after
            `stall_timeout` without progress; `"timed out"` at the end of the client's polling.
        QualtricsError: when the start or a question for the progress is refused.
    """
    job_id = await _start(client, survey_id, plan)
    watch = _Watch(client, survey_id, job_id, plan)
    with client.observe(watch.observe):
        done = await client.wait(job_id, watch.ask)
    # Documented: only the word with a file is success.
    if not done.status or not done.file_id:
        raise watch.failure("no file", "ended without a file", done)
    return job_id, done.file_id, done.continuation_token


async def _start(client: Qualtrics, survey_id: str, plan: Plan) -> str:
    left = client.retry.retries
    while True:
        try:
            return (await client.response_exports.start(survey_id, plan.start)).progress_id
        except OutcomeUnknown:
            left -= 1
            if left < 0:
                raise
            await asyncio.sleep(client.polling.first)


class _Watch:
    """Asks for the progress of one job, and sees when nothing moves any more."""

    def __init__(self, client: Qualtrics, survey_id: str, job_id: str, plan: Plan) -> None:
        self._exports = client.response_exports
        self._survey_id = survey_id
        self._job_id = job_id
        self._plan = plan
        self._now = asyncio.get_running_loop().time
        self._moved = self._now()
        self._last: tuple[float | None, str | None] = (None, None)
        self._request_id: str | None = None

    def observe(self, call: Call) -> None:
        """Remember the request id: the vendor's support asks for it."""
        self._request_id = call.request_id

    async def ask(self) -> ResponseExportProgress:
        """Ask once."""
        try:
            state = await self._exports.progress(self._survey_id, self._job_id)
        except NotFound as error:
            raise self.failure("gone", "is not known to the service any more", None) from error
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
            stood = f"stood at {percent:g} % for {self._plan.stall_timeout:g} s; it may still go on"
            raise self.failure("stalled", stood, state)
        return state

    def failure(self, status: str, what: str, state: ResponseExportProgress | None) -> JobFailed:
        """Make the error for a job that ended badly."""
        request = f" (request {self._request_id})" if self._request_id else ""
        return JobFailed(
            f"the export {self._job_id} of {self._survey_id} {what}{request}",
            job_id=self._job_id,
            status=status,
            detail=state,
        )
