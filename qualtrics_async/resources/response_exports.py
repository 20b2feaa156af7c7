"""Exports of a survey's responses, as jobs, and the filters for them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial

from qualtrics_async._core.downloads import Download
from qualtrics_async._core.paging import Paged
from qualtrics_async._core.request import GET, POST
from qualtrics_async.errors import UsageError
from qualtrics_async.models.response_exports import (
    ResponseExportOptions,
    ResponseExportProgress,
    ResponseExportStarted,
    ResponseFilter,
)
from qualtrics_async.resources._base import dated, retired
from qualtrics_async.resources._exports import ExportJobs

__all__ = ["ResponseExports", "V2ResponseExports"]


class ResponseExports(ExportJobs):
    """Exports of a survey's responses, as jobs, and the filters for them.

    New responses take seconds to minutes to reach an export (one client).
    """

    __slots__ = ()

    @property
    def v2(self) -> V2ResponseExports:
        """Deprecated: exports in the format of the API's second version."""
        return V2ResponseExports(self._executor)

    async def start(self, survey_id: str, options: ResponseExportOptions) -> ResponseExportStarted:
        """Start an export; it is never sent twice by itself.

        Raises:
            UsageError: for dates that name no instant.
        """
        route = POST("/surveys/{surveyId}/export-responses", survey_id)
        return await self._send(route, ResponseExportStarted, body=dated(options, "start_date", "end_date"))

    async def progress(self, survey_id: str, export_progress_id: str) -> ResponseExportProgress:
        """How far an export is. A failed one may be at 100 percent; one that is gone is 404 (documented)."""
        route = GET("/surveys/{surveyId}/export-responses/{exportProgressId}", survey_id, export_progress_id)
        return await self._send(route, ResponseExportProgress)

    def file(
        self, survey_id: str, file_id: str, *, offset: int | None = None, validator: str | None = None
    ) -> AbstractAsyncContextManager[Download]:
        """The file of an export, by the `file_id` of its progress.

        A zip unless `compress` was false. It has more than one member above a million responses (documented).

        With `offset` the bytes from there on are asked for (`Range`), as they are on the server's disk, and
        only if the file is still the one with this `validator` (`If-Range`: the `ETag` of an earlier answer).
        No source says whether the service does so: look at `status`, which is 206 if it did, else 200 for the
        whole file.

        Raises:
            UsageError: for a negative offset.
        """
        headers: dict[str, str] = {}
        if offset is not None:
            if offset < 0:
                raise UsageError(f"offset is a number of bytes, got {offset}")
            headers = {"Accept-Encoding": "identity"}
            if offset:
                headers["Range"] = f"bytes={offset}-"
            if offset and validator is not None:
                headers["If-Range"] = validator
        route = GET("/surveys/{surveyId}/export-responses/{fileId}/file", survey_id, file_id)
        return self._download(route, headers=headers)

    @asynccontextmanager
    async def run(self, survey_id: str, options: ResponseExportOptions) -> AsyncGenerator[Download]:
        """Start an export, wait for its end and open its file.

        The token for a continuation is in the progress: who wants it takes the three steps.

        Raises:
            JobFailed: when it failed, or ended without a file.
            UsageError: for dates that name no instant.
        """
        job_id = (await self.start(survey_id, options)).progress_id
        file_id = await self._exported(job_id, partial(self.progress, survey_id, job_id))
        async with self.file(survey_id, file_id) as file:
            yield file

    def filters(self, survey_id: str) -> Paged[ResponseFilter]:
        """Every saved filter of a survey; an export takes its `filter_id`."""
        return self._paged(GET("/surveys/{surveyId}/filters", survey_id), ResponseFilter)


class V2ResponseExports(ExportJobs):
    """Deprecated: exports in the format of the API's second version; use `response_exports`.

    No source shows their bodies; they are assumed to be those of `response_exports`.
    """

    __slots__ = ()

    async def start(self, survey_id: str, options: ResponseExportOptions) -> ResponseExportStarted:
        """Deprecated, use `response_exports.start`: start an export. Its body and answer are assumed."""
        retired("response_exports.v2.start", "response_exports.start")
        return await self._start(survey_id, options)

    async def progress(self, survey_id: str, export_progress_id: str) -> ResponseExportProgress:
        """Deprecated, use `response_exports.progress`: how far an export is. Its answer is assumed."""
        retired("response_exports.v2.progress", "response_exports.progress")
        return await self._progress(survey_id, export_progress_id)

    def file(self, survey_id: str, file_id: str) -> AbstractAsyncContextManager[Download]:
        """Deprecated, use `response_exports.file`: the file of an export."""
        retired("response_exports.v2.file", "response_exports.file")
        return self._file(survey_id, file_id)

    def run(self, survey_id: str, options: ResponseExportOptions) -> AbstractAsyncContextManager[Download]:
        """Deprecated, use `response_exports.run`: start an export, wait for its end and open its file.

        Raises:
            JobFailed: when it failed, or ended without a file.
        """
        retired("response_exports.v2.run", "response_exports.run")
        return self._run(survey_id, options)

    async def _start(self, survey_id: str, options: ResponseExportOptions) -> ResponseExportStarted:
        route = POST("/surveys/{surveyId}/v2-api-export-responses", survey_id)
        return await self._send(route, ResponseExportStarted, body=dated(options, "start_date", "end_date"))

    async def _progress(self, survey_id: str, export_progress_id: str) -> ResponseExportProgress:
        route = GET(
            "/surveys/{surveyId}/v2-api-export-responses/{exportProgressId}", survey_id, export_progress_id
        )
        return await self._send(route, ResponseExportProgress)

    def _file(self, survey_id: str, file_id: str) -> AbstractAsyncContextManager[Download]:
        return self._download(
            GET("/surveys/{surveyId}/v2-api-export-responses/{fileId}/file", survey_id, file_id)
        )

    @asynccontextmanager
    async def _run(self, survey_id: str, options: ResponseExportOptions) -> AsyncGenerator[Download]:
        job_id = (await self._start(survey_id, options)).progress_id
        file_id = await self._exported(job_id, partial(self._progress, survey_id, job_id))
        async with self._file(survey_id, file_id) as file:
            yield file
