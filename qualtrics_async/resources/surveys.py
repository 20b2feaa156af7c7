"""Surveys as objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from qualtrics_async._core.paging import Paged
from qualtrics_async._core.request import DELETE, GET, POST, PUT, instant
from qualtrics_async._core.uploads import FilePart, Source, Upload
from qualtrics_async.models.surveys import (
    EmbeddedDataField,
    Survey,
    SurveyImported,
    SurveyPermissions,
    SurveyQuota,
    SurveySummary,
)
from qualtrics_async.resources._base import Resource, exactly_one, given, named, optional

__all__ = ["Surveys"]


class Surveys(Resource):
    """Surveys as objects: find, import, share, change and delete them; look into them."""

    __slots__ = ()

    def list(self) -> Paged[SurveySummary]:
        """Every survey that the account owns or was given, in the server's order."""
        return self._paged(GET("/surveys"), SurveySummary)

    async def import_survey(
        self,
        file: Source | None = None,
        *,
        name: str,
        file_url: str | None = None,
        content_type: str = "application/vnd.qualtrics.survey.qsf",
        filename: str = "survey.qsf",
    ) -> SurveyImported:
        """Make a survey of a file, or of one at a public address; it is never sent twice by itself.

        A QSF file is what the editor exports; `content_type` may also be
        `application/vnd.qualtrics.survey.txt` or `.doc` (sent by clients). The survey may take a while to
        appear in the editor's list (documented).

        Raises:
            UsageError: unless exactly one of `file` and `file_url` is given.
        """
        exactly_one(file=file, file_url=file_url)
        form: dict[str, FilePart | str | bytes] = {"name": named(name, "name")}
        if file is not None:
            form["file"] = FilePart(file, filename, content_type)
        else:
            form |= {"contentType": content_type, "fileUrl": named(file_url, "file_url")}
        return await self._send(POST("/surveys"), SurveyImported, body=Upload.form(form))

    async def get(self, survey_id: str) -> Survey:
        """One survey with its questions, blocks and flow."""
        return await self._send(GET("/surveys/{surveyId}", survey_id), Survey)

    async def update(
        self,
        survey_id: str,
        *,
        name: str | None = None,
        is_active: bool | None = None,
        start_date: datetime | str | None = None,
        end_date: datetime | str | None = None,
        owner_id: str | None = None,
    ) -> None:
        """Change what is given: the name, whether it is active, when it opens and closes, whose it is.

        Instants are aware `datetime`s or ISO text. Whether one of the two dates alone leaves the other as it
        is, no source says: give both.
        """
        dates = given(
            {
                "startDate": optional(instant, start_date, "start_date"),
                "endDate": optional(instant, end_date, "end_date"),
            }
        )
        body = {
            "name": name,
            "isActive": is_active,
            "expiration": dates or None,
            "ownerId": optional(named, owner_id, "owner_id"),
        }
        return await self._send(PUT("/surveys/{surveyId}", survey_id), None, body=given(body))

    async def delete(self, survey_id: str) -> None:
        """Delete a survey."""
        return await self._send(DELETE("/surveys/{surveyId}", survey_id), None)

    async def share(
        self,
        survey_id: str,
        permissions: SurveyPermissions | Mapping[str, Any],
        *,
        user_id: str | None = None,
        recipient_id: str | None = None,
    ) -> None:
        """Let a user collaborate on a survey; both names of the recipient are in use by clients.

        Raises:
            UsageError: unless exactly one of `user_id` and `recipient_id` is given.
        """
        exactly_one(user_id=user_id, recipient_id=recipient_id)
        body = {
            "userId": optional(named, user_id, "user_id"),
            "recipientId": optional(named, recipient_id, "recipient_id"),
            "permissions": permissions,
        }
        route = POST("/surveys/{surveyId}/permissions/collaborations", survey_id)
        return await self._send(route, None, body=given(body))

    async def insert_embedded_data_fields(self, survey_id: str, fields: Sequence[EmbeddedDataField]) -> None:
        """Add fields of embedded data to a survey."""
        route = POST("/surveys/{surveyId}/embeddeddatafields", survey_id)
        return await self._send(route, None, body={"embeddedDataFields": fields})

    def quotas(self, survey_id: str) -> Paged[SurveyQuota]:
        """The quotas of a survey and how far they are filled."""
        return self._paged(GET("/surveys/{surveyId}/quotas", survey_id), SurveyQuota)
