"""Imports of responses into a survey, as jobs."""

from __future__ import annotations

from functools import partial
from typing import Final
from uuid import uuid4

from qualtrics_async._core.request import GET, POST
from qualtrics_async._core.uploads import Source, Upload
from qualtrics_async.errors import QualtricsError, UsageError
from qualtrics_async.models.common import JobProgress
from qualtrics_async.models.response_imports import ResponseImportStarted
from qualtrics_async.resources._base import Resource, exactly_one, named

__all__ = ["ResponseImports", "header_text"]

_TYPES: Final = {"csv": "text/csv", "tsv": "text/tab-separated-values"}


class ResponseImports(Resource):
    """Imports of responses into a survey, as jobs."""

    __slots__ = ()

    async def start(
        self,
        survey_id: str,
        file: Source | None = None,
        *,
        file_url: str | None = None,
        format: str = "csv",  # noqa: A002  (the wire's name)
        charset: str = "UTF-8",
        contact_resolution: str | None = None,
        idempotency_key: str | None = None,
    ) -> ResponseImportStarted:
        """Start an import of a CSV or TSV file: from bytes, a path or an open file, or from a public address.

        `format` is `csv` or `tsv`. The call has a fresh `idempotency_key` unless one is given, and the
        service imports one file under one key only once (documented): so the call may be repeated on doubt,
        by the client and, with the same key, by its user: an error has it as a note. What
        `contact_resolution` may be is documented nowhere.

        Raises:
            UsageError: unless exactly one of `file` and `file_url` is given; for another format; for a key, a
                charset or a resolution that no header can carry.
        """
        exactly_one(file=file, file_url=file_url)
        if format not in _TYPES:
            raise UsageError(f"format is csv or tsv, got {format!r:.60}")
        key = str(uuid4()) if idempotency_key is None else header_text(idempotency_key, "idempotency_key")
        headers = {"Idempotency-Key": key}
        if contact_resolution is not None:
            headers["Qualtrics-Contact-Resolution"] = header_text(contact_resolution, "contact_resolution")
        body: object = {"format": format, "fileUrl": file_url, "charset": charset}
        if file is not None:
            headers["charset"] = header_text(charset, "charset")
            body = Upload.file(file, _TYPES[format])
        route = POST("/surveys/{surveyId}/import-responses", survey_id)
        try:
            return await self._send(
                route, ResponseImportStarted, body=body, headers=headers, idempotent=True, writes=True
            )
        except QualtricsError as error:
            error.add_note(
                f"whoever repeats this import into the survey {survey_id} should do so with "
                f"idempotency_key={key!r}"
            )
            raise

    async def progress(self, survey_id: str, import_progress_id: str) -> JobProgress:
        """How far an import is.

        Raises:
            ApiError: with status 200 for an import that failed and says why (documented).
        """
        route = GET("/surveys/{surveyId}/import-responses/{importProgressId}", survey_id, import_progress_id)
        return await self._send(route, JobProgress)

    async def run(
        self,
        survey_id: str,
        file: Source | None = None,
        *,
        file_url: str | None = None,
        format: str = "csv",  # noqa: A002  (the wire's name)
        charset: str = "UTF-8",
        contact_resolution: str | None = None,
        idempotency_key: str | None = None,
    ) -> JobProgress:
        """Start an import and wait for its end; the options are those of `start`.

        Raises:
            JobFailed: when it failed.
            UsageError: as `start` does.
        """
        started = await self.start(
            survey_id,
            file,
            file_url=file_url,
            format=format,
            charset=charset,
            contact_resolution=contact_resolution,
            idempotency_key=idempotency_key,
        )
        return await self._wait(started.progress_id, partial(self.progress, survey_id, started.progress_id))


def header_text(value: object, name: str) -> str:
    """Refuse what a header cannot carry as it is: anything but printable ASCII, and what is blank.

    Raises:
        UsageError: for such a value, which is not shown.
    """
    text = named(value, name)
    if not (text.isascii() and text.isprintable()):
        raise UsageError(f"{name} goes into a header, which takes printable ASCII alone")
    return text
