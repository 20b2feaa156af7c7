"""Surveys as objects, in the older camelCase format."""

from __future__ import annotations

from typing import Any, Self

from msgspec import UNSET, UnsetType, field
from msgspec.structs import fields

from qualtrics_async.models._base import Flag, Input, Instant, JsonList, JsonObject, Model

__all__ = [
    "DefinitionPermissions",
    "EmbeddedDataField",
    "ManagementPermissions",
    "ResponseCounts",
    "ResponsePermissions",
    "ResultPermissions",
    "Survey",
    "SurveyExpiration",
    "SurveyImported",
    "SurveyPermissions",
    "SurveyQuota",
    "SurveyQuotaCombination",
    "SurveySummary",
]


class SurveySummary(Model, frozen=True, kw_only=True):
    """A survey in a listing (observed)."""

    id: str
    name: str
    owner_id: str | None = None
    last_modified: Instant | None = None
    creation_date: Instant | None = None
    is_active: Flag | None = None


class SurveyExpiration(Model, frozen=True, kw_only=True):
    """When a survey opens and closes; `None` where it does not."""

    start_date: Instant | None = None
    end_date: Instant | None = None


class ResponseCounts(Model, frozen=True, kw_only=True):
    """How many responses a survey has."""

    auditable: int | None = None
    generated: int | None = None
    deleted: int | None = None


class Survey(Model, frozen=True, kw_only=True):
    """A survey with its questions, blocks and flow (observed).

    The structured parts are plain JSON: `questions` by question id, `blocks` by block id,
    `export_column_map` by export tag. `SurveyDefinition` is the fuller description.
    """

    id: str
    name: str
    owner_id: str | None = None
    organization_id: str | None = None
    is_active: Flag | None = None
    creation_date: Instant | None = None
    last_modified_date: Instant | None = None
    expiration: SurveyExpiration | None = None
    questions: JsonObject | None = None
    export_column_map: JsonObject | None = None
    blocks: JsonObject | None = None
    flow: JsonList | None = None
    embedded_data: JsonList | None = None
    comments: JsonObject | None = None
    loop_and_merge: JsonObject | None = None
    response_counts: ResponseCounts | None = None


class SurveyImported(Model, frozen=True, kw_only=True):
    """The survey that an imported file became (documented); clients rely on the id only."""

    id: str
    name: str | None = None


class SurveyQuotaCombination(Model, frozen=True, kw_only=True):
    """One cell of a quota with cross logic (read by a client)."""

    count: int | None = None
    quota: int | None = None
    description: str | None = None


class SurveyQuota(Model, frozen=True, kw_only=True):
    """A quota of a survey: `count` of `quota` responses are there (read by a client)."""

    id: str
    name: str | None = None
    count: int | None = None
    quota: int | None = None
    logic_type: str | None = None
    combinations: list[SurveyQuotaCombination] | None = None


class EmbeddedDataField(Input, kw_only=True):
    """A field for a survey's flow; clients send `type` as `text` or `number`."""

    key: str
    value: str | UnsetType = UNSET
    type: str | UnsetType = UNSET


class DefinitionPermissions(Input, kw_only=True):
    """What a collaborator may do to the questions."""

    copy_survey_questions: bool = False
    edit_survey_flow: bool = False
    use_blocks: bool = False
    use_skip_logic: bool = False
    use_conjoint: bool = False
    use_triggers: bool = False
    use_quotas: bool = False
    set_survey_options: bool = False
    edit_questions: bool = False
    delete_survey_questions: bool = False
    use_table_of_contents: bool = False
    use_advanced_quotas: bool = False


class ManagementPermissions(Input, kw_only=True):
    """What a collaborator may do to the survey as a whole."""

    edit_surveys: bool = False
    activate_surveys: bool = False
    deactivate_surveys: bool = False
    copy_surveys: bool = False
    distribute_surveys: bool = False
    delete_surveys: bool = False
    translate_surveys: bool = False


class ResponsePermissions(Input, kw_only=True):
    """What a collaborator may do to single responses."""

    edit_survey_responses: bool = False
    create_response_sets: bool = False
    view_response_id: bool = False
    use_cross_tabs: bool = False
    use_screenouts: bool = False


class ResultPermissions(Input, kw_only=True):
    """What a collaborator may do with the results."""

    download_survey_results: bool = False
    view_survey_results: bool = False
    filter_survey_results: bool = False
    view_personal_data: bool = False


class SurveyPermissions(Input, kw_only=True):
    """What a collaborator may do; nothing unless it says so.

    Every key is sent, because all of them are required (documented). The keys are those that clients send.
    """

    survey_definition_manipulation: DefinitionPermissions = field(default_factory=DefinitionPermissions)
    survey_management: ManagementPermissions = field(default_factory=ManagementPermissions)
    response: ResponsePermissions = field(default_factory=ResponsePermissions)
    result: ResultPermissions = field(default_factory=ResultPermissions)

    @classmethod
    def full(cls) -> Self:
        """Everything, deleting the survey included."""
        return cls(
            survey_definition_manipulation=DefinitionPermissions(**_granted(DefinitionPermissions)),
            survey_management=ManagementPermissions(**_granted(ManagementPermissions)),
            response=ResponsePermissions(**_granted(ResponsePermissions)),
            result=ResultPermissions(**_granted(ResultPermissions)),
        )


def _granted(kind: type[Input]) -> dict[str, Any]:
    return dict.fromkeys((each.name for each in fields(kind)), True)
