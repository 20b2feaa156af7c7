"""Erasure of personal data, as jobs.

What is erased is gone when the job starts, whether or not somebody polls; only the progress takes its time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qualtrics_async.sandbox.handlers import _jobs
from qualtrics_async.sandbox.handlers.users import remove_user
from qualtrics_async.sandbox.routing import Routes
from qualtrics_async.sandbox.state import iso
from qualtrics_async.sandbox.wire import Refused, check_keys, result

if TYPE_CHECKING:
    from qualtrics_async.sandbox.jobs import Job
    from qualtrics_async.sandbox.records import Contact
    from qualtrics_async.sandbox.state import State
    from qualtrics_async.sandbox.wire import Body, Call

__all__ = ["routes"]

routes = Routes()

_FAMILY = "erasure"
_KEYS = ("emails", "searchOnly", "exportPersonalData")
_WORDS = _jobs.Words("processing", "failed", "completed")


@routes("POST", "/op-erase-personal-data", "documented", per_minute=20)
def start_erasure(call: Call) -> Body:
    """Documented, also what is erased: contacts, users, people, and the responses of all of them.

    Here people are participants, and a response belongs to the address in its `recipientEmail`. The user who
    asks stays. That addresses are compared without regard to case is assumed, as are the refusals.
    """
    body = call.json()
    check_keys(body, _KEYS, ("emails",))
    emails = body["emails"]
    if not isinstance(emails, list) or not emails or not all(isinstance(email, str) for email in emails):
        raise Refused(400, "PLACEHOLDER_400", "emails must be a list of addresses.")
    for key in ("searchOnly", "exportPersonalData"):
        if not isinstance(body.get(key, False), bool):
            raise Refused(400, "PLACEHOLDER_400", f"{key} must be true or false.")
    state, search_only, created = call.state, body.get("searchOnly", False), iso(call.state.now())
    found = _found(state, emails)
    record = {
        "user": state.user_id,
        "numEmailsRequested": len(emails),
        "emailsNotFound": [email for email in emails if _plain(email) not in found],
        "emailList": emails,
        "searchOnly": str(search_only).lower(),
        "created": created,
        "updated": created,
    }
    job = _jobs.begin(call, _FAMILY, "OP-", **record)
    if not search_only and not job.failing:
        _erase(state, {_plain(email) for email in emails} - {""})
    return result({"requestId": job.id, "user": state.user_id, "created": created})


@routes("GET", "/op-erase-personal-data", "documented", per_minute=20)
def list_erasures(call: Call) -> Body:
    """Documented; the keys are those that clients read, `requestid` too. Looking counts as a poll."""
    jobs = [job for job in call.state.jobs.values() if job.family == _FAMILY]
    for job in jobs:
        _poll(call, job)
    return call.page(jobs, _element, cursor="offset")


@routes("GET", "/op-erase-personal-data/{requestId}", "documented", per_minute=20)
def get_erasure(call: Call) -> Body:
    """Documented. That it cannot be read before its end is a client's report, the refusal is assumed."""
    job = _jobs.find(call, _FAMILY, call.ids[0])
    _poll(call, job)
    if not job.done:
        raise Refused(404, "PLACEHOLDER_404", "No such request is complete.")
    return result(_element(job))


def _poll(call: Call, job: Job) -> None:
    if not job.done:
        _jobs.poll(call, job)
        job.record["updated"] = iso(call.state.now())


def _element(job: Job) -> Body:
    failed = job.outcome == "failed"
    return {
        "requestid": job.id,
        "status": _WORDS.of(job),
        **job.record,
        "failureReason": "PLACEHOLDER_REASON" if failed else None,
    }


def _found(state: State, emails: list[str]) -> set[str]:
    people = [person["email"] for place in state.participants.values() for person in place.values()]
    users = [user["email"] for user in state.shelf("user")]
    contacts = [contact.email for contact in state.contacts.values()]
    return {_plain(email) for email in (*people, *users, *contacts)} & {_plain(email) for email in emails}


def _erase(state: State, emails: set[str]) -> None:
    for response in [
        made for made in state.responses.values() if _plain(made.values.get("recipientEmail")) in emails
    ]:
        del state.responses[response.id]
    for contact in [made for made in state.contacts.values() if _plain(made.email) in emails]:
        state.remove_contact(contact)
        _leave_distributions(state, contact)
    for user in [made for made in state.shelf("user") if _plain(made["email"]) in emails]:
        if user["id"] != state.user_id:
            remove_user(state, user["id"])
    for place in state.participants.values():
        for key in [key for key, person in place.items() if _plain(person["email"]) in emails]:
            del place[key]


def _leave_distributions(state: State, contact: Contact) -> None:
    """Take someone out of the links and the history of what was sent."""
    for sent in state.distributions.values():
        left = [index for index, member in enumerate(sent.members) if member.contact is not contact]
        if len(left) < len(sent.members):
            if sent.transaction_ids is not None:
                sent.transaction_ids = [sent.transaction_ids[index] for index in left]
            sent.members = [sent.members[index] for index in left]


def _plain(email: Any) -> str:
    return email.lower() if isinstance(email, str) else ""
