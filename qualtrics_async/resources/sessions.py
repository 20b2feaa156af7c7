"""Survey sessions: taking a survey page by page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qualtrics_async._core.request import DELETE, GET, POST
from qualtrics_async.errors import UsageError
from qualtrics_async.models.sessions import SurveySession, SurveySessionStarted
from qualtrics_async.resources._base import Resource, given, named, optional

__all__ = ["Sessions"]


class Sessions(Resource):
    """Survey sessions: taking a survey page by page.

    Surveys may have multiple choice, text entry and NPS questions only; the service takes up to 10 s for an
    answer (both documented).
    """

    __slots__ = ()

    async def start(
        self,
        survey_id: str,
        *,
        language: str | None = None,
        embedded_data: Mapping[str, Any] | None = None,
        recipient_id: str | None = None,
        distribution_id: str | None = None,
    ) -> SurveySessionStarted:
        """Begin a response and get its first page; `recipient_id` is a contact's lookup id (documented)."""
        body = {
            "language": language,
            "embeddedData": embedded_data,
            "recipientId": optional(named, recipient_id, "recipient_id"),
            "distributionId": optional(named, distribution_id, "distribution_id"),
        }
        route = POST("/surveys/{surveyId}/sessions", survey_id)
        return await self._send(route, SurveySessionStarted, body=given(body))

    async def get(self, survey_id: str, session_id: str) -> SurveySession:
        """The present page of a session."""
        route = GET("/surveys/{surveyId}/sessions/{sessionId}", survey_id, session_id)
        return await self._send(route, SurveySession)

    async def update(
        self,
        survey_id: str,
        session_id: str,
        responses: Mapping[str, Any] | None = None,
        *,
        embedded_data: Mapping[str, Any] | None = None,
        advance: bool | None = None,
        close: bool | None = None,
    ) -> SurveySession:
        """Answer questions of the present page, and go on with `advance` or end the response with `close`.

        `responses` has by question id a text, or by choice id `{"selected": True, "text": "..."}`
        (documented). The page that comes back is the next one.

        Raises:
            UsageError: for both `advance` and `close`, which the service refuses (documented).
        """
        if advance is not None and close is not None:
            raise UsageError("give advance or close, not both")
        body = {"responses": responses, "embeddedData": embedded_data, "advance": advance, "close": close}
        route = POST("/surveys/{surveyId}/sessions/{sessionId}", survey_id, session_id)
        return await self._send(route, SurveySession, body=given(body))

    async def delete(self, survey_id: str, session_id: str) -> None:
        """End a session without a response."""
        route = DELETE("/surveys/{surveyId}/sessions/{sessionId}", survey_id, session_id)
        return await self._send(route, None)
