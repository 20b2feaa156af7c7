"""Transactions of contacts."""

from __future__ import annotations

from qualtrics_async.resources._base import Resource

__all__ = ["Transactions"]


class Transactions(Resource):
    """Transactions of contacts."""

    __slots__ = ()
