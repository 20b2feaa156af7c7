"""Rules about how often a contact of a directory may be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qualtrics_async.sandbox.handlers.directories import find_directory
from qualtrics_async.sandbox.routing import Routes
from qualtrics_async.sandbox.wire import Refused, check_keys, check_texts, result

if TYPE_CHECKING:
    from qualtrics_async.sandbox.shelves import Shelf
    from qualtrics_async.sandbox.wire import Body, Call

__all__ = ["routes"]

routes = Routes()

_TEXTS = ("targetType", "targetId", "emailType")
_KINDS = {
    "targetIds": list,
    "daysBetween": int,
    "timePeriodLimit": dict,
    "alwaysSend": bool,
    "mutuallyExclusive": bool,
}
_KEYS = (*_TEXTS, *_KINDS)
_RULES = "/directories/{directoryId}/frequencyrules"
_RULE = _RULES + "/{ruleId}"


@routes("GET", _RULES, "documented")
def list_rules(call: Call) -> Body:
    """Documented."""
    directory = find_directory(call)
    return call.page(_shelf(call).under(directory.id), dict)


@routes("POST", _RULES, "assumed")
def create_rule(call: Call) -> Body:
    """Assumed: takes what is read, without the id, and answers the id."""
    directory = find_directory(call)
    body, rule_id = _body(call), call.state.new_id("CFR_")
    _shelf(call).put(directory.id, rule_id, record={"ruleId": rule_id} | dict.fromkeys(_KEYS) | body)
    return result({"id": rule_id})


@routes("GET", _RULE, "documented")
def get_rule(call: Call) -> Body:
    """Documented."""
    return result(_shelf(call).find(*call.ids))


@routes("PUT", _RULE, "assumed")
def update_rule(call: Call) -> Body:
    """Assumed: sets what is given and answers meta only."""
    rule = _shelf(call).find(*call.ids)
    rule |= _body(call)
    return {}


@routes("DELETE", _RULE, "assumed")
def delete_rule(call: Call) -> Body:
    """Assumed: answers meta only."""
    _shelf(call).remove(*call.ids)
    return {}


def _shelf(call: Call) -> Shelf:
    return call.state.shelf("frequency rule")


def _body(call: Call) -> Body:
    body = call.json()
    check_keys(body, _KEYS)
    check_texts(body, _TEXTS)
    for key, kind in _KINDS.items():
        value = body.get(key)
        if value is not None and type(value) is not kind:
            raise Refused(400, "PLACEHOLDER_400", f"{key} must be {kind.__name__}.")
    check_keys(body.get("timePeriodLimit") or {}, ("period", "numMessages"))
    return body
