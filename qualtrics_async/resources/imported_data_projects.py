"""Imported data projects, their records and exports."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any

from qualtrics_async._core.downloads import Download
from qualtrics_async._core.request import DELETE, GET, POST, PUT
from qualtrics_async.models._base import JsonObject
from qualtrics_async.models.imported_data_projects import (
    ImportedDataExportOptions,
    ImportedDataExportProgress,
    ImportedDataExportStarted,
    ImportedDataFieldInput,
    ImportedDataProject,
    ImportedDataRecordsAdded,
)
from qualtrics_async.resources._base import Resource, dated, filled, named
from qualtrics_async.resources._exports import ExportJobs

__all__ = ["ImportedDataExports", "ImportedDataProjects", "ImportedDataRecords"]


class ImportedDataProjects(Resource):
    """Imported data projects: tables of records that did not come from a survey.

    Their ids (`idp_source_id`) are shown by the service's own pages; no operation lists them.
    """

    __slots__ = ()

    @property
    def records(self) -> ImportedDataRecords:
        """The records of a project."""
        return ImportedDataRecords(self._executor)

    @property
    def exports(self) -> ImportedDataExports:
        """Exports of a project's records."""
        return ImportedDataExports(self._executor)

    async def create(
        self, *, name: str, unique_field: str, fields: Sequence[ImportedDataFieldInput]
    ) -> ImportedDataProject:
        """Create a project with these columns; the values of `unique_field` name the records (documented)."""
        body = {
            "name": named(name, "name"),
            "uniqueField": named(unique_field, "unique_field"),
            "fields": fields,
        }
        return await self._send(POST("/imported-data-projects"), ImportedDataProject, body=body)

    async def get(self, idp_source_id: str) -> ImportedDataProject:
        """The schema of a project."""
        return await self._send(
            GET("/imported-data-projects/{idpSourceId}", idp_source_id), ImportedDataProject
        )

    async def add_columns(self, idp_source_id: str, fields: Sequence[ImportedDataFieldInput]) -> None:
        """Add columns, whose names must be new, to a project (documented)."""
        route = POST("/imported-data-projects/{idpSourceId}", idp_source_id)
        return await self._send(route, None, body={"fields": fields})


class ImportedDataRecords(Resource):
    """The records of a project, each named by its value in the project's unique field (documented)."""

    __slots__ = ()

    async def add(self, idp_source_id: str, records: Sequence[Mapping[str, Any]]) -> ImportedDataRecordsAdded:
        """Add up to 50 records (documented); look at `.failed_rows` of what comes back."""
        route = POST("/imported-data-projects/{idpSourceId}/records", idp_source_id)
        return await self._send(route, ImportedDataRecordsAdded, body={"records": records}, whole=True)

    async def add_one(self, idp_source_id: str, record: Mapping[str, Any]) -> None:
        """Add one record (assumed: it is the body, and what comes back need not be read)."""
        return await self._send(
            POST("/imported-data-projects/{idpSourceId}/record", idp_source_id), None, body=record
        )

    async def get(self, idp_source_id: str, unique_field: str) -> dict[str, Any]:
        """One record: its values by column (documented)."""
        route = GET(
            "/imported-data-projects/{idpSourceId}/records/{uniqueField}", idp_source_id, unique_field
        )
        return await self._send(route, JsonObject)

    async def update(
        self,
        idp_source_id: str,
        unique_field: str,
        record: Mapping[str, Any],
        *,
        non_destructive: bool = True,
    ) -> None:
        """Change columns of a record.

        With `non_destructive=False`, which is the service's own default, columns that `record` does not
        mention lose their values (documented).

        Raises:
            UsageError: for an empty record.
        """
        route = PUT(
            "/imported-data-projects/{idpSourceId}/records/{uniqueField}", idp_source_id, unique_field
        )
        query = {"nonDestructive": non_destructive}
        return await self._send(route, None, query=query, body=filled(record, "record"))

    async def delete(self, idp_source_id: str, unique_field: str) -> None:
        """Delete a record."""
        route = DELETE(
            "/imported-data-projects/{idpSourceId}/records/{uniqueField}", idp_source_id, unique_field
        )
        return await self._send(route, None)


class ImportedDataExports(ExportJobs):
    """Exports of a project's records, as jobs that leave a file; files above 1.8 GB fail (documented)."""

    __slots__ = ()

    async def start(
        self, idp_source_id: str, options: ImportedDataExportOptions
    ) -> ImportedDataExportStarted:
        """Start an export; it is never sent twice by itself."""
        route = POST("/imported-data-projects/{idpSourceId}/exports", idp_source_id)
        return await self._send(
            route, ImportedDataExportStarted, body=dated(options, "start_date", "end_date")
        )

    async def progress(self, idp_source_id: str, job_id: str) -> ImportedDataExportProgress:
        """How far an export is; at its end it has the `file_id` and, if asked for, a `continuation_token`."""
        route = GET("/imported-data-projects/{idpSourceId}/exports/{jobId}", idp_source_id, job_id)
        return await self._send(route, ImportedDataExportProgress)

    def file(self, idp_source_id: str, file_id: str) -> AbstractAsyncContextManager[Download]:
        """The file of a finished export; a zip unless `compress` was off (documented)."""
        return self._download(
            GET("/imported-data-projects/{idpSourceId}/exports/{fileId}/file", idp_source_id, file_id)
        )

    @asynccontextmanager
    async def run(self, idp_source_id: str, options: ImportedDataExportOptions) -> AsyncGenerator[Download]:
        """Start an export, wait for its end and open its file.

        The token for a continuation is in the progress: who wants it takes the three steps.

        Raises:
            JobFailed: when it failed, or ended without a file.
        """
        job_id = (await self.start(idp_source_id, options)).job_id
        file_id = await self._exported(job_id, partial(self.progress, idp_source_id, job_id))
        async with self.file(idp_source_id, file_id) as file:
            yield file
