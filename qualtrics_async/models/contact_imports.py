"""Imports of many contacts into one mailing list, as a job of the server's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import UNSET, UnsetType

from qualtrics_async.models._base import Input, JsonList, JsonObject, Model, Number
from qualtrics_async.models.contacts import ContactFields

__all__ = [
    "ContactImportProgress",
    "ContactImportRow",
    "ContactImportStarted",
    "FinishedContactImport",
    "ImportReportEntry",
    "ImportReportPage",
    "ImportReportResults",
    "TransactionMeta",
]

_COMPLETE = frozenset({"complete", "completed"})
_FAILED = frozenset({"failed", "error"})
_ALL = 100.0


class ContactImportRow(ContactFields, kw_only=True):
    """One contact of an import; what is not set stays away.

    `id` names a contact that exists. `transaction_data` needs a `TransactionMeta` (documented).
    """

    id: str | UnsetType = UNSET
    transaction_data: Mapping[str, Any] | UnsetType | None = UNSET


class TransactionMeta(Input, kw_only=True):
    """What an import says about its transactions: the batch they join, the keys that rows may carry."""

    batch_id: str | UnsetType = UNSET
    fields: Sequence[str] | UnsetType = UNSET


def _index(value: object) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().isdecimal():
        return int(value)
    return None


class ContactImportStarted(Model, frozen=True, kw_only=True):
    """An import that was accepted. Acceptance is not validation: wrong ids are accepted too (documented)."""

    id: str
    contacts: JsonObject | None = None
    tracking: JsonObject | None = None
    status: str | None = None

    @property
    def unprocessed_raw(self) -> list[Any]:
        """What was refused at once, as the server wrote it."""
        refused = (self.contacts or {}).get("unprocessed") or []
        return list(refused.values()) if isinstance(refused, dict) else list(refused)

    @property
    def unprocessed(self) -> list[int]:
        """Indexes of the rows that were refused at once.

        Sources disagree on their form (integers, text, objects); what is no index is only in
        `unprocessed_raw`, so a difference in length means rows of unknown fate.
        """
        return [index for value in self.unprocessed_raw if (index := _index(value)) is not None]

    @property
    def tracking_url(self) -> str | None:
        """Where the server says the progress is."""
        return (self.tracking or {}).get("url")


class ContactImportProgress(Model, frozen=True, kw_only=True):
    """How far an import is. `percent_complete` runs from 0 to 100; counts are missing while it runs."""

    percent_complete: Number | None = None
    contacts: JsonObject | None = None
    transactions: JsonObject | None = None
    invalid_emails: JsonList | None = None
    status: str | None = None

    @property
    def is_failed(self) -> bool:
        """Whether it failed as a whole; it may say 100 percent nevertheless."""
        return (self.status or "").strip().lower() in _FAILED

    @property
    def is_finished(self) -> bool:
        """Whether nothing more happens, well or badly (no source pins the status words)."""
        word = (self.status or "").strip().lower()
        return (self.percent_complete or 0.0) >= _ALL or word in _COMPLETE or word in _FAILED

    @property
    def added(self) -> int | None:
        """How many contacts were new."""
        return _count(self.contacts, "added")

    @property
    def updated(self) -> int | None:
        """How many contacts existed already."""
        return _count(self.contacts, "updated")

    @property
    def failed(self) -> int | None:
        """How many contacts could not be imported."""
        return _count(self.contacts, "failed")

    @property
    def transactions_created(self) -> int | None:
        """How many transactions were created."""
        return _count(self.transactions, "created")


class FinishedContactImport(ContactImportProgress, frozen=True, kw_only=True):
    """The last progress of an import, with its id, which `report` takes."""

    id: str


def _count(section: Mapping[str, Any] | None, name: str) -> int | None:
    counts = (section or {}).get("count")
    return _index(counts.get(name)) if isinstance(counts, dict) else None


class ImportReportEntry(Model, frozen=True, kw_only=True, gc=False):
    """What became of one row of an import (documented). The status words are not known: match on ids."""

    source_index_id: int | str | None = None
    email: str | None = None
    phone: str | None = None
    contact_id: str | None = None
    import_status: str | None = None
    import_status_code: str | int | None = None
    transaction_id: str | None = None
    transaction_status: str | None = None
    transaction_status_code: str | int | None = None
    contact_list_contact_id: str | None = None
    contact_list_contact_status: str | None = None
    contact_list_contact_status_code: str | int | None = None

    @property
    def index(self) -> int | None:
        """The position of the row in the request's `contacts`, from 0."""
        return _index(self.source_index_id)


class ImportReportResults(Model, frozen=True, kw_only=True):
    """The inner part of a page of the report."""

    import_report_entries: list[ImportReportEntry] | None = None


class ImportReportPage(Model, frozen=True, kw_only=True):
    """A page of the report, which has a shape of its own (documented)."""

    results: ImportReportResults
    skip_token: str | None = None
