"""Divisions of the brand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qualtrics_async._core.request import GET, POST, PUT
from qualtrics_async.models._base import JsonObject
from qualtrics_async.models.common import Created
from qualtrics_async.resources._base import Resource, given, named

__all__ = ["Divisions"]


class Divisions(Resource):
    """Divisions of the brand: users with administrators and permissions of their own.

    Permissions are a tree of switches like `{"controlPanel": {"surveyPermissions": {"editSurveyFlow":
    {"state": "off"}}}}`, whose names are documented nowhere: read them from a division that exists.
    """

    __slots__ = ()

    async def create(
        self,
        *,
        name: str,
        division_admins: Sequence[str] | None = None,
        permissions: Mapping[str, Any] | None = None,
    ) -> Created:
        """Create a division; `division_admins` are ids of users (used by a client).

        Permissions that are left out are on; without any, a set of the brand's is taken.
        """
        body = {"name": named(name, "name"), "divisionAdmins": division_admins, "permissions": permissions}
        return await self._send(POST("/divisions"), Created, body=given(body))

    async def get(self, division_id: str) -> dict[str, Any]:
        """One division as JSON, whose keys no source shows (assumed: an object)."""
        return await self._send(GET("/divisions/{divisionId}", division_id), JsonObject)

    async def update(
        self,
        division_id: str,
        *,
        name: str | None = None,
        status: str | None = None,
        permissions: Mapping[str, Any] | None = None,
    ) -> None:
        """Change what is given of a division; `status` is `Active` or `Disabled` (used by a client)."""
        body = given({"name": name, "status": status, "permissions": permissions})
        return await self._send(PUT("/divisions/{divisionId}", division_id), None, body=body)
