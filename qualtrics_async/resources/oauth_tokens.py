"""OAuth tokens that were given out."""

from __future__ import annotations

from qualtrics_async.resources._base import Resource

__all__ = ["OauthTokens"]


class OauthTokens(Resource):
    """OAuth tokens that were given out."""

    __slots__ = ()
