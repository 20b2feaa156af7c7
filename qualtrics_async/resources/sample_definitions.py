"""How samples are drawn."""

from __future__ import annotations

from qualtrics_async._core.paging import Paged
from qualtrics_async._core.request import DELETE, GET, POST, PUT
from qualtrics_async.models.common import AnyCreated, Created
from qualtrics_async.models.sample_definitions import SampleDefinition
from qualtrics_async.resources._base import Resource, given
from qualtrics_async.resources.segments import Criteria, criteria_of

__all__ = ["SampleDefinitions"]


class SampleDefinitions(Resource):
    """Which contacts of a directory samples are drawn from, and how many."""

    __slots__ = ()

    def list(self, directory_id: str, *, page_size: int | None = None) -> Paged[SampleDefinition]:
        """Every definition of a directory."""
        route = GET("/directories/{directoryId}/samples/definitions", directory_id)
        return self._paged(route, SampleDefinition, query={"pageSize": page_size})

    async def create(
        self,
        directory_id: str,
        *,
        sample_criteria: Criteria,
        max_sample_size: int | None = None,
        sample_percentage: float | None = None,
    ) -> Created:
        """Create a definition; it is never sent twice by itself.

        A client sends a size of 1400 together with 0 percent, for "by the size alone".
        """
        route = POST("/directories/{directoryId}/samples/definitions", directory_id)
        body = _definition(sample_criteria, max_sample_size, sample_percentage)
        return await self._send(route, AnyCreated, body=body)

    async def get(self, directory_id: str, sample_definition_id: str) -> SampleDefinition:
        """One definition."""
        route = GET(
            "/directories/{directoryId}/samples/definitions/{sampleDefinitionId}",
            directory_id,
            sample_definition_id,
        )
        return await self._send(route, SampleDefinition)

    async def update(
        self,
        directory_id: str,
        sample_definition_id: str,
        *,
        sample_criteria: Criteria | None = None,
        max_sample_size: int | None = None,
        sample_percentage: float | None = None,
    ) -> None:
        """Change a definition; that it takes the keys of a new one, and some of them alone, is assumed."""
        route = PUT(
            "/directories/{directoryId}/samples/definitions/{sampleDefinitionId}",
            directory_id,
            sample_definition_id,
        )
        body = _definition(sample_criteria, max_sample_size, sample_percentage)
        return await self._send(route, None, body=body)

    async def delete(self, directory_id: str, sample_definition_id: str) -> None:
        """Delete a definition; that samples drawn by it stay is assumed."""
        route = DELETE(
            "/directories/{directoryId}/samples/definitions/{sampleDefinitionId}",
            directory_id,
            sample_definition_id,
        )
        return await self._send(route, None)


def _definition(criteria: Criteria | None, size: int | None, percentage: float | None) -> dict[str, object]:
    return given(
        {
            "sampleCriteria": criteria_of(criteria),
            "maxSampleSize": size,
            "samplePercentage": percentage,
        }
    )
