"""Datasets and their records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qualtrics_async._core.request import DELETE, GET, POST, PUT
from qualtrics_async.models._base import JsonObject
from qualtrics_async.resources._base import Resource

__all__ = ["DatasetRecords", "Datasets"]


class Datasets(Resource):
    """Datasets. The operations are documented, but no source shows a body: all of them are assumed."""

    __slots__ = ()

    @property
    def records(self) -> DatasetRecords:
        """The records of a dataset."""
        return DatasetRecords(self._executor)

    async def create(self, dataset: Mapping[str, Any]) -> dict[str, Any]:
        """Create a dataset, given as the service takes it (assumed: an object answers)."""
        return await self._send(POST("/datasets"), JsonObject, body=dataset)

    async def get(self, dataset_id: str) -> dict[str, Any]:
        """One dataset (assumed: an object)."""
        return await self._send(GET("/datasets/{datasetId}", dataset_id), JsonObject)


class DatasetRecords(Resource):
    """The records of a dataset, as JSON (assumed)."""

    __slots__ = ()

    async def add(self, dataset_id: str, data: Mapping[str, Any]) -> None:
        """Add data to a dataset, `data` as the service takes it; what comes back is not read (assumed)."""
        return await self._send(POST("/datasets/{datasetId}/data", dataset_id), None, body=data)

    async def get(self, dataset_id: str, record_id: str) -> dict[str, Any]:
        """One record (assumed: an object)."""
        return await self._send(GET("/datasets/{datasetId}/data/{id}", dataset_id, record_id), JsonObject)

    async def update(self, dataset_id: str, record_id: str, data: Mapping[str, Any]) -> None:
        """Change a record, `data` as the service takes it; what comes back is not read (assumed)."""
        return await self._send(
            PUT("/datasets/{datasetId}/data/{id}", dataset_id, record_id), None, body=data
        )

    async def delete(self, dataset_id: str, record_id: str) -> None:
        """Delete a record."""
        return await self._send(DELETE("/datasets/{datasetId}/data/{id}", dataset_id, record_id), None)
