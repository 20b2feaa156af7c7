"""Jobs that change many responses: updates, deletions and edits."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import UNSET, UnsetType

from qualtrics_async.models._base import Input, JsonList, Model
from qualtrics_async.models.common import JobProgress

__all__ = ["ResponseJobProgress", "ResponseJobStarted", "ResponseUpdate"]


class ResponseUpdate(Input, kw_only=True):
    """New embedded data of one response: names and values are text (documented).

    Values have at most 1 000 or 5 000 characters (sources disagree). The recorded date becomes that of the
    update unless `reset_recorded_date` is false.
    """

    response_id: str
    embedded_data: Mapping[str, str]
    reset_recorded_date: bool | UnsetType = UNSET


class ResponseJobStarted(Model, frozen=True, kw_only=True):
    """A job that was just started (documented for updates, assumed for the others)."""

    progress_id: str


class ResponseJobProgress(JobProgress, frozen=True, kw_only=True):
    """How far a job is: `queued`, `inProgress`, `complete` or `failed` (read by clients).

    Jobs of one survey run one after the other, and one may take an hour (documented). `errors` and
    `warnings` are as they came; no source shows one.
    """

    progress_id: str | None = None
    error_count: int | None = None
    errors: JsonList | None = None
    warning_count: int | None = None
    warnings: JsonList | None = None
