"""How distributions, their links and their history look on the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qualtrics_async.sandbox.state import from_iso, iso, iso_fraction

if TYPE_CHECKING:
    from qualtrics_async.sandbox.records import Distribution, Member
    from qualtrics_async.sandbox.state import State
    from qualtrics_async.sandbox.wire import Body

__all__ = ["element", "fate", "history_entry", "is_sent", "link_element", "sent", "sent_at"]

_STATS = ("sent", "failed", "started", "bounced", "opened", "skipped", "finished", "complaints", "blocked")
_NO_HEADERS = dict.fromkeys(("fromEmail", "fromName", "replyToEmail"))
_NO_MESSAGE = dict.fromkeys(("libraryId", "messageId", "messageType"))


def element(state: State, made: Distribution, *, listed: bool) -> Body:
    """A distribution. Observed; `messageText` and `embeddedData` only outside the list: documented."""
    in_batch = made.batch_id is not None
    return {
        "id": made.id,
        "parentDistributionId": made.parent_id,
        "ownerId": state.user_id,
        "organizationId": state.brand_id,
        "requestStatus": "Generated" if made.has_links else "Done" if is_sent(state, made) else "Pending",
        "requestType": made.request_type,
        "sendDate": sent(made),
        "createdDate": iso(made.created),
        "modifiedDate": iso(made.created),
        "customHeaders": {},
        "headers": _NO_HEADERS | made.headers,
        "recipients": {
            "mailingListId": made.target_id,
            "contactId": made.contact_id,
            "libraryId": None if in_batch else state.user_id,
            "sampleId": None,
        },
        "message": _message(made, listed=listed),
        "surveyLink": {
            "surveyId": made.survey_id,
            "expirationDate": made.expiration,
            "linkType": made.link_type,
        },
        "embeddedData": None if listed else made.embedded_data,
        "stats": _stats(state, made),
    }


def sent(made: Distribution) -> str:
    """When it is sent, or its links were made."""
    return made.send_date or iso(made.created)


def is_sent(state: State, made: Distribution) -> bool:
    """Whether its time has come by the sandbox's clock; before that nobody has a mail. Assumed."""
    return sent(made) <= iso(state.now())


def sent_at(made: Distribution) -> int:
    """When it left: when it was made, or at the later time that it was kept for."""
    return max(made.created, from_iso(sent(made)))


def link_element(state: State, made: Distribution, index: int) -> Body:
    """A generated link: every key always there but `phone`. Observed."""
    member = made.members[index]
    contact = member.contact
    body: Body = {
        "contactId": contact.id,
        "transactionId": None if made.transaction_ids is None else made.transaction_ids[index],
        "link": state.link(made, member),
        "exceededContactFrequency": contact.exceeded_frequency,
        "linkExpiration": made.expiration,
        "status": "Email not sent",
        "lastName": contact.last_name,
        "firstName": contact.first_name,
        "externalDataReference": contact.ext_ref,
        "email": contact.email,
        "unsubscribed": contact.unsubscribed_at is not None or member.unsubscribed_at is not None,
    }
    if contact.phone is not None:
        body["phone"] = contact.phone
    return body


def history_entry(state: State, made: Distribution, member: Member) -> Body:
    """What became of one recipient. Observed keys, assumed statuses."""
    status, answer = fate(made, member), made.answers.get(member.lookup_id)
    return {
        "contactId": member.contact.id,
        "contactLookupId": member.lookup_id,
        "distributionId": made.id,
        "status": status,
        "surveyLink": None if status in ("Skipped", "HardBounce") else state.link(made, member),
        "contactFrequencyRuleId": "RULE_DELETED" if member.contact.exceeded_frequency else None,
        "responseId": answer and answer.id,
        "responseCompletedAt": answer and iso_fraction(answer.recorded),
        "sentAt": None if status in ("Skipped", "Pending") else iso_fraction(sent_at(made)),
        "openedAt": None,
        "responseStartedAt": answer and answer.values["startDate"],
        "surveySessionId": None,
    }


def fate(made: Distribution, member: Member) -> str:
    """What became of one recipient, in the words of the history. Assumed."""
    if member.lookup_id in made.answers:
        whole = made.answers[member.lookup_id].values["finished"]
        return "SurveyFinished" if whole else "SurveyPartiallyFinished"
    if made.has_links:
        return "Pending"
    if not member.reachable or member.contact.exceeded_frequency:
        return "Skipped"
    return "HardBounce" if member.contact.bounced else "Success"


def _stats(state: State, made: Distribution) -> dict[str, int]:
    stats = dict.fromkeys(_STATS, 0)
    if not made.has_links and is_sent(state, made):
        for member in made.members:
            status = fate(made, member)
            stats["skipped" if status == "Skipped" else "sent"] += 1
            stats["bounced"] += status == "HardBounce"
            stats["started"] += member.lookup_id in made.answers
            stats["finished"] += status == "SurveyFinished"
    return stats


def _message(made: Distribution, *, listed: bool) -> Body:
    if not made.message:
        return dict(_NO_MESSAGE)
    inline = "messageText" in made.message
    body = _NO_MESSAGE | made.message | {"messageType": "Inline" if inline else "Library"}
    if listed:
        body.pop("messageText", None)
    return body
