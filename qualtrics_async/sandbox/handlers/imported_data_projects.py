"""Imported data projects, their records and exports."""

from __future__ import annotations

import csv
import io
import zipfile
from typing import TYPE_CHECKING, Any

from qualtrics_async.sandbox.handlers import _jobs
from qualtrics_async.sandbox.handlers._dates import read_instant
from qualtrics_async.sandbox.routing import Routes
from qualtrics_async.sandbox.wire import File, Refused, check_keys, check_texts, result

if TYPE_CHECKING:
    from qualtrics_async.sandbox.wire import Body, Call

__all__ = ["routes"]

routes = Routes()

_PROJECT = "/imported-data-projects/{idpSourceId}"
_RECORD = _PROJECT + "/records/{uniqueField}"
_EXPORTS = _PROJECT + "/exports"
_PROJECTS, _ROWS, _FILES = "imported data project", "imported data record", "imported data file"
_FAMILY = "imported data export"
_MOST = 50
_LONGEST = 20
_TYPES = ("number", "number-set", "string", "string-set", "open-text", "date-time", "multi-answer")
_SEPARATORS = {"csv": ",", "tsv": "\t"}
_TEXTS = ("format", "newlineReplacement", "timeZone", "startDate", "endDate", "continuationToken")
_FLAGS = ("compress", "formatDecimalAsComma", "useLabels", "allowContinuation", "sortByLastModifiedDate")


@routes("POST", "/imported-data-projects", "documented", per_minute=500)
def create_project(call: Call) -> Body:
    """Documented: the keys, and the schema that comes back. The refusals and the type are assumed."""
    body = call.json()
    check_keys(body, ("name", "uniqueField", "fields"), ("name", "uniqueField", "fields"))
    check_texts(body, ("name", "uniqueField"))
    columns = _columns(body, known=())
    if body["uniqueField"] not in [column["name"] for column in columns]:
        raise _refused("uniqueField must be one of the fields.")
    made = {
        "name": body["name"],
        "uniqueField": body["uniqueField"],
        "idpSourceId": call.state.new_id("IDP_"),
        "idpType": "PLACEHOLDER",
        "fields": columns,
    }
    call.state.shelf(_PROJECTS).put(made["idpSourceId"], record=made)
    return result(made)


@routes("GET", _PROJECT, "documented", per_minute=500)
def get_project(call: Call) -> Body:
    """Documented."""
    return result(_find(call))


@routes("POST", _PROJECT, "documented", per_minute=500)
def add_columns(call: Call) -> Body:
    """Documented: names must be new; answers meta only."""
    project = _find(call)
    body = call.json()
    check_keys(body, ("fields",), ("fields",))
    project["fields"] += _columns(body, known=[column["name"] for column in project["fields"]])
    return {}


@routes("POST", _PROJECT + "/records", "documented", per_minute=500)
def add_records(call: Call) -> Body:
    """Documented: 50 at most. Rows fail at the vendor's under load only, so none of them fails here."""
    project = _find(call)
    body = call.json()
    check_keys(body, ("records",), ("records",))
    records = body["records"]
    if not isinstance(records, list) or len(records) > _MOST:
        raise _refused(f"records must be a list of at most {_MOST}.")
    for record in records:
        _check(project, record)
    for record in records:
        _put(call, project, record)
    return {}


@routes("POST", _PROJECT + "/record", "assumed", per_minute=500)
def add_record(call: Call) -> Body:
    """Assumed: the body is the record, and meta only comes back."""
    project = _find(call)
    record = call.json()
    _check(project, record)
    _put(call, project, record)
    return {}


@routes("GET", _RECORD, "documented", per_minute=500)
def get_record(call: Call) -> Body:
    """Documented: its values by column."""
    return result(call.state.shelf(_ROWS).find(*call.ids)["values"])


@routes("PUT", _RECORD, "documented", per_minute=500)
def update_record(call: Call) -> Body:
    """Documented: without `nonDestructive` what is not mentioned is gone. That the key stays is assumed."""
    project = _find(call)
    row = call.state.shelf(_ROWS).find(*call.ids)
    key = {project["uniqueField"]: row["values"][project["uniqueField"]]}
    kept = row["values"] if call.flag("nonDestructive") else {}
    values = kept | call.json() | key
    _check(project, values)
    row.update(values=values, modified=call.state.now())
    return {}


@routes("DELETE", _RECORD, "documented", per_minute=500)
def delete_record(call: Call) -> Body:
    """Documented: answers meta only."""
    call.state.shelf(_ROWS).remove(*call.ids)
    return {}


@routes("POST", _EXPORTS, "documented", per_minute=100)
def start_export(call: Call) -> Body:
    """Documented: the keys. Numbers, labels and instants stay as they are; there is no `spss` or `excel`."""
    project = _find(call)
    body = call.json()
    check_keys(body, (*_TEXTS, *_FLAGS, "limit", "fields"), ("format",))
    _check_export(project, body)
    now = call.state.now()
    rows = [row["values"] for row in _chosen(call, body)][: body.get("limit")]
    columns = body.get("fields") or [column["name"] for column in project["fields"]]
    text = _table(rows, columns, _SEPARATORS[body["format"]], body.get("newlineReplacement"))
    job = _jobs.begin(
        call,
        _FAMILY,
        "IDPX_",
        project_id=project["idpSourceId"],
        name=f"export.{body['format']}",
        content=text.encode("utf-8", "replace"),
        compress=body.get("compress", True),
        token=str(now) if body.get("allowContinuation") or "continuationToken" in body else None,
    )
    return result({"jobId": job.id})


