"""How often a contact of a directory may be asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qualtrics_async._core.paging import Paged
from qualtrics_async._core.request import DELETE, GET, POST, PUT
from qualtrics_async.models._base import JsonObject
from qualtrics_async.models.frequency_rules import FrequencyRule, FrequencyRuleCreate, FrequencyRuleUpdate
from qualtrics_async.resources._base import Resource

__all__ = ["FrequencyRules"]


class FrequencyRules(Resource):
    """How often, and how many days apart, contacts of a directory get messages.

    Reported to have been announced for removal by 2026-06-30, without a replacement.
    """

    __slots__ = ()

    def list(self, directory_id: str, *, page_size: int | None = None) -> Paged[FrequencyRule]:
        """Every rule of a directory."""
        route = GET("/directories/{directoryId}/frequencyrules", directory_id)
        return self._paged(route, FrequencyRule, query={"pageSize": page_size})

    async def create(
        self, directory_id: str, rule: FrequencyRuleCreate | Mapping[str, Any]
    ) -> dict[str, Any]:
        """Create a rule; its id comes back under `id` (assumed). It is never sent twice by itself."""
        route = POST("/directories/{directoryId}/frequencyrules", directory_id)
        return await self._send(route, JsonObject, body=rule)

    async def get(self, directory_id: str, rule_id: str) -> FrequencyRule:
        """One rule of a directory."""
        route = GET("/directories/{directoryId}/frequencyrules/{ruleId}", directory_id, rule_id)
        return await self._send(route, FrequencyRule)

    async def update(
        self, directory_id: str, rule_id: str, rule: FrequencyRuleUpdate | Mapping[str, Any]
    ) -> None:
        """Change a rule of a directory."""
        route = PUT("/directories/{directoryId}/frequencyrules/{ruleId}", directory_id, rule_id)
        return await self._send(route, None, body=rule)

    async def delete(self, directory_id: str, rule_id: str) -> None:
        """Delete a rule of a directory."""
        route = DELETE("/directories/{directoryId}/frequencyrules/{ruleId}", directory_id, rule_id)
        return await self._send(route, None)
