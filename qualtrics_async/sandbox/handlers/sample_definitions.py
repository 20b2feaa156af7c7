"""How samples of a directory are drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qualtrics_async.sandbox.handlers._criteria import read_criteria
from qualtrics_async.sandbox.handlers.directories import find_directory
from qualtrics_async.sandbox.routing import Routes
from qualtrics_async.sandbox.wire import Refused, check_keys, result

if TYPE_CHECKING:
    from qualtrics_async.sandbox.wire import Body, Call

__all__ = ["DEFINITION", "routes"]

routes = Routes()

DEFINITION = "sample definition"
"""The noun of the shelf."""
_DEFINITIONS = "/directories/{directoryId}/samples/definitions"
_ONE = _DEFINITIONS + "/{sampleDefinitionId}"
_KEYS = ("sampleCriteria", "maxSampleSize", "samplePercentage")
_ALL = 100


@routes("GET", _DEFINITIONS, "documented")
def list_sample_definitions(call: Call) -> Body:
    """Documented."""
    found = call.state.shelf(DEFINITION).under(find_directory(call).id)
    return call.page(found, dict)


@routes("POST", _DEFINITIONS, "documented", per_minute=500)
def create_sample_definition(call: Call) -> Body:
    """Documented by a client: the keys, and `sampleDefinitionId` in the answer. The refusals are assumed."""
    directory = find_directory(call)
    body = call.json()
    check_keys(body, _KEYS, ("sampleCriteria",))
    _check(call, body)
    made = {"sampleDefinitionId": call.state.new_id("SD_"), **body}
    call.state.shelf(DEFINITION).put(directory.id, made["sampleDefinitionId"], record=made)
    return result({"sampleDefinitionId": made["sampleDefinitionId"]})


@routes("GET", _ONE, "assumed")
def get_sample_definition(call: Call) -> Body:
    """Assumed: as in the list."""
    return result(call.state.shelf(DEFINITION).find(*call.ids))


@routes("PUT", _ONE, "assumed")
def update_sample_definition(call: Call) -> Body:
    """Assumed: takes the keys of a new one, changes those that are there, and answers meta only."""
    definition = call.state.shelf(DEFINITION).find(*call.ids)
    body = call.json()
    check_keys(body, _KEYS)
    _check(call, body)
    definition.update(body)
    return {}


@routes("DELETE", _ONE, "assumed", per_minute=500)
def delete_sample_definition(call: Call) -> Body:
    """Assumed: answers meta only; samples that were drawn by it stay."""
    call.state.shelf(DEFINITION).remove(*call.ids)
    return {}


def _check(call: Call, body: Body) -> None:
    if "sampleCriteria" in body:
        read_criteria(call.state, body["sampleCriteria"])
    size, share = body.get("maxSampleSize", 0), body.get("samplePercentage", 0)
    if isinstance(size, bool) or not isinstance(size, int) or size < 0:
        raise Refused(400, "PLACEHOLDER_400", "maxSampleSize must be a whole number, not negative.")
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= _ALL:
        raise Refused(400, "PLACEHOLDER_400", f"samplePercentage must be a number from 0 to {_ALL}.")
