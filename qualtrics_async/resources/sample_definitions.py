"""How samples are drawn."""

from __future__ import annotations

from qualtrics_async.resources._base import Resource

__all__ = ["SampleDefinitions"]


class SampleDefinitions(Resource):
    """How samples are drawn."""

    __slots__ = ()
