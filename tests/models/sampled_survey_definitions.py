"""Samples of the models around survey definitions; their views have tests of their own."""

from __future__ import annotations

from qualtrics_async.models import survey_parts as parts
from qualtrics_async.models import survey_quotas as quotas
from qualtrics_async.models._base import Model

SAMPLED: dict[type[Model], tuple[str, ...]] = {
    parts.BlockCreated: ("survey_block_created",),
    parts.QuestionCreated: ("survey_question_created",),
    parts.SurveyDefinitionCreated: ("survey_definition_created",),
    parts.SurveyLanguages: ("survey_languages",),
    parts.SurveyMetadata: ("survey_metadata", "survey_metadata_deleted"),
    parts.SurveyVersion: ("survey_versions_documented",),
    quotas.QuotaCreated: ("survey_quota_created",),
    quotas.QuotaGroupCreated: ("survey_quota_group_created",),
}
NESTED: set[type[Model]] = {parts.SurveyPublishEvent}
