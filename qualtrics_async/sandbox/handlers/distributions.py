"""Distributions: links generated or mails sent, and what became of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qualtrics_async.sandbox.handlers._dates import as_iso
from qualtrics_async.sandbox.handlers.distribution_bodies import (
    element,
    history_entry,
    is_sent,
    link_element,
    sent,
)
from qualtrics_async.sandbox.jobs import Progress
from qualtrics_async.sandbox.records import Distribution
from qualtrics_async.sandbox.routing import Routes
from qualtrics_async.sandbox.wire import Refused, check_keys, check_texts, nested, result

if TYPE_CHECKING:
    from qualtrics_async.sandbox.records import MailingList, Member, Survey
    from qualtrics_async.sandbox.wire import Body, Call

__all__ = ["routes"]

routes = Routes()

_LINK_ACTIONS = {
    "createdistribution": "mailingListId",
    "createtransactionbatchdistribution": "transactionBatchId",
}
_LINK_KEYS = (
    "surveyId",
    "linkType",
    "description",
    "action",
    "expirationDate",
    "mailingListId",
    "transactionBatchId",
)
_LINK_REQUIRED = ("surveyId", "linkType", "description")
_LINK_TYPES = ("Individual", "Multiple", "Anonymous")
_EMAIL_KEYS = ("message", "recipients", "header", "surveyLink", "embeddedData", "sendDate")
_EMAIL_REQUIRED = ("message", "recipients", "header", "surveyLink", "sendDate")
_FOLLOW_UP_KEYS = ("message", "header", "sendDate", "embeddedData")
_FOLLOW_UP_REQUIRED = ("message", "header", "sendDate")
_MESSAGE_KEYS = ("libraryId", "messageId", "messageText")
_RECIPIENT_KEYS = ("mailingListId", "contactId", "directoryId", "transactionBatchId")
_HEADER_KEYS = ("fromName", "fromEmail", "replyToEmail", "subject")
_SURVEY_LINK_KEYS = ("surveyId", "expirationDate", "type")
_TEST_SEND = "TestEmail"


@routes("GET", "/distributions", "observed")
def list_distributions(call: Call) -> Body:
    """Observed; the filters are documented. `embeddedData` is null and the message has no text here.

    That both ends of the time of sending are inclusive is assumed, and that a batch is found as a list is.
    With `listing_lag` a new one is not here yet.
    """
    survey_id = call.param("surveyId")
    kind, list_id = call.query.get("distributionRequestType"), call.query.get("mailingListId")
    earliest, latest = _bound(call, "sendStartDate", ""), _bound(call, "sendEndDate", "~")
    unlisted = call.state.unlisted.look(survey_id, polls="skipToken" not in call.query)
    found = [
        made
        for made in call.state.distributions.values()
        if made.survey_id == survey_id
        and kind in (None, made.request_type)
        and list_id in (None, made.target_id)
        and made.id not in unlisted
        and earliest <= sent(made) <= latest
    ]
    return call.page(found, lambda made: element(call.state, made, listed=True))


@routes("POST", "/distributions", "documented")
def create_distribution(call: Call) -> Body:
    """Documented: `action` selects the family of bodies; the refusals RP_9 and RP_10 are observed.

    Dates come in two forms (used by clients) and are read in one, ISO 8601 (observed). A mail of a later
    date is `Pending` until the sandbox's clock is there (assumed).
    """
    body = call.json()
    made = _create_links(call, body) if "action" in body else _create_email(call, body)
    if call.fault_kind() == "stuck_job":
        made.progress.stuck = True
    _keep(call, made)
    return result({"id": made.id})


@routes("GET", "/distributions/{distributionId}", "documented")
def get_distribution(call: Call) -> Body:
    """Documented: like the element of the list, with embedded data and text."""
    return result(element(call.state, _find_for_survey(call), listed=False))


@routes("DELETE", "/distributions/{distributionId}", "documented")
def delete_distribution(call: Call) -> Body:
    """Documented: answers meta only."""
    del call.state.distributions[_find(call).id]
    return {}


@routes("POST", "/distributions/{distributionId}/reminders", "documented")
def create_reminder(call: Call) -> Body:
    """Documented: the key is `distributionId`. It goes to those who have not answered until now."""
    return _follow_up(call, "Reminder")


@routes("POST", "/distributions/{distributionId}/thankyous", "documented")
def create_thank_you(call: Call) -> Body:
    """Documented: the key is `distributionId`. It goes to those who have answered until now."""
    return _follow_up(call, "ThankYou")


@routes("GET", "/distributions/{distributionId}/links", "observed", per_minute=500)
def list_links(call: Call) -> Body:
    """Observed, the 500 for a distribution without links too. That the opted out get no link is assumed.

    How links come into being is assumed: empty until ready, or growing. Asking for the first page is a poll.
    A cursor is good in any session for seven days (documented), and for no other distribution (assumed).
    """
    made = _find_for_survey(call)
    if not made.has_links:
        raise Refused(500, "PLACEHOLDER_500", "This distribution has no links.")
    rows = range(len(made.members))
    ready = int(len(rows) * _links_ready(call, made))
    return call.page(
        rows, lambda index: link_element(call.state, made, index), available=ready, listing=made.id
    )


@routes("GET", "/distributions/{distributionId}/history", "observed", per_minute=300)
def list_history(call: Call) -> Body:
    """Observed, with the refusal of test sends. Assumed: who has which status; nobody until it is sent."""
    made = _find(call)
    if made.request_type == _TEST_SEND:
        raise Refused(400, "CP_TD_GER_NP", "Not available for this kind of distribution.")
    members = made.members if made.has_links or is_sent(call.state, made) else []
    return call.page(members, lambda member: history_entry(call.state, made, member))


def _create_links(call: Call, body: Body) -> Distribution:
    target = _LINK_ACTIONS.get(str(body["action"]).lower())
    if target is None:
        raise Refused(400, "PLACEHOLDER_400", "action is not known.")
    check_keys(body, _LINK_KEYS, (*_LINK_REQUIRED, target))
    check_texts(body, _LINK_KEYS)
    if body["linkType"] not in _LINK_TYPES:
        raise Refused(400, "PLACEHOLDER_400", f"linkType must be one of {', '.join(_LINK_TYPES)}.")
    survey = _active_survey(call, body["surveyId"])
    made = _new(call, survey.id, "GeneratedInvite")
    made.link_type = body["linkType"]
    made.expiration = _expiration(body)
    made.description = body["description"]
    if target == "mailingListId":
        mailing_list = _mailing_list(call, body["mailingListId"])
        made.mailing_list_id = mailing_list.id
        made.members = [member for member in mailing_list.members if member.reachable]
    else:
        made.batch_id = body["transactionBatchId"]
        made.transaction_ids, made.members = _batch(call, body["transactionBatchId"])
    return made


def _create_email(call: Call, body: Body) -> Distribution:
    check_keys(body, _EMAIL_KEYS, _EMAIL_REQUIRED)
    recipients, link = nested(body, "recipients"), nested(body, "surveyLink")
    check_keys(recipients, _RECIPIENT_KEYS)
    check_keys(link, _SURVEY_LINK_KEYS, ("surveyId",))
    check_texts(recipients, _RECIPIENT_KEYS)
    check_texts(link, _SURVEY_LINK_KEYS)
    made = _new(call, _active_survey(call, link["surveyId"]).id, "Invite")
    made.link_type = link.get("type", "Individual")
    made.expiration = _expiration(link)
    _mail(made, body)
    if "transactionBatchId" in recipients:
        check_keys(recipients, ("transactionBatchId",))
        made.batch_id = recipients["transactionBatchId"]
        made.transaction_ids, made.members = _batch(call, recipients["transactionBatchId"])
        return made
    check_keys(recipients, _RECIPIENT_KEYS, ("mailingListId",))
    mailing_list = _mailing_list(call, recipients["mailingListId"])
    made.mailing_list_id = mailing_list.id
    made.members = list(mailing_list.members)
    if "contactId" in recipients:
        member = mailing_list.find_lookup(recipients["contactId"])
        if member is None:
            raise Refused(400, "PLACEHOLDER_400", "contactId is not a lookup id of this mailing list.")
        made.contact_id, made.members = recipients["contactId"], [member]
    return made


def _follow_up(call: Call, request_type: str) -> Body:
    parent = _find(call)
    body = call.json()
    check_keys(body, _FOLLOW_UP_KEYS, _FOLLOW_UP_REQUIRED)
    made = _new(call, parent.survey_id, request_type)
    made.parent_id = parent.id
    made.mailing_list_id, made.batch_id = parent.mailing_list_id, parent.batch_id
    made.link_type, made.expiration = parent.link_type, parent.expiration
    thanks = request_type == "ThankYou"
    to = [at for at, member in enumerate(parent.members) if (member.lookup_id in parent.answers) == thanks]
    made.members = [parent.members[at] for at in to]
    if parent.transaction_ids is not None:
        made.transaction_ids = [parent.transaction_ids[at] for at in to]
    _mail(made, body)
    _keep(call, made)
    return result({"distributionId": made.id})


def _keep(call: Call, made: Distribution) -> None:
    call.state.distributions[made.id] = made
    call.state.unlisted.add(made.survey_id, made.id)


def _mail(made: Distribution, body: Body) -> None:
    message, header = nested(body, "message"), nested(body, "header")
    check_keys(message, _MESSAGE_KEYS)
    check_keys(header, _HEADER_KEYS)
    check_texts(message, _MESSAGE_KEYS)
    check_texts(header, _HEADER_KEYS)
    if ("messageText" in message) == ("messageId" in message):
        raise Refused(400, "PLACEHOLDER_400", "message takes either messageId or messageText.")
    made.message, made.headers = message, header
    made.send_date = as_iso(body["sendDate"], "sendDate")
    made.embedded_data = nested(body, "embeddedData") or None


def _bound(call: Call, name: str, default: str) -> str:
    return as_iso(call.query[name], name) if name in call.query else default


def _expiration(body: Body) -> str | None:
    return as_iso(body["expirationDate"], "expirationDate") if "expirationDate" in body else None


def _new(call: Call, survey_id: str, request_type: str) -> Distribution:
    state = call.state
    began = Progress(state.monotonic())
    return Distribution(state.new_id("EMD_"), survey_id, request_type, state.now(), began)


def _links_ready(call: Call, made: Distribution) -> float:
    progress = made.progress
    if "skipToken" not in call.query:
        progress.polls += 1
    if progress.stuck:
        return 0.0
    fraction = call.settings.jobs.fraction(progress, call.state.monotonic())
    return fraction if call.settings.links == "growing" else float(fraction >= 1.0)


def _find(call: Call) -> Distribution:
    made = call.state.distributions.get(call.ids[0])
    if made is None:
        raise Refused(404, "PLACEHOLDER_404", "No such distribution.")
    return made


def _find_for_survey(call: Call) -> Distribution:
    survey_id = call.param("surveyId")
    made = _find(call)
    if made.survey_id != survey_id:
        raise Refused(404, "PLACEHOLDER_404", "No such distribution of this survey.")
    return made


def _active_survey(call: Call, survey_id: str) -> Survey:
    survey = call.state.surveys.get(survey_id)
    if survey is None:
        raise Refused(404, "PLACEHOLDER_404", "No such survey.")
    if not survey.active:
        raise Refused(400, "PLACEHOLDER_400", "The survey is not active.")
    return survey


def _mailing_list(call: Call, mailing_list_id: str) -> MailingList:
    found = call.state.mailing_lists.get(mailing_list_id)
    if found is None:
        raise Refused(404, "PACC_6", "No such mailing list.", request_id=None)
    return found


def _batch(call: Call, batch_id: str) -> tuple[list[str], list[Member]]:
    ids = call.state.transaction_batches.get(batch_id)
    if ids is None:
        raise Refused(404, "PLACEHOLDER_404", "No such transaction batch.")
    reachable = [made for made in ids if call.state.transactions[made].member.reachable]
    return reachable, [call.state.transactions[made].member for made in reachable]
