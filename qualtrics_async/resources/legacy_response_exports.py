"""Deprecated: exports in the form before `response_exports`."""

from __future__ import annotations

from qualtrics_async.resources._base import Resource

__all__ = ["LegacyResponseExports"]


class LegacyResponseExports(Resource):
    """Deprecated: exports in the form before `response_exports`."""

    __slots__ = ()
