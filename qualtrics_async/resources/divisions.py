"""Divisions of the brand."""

from __future__ import annotations

from qualtrics_async.resources._base import Resource

__all__ = ["Divisions"]


class Divisions(Resource):
    """Divisions of the brand."""

    __slots__ = ()
