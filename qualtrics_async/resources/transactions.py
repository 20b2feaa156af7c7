"""Transactions of contacts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qualtrics_async._core.paging import Paged
from qualtrics_async._core.request import DELETE, GET, POST, PUT
from qualtrics_async.models.transactions import (
    ContactTransaction,
    ContactTransactionCreate,
    ContactTransactionsCreated,
    ContactTransactionUpdate,
)
from qualtrics_async.resources._base import Resource, filled

__all__ = ["Transactions"]


class Transactions(Resource):
    """What happened to contacts, and when; for XM Directory. A distribution can be about a batch of them."""

    __slots__ = ()

    def list(
        self, directory_id: str, contact_id: str, *, page_size: int | None = None
    ) -> Paged[ContactTransaction]:
        """Every transaction of a contact."""
        route = GET("/directories/{directoryId}/contacts/{contactId}/transactions", directory_id, contact_id)
        return self._paged(route, ContactTransaction, query={"pageSize": page_size})

    async def create(
        self, directory_id: str, transactions: Mapping[str, ContactTransactionCreate | Mapping[str, Any]]
    ) -> ContactTransactionsCreated:
        """Create transactions under names of your choice; it is never sent twice by itself.

        Look at `.ids` and `.errors` of what comes back: some may be created and others not.

        Raises:
            UsageError: without transactions.
        """
        route = POST("/directories/{directoryId}/transactions", directory_id)
        body = filled(transactions, "transactions")
        return await self._send(route, ContactTransactionsCreated, body=body)

    async def get(self, directory_id: str, transaction_id: str) -> ContactTransaction:
        """One transaction."""
        route = GET("/directories/{directoryId}/transactions/{transactionId}", directory_id, transaction_id)
        return await self._send(route, ContactTransaction)

    async def update(
        self,
        directory_id: str,
        transaction_id: str,
        transaction: ContactTransactionUpdate | Mapping[str, Any],
    ) -> None:
        """Replace what is given of a transaction, `data` as a whole (assumed, with the names of the body)."""
        route = PUT("/directories/{directoryId}/transactions/{transactionId}", directory_id, transaction_id)
        return await self._send(route, None, body=transaction)

    async def append(
        self,
        directory_id: str,
        transaction_id: str,
        transaction: ContactTransactionUpdate | Mapping[str, Any],
    ) -> None:
        """Add to the data of a transaction and keep the rest (assumed, with the names of the body)."""
        route = POST("/directories/{directoryId}/transactions/{transactionId}", directory_id, transaction_id)
        return await self._send(route, None, body=transaction)

    async def delete(self, directory_id: str, transaction_id: str) -> None:
        """Delete a transaction."""
        route = DELETE(
            "/directories/{directoryId}/transactions/{transactionId}", directory_id, transaction_id
        )
        return await self._send(route, None)
