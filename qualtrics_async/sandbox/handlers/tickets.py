"""Tickets, a log of what happened to them, and the statuses that they can have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qualtrics_async.sandbox.routing import Routes
from qualtrics_async.sandbox.state import iso
from qualtrics_async.sandbox.wire import Refused, check_keys, check_texts, result

if TYPE_CHECKING:
    from qualtrics_async.sandbox.wire import Body, Call

__all__ = ["routes"]

routes = Routes()

_TICKET = "/tickets/{ticketKey}"
_NUMBERS = ("status", "priority")
_KEYS = ("key", "followUpDetailsSurveyId", "followUpDetailsResponseId")
_CHANGED = ("name", "ownerId", "ticketTeamId", "ticketGroupId")
_STATUSES = (
    {"id": 1, "name": "Open", "transitions": [2, 3]},
    {"id": 2, "name": "In Progress", "transitions": [1, 3]},
    {"id": 3, "name": "Closed", "transitions": [1]},
)
_STATUS_KEYS = ("id", "name", "transitions")


@routes("GET", "/tickets", "documented")
def list_tickets(call: Call) -> Body:
    """Documented, with the keys that one client reads. That `allTickets` adds those of others is assumed."""
    tickets = [
        ticket
        for ticket in call.state.shelf("ticket")
        if call.flag("allTickets") or ticket["ownerId"] == call.state.user_id
    ]
    return call.page(tickets, dict, cursor="offset")


@routes("POST", "/tickets/search", "assumed")
def search_tickets(call: Call) -> Body:
    """Assumed: the body has keys of tickets and the values that they shall have."""
    body = call.json()
    check_keys(body, (*_KEYS, *_CHANGED, *_NUMBERS))
    found = [
        ticket
        for ticket in call.state.shelf("ticket")
        if all(ticket.get(key) == value for key, value in body.items())
    ]
    return call.page(found, dict, cursor="offset")


@routes("GET", "/tickets/statuses", "documented")
def get_statuses(call: Call) -> Body:
    """Documented, with the keys that one client reads; which statuses there are at first is assumed."""
    return result({"elements": _statuses(call)})


@routes("PUT", "/tickets/statuses", "assumed")
def set_statuses(call: Call) -> Body:
    """Assumed body, as it is read; that it replaces the whole set is documented. Answers meta only."""
    body = call.json()
    check_keys(body, ("elements",), ("elements",))
    statuses = body["elements"]
    if not isinstance(statuses, list) or not statuses:
        raise Refused(400, "PLACEHOLDER_400", "elements must be a list with statuses.")
    for status in statuses:
        if not isinstance(status, dict):
            raise Refused(400, "PLACEHOLDER_400", "A status is an object.")
        check_keys(status, _STATUS_KEYS, ("id", "name"))
        check_texts(status, ("name",))
        _check_number(status["id"], "id")
        following = status.get("transitions", [])
        if not isinstance(following, list):
            raise Refused(400, "PLACEHOLDER_400", "transitions must be a list.")
        for number in following:
            _check_number(number, "transitions")
    call.state.shelf("ticket statuses").put(record={"elements": statuses})
    return {}


@routes("GET", _TICKET, "documented")
def get_ticket(call: Call) -> Body:
    """Documented, with the keys that one client reads."""
    return result(dict(_ticket(call)))


@routes("PUT", _TICKET, "documented")
def update_ticket(call: Call) -> Body:
    """Documented: at least one key, and what is assigned is never unset. Each change becomes an event."""
    ticket, body = _ticket(call), call.json()
    check_keys(body, (*_CHANGED, *_NUMBERS, "comment"))
    if not body:
        raise Refused(400, "PLACEHOLDER_400", "There is nothing to change.")
    check_texts(body, (*_CHANGED, "comment"))
    for key in _NUMBERS:
        _check_number(body.get(key, 0), key)
    if "status" in body and body["status"] not in {status["id"] for status in _statuses(call)}:
        raise Refused(400, "PLACEHOLDER_400", "No such status.")
    for key, value in body.items():
        _happened(call, key, value, ticket.get(key))
        if key != "comment":
            ticket[key] = value
    return {}


@routes("DELETE", _TICKET, "documented")
def delete_ticket(call: Call) -> Body:
    """Documented: answers meta only."""
    call.state.shelf("ticket").remove(*call.ids)
    return {}


@routes("GET", _TICKET + "/events", "documented")
def list_events(call: Call) -> Body:
    """Documented, with the keys that one client reads; the words of `eventType` are placeholders."""
    key = _ticket(call)["key"]
    return call.page(call.state.shelf("ticket event").under(key), dict, cursor="offset")


@routes("GET", _TICKET + "/rootCauses", "documented")
def list_root_causes(call: Call) -> Body:
    """Documented, with the keys that one client reads."""
    causes = call.state.shelf("root cause").under(_ticket(call)["key"])
    return result({"elements": [cause | {"createdAt": iso(cause["createdAt"])} for cause in causes]})


@routes("PUT", _TICKET + "/ticketAdditionalData", "assumed")
def update_additional_data(call: Call) -> Body:
    """Assumed: any keys, added to those that are there; kept on the shelf `ticket additional data`."""
    key, body = _ticket(call)["key"], call.json()
    shelf = call.state.shelf("ticket additional data")
    shelf.put(key, record=(shelf.get(key) or {}) | body)
    return {}


def _ticket(call: Call) -> dict[str, Any]:
    return call.state.shelf("ticket").find(call.ids[0])


def _statuses(call: Call) -> list[dict[str, Any]]:
    kept = call.state.shelf("ticket statuses").get()
    return [dict(status) for status in (_STATUSES if kept is None else kept["elements"])]


def _happened(call: Call, key: str, value: Any, before: Any) -> None:
    details = {"oldStatusId": before, "newStatusId": value} if key == "status" else {key: value}
    shelf = call.state.shelf("ticket event")
    record = {
        "ownerId": call.state.user_id,
        "eventType": f"PLACEHOLDER_{key}",
        "createdAt": iso(call.state.now()),
        "eventDetails": details,
    }
    shelf.put(call.ids[0], str(len(shelf)), record=record)


def _check_number(value: Any, name: str) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise Refused(400, "PLACEHOLDER_400", f"{name} must be a whole number.")
