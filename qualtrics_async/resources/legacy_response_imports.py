"""Deprecated: imports in the form before `response_imports`."""

from __future__ import annotations

from functools import partial

from qualtrics_async._core.request import GET, POST
from qualtrics_async._core.uploads import FilePart, Source, Upload
from qualtrics_async.models.common import Created, JobProgress
from qualtrics_async.resources._base import Resource, named, retired

__all__ = ["LegacyResponseImports"]


class LegacyResponseImports(Resource):
    """Deprecated: imports in the form before `response_imports` (used by a client)."""

    __slots__ = ()

    async def start(
        self,
        survey_id: str,
        file: Source,
        *,
        filename: str = "responses.csv",
        content_type: str = "application/csv",
    ) -> Created:
        """Deprecated, use `response_imports.start`: start an import of a file; it is never sent twice.

        The service has no key against a second import here, as it has in `response_imports`.
        """
        retired("legacy_response_imports.start", "response_imports.start")
        return await self._start(survey_id, FilePart(file, filename, content_type))

    async def progress(self, response_import_id: str) -> JobProgress:
        """Deprecated, use `response_imports.progress`: how far an import is."""
        retired("legacy_response_imports.progress", "response_imports.progress")
        return await self._progress(response_import_id)

    async def run(
        self,
        survey_id: str,
        file: Source,
        *,
        filename: str = "responses.csv",
        content_type: str = "application/csv",
    ) -> JobProgress:
        """Deprecated, use `response_imports.run`: start an import and wait for its end.

        Raises:
            JobFailed: when it failed.
        """
        retired("legacy_response_imports.run", "response_imports.run")
        started = await self._start(survey_id, FilePart(file, filename, content_type))
        return await self._wait(started.id, partial(self._progress, started.id))

    async def _start(self, survey_id: str, file: FilePart) -> Created:
        body = Upload.form({"surveyId": named(survey_id, "survey_id"), "file": file})
        return await self._send(POST("/responseimports"), Created, body=body)

    async def _progress(self, response_import_id: str) -> JobProgress:
        return await self._send(GET("/responseimports/{responseImportId}", response_import_id), JobProgress)
