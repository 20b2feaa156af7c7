"""Participants of employee directories and EX projects.

What a job does is done when it starts, so that it is there even if nobody polls. A directory and a project
behave alike, so most handlers serve both. That nothing here has an envelope is documented.
"""

from __future__ import annotations

import csv
import io
import operator
from typing import TYPE_CHECKING, Any

from qualtrics_async.sandbox.handlers._jobs import begin, find, poll
from qualtrics_async.sandbox.routing import Routes
from qualtrics_async.sandbox.state import iso
from qualtrics_async.sandbox.wire import File, Refused, check_keys, check_texts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from qualtrics_async.sandbox.jobs import Job
    from qualtrics_async.sandbox.wire import Body, Call

    Work = Callable[[], Any]

__all__ = ["MAX_IDENTIFIERS", "MAX_JOBS", "routes"]

routes = Routes()

MAX_JOBS = 10
MAX_IDENTIFIERS = 25_000

_DIRECTORY = "/employee-directories/{directoryId}"
_PROJECT = "/ex-projects/{projectId}"
_DIRECTORIES = ("ex", "cx", "bx")
_COPIED_FROM = "ex"

_IMPORT, _EXPORT, _COPY, _DELETE = (
    "participantImport",
    "participantExport",
    "participantCopy",
    "participantDelete",
)
_COLUMNS = {
    "Unique Identifier": "uniqueIdentifier",
    "FirstName": "firstName",
    "LastName": "lastName",
    "Email": "email",
    "Username": "username",
}
_REQUIRED = ("uniqueIdentifier", "firstName", "lastName", "email")
_TEXTS = ("uniqueIdentifier", "firstName", "lastName")
_NULLABLE = ("email", "username")
_STANDING = ("participantData", "subjectData")
_FILTER_KEYS = ("type", "metadataField", "value", "operator", "dateFormat")
_FILTER_TYPES = ("text", "date", "numeric")
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "EQUAL_TO": operator.eq,
    "NOT_EQUAL_TO": operator.ne,
    "LESS_THAN": operator.lt,
    "LESS_THAN_OR_EQUAL_TO": operator.le,
    "GREATER_THAN": operator.gt,
    "GREATER_THAN_OR_EQUAL_TO": operator.ge,
}
_MEMBERSHIPS = {"IN": True, "NOT_IN": False}


@routes("POST", _DIRECTORY + "/participants", "documented", per_minute=75)
@routes("POST", _PROJECT + "/participants", "documented")
def list_participants(call: Call) -> Body:
    """Documented: the search and the token are in the body, the rest in the query."""
    body = call.json()
    check_keys(body, ("uniqueIdentifier", "skipToken"))
    check_texts(body, body)
    # Pages are cut by what the query says.
    call.query |= {"skipToken": body["skipToken"]} if "skipToken" in body else {}
    return _page(call, body.get("uniqueIdentifier"))


@routes("GET", _DIRECTORY + "/participants", "documented", per_minute=75)
@routes("GET", _PROJECT + "/participants", "documented")
def list_participants_by_get(call: Call) -> Body:
    """Documented, deprecated: everything is in the query."""
    return _page(call, call.query.get("uniqueIdentifier"))


@routes("GET", _DIRECTORY + "/participants/{participantId}", "documented", per_minute=75)
@routes("GET", _PROJECT + "/participants/{participantId}", "documented")
def get_participant(call: Call) -> Body:
    """Documented. The refusal is assumed."""
    for record in _place(call).values():
        if record["participantId"] == call.ids[1]:
            return _element(record, metadata=True, data=False)
    raise Refused(404, "PLACEHOLDER_404", "No such participant.")


@routes("POST", _DIRECTORY + "/import-participants", "documented", per_minute=75)
@routes("POST", _PROJECT + "/import-participants", "documented")
def start_import(call: Call) -> Body:
    """Documented, the CSV file and which metadata is kept too.

    That who is imported into a project becomes part of the employee directory is documented for evaluators
    and assumed for others; so are the refusals.
    """
    place_id = call.ids[0]
    _place(call)
    rows = _rows_of_file(call) if _is_form(call) else _rows_of_json(call)

    def work() -> Body:
        blank = [row["uniqueIdentifier"] for row in rows if not row["uniqueIdentifier"].strip()]
        kept = [row for row in rows if row["uniqueIdentifier"].strip()]
        directory = call.state.participants[_COPIED_FROM]
        for row in kept:
            if place_id not in _DIRECTORIES and row["uniqueIdentifier"] not in directory:
                _upsert(call, _COPIED_FROM, row)
            _upsert(call, place_id, row)
        return _summary(len(kept), "The unique identifier is empty.", blank)

    return _start(call, _IMPORT, work)