@routes("GET", _EXPORTS + "/{jobId}", "documented", per_minute=1000)
def export_progress(call: Call) -> Body:
    """Documented, the file's id at the end too; the words are those of a client."""
    job = _jobs.find(call, _FAMILY, call.ids[1])
    if job.record["project_id"] != call.ids[0]:
        raise Refused(404, "PLACEHOLDER_404", "No such job.")
    percent = _jobs.poll(call, job)
    answer: Body = {"percentComplete": percent, "status": _jobs.WORDS.of(job)}
    if job.outcome == "complete":
        if job.record["token"] is not None:
            answer["continuationToken"] = job.record["token"]
        answer["fileId"] = f"{job.id}-file"
        call.state.shelf(_FILES).put(job.record["project_id"], answer["fileId"], record=job.record)
    return result(answer)


@routes("GET", _EXPORTS + "/{fileId}/file", "documented", per_minute=100)
def export_file(call: Call) -> File:
    """Documented: the file, in a zip unless `compress` was off. Its names are assumed."""
    export = call.state.shelf(_FILES).find(*call.ids)
    name, content = export["name"], export["content"]
    if not export["compress"]:
        return File(content, "text/plain; charset=utf-8", name)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(name), content)
    return File(packed.getvalue(), "application/zip", "export.zip")


def _find(call: Call) -> Body:
    return call.state.shelf(_PROJECTS).find(call.ids[0])


def _refused(message: str) -> Refused:
    return Refused(400, "PLACEHOLDER_400", message)


def _columns(body: Body, known: Any) -> list[Body]:
    """The columns to make. That they are text without a type is documented."""
    columns = body["fields"]
    if not isinstance(columns, list) or not all(isinstance(column, dict) for column in columns):
        raise _refused("fields must be a list of objects.")
    names = list(known)
    for column in columns:
        check_keys(column, ("name", "type"), ("name",))
        check_texts(column, ("name", "type"))
        if column.get("type", "string") not in _TYPES or column["name"] in names:
            raise _refused("Each of fields takes a name that is new and a type that is known.")
        names.append(column["name"])
    return [{"name": column["name"], "type": column.get("type", "open-text")} for column in columns]


def _check(project: Body, record: Any) -> None:
    """Refuse a record with unknown columns, without its key, or with a date that is none (documented)."""
    if not isinstance(record, dict):
        raise _refused("A record must be an object.")
    types = {column["name"]: column["type"] for column in project["fields"]}
    check_keys(record, types, (project["uniqueField"],))
    key = record[project["uniqueField"]]
    if not isinstance(key, str) or not key:
        raise _refused(f"{project['uniqueField']} must be text.")
    for name, value in record.items():
        if types[name] == "date-time" and value is not None:
            read_instant(value, name)


def _put(call: Call, project: Body, record: Body) -> None:
    now = call.state.now()
    ids = project["idpSourceId"], record[project["uniqueField"]]
    call.state.shelf(_ROWS).put(*ids, record={"values": record, "created": now, "modified": now})


def _check_export(project: Body, body: Body) -> None:
    check_texts(body, _TEXTS)
    for key in _FLAGS:
        if not isinstance(body.get(key, False), bool):
            raise _refused(f"{key} must be true or false.")
    limit = body.get("limit", 0)
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 0:
        raise _refused("limit must be a number that is not negative.")
    names = [column["name"] for column in project["fields"]]
    fields = body.get("fields", [])
    if not isinstance(fields, list) or not all(name in names for name in fields):
        raise _refused("fields must be a list of the project's fields.")
    if body["format"] not in _SEPARATORS:
        raise _refused("The sandbox exports csv and tsv.")
    if "continuationToken" in body and "allowContinuation" in body:
        raise _refused("continuationToken goes without allowContinuation.")


def _chosen(call: Call, body: Body) -> list[Body]:
    moment = "modified" if body.get("sortByLastModifiedDate") else "created"
    start = read_instant(body["startDate"], "startDate") if "startDate" in body else 0
    end = read_instant(body["endDate"], "endDate") if "endDate" in body else 1 << 62
    token = body.get("continuationToken", "0")
    if not (token.isascii() and token.isdecimal() and len(token) < _LONGEST):
        raise _refused("continuationToken is not one of ours.")
    rows = call.state.shelf(_ROWS).under(call.ids[0])
    return [row for row in rows if max(start, int(token)) <= row[moment] < end]


def _table(rows: list[Body], columns: list[str], separator: str, newline: str | None) -> str:
    table = io.StringIO()
    writer = csv.writer(table, delimiter=separator)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row.get(name), newline) for name in columns])
    return table.getvalue()


def _cell(value: Any, newline: str | None) -> str:
    text = "" if value is None else ",".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if newline is None else text.replace("\n", newline)
