"""What distributions by SMS and by WhatsApp have in common; for WhatsApp all of it is assumed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qualtrics_async.sandbox.handlers._dates import as_iso
from qualtrics_async.sandbox.state import iso
from qualtrics_async.sandbox.wire import Refused, check_keys, check_texts, nested

if TYPE_CHECKING:
    from qualtrics_async.sandbox.records import Member
    from qualtrics_async.sandbox.shelves import Shelf
    from qualtrics_async.sandbox.wire import Body, Call

__all__ = ["create", "find_for_survey", "of_survey"]

_KEYS = ("name", "surveyId", "sendDate", "surveyLinkExpirationDate", "method", "recipients", "message")
_REQUIRED = ("name", "surveyId", "sendDate", "method")
_MESSAGE_KEYS = ("libraryId", "messageId", "messageText")
_RECIPIENT_KEYS = ("mailingListId", "contactId", "transactionBatchId")
_METHODS = ("Invite", "Interactive")
_FOLLOW_UPS = ("Reminder", "Thankyou")
_PART = 160
"""Characters of a text that are sent, and paid, as one."""


def create(call: Call, noun: str, prefix: str, *, follow_ups: bool) -> str:
    """Send it to who can be reached by telephone, and return its id. Fates and costs are assumed."""
    body = call.json()
    check_keys(body, (*_KEYS, "parentDistributionId") if follow_ups else _KEYS, _REQUIRED)
    check_texts(body, (*_KEYS[:5], "parentDistributionId"))
    survey = call.state.surveys.get(body["surveyId"])
    if survey is None or not survey.active:
        raise Refused(400, "PLACEHOLDER_400", "surveyId must name an active survey.")
    send_date, expires = as_iso(body["sendDate"], "sendDate"), body.get("surveyLinkExpirationDate")
    message = _message(body)
    recipients, parent_id = _recipients(call.state.shelf(noun), body, follow_ups=follow_ups)
    members = _members(call, recipients)
    made = {
        "id": call.state.new_id(prefix),
        "name": body["name"],
        "surveyId": survey.id,
        "parentDistributionId": parent_id,
        "ownerId": call.state.user_id,
        "organizationId": call.state.brand_id,
        "requestStatus": "Done",
        "requestType": body["method"],
        "sendDate": send_date,
        "createdDate": iso(call.state.now()),
        "modifiedDate": iso(call.state.now()),
        "recipients": {
            "mailingListId": recipients.get("mailingListId"),
            "contactId": recipients.get("contactId"),
            **dict.fromkeys(("libraryId", "sampleId", "transactionId")),
            "transactionBatchId": recipients.get("transactionBatchId"),
        },
        "message": message,
        "surveyLink": {
            "surveyId": survey.id,
            "expirationDate": None if expires is None else as_iso(expires, "surveyLinkExpirationDate"),
            "linkType": "Individual",
        },
        "stats": _stats(members, len(message.get("messageText") or "")),
    }
    call.state.shelf(noun).put(made["id"], record=made)
    return str(made["id"])


def of_survey(call: Call, noun: str) -> list[dict[str, Any]]:
    """The distributions of the survey that the query names."""
    survey_id = call.param("surveyId")
    return [made for made in call.state.shelf(noun) if made["surveyId"] == survey_id]


def find_for_survey(call: Call, noun: str) -> dict[str, Any]:
    """The distribution in the path, which must be of the survey that the query names; the 404 is assumed."""
    survey_id = call.param("surveyId")
    made = call.state.shelf(noun).find(*call.ids)
    if made["surveyId"] != survey_id:
        raise Refused(404, "PLACEHOLDER_404", f"No such {noun} of this survey.")
    return made


def _message(body: Body) -> Body:
    message = nested(body, "message")
    check_keys(message, _MESSAGE_KEYS)
    check_texts(message, _MESSAGE_KEYS)
    if body["method"] == "Interactive" and not message:
        return {}
    if ("messageText" in message) == ("messageId" in message):
        raise Refused(400, "PLACEHOLDER_400", "message takes either messageId or messageText.")
    return message


def _recipients(shelf: Shelf, body: Body, *, follow_ups: bool) -> tuple[Body, str | None]:
    """Who it is for; what follows another message goes to those who got that one."""
    method = body["method"]
    if follow_ups and method in _FOLLOW_UPS:
        check_keys(body, [key for key in body if key != "recipients"], ("parentDistributionId",))
        parent = shelf.find(body["parentDistributionId"])
        return {key: parent["recipients"][key] for key in _RECIPIENT_KEYS}, parent["id"]
    if method not in _METHODS:
        raise Refused(400, "PLACEHOLDER_400", "method is not known.")
    check_keys(body, _KEYS, ("recipients",))
    recipients = nested(body, "recipients")
    check_keys(recipients, _RECIPIENT_KEYS)
    check_texts(recipients, _RECIPIENT_KEYS)
    if ("mailingListId" in recipients) == ("transactionBatchId" in recipients):
        raise Refused(400, "PLACEHOLDER_400", "recipients take either a mailing list or a batch.")
    return recipients, None


def _members(call: Call, recipients: Body) -> list[Member]:
    state = call.state
    batch_id, contact_id = recipients.get("transactionBatchId"), recipients.get("contactId")
    if batch_id is not None:
        if batch_id not in state.transaction_batches or contact_id is not None:
            raise Refused(400, "PLACEHOLDER_400", "No such transaction batch, or one contact of it.")
        return [state.transactions[made].member for made in state.transaction_batches[batch_id]]
    mailing_list = state.mailing_lists.get(recipients["mailingListId"])
    if mailing_list is None:
        raise Refused(404, "PACC_6", "No such mailing list.", request_id=None)
    if contact_id is None:
        return mailing_list.members
    member = mailing_list.find_lookup(contact_id)
    if member is None:
        raise Refused(400, "PLACEHOLDER_400", "contactId is not a lookup id of this mailing list.")
    return [member]


def _stats(members: list[Member], length: int) -> dict[str, int]:
    reachable = [member for member in members if member.reachable]
    sent = sum(member.contact.phone is not None for member in reachable)
    parts = sent * max(1, -(-length // _PART))
    return {
        "sent": sent,
        "failed": len(reachable) - sent,
        "started": 0,
        "finished": 0,
        "credits": parts,
        "segments": parts,
    }
