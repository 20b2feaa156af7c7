"""Datasets and their records."""

from __future__ import annotations

from qualtrics_async.resources._base import Resource

__all__ = ["Datasets"]


class Datasets(Resource):
    """Datasets and their records."""

    __slots__ = ()
