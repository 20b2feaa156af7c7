"""Imports of responses into a survey, as jobs."""

from __future__ import annotations

from qualtrics_async.resources._base import Resource

__all__ = ["ResponseImports"]


class ResponseImports(Resource):
    """Imports of responses into a survey, as jobs."""

    __slots__ = ()
