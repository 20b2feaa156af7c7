"""Deprecated: exports in the form before `response_exports`."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial

from msgspec import to_builtins

from qualtrics_async._core.downloads import Download
from qualtrics_async._core.request import GET, POST
from qualtrics_async.models.common import Created
from qualtrics_async.models.legacy_response_exports import (
    LegacyResponseExportOptions,
    LegacyResponseExportProgress,
)
from qualtrics_async.resources._base import Resource, dated, named, retired

__all__ = ["LegacyResponseExports"]


class LegacyResponseExports(Resource):
    """Deprecated: exports in the form before `response_exports`, whose files go by the id of the export."""

    __slots__ = ()

    async def start(self, survey_id: str, options: LegacyResponseExportOptions) -> Created:
        """Deprecated, use `response_exports.start`: start an export; it is never sent twice by itself."""
        retired("legacy_response_exports.start", "response_exports.start")
        return await self._start(survey_id, options)

    async def progress(self, response_export_id: str) -> LegacyResponseExportProgress:
        """Deprecated, use `response_exports.progress`: how far an export is."""
        retired("legacy_response_exports.progress", "response_exports.progress")
        return await self._progress(response_export_id)

    def file(self, response_export_id: str) -> AbstractAsyncContextManager[Download]:
        """Deprecated, use `response_exports.file`: the file of an export, a zip (used by clients)."""
        retired("legacy_response_exports.file", "response_exports.file")
        return self._file(response_export_id)

    def run(
        self, survey_id: str, options: LegacyResponseExportOptions
    ) -> AbstractAsyncContextManager[Download]:
        """Deprecated, use `response_exports.run`: start an export, wait for its end and open its file.

        Raises:
            JobFailed: when it failed.
        """
        retired("legacy_response_exports.run", "response_exports.run")
        return self._run(survey_id, options)

    async def _start(self, survey_id: str, options: LegacyResponseExportOptions) -> Created:
        body = {
            "surveyId": named(survey_id, "survey_id"),
            **to_builtins(dated(options, "start_date", "end_date")),
        }
        return await self._send(POST("/responseexports"), Created, body=body)

    async def _progress(self, response_export_id: str) -> LegacyResponseExportProgress:
        route = GET("/responseexports/{responseExportId}", response_export_id)
        return await self._send(route, LegacyResponseExportProgress)

    def _file(self, response_export_id: str) -> AbstractAsyncContextManager[Download]:
        return self._download(GET("/responseexports/{responseExportId}/file", response_export_id))

    @asynccontextmanager
    async def _run(self, survey_id: str, options: LegacyResponseExportOptions) -> AsyncGenerator[Download]:
        started = await self._start(survey_id, options)
        await self._wait(started.id, partial(self._progress, started.id))
        async with self._file(started.id) as file:
            yield file
