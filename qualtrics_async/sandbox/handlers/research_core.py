"""Research Core: lists of libraries, with contacts of their own. That it still answers is assumed.

Samples cannot be made by a call: a test puts them on the shelf, with the ids of their contacts in
`contactIds`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qualtrics_async.sandbox.handlers import _jobs
from qualtrics_async.sandbox.routing import Routes
from qualtrics_async.sandbox.wire import Refused, check_keys, check_texts, nested, result

if TYPE_CHECKING:
    from qualtrics_async.sandbox.wire import Body, Call

__all__ = ["CONTACT", "LIST", "SAMPLE", "routes"]

routes = Routes()

LIST = "Research Core mailing list"
CONTACT = "Research Core contact"
SAMPLE = "Research Core sample"
"""The nouns of the shelves: lists by id, the others by list and id."""

_LISTS = "/mailinglists"
_ONE_LIST = _LISTS + "/{mailingListId}"
_CONTACTS = _ONE_LIST + "/contacts"
_ONE_CONTACT = _CONTACTS + "/{contactId}"
_IMPORTS = _ONE_LIST + "/contactimports"
_SAMPLES = _ONE_LIST + "/samples"
_LIST_KEYS = ("libraryId", "name", "category")
_CONTACT_TEXTS = ("firstName", "lastName", "email", "externalDataRef", "language")
_CONTACT_KEYS = (*_CONTACT_TEXTS, "embeddedData", "unsubscribed")
_FAMILY = "Research Core import"


@routes("GET", _LISTS, "observed")
def list_legacy_mailing_lists(call: Call) -> Body:
    """Observed."""
    return call.page(list(call.state.shelf(LIST)), dict, cursor="offset")


@routes("POST", _LISTS, "documented")
def create_legacy_mailing_list(call: Call) -> Body:
    """Documented."""
    body = call.json()
    check_keys(body, _LIST_KEYS, ("libraryId", "name"))
    check_texts(body, _LIST_KEYS)
    made = {
        "libraryId": body["libraryId"],
        "id": call.state.new_id("ML_"),
        "name": body["name"],
        "category": body.get("category"),
        "folder": None,
    }
    call.state.shelf(LIST).put(made["id"], record=made)
    return result({"id": made["id"]})


@routes("GET", _ONE_LIST, "assumed")
def get_legacy_mailing_list(call: Call) -> Body:
    """Assumed: as in the list."""
    return result(call.state.shelf(LIST).find(*call.ids))


@routes("PUT", _ONE_LIST, "documented")
def update_legacy_mailing_list(call: Call) -> Body:
    """Documented: changes the keys that are there, or moves the list; answers meta only."""
    made = call.state.shelf(LIST).find(*call.ids)
    body = call.json()
    check_keys(body, _LIST_KEYS)
    check_texts(body, _LIST_KEYS)
    made.update(body)
    return {}


@routes("DELETE", _ONE_LIST, "documented")
def delete_legacy_mailing_list(call: Call) -> Body:
    """Documented: answers meta only. That the contacts go with their list is assumed."""
    call.state.shelf(LIST).remove(*call.ids)
    for noun in (CONTACT, SAMPLE):
        for record in call.state.shelf(noun).under(*call.ids):
            call.state.shelf(noun).remove(*call.ids, record["id"])
    return {}


@routes("GET", _CONTACTS, "observed")
def list_legacy_contacts(call: Call) -> Body:
    """Observed, the language `"null"` for none too."""
    return call.page(call.state.shelf(CONTACT).under(_list_id(call)), dict, cursor="offset")


@routes("POST", _CONTACTS, "documented")
def create_legacy_contact(call: Call) -> Body:
    """Documented: what is read as `externalDataReference` is written as `externalDataRef`."""
    list_id = _list_id(call)
    body = call.json()
    _check_contact(body)
    return result({"id": _put(call, list_id, body)})


@routes("GET", _ONE_CONTACT, "documented")
def get_legacy_contact(call: Call) -> Body:
    """Documented: as in the list, with the histories."""
    return result(call.state.shelf(CONTACT).find(*call.ids))


@routes("PUT", _ONE_CONTACT, "documented")
def update_legacy_contact(call: Call) -> Body:
    """Documented: changes the keys that are there, and answers meta only."""
    contact = call.state.shelf(CONTACT).find(*call.ids)
    body = call.json()
    _check_contact(body)
    contact.update(_read(body))
    return {}


@routes("DELETE", _ONE_CONTACT, "documented")
def delete_legacy_contact(call: Call) -> Body:
    """Documented: answers meta only."""
    call.state.shelf(CONTACT).remove(*call.ids)
    return {}


@routes("POST", _IMPORTS, "documented")
def start_legacy_import(call: Call) -> Body:
    """Documented: `contacts` in JSON; they may come in a file too. That a bad row refuses all is assumed."""
    list_id = _list_id(call)
    body = call.json()
    check_keys(body, ("contacts",), ("contacts",))
    rows = body["contacts"]
    if not isinstance(rows, list):
        raise Refused(400, "PLACEHOLDER_400", "contacts must be a list.")
    for row in rows:
        _check_contact(row)
    job = _jobs.begin(call, _FAMILY, "PGRS_", list_id=list_id)
    if not job.failing:
        for row in rows:
            _put(call, list_id, row)
    return result({"id": job.id})


@routes("GET", _IMPORTS + "/{contactImportId}", "observed")
def legacy_import_progress(call: Call) -> Body:
    """Observed: percent alone. That a failure has a word is assumed."""
    return result(_progress(call))


@routes("GET", _IMPORTS + "/{contactImportId}/summary", "assumed")
def legacy_import_summary(call: Call) -> Body:
    """Assumed: as the progress."""
    return result(_progress(call))


@routes("GET", _SAMPLES, "documented")
def list_legacy_samples(call: Call) -> Body:
    """Documented: id and name."""
    found = call.state.shelf(SAMPLE).under(_list_id(call))
    render = lambda made: {key: made.get(key) for key in ("id", "name")}  # noqa: E731
    return call.page(found, render, cursor="offset")


@routes("GET", _SAMPLES + "/{sampleId}", "documented")
def get_legacy_sample(call: Call) -> Body:
    """Documented by a client: its contacts, in pages."""
    list_id, sample_id = call.ids
    drawn = call.state.shelf(SAMPLE).find(list_id, sample_id).get("contactIds", ())
    found = [contact for contact in call.state.shelf(CONTACT).under(list_id) if contact["id"] in drawn]
    return call.page(found, dict, cursor="offset")


def _list_id(call: Call) -> str:
    return str(call.state.shelf(LIST).find(call.ids[0])["id"])


def _check_contact(body: Any) -> None:
    if not isinstance(body, dict):
        raise Refused(400, "PLACEHOLDER_400", "A contact must be an object.")
    check_keys(body, _CONTACT_KEYS)
    check_texts(body, _CONTACT_TEXTS)
    nested(body, "embeddedData")
    if not isinstance(body.get("unsubscribed", False), bool):
        raise Refused(400, "PLACEHOLDER_400", "unsubscribed must be true or false.")


def _read(body: Body) -> Body:
    """What was written, under the names of what is read."""
    return {"externalDataReference" if key == "externalDataRef" else key: body[key] for key in body}


def _put(call: Call, list_id: str, body: Body) -> str:
    contact_id = call.state.new_id("MLRP_")
    contact: Body = {
        "id": contact_id,
        **dict.fromkeys(("firstName", "lastName", "email", "externalDataReference", "embeddedData")),
        "language": "null",
        "unsubscribed": False,
        "responseHistory": [],
        "emailHistory": [],
    }
    call.state.shelf(CONTACT).put(list_id, contact_id, record=contact | _read(body))
    return contact_id


def _progress(call: Call) -> Body:
    list_id, job_id = call.ids
    job = _jobs.find(call, _FAMILY, job_id)
    if job.record["list_id"] != list_id:
        raise Refused(404, "PLACEHOLDER_404", "No such import into this list.")
    body: Body = {"percentComplete": _jobs.poll(call, job)}
    return body | ({"status": "failed"} if job.outcome == "failed" else {})