@routes("POST", _PROJECT + "/copy-participants", "documented")
def start_copy(call: Call) -> Body:
    """Documented: an array of identifiers, from the employee directory. The refusals are assumed."""
    _place(call)
    identifiers = _identifiers(call)

    def work() -> Body:
        directory = call.state.participants[_COPIED_FROM]
        for identifier in identifiers:
            if identifier in directory:
                _upsert(call, call.ids[0], directory[identifier])
        return _known_and_not(identifiers, directory)

    return _start(call, _COPY, work)


@routes("POST", _DIRECTORY + "/delete-participants", "documented", per_minute=75)
@routes("POST", _PROJECT + "/delete-participants", "documented")
def start_deletion(call: Call) -> Body:
    """Documented: an array of identifiers, 413 above 25 000. That an empty one is refused is assumed."""
    place = _place(call)
    identifiers = _identifiers(call)

    def work() -> Body:
        done = _known_and_not(identifiers, place)
        for identifier in identifiers:
            place.pop(identifier, None)
        return done

    return _start(call, _DELETE, work)


@routes("POST", _DIRECTORY + "/export-participants", "documented", per_minute=75)
@routes("POST", _PROJECT + "/export-participants", "documented")
def start_export(call: Call) -> Body:
    """Documented: an array of filters, empty for all. What `IN` takes and how dates compare is assumed."""
    place = _place(call)
    filters = call.array()
    for condition in filters:
        _check_filter(condition)
    found = [record for record in place.values() if all(_meets(record, condition) for condition in filters)]
    return _start(call, _EXPORT, lambda: _file(found))


@routes("GET", _DIRECTORY + "/export-participants", "documented", per_minute=75)
def start_export_by_get(call: Call) -> Body:
    """Documented, deprecated: starts an export of all."""
    found = list(_place(call).values())
    return _start(call, _EXPORT, lambda: _file(found))


@routes("GET", _DIRECTORY + "/import-participants/{jobId}", "documented", per_minute=75)
@routes("GET", _PROJECT + "/import-participants/{jobId}", "documented")
def import_progress(call: Call) -> Body:
    """Documented; how one that failed looks is assumed."""
    return _progress(call, _IMPORT)


@routes("GET", _PROJECT + "/copy-participants/{jobId}", "documented")
def copy_progress(call: Call) -> Body:
    """Documented; how one that failed looks is assumed."""
    return _progress(call, _COPY)


@routes("GET", _DIRECTORY + "/delete-participants/{jobId}", "documented", per_minute=75)
@routes("GET", _PROJECT + "/delete-participants/{jobId}", "documented")
def deletion_progress(call: Call) -> Body:
    """Documented; how one that failed looks is assumed."""
    return _progress(call, _DELETE)


@routes("GET", _DIRECTORY + "/export-participants/{jobId}", "documented", per_minute=75)
@routes("GET", _PROJECT + "/export-participants/{jobId}", "documented")
def export_progress(call: Call) -> Body:
    """Documented; how one that failed looks is assumed."""
    return _progress(call, _EXPORT)


@routes("GET", _DIRECTORY + "/import-participants/results/{resultId}", "documented", per_minute=75)
@routes("GET", _PROJECT + "/import-participants/results/{resultId}", "documented")
def import_result(call: Call) -> Body:
    """Documented; the messages are assumed."""
    return _result(call, _IMPORT)


@routes("GET", _PROJECT + "/copy-participants/results/{resultId}", "documented")
def copy_result(call: Call) -> Body:
    """Documented; the messages are assumed."""
    return _result(call, _COPY)


@routes("GET", _DIRECTORY + "/delete-participants/results/{resultId}", "documented", per_minute=75)
@routes("GET", _PROJECT + "/delete-participants/results/{resultId}", "documented")
def deletion_result(call: Call) -> Body:
    """Documented; the messages are assumed."""
    return _result(call, _DELETE)


@routes("GET", _DIRECTORY + "/export-participants/results/{resultId}/file", "assumed", per_minute=75)
@routes("GET", _PROJECT + "/export-participants/results/{resultId}/file", "assumed")
def export_file(call: Call) -> File:
    """Assumed: CSV with the columns that an import takes. That it is a file is documented."""
    content: File = _finished(call, _EXPORT).record["left"]
    return content


