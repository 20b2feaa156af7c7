"""Participants of employee directories and EX projects, and the jobs with them.

The shapes are those of the vendor's specification, as a client that was generated from it has them
(documented); nobody has recorded an answer.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import UNSET, UnsetType, field

from qualtrics_async.models._base import Input, JsonObject, Model, Number
from qualtrics_async.models.common import JobProgress

__all__ = [
    "Participant",
    "ParticipantData",
    "ParticipantFilter",
    "ParticipantImportRow",
    "ParticipantJobFailure",
    "ParticipantJobProgress",
    "ParticipantJobResult",
    "ParticipantJobStarted",
    "ParticipantPage",
    "ParticipantSubjectData",
]


class ParticipantImportRow(Input, kw_only=True):
    """A participant to make, or to update where the unique identifier is known.

    `metadata` has text under names of the caller's; only names that every row of the import has are kept
    (documented).
    """

    unique_identifier: str
    first_name: str
    last_name: str
    email: str | None
    username: str | UnsetType | None = UNSET
    metadata: Mapping[str, str] | UnsetType | None = UNSET


class ParticipantFilter(Input, kw_only=True):
    """A condition on one field of the metadata.

    `type` is `text`, `date` or `numeric`; `operator` is `EQUAL_TO`, `NOT_EQUAL_TO`, `LESS_THAN`,
    `LESS_THAN_OR_EQUAL_TO`, `GREATER_THAN`, `GREATER_THAN_OR_EQUAL_TO`, `IN` or `NOT_IN` (documented).
    How several values of `IN` are written, and what `date_format` takes, is not.
    """

    type: str
    metadata_field: str
    value: str
    operator: str
    date_format: str | UnsetType = UNSET


class ParticipantData(Model, frozen=True, kw_only=True):
    """Where a participant of an engagement project stands; all text (documented)."""

    respondent: str | None = None
    complete: str | None = None


class ParticipantSubjectData(Model, frozen=True, kw_only=True):
    """Where a subject of a 360 project stands; all text, the numbers too (documented)."""

    status: str | None = None
    nominations_sent: str | None = None
    nominations_received: str | None = None
    evaluations_received: str | None = None
    completed_evaluations: str | None = None
    self_evaluation_complete: str | None = None
    external: str | None = None
    report_available: str | None = None


class Participant(Model, frozen=True, kw_only=True):
    """A participant of a directory or a project.

    `participant_data` and `subject_data` only in listings of projects that were asked for them.
    """

    participant_id: str
    unique_identifier: str
    user_id: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    username: str | None = None
    metadata: JsonObject | None = None
    participant_data: ParticipantData | None = None
    subject_data: ParticipantSubjectData | None = None


class ParticipantPage(Model, frozen=True, kw_only=True):
    """A page of a listing as it is on the wire, without the usual envelope."""

    participants: list[Participant]
    skip_token: str | None = None


class ParticipantJobStarted(Model, frozen=True, kw_only=True):
    """A job that was started."""

    job_id: str


class ParticipantJobProgress(JobProgress, frozen=True, kw_only=True):
    """How far a job is; `result_id` names what it left, once it has ended (documented).

    No source shows how a job that failed looks; a `status` is assumed. `creation_date` is text of a form that
    is not documented.
    """

    job_id: str
    job_type: str | None = None
    creation_date: str | None = None
    percent_complete: Number | None = field(name="progressPercent", default=None)
    result_id: str | None = None


class ParticipantJobFailure(Model, frozen=True, kw_only=True):
    """What was not done for one reason; `item_ids` are unique identifiers (assumed)."""

    message: str | None = None
    item_count: int | None = None
    item_ids: list[str] | None = None


class ParticipantJobResult(Model, frozen=True, kw_only=True):
    """What an import, a copy or a deletion did, with what it could not do by reason."""

    job_id: str | None = None
    result_id: str | None = None
    successful_count: int | None = None
    failed_count: int | None = None
    failed: list[ParticipantJobFailure] | None = None
