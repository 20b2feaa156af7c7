"""Exports of a directory's contacts, as jobs."""

from __future__ import annotations

from qualtrics_async.resources._base import Resource

__all__ = ["ContactExports"]


class ContactExports(Resource):
    """Exports of a directory's contacts, as jobs."""

    __slots__ = ()
