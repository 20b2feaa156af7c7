"""Batches of transactions."""

from __future__ import annotations

from qualtrics_async.models._base import Instant, Model

__all__ = ["TransactionBatch"]


class TransactionBatch(Model, frozen=True, kw_only=True):
    """A batch of transactions, which distributions can be sent to (used by clients)."""

    batch_id: str
    creation_date: Instant | None = None

    @property
    def id(self) -> str:
        """The same as `batch_id`."""
        return self.batch_id
