"""Edits of single answers, as jobs, and what was edited."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from qualtrics_async._core.request import GET, PATCH, POST
from qualtrics_async.models._base import JsonObject
from qualtrics_async.models.response_jobs import ResponseJobProgress, ResponseJobStarted
from qualtrics_async.resources._base import Resource, filled

__all__ = ["ResponseEdits"]


class ResponseEdits(Resource):
    """Edits of single answers, as jobs, and what was edited.

    No public source shows these bodies: they are sent and handed out as plain JSON.
    """

    __slots__ = ()

    async def start(self, survey_id: str, edits: Mapping[str, Any]) -> ResponseJobStarted:
        """Start a job that edits responses; that it answers with a `progressId` is assumed.

        Raises:
            UsageError: for no edits.
        """
        route = PATCH("/surveys/{surveyId}/responses", survey_id)
        return await self._send(route, ResponseJobStarted, body=filled(edits, "edits"))

    async def progress(self, survey_id: str, progress_id: str) -> ResponseJobProgress:
        """How far a job is; its shape is assumed to be that of updates."""
        route = GET("/surveys/{surveyId}/responses-edit-progresses/{progressId}", survey_id, progress_id)
        return await self._send(route, ResponseJobProgress)

    async def run(self, survey_id: str, edits: Mapping[str, Any]) -> ResponseJobProgress:
        """Start a job that edits responses and wait for its end.

        Raises:
            JobFailed: when it failed as a whole.
            UsageError: as `start` does.
        """
        started = await self.start(survey_id, edits)
        return await self._wait(started.progress_id, partial(self.progress, survey_id, started.progress_id))

    async def get(self, survey_id: str, response_id: str) -> dict[str, Any]:
        """What was edited in a response; the shape is assumed to be an object."""
        route = GET("/surveys/{surveyId}/responses/{responseId}/edits", survey_id, response_id)
        return await self._send(route, JsonObject)

    async def get_with_options(self, survey_id: str, options: Mapping[str, Any]) -> dict[str, Any]:
        """Responses of a survey as asked for, read-only; the shape is assumed to be an object."""
        route = POST("/surveys/{surveyId}/responses/op-get-with-options", survey_id)
        return await self._send(route, JsonObject, body=options, idempotent=True)

    async def aggregate(self, survey_id: str, options: Mapping[str, Any]) -> dict[str, Any]:
        """Figures over the responses of a survey, read-only; the shape is assumed to be an object."""
        route = POST("/surveys/{surveyId}/responses/op-aggregate", survey_id)
        return await self._send(route, JsonObject, body=options, idempotent=True)
