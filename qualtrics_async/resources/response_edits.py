"""Edits of single answers, as jobs, and what was edited."""

from __future__ import annotations

from qualtrics_async.resources._base import Resource

__all__ = ["ResponseEdits"]


class ResponseEdits(Resource):
    """Edits of single answers, as jobs, and what was edited."""

    __slots__ = ()
