"""Surveys as editors know them."""

from __future__ import annotations

from typing import Literal, overload

from qualtrics_async._core.request import GET
from qualtrics_async.models.survey_definitions import SurveyDefinition, SurveyQsf
from qualtrics_async.resources._base import Resource

__all__ = ["SurveyDefinitions"]


class SurveyDefinitions(Resource):
    """The definitions of surveys."""

    __slots__ = ()

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
