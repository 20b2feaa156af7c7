"""Participants of an employee directory.

`directory_id` is a word: `ex` for the employee directory, and for most operations also `cx` and `bx`
(documented).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial

from qualtrics_async._core.downloads import Download
from qualtrics_async._core.paging import Paged
from qualtrics_async._core.request import GET, POST
from qualtrics_async._core.uploads import Source
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
    "DirectoryParticipantDeletions",
    "DirectoryParticipantExports",
    "DirectoryParticipantImports",
    "DirectoryParticipants",
]


class DirectoryParticipants(ParticipantListing):
    """Participants of an employee directory, by the vendor's word for it: `ex`, `cx` or `bx`."""

    __slots__ = ()

    @property
    def imports(self) -> DirectoryParticipantImports:
        """Jobs that make and update participants."""
        return DirectoryParticipantImports(self._executor)

    @property
    def exports(self) -> DirectoryParticipantExports:
        """Jobs that write participants into a file."""
        return DirectoryParticipantExports(self._executor)

    @property
    def deletions(self) -> DirectoryParticipantDeletions:
        """Jobs that delete participants."""
        return DirectoryParticipantDeletions(self._executor)

    def list(
        self,
        directory_id: str,
        *,
        unique_identifier: str | None = None,
        include_metadata: bool | None = None,
        page_size: int | None = None,
    ) -> Paged[Participant]:
        """Every participant, or the one with this identifier; 25 a page by default (documented)."""
        query = {"includeMetadata": include_metadata, "pageSize": page_size}
        route = POST("/employee-directories/{directoryId}/participants", directory_id)
        return self._listed(route, unique_identifier, query)

    def list_by_get(
        self,
        directory_id: str,
        *,
        unique_identifier: str | None = None,
        include_metadata: bool | None = None,
        page_size: int | None = None,
    ) -> Paged[Participant]:
        """Deprecated by the vendor: `list` answers the same."""
        retired("directory_participants.list_by_get", "directory_participants.list")
        query = {"includeMetadata": include_metadata, "pageSize": page_size}
        route = GET("/employee-directories/{directoryId}/participants", directory_id)
        return self._listed(route, unique_identifier, query)

    async def get(self, directory_id: str, participant_id: str) -> Participant:
        """One participant with all metadata."""
        route = GET(
            "/employee-directories/{directoryId}/participants/{participantId}", directory_id, participant_id
        )
        return await self._send(route, Participant, whole=True)


class DirectoryParticipantImports(ParticipantJobs):
    """Imports into a directory. Jobs of a directory wait for those of all projects (documented)."""

    __slots__ = ()

    async def start(
        self, directory_id: str, participants: Sequence[ParticipantImportRow] | Source
    ) -> ParticipantJobStarted:
        """Start making and updating participants; it is never sent twice by itself.

        A CSV file has the columns `Unique Identifier`, `FirstName`, `LastName`, `Email`, `Username` and one
        for each field of the metadata (documented).
        """
        route = POST("/employee-directories/{directoryId}/import-participants", directory_id)
        return await self._send(route, ParticipantJobStarted, body=import_body(participants), whole=True)

    async def progress(self, directory_id: str, job_id: str) -> ParticipantJobProgress:
        """How far an import is."""
        route = GET("/employee-directories/{directoryId}/import-participants/{jobId}", directory_id, job_id)
        return await self._send(route, ParticipantJobProgress, whole=True)

    async def result(self, directory_id: str, result_id: str) -> ParticipantJobResult:
        """What an import did; `result_id` comes from its progress."""
        route = GET(
            "/employee-directories/{directoryId}/import-participants/results/{resultId}",
            directory_id,
            result_id,
        )
        return await self._send(route, ParticipantJobResult, whole=True)

    async def run(
        self, directory_id: str, participants: Sequence[ParticipantImportRow] | Source
    ) -> ParticipantJobResult:
        """Start an import and wait for its end; refused participants are no failure, see the counts.

        Raises:
            JobFailed: when it failed as a whole.
        """
        job = await self.start(directory_id, participants)
        done = await self._result_id(job, partial(self.progress, directory_id, job.job_id))
        return await self.result(directory_id, done)


