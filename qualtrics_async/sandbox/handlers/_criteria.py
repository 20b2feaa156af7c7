"""Criteria of segments and samples: which contacts of a directory meet them.

That filters are written as `simpleFilter` and grouped under a conjunction is documented, `eq` too. The rest
is assumed: exact comparison, `neq`, and the group's own keys, which are those of the contact search.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qualtrics_async.sandbox.wire import Refused, check_keys, check_texts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qualtrics_async.sandbox.records import Contact
    from qualtrics_async.sandbox.state import State

__all__ = ["check_criteria", "matching"]

_FIELDS = {
    "email": "email",
    "firstName": "first_name",
    "lastName": "last_name",
    "phone": "phone",
    "extRef": "ext_ref",
    "language": "language",
}
_EMBEDDED = "embeddedData"
_COMPARISONS = ("eq", "neq")
_CONJUNCTIONS = ("and", "or")
_FILTER_KEYS = ("filterType", "comparison", "value", "field", "mailingListId")
_DEPTH = 10


def check_criteria(criteria: Any, depth: int = 0) -> None:
    """Refuse what cannot be evaluated; the refusals are assumed."""
    if not isinstance(criteria, dict) or depth > _DEPTH:
        raise Refused(400, "PLACEHOLDER_400", "The criteria must be an object that is not nested too deep.")
    check_keys(criteria, ("simpleFilter", "filterGroup"))
    if len(criteria) != 1:
        raise Refused(400, "PLACEHOLDER_400", "The criteria take either a simpleFilter or a filterGroup.")
    for inner in criteria.values():
        if not isinstance(inner, dict):
            raise Refused(400, "PLACEHOLDER_400", "A filter must be an object.")
    if "simpleFilter" in criteria:
        _check_filter(criteria["simpleFilter"])
    else:
        _check_group(criteria["filterGroup"], depth)


def matching(state: State, contacts: Iterable[Contact], criteria: dict[str, Any]) -> list[Contact]:
    """Those of the contacts who meet the criteria, in their order."""
    return [contact for contact in contacts if _meets(state, contact, criteria)]


def _check_filter(simple: dict[str, Any]) -> None:
    check_keys(simple, _FILTER_KEYS, ("filterType", "comparison", "value"))
    check_texts(simple, ("filterType", "comparison", "field", "mailingListId"))
    kind = simple["filterType"]
    if kind not in (*_FIELDS, _EMBEDDED) or (kind == _EMBEDDED) != ("field" in simple):
        raise Refused(400, "PLACEHOLDER_400", "filterType is not known, or does not go with field.")
    if simple["comparison"] not in _COMPARISONS:
        raise Refused(400, "PLACEHOLDER_400", f"comparison must be one of {', '.join(_COMPARISONS)}.")
    if not isinstance(simple["value"], str | int | float):
        raise Refused(400, "PLACEHOLDER_400", "value must be text or a number.")


def _check_group(group: dict[str, Any], depth: int) -> None:
    check_keys(group, ("conjunction", "filters"), ("conjunction", "filters"))
    conjunction, filters = group["conjunction"], group["filters"]
    if conjunction not in _CONJUNCTIONS or not isinstance(filters, list):
        raise Refused(400, "PLACEHOLDER_400", "A filterGroup takes and/or and a list of filters.")
    for inner in filters:
        check_criteria(inner, depth + 1)


def _meets(state: State, contact: Contact, criteria: dict[str, Any]) -> bool:
    group = criteria.get("filterGroup")
    if group is not None:
        met = (_meets(state, contact, inner) for inner in group["filters"])
        return all(met) if group["conjunction"] == "and" else any(met)
    simple = criteria["simpleFilter"]
    list_id = simple.get("mailingListId")
    if list_id is not None:
        mailing_list = state.mailing_lists.get(list_id)
        if mailing_list is None or contact.id not in mailing_list.by_contact:
            return False
    equal = _value(contact, simple) == str(simple["value"])
    return bool(equal == (simple["comparison"] == "eq"))


def _value(contact: Contact, simple: dict[str, Any]) -> str | None:
    if simple["filterType"] == _EMBEDDED:
        found = (contact.embedded_data or {}).get(simple["field"])
    else:
        found = getattr(contact, _FIELDS[simple["filterType"]])
    return None if found is None else str(found)
