"""Imported data projects: tables of records that did not come from a survey."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import UNSET, UnsetType, field

from qualtrics_async.models._base import Input, Model
from qualtrics_async.models.common import JobProgress

__all__ = [
    "ImportedDataExportOptions",
    "ImportedDataExportProgress",
    "ImportedDataExportStarted",
    "ImportedDataField",
    "ImportedDataFieldInput",
    "ImportedDataProject",
    "ImportedDataRecordsAdded",
]


class ImportedDataFieldInput(Input, kw_only=True):
    """A column to make.

    `type` is `number`, `number-set`, `string`, `string-set`, `open-text` (what the service takes without
    one), `date-time` or `multi-answer` (documented).
    """

    name: str
    type: str | UnsetType = UNSET


class ImportedDataField(Model, frozen=True, kw_only=True):
    """A column of an imported data project."""

    name: str
    type: str | None = None


class ImportedDataProject(Model, frozen=True, kw_only=True):
    """The schema of an imported data project (documented).

    The values of the column `unique_field` name the records.
    """

    idp_source_id: str
    name: str | None = None
    unique_field: str | None = None
    idp_type: str | None = None
    fields: Sequence[ImportedDataField] | None = None


class ImportedDataRecordsAdded(Model, frozen=True, kw_only=True):
    """What became of records that were added (documented): the service took all but the `failed_rows`.

    Rows fail under load and may be sent again.
    """

    failed_rows: list[dict[str, Any]] | None = field(name="failed_rows", default=None)


class ImportedDataExportOptions(Input, kw_only=True):
    """What to export, and how; the service's own choices where nothing is set (documented).

    `format` is `csv`, `tsv`, `spss` or `excel`. Records are chosen by when they were made, or changed with
    `sort_by_last_modified_date`: from `start_date` on, before `end_date`, aware `datetime`s or ISO text.
    `fields` names the columns. A `continuation_token` of an earlier export asks for what came since, and
    goes without `allow_continuation`; it is good for a week.
    """

    format: str = "csv"
    compress: bool | UnsetType = UNSET
    format_decimal_as_comma: bool | UnsetType = UNSET
    limit: int | UnsetType = UNSET
    newline_replacement: str | UnsetType = UNSET
    time_zone: str | UnsetType = UNSET
    use_labels: bool | UnsetType = UNSET
    start_date: datetime | str | UnsetType = UNSET
    end_date: datetime | str | UnsetType = UNSET
    continuation_token: str | UnsetType = UNSET
    allow_continuation: bool | UnsetType = UNSET
    sort_by_last_modified_date: bool | UnsetType = UNSET
    fields: Sequence[str] | UnsetType = UNSET


class ImportedDataExportStarted(Model, frozen=True, kw_only=True):
    """The id of an export that was just started (documented)."""

    job_id: str


class ImportedDataExportProgress(JobProgress, frozen=True, kw_only=True):
    """How far an export is (documented); `file_id` is there at the end."""

    file_id: str | None = None
    continuation_token: str | None = None
