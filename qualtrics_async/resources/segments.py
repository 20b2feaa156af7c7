"""Segments of a directory, and their refreshes."""

from __future__ import annotations

from qualtrics_async.resources._base import Resource

__all__ = ["Segments"]


class Segments(Resource):
    """Segments of a directory, and their refreshes."""

    __slots__ = ()
