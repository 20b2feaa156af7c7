"""Imports of many contacts into one mailing list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

import msgspec

from qualtrics_async._core.paging import SKIP_TOKEN, Page, Paged, Scheme
from qualtrics_async._core.request import GET, POST
from qualtrics_async.models._base import JsonObject
from qualtrics_async.models.contact_imports import (
    ContactImportProgress,
    ContactImportStarted,
    FinishedContactImport,
    ImportReportEntry,
    ImportReportPage,
    TransactionMeta,
)
from qualtrics_async.models.contacts import ContactFields
from qualtrics_async.resources._base import Resource, given, retired

__all__ = ["REPORT", "ContactImports"]


def _entries(page: ImportReportPage) -> Page[ImportReportEntry]:
    return Page(page.results.import_report_entries or [], page.skip_token or None)


REPORT: Final = Scheme(unpack=_entries, follow=SKIP_TOKEN.follow)
"""The report of an import: entries under `results`, the token beside them (documented)."""


class ContactImports(Resource):
    """Import jobs: at most 10 000 contacts and 5 MB each, one running job a list (documented)."""

    __slots__ = ()

    async def start(
        self,
        directory_id: str,
        mailing_list_id: str,
        contacts: Sequence[ContactFields | msgspec.Raw] | msgspec.Raw,
        *,
        transaction_meta: TransactionMeta | None = None,
    ) -> ContactImportStarted:
        """Start an import; it is never sent twice by itself. Look at `.unprocessed` of what comes back.

        Rows may be encoded already: each as a `msgspec.Raw`, or all of them as one, an array. Wrong ids are
        not refused here: such a job ends at 100 percent with all counts 0 (documented).
        """
        route = POST(
            "/directories/{directoryId}/mailinglists/{mailingListId}/transactioncontacts",
            directory_id,
            mailing_list_id,
        )
        body = given({"transactionMeta": transaction_meta, "contacts": contacts})
        return await self._send(route, ContactImportStarted, body=body)

    async def progress(
        self, directory_id: str, mailing_list_id: str, import_id: str
    ) -> ContactImportProgress:
        """How far an import is; `.is_finished` and `.is_failed` read it."""
        route = GET(
            "/directories/{directoryId}/mailinglists/{mailingListId}/transactioncontacts/{importId}",
            directory_id,
            mailing_list_id,
            import_id,
        )
        return await self._send(route, ContactImportProgress)

    async def run(
        self,
        directory_id: str,
        mailing_list_id: str,
        contacts: Sequence[ContactFields | msgspec.Raw] | msgspec.Raw,
        *,
        transaction_meta: TransactionMeta | None = None,
    ) -> FinishedContactImport:
        """Start an import and wait for its end; `bulk.import_contacts` does it for any number of rows.

        Raises:
            JobFailed: when it failed as a whole; refused rows are no failure, see the counts.
        """
        started = await self.start(directory_id, mailing_list_id, contacts, transaction_meta=transaction_meta)
        progress = partial(self.progress, directory_id, mailing_list_id, started.id)
        ended = await self._wait(started.id, progress)
        return FinishedContactImport(id=started.id, **msgspec.structs.asdict(ended))

    def report(self, directory_id: str, import_id: str) -> Paged[ImportReportEntry]:
        """What became of each row of a finished import; needs the XM Directory licence (documented)."""
        route = GET(
            "/directories/{directoryId}/imports/api-import/jobs/{importId}/report", directory_id, import_id
        )
        return self._paged(route, ImportReportEntry, scheme=REPORT, page=ImportReportPage, whole=True)

    async def summary(self, directory_id: str, mailing_list_id: str, import_id: str) -> ContactImportProgress:
        """Deprecated by the vendor, reported unsupported after 2026-06-30: `progress` answers the same."""
        retired("contact_imports.summary", "contact_imports.progress")
        route = GET(
            "/directories/{directoryId}/mailinglists/{mailingListId}/transactioncontacts/{importId}/summary",
            directory_id,
            mailing_list_id,
            import_id,
        )
        return await self._send(route, ContactImportProgress)

    async def create_bulk(self, directory_id: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Create an import into a whole directory; it is never sent twice by itself.

        Only its path and limit are documented: `request` is the body as the vendor has it, the answer an
        object (both assumed).
        """
        route = POST("/directories/{directoryId}/imports", directory_id)
        return await self._send(route, JsonObject, body=request)
