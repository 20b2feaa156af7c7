"""The audit log: who did what, and exports of it."""

from __future__ import annotations

from qualtrics_async.resources._base import Resource

__all__ = ["Audits"]


class Audits(Resource):
    """The audit log: who did what, and exports of it."""

    __slots__ = ()
