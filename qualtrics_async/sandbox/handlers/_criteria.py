"""Criteria of segments and samples: conditions on contacts, as the search has them, in an object around."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qualtrics_async.sandbox.handlers._contact_filters import read_filter
from qualtrics_async.sandbox.wire import Refused, check_keys, nested

if TYPE_CHECKING:
    from collections.abc import Callable

    from qualtrics_async.sandbox.records import Contact
    from qualtrics_async.sandbox.state import State

__all__ = ["read_criteria"]

_DEEPEST = 5
_CONJUNCTIONS = {"and": all, "or": any}


def read_criteria(state: State, value: Any, *, depth: int = 0) -> Callable[[Contact], bool]:
    """A test of contacts from its wire form.

    `simpleFilter` and that criteria may be grouped under `and` and `or` is documented. The form of a group,
    and that a simple filter takes what the search takes, is assumed.
    """
    if not isinstance(value, dict) or len(value) != 1 or depth > _DEEPEST:
        raise Refused(400, "PLACEHOLDER_400", "Criteria are one simpleFilter or filterGroup, not too deep.")
    check_keys(value, ("simpleFilter", "filterGroup"))
    if "simpleFilter" in value:
        return read_filter(state, value["simpleFilter"])
    group = nested(value, "filterGroup")
    check_keys(group, ("conjunction", "filters"), ("conjunction", "filters"))
    combined, inner = _CONJUNCTIONS.get(str(group["conjunction"])), group["filters"]
    if combined is None or not isinstance(inner, list):
        raise Refused(400, "PLACEHOLDER_400", "A filterGroup takes and/or and a list of criteria.")
    conditions = [read_criteria(state, part, depth=depth + 1) for part in inner]
    return lambda contact: combined(condition(contact) for condition in conditions)
