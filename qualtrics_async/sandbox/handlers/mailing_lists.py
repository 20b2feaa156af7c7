"""Mailing lists of a directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qualtrics_async.sandbox.handlers.directories import find_directory
from qualtrics_async.sandbox.routing import Routes
from qualtrics_async.sandbox.wire import Refused, check_keys, check_texts, result

if TYPE_CHECKING:
    from qualtrics_async.sandbox.records import MailingList
    from qualtrics_async.sandbox.wire import Body, Call

__all__ = ["find_mailing_list", "routes"]

routes = Routes()

_KEYS = ("name", "ownerId", "prioritizeListMetadata")
_TEXTS = ("name", "ownerId")
_NAME_LENGTH = 100


@routes("GET", "/directories/{directoryId}/mailinglists", "observed")
def list_mailing_lists(call: Call) -> Body:
    """Observed with numbers as dates; documented with strings, which every other list has."""
    directory = find_directory(call)
    found = [listed for listed in call.state.mailing_lists.values() if listed.directory_id == directory.id]
    counted = call.flag("includeCount")
    return call.page(found, lambda listed: _element(listed, counted=counted))


@routes("POST", "/directories/{directoryId}/mailinglists", "documented", per_minute=500)
def create_mailing_list(call: Call) -> Body:
    """Documented; the limit on the name too, but not how it is refused."""
    directory = find_directory(call)
    body = call.json()
    check_keys(body, _KEYS, ("name",))
    check_texts(body, _TEXTS)
    name = _name(body["name"])
    made = call.state.add_mailing_list(name, directory_id=directory.id, owner_id=body.get("ownerId"))
    call.state.mailing_lists[made].string_dates = (
        call.settings.quirks and len(call.state.mailing_lists) % 2 == 0
    )
    return result({"id": made})


@routes("GET", "/directories/{directoryId}/mailinglists/{mailingListId}", "documented")
def get_mailing_list(call: Call) -> Body:
    """Documented, the count only with `includeCount`."""
    return result(_element(find_mailing_list(call), counted=call.flag("includeCount")))


@routes("PUT", "/directories/{directoryId}/mailinglists/{mailingListId}", "documented", per_minute=500)
def update_mailing_list(call: Call) -> Body:
    """Documented: answers meta only."""
    mailing_list = find_mailing_list(call)
    body = call.json()
    check_keys(body, _KEYS)
    check_texts(body, _TEXTS)
    if "name" in body:
        mailing_list.name = _name(body["name"])
    mailing_list.owner_id = body.get("ownerId", mailing_list.owner_id)
    mailing_list.modified = call.state.now()
    return {}


@routes("DELETE", "/directories/{directoryId}/mailinglists/{mailingListId}", "documented", per_minute=500)
def delete_mailing_list(call: Call) -> Body:
    """Documented: answers meta only. That the contacts stay in the directory is assumed."""
    del call.state.mailing_lists[find_mailing_list(call).id]
    return {}


def find_mailing_list(call: Call) -> MailingList:
    """The list in the path; its 404 is observed."""
    directory = find_directory(call)
    found = call.state.mailing_lists.get(call.ids[1])
    if found is None or found.directory_id != directory.id:
        raise Refused(404, "PACC_6", "No such mailing list.", request_id=None)
    return found


def _name(name: str) -> str:
    if not 0 < len(name) <= _NAME_LENGTH:
        raise Refused(400, "PLACEHOLDER_400", f"name must have 1 to {_NAME_LENGTH} characters.")
    return name


def _element(mailing_list: MailingList, *, counted: bool) -> Body:
    shape = str if mailing_list.string_dates else int
    element: Body = {
        "mailingListId": mailing_list.id,
        "name": mailing_list.name,
        "ownerId": mailing_list.owner_id,
        "creationDate": shape(mailing_list.created),
        "lastModifiedDate": shape(mailing_list.modified),
    }
    if counted:
        element["contactCount"] = len(mailing_list.members)
    return element
