"""Transactions: what happened to contacts, and when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import UNSET, UnsetType

from qualtrics_async.models._base import Input, Instant, JsonObject, Model
from qualtrics_async.models._dates import utc_text

__all__ = [
    "ContactTransaction",
    "ContactTransactionCreate",
    "ContactTransactionUpdate",
    "ContactTransactionsCreated",
]


class ContactTransactionCreate(Input, kw_only=True):
    """Something that happened to a member of a mailing list.

    `transaction_date` is an aware `datetime`, or text, `YYYY-MM-DD HH:MM:SS` in UTC. `contact_id` is the
    person's id in the directory (`CID_...`). `data` has texts, numbers and booleans (used by a client).
    """

    contact_id: str
    mailing_list_id: str
    transaction_date: str | datetime
    data: Mapping[str, Any] | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Write the instant as the service takes it."""
        self.transaction_date = utc_text(self.transaction_date, "transaction_date")


class ContactTransactionUpdate(Input, kw_only=True):
    """What to change about a transaction; the names are those of its creation (assumed)."""

    contact_id: str | UnsetType = UNSET
    mailing_list_id: str | UnsetType = UNSET
    transaction_date: str | datetime | UnsetType = UNSET
    data: Mapping[str, Any] | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Write the instant as the service takes it."""
        if isinstance(self.transaction_date, datetime):
            self.transaction_date = utc_text(self.transaction_date, "transaction_date")


class ContactTransactionsCreated(Model, frozen=True, kw_only=True):
    """What became of each transaction, under the names that the caller chose. Look at both."""

    created_transactions: JsonObject | None = None
    unprocessed_transactions: JsonObject | None = None

    @property
    def ids(self) -> dict[str, str]:
        """The ids of those that were created."""
        created = (self.created_transactions or {}).items()
        return {name: made["id"] for name, made in created if isinstance(made, dict) and "id" in made}

    @property
    def errors(self) -> dict[str, str]:
        """Why the others were not: their `errorMessage`, else what came in its place (used by a client)."""
        refused = (self.unprocessed_transactions or {}).items()
        return {
            name: str(why.get("errorMessage") or why.get("error") or why)
            if isinstance(why, dict)
            else str(why)
            for name, why in refused
        }


class ContactTransaction(Model, frozen=True, kw_only=True):
    """A transaction of a contact (used by clients)."""

    transaction_id: str
    contact_id: str | None = None
    mailing_list_id: str | None = None
    transaction_date: Instant | None = None
    data: JsonObject | None = None
