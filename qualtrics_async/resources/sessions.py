"""Survey sessions: taking a survey page by page."""

from __future__ import annotations

from qualtrics_async.resources._base import Resource

__all__ = ["Sessions"]


class Sessions(Resource):
    """Survey sessions: taking a survey page by page."""

    __slots__ = ()
