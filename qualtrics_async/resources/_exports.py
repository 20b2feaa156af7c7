"""What all exports have in common: a job that leaves a file."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from qualtrics_async._core.jobs import Progress
from qualtrics_async.errors import JobFailed
from qualtrics_async.resources._base import Resource

__all__ = ["ExportJobs", "FileProgress"]


class FileProgress(Progress, Protocol):
    """The progress of a job that leaves a file."""

    @property
    def file_id(self) -> str | None:
        """The file, once there is one."""


class ExportJobs(Resource):
    """Exports of one family."""

    __slots__ = ()

    async def _exported(self, job_id: str, progress: Callable[[], Awaitable[FileProgress]]) -> str:
        """Wait for the end of an export, and tell the id of its file.

        Raises:
            JobFailed: when it failed, or ended without saying that it is complete or where its file is.
        """
        done = await self._wait(job_id, progress)
        if not done.status or not done.file_id:
            raise JobFailed(
                f"job {job_id} ended without a file", job_id=job_id, status=done.status or "", detail=done
            )
        return done.file_id
