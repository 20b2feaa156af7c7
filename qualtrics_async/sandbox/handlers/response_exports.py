"""Exports of responses, and the filters for them.

What is exported is chosen when the job starts, the file is made when it is first downloaded. Responses are
recorded when they come, so exports of those in progress are empty, and refused while a session has not ended.
Nothing is weighted or shown in random order, so neither has a column; the order of display is refused for a
survey that is randomised.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from qualtrics_async.sandbox.handlers._chosen import choose, new_token
from qualtrics_async.sandbox.handlers._files import begin_export, export_progress, exported, find_export
from qualtrics_async.sandbox.handlers._jobs import WORDS
from qualtrics_async.sandbox.handlers.surveys import find_survey
from qualtrics_async.sandbox.kept_files import Streamed
from qualtrics_async.sandbox.legacy_survey import questions
from qualtrics_async.sandbox.response_files import FORMATS, ResponseFile
from qualtrics_async.sandbox.routing import Routes
from qualtrics_async.sandbox.survey_file import is_randomised
from qualtrics_async.sandbox.wire import Refused, check_keys, check_texts, result
from qualtrics_async.sandbox.zones import zone_of

if TYPE_CHECKING:
    from qualtrics_async.sandbox.jobs import Job
    from qualtrics_async.sandbox.records import Survey
    from qualtrics_async.sandbox.wire import Body, Call

__all__ = ["begin", "response_file", "routes"]

routes = Routes()

_EXPORTS = "/surveys/{surveyId}/export-responses"
_V2_EXPORTS = "/surveys/{surveyId}/v2-api-export-responses"
_FAMILY = "response export"
_V2_FAMILY = "v2 response export"
_TEXTS = (
    *("format", "startDate", "endDate", "filterId", "timeZone", "newlineReplacement", "continuationToken"),
)
_FLAGS = (
    *("compress", "useLabels", "includeLabelColumns", "includeDisplayOrder", "exportResponsesInProgress"),
    *("breakoutSets", "formatDecimalAsComma", "sortByLastModifiedDate", "allowContinuation"),
    "includeWaveWeights",
)
_NUMBERS = ("limit", "seenUnansweredRecode", "multiselectSeenUnansweredRecode")
_LISTS = ("questionIds", "embeddedDataIds", "surveyMetadataIds")
_KEYS = (*_TEXTS, *_FLAGS, *_NUMBERS, *_LISTS)
_NOT_IN_JSON = (
    *("includeDisplayOrder", "useLabels", "formatDecimalAsComma", "seenUnansweredRecode"),
    *("multiselectSeenUnansweredRecode", "timeZone", "newlineReplacement", "breakoutSets"),
)


@routes("POST", _EXPORTS, "observed", per_minute=100)
async def start_export(call: Call) -> Body:
    """Observed; the options that exclude one another are documented, how they are refused is not."""
    return await _start(call, _FAMILY)


@routes("GET", _EXPORTS + "/{exportProgressId}", "observed", per_minute=1000)
def export_status(call: Call) -> Body:
    """Observed; while it runs and when it fails documented."""
    return _progress(call, _FAMILY)


@routes("GET", _EXPORTS + "/{fileId}/file", "observed", per_minute=100)
def export_file(call: Call) -> Streamed:
    """Observed as zip of csv, the rest documented but for the shape of `xml`; `spss` is not made."""
    return _file(call, _FAMILY)


@routes("POST", _V2_EXPORTS, "assumed")
async def start_v2_export(call: Call) -> Body:
    """Assumed: as the current one."""
    return await _start(call, _V2_FAMILY)


@routes("GET", _V2_EXPORTS + "/{exportProgressId}", "assumed")
def v2_export_status(call: Call) -> Body:
    """Assumed: as the current one."""
    return _progress(call, _V2_FAMILY)


@routes("GET", _V2_EXPORTS + "/{fileId}/file", "assumed")
def v2_export_file(call: Call) -> Streamed:
    """Assumed: as the current one."""
    return _file(call, _V2_FAMILY)


@routes("GET", "/surveys/{surveyId}/filters", "documented", per_minute=100)
def list_filters(call: Call) -> Body:
    """Documented."""
    survey = find_survey(call)
    return call.page(call.state.shelf("response filter").under(survey.id), dict, cursor="offset")


def begin(call: Call, family: str, survey: Survey, options: Body) -> Job:
    """Start an export of what it finds now."""
    snapshot = survey.definition | {"Questions": questions(survey.definition)}
    found = choose(call, survey.id, options)
    return begin_export(*(call, family, "ES_"), survey=(survey.name, snapshot), found=found, options=options)


def response_file(call: Call, job: Job, *, compress: bool) -> Streamed:
    """The file of an export, which is made when somebody asks for it first."""
    name, definition = job.record["survey"]
    options, found = job.record["options"], job.record["found"].found
    file = ResponseFile(name, definition, found, options, call.settings.exports, compress)
    return Streamed((job.family, job.id), file.write, file.content_type, file.name)


async def _start(call: Call, family: str) -> Body:
    survey = find_survey(call)
    options = call.json()
    _check(call, options)
    if options.get("exportResponsesInProgress") and call.state.shelf("session").under(survey.id):
        raise Refused(
            400, "PLACEHOLDER_400", "The sandbox exports no sessions: no exportResponsesInProgress."
        )
    if options.get("includeDisplayOrder") and is_randomised(survey.definition):
        raise Refused(
            400, "PLACEHOLDER_400", "The sandbox shows nothing in random order: no includeDisplayOrder."
        )
    if "timeZone" in options:
        try:
            await asyncio.to_thread(zone_of, options["timeZone"])
        except ValueError as error:
            raise Refused(400, "PLACEHOLDER_400", f"timeZone: {error}") from None
    with call.state.serving():
        job = begin(call, family, survey, options)
    return result({"progressId": job.id, "percentComplete": 0.0, "status": WORDS.running})


def _progress(call: Call, family: str) -> Body:
    find_survey(call)
    job = find_export(call, family)
    body = export_progress(call, job, WORDS)
    if job.outcome == "complete" and job.record["options"].get("allowContinuation"):
        job.record.setdefault("token", None)
        job.record["token"] = job.record["token"] or new_token(call, call.ids[0], job.record["found"].seen)
        body["continuationToken"] = job.record["token"]
    return result(body)


def _file(call: Call, family: str) -> Streamed:
    find_survey(call)
    job = exported(call, family, under=1)
    return response_file(call, job, compress=job.record["options"].get("compress", True))


def _check(call: Call, options: Body) -> None:
    check_keys(options, _KEYS, ("format",))
    check_texts(options, _TEXTS)
    for keys, kind in ((_FLAGS, bool), (_NUMBERS, int)):
        for key in keys:
            value = options.get(key, kind())
            if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
                raise Refused(400, "PLACEHOLDER_400", f"{key} must be a {kind.__name__}.")
    for key in _LISTS:
        value = options.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise Refused(400, "PLACEHOLDER_400", f"{key} must be a list of texts.")
    if options.get("limit", 1) < 1:
        raise Refused(400, "PLACEHOLDER_400", "limit must be positive.")
    _exclude(call, options)


def _exclude(call: Call, options: Body) -> None:
    form = options["format"]
    if form not in FORMATS:
        raise Refused(400, "PLACEHOLDER_400", f"The sandbox makes no files of the format {form!r}.")
    wrong = [key for key in _NOT_IN_JSON if key in options] if form in ("json", "ndjson") else []
    if "filterId" in options:
        wrong += [key for key in ("allowContinuation", "sortByLastModifiedDate") if options.get(key)]
        call.state.shelf("response filter").find(call.ids[0], options["filterId"])
    if options.get("useLabels") and options.get("includeLabelColumns"):
        wrong.append("includeLabelColumns")
    if wrong:
        raise Refused(400, "PLACEHOLDER_400", f"This does not go with {wrong[0]}.")
