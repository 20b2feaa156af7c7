"""Conditions on contacts, as the search has them."""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING, Any

from qualtrics_async.sandbox.handlers._dates import read_instant
from qualtrics_async.sandbox.wire import Refused, check_keys, check_texts

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from qualtrics_async.sandbox.records import Contact
    from qualtrics_async.sandbox.state import State
    from qualtrics_async.sandbox.wire import Body

    Condition = Callable[[Contact], bool]

__all__ = ["read_filter"]

_SMALLEST_GROUP, _LARGEST_GROUP, _DEEPEST_GROUP = 2, 5, 5
_TEXTS = {
    "email": "email",
    "firstName": "first_name",
    "lastName": "last_name",
    "language": "language",
    "phone": "phone",
    "extRef": "ext_ref",
}
_DATES = {"created": "created", "lastModified": "modified"}
_INFO_FIELDS = ("email", "extRef", "firstName", "lastName")
_COMPARISONS = {
    "eq": operator.eq,
    "neq": operator.ne,
    "gt": operator.gt,
    "lt": operator.lt,
    "gte": operator.ge,
    "lte": operator.le,
}
_EQUALITY = ("eq", "neq")
_FLAGS = {True: True, False: False, "true": True, "false": False}
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}( [0-9]{2}:[0-9]{2}:[0-9]{2})?")
_SECOND, _DAY = 1_000, 86_400_000


def read_filter(state: State, value: Any, *, depth: int = 0) -> Condition:
    """A test of contacts from its wire form.

    The criteria with their comparisons, `and` and the size of a group are documented; `or`, groups in groups,
    `embeddedData` and how all else is refused are assumed.
    """
    if not isinstance(value, dict) or depth > _DEEPEST_GROUP:
        raise Refused(400, "PLACEHOLDER_400", "A filter must be an object, and no deep one.")
    if "conjunction" in value:
        return _group(state, value, depth)
    kind = value.get("filterType")
    if not isinstance(kind, str):
        raise Refused(400, "RP_10", "Expected param not found: filterType")
    if kind in _TEXTS:
        return _text(value, _TEXTS[kind])
    if kind in _DATES:
        return _date(value, _DATES[kind])
    match kind:
        case "inList":
            return _in_list(state, value)
        case "infoFieldState":
            return _info_field(value)
        case "embeddedData":
            return _embedded(value)
    raise Refused(400, "PLACEHOLDER_400", "filterType is not known.")


def _group(state: State, value: Body, depth: int) -> Condition:
    check_keys(value, ("conjunction", "filters"), ("filters",))
    inner = value["filters"]
    if not isinstance(inner, list) or not _SMALLEST_GROUP <= len(inner) <= _LARGEST_GROUP:
        raise Refused(400, "PLACEHOLDER_400", "filters must be a list of 2 to 5.")
    combined = {"and": all, "or": any}.get(str(value["conjunction"]))
    if combined is None:
        raise Refused(400, "PLACEHOLDER_400", "conjunction must be and, or or.")
    conditions = [read_filter(state, part, depth=depth + 1) for part in inner]
    return lambda contact: combined(condition(contact) for condition in conditions)


def _text(value: Body, attribute: str) -> Condition:
    wanted, equal = _wanted(value, "value"), _compared(value, _EQUALITY) == "eq"
    return lambda contact: (_plain(getattr(contact, attribute)) == wanted) is equal


def _date(value: Body, attribute: str) -> Condition:
    _wanted(value, "value")
    compare = _COMPARISONS[_compared(value, _COMPARISONS)]
    text = value["value"].strip()
    if not _DATE.fullmatch(text):
        raise Refused(400, "PLACEHOLDER_400", "value must be yyyy-MM-dd or yyyy-MM-dd hh:mm:ss.")
    unit = _SECOND if " " in text else _DAY
    wanted = read_instant(text, "value") // unit
    return lambda contact: compare(getattr(contact, attribute) // unit, wanted)


def _in_list(state: State, value: Body) -> Condition:
    _wanted(value, "mailingListId")
    comparison = value["comparison"]
    flag = _FLAGS.get(comparison) if isinstance(comparison, bool | str) else None
    mailing_list = state.mailing_lists.get(value["mailingListId"].strip())
    if flag is None or mailing_list is None:
        raise Refused(400, "PLACEHOLDER_400", "inList takes true or false and a mailing list.")
    return lambda contact: (contact.id in mailing_list.by_contact) is flag


def _info_field(value: Body) -> Condition:
    _wanted(value, "field")
    empty = _compared(value, ("empty", "notEmpty")) == "empty"
    field = value["field"].strip()
    if field not in _INFO_FIELDS:
        raise Refused(400, "PLACEHOLDER_400", f"field must be one of {', '.join(_INFO_FIELDS)}.")
    return lambda contact: (not getattr(contact, _TEXTS[field])) is empty


def _embedded(value: Body) -> Condition:
    wanted, equal = _wanted(value, "value", "field"), _compared(value, _EQUALITY) == "eq"
    field = value["field"].strip()
    return lambda contact: (_plain((contact.embedded_data or {}).get(field)) == wanted) is equal


def _wanted(value: Body, *keys: str) -> str:
    """Check the keys, all of which must be there, and return what the first says, ready to compare."""
    expected = ("filterType", "comparison", *keys)
    check_keys(value, expected, expected)
    check_texts(value, keys)
    return _plain(value[keys[0]])


def _compared(value: Body, known: Collection[str]) -> str:
    comparison = value["comparison"]
    if not isinstance(comparison, str) or comparison not in known:
        raise Refused(400, "PLACEHOLDER_400", f"comparison must be one of {', '.join(known)}.")
    return comparison


def _plain(value: object) -> str:
    """Without regard to case and to spaces around it: documented for what is asked for."""
    return "" if value is None else str(value).strip().casefold()
