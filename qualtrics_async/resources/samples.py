"""Samples of a directory's contacts."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from qualtrics_async._core.paging import Paged
from qualtrics_async._core.request import DELETE, GET, POST, PUT
from qualtrics_async.errors import JobFailed
from qualtrics_async.models.contacts import ListContact
from qualtrics_async.models.samples import Sample, SampleCreationProgress, SampleCreationStarted
from qualtrics_async.resources._base import Resource, given, named, optional

__all__ = ["SampleCreations", "Samples"]


class Samples(Resource):
    """Contacts of a directory that were drawn once; who may be drawn stands in `sample_definitions`."""

    __slots__ = ()

    @property
    def creations(self) -> SampleCreations:
        """The jobs that draw samples."""
        return SampleCreations(self._executor)

    def list(self, directory_id: str, *, page_size: int | None = None) -> Paged[Sample]:
        """Every sample of a directory."""
        route = GET("/directories/{directoryId}/samples", directory_id)
        return self._paged(route, Sample, query={"pageSize": page_size})

    async def get(self, directory_id: str, sample_id: str) -> Sample:
        """One sample, without its contacts."""
        route = GET("/directories/{directoryId}/samples/{sampleId}", directory_id, sample_id)
        return await self._send(route, Sample)

    async def update(self, directory_id: str, sample_id: str, changes: Mapping[str, Any]) -> None:
        """Change a sample; `changes` has the wire's keys, assumed to be those of what is read."""
        route = PUT("/directories/{directoryId}/samples/{sampleId}", directory_id, sample_id)
        return await self._send(route, None, body=changes)

    async def delete(self, directory_id: str, sample_id: str) -> None:
        """Delete a sample; that its contacts stay in the directory is assumed."""
        route = DELETE("/directories/{directoryId}/samples/{sampleId}", directory_id, sample_id)
        return await self._send(route, None)

    def contacts(
        self, directory_id: str, sample_id: str, *, page_size: int | None = None
    ) -> Paged[ListContact]:
        """Every contact of a sample."""
        route = GET("/directories/{directoryId}/samples/{sampleId}/contacts", directory_id, sample_id)
        return self._paged(route, ListContact, query={"pageSize": page_size})


class SampleCreations(Resource):
    """Jobs that draw a sample."""

    __slots__ = ()

    async def start(
        self, directory_id: str, *, sample_definition_id: str, parent_id: str | None = None
    ) -> SampleCreationStarted:
        """Start to draw a sample by its definition; it is never sent twice by itself.

        `parent_id` is what it is drawn from; a client gives the id of an earlier sample.
        """
        body = {
            "sampleDefinitionId": named(sample_definition_id, "sample_definition_id"),
            "parentId": optional(named, parent_id, "parent_id"),
        }
        route = POST("/directories/{directoryId}/samples", directory_id)
        return await self._send(route, SampleCreationStarted, body=given(body))

    async def progress(self, directory_id: str, progress_id: str) -> SampleCreationProgress:
        """How far the drawing is; its shape is assumed."""
        route = GET("/directories/{directoryId}/samples/progress/{progressId}", directory_id, progress_id)
        return await self._send(route, SampleCreationProgress)

    async def run(
        self, directory_id: str, *, sample_definition_id: str, parent_id: str | None = None
    ) -> Sample:
        """Start to draw a sample, wait for the end and get the sample.

        Raises:
            JobFailed: when it failed, or ended without the id of its sample.
        """
        started = await self.start(
            directory_id, sample_definition_id=sample_definition_id, parent_id=parent_id
        )
        sample_id = started.sample_id
        if started.progress_id:
            poll = partial(self.progress, directory_id, started.progress_id)
            ended = await self._wait(started.progress_id, poll)
            sample_id = ended.sample_id or sample_id
        if not sample_id:
            job_id = started.progress_id or ""
            raise JobFailed(f"job {job_id} ended without the id of its sample", job_id=job_id)
        return await Samples(self._executor).get(directory_id, sample_id)