@routes("POST", "/successfactors/projects/{projectId}/evaluators", "assumed")
def import_evaluators(call: Call) -> Body:
    """Assumed: keeps the body on the shelf `evaluators`, and names a job as the other imports do."""
    _place(call)
    job_id = call.state.new_id("JOB_")
    call.state.shelf("evaluators").put(call.ids[0], job_id, record=call.json())
    return {"jobId": job_id}


def _place(call: Call) -> dict[str, Body]:
    """The participants of the directory or the project in the path. The refusal is assumed."""
    in_directory = call.operation.template.startswith(_DIRECTORY)
    found = call.state.participants.get(call.ids[0])
    if found is None or in_directory != (call.ids[0] in _DIRECTORIES):
        known = f"directory ({', '.join(sorted(_DIRECTORIES))})" if in_directory else "project"
        raise Refused(404, "PLACEHOLDER_404", f"No such {known}.")
    return found


def _page(call: Call, wanted: str | None) -> Body:
    place = _place(call)
    found = list(place.values()) if wanted is None else [place[wanted]] if wanted in place else []
    start, stop, following = call.window(len(found))
    metadata, data = call.flag("includeMetadata"), call.flag("includeParticipantData")
    page = {"participants": [_element(made, metadata=metadata, data=data) for made in found[start:stop]]}
    return page if following is None else page | {"skipToken": following}


def _element(record: Body, *, metadata: bool, data: bool) -> Body:
    shown = {key: value for key, value in record.items() if key not in _STANDING}
    standing = {key: record[key] for key in _STANDING if data and record[key] is not None}
    return shown | {"metadata": record["metadata"] if metadata else {}} | standing


def _is_form(call: Call) -> bool:
    return call.headers.get("Content-Type", "").startswith("multipart/form-data")


def _rows_of_json(call: Call) -> list[Body]:
    body = call.json()
    check_keys(body, ("participants",), ("participants",))
    rows = body["participants"]
    if not isinstance(rows, list):
        raise Refused(400, "PLACEHOLDER_400", "participants must be an array.")
    common: set[str] | None = None
    for row in rows:
        if not isinstance(row, dict):
            raise Refused(400, "PLACEHOLDER_400", "A participant must be an object.")
        check_keys(row, (*_REQUIRED, "username", "metadata"), _REQUIRED)
        check_texts(row, _TEXTS)
        check_texts({key: row[key] for key in _NULLABLE if row.get(key) is not None}, _NULLABLE)
        row["metadata"] = _metadata(row)
        common = set(row["metadata"]) if common is None else common & set(row["metadata"])
    return [
        row | {"metadata": {key: text for key, text in row["metadata"].items() if key in (common or ())}}
        for row in rows
    ]


def _metadata(row: Body) -> Body:
    metadata = row.get("metadata") or {}
    if not isinstance(metadata, dict):
        raise Refused(400, "PLACEHOLDER_400", "metadata must be an object.")
    check_texts(metadata, metadata)
    return metadata


def _rows_of_file(call: Call) -> list[Body]:
    part = call.form().get("file")
    if part is None:
        raise Refused(400, "RP_10", "Expected param not found: file")
    try:
        lines = list(csv.reader(io.StringIO(part.content.decode("utf-8-sig"), newline="")))
    except (UnicodeDecodeError, csv.Error):
        raise Refused(400, "PLACEHOLDER_400", "The file is no CSV.") from None
    header, *cells = lines or [[]]
    check_keys(dict.fromkeys(header), header, [name for name in _COLUMNS if name != "Username"])
    return [_row(dict(zip(header, line, strict=False))) for line in cells if line]


def _row(cells: dict[str, str]) -> Body:
    row: Body = {key: cells.get(column, "") for column, key in _COLUMNS.items()}
    row |= {key: row[key] or None for key in _NULLABLE}
    return row | {"metadata": {name: text for name, text in cells.items() if name not in _COLUMNS}}


def _upsert(call: Call, place_id: str, row: Body) -> None:
    """Make or update a participant; that metadata is merged is assumed."""
    known = call.state.participants[place_id].get(row["uniqueIdentifier"])
    if known is None:
        call.state.add_participant(
            place_id,
            row["uniqueIdentifier"],
            first_name=row["firstName"],
            last_name=row["lastName"],
            email=row["email"],
            username=row.get("username"),
            metadata=dict(row["metadata"]),
        )
    else:
        known |= {key: row[key] for key in ("firstName", "lastName", *_NULLABLE) if key in row}
        known["metadata"] |= row["metadata"]


