"""Accounts."""

from __future__ import annotations

from qualtrics_async._core.request import GET
from qualtrics_async.models.users import WhoAmI
from qualtrics_async.resources._base import Resource

__all__ = ["Users"]


class Users(Resource):
    """The accounts of the brand."""

    __slots__ = ()

    async def whoami(self) -> WhoAmI:
        """The account that the credential belongs to; the cheapest test of a credential."""
        return await self._send(GET("/whoami"), WhoAmI)
