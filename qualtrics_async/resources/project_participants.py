"""Participants of an EX project: of engagement (EE), and subjects and evaluators of 360."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any

from qualtrics_async._core.downloads import Download
from qualtrics_async._core.paging import Paged
from qualtrics_async._core.request import GET, POST
from qualtrics_async._core.uploads import Source
from qualtrics_async.models._base import JsonObject
from qualtrics_async.models.participants import (
    Participant,
    ParticipantFilter,
    ParticipantImportRow,
    ParticipantJobProgress,
    ParticipantJobResult,
    ParticipantJobStarted,
)
from qualtrics_async.resources._base import all_named, confirmed, retired
from qualtrics_async.resources._participants import ParticipantJobs, ParticipantListing, import_body

__all__ = [
    "ProjectParticipantCopies",
    "ProjectParticipantDeletions",
    "ProjectParticipantExports",
    "ProjectParticipantImports",
    "ProjectParticipants",
]


class ProjectParticipants(ParticipantListing):
    """Participants of an EX project."""

    __slots__ = ()

    @property
    def imports(self) -> ProjectParticipantImports:
        """Jobs that make and update participants."""
        return ProjectParticipantImports(self._executor)

    @property
    def copies(self) -> ProjectParticipantCopies:
        """Jobs that copy participants from the employee directory."""
        return ProjectParticipantCopies(self._executor)

    @property
    def exports(self) -> ProjectParticipantExports:
        """Jobs that write participants into a file."""
        return ProjectParticipantExports(self._executor)

    @property
    def deletions(self) -> ProjectParticipantDeletions:
        """Jobs that delete participants."""
        return ProjectParticipantDeletions(self._executor)

    def list(
        self,
        project_id: str,
        *,
        unique_identifier: str | None = None,
        include_metadata: bool | None = None,
        include_participant_data: bool | None = None,
        page_size: int | None = None,
    ) -> Paged[Participant]:
        """Every participant, or the one with this identifier; 25 a page by default (documented).

        `include_participant_data` adds how far each one is: of an EE project `participant_data`, of a 360
        project `subject_data` (documented).
        """
        query = {
            "includeMetadata": include_metadata,
            "includeParticipantData": include_participant_data,
            "pageSize": page_size,
        }
        route = POST("/ex-projects/{projectId}/participants", project_id)
        return self._listed(route, unique_identifier, query)

    def list_by_get(
        self,
        project_id: str,
        *,
        unique_identifier: str | None = None,
        include_metadata: bool | None = None,
        include_participant_data: bool | None = None,
        page_size: int | None = None,
    ) -> Paged[Participant]:
        """Deprecated by the vendor: `list` answers the same."""
        retired("project_participants.list_by_get", "project_participants.list")
        query = {
            "includeMetadata": include_metadata,
            "includeParticipantData": include_participant_data,
            "pageSize": page_size,
        }
        route = GET("/ex-projects/{projectId}/participants", project_id)
        return self._listed(route, unique_identifier, query)

    async def get(self, project_id: str, participant_id: str) -> Participant:
        """One participant with all metadata."""
        route = GET("/ex-projects/{projectId}/participants/{participantId}", project_id, participant_id)
        return await self._send(route, Participant, whole=True)

    async def import_evaluators(self, project_id: str, evaluators: Mapping[str, Any]) -> dict[str, Any]:
        """Import evaluators for SAP SuccessFactors into a 360 project; it is never sent twice by itself.

        Neither the body nor the answer is documented: the body goes as it is, and the whole answer comes
        back with its `meta` (assumed).
        """
        route = POST("/successfactors/projects/{projectId}/evaluators", project_id)
        return await self._send(route, JsonObject, body=evaluators, whole=True)


class ProjectParticipantImports(ParticipantJobs):
    """Imports into a project. Jobs of one project run one after the other (documented)."""

    __slots__ = ()

    async def start(
        self, project_id: str, participants: Sequence[ParticipantImportRow] | Source
    ) -> ParticipantJobStarted:
        """Start making and updating participants; it is never sent twice by itself.

        A CSV file has the columns `Unique Identifier`, `FirstName`, `LastName`, `Email`, `Username` and one
        for each field of the metadata (documented).
        """
        route = POST("/ex-projects/{projectId}/import-participants", project_id)
        return await self._send(route, ParticipantJobStarted, body=import_body(participants), whole=True)

    async def progress(self, project_id: str, job_id: str) -> ParticipantJobProgress:
        """How far an import is."""
        route = GET("/ex-projects/{projectId}/import-participants/{jobId}", project_id, job_id)
        return await self._send(route, ParticipantJobProgress, whole=True)

    async def result(self, project_id: str, result_id: str) -> ParticipantJobResult:
        """What an import did; `result_id` comes from its progress."""
        route = GET("/ex-projects/{projectId}/import-participants/results/{resultId}", project_id, result_id)
        return await self._send(route, ParticipantJobResult, whole=True)

    async def run(
        self, project_id: str, participants: Sequence[ParticipantImportRow] | Source
    ) -> ParticipantJobResult:
        """Start an import and wait for its end; refused participants are no failure, see the counts.

        Raises:
            JobFailed: when it failed as a whole.
        """
        job = await self.start(project_id, participants)
        done = await self._result_id(job, partial(self.progress, project_id, job.job_id))
        return await self.result(project_id, done)


class ProjectParticipantCopies(ParticipantJobs):
    """Copies of participants and their metadata from the employee directory into a project (documented)."""

    __slots__ = ()

    async def start(self, project_id: str, unique_identifiers: Sequence[str]) -> ParticipantJobStarted:
        """Start copying the participants with these identifiers; it is never sent twice by itself.

        Raises:
            UsageError: for an empty list and a blank identifier.
        """
        route = POST("/ex-projects/{projectId}/copy-participants", project_id)
        body = all_named(unique_identifiers, "unique_identifiers")
        return await self._send(route, ParticipantJobStarted, body=body, whole=True)

    async def progress(self, project_id: str, job_id: str) -> ParticipantJobProgress:
        """How far a copy is."""
        route = GET("/ex-projects/{projectId}/copy-participants/{jobId}", project_id, job_id)
        return await self._send(route, ParticipantJobProgress, whole=True)

    async def result(self, project_id: str, result_id: str) -> ParticipantJobResult:
        """What a copy did; `result_id` comes from its progress."""
        route = GET("/ex-projects/{projectId}/copy-participants/results/{resultId}", project_id, result_id)
        return await self._send(route, ParticipantJobResult, whole=True)

    async def run(self, project_id: str, unique_identifiers: Sequence[str]) -> ParticipantJobResult:
        """Start a copy and wait for its end; who could not be copied is no failure, see the counts.

        Raises:
            UsageError: as `start` does.
            JobFailed: when it failed as a whole.
        """
        job = await self.start(project_id, unique_identifiers)
        done = await self._result_id(job, partial(self.progress, project_id, job.job_id))
        return await self.result(project_id, done)


class ProjectParticipantExports(ParticipantJobs):
    """Exports of a project's participants into a file."""

    __slots__ = ()

    async def start(
        self, project_id: str, *, filters: Sequence[ParticipantFilter] = ()
    ) -> ParticipantJobStarted:
        """Start exporting the participants that meet all filters; without a filter, all (documented)."""
        route = POST("/ex-projects/{projectId}/export-participants", project_id)
        return await self._send(route, ParticipantJobStarted, body=filters, whole=True)

    async def progress(self, project_id: str, job_id: str) -> ParticipantJobProgress:
        """How far an export is."""
        route = GET("/ex-projects/{projectId}/export-participants/{jobId}", project_id, job_id)
        return await self._send(route, ParticipantJobProgress, whole=True)

    def file(self, project_id: str, result_id: str) -> AbstractAsyncContextManager[Download]:
        """The file of an export; `result_id` comes from its progress. Its columns are not documented."""
        route = GET(
            "/ex-projects/{projectId}/export-participants/results/{resultId}/file", project_id, result_id
        )
        return self._download(route)

    @asynccontextmanager
    async def run(
        self, project_id: str, *, filters: Sequence[ParticipantFilter] = ()
    ) -> AsyncGenerator[Download]:
        """Start an export, wait for its end and open its file.

        Raises:
            JobFailed: when it failed, or ended without a file.
        """
        job = await self.start(project_id, filters=filters)
        done = await self._result_id(job, partial(self.progress, project_id, job.job_id))
        async with self.file(project_id, done) as file:
            yield file


