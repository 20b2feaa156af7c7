"""Batches of transactions, which distributions can be sent to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from qualtrics_async._core.paging import Paged
from qualtrics_async._core.request import DELETE, GET, POST, instant
from qualtrics_async.models._base import JsonObject
from qualtrics_async.models.common import Created
from qualtrics_async.models.transaction_batches import TransactionBatch
from qualtrics_async.resources._base import Resource, all_named, given, optional

__all__ = ["BatchTransactions", "TransactionBatches"]


class TransactionBatches(Resource):
    """Transactions that a distribution is about, one link or message each."""

    __slots__ = ()

    @property
    def transactions(self) -> BatchTransactions:
        """The transactions in a batch."""
        return BatchTransactions(self._executor)

    def list(self, directory_id: str, *, page_size: int | None = None) -> Paged[TransactionBatch]:
        """Every batch of a directory."""
        route = GET("/directories/{directoryId}/transactionbatches", directory_id)
        return self._paged(route, TransactionBatch, query={"pageSize": page_size})

    async def create(
        self,
        directory_id: str,
        *,
        transaction_ids: Sequence[str] = (),
        creation_date: datetime | str | None = None,
    ) -> Created:
        """Create a batch of transactions that exist, or an empty one.

        `creation_date` is an instant (sent by a client).
        """
        body = {
            "transactionIds": all_named(transaction_ids, "transaction_ids") if transaction_ids else [],
            "creationDate": optional(instant, creation_date, "creation_date"),
        }
        route = POST("/directories/{directoryId}/transactionbatches", directory_id)
        return await self._send(route, Created, body=given(body))

    async def get(self, directory_id: str, batch_id: str) -> TransactionBatch:
        """One batch."""
        route = GET("/directories/{directoryId}/transactionbatches/{batchId}", directory_id, batch_id)
        return await self._send(route, TransactionBatch)

    async def delete(self, directory_id: str, batch_id: str) -> None:
        """Delete a batch; its transactions stay (assumed)."""
        route = DELETE("/directories/{directoryId}/transactionbatches/{batchId}", directory_id, batch_id)
        return await self._send(route, None)


class BatchTransactions(Resource):
    """The transactions in a batch."""

    __slots__ = ()

    def list(
        self, directory_id: str, batch_id: str, *, page_size: int | None = None
    ) -> Paged[dict[str, Any]]:
        """Every transaction in a batch, with its id under `transactionId` (assumed)."""
        route = GET(
            "/directories/{directoryId}/transactionbatches/{batchId}/transactions", directory_id, batch_id
        )
        return self._paged(route, JsonObject, query={"pageSize": page_size})

    async def add(self, directory_id: str, batch_id: str, transaction_ids: Sequence[str]) -> None:
        """Add transactions that exist to a batch; the body is that of the batch's creation (assumed).

        Raises:
            UsageError: without transactions.
        """
        route = POST(
            "/directories/{directoryId}/transactionbatches/{batchId}/transactions", directory_id, batch_id
        )
        body = {"transactionIds": all_named(transaction_ids, "transaction_ids")}
        return await self._send(route, None, body=body)

    async def remove(self, directory_id: str, batch_id: str, transaction_id: str) -> None:
        """Take a transaction out of a batch; it stays a transaction (assumed)."""
        route = DELETE(
            "/directories/{directoryId}/transactionbatches/{batchId}/transactions/{transactionId}",
            directory_id,
            batch_id,
            transaction_id,
        )
        return await self._send(route, None)
