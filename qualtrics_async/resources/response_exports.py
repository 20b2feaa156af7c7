"""Exports of a survey's responses, as jobs, and the filters for them."""

from __future__ import annotations

from qualtrics_async.resources._base import Resource

__all__ = ["ResponseExports"]


class ResponseExports(Resource):
    """Exports of a survey's responses, as jobs, and the filters for them."""

    __slots__ = ()
