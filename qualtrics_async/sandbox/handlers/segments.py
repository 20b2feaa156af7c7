"""Segments of a directory, their contacts and their refreshes.

Who belongs to a segment is looked up when it is made, when its criteria change and when a refresh ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qualtrics_async.sandbox.handlers import _jobs
from qualtrics_async.sandbox.handlers._criteria import read_criteria
from qualtrics_async.sandbox.handlers._people import date, opted_out
from qualtrics_async.sandbox.handlers.directories import find_directory
from qualtrics_async.sandbox.routing import Routes
from qualtrics_async.sandbox.state import iso
from qualtrics_async.sandbox.wire import Refused, check_keys, check_texts, result

if TYPE_CHECKING:
    from collections.abc import Callable

    from qualtrics_async.sandbox.jobs import Job
    from qualtrics_async.sandbox.records import Contact
    from qualtrics_async.sandbox.shelves import Shelf
    from qualtrics_async.sandbox.state import State
    from qualtrics_async.sandbox.wire import Body, Call

__all__ = ["routes", "segments_of"]

routes = Routes()

_SEGMENTS = "/directories/{directoryId}/segments"
_ONE = _SEGMENTS + "/{segmentId}"
_KEYS = ("name", "description", "criteria")
_TEXTS = ("name", "description")
_FAMILY = "segment refresh"


@routes("GET", _SEGMENTS, "documented", per_minute=60)
def list_segments(call: Call) -> Body:
    """Documented."""
    return call.page(
        _settled(call).under(find_directory(call).id), lambda segment: _element(call.state, segment)
    )


@routes("POST", _SEGMENTS, "documented", per_minute=60)
def create_segment(call: Call) -> Body:
    """Documented: `criteria`. The other keys are those that are read, and the answer's key is assumed."""
    directory = find_directory(call)
    body = call.json()
    check_keys(body, _KEYS, ("name", "criteria"))
    check_texts(body, _TEXTS)
    wanted = read_criteria(call.state, body["criteria"])
    now = iso(call.state.now())
    made: dict[str, Any] = {
        "segmentId": call.state.new_id("SEG_"),
        "name": body["name"],
        "description": body.get("description"),
        "creationDate": now,
        "lastModifiedDate": now,
        "criteria": body["criteria"],
    }
    _look_up(call, directory.id, made, wanted)
    call.state.shelf("segment").put(directory.id, made["segmentId"], record=made)
    return result({"segmentId": made["segmentId"]})


@routes("GET", _ONE, "documented", per_minute=60)
def get_segment(call: Call) -> Body:
    """Documented: as in the list."""
    return result(_element(call.state, _settled(call).find(*call.ids)))


@routes("PUT", _ONE, "assumed", per_minute=60)
def update_segment(call: Call) -> Body:
    """Assumed: changes the keys that are there, looks up the contacts anew, and answers meta only."""
    segment = _settled(call).find(*call.ids)
    body = call.json()
    check_keys(body, _KEYS)
    check_texts(body, _TEXTS)
    if "criteria" in body:
        _look_up(call, call.ids[0], segment, read_criteria(call.state, body["criteria"]))
    segment.update(body)
    segment["lastModifiedDate"] = iso(call.state.now())
    return {}


@routes("DELETE", _ONE, "assumed", per_minute=60)
def delete_segment(call: Call) -> Body:
    """Assumed: answers meta only and leaves the contacts in the directory."""
    _settled(call).remove(*call.ids)
    return {}


@routes("GET", _ONE + "/contacts", "documented")
def list_segment_contacts(call: Call) -> Body:
    """Documented."""
    return call.page(_contacts(call), _contact)


@routes("GET", _ONE + "/contacts/{contactId}", "assumed")
def get_segment_contact(call: Call) -> Body:
    """Assumed: as in the list."""
    for contact in _contacts(call):
        if contact.id == call.ids[2]:
            return result(_contact(contact))
    raise Refused(404, "PLACEHOLDER_404", "No such contact in this segment.")


@routes("POST", _ONE + "/refresh-jobs", "assumed", per_minute=60)
def start_refresh(call: Call) -> Body:
    """Assumed: a job, named as in the path of its progress; it takes no body."""
    segment = _settled(call).find(*call.ids)
    wanted = read_criteria(call.state, segment["criteria"])
    job = _jobs.begin(call, _FAMILY, "PGRS_", ids=call.ids, segment=segment, wanted=wanted)
    return result({"progressId": job.id})


@routes("GET", _ONE + "/refresh-jobs/{progressId}", "assumed", per_minute=1000)
def refresh_progress(call: Call) -> Body:
    """Assumed: percent and a word."""
    job = _jobs.find(call, _FAMILY, call.ids[2])
    if job.record["ids"] != call.ids[:2]:
        raise Refused(404, "PLACEHOLDER_404", "No such job of this segment.")
    percent = _jobs.poll(call, job)
    _finish(call, job)
    return result({"percentComplete": percent, "status": _jobs.WORDS.of(job)})


def segments_of(call: Call, contact: Contact) -> list[dict[str, Any]]:
    """The segments that a contact belongs to."""
    segments = _settled(call).under(contact.directory_id)
    return [segment for segment in segments if contact.id in segment["contactIds"]]


def _settled(call: Call) -> Shelf:
    """The segments, after the refreshes that have ended by now."""
    for job in call.state.jobs.values():
        if job.family == _FAMILY:
            _jobs.advance(call, job)
            _finish(call, job)
    return call.state.shelf("segment")


def _finish(call: Call, job: Job) -> None:
    """Look up the contacts when the job has ended well, once."""
    if job.outcome == "complete" and "refreshed" not in job.record:
        job.record["refreshed"] = True
        _look_up(call, job.record["ids"][0], job.record["segment"], job.record["wanted"])


def _look_up(
    call: Call, directory_id: str, segment: dict[str, Any], wanted: Callable[[Contact], bool]
) -> None:
    found = [
        made for made in call.state.contacts.values() if made.directory_id == directory_id and wanted(made)
    ]
    segment["contactIds"] = [contact.id for contact in found]


def _contacts(call: Call) -> list[Contact]:
    ids = _settled(call).find(*call.ids[:2])["contactIds"]
    return [call.state.contacts[contact_id] for contact_id in ids if contact_id in call.state.contacts]


def _element(state: State, segment: dict[str, Any]) -> Body:
    """Without those who were deleted since the last refresh."""
    kept = {key: value for key, value in segment.items() if key != "contactIds"}
    return kept | {"contactCount": sum(made in state.contacts for made in segment["contactIds"])}


def _contact(contact: Contact) -> Body:
    """Nobody can opt out of a segment but by opting out of the directory: documented."""
    return opted_out(contact) | {
        "segmentUnsubscribed": contact.unsubscribed,
        "segmentUnsubscribeDate": date(contact.unsubscribed_at),
    }
