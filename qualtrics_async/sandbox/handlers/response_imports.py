"""Imports of responses.

Rows become responses before the start of the job is answered, so that they are there even if nobody polls.
"""

from __future__ import annotations

import asyncio
import hashlib
from email.message import Message
from typing import TYPE_CHECKING

from qualtrics_async.sandbox.batches import Packed
from qualtrics_async.sandbox.handlers._files import begin_export, find_export
from qualtrics_async.sandbox.handlers._jobs import WORDS, poll
from qualtrics_async.sandbox.handlers.surveys import find_survey
from qualtrics_async.sandbox.legacy_survey import questions
from qualtrics_async.sandbox.response_fields import fields, labels_by
from qualtrics_async.sandbox.response_tables import read_rows
from qualtrics_async.sandbox.routing import Routes
from qualtrics_async.sandbox.wire import Refused, check_keys, check_texts, result

if TYPE_CHECKING:
    from qualtrics_async.sandbox.jobs import Job
    from qualtrics_async.sandbox.records import Survey
    from qualtrics_async.sandbox.wire import Body, Call

__all__ = ["import_rows", "routes"]

routes = Routes()

_IMPORTS = "/surveys/{surveyId}/import-responses"
_FAMILY = "response import"
_DELIMITERS = {"text/csv": ",", "text/tab-separated-values": "\t"}
_FEW = 200
"""Rows that become responses one by one."""
_IMPORTED = 4
"""The status of a response that was imported (documented)."""


@routes("POST", _IMPORTS, "documented", per_minute=100)
async def start_import(call: Call) -> Body:
    """Documented: the same key with the same file makes nothing twice. Files at an address are not read."""
    survey = find_survey(call)
    source = Message()
    source["Content-Type"] = call.headers.get("Content-Type", "")
    kind = source.get_content_type()
    if kind == "application/json":
        _check(call.json())
    elif kind not in _DELIMITERS:
        raise Refused(415, "PLACEHOLDER_415", "The Content-Type must be that of CSV, TSV or JSON.")
    keys = call.state.shelf("idempotency key")
    digest = await asyncio.to_thread(lambda: hashlib.sha256(call.payload).hexdigest())
    mark = (survey.id, call.headers.get("Idempotency-Key", ""), digest)
    known = keys.get(*mark) if mark[1] else None
    if known is None:
        job = begin_export(call, _FAMILY, "IR_")
        known = {"job": job}
        keys.put(*mark, record=known)
        if kind in _DELIMITERS and not job.failing:
            charset = call.headers.get("charset") or source.get_content_charset() or "UTF-8"
            await import_rows(call, job, survey, call.payload, charset=charset, delimiter=_DELIMITERS[kind])
    return result({"progressId": known["job"].id, "percentComplete": 0.0, "status": WORDS.running})


@routes("GET", _IMPORTS + "/{importProgressId}", "documented", per_minute=100)
def import_status(call: Call) -> Body:
    """Documented: a failed import answers `meta.error` inside a 200. Code and text are assumed."""
    find_survey(call)
    job = find_export(call, _FAMILY)
    percent = poll(call, job)
    if job.outcome != "failed":
        word = WORDS.complete if job.done else WORDS.running
        return result({"percentComplete": percent, "status": word})
    why = job.record.get("why", "The import failed.")
    error = {"errorCode": "PLACEHOLDER_IMPORT", "errorMessage": why}
    return result({"percentComplete": percent, "status": WORDS.failed}) | {"meta": {"error": error}}


async def import_rows(
    call: Call, job: Job, survey: Survey, content: bytes, *, charset: str = "UTF-8", delimiter: str
) -> None:
    """Make responses of the rows of a table; what is no table lets the job fail and makes none."""
    definition = survey.definition | {"Questions": questions(survey.definition)}
    # Whoever polls meanwhile, after a repetition of the request, must not see the job complete.
    stuck, job.progress.stuck = job.progress.stuck, True
    try:
        rows = await asyncio.to_thread(_packed, definition, content, charset, delimiter)
    except ValueError as error:
        job.failing, job.record["why"] = True, str(error)
    else:
        with call.state.serving():
            _keep(call, survey, rows)
    finally:
        job.progress.stuck = stuck


def _packed(definition: Body, content: bytes, charset: str, delimiter: str) -> Packed:
    rows = Packed()
    for values in read_rows(definition, content, charset, delimiter):
        rows.add(values)
    return rows


def _keep(call: Call, survey: Survey, rows: Packed) -> None:
    """Make single responses of few rows, which tests may change, and a batch of many."""
    key = call.headers.get("Idempotency-Key", "")
    if rows.count > _FEW:
        call.state.import_responses(survey.id, rows, key, status=_IMPORTED)
        return
    asked = list(fields(survey.definition))
    for index in range(rows.count):
        values = rows.row(index)
        labels = labels_by(asked, values)
        made = call.state.import_response(survey.id, values | {"status": _IMPORTED}, labels=labels)
        made.import_key = key


def _check(body: Body) -> None:
    check_keys(body, ("format", "fileUrl", "charset"), ("format", "fileUrl"))
    check_texts(body, body)
    if body["format"] not in ("csv", "tsv"):
        raise Refused(400, "PLACEHOLDER_400", "format must be csv or tsv.")
