"""Workflows: summaries, transfer to another workspace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qualtrics_async._core.paging import Paged
from qualtrics_async._core.request import GET, NOTHING, PUT
from qualtrics_async.models._base import JsonObject
from qualtrics_async.resources._base import Resource

__all__ = ["Workflows"]


class Workflows(Resource):
    """Workflows. Only the paths are known, from the vendor's table of limits: all else is assumed."""

    __slots__ = ()

    def list(self) -> Paged[dict[str, Any]]:
        """Summaries of every workflow, as JSON (assumed: pages of objects)."""
        return self._paged(GET("/workflow-summaries"), JsonObject)

    async def transfer(
        self, workspace_id: str, workflow_id: str, transfer: Mapping[str, Any] | None = None
    ) -> None:
        """Transfer a workflow; `transfer` is the body, if the service takes one (assumed).

        What comes back is not known and not read.
        """
        route = PUT("/workspaces/{workspaceId}/workflows/{workflowId}", workspace_id, workflow_id)
        return await self._send(route, None, body=NOTHING if transfer is None else transfer)