def _identifiers(call: Call) -> list[str]:
    identifiers = call.array()
    if len(identifiers) > MAX_IDENTIFIERS:
        raise Refused(413, "PLACEHOLDER_413", f"At most {MAX_IDENTIFIERS} identifiers.")
    if not identifiers or not all(isinstance(identifier, str) for identifier in identifiers):
        raise Refused(400, "PLACEHOLDER_400", "The body must name at least one identifier, as text.")
    return list(dict.fromkeys(identifiers))


def _known_and_not(identifiers: Iterable[str], place: dict[str, Body]) -> Body:
    unknown = [identifier for identifier in identifiers if identifier not in place]
    known = sum(1 for identifier in identifiers if identifier in place)
    return _summary(known, "The unique identifier is not known.", unknown)


def _summary(done: int, message: str, failed: list[str]) -> Body:
    buckets = [{"message": message, "itemCount": len(failed), "itemIds": failed}] if failed else []
    return {"successfulCount": done, "failedCount": len(failed), "failed": buckets}


def _check_filter(condition: object) -> None:
    if not isinstance(condition, dict):
        raise Refused(400, "PLACEHOLDER_400", "A filter must be an object.")
    check_keys(condition, _FILTER_KEYS, _FILTER_KEYS[:4])
    check_texts(condition, _FILTER_KEYS)
    if condition["type"] not in _FILTER_TYPES or condition["operator"] not in _COMPARISONS | _MEMBERSHIPS:
        raise Refused(400, "PLACEHOLDER_400", "type or operator is not one of the documented.")


def _meets(record: Body, condition: Body) -> bool:
    text = record["metadata"].get(condition["metadataField"], "")
    wanted, word = condition["value"], condition["operator"]
    if word in _MEMBERSHIPS:
        return (text in wanted.split(",")) is _MEMBERSHIPS[word]
    if condition["type"] != "numeric":
        return _COMPARISONS[word](text, wanted)
    try:
        return _COMPARISONS[word](float(text), float(wanted))
    except ValueError:
        return False


def _file(records: list[Body]) -> File:
    names = list(dict.fromkeys(name for record in records for name in record["metadata"]))
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([*_COLUMNS, *names])
    for record in records:
        cells = [record[key] for key in _COLUMNS.values()]
        writer.writerow([*cells, *(record["metadata"].get(name) for name in names)])
    return File(text.getvalue().encode("utf-8", "replace"), name="participants.csv")


def _start(call: Call, job_type: str, work: Work) -> Body:
    """Begin a job unless ten run already (documented), and do its work unless it is to fail."""
    jobs = [job for job in call.state.jobs.values() if job.record.get("place") == call.ids[0]]
    if sum(_runs(call, job) for job in jobs) >= MAX_JOBS:
        raise Refused(409, "PLACEHOLDER_409", f"{MAX_JOBS} jobs are running.")
    created = iso(call.state.now())
    job = begin(call, job_type, "JOB_", place=call.ids[0], created=created, result_id=None)
    if not job.failing:
        job.record |= {"result_id": call.state.new_id("RES_"), "left": work()}
    return {"jobId": job.id}


def _runs(call: Call, job: Job) -> bool:
    now = call.state.monotonic()
    return not job.done and (job.progress.stuck or call.settings.jobs.fraction(job.progress, now) < 1.0)


def _progress(call: Call, job_type: str) -> Body:
    _place(call)
    job = find(call, job_type, call.ids[1])
    if job.record["place"] != call.ids[0]:
        raise Refused(404, "PLACEHOLDER_404", "No such job.")
    percent = poll(call, job)
    progress = {
        "jobId": job.id,
        "jobType": job.family,
        "creationDate": job.record["created"],
        "progressPercent": f"{percent:g}",
        "resultId": job.record["result_id"] if job.done else None,
    }
    return progress | ({"status": "failed"} if job.outcome == "failed" else {})


def _finished(call: Call, job_type: str) -> Job:
    """The job that left the result in the path. The refusal is assumed."""
    _place(call)
    for job in call.state.jobs.values():
        place_and_result = job.record.get("place"), job.record.get("result_id")
        if job.family == job_type and job.done and place_and_result == call.ids:
            return job
    raise Refused(404, "PLACEHOLDER_404", "No such result.")


def _result(call: Call, job_type: str) -> Body:
    job = _finished(call, job_type)
    return {"jobId": job.id, "resultId": job.record["result_id"], **job.record["left"]}
