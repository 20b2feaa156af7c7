"""Exports of contacts and of their places in segments, and imports into a whole directory."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from qualtrics_async.sandbox.handlers._contact_filters import read_filter
from qualtrics_async.sandbox.handlers._dates import read_instant
from qualtrics_async.sandbox.handlers._files import begin_export, export_progress, exported, find_export
from qualtrics_async.sandbox.handlers._jobs import CAPITALS
from qualtrics_async.sandbox.handlers.directories import find_directory
from qualtrics_async.sandbox.routing import Routes
from qualtrics_async.sandbox.wire import File, Refused, check_keys, check_texts, result

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from qualtrics_async.sandbox.records import Contact
    from qualtrics_async.sandbox.wire import Body, Call

__all__ = ["routes"]

routes = Routes()

_EXPORTS = "/directories/{directoryId}/export-contacts"
_MEMBERSHIPS = "/directories/{directoryId}/export-contact-segment-memberships"
_CONTACTS = "contact export"
_SEGMENTS = "segment membership export"
_FILES = "/contact-export-files/{fileId}"
_DEEPEST_GROUP = 5
_FIELDS = {
    "contactId": "id",
    "firstName": "first_name",
    "lastName": "last_name",
    "email": "email",
    "phone": "phone",
    "extRef": "ext_ref",
    "language": "language",
}


@routes("POST", _EXPORTS, "documented", per_minute=10)
def start_contact_export(call: Call) -> Body:
    """Documented, `embeddedData` as a required key too. A text there is assumed to mean all of it."""
    directory = find_directory(call)
    options = call.json()
    check_keys(options, ("format", "embeddedData", "contactListId", "filter"), ("format", "embeddedData"))
    check_texts(options, ("format", "contactListId"))
    _check_format(options)
    data = options["embeddedData"]
    if not isinstance(data, str) and not (isinstance(data, list) and all(isinstance(x, str) for x in data)):
        raise Refused(400, "PLACEHOLDER_400", "embeddedData must be a text or a list of texts.")
    found = [contact for contact in call.state.contacts.values() if contact.directory_id == directory.id]
    if "contactListId" in options:
        mailing_list = call.state.mailing_lists.get(options["contactListId"])
        if mailing_list is None or mailing_list.directory_id != directory.id:
            raise Refused(404, "PLACEHOLDER_404", "No such mailing list.")
        found = [member.contact for member in mailing_list.members]
    if "filter" in options:
        wanted = read_filter(call.state, _as_search(options["filter"]))
        found = [contact for contact in found if wanted(contact)]
    job = begin_export(call, _CONTACTS, "", contacts=found, options=options)
    return result({"progressId": job.id})


@routes("GET", _EXPORTS + "/{progressId}/status", "documented", per_minute=10)
def contact_export_status(call: Call) -> Body:
    """Documented."""
    find_directory(call)
    job = find_export(call, _CONTACTS)
    body = export_progress(call, job, CAPITALS)
    if job.outcome == "complete":
        body["totalContacts"] = len(job.record["contacts"])
    elif not job.done and not body["percentComplete"]:
        body["status"] = "CREATED"
    return result(body)


@routes("GET", _EXPORTS + "/{fileId}/file", "documented", per_minute=10)
def contact_export_address(call: Call) -> Body:
    """Documented: an address and a token for it. A test may set another address in the job's record."""
    find_directory(call)
    record = exported(call, _CONTACTS, under=1).record
    record.setdefault("jwt", call.state.new_id("jwt."))
    record.setdefault("url", f"{call.origin}/contact-export-files/{call.ids[1]}")
    return result({"jwt": record["jwt"], "url": record["url"]})


