"""The audit log and its exports: what `state.add_audit_event()` has put there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from qualtrics_async.sandbox.handlers._dates import read_instant
from qualtrics_async.sandbox.handlers._files import begin_export, export_progress, exported, find_export
from qualtrics_async.sandbox.handlers._jobs import CAPITALS
from qualtrics_async.sandbox.routing import Routes
from qualtrics_async.sandbox.state import iso_fraction
from qualtrics_async.sandbox.wire import File, Refused, check_keys, check_texts, result

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qualtrics_async.sandbox.wire import Body, Call

__all__ = ["routes"]

routes = Routes()

_FAMILY = "audit export"
_TYPES = (
    *("logins", "session_creations", "session_terminations", "password_changes", "password_resets"),
    *("users", "brands", "role_membership_change", "role_permission_change", "user_permission_change"),
    *("contact_list", "contact", "directory", "directory_setting", "dashboard_usage"),
)
"""Activities that a client asks for."""
_WEEK = 7 * 24 * 3600 * 1000
_NARROW = ("organizationId", "userId", "directoryId", "groupId", "contactId")


@routes("GET", "/logs/activitytypes", "assumed")
def list_activity_types(call: Call) -> Body:
    """Assumed from clients: elements without a next page."""
    return result({"elements": [_type(name) for name in _names(call)]})


@routes("GET", "/logs", "documented")
def list_events(call: Call) -> Body:
    """Documented: one activity, from `startDate` to before `endDate`, each 7 days from the other."""
    name = call.param("activityType")
    if name not in _names(call):
        raise Refused(400, "PLACEHOLDER_400", "No such activity type.")
    order = call.query.get("order", "asc")
    if order not in ("asc", "dsc"):
        raise Refused(400, "PLACEHOLDER_400", "order must be asc or dsc.")
    narrow = {key: call.query[key] for key in _NARROW if key in call.query}
    found = [
        event
        for event in _events(call, name, *_window(call))
        if all(event["descriptor"].get(key) == value for key, value in narrow.items())
    ]
    return call.page(found[::-1] if order == "dsc" else found, lambda event: _element(call, event))


@routes("GET", "/audit-events", "assumed", per_minute=120)
def list_event_types(call: Call) -> Body:
    """Assumed from a client: elements; by the documentation the names alone, under `events`."""
    return call.page(_names(call), _type)


@routes("POST", "/audit-exports", "documented", per_minute=30)
def start_audit_export(call: Call) -> Body:
    """Documented; that the answer's key is `id` is used by a client."""
    body = call.json()
    keys = ("eventName", "startDate", "endDate")
    check_keys(body, (*keys, "userId"), keys)
    check_texts(body, body)
    if body["eventName"] not in _names(call):
        raise Refused(400, "PLACEHOLDER_400", "No such event.")
    start, end = (read_instant(body[key], key) for key in ("startDate", "endDate"))
    found = [
        event
        for event in _events(call, body["eventName"], start, end)
        if body.get("userId") in (None, event["descriptor"].get("userId"))
    ]
    return result({"id": begin_export(call, _FAMILY, "", events=found).id})


@routes("GET", "/audit-exports/{exportId}", "assumed", per_minute=30)
def audit_export_status(call: Call) -> Body:
    """Assumed from a client."""
    job = find_export(call, _FAMILY)
    return result({"id": job.id} | export_progress(call, job, CAPITALS))


@routes("GET", "/audit-exports/{exportId}/files/{fileId}", "assumed", per_minute=30)
def audit_export_file(call: Call) -> File:
    """Assumed from a client: one JSON object a line, flat as the documentation's example."""
    job = exported(call, _FAMILY, under=0)
    if job.id != call.ids[0]:
        raise Refused(404, "PLACEHOLDER_404", "No such file.")
    lines = [json.dumps(_line(call, event), ensure_ascii=False) + "\n" for event in job.record["events"]]
    return File("".join(lines).encode("utf-8", "replace"), "application/x-ndjson", "audit.ndjson")


def _names(call: Call) -> list[str]:
    seen = (event["name"] for event in call.state.shelf("audit event"))
    return list(dict.fromkeys((*_TYPES, *seen)))


def _type(name: str) -> Body:
    return {"name": name, "description": name.replace("_", " "), "category": None}


def _events(call: Call, name: str, start: int, end: int) -> list[dict[str, Any]]:
    shelf = call.state.shelf("audit event")
    return [event for event in shelf if event["name"] == name and start <= event["at"] < end]


def _window(call: Call) -> tuple[int, int]:
    dates = {key: read_instant(call.query[key], key) for key in ("startDate", "endDate") if key in call.query}
    if "startDate" in dates:
        return dates["startDate"], dates.get("endDate", dates["startDate"] + _WEEK)
    end = dates.get("endDate", call.state.now() + 1)
    return end - _WEEK, end


def _element(call: Call, event: Mapping[str, Any]) -> Body:
    return {
        "id": event["id"],
        "timestamp": iso_fraction(event["at"]),
        "datacenter": call.state.datacenter.upper(),
        "source": "sandbox",
        "descriptor": event["descriptor"],
    }


def _line(call: Call, event: Mapping[str, Any]) -> Body:
    stamp = {"brandId": call.state.brand_id, "timestamp": iso_fraction(event["at"])}
    return {**stamp, **event["descriptor"]}
