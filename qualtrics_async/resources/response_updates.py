"""Updates of the embedded data of many responses, as jobs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from msgspec import Raw

from qualtrics_async._core.request import GET, POST
from qualtrics_async.models.response_jobs import ResponseJobProgress, ResponseJobStarted, ResponseUpdate
from qualtrics_async.resources._base import Resource, exactly_one, given, named, optional
from qualtrics_async.resources._response_ids import check_response_ids

__all__ = ["ResponseUpdates"]


class ResponseUpdates(Resource):
    """Updates of the embedded data of many responses, as jobs.

    A job takes 250 000 responses and 5 MB at most, or a JSON file of 750 MB at a public address; it may take
    an hour, and more where another one of the survey runs (documented): for `run`, give it the time with
    `client.with_options(polling=Polling(deadline=...))`.
    """

    __slots__ = ()

    async def start(
        self,
        survey_id: str,
        updates: Sequence[ResponseUpdate] | Raw | None = None,
        *,
        file_url: str | None = None,
        remove_edits: bool | None = None,
        ignore_missing_responses: bool | None = None,
    ) -> ResponseJobStarted:
        """Start an update; it is never sent twice by itself.

        Updates that are encoded already, all of them as one `msgspec.Raw`, are not checked.

        Raises:
            UsageError: unless exactly one of `updates` and `file_url` is given; for no updates, more than
                250 000 of them, or two of one response.
        """
        exactly_one(updates=updates, file_url=file_url)
        if updates is not None and not isinstance(updates, Raw):
            check_response_ids([update.response_id for update in updates])
        body = {
            "updates": updates,
            "fileUrl": optional(named, file_url, "file_url"),
            "removeEdits": remove_edits,
            "ignoreMissingResponses": ignore_missing_responses,
        }
        route = POST("/surveys/{surveyId}/update-responses", survey_id)
        return await self._send(route, ResponseJobStarted, body=given(body))

    async def progress(self, survey_id: str, progress_id: str) -> ResponseJobProgress:
        """How far an update is."""
        route = GET("/surveys/{surveyId}/update-responses/{progressId}", survey_id, progress_id)
        return await self._send(route, ResponseJobProgress)

    async def run(
        self,
        survey_id: str,
        updates: Sequence[ResponseUpdate] | None = None,
        *,
        file_url: str | None = None,
        remove_edits: bool | None = None,
        ignore_missing_responses: bool | None = None,
    ) -> ResponseJobProgress:
        """Start an update and wait for its end.

        Raises:
            JobFailed: when it failed as a whole; see `.errors` and `.warnings` for single responses.
        """
        started = await self.start(
            survey_id,
            updates,
            file_url=file_url,
            remove_edits=remove_edits,
            ignore_missing_responses=ignore_missing_responses,
        )
        return await self._wait(started.progress_id, partial(self.progress, survey_id, started.progress_id))
