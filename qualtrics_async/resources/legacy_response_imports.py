"""Deprecated: imports in the form before `response_imports`."""

from __future__ import annotations

from qualtrics_async.resources._base import Resource

__all__ = ["LegacyResponseImports"]


class LegacyResponseImports(Resource):
    """Deprecated: imports in the form before `response_imports`."""

    __slots__ = ()
