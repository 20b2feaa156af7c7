"""Exports of responses in the form before `response_exports`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import UNSET, UnsetType

from qualtrics_async.models._base import Input
from qualtrics_async.models.common import JobProgress

__all__ = ["LegacyResponseExportOptions", "LegacyResponseExportProgress"]


class LegacyResponseExportOptions(Input, kw_only=True):
    """What to export, and how (used by clients); what is not set is the service's default.

    `format` is `csv`, `csv2013`, `json`, `spss` or `xml`. Instants are aware `datetime`s or ISO text.
    """

    format: str
    last_response_id: str | UnsetType = UNSET
    start_date: datetime | str | UnsetType = UNSET
    end_date: datetime | str | UnsetType = UNSET
    limit: int | UnsetType = UNSET
    included_question_ids: Sequence[str] | UnsetType = UNSET
    use_labels: bool | UnsetType = UNSET
    use_local_time: bool | UnsetType = UNSET
    seen_unanswered_recode: int | UnsetType = UNSET


class LegacyResponseExportProgress(JobProgress, frozen=True, kw_only=True):
    """How far an export is (observed); `file` is the address of the file once there is one."""

    file: str | None = None
