"""Surveys as objects."""

from __future__ import annotations

from qualtrics_async._core.paging import Paged
from qualtrics_async._core.request import GET
from qualtrics_async.models.surveys import Survey, SurveySummary
from qualtrics_async.resources._base import Resource

__all__ = ["Surveys"]


class Surveys(Resource):
    """Surveys as objects: find them, look into them."""

    __slots__ = ()

    def list(self) -> Paged[SurveySummary]:
        """Every survey that the account owns or was given, in the server's order."""
        return self._paged(GET("/surveys"), SurveySummary)

    async def get(self, survey_id: str) -> Survey:
        """One survey with its questions, blocks and flow."""
        return await self._send(GET("/surveys/{surveyId}", survey_id), Survey)
