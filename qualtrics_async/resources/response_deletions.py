"""Deletions of many responses, as jobs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from msgspec import Raw

from qualtrics_async._core.request import GET, POST
from qualtrics_async.models.response_jobs import ResponseJobProgress, ResponseJobStarted
from qualtrics_async.resources._base import Resource, confirmed, given
from qualtrics_async.resources._response_ids import check_response_ids

__all__ = ["ResponseDeletions"]


class ResponseDeletions(Resource):
    """Deletions of many responses, as jobs: 250 000 at most, each once (documented for updates).

    They may take hours: for `run`, give them the time with `client.with_options(polling=...)`.
    """

    __slots__ = ()

    async def start(
        self,
        survey_id: str,
        response_ids: Sequence[str] | Raw,
        *,
        confirm: bool,
        decrement_quotas: bool | None = None,
        ignore_missing_responses: bool | None = None,
    ) -> ResponseJobStarted:
        """Start a deletion; the shape of the body is assumed, by analogy with updates.

        What is encoded already, a `msgspec.Raw` of `[{"responseId": ...}, ...]`, is sent as it is.

        Raises:
            UsageError: unless `confirm` is literally `True`; for no ids, more than 250 000, or one twice.
        """
        confirmed(confirm, "deletes responses")
        deletes: object = response_ids
        if not isinstance(response_ids, Raw):
            check_response_ids(response_ids)
            deletes = [
                given({"responseId": response_id, "decrementQuotas": decrement_quotas})
                for response_id in response_ids
            ]
        body = {"deletes": deletes, "ignoreMissingResponses": ignore_missing_responses}
        route = POST("/surveys/{surveyId}/delete-responses", survey_id)
        return await self._send(route, ResponseJobStarted, body=given(body), idempotent=False)

    async def progress(self, survey_id: str, progress_id: str) -> ResponseJobProgress:
        """How far a deletion is."""
        route = GET("/surveys/{surveyId}/delete-responses/{progressId}", survey_id, progress_id)
        return await self._send(route, ResponseJobProgress)

    async def run(
        self,
        survey_id: str,
        response_ids: Sequence[str],
        *,
        confirm: bool,
        decrement_quotas: bool | None = None,
        ignore_missing_responses: bool | None = None,
    ) -> ResponseJobProgress:
        """Start a deletion and wait for its end.

        Raises:
            JobFailed: when it failed as a whole.
        """
        started = await self.start(
            survey_id,
            response_ids,
            confirm=confirm,
            decrement_quotas=decrement_quotas,
            ignore_missing_responses=ignore_missing_responses,
        )
        return await self._wait(started.progress_id, partial(self.progress, survey_id, started.progress_id))
