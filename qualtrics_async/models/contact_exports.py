"""Exports of contacts and of their places in segments, as jobs of the server's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import UNSET, UnsetType

from qualtrics_async.models._base import Input, Model
from qualtrics_async.models.common import JobProgress
from qualtrics_async.models.contact_filters import ContactFilter, ContactFilterGroup

__all__ = [
    "ContactExportOptions",
    "ContactExportProgress",
    "ContactExportStarted",
    "ExportFileAddress",
    "SegmentMembershipExportProgress",
    "SegmentMembershipExportStarted",
]


class ContactExportOptions(Input, kw_only=True):
    """Which contacts to export, and how (documented).

    `format` is `csv` or `tsv`. `embedded_data` has to be there (documented): the names of the fields, or one
    of the service's own words; without more it is an empty list, which is assumed to mean none. With
    `contact_list_id` the contacts of that mailing list are exported instead of the directory's. `filter` is
    one condition or a group of them, as in a search; a mapping is sent as it is.
    """

    format: str = "csv"
    embedded_data: Sequence[str] | str = ()
    contact_list_id: str | UnsetType = UNSET
    filter: ContactFilter | ContactFilterGroup | Mapping[str, Any] | UnsetType = UNSET


class ContactExportStarted(Model, frozen=True, kw_only=True):
    """An export that was accepted (documented)."""

    progress_id: str


class ContactExportProgress(JobProgress, frozen=True, kw_only=True):
    """How far an export is (documented): `CREATED`, `IN_PROGRESS`, `COMPLETED`, `ERROR`, `TIMED_OUT`."""

    file_id: str | None = None
    total_contacts: int | None = None


class ExportFileAddress(Model, frozen=True, kw_only=True):
    """Where the file of an export is, and the token that opens it (documented)."""

    jwt: str
    url: str

    def __repr__(self) -> str:
        return "ExportFileAddress(...)"


class SegmentMembershipExportStarted(Model, frozen=True, kw_only=True):
    """An export that was accepted (documented)."""

    progress_id: str
    status: str | None = None


class SegmentMembershipExportProgress(JobProgress, frozen=True, kw_only=True):
    """How far an export is: the status `COMPLETED` is documented, the rest assumed, as of contact exports."""

    file_id: str | None = None
