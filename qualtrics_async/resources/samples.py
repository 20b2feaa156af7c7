"""Samples of a directory's contacts."""

from __future__ import annotations

from qualtrics_async.resources._base import Resource

__all__ = ["Samples"]


class Samples(Resource):
    """Samples of a directory's contacts."""

    __slots__ = ()
