"""Exports of which contacts came into segments and left them, as jobs."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from functools import partial

from qualtrics_async._core.downloads import Download
from qualtrics_async._core.request import GET, POST, instant
from qualtrics_async.models.contact_exports import (
    SegmentMembershipExportProgress,
    SegmentMembershipExportStarted,
)
from qualtrics_async.resources._exports import ExportJobs

__all__ = ["SegmentMembershipExports"]


class SegmentMembershipExports(ExportJobs):
    """Exports of which contacts came into segments and left them, as jobs.

    A private preview of the vendor's, for XM Directory; one export a minute (documented).
    """

    __slots__ = ()

    async def start(
        self,
        directory_id: str,
        *,
        last_updated_date: datetime | str,
        format: str = "csv",  # noqa: A002  (the wire's name)
    ) -> SegmentMembershipExportStarted:
        """Start an export of what changed since `last_updated_date`; it is never sent twice by itself."""
        route = POST("/directories/{directoryId}/export-contact-segment-memberships", directory_id)
        body = {"format": format, "lastUpdatedDate": instant(last_updated_date, "last_updated_date")}
        return await self._send(route, SegmentMembershipExportStarted, body=body)

    async def progress(self, directory_id: str, export_id: str) -> SegmentMembershipExportProgress:
        """How far an export is, by the `progress_id` of its start (assumed)."""
        route = GET(
            "/directories/{directoryId}/export-contact-segment-memberships/{exportId}",
            directory_id,
            export_id,
        )
        return await self._send(route, SegmentMembershipExportProgress)

    def file(self, directory_id: str, file_id: str) -> AbstractAsyncContextManager[Download]:
        """The file of an export, a CSV (documented). That the answer is the file itself is assumed."""
        return self._download(
            GET(
                "/directories/{directoryId}/export-contact-segment-memberships/{fileId}/file",
                directory_id,
                file_id,
            )
        )

    @asynccontextmanager
    async def run(
        self,
        directory_id: str,
        *,
        last_updated_date: datetime | str,
        format: str = "csv",  # noqa: A002  (the wire's name)
    ) -> AsyncGenerator[Download]:
        """Start an export, wait for its end and open its file.

        Raises:
            JobFailed: when it failed, or ended without a file.
        """
        started = await self.start(directory_id, last_updated_date=last_updated_date, format=format)
        poll = partial(self.progress, directory_id, started.progress_id)
        file_id = await self._exported(started.progress_id, poll)
        async with self.file(directory_id, file_id) as file:
            yield file
