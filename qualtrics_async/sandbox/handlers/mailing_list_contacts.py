"""Contacts of a mailing list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qualtrics_async.sandbox.handlers._dates import read_instant, write_plain
from qualtrics_async.sandbox.handlers._people import date, opted_out, person
from qualtrics_async.sandbox.handlers.distribution_bodies import fate, is_sent, sent_at
from qualtrics_async.sandbox.handlers.mailing_lists import find_mailing_list
from qualtrics_async.sandbox.routing import Routes
from qualtrics_async.sandbox.state import from_iso, iso
from qualtrics_async.sandbox.wire import Refused, check_keys, check_texts, nested, result

if TYPE_CHECKING:
    from collections.abc import Callable

    from qualtrics_async.sandbox.records import Contact, Distribution, MailingList, Member, Response
    from qualtrics_async.sandbox.wire import Body, Call

__all__ = ["CONTACT_TEXTS", "check_contact", "empty", "history", "routes", "since"]

routes = Routes()

CONTACT_TEXTS = ("firstName", "lastName", "email", "phone", "extRef", "language")
_KEYS = (*CONTACT_TEXTS, "embeddedData", "privateEmbeddedData", "unsubscribed")
_BOUNCE = {"type": "Hard", "statusCode": "5.1.1", "reason": "No such mailbox.", "blacklisted": False}
_CONTACTS = "/directories/{directoryId}/mailinglists/{mailingListId}/contacts"
_CONTACT = _CONTACTS + "/{contactId}"


@routes("GET", _CONTACTS, "observed")
def list_contacts(call: Call) -> Body:
    """Observed; `embeddedData` only with `includeEmbedded=true`."""
    embedded = call.flag("includeEmbedded")
    members = find_mailing_list(call).members
    return call.page(members, lambda member: _element(call, member, embedded=embedded))


@routes("GET", "/directories/{directoryId}/mailinglists/{mailingListId}/bouncedContacts", "documented")
def list_bounced_contacts(call: Call) -> Body:
    """Documented, the opt-out of the list used by a client; that `since` leaves nothing out is assumed."""
    bounced = [member for member in find_mailing_list(call).members if member.contact.bounced]
    return call.page(bounced, _unreachable)


@routes("GET", "/directories/{directoryId}/mailinglists/{mailingListId}/optedOutContacts", "documented")
def list_opted_out_contacts(call: Call) -> Body:
    """Documented, the opt-out of the list used by a client: who left the list at `since` or later."""
    earliest = since(call)
    members = find_mailing_list(call).members
    opted_out = [m for m in members if m.unsubscribed_at is not None and m.unsubscribed_at >= earliest]
    return call.page(opted_out, _unreachable)


@routes("POST", _CONTACTS, "documented", per_minute=500)
def create_contact(call: Call) -> Body:
    """Documented: with deduplication a duplicate updates the contact and answers its id."""
    mailing_list = find_mailing_list(call)
    body = call.json()
    check_keys(body, _KEYS)
    check_contact(body)
    member, _ = call.state.upsert(mailing_list, body, call.state.now())
    call.state.count_accepted(member.contact, body)
    return result({"id": member.contact.id, "contactLookupId": member.lookup_id})


@routes("GET", _CONTACT, "documented")
def get_contact(call: Call) -> Body:
    """Documented. An empty object is `{}`, `[]` or null by contact: observed elsewhere, assumed here."""
    member = _find(call, find_mailing_list(call))
    contact = member.contact
    nothing = empty(call, contact)
    return result(
        {
            **person(contact),
            "emailDomain": contact.email.rpartition("@")[2] if contact.email else None,
            "creationDate": contact.created,
            "lastModified": contact.modified,
            "embeddedData": contact.embedded_data or nothing,
            "privateEmbeddedData": member.private_embedded_data or nothing,
            "directoryUnsubscribed": contact.unsubscribed,
            "directoryUnsubscribeDate": contact.unsubscribed_at,
            "mailingListUnsubscribed": member.unsubscribed,
            "mailingListUnsubscribeDate": member.unsubscribed_at,
            "stats": nothing,
            "contactLookupId": member.lookup_id,
        }
    )


@routes("PUT", _CONTACT, "documented", per_minute=500)
def update_contact(call: Call) -> Body:
    """Documented: answers meta only; `unsubscribed` is the opt-out of the list."""
    member = _find(call, find_mailing_list(call))
    body = call.json()
    check_keys(body, _KEYS)
    check_contact(body)
    now = call.state.now()
    call.state.update(member.contact, body, now)
    if "unsubscribed" in body:
        member.unsubscribed_at = now if body["unsubscribed"] else None
    if "privateEmbeddedData" in body:
        member.private_embedded_data = body["privateEmbeddedData"]
    return {}


@routes("DELETE", _CONTACT, "documented", per_minute=500)
def delete_contact(call: Call) -> Body:
    """Documented: answers meta only and leaves the contact in the directory."""
    mailing_list = find_mailing_list(call)
    mailing_list.remove(_find(call, mailing_list))
    return {}


@routes("GET", _CONTACT + "/history", "documented")
def contact_history(call: Call) -> Body:
    """Documented: `type` is `email` or `response`; the words of a bounce are assumed."""
    wanted = _find(call, find_mailing_list(call))
    return history(call, lambda member: member is wanted)


def history(call: Call, wanted: Callable[[Member], bool]) -> Body:
    """A page of the mails that went to these members, or of what they answered in sessions."""
    kind = call.param("type")
    if kind not in ("email", "response"):
        raise Refused(400, "PLACEHOLDER_400", "type must be email or response.")
    mails = [
        (made, member)
        for made in call.state.distributions.values()
        if kind == "email" and not made.has_links and is_sent(call.state, made)
        for member in made.members
        if wanted(member)
    ]
    if kind == "email":
        return call.page(mails, lambda mail: _mail(*mail))
    answers = {
        made.answers[member.lookup_id].id: (made, made.answers[member.lookup_id])
        for made in call.state.distributions.values()
        for member in made.members
        if wanted(member) and member.lookup_id in made.answers
    }
    return call.page(list(answers.values()), lambda answer: _answer(*answer))


def check_contact(row: dict[str, Any]) -> None:
    """Refuse values of the wrong type. Assumed."""
    check_texts(row, (*CONTACT_TEXTS, "id"))
    for key in ("embeddedData", "privateEmbeddedData", "transactionData"):
        nested(row, key)
    if "unsubscribed" in row and not isinstance(row["unsubscribed"], bool):
        raise Refused(400, "PLACEHOLDER_400", "unsubscribed must be true or false.")


def empty(call: Call, contact: Contact) -> dict[str, Any] | list[Any] | None:
    """An empty object, which is `[]` or null for some contacts."""
    return ({}, [], None)[ord(contact.id[-1]) % 3] if call.settings.quirks else {}


def since(call: Call) -> int:
    """The instant that the query names, in milliseconds; 0 without one."""
    text = call.query.get("since")
    return 0 if text is None else read_instant(text, "since")


def _find(call: Call, mailing_list: MailingList) -> Member:
    member = mailing_list.find(call.ids[2])
    if member is None:
        raise Refused(404, "PLACEHOLDER_404", "No such contact in this mailing list.")
    return member


def _element(call: Call, member: Member, *, embedded: bool) -> Body:
    contact = member.contact
    element = person(contact) | {
        "unsubscribed": contact.unsubscribed,
        "mailingListUnsubscribed": member.unsubscribed,
        "contactLookupId": member.lookup_id,
    }
    if embedded:
        element["embeddedData"] = contact.embedded_data or empty(call, contact)
    return element


def _unreachable(member: Member) -> Body:
    contact = member.contact
    return opted_out(contact) | {
        "mailingListUnsubscribed": member.unsubscribed,
        "mailingListUnsubscribeDate": date(member.unsubscribed_at),
        "lastModifiedDate": iso(contact.modified),
    }


def _answer(distribution: Distribution, response: Response) -> Body:
    values = response.values
    return {
        "responseId": response.id,
        "distributionId": distribution.id,
        "dateStarted": write_plain(from_iso(values["startDate"])),
        "dateCompleted": write_plain(response.recorded),
        "surveyFinished": bool(values["finished"]),
        "surveyId": response.survey_id,
    }


def _mail(distribution: Distribution, member: Member) -> Body:
    status = fate(distribution, member)
    bounced = status == "HardBounce"
    return {
        "distributionId": distribution.id,
        "date": write_plain(sent_at(distribution)),
        "type": distribution.request_type,
        "result": "Bounce" if bounced else status,
        "bounceInfo": dict(_BOUNCE) if bounced else None,
        "surveyId": distribution.survey_id,
        "read": False,
    }
