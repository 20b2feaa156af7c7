"""Exports of a directory's contacts, as jobs."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any

from msgspec.structs import replace

from qualtrics_async._core.downloads import Download
from qualtrics_async._core.request import GET, POST, Route
from qualtrics_async.models.contact_exports import (
    ContactExportOptions,
    ContactExportProgress,
    ContactExportStarted,
    ExportFileAddress,
)
from qualtrics_async.models.contact_filters import ContactFilterGroup
from qualtrics_async.resources._exports import ExportJobs

__all__ = ["ContactExports"]


class ContactExports(ExportJobs):
    """Exports of a directory's contacts, as jobs; a private preview of the vendor's (documented)."""

    __slots__ = ()

    async def start(self, directory_id: str, options: ContactExportOptions) -> ContactExportStarted:
        """Start an export; it is never sent twice by itself."""
        route = POST("/directories/{directoryId}/export-contacts", directory_id)
        body = replace(options, filter=_expressions(options.filter))
        return await self._send(route, ContactExportStarted, body=body)

    async def progress(self, directory_id: str, progress_id: str) -> ContactExportProgress:
        """How far an export is."""
        route = GET(
            "/directories/{directoryId}/export-contacts/{progressId}/status", directory_id, progress_id
        )
        return await self._send(route, ContactExportProgress)

    def file(self, directory_id: str, file_id: str) -> AbstractAsyncContextManager[Download]:
        """The file of an export, by the `file_id` of its progress.

        Two requests: the service names an address and a token (documented), and the file is read there with
        the token and without the API credential.
        """
        return self._file(
            GET("/directories/{directoryId}/export-contacts/{fileId}/file", directory_id, file_id)
        )

    @asynccontextmanager
    async def run(self, directory_id: str, options: ContactExportOptions) -> AsyncGenerator[Download]:
        """Start an export, wait for its end and open its file.

        Raises:
            JobFailed: when it failed, or ended without a file.
        """
        job_id = (await self.start(directory_id, options)).progress_id
        file_id = await self._exported(job_id, partial(self.progress, directory_id, job_id))
        async with self.file(directory_id, file_id) as file:
            yield file

    @asynccontextmanager
    async def _file(self, route: Route) -> AsyncGenerator[Download]:
        address = await self._send(route, ExportFileAddress, private=True)
        async with self._fetch(route, address.url, {"X-JWT": address.jwt}) as file:
            yield file


def _expressions(condition: Any) -> Any:
    """Write groups as exports have them, under another name than in a search (documented)."""
    if not isinstance(condition, ContactFilterGroup):
        return condition
    expressions = [_expressions(inner) for inner in condition.filters]
    return {"conjunction": condition.conjunction, "contactFilterExpressions": expressions}
