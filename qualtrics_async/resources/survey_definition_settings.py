"""What a survey has beside its content: metadata, options, versions, languages, translations."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal, overload

from qualtrics_async._core.paging import Paged
from qualtrics_async._core.request import GET, POST, PUT, instant
from qualtrics_async.models._base import JsonObject
from qualtrics_async.models.survey_definitions import SurveyDefinition, SurveyOptions, SurveyQsf
from qualtrics_async.models.survey_parts import (
    AnySurveyVersion,
    SurveyLanguages,
    SurveyMetadata,
    SurveyVersion,
)
from qualtrics_async.resources._base import Resource, all_named, filled, given, optional

__all__ = [
    "DefinitionLanguages",
    "DefinitionMetadata",
    "DefinitionOptions",
    "DefinitionTranslations",
    "DefinitionVersions",
]

_DATETIME: Final = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}", re.ASCII)


class DefinitionMetadata(Resource):
    """What is known of a survey beside its content: name, status, dates, owner."""

    __slots__ = ()

    async def get(self, survey_id: str) -> SurveyMetadata:
        """The metadata of a survey."""
        return await self._send(GET("/survey-definitions/{surveyId}/metadata", survey_id), SurveyMetadata)

    async def update(
        self,
        survey_id: str,
        *,
        survey_name: str | None = None,
        survey_description: str | None = None,
        survey_status: str | None = None,
        survey_start_date: datetime | str | None = None,
        survey_expiration_date: datetime | str | None = None,
    ) -> None:
        """Change what is given; `survey_status` is `Active` or `Inactive` (documented).

        Dates go out as MySQL date-times in UTC (documented): an instant becomes one, and a text that is one
        already is sent as it is, `0000-00-00 00:00:00` for no date included (assumed).

        Raises:
            UsageError: for a date that names no instant.
        """
        body = {
            "SurveyName": survey_name,
            "SurveyDescription": survey_description,
            "SurveyStatus": survey_status,
            "SurveyStartDate": optional(_mysql, survey_start_date, "survey_start_date"),
            "SurveyExpirationDate": optional(_mysql, survey_expiration_date, "survey_expiration_date"),
        }
        route = PUT("/survey-definitions/{surveyId}/metadata", survey_id)
        return await self._send(route, None, body=given(body))


class DefinitionOptions(Resource):
    """The options of a survey: look, protection, end, what is recorded."""

    __slots__ = ()

    async def get(self, survey_id: str) -> SurveyOptions:
        """The options of a survey; `.raw` is all of them."""
        return await self._send(GET("/survey-definitions/{surveyId}/options", survey_id), SurveyOptions)

    async def update(self, survey_id: str, options: Mapping[str, Any]) -> None:
        """Replace the options, sixteen of which are required (documented): send all that `get()` gave.

        `options = (await get(survey_id)).raw | {"BackButton": "true"}`

        Raises:
            UsageError: for no options.
        """
        route = PUT("/survey-definitions/{surveyId}/options", survey_id)
        return await self._send(route, None, body=filled(options, "options"))


class DefinitionVersions(Resource):
    """Versions of a survey. Edits wait until a version that has them is published (reported by a client)."""

    __slots__ = ()

    def list(self, survey_id: str) -> Paged[SurveyVersion]:
        """Every version of a survey, without its content."""
        return self._paged(GET("/survey-definitions/{surveyId}/versions", survey_id), AnySurveyVersion)

    async def create(self, survey_id: str, *, description: str, published: bool) -> SurveyVersion:
        """Make the present definition a version, with `published=True` the one that respondents see.

        A client reports: where nothing has changed, the latest version gets the description and is published
        again, and publishing does not activate a survey, which `surveys.update` does.
        """
        route = POST("/survey-definitions/{surveyId}/versions", survey_id)
        body = {"Description": description, "Published": published}
        return await self._send(route, AnySurveyVersion, body=body)

    @overload
    async def get(self, survey_id: str, version_id: str) -> SurveyDefinition: ...

    @overload
    async def get(self, survey_id: str, version_id: str, *, format: Literal["qsf"]) -> SurveyQsf: ...

    async def get(
        self,
        survey_id: str,
        version_id: str,
        *,
        format: Literal["qsf"] | None = None,  # noqa: A002  (the wire's name)
    ) -> SurveyDefinition | SurveyQsf:
        """The definition as it was in a version, by its id: the number is not found, a client reports."""
        route = GET("/survey-definitions/{surveyId}/versions/{versionId}", survey_id, version_id)
        if format is None:
            return await self._send(route, SurveyDefinition)
        return await self._send(route, SurveyQsf, query={"format": format})


class DefinitionLanguages(Resource):
    """The languages that a survey is in."""

    __slots__ = ()

    async def get(self, survey_id: str) -> SurveyLanguages:
        """The codes of the languages of a survey."""
        return await self._send(GET("/surveys/{surveyId}/languages", survey_id), SurveyLanguages)

    async def update(self, survey_id: str, available_languages: Sequence[str]) -> None:
        """Replace the languages; those that there are have to be among them (documented).

        Raises:
            UsageError: for no language, a blank one, and for a text instead of a list of texts.
        """
        body = {"AvailableLanguages": all_named(available_languages, "available_languages")}
        return await self._send(PUT("/surveys/{surveyId}/languages", survey_id), None, body=body)


class DefinitionTranslations(Resource):
    """The texts of a survey in one language by field: `QID1_QuestionText`, `QID1_Choice1` (by clients)."""

    __slots__ = ()

    async def get(self, survey_id: str, language_code: str) -> dict[str, Any]:
        """Every text that can be translated, with its translation as far as there is one (documented)."""
        route = GET("/surveys/{surveyId}/translations/{languageCode}", survey_id, language_code)
        return await self._send(route, JsonObject)

    async def update(self, survey_id: str, language_code: str, translations: Mapping[str, Any]) -> None:
        """Replace the translations into an enabled language; send the existing ones too (documented).

        Raises:
            UsageError: for no translations.
        """
        route = PUT("/surveys/{surveyId}/translations/{languageCode}", survey_id, language_code)
        return await self._send(route, None, body=filled(translations, "translations"))


def _mysql(value: datetime | str, name: str) -> str:
    """Write an instant as MySQL does, in UTC."""
    if isinstance(value, str) and _DATETIME.fullmatch(value):
        return value
    return instant(value, name).replace("T", " ").rstrip("Z")
