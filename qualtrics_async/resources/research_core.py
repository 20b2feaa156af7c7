"""Retired: contacts and mailing lists before XM Directory."""

from __future__ import annotations

from qualtrics_async.resources._base import Resource

__all__ = ["ResearchCore"]


class ResearchCore(Resource):
    """Retired: contacts and mailing lists before XM Directory."""

    __slots__ = ()
