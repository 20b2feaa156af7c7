"""Exports and imports of responses in the form before the current one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qualtrics_async.sandbox.handlers._jobs import begin, find, poll
from qualtrics_async.sandbox.handlers.response_exports import begin as begin_export
from qualtrics_async.sandbox.handlers.response_exports import response_file
from qualtrics_async.sandbox.handlers.response_imports import import_rows
from qualtrics_async.sandbox.response_files import FORMATS
from qualtrics_async.sandbox.routing import Routes
from qualtrics_async.sandbox.wire import Refused, check_keys, check_texts, result

if TYPE_CHECKING:
    from qualtrics_async.sandbox.kept_files import Streamed
    from qualtrics_async.sandbox.records import Survey
    from qualtrics_async.sandbox.wire import Body, Call

__all__ = ["routes"]

routes = Routes()

_EXPORT = "legacy response export"
_IMPORT = "legacy response import"
_TEXTS = ("surveyId", "format", "lastResponseId", "startDate", "endDate")
_KEYS = (
    *_TEXTS,
    *("limit", "includedQuestionIds", "useLabels", "useLocalTime", "seenUnansweredRecode"),
)


@routes("POST", "/responseexports", "observed")
def start_legacy_export(call: Call) -> Body:
    """Observed: `result.id`."""
    body = call.json()
    check_keys(body, _KEYS, ("surveyId", "format"))
    check_texts(body, _TEXTS)
    form = "csv" if body["format"] == "csv2013" else body["format"]
    if form not in FORMATS:
        raise Refused(400, "PLACEHOLDER_400", f"The sandbox makes no files of the format {form!r}.")
    survey = _survey(call, body["surveyId"])
    options = {"format": form} | {key: body[key] for key in _TEXTS[2:] if key in body}
    if body.get("useLabels") is True:
        options["useLabels"] = True
    questions, limit = body.get("includedQuestionIds"), body.get("limit")
    if isinstance(questions, list):
        options["questionIds"] = questions
    if type(limit) is int and limit > 0:
        options["limit"] = limit
    return result({"id": begin_export(call, _EXPORT, survey, options).id})


@routes("GET", "/responseexports/{responseExportId}", "observed")
def legacy_export_status(call: Call) -> Body:
    """Observed when complete: 100 and the address of the file; the words are used by clients."""
    job = find(call, _EXPORT, call.ids[0])
    body: Body = {"percentComplete": poll(call, job)}
    if job.outcome == "complete" and not job.fileless:
        return result(body | {"file": f"{call.origin}{call.path.rstrip('/')}/file"})
    return result(body | {"status": "failed" if job.done else "in progress"})


@routes("GET", "/responseexports/{responseExportId}/file", "observed")
def legacy_export_file(call: Call) -> Streamed:
    """Observed: a zip. The refusal of a file that is not there yet is assumed."""
    job = find(call, _EXPORT, call.ids[0])
    if job.outcome != "complete" or job.fileless:
        raise Refused(404, "PLACEHOLDER_404", "There is no file.")
    return response_file(call, job, compress=True)


@routes("POST", "/responseimports", "assumed")
async def start_legacy_import(call: Call) -> Body:
    """Assumed from a client: a form with `surveyId` and `file`."""
    parts = call.form()
    check_keys(parts, ("surveyId", "file"), ("surveyId", "file"))
    survey = _survey(call, parts["surveyId"].content.decode(errors="replace"))
    job = begin(call, _IMPORT, "IR_")
    if not job.failing:
        kind = parts["file"].content_type or ""
        await import_rows(call, job, survey, parts["file"].content, delimiter="\t" if "tab" in kind else ",")
    return result({"id": job.id})


@routes("GET", "/responseimports/{responseImportId}", "assumed")
def legacy_import_status(call: Call) -> Body:
    """Assumed from a client, which reads the percentage."""
    job = find(call, _IMPORT, call.ids[0])
    body: Body = {"percentComplete": poll(call, job)}
    return result(body | {"status": "failed"} if job.outcome == "failed" else body)


def _survey(call: Call, survey_id: str) -> Survey:
    survey = call.state.surveys.get(survey_id)
    if survey is None:
        raise Refused(404, "PLACEHOLDER_404", "No such survey.")
    return survey
