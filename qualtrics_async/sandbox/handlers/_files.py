"""Jobs that leave a file, by an id of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qualtrics_async.sandbox.handlers._jobs import begin, find, poll
from qualtrics_async.sandbox.wire import Refused

if TYPE_CHECKING:
    from typing import Any

    from qualtrics_async.sandbox.handlers._jobs import Words
    from qualtrics_async.sandbox.jobs import Job
    from qualtrics_async.sandbox.wire import Body, Call

__all__ = ["begin_export", "export_progress", "exported", "find_export"]


def begin_export(call: Call, family: str, prefix: str, **record: Any) -> Job:
    """Start a job that belongs to the objects in the path."""
    return begin(call, family, prefix, under=call.ids, **record)


def find_export(call: Call, family: str) -> Job:
    """The job that the path ends with, which must belong to the objects before it."""
    job = find(call, family, call.ids[-1])
    if job.record["under"] != call.ids[:-1]:
        raise Refused(404, "PLACEHOLDER_404", "No such job.")
    return job


def export_progress(call: Call, job: Job, words: Words) -> Body:
    """How far it is; the id of the file is there once it is complete, else null or absent by quirk."""
    percent = poll(call, job)
    body: Body = {"percentComplete": percent, "status": words.of(job)}
    if job.outcome == "complete" and not job.fileless:
        body["fileId"] = file_id(call, job)
    elif call.settings.quirks:
        body["fileId"] = None
    return body


def file_id(call: Call, job: Job) -> str:
    """The id of the file that a job has left: a UUID with `-def` (observed)."""
    if "file_id" not in job.record:
        job.record["file_id"] = f"{call.state.new_request_id()}-def"
        call.state.shelf(f"{job.family} file").put(job.record["file_id"], record={"job": job})
    found: str = job.record["file_id"]
    return found


def exported(call: Call, family: str, *, under: int) -> Job:
    """The job that has left the file that the path ends with; `under` ids of the path are the job's own."""
    job: Job = call.state.shelf(f"{family} file").find(call.ids[-1])["job"]
    if job.record["under"] != call.ids[:under]:
        raise Refused(404, "PLACEHOLDER_404", "No such file.")
    return job
