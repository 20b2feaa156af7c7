"""Workflows: summaries, transfer to another workspace."""

from __future__ import annotations

from qualtrics_async.resources._base import Resource

__all__ = ["Workflows"]


class Workflows(Resource):
    """Workflows: summaries, transfer to another workspace."""

    __slots__ = ()
