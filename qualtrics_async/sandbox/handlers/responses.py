"""Single responses and the files in them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from qualtrics_async.sandbox.handlers.surveys import find_survey
from qualtrics_async.sandbox.legacy_survey import embedded_fields, questions
from qualtrics_async.sandbox.records import UploadedFile
from qualtrics_async.sandbox.response_fields import fields, labels_by
from qualtrics_async.sandbox.routing import Routes
from qualtrics_async.sandbox.state import iso_fraction
from qualtrics_async.sandbox.wire import File, Refused, check_keys, check_texts, nested, result

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qualtrics_async.sandbox.records import Response, Survey
    from qualtrics_async.sandbox.response_fields import Field
    from qualtrics_async.sandbox.state import State
    from qualtrics_async.sandbox.wire import Body, Call, Part

__all__ = [
    "change_embedded_data",
    "find_response",
    "labels_of",
    "render_response",
    "routes",
]

routes = Routes()

_RESPONSES = "/surveys/{surveyId}/responses"
_FILES = ("file1", "file2", "file3", "file4", "file5")
_DATES = ("startDate", "endDate", "recordedDate")
_NUMBERS = ("status", "progress", "duration", "finished")
_SCHEMAS: dict[str, dict[str, Any]] = {
    "choice": {"type": "number"},
    "choices": {"type": "array", "items": {"type": "string"}},
    "text": {"type": "string"},
}
_TEXTS = ("ipAddress", "_recordId", "distributionChannel", "userLanguage")


@routes("POST", _RESPONSES, "documented", per_minute=120)
def create_response(call: Call) -> Body:
    """Documented: JSON with `values`, or a form with `response`, `fileMapping` and at most five files.

    Which values there are is not checked: a survey takes any embedded data here.
    """
    survey, files, mapping = find_survey(call), {}, {}
    if "json" in call.headers.get("Content-Type", ""):
        body = call.json()
    else:
        form = call.form()
        check_keys(form, ("response", "fileMapping", *_FILES), ("response", "fileMapping"))
        body, mapping = _json(form["response"].content), _json(form["fileMapping"].content)
        files = {name: part for name, part in form.items() if name in _FILES}
        check_texts(mapping, mapping)
        if mapping.keys() != files.keys():
            raise Refused(400, "PLACEHOLDER_400", "fileMapping must name each file, and no other.")
    check_keys(body, ("values",), ("values",))
    made = _add(call.state, survey, nested(body, "values"))
    _keep(call.state, made, files, mapping)
    return result({"responseId": made.id})


@routes("GET", _RESPONSES + "/{responseId}", "documented", per_minute=240)
def get_response(call: Call) -> Body:
    """Documented."""
    return result(render_response(find_survey(call), find_response(call)))


@routes("GET", "/surveys/{surveyId}/response-schema", "assumed", per_minute=60)
def get_schema(call: Call) -> Body:
    """Assumed in its details; that it is a JSON Schema is documented."""
    survey = find_survey(call)
    texts = (*_DATES, *_TEXTS, *embedded_fields(survey.definition))
    values: Body = {name: {"type": "string"} for name in texts}
    values |= {name: {"type": "number"} for name in _NUMBERS}
    for found in fields(survey.definition):
        text = questions(survey.definition)[found.question_id].get("QuestionText")
        values[found.key] = _SCHEMAS[found.kind] | {"description": text}
    return result(
        {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "title": survey.name,
            "type": "object",
            "properties": {
                "responseId": {"type": "string"},
                "values": {"type": "object", "properties": values},
                "labels": {"type": "object"},
                "displayedFields": {"type": "array", "items": {"type": "string"}},
                "displayedValues": {"type": "object"},
            },
        }
    )


@routes("PUT", "/responses/{responseId}", "documented")
def update_response(call: Call) -> Body:
    """Documented: embedded data only, the recorded date is reset unless told otherwise; answers meta only."""
    body = call.json()
    check_keys(body, ("surveyId", "embeddedData", "resetRecordedDate"), ("surveyId",))
    survey_id = body["surveyId"]
    response = call.state.find_response(call.ids[0], survey_id) if isinstance(survey_id, str) else None
    if response is None:
        raise _missing()
    change_embedded_data(call.state, response, body)
    return {}


@routes("DELETE", _RESPONSES + "/{responseId}", "documented", per_minute=60)
def delete_response(call: Call) -> Body:
    """Documented: answers meta only. What `decrementQuotas` does to a quota is not known here."""
    find_survey(call)
    call.state.remove_response(find_response(call))
    return {}


@routes("GET", _RESPONSES + "/{responseId}/uploaded-files/{fileId}", "documented", per_minute=120)
def get_uploaded_file(call: Call) -> File:
    """Documented: the bytes as they came."""
    find_survey(call)
    file = find_response(call).files.get(call.ids[2])
    if file is None:
        raise Refused(404, "PLACEHOLDER_404", "No such file.")
    return File(file.content, file.content_type, file.name)


def find_response(call: Call) -> Response:
    """The response in the path, of the survey in the path; the refusal is assumed."""
    response = call.state.find_response(call.ids[1], call.ids[0])
    if response is None:
        raise _missing()
    return response


def render_response(survey: Survey, response: Response) -> Body:
    """A response as it is read and exported: documented. Every question counts as displayed."""
    found = list(fields(survey.definition))
    return {
        "responseId": response.id,
        "values": response.values,
        "labels": response.labels,
        "displayedFields": [field.key for field in found],
        "displayedValues": {field.key: _codes(field) for field in found if field.labels},
    }


def labels_of(survey: Survey, values: Body) -> Body:
    """The texts of the values that have one: documented for metadata and choices."""
    return labels_by(fields(survey.definition), values)


def change_embedded_data(state: State, response: Response, body: Body) -> None:
    """Set the `embeddedData` of a body, which is text (documented), and the date unless it shall stay."""
    data = nested(body, "embeddedData")
    check_texts(data, data)
    reset = body.get("resetRecordedDate", True)
    if not isinstance(reset, bool):
        raise Refused(400, "PLACEHOLDER_400", "resetRecordedDate must be a boolean.")
    state.touch(response)
    response.values |= data
    if reset:
        response.recorded = state.now()
        response.values["recordedDate"] = iso_fraction(response.recorded)


def _missing() -> Refused:
    return Refused(404, "PLACEHOLDER_404", "No such response.")


def _json(content: bytes) -> Body:
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise Refused(400, "PLACEHOLDER_400", "The part is not an object.")
    return body


def _add(state: State, survey: Survey, values: Body) -> Response:
    check_texts(values, _DATES)
    if any(not isinstance(values.get(key, 0), int | float) for key in _NUMBERS):
        raise Refused(400, "PLACEHOLDER_400", "status, progress, duration and finished must be numbers.")
    try:
        return state.add_response(survey.id, values, labels=labels_of(survey, values))
    except (ValueError, OverflowError):
        raise Refused(400, "PLACEHOLDER_400", "recordedDate must be an instant.") from None


def _keep(state: State, response: Response, files: Mapping[str, Part], mapping: Mapping[str, str]) -> None:
    for name, part in files.items():
        qid, file_id = mapping[name], state.new_id("F_")
        kind = part.content_type or "application/octet-stream"
        response.files[file_id] = UploadedFile(qid, part.filename or name, kind, part.content)
        response.values |= {
            f"{qid}_FILE_ID": file_id,
            f"{qid}_FILE_NAME": part.filename or name,
            f"{qid}_FILE_SIZE": len(part.content),
            f"{qid}_FILE_TYPE": kind,
        }


def _codes(found: Field) -> list[int | str]:
    return [int(code) if code.isdecimal() else code for code in found.labels]
