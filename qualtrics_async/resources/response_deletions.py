"""Deletion of many responses, as jobs."""

from __future__ import annotations

from qualtrics_async.resources._base import Resource

__all__ = ["ResponseDeletions"]


class ResponseDeletions(Resource):
    """Deletion of many responses, as jobs."""

    __slots__ = ()
