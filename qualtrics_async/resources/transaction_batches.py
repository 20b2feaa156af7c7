"""Batches of transactions, which distributions can be sent to."""

from __future__ import annotations

from qualtrics_async.resources._base import Resource

__all__ = ["TransactionBatches"]


class TransactionBatches(Resource):
    """Batches of transactions, which distributions can be sent to."""

    __slots__ = ()
