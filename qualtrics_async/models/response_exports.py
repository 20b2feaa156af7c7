"""Exports of responses, as jobs of the server's, and the filters for them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from msgspec import UNSET, UnsetType

from qualtrics_async.errors import UsageError
from qualtrics_async.models._base import Input, Instant, Model
from qualtrics_async.models.common import JobProgress

__all__ = ["ResponseExportOptions", "ResponseExportProgress", "ResponseExportStarted", "ResponseFilter"]

_JSON: Final = frozenset({"json", "ndjson"})
_TABLES: Final = frozenset({"csv", "tsv"})
_NOT_IN_JSON: Final = (
    "include_display_order",
    "use_labels",
    "format_decimal_as_comma",
    "seen_unanswered_recode",
    "multiselect_seen_unanswered_recode",
    "time_zone",
    "newline_replacement",
    "breakout_sets",
)
_NOT_FILTERED: Final = ("allow_continuation", "sort_by_last_modified_date")
_LISTS: Final = ("question_ids", "embedded_data_ids", "survey_metadata_ids")


class ResponseExportOptions(Input, kw_only=True):
    """What to export, and how (documented); what is not set is the service's default.

    `format` is `csv`, `tsv`, `json`, `ndjson`, `spss` or `xml`. The file is a zip unless `compress` is false.
    `start_date` is inclusive, `end_date` exclusive; instants are aware `datetime`s or ISO text.
    A `continuation_token` of an export with `allow_continuation` lives 7 days.

    Raises:
        UsageError: for options that exclude one another (documented), and for a text in place of a list.
    """

    format: str
    compress: bool | UnsetType = UNSET
    start_date: datetime | str | UnsetType = UNSET
    end_date: datetime | str | UnsetType = UNSET
    limit: int | UnsetType = UNSET
    filter_id: str | UnsetType = UNSET
    use_labels: bool | UnsetType = UNSET
    include_label_columns: bool | UnsetType = UNSET
    question_ids: Sequence[str] | UnsetType = UNSET
    embedded_data_ids: Sequence[str] | UnsetType = UNSET
    survey_metadata_ids: Sequence[str] | UnsetType = UNSET
    time_zone: str | UnsetType = UNSET
    seen_unanswered_recode: int | UnsetType = UNSET
    multiselect_seen_unanswered_recode: int | UnsetType = UNSET
    include_display_order: bool | UnsetType = UNSET
    export_responses_in_progress: bool | UnsetType = UNSET
    breakout_sets: bool | UnsetType = UNSET
    format_decimal_as_comma: bool | UnsetType = UNSET
    newline_replacement: str | UnsetType = UNSET
    sort_by_last_modified_date: bool | UnsetType = UNSET
    allow_continuation: bool | UnsetType = UNSET
    continuation_token: str | UnsetType = UNSET
    include_wave_weights: bool | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Refuse what the service refuses."""
        if not self.format.strip():
            raise UsageError("format must not be blank")
        for name in _LISTS:
            if isinstance(getattr(self, name), str):
                raise UsageError(f"{name} is a list, also for one item")
        if self.format in _JSON:
            self._exclude(f"format={self.format!r}", _NOT_IN_JSON)
        elif self.format not in _TABLES:
            self._exclude(f"format={self.format!r}", ("newline_replacement",))
        if self.filter_id is not UNSET:
            self._exclude("filter_id", _NOT_FILTERED)
        if self.use_labels is True:
            self._exclude("use_labels", ("include_label_columns",))

    def _exclude(self, given: str, names: Sequence[str]) -> None:
        """Refuse what is set beside `given`; what is switched off may stand beside anything but JSON."""
        for name in names:
            value = getattr(self, name)
            if value is UNSET or (value is False and names is not _NOT_IN_JSON):
                continue
            raise UsageError(f"{given} and {name} exclude one another")


class ResponseExportStarted(JobProgress, frozen=True, kw_only=True):
    """An export that was accepted (observed)."""

    progress_id: str


class ResponseExportProgress(JobProgress, frozen=True, kw_only=True):
    """How far an export is (observed); `file_id` is there once it is complete.

    `continuation_token` says where the next export goes on, if `allow_continuation` asked for it.
    """

    file_id: str | None = None
    continuation_token: str | None = None


class ResponseFilter(Model, frozen=True, kw_only=True):
    """A saved filter of a survey (documented)."""

    filter_id: str
    filter_name: str | None = None
    creation_date: Instant | None = None
