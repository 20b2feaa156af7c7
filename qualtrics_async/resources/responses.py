"""Single responses and the files in them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, Final

from qualtrics_async._core.codec import encode_body
from qualtrics_async._core.downloads import Download
from qualtrics_async._core.request import DELETE, GET, POST, PUT, Request, Route, instant
from qualtrics_async._core.uploads import FilePart, Upload
from qualtrics_async.errors import UsageError
from qualtrics_async.models._base import JsonObject
from qualtrics_async.models.responses import AnyResponse, Response, ResponseCreated
from qualtrics_async.resources._base import Resource, given, named

__all__ = ["Responses"]

MAX_FILES: Final = 5


class Responses(Resource):
    """Single responses and the files in them; `client.response_exports` is for many of them."""

    __slots__ = ()

    async def create(
        self,
        survey_id: str,
        values: Mapping[str, Any],
        *,
        files: Mapping[str, FilePart] | None = None,
    ) -> ResponseCreated:
        """Create a response; it is never sent twice by itself.

        `values` are as in a response that is read, embedded data among them; an aware `datetime` is written
        as `2026-05-02T08:00:00Z`. `files` has by question id what is uploaded for it, 5 at most (documented),
        which is streamed.

        Raises:
            UsageError: for more than 5 files, for one that is no `FilePart`, and for a naive `datetime`.
        """
        route = POST("/surveys/{surveyId}/responses", survey_id)
        written = {
            name: instant(value, name) if isinstance(value, datetime) else value
            for name, value in values.items()
        }
        return await self._send(
            route, ResponseCreated, body=_response(route, {"values": written}, files or {})
        )

    async def get(self, survey_id: str, response_id: str) -> Response:
        """One response."""
        route = GET("/surveys/{surveyId}/responses/{responseId}", survey_id, response_id)
        return await self._send(route, AnyResponse)

    async def update(
        self,
        response_id: str,
        embedded_data: Mapping[str, str],
        *,
        survey_id: str,
        reset_recorded_date: bool | None = None,
    ) -> None:
        """Change embedded data of a response; `client.response_updates` does it for many.

        What is not named stays as it is. The recorded date becomes that of the update (documented), so the
        call is not repeated on doubt, unless `reset_recorded_date` is false.

        Raises:
            UsageError: for names and values that are no text, which the service refuses (documented).
        """
        for pair in embedded_data.items():
            if not all(isinstance(text, str) for text in pair):
                kinds = ": ".join(type(text).__name__ for text in pair)
                raise UsageError(f"embedded_data has text by name, got {kinds}")
        body = {
            "surveyId": named(survey_id, "survey_id"),
            "embeddedData": embedded_data,
            "resetRecordedDate": reset_recorded_date,
        }
        route = PUT("/responses/{responseId}", response_id)
        return await self._send(route, None, body=given(body), idempotent=reset_recorded_date is False)

    async def delete(self, survey_id: str, response_id: str, *, decrement_quotas: bool | None = None) -> None:
        """Delete a response; `decrement_quotas` takes it out of the quotas that counted it (documented)."""
        route = DELETE("/surveys/{surveyId}/responses/{responseId}", survey_id, response_id)
        return await self._send(route, None, query={"decrementQuotas": decrement_quotas})

    def uploaded_file(
        self, survey_id: str, response_id: str, file_id: str
    ) -> AbstractAsyncContextManager[Download]:
        """A file that was uploaded with a response; its id is the value `<question>_FILE_ID` (assumed).

        In CSV exports it is the column `<tag>_Id` (read by a client).
        """
        route = GET(
            "/surveys/{surveyId}/responses/{responseId}/uploaded-files/{fileId}",
            survey_id,
            response_id,
            file_id,
        )
        return self._download(route)

    async def schema(self, survey_id: str) -> dict[str, Any]:
        """The JSON Schema of a survey's responses, as read, exported and created (documented)."""
        return await self._send(GET("/surveys/{surveyId}/response-schema", survey_id), JsonObject)


def _response(route: Route, response: object, files: Mapping[str, FilePart]) -> object:
    if len(files) > MAX_FILES:
        raise UsageError(f"a response takes at most {MAX_FILES} files, got {len(files)}")
    if not all(isinstance(part, FilePart) for part in files.values()):
        raise UsageError("each of files is a FilePart: FilePart(content, filename)")
    if not files:
        return response
    mapping = {f"file{number}": named(question, "a question") for number, question in enumerate(files, 1)}
    parts: dict[str, FilePart | str | bytes] = {
        "response": _json(route, response),
        "fileMapping": _json(route, mapping),
    }
    return Upload.form(parts | {name: files[question_id] for name, question_id in mapping.items()})


def _json(route: Route, value: object) -> bytes:
    """Encode a part as a body is encoded, with the same refusals."""
    _, data = encode_body(Request(route, None, body=value)) or ("", b"")
    return data