@routes("GET", _FILES, "assumed", bare=True, base="")
def contact_export_file(call: Call) -> File:
    """Assumed: outside the API, with the token in `X-JWT`. A request with an API credential is refused."""
    record = call.state.shelf(f"{_CONTACTS} file").find(call.ids[0])["job"].record
    if "X-API-TOKEN" in call.headers or "Authorization" in call.headers:
        raise Refused(400, "PLACEHOLDER_400", "An API credential has come to a host that is not the API's.")
    if call.headers.get("X-JWT") != record.get("jwt"):
        raise Refused(403, "PLACEHOLDER_403", "This needs the token of the file.")
    options, contacts = record["options"], record["contacts"]
    data = options["embeddedData"]
    if isinstance(data, str):
        data = list(dict.fromkeys(key for contact in contacts for key in contact.embedded_data or {}))
    rows = [[*_FIELDS, *data], *(_row(contact, data) for contact in contacts)]
    return _table(rows, options["format"], "contacts")


@routes("POST", _MEMBERSHIPS, "documented", per_minute=1)
def start_membership_export(call: Call) -> Body:
    """Documented."""
    find_directory(call)
    options = call.json()
    check_keys(options, ("format", "lastUpdatedDate"), ("format", "lastUpdatedDate"))
    check_texts(options, options)
    _check_format(options)
    read_instant(options["lastUpdatedDate"], "lastUpdatedDate")
    job = begin_export(call, _SEGMENTS, "", format=options["format"])
    return result({"progressId": job.id, "status": "CREATED"})


@routes("GET", _MEMBERSHIPS + "/{exportId}", "assumed", per_minute=50)
def membership_export_status(call: Call) -> Body:
    """Assumed: as of contact exports; `COMPLETED` is documented."""
    find_directory(call)
    return result(export_progress(call, find_export(call, _SEGMENTS), CAPITALS))


@routes("GET", _MEMBERSHIPS + "/{fileId}/file", "assumed", per_minute=50)
def membership_export_file(call: Call) -> File:
    """Assumed: who is in which segment when the file is asked for, whenever that changed."""
    directory = find_directory(call)
    record = exported(call, _SEGMENTS, under=1).record
    rows = [
        [contact_id, segment["segmentId"]]
        for segment in call.state.shelf("segment").under(directory.id)
        for contact_id in segment["contactIds"]
    ]
    return _table([["contactId", "segmentId"], *rows], record["format"], "memberships")


@routes("POST", "/directories/{directoryId}/imports", "assumed", per_minute=10)
def create_bulk_import(call: Call) -> Body:
    """Assumed: keeps what it is given, in `state.shelf("bulk import")`, and answers with an id."""
    directory = find_directory(call)
    import_id = call.state.new_id("PGRS_")
    call.state.shelf("bulk import").put(directory.id, import_id, record=call.json())
    return result({"id": import_id})


def _as_search(value: Any, depth: int = 0) -> Any:
    """A condition as a search has it, which calls the members of a group by another name."""
    if not isinstance(value, dict) or "conjunction" not in value or depth > _DEEPEST_GROUP:
        return value
    check_keys(value, ("conjunction", "contactFilterExpressions"), ("contactFilterExpressions",))
    inner = value["contactFilterExpressions"]
    filters = [_as_search(each, depth + 1) for each in inner] if isinstance(inner, list) else inner
    return {"conjunction": value["conjunction"], "filters": filters}


def _check_format(options: Body) -> None:
    if options["format"] not in ("csv", "tsv"):
        raise Refused(400, "PLACEHOLDER_400", "format must be csv or tsv.")


def _row(contact: Contact, data: Sequence[str]) -> list[str]:
    known: dict[str, Any] = contact.embedded_data or {}
    cells = [getattr(contact, name) for name in _FIELDS.values()] + [known.get(key) for key in data]
    return ["" if cell is None else str(cell) for cell in cells]


def _table(rows: Iterable[Sequence[str]], form: str, name: str) -> File:
    table = io.StringIO(newline="")
    csv.writer(table, delimiter="\t" if form == "tsv" else ",", lineterminator="\n").writerows(rows)
    kind = "text/tab-separated-values" if form == "tsv" else "text/csv"
    return File(table.getvalue().encode("utf-8", "replace"), kind, f"{name}.{form}")
