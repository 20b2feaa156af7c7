"""Samples of a directory: a job draws one, which is there when the job has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qualtrics_async.sandbox.handlers import _jobs
from qualtrics_async.sandbox.handlers._criteria import read_criteria
from qualtrics_async.sandbox.handlers._people import person
from qualtrics_async.sandbox.handlers.directories import find_directory
from qualtrics_async.sandbox.handlers.sample_definitions import DEFINITION
from qualtrics_async.sandbox.routing import Routes
from qualtrics_async.sandbox.wire import Refused, check_keys, check_texts, result

if TYPE_CHECKING:
    from qualtrics_async.sandbox.jobs import Job
    from qualtrics_async.sandbox.records import Contact
    from qualtrics_async.sandbox.shelves import Shelf
    from qualtrics_async.sandbox.state import State
    from qualtrics_async.sandbox.wire import Body, Call

__all__ = ["routes"]

routes = Routes()

_SAMPLES = "/directories/{directoryId}/samples"
_ONE = _SAMPLES + "/{sampleId}"
_TEXTS = ("name", "description", "category", "ownerId")
_FLAGS = ("hidden", "frozen")
_FAMILY = "sample creation"


@routes("GET", _SAMPLES, "documented")
def list_samples(call: Call) -> Body:
    """Documented."""
    return call.page(_drawn(call).under(find_directory(call).id), lambda sample: _element(call.state, sample))


@routes("POST", _SAMPLES, "documented", per_minute=500)
def create_sample(call: Call) -> Body:
    """Documented: a job. That the answer names the sample as well, and what is sent, is used by a client."""
    directory = find_directory(call)
    body = call.json()
    check_keys(body, ("sampleDefinitionId", "parentId"), ("sampleDefinitionId",))
    check_texts(body, ("sampleDefinitionId", "parentId"))
    definition = call.state.shelf(DEFINITION).find(directory.id, body["sampleDefinitionId"])
    parent_id = body.get("parentId", directory.id)
    job = _jobs.begin(
        call,
        _FAMILY,
        "PGRS_",
        directory_id=directory.id,
        sample_id=call.state.new_id("SMPL_"),
        parent_id=parent_id,
        pool=_contacts_of(call, directory.id, parent_id),
        wanted=read_criteria(call.state, definition["sampleCriteria"]),
        definition=dict(definition),
    )
    return result({"progressId": job.id, "sampleId": job.record["sample_id"]})


@routes("GET", _SAMPLES + "/progress/{progressId}", "assumed")
def sample_progress(call: Call) -> Body:
    """Assumed: percent, a word, and the sample at the end."""
    job = _jobs.find(call, _FAMILY, call.ids[1])
    if job.record["directory_id"] != call.ids[0]:
        raise Refused(404, "PLACEHOLDER_404", "No such job in this directory.")
    percent = _jobs.poll(call, job)
    _finish(call, job)
    body: Body = {"percentComplete": percent, "status": _jobs.WORDS.of(job)}
    return result(body | ({"sampleId": job.record["sample_id"]} if job.outcome == "complete" else {}))


@routes("GET", _ONE, "documented")
def get_sample(call: Call) -> Body:
    """Documented: as in the list."""
    return result(_element(call.state, _drawn(call).find(*call.ids)))


@routes("PUT", _ONE, "assumed")
def update_sample(call: Call) -> Body:
    """Assumed: changes what describes a sample, and answers meta only."""
    sample = _drawn(call).find(*call.ids)
    body = call.json()
    check_keys(body, (*_TEXTS, *_FLAGS))
    check_texts(body, _TEXTS)
    for key in _FLAGS:
        if not isinstance(body.get(key, False), bool):
            raise Refused(400, "PLACEHOLDER_400", f"{key} must be true or false.")
    sample.update(body)
    return {}


@routes("DELETE", _ONE, "assumed")
def delete_sample(call: Call) -> Body:
    """Assumed: answers meta only and leaves the contacts in the directory."""
    _drawn(call).remove(*call.ids)
    return {}


@routes("GET", _ONE + "/contacts", "documented")
def list_sample_contacts(call: Call) -> Body:
    """Documented; that no list's opt-out is known here is assumed."""
    _drawn(call).find(*call.ids)
    return call.page(_contacts_of(call, *call.ids), _contact)


def _drawn(call: Call) -> Shelf:
    """The samples, with those whose jobs have ended by now."""
    for job in call.state.jobs.values():
        if job.family == _FAMILY:
            _jobs.advance(call, job)
            _finish(call, job)
    return call.state.shelf("sample")


def _finish(call: Call, job: Job) -> None:
    """Draw the sample when its job has ended well, once."""
    record = job.record
    if job.outcome != "complete" or "drawn" in record:
        return
    definition = record["definition"]
    found = [contact for contact in record["pool"] if record["wanted"](contact)]
    drawn = record["drawn"] = [contact.id for contact in found[: _size(len(found), definition)]]
    sample = {
        "sampleId": record["sample_id"],
        "parentGroupId": record["parent_id"],
        **dict.fromkeys(("name", "description", "category")),
        "creatorId": call.state.user_id,
        "ownerId": call.state.user_id,
        **dict.fromkeys(_FLAGS, False),
        "creationLogic": definition["sampleCriteria"],
        "contactIds": drawn,
    }
    call.state.shelf("sample").put(record["directory_id"], record["sample_id"], record=sample)


def _size(found: int, definition: dict[str, Any]) -> int:
    """How many are drawn; 0 percent, as a client sends it, sets no limit."""
    share = definition.get("samplePercentage") or 100
    return int(min(found * share / 100, definition.get("maxSampleSize", found)))


def _contacts_of(call: Call, directory_id: str, parent_id: str) -> list[Contact]:
    """Who may be drawn: a directory's contacts, a list's, or an earlier sample's."""
    state = call.state
    if parent_id == directory_id:
        return [contact for contact in state.contacts.values() if contact.directory_id == directory_id]
    mailing_list = state.mailing_lists.get(parent_id)
    if mailing_list is not None and mailing_list.directory_id == directory_id:
        return [member.contact for member in mailing_list.members]
    ids = _drawn(call).find(directory_id, parent_id)["contactIds"]
    return [state.contacts[contact_id] for contact_id in ids if contact_id in state.contacts]


def _element(state: State, sample: dict[str, Any]) -> Body:
    """Without those who were deleted since it was drawn."""
    kept = {key: value for key, value in sample.items() if key != "contactIds"}
    return kept | {"contactCount": sum(made in state.contacts for made in sample["contactIds"])}


def _contact(contact: Contact) -> Body:
    return person(contact) | {
        "unsubscribed": contact.unsubscribed,
        "mailingListUnsubscribed": False,
        "embeddedData": contact.embedded_data or {},
    }
