"""OAuth tokens that were given out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qualtrics_async._core.paging import Paged
from qualtrics_async._core.request import GET, POST
from qualtrics_async.models._base import JsonObject
from qualtrics_async.resources._base import Resource, confirmed, filled

__all__ = ["OauthTokens"]


class OauthTokens(Resource):
    """OAuth tokens that were given out.

    Only the paths are known, from the vendor's table of limits: all else is assumed. The client gets and
    renews its own token by itself.
    """

    __slots__ = ()

    def list(self, token_type: str) -> Paged[dict[str, Any]]:
        """Every token of a type, as JSON (assumed). What is listed may be secret: keep it out of logs."""
        return self._paged(GET("/oauthtokens/{tokenType}", token_type), JsonObject)

    async def delete(self, token_type: str, selection: Mapping[str, Any], *, confirm: bool) -> None:
        """Delete tokens of a type; `selection` is the body as the service takes it (assumed: an object).

        Raises:
            UsageError: unless `confirm` is literally `True`; for an empty `selection`, which might mean all.
        """
        confirmed(confirm, "ends the life of the tokens at once")
        route = POST("/oauthtokens/{tokenType}/delete", token_type)
        return await self._send(route, None, body=filled(selection, "selection"))