class DirectoryParticipantExports(ParticipantJobs):
    """Exports of a directory into a file. Above 200 000 participants the file may time out (documented)."""

    __slots__ = ()

    async def start(
        self, directory_id: str, *, filters: Sequence[ParticipantFilter] = ()
    ) -> ParticipantJobStarted:
        """Start exporting the participants that meet all filters; without a filter, all (documented)."""
        route = POST("/employee-directories/{directoryId}/export-participants", directory_id)
        return await self._send(route, ParticipantJobStarted, body=filters, whole=True)

    async def start_by_get(self, directory_id: str) -> ParticipantJobStarted:
        """Deprecated by the vendor: `start` without a filter does the same."""
        retired("directory_participants.exports.start_by_get", "directory_participants.exports.start")
        route = GET("/employee-directories/{directoryId}/export-participants", directory_id)
        return await self._send(route, ParticipantJobStarted, whole=True, idempotent=False)

    async def progress(self, directory_id: str, job_id: str) -> ParticipantJobProgress:
        """How far an export is."""
        route = GET("/employee-directories/{directoryId}/export-participants/{jobId}", directory_id, job_id)
        return await self._send(route, ParticipantJobProgress, whole=True)

    def file(self, directory_id: str, result_id: str) -> AbstractAsyncContextManager[Download]:
        """The file of an export; `result_id` comes from its progress. Its columns are not documented."""
        route = GET(
            "/employee-directories/{directoryId}/export-participants/results/{resultId}/file",
            directory_id,
            result_id,
        )
        return self._download(route)

    @asynccontextmanager
    async def run(
        self, directory_id: str, *, filters: Sequence[ParticipantFilter] = ()
    ) -> AsyncGenerator[Download]:
        """Start an export, wait for its end and open its file.

        Raises:
            JobFailed: when it failed, or ended without a file.
        """
        job = await self.start(directory_id, filters=filters)
        done = await self._result_id(job, partial(self.progress, directory_id, job.job_id))
        async with self.file(directory_id, done) as file:
            yield file


class DirectoryParticipantDeletions(ParticipantJobs):
    """Deletions from a directory: at most 25 000 identifiers each (documented)."""

    __slots__ = ()

    async def start(
        self, directory_id: str, unique_identifiers: Sequence[str], *, confirm: bool
    ) -> ParticipantJobStarted:
        """Start deleting the participants with these identifiers; it is never sent twice by itself.

        Raises:
            UsageError: unless `confirm` is literally `True`; for an empty list and a blank identifier.
        """
        confirmed(confirm, "deletes participants")
        route = POST("/employee-directories/{directoryId}/delete-participants", directory_id)
        body = all_named(unique_identifiers, "unique_identifiers")
        return await self._send(route, ParticipantJobStarted, body=body, whole=True)

    async def progress(self, directory_id: str, job_id: str) -> ParticipantJobProgress:
        """How far a deletion is."""
        route = GET("/employee-directories/{directoryId}/delete-participants/{jobId}", directory_id, job_id)
        return await self._send(route, ParticipantJobProgress, whole=True)

    async def result(self, directory_id: str, result_id: str) -> ParticipantJobResult:
        """What a deletion did; `result_id` comes from its progress."""
        route = GET(
            "/employee-directories/{directoryId}/delete-participants/results/{resultId}",
            directory_id,
            result_id,
        )
        return await self._send(route, ParticipantJobResult, whole=True)

    async def run(
        self, directory_id: str, unique_identifiers: Sequence[str], *, confirm: bool
    ) -> ParticipantJobResult:
        """Start a deletion and wait for its end; who could not be deleted is no failure, see the counts.

        Raises:
            UsageError: as `start` does.
            JobFailed: when it failed as a whole.
        """
        job = await self.start(directory_id, unique_identifiers, confirm=confirm)
        done = await self._result_id(job, partial(self.progress, directory_id, job.job_id))
        return await self.result(directory_id, done)
