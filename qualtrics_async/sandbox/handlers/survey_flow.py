"""Blocks and the flow of survey definitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qualtrics_async.sandbox.handlers._definitions import (
    changed,
    find_part,
    trash_of,
)
from qualtrics_async.sandbox.handlers.surveys import find_survey
from qualtrics_async.sandbox.routing import Routes
from qualtrics_async.sandbox.survey_file import TRASH, into_flow, mapping, members, walk
from qualtrics_async.sandbox.wire import Refused, check_keys, check_texts, result

if TYPE_CHECKING:
    from qualtrics_async.sandbox.wire import Body, Call

__all__ = ["routes"]

routes = Routes()

_BLOCKS = "/survey-definitions/{surveyId}/blocks"
_FLOW = "/survey-definitions/{surveyId}/flow"
_BLOCK_TEXTS = ("Type", "SubType", "ID", "Description", "LibraryID", "ReferencedBlockID")
_BLOCK_KEYS = (*_BLOCK_TEXTS, "BlockElements", "Options")
_FLOW_KEYS = ("FlowID", "Type", "Flow", "Properties")


@routes("POST", _BLOCKS, "documented")
def create_block(call: Call) -> Body:
    """Documented. That the flow shows it last is assumed from the flow id that comes back."""
    survey = find_survey(call)
    body = _block(call, ("Type",))
    block_id = call.state.new_id("BL_")
    made = {"Description": "", "BlockElements": []} | body | {"ID": block_id}
    mapping(survey.definition, "Blocks")[block_id] = made
    flow_id = into_flow(survey.definition, {"Type": "Standard", "ID": block_id, "Autofill": []})
    changed(call, survey)
    return result({"BlockID": block_id, "FlowID": flow_id})


@routes("GET", f"{_BLOCKS}/{{blockId}}", "documented")
def get_block(call: Call) -> Body:
    """Documented."""
    return result(find_part(find_survey(call), "Blocks", call.ids[1]))


@routes("PUT", f"{_BLOCKS}/{{blockId}}", "documented")
def update_block(call: Call) -> Body:
    """Documented: answers meta only. That keys which are not sent stay is assumed: clients rename so."""
    survey = find_survey(call)
    block = find_part(survey, "Blocks", call.ids[1])
    block |= _block(call) | {"ID": call.ids[1]}
    changed(call, survey)
    return {}


@routes("DELETE", f"{_BLOCKS}/{{blockId}}", "documented")
def delete_block(call: Call) -> Body:
    """Documented: answers meta only. That its questions go to the trash, which stays, is assumed."""
    survey, block_id = find_survey(call), call.ids[1]
    block = find_part(survey, "Blocks", block_id)
    if block.get("Type") == TRASH:
        raise Refused(400, "PLACEHOLDER_400", "The trash cannot be deleted.")
    trash = trash_of(call, survey)
    asked = [item for item in members(block.get("BlockElements")).values() if "QuestionID" in item]
    trash["BlockElements"] = [*members(trash["BlockElements"]).values(), *asked]
    del survey.definition["Blocks"][block_id]
    flow = mapping(survey.definition, "SurveyFlow")
    for element in walk(flow):
        if "Flow" in element:
            below = members(element["Flow"]).values()
            element["Flow"] = [item for item in below if item.get("ID") != block_id]
    changed(call, survey)
    return {}


@routes("GET", _FLOW, "documented")
def get_flow(call: Call) -> Body:
    """Documented; the elements are observed."""
    return result(mapping(find_survey(call).definition, "SurveyFlow"))


@routes("PUT", _FLOW, "documented")
def update_flow(call: Call) -> Body:
    """Documented: replaces the whole flow, and all four keys are required."""
    survey = find_survey(call)
    body = call.json()
    check_keys(body, _FLOW_KEYS, _FLOW_KEYS)
    check_texts(body, ("FlowID", "Type"))
    _check_list(body, "Flow")
    survey.definition["SurveyFlow"] = body
    changed(call, survey)
    return {}


@routes("PUT", f"{_FLOW}/{{flowId}}", "documented")
def update_flow_element(call: Call) -> Body:
    """Documented with a list; clients send one object. That keys which are not sent stay is assumed."""
    survey, flow_id = find_survey(call), call.ids[1]
    found = [
        element
        for element in walk(mapping(survey.definition, "SurveyFlow"))
        if element.get("FlowID") == flow_id
    ]
    if not found:
        raise Refused(404, "PLACEHOLDER_404", "No such element of the flow.")
    elements = call.array() if call.payload.lstrip().startswith(b"[") else [call.json()]
    if len(elements) != 1 or not isinstance(elements[0], dict):
        raise Refused(400, "PLACEHOLDER_400", "The body must be one element.")
    (body,) = elements
    check_keys(body, body, ("Type",))
    check_texts(body, ("FlowID", "Type"))
    _check_list(body, "Flow")
    found[0] |= body | {"FlowID": flow_id}
    changed(call, survey)
    return {}


def _block(call: Call, required: tuple[str, ...] = ()) -> dict[str, Any]:
    body = call.json()
    check_keys(body, _BLOCK_KEYS, required)
    check_texts(body, _BLOCK_TEXTS)
    _check_list(body, "BlockElements")
    return body


def _check_list(body: dict[str, Any], key: str) -> None:
    """Refuse anything but a list of objects under a key. Assumed."""
    value = body.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise Refused(400, "PLACEHOLDER_400", f"{key} must be a list of objects.")
