"""The organization (brand) itself."""

from __future__ import annotations

from qualtrics_async._core.request import GET
from qualtrics_async.models.organizations import Organization
from qualtrics_async.resources._base import Resource

__all__ = ["Organizations"]


class Organizations(Resource):
    """The organization, which elsewhere is called the brand."""

    __slots__ = ()

    async def get(self, organization_id: str) -> Organization:
        """One organization, at most five times a minute (documented).

        The id is the `brand_id` of `users.whoami()`.
        """
        return await self._send(GET("/organizations/{organizationId}", organization_id), Organization)
