"""Surveys as editors know them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, overload

from qualtrics_async._core.request import DELETE, GET, POST
from qualtrics_async.models.survey_definitions import SurveyDefinition, SurveyQsf
from qualtrics_async.models.survey_parts import SurveyDefinitionCreate, SurveyDefinitionCreated
from qualtrics_async.resources._base import Resource
from qualtrics_async.resources.survey_definition_content import (
    DefinitionBlocks,
    DefinitionFlow,
    DefinitionQuestions,
    DefinitionQuotaGroups,
    DefinitionQuotas,
)
from qualtrics_async.resources.survey_definition_settings import (
    DefinitionLanguages,
    DefinitionMetadata,
    DefinitionOptions,
    DefinitionTranslations,
    DefinitionVersions,
)

__all__ = ["SurveyDefinitions"]


class SurveyDefinitions(Resource):
    """The definitions of surveys.

    Respondents see a change when `versions.create(survey_id, published=True, ...)` has published it
    (reported by a client), and only of a survey that is active.
    """

    __slots__ = ()

    @property
    def metadata(self) -> DefinitionMetadata:
        """What is known of a survey beside its content."""
        return DefinitionMetadata(self._executor)

    @property
    def blocks(self) -> DefinitionBlocks:
        """Blocks of questions."""
        return DefinitionBlocks(self._executor)

    @property
    def questions(self) -> DefinitionQuestions:
        """Questions."""
        return DefinitionQuestions(self._executor)

    @property
    def flow(self) -> DefinitionFlow:
        """The flow: which block comes when."""
        return DefinitionFlow(self._executor)

    @property
    def options(self) -> DefinitionOptions:
        """The options of a survey."""
        return DefinitionOptions(self._executor)

    @property
    def versions(self) -> DefinitionVersions:
        """Versions, and publishing."""
        return DefinitionVersions(self._executor)

    @property
    def quotas(self) -> DefinitionQuotas:
        """Quotas with their logic."""
        return DefinitionQuotas(self._executor)

    @property
    def quota_groups(self) -> DefinitionQuotaGroups:
        """Groups of quotas."""
        return DefinitionQuotaGroups(self._executor)

    @property
    def languages(self) -> DefinitionLanguages:
        """The languages of a survey."""
        return DefinitionLanguages(self._executor)

    @property
    def translations(self) -> DefinitionTranslations:
        """The texts of a survey by language."""
        return DefinitionTranslations(self._executor)

    async def create(self, survey: SurveyDefinitionCreate | Mapping[str, Any]) -> SurveyDefinitionCreated:
        """Create an empty survey, or one from the content of a survey's file (documented).

        Such content is `.raw` of what `get(..., format="qsf")` gives: `SurveyEntry` and `SurveyElements`.
        """
        return await self._send(POST("/survey-definitions"), SurveyDefinitionCreated, body=survey)

    @overload
    async def get(self, survey_id: str) -> SurveyDefinition: ...

    @overload
    async def get(self, survey_id: str, *, format: Literal["qsf"]) -> SurveyQsf: ...

    async def get(
        self,
        survey_id: str,
        *,
        format: Literal["qsf"] | None = None,  # noqa: A002  (the wire's name)
    ) -> SurveyDefinition | SurveyQsf:
        """One definition, or with `format="qsf"` the content of the survey's file; `.raw` is all of it."""
        route = GET("/survey-definitions/{surveyId}", survey_id)
        if format is None:
            return await self._send(route, SurveyDefinition)
        return await self._send(route, SurveyQsf, query={"format": format})

    async def delete(self, survey_id: str) -> None:
        """Delete a survey with its responses.

        The answer has the date (documented), which is left out: a delete that is repeated on doubt and finds
        the survey gone has none.
        """
        return await self._send(DELETE("/survey-definitions/{surveyId}", survey_id), None)
