"""Contacts of a directory, and the search among them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qualtrics_async.sandbox.handlers._contact_filters import read_filter
from qualtrics_async.sandbox.handlers._people import date, opted_out, person
from qualtrics_async.sandbox.handlers.directories import find_directory
from qualtrics_async.sandbox.handlers.mailing_list_contacts import (
    CONTACT_TEXTS,
    check_contact,
    empty,
    history,
    since,
)
from qualtrics_async.sandbox.handlers.segments import segments_of
from qualtrics_async.sandbox.routing import Routes
from qualtrics_async.sandbox.state import iso
from qualtrics_async.sandbox.wire import Refused, check_keys, result

if TYPE_CHECKING:
    from qualtrics_async.sandbox.records import Contact
    from qualtrics_async.sandbox.wire import Body, Call

__all__ = ["DEEPEST", "find_contact", "routes"]

routes = Routes()

DEEPEST = 10_000
"""How many contacts a search gives: documented."""

_KEYS = (*CONTACT_TEXTS, "embeddedData", "unsubscribed")
_CONTACTS = "/directories/{directoryId}/contacts"
_CONTACT = _CONTACTS + "/{contactId}"


@routes("GET", _CONTACTS, "documented")
def list_contacts(call: Call) -> Body:
    """Documented."""
    return call.page(_contacts(call), _element)


@routes("POST", _CONTACTS, "documented", per_minute=500)
def create_contact(call: Call) -> Body:
    """Documented: with deduplication a duplicate updates the contact and answers its id."""
    directory = find_directory(call)
    body = _body(call)
    now = call.state.now()
    contact, _ = call.state.store(directory, body, now)
    _opt_out(contact, body, now)
    call.state.count_accepted(contact, body)
    return result({"id": contact.id})


@routes("GET", _CONTACT, "documented")
def get_contact(call: Call) -> Body:
    """Documented. An empty object is `{}`, `[]` or null by contact: observed elsewhere, assumed here."""
    contact = find_contact(call)
    nothing = empty(call, contact)
    return result(
        {
            **person(contact),
            "creationDate": contact.created,
            "lastModified": contact.modified,
            "emailDomain": contact.email.rpartition("@")[2] if contact.email else None,
            "writeBlanks": None,
            "embeddedData": contact.embedded_data or nothing,
            "transactionData": None,
            "stats": nothing,
            "skipped": None,
            "directoryUnsubscribed": contact.unsubscribed,
            "directoryUnsubscribeDate": contact.unsubscribed_at,
            "mailingListMembership": _in_lists(call, contact) or nothing,
            "segmentMembership": _in_segments(call, contact) or nothing,
        }
    )


@routes("PUT", _CONTACT, "documented", per_minute=500)
def update_contact(call: Call) -> Body:
    """Documented: answers meta only. That `unsubscribed` is the opt-out of the directory is assumed."""
    contact = find_contact(call)
    body = _body(call)
    now = call.state.now()
    call.state.update(contact, body, now)
    _opt_out(contact, body, now)
    return {}


@routes("DELETE", _CONTACT, "documented", per_minute=500)
def delete_contact(call: Call) -> Body:
    """Documented: answers meta only. The contact leaves every list; that transactions go too is assumed."""
    call.state.remove_contact(find_contact(call))
    return {}


@routes("POST", _CONTACTS + "/search", "documented", per_minute=500)
def search_contacts(call: Call) -> Body:
    """Documented, the token too: after a full page there is one, even where nothing follows.

    That a page is refused as soon as it would reach beyond the deepest contact is assumed. With `search_lag`
    a new contact is not found yet.
    """
    contacts = _contacts(call)
    body = call.json()
    check_keys(body, ("filter",), ("filter",))
    wanted = read_filter(call.state, body["filter"])
    late = call.state.unsearchable.look(call.ids[0], polls="skipToken" not in call.query)
    found = [contact for contact in contacts if contact.id not in late and wanted(contact)]
    # One more than there are, so that a page that ends with the last one has another after it.
    start, stop, following = call.window(len(found) + 1)
    if start >= DEEPEST or min(stop, len(found)) > DEEPEST:
        raise Refused(400, "PLACEHOLDER_400", f"A search ends after {DEEPEST} contacts; export them instead.")
    embedded = call.flag("includeEmbedded")
    page: Body = {"elements": [_found(call, contact, embedded=embedded) for contact in found[start:stop]]}
    return result(page if following is None else page | {"skipToken": following})


@routes("GET", _CONTACTS + "/optedOutContacts", "documented")
def list_opted_out_contacts(call: Call) -> Body:
    """Documented: who left the directory at `since` or later."""
    earliest = since(call)
    gone = [
        contact
        for contact in _contacts(call)
        if contact.unsubscribed_at is not None and contact.unsubscribed_at >= earliest
    ]
    return call.page(gone, opted_out)


@routes("GET", _CONTACT + "/history", "documented")
def contact_history(call: Call) -> Body:
    """Documented: `type` is `email` or `response`."""
    contact = find_contact(call)
    return history(call, lambda member: member.contact is contact)


def find_contact(call: Call) -> Contact:
    """The contact in the path; the refusal is assumed."""
    directory = find_directory(call)
    contact = call.state.contacts.get(call.ids[1])
    if contact is None or contact.directory_id != directory.id:
        raise Refused(404, "PLACEHOLDER_404", "No such contact in this directory.")
    return contact


def _contacts(call: Call) -> list[Contact]:
    directory = find_directory(call)
    return [contact for contact in call.state.contacts.values() if contact.directory_id == directory.id]


def _body(call: Call) -> Body:
    body = call.json()
    check_keys(body, _KEYS)
    check_contact(body)
    return body


def _opt_out(contact: Contact, body: Body, now: int) -> None:
    if "unsubscribed" in body:
        contact.unsubscribed_at = now if body["unsubscribed"] else None


def _element(contact: Contact) -> Body:
    return person(contact) | {"unsubscribed": contact.unsubscribed}


def _found(call: Call, contact: Contact, *, embedded: bool) -> Body:
    nothing = empty(call, contact)
    return {
        "id": contact.id,
        "creationDate": iso(contact.created),
        "lastModified": iso(contact.modified),
        "firstName": contact.first_name,
        "lastName": contact.last_name,
        "email": contact.email,
        "phoneNumber": contact.phone,
        "externalDataReference": contact.ext_ref,
        "language": contact.language,
        "unsubscribed": contact.unsubscribed,
        "unsubscribeDate": date(contact.unsubscribed_at),
        "stats": nothing,
        "embeddedData": (contact.embedded_data if embedded else None) or nothing,
        "segmentMembership": _in_segments(call, contact) or nothing,
    }


def _in_lists(call: Call, contact: Contact) -> Body:
    places = (
        (mailing_list, mailing_list.by_contact.get(contact.id))
        for mailing_list in call.state.mailing_lists.values()
    )
    return {
        mailing_list.id: {
            "contactLookupId": member.lookup_id,
            "name": mailing_list.name,
            "unsubscribed": member.unsubscribed,
            "unsubscribeDate": member.unsubscribed_at,
            "ownerId": mailing_list.owner_id,
        }
        for mailing_list, member in places
        if member is not None
    }


def _in_segments(call: Call, contact: Contact) -> Body:
    """The keys are documented; that nobody opts out of a segment alone is assumed."""
    if not call.flag("includeSegments"):
        return {}
    return {
        segment["segmentId"]: {
            "contactLookupId": None,
            "ownerId": call.state.user_id,
            "unsubscribed": contact.unsubscribed,
            "unsubscribedDate": date(contact.unsubscribed_at),
            "name": segment["name"],
        }
        for segment in segments_of(call, contact)
    }
