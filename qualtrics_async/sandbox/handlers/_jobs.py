"""Jobs of every family but the contact imports: begun, found again, polled, and spelt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from qualtrics_async.sandbox.jobs import Job, Progress
from qualtrics_async.sandbox.wire import Refused

if TYPE_CHECKING:
    from qualtrics_async.sandbox.wire import Call

__all__ = ["CAPITALS", "WORDS", "Words", "advance", "begin", "find", "poll"]


class Words(NamedTuple):
    """How a family spells where a job stands."""

    running: str
    failed: str
    complete: str

    def of(self, job: Job) -> str:
        """The word for a job."""
        return {"running": self.running, "failed": self.failed, "complete": self.complete}[job.outcome]


WORDS = Words("inProgress", "failed", "complete")
CAPITALS = Words("IN_PROGRESS", "ERROR", "COMPLETED")


def begin(call: Call, family: str, prefix: str, **record: Any) -> Job:
    """Start a job. Faults of the kinds `..._job` and `no_file` have their effect on it."""
    state, kind = call.state, call.fault_kind()
    job = Job(
        state.new_id(prefix),
        family,
        Progress(state.monotonic(), stuck=kind == "stuck_job"),
        failing=kind == "failed_job",
        lives=call.fault.polls if call.fault is not None and kind == "gone_job" else None,
        fileless=kind == "no_file",
        record=record,
    )
    state.jobs[job.id] = job
    return job


def find(call: Call, family: str, job_id: str) -> Job:
    """The job, which must be of this family. The refusal is assumed."""
    job = call.state.jobs.get(job_id)
    gone = job is not None and job.lives is not None and job.progress.polls >= job.lives
    if job is None or gone or job.family != family:
        raise Refused(404, "PLACEHOLDER_404", "No such job.")
    return job


def poll(call: Call, job: Job) -> float:
    """Count a poll and return how far the job is, in percent; a failing one fails at 100."""
    job.progress.polls += 1
    return advance(call, job)


def advance(call: Call, job: Job) -> float:
    """Return how far the job is, in percent, without counting a poll."""
    if job.progress.stuck:
        return 0.0
    fraction = call.settings.jobs.fraction(job.progress, call.state.monotonic())
    job.done = job.done or fraction >= 1.0
    return 100.0 if job.done else min(round(fraction * 100, 1), 99.9)
