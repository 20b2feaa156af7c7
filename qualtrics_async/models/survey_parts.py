"""Survey definitions beside their views: metadata, versions, languages, and what is created.

Keys are PascalCase but for the metadata of versions, and ids end in `ID`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType, field

from qualtrics_async.models._base import Flag, Instant, Model, PascalInput, PascalModel, convert_wire, lenient

__all__ = [
    "AnySurveyVersion",
    "BlockCreated",
    "BlockInput",
    "QuestionCreated",
    "QuestionInput",
    "SurveyDefinitionCreate",
    "SurveyDefinitionCreated",
    "SurveyLanguages",
    "SurveyMetadata",
    "SurveyPublishEvent",
    "SurveyVersion",
]


class SurveyDefinitionCreate(PascalInput, kw_only=True):
    """A new survey without questions. All three keys are required (documented); the defaults are ours."""

    survey_name: str
    language: str = "EN"
    project_category: str = "CORE"


class SurveyDefinitionCreated(PascalModel, frozen=True, kw_only=True):
    """The id of a new survey, and of its first block where it was made without a file (documented)."""

    survey_id: str = field(name="SurveyID")
    default_block_id: str | None = field(name="DefaultBlockID", default=None)


class SurveyMetadata(PascalModel, frozen=True, kw_only=True):
    """What is known of a survey beside its content (documented); the same keys head a survey's file."""

    survey_id: str = field(name="SurveyID")
    survey_name: str | None = None
    survey_description: str | None = None
    survey_owner_id: str | None = field(name="SurveyOwnerID", default=None)
    survey_brand_id: str | None = field(name="SurveyBrandID", default=None)
    division_id: str | None = field(name="DivisionID", default=None)
    survey_language: str | None = None
    survey_active_response_set: str | None = None
    survey_status: str | None = None
    survey_start_date: Instant | None = None
    survey_expiration_date: Instant | None = None
    survey_creation_date: Instant | None = None
    creator_id: str | None = field(name="CreatorID", default=None)
    last_modified: Instant | None = None
    last_accessed: Instant | None = None
    last_activated: Instant | None = None
    deleted: Instant | None = None


class BlockInput(PascalInput, kw_only=True):
    """A block to write. Types are `Standard`, `Default` and `Trash`, and more for conjoint (documented).

    `block_elements` are `{"Type": "Question", "QuestionID": "QID1"}` and `{"Type": "Page Break"}`. A block of
    a library is a reference: `sub_type="Reference"` with `library_id` and `referenced_block_id` (documented).
    """

    type: str = "Standard"
    sub_type: str | UnsetType = UNSET
    id: str | UnsetType = field(name="ID", default=UNSET)
    description: str | UnsetType = UNSET
    block_elements: Sequence[Mapping[str, Any]] | UnsetType = UNSET
    options: Mapping[str, Any] | UnsetType = UNSET
    library_id: str | UnsetType = field(name="LibraryID", default=UNSET)
    referenced_block_id: str | UnsetType = field(name="ReferencedBlockID", default=UNSET)


class BlockCreated(PascalModel, frozen=True, kw_only=True):
    """The ids of a new block and of the element of the flow that shows it (documented)."""

    block_id: str = field(name="BlockID")
    flow_id: str | None = field(name="FlowID", default=None)


class QuestionInput(PascalInput, kw_only=True):
    """A question to write (documented); which keys a question has depends on its type.

    A key that is not here, such as display logic, needs the plain mapping.
    """

    question_text: str
    question_type: str
    selector: str
    sub_selector: str | UnsetType = UNSET
    data_export_tag: str | UnsetType = UNSET
    question_description: str | UnsetType = UNSET
    choices: Mapping[str, Any] | Sequence[Any] | UnsetType = UNSET
    choice_order: Sequence[str | int] | UnsetType = UNSET
    choice_data_export_tags: Mapping[str, str] | bool | UnsetType = UNSET
    answers: Mapping[str, Any] | Sequence[Any] | UnsetType = UNSET
    answer_order: Sequence[str | int] | UnsetType = UNSET
    default_choices: Any = UNSET
    recode_values: Mapping[str, Any] | UnsetType = UNSET
    randomization: Any = UNSET
    answer_randomization: Any = UNSET
    validation: Mapping[str, Any] | UnsetType = UNSET
    configuration: Mapping[str, Any] | UnsetType = UNSET
    language: Mapping[str, Any] | Sequence[Any] | UnsetType = UNSET
    labels: Any = UNSET
    graphics: str | UnsetType = UNSET
    graphics_description: str | UnsetType = UNSET
    next_choice_id: int | UnsetType = UNSET
    next_answer_id: int | UnsetType = UNSET


class QuestionCreated(PascalModel, frozen=True, kw_only=True):
    """The id of a new question, `QID` and a number (documented)."""

    question_id: str = field(name="QuestionID")


class SurveyPublishEvent(Model, frozen=True, kw_only=True):
    """That somebody published a version."""

    date: Instant | None = None
    user_id: str | None = field(name="userID", default=None)


class SurveyVersion(Model, frozen=True, kw_only=True):
    """A version of a survey. By a client's report `published` is true only of the one that is seen."""

    version_id: str = field(name="versionID")
    version_number: int | None = None
    survey_id: str | None = field(name="surveyID", default=None)
    user_id: str | None = field(name="userID", default=None)
    description: str | None = None
    creation_date: Instant | None = None
    published: Flag | None = None
    was_published: Flag | None = None
    publish_events: list[SurveyPublishEvent] | None = None


class SurveyLanguages(PascalModel, frozen=True, kw_only=True):
    """The codes of the languages that a survey is in (documented)."""

    available_languages: list[str]


def _version(value: object) -> SurveyVersion:
    """A `SurveyVersion`, plain in a listing (documented) or under `metadata` (read by a client)."""
    if isinstance(value, dict) and "metadata" in value:
        value = value["metadata"]
    return msgspec.convert(value, SurveyVersion, dec_hook=convert_wire)


AnySurveyVersion: Final = lenient(SurveyVersion, _version)