class ProjectParticipantDeletions(ParticipantJobs):
    """Deletions from a project: at most 25 000 identifiers each (documented)."""

    __slots__ = ()

    async def start(
        self, project_id: str, unique_identifiers: Sequence[str], *, confirm: bool
    ) -> ParticipantJobStarted:
        """Start deleting the participants with these identifiers; it is never sent twice by itself.

        Raises:
            UsageError: unless `confirm` is literally `True`; for an empty list and a blank identifier.
        """
        confirmed(confirm, "deletes participants")
        route = POST("/ex-projects/{projectId}/delete-participants", project_id)
        body = all_named(unique_identifiers, "unique_identifiers")
        return await self._send(route, ParticipantJobStarted, body=body, whole=True)

    async def progress(self, project_id: str, job_id: str) -> ParticipantJobProgress:
        """How far a deletion is."""
        route = GET("/ex-projects/{projectId}/delete-participants/{jobId}", project_id, job_id)
        return await self._send(route, ParticipantJobProgress, whole=True)

    async def result(self, project_id: str, result_id: str) -> ParticipantJobResult:
        """What a deletion did; `result_id` comes from its progress."""
        route = GET("/ex-projects/{projectId}/delete-participants/results/{resultId}", project_id, result_id)
        return await self._send(route, ParticipantJobResult, whole=True)

    async def run(
        self, project_id: str, unique_identifiers: Sequence[str], *, confirm: bool
    ) -> ParticipantJobResult:
        """Start a deletion and wait for its end; who could not be deleted is no failure, see the counts.

        Raises:
            UsageError: as `start` does.
            JobFailed: when it failed as a whole.
        """
        job = await self.start(project_id, unique_identifiers, confirm=confirm)
        done = await self._result_id(job, partial(self.progress, project_id, job.job_id))
        return await self.result(project_id, done)
