"""Updates of the embedded data of many responses, as jobs."""

from __future__ import annotations

from qualtrics_async.resources._base import Resource

__all__ = ["ResponseUpdates"]


class ResponseUpdates(Resource):
    """Updates of the embedded data of many responses, as jobs."""

    __slots__ = ()
