"""Updates, deletions and edits of many responses.

What a job does is done when it starts, unless a fault makes it fail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qualtrics_async.sandbox.handlers._jobs import WORDS, begin, find, poll
from qualtrics_async.sandbox.handlers.responses import (
    change_embedded_data,
    find_response,
    render_response,
)
from qualtrics_async.sandbox.handlers.surveys import find_survey
from qualtrics_async.sandbox.routing import Routes
from qualtrics_async.sandbox.state import iso
from qualtrics_async.sandbox.wire import Refused, check_keys, check_texts, nested, result

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qualtrics_async.sandbox.jobs import Job
    from qualtrics_async.sandbox.records import Response
    from qualtrics_async.sandbox.wire import Body, Call

__all__ = ["MAX_RESPONSES", "routes"]

routes = Routes()

MAX_RESPONSES = 250_000
MAX_BYTES = 5_000_000

_UPDATES = "/surveys/{surveyId}/update-responses"
_DELETIONS = "/surveys/{surveyId}/delete-responses"
_RESPONSES = "/surveys/{surveyId}/responses"
_JOBS = "-responses"
"""How the families of these jobs end."""


@routes("POST", _UPDATES, "documented", per_minute=10)
def start_update(call: Call) -> Body:
    """Documented, the limits too: `updates` or `fileUrl`. Nothing is fetched from an address here."""
    body = _body(call, ("updates", "fileUrl", "removeEdits"))
    check_texts(body, ("fileUrl",))
    _check_flags(body, ("removeEdits",))
    if ("updates" in body) == ("fileUrl" in body):
        raise Refused(400, "RP_10", "Expected param not found: updates")
    updates = _items(body, "updates", ("responseId", "resetRecordedDate", "embeddedData"))
    for update in updates:
        _check_flags(update, ("resetRecordedDate",))
        data = nested(update, "embeddedData")
        check_texts(data, data)

    def change(response: Response, update: Body) -> None:
        change_embedded_data(call.state, response, update)
        if body.get("removeEdits"):
            response.edits.clear()

    return _start(call, "update", body, updates, change)


@routes("GET", _UPDATES + "/{progressId}", "assumed", per_minute=240)
def update_progress(call: Call) -> Body:
    """Assumed from clients: counts of errors and warnings beside the status; `queued` is documented."""
    return _progress(call, "update")


@routes("POST", _DELETIONS, "assumed", per_minute=10)
def start_deletion(call: Call) -> Body:
    """Assumed, by analogy with updates: `deletes` with a `responseId` each. Nothing is not everything."""
    body = _body(call, ("deletes",), ("deletes",))
    deletes = _items(body, "deletes", ("responseId", "decrementQuotas"))
    for delete in deletes:
        _check_flags(delete, ("decrementQuotas",))
    return _start(call, "delete", body, deletes, lambda found, _: call.state.remove_response(found))


@routes("GET", _DELETIONS + "/{progressId}", "assumed", per_minute=240)
def deletion_progress(call: Call) -> Body:
    """Assumed, by analogy with updates."""
    return _progress(call, "delete")


@routes("PATCH", _RESPONSES, "assumed")
def start_edit(call: Call) -> Body:
    """Assumed altogether, by analogy with updates: `updates` with a `responseId` and its new `values`."""
    body = _body(call, ("updates",), ("updates",))
    updates = _items(body, "updates", ("responseId", "values"))
    for update in updates:
        nested(update, "values")
    edited = iso(call.state.now())

    def edit(response: Response, update: Body) -> None:
        call.state.touch(response)
        for name, value in nested(update, "values").items():
            was = response.values.get(name)
            response.edits.append(
                {"fieldId": name, "previousValue": was, "newValue": value, "editedDate": edited}
            )
            response.values[name] = value

    return _start(call, "edit", body, updates, edit)


@routes("GET", "/surveys/{surveyId}/responses-edit-progresses/{progressId}", "assumed")
def edit_progress(call: Call) -> Body:
    """Assumed, by analogy with updates."""
    return _progress(call, "edit")


@routes("GET", _RESPONSES + "/{responseId}/edits", "assumed")
def list_edits(call: Call) -> Body:
    """Assumed: the edits of a response, the oldest first."""
    find_survey(call)
    return result({"elements": find_response(call).edits, "nextPage": None})


@routes("POST", _RESPONSES + "/op-aggregate", "assumed")
def aggregate(call: Call) -> Body:
    """Assumed: the number of responses, whatever is asked for."""
    survey = find_survey(call)
    call.json()
    return result({"count": len(call.state.responses_of(survey.id))})


@routes("POST", _RESPONSES + "/op-get-with-options", "assumed")
def get_with_options(call: Call) -> Body:
    """Assumed: the responses, or those of `responseIds`; other options are not understood."""
    survey, body = find_survey(call), call.json()
    found: Iterable[Response] = call.state.responses_of(survey.id)
    wanted = body.get("responseIds")
    if isinstance(wanted, list):
        several = (call.state.find_response(str(found_id), survey.id) for found_id in wanted)
        found = [response for response in several if response is not None]
    return result({"elements": [render_response(survey, response) for response in found], "nextPage": None})


def _body(call: Call, keys: tuple[str, ...], required: tuple[str, ...] = ()) -> Body:
    find_survey(call)
    if len(call.payload) > MAX_BYTES:
        raise Refused(413, "PLACEHOLDER_413", "The body is larger than 5 MB.")
    body = call.json()
    check_keys(body, (*keys, "ignoreMissingResponses"), required)
    _check_flags(body, ("ignoreMissingResponses",))
    return body


def _check_flags(body: Body, keys: tuple[str, ...]) -> None:
    for key in keys:
        if not isinstance(body.get(key, False), bool):
            raise Refused(400, "PLACEHOLDER_400", f"{key} must be a boolean.")


def _items(body: Body, key: str, keys: tuple[str, ...]) -> list[Body]:
    """The objects under a key, one for each of at most 250 000 responses; that none is refused is assumed."""
    items = body.get(key)
    if items is None and key not in body:
        return []
    if not isinstance(items, list) or not 0 < len(items) <= MAX_RESPONSES:
        raise Refused(400, "PLACEHOLDER_400", f"{key} must be a list of 1 to {MAX_RESPONSES}.")
    for item in items:
        if not isinstance(item, dict):
            raise Refused(400, "PLACEHOLDER_400", f"{key} must be a list of objects.")
        check_keys(item, keys, ("responseId",))
        check_texts(item, ("responseId",))
    if len({item["responseId"] for item in items}) < len(items):
        raise Refused(400, "PLACEHOLDER_400", f"{key} must have each response once.")
    return items


def _start(call: Call, family: str, body: Body, items: list[Body], apply: Any) -> Body:
    survey_id = call.ids[0]
    job = begin(call, f"{family}{_JOBS}", "", survey=survey_id, errors=[])
    for item in () if job.failing else items:
        response = call.state.find_response(item["responseId"], survey_id)
        if response is not None:
            apply(response, item)
        elif not body.get("ignoreMissingResponses"):
            job.record["errors"].append(f"No such response: {item['responseId']}")
    return result({"progressId": job.id})


def _progress(call: Call, family: str) -> Body:
    """Jobs of one survey run one after the other: polling any of them brings on the first (documented)."""
    find_survey(call)
    job = find(call, f"{family}{_JOBS}", call.ids[1])
    if job.record["survey"] != call.ids[0]:
        raise Refused(404, "PLACEHOLDER_404", "No such job.")
    first = next((other for other in _queue(call, job) if not other.done), job)
    percent = poll(call, first)
    if first is not job:
        return result(_report(job, 0.0, "queued"))
    return result(_report(job, percent, WORDS.of(job)))


def _queue(call: Call, job: Job) -> list[Job]:
    jobs = call.state.jobs.values()
    return [
        other
        for other in jobs
        if other.family.endswith(_JOBS) and other.record["survey"] == job.record["survey"]
    ]


def _report(job: Job, percent: float, status: str) -> Body:
    """That a response which is not there is an error of an otherwise complete job is assumed."""
    errors = job.record["errors"] + (["The job failed."] if status == "failed" else [])
    return {
        "progressId": job.id,
        "percentComplete": percent,
        "status": status,
        "errorCount": len(errors),
        "errors": errors,
        "warningCount": 0,
        "warnings": [],
    }
