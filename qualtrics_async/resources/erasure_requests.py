"""Erasure of personal data, which nothing brings back."""

from __future__ import annotations

from qualtrics_async.resources._base import Resource

__all__ = ["ErasureRequests"]


class ErasureRequests(Resource):
    """Erasure of personal data, which nothing brings back."""

    __slots__ = ()
