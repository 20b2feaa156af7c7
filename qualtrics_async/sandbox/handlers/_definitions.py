"""What the handlers of survey definitions share: parts of a survey, its languages, the mark of a change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qualtrics_async.sandbox.state import iso
from qualtrics_async.sandbox.survey_file import TRASH, mapping, members
from qualtrics_async.sandbox.wire import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qualtrics_async.sandbox.records import Survey
    from qualtrics_async.sandbox.wire import Call

__all__ = ["changed", "find_part", "keep_quotas", "languages_of", "take_out", "trash_of"]


def find_part(survey: Survey, key: str, part_id: str) -> dict[str, Any]:
    """A block or a question of a survey; the refusal is assumed."""
    found = members(survey.definition.get(key)).get(part_id)
    if found is None:
        raise Refused(404, "PLACEHOLDER_404", f"There is no {part_id} in the survey's {key}.")
    return found


def changed(call: Call, survey: Survey) -> None:
    """Note that a survey was changed now."""
    survey.modified = call.state.now()
    survey.definition["LastModified"] = iso(survey.modified)


def keep_quotas(call: Call, survey_id: str, elements: Iterable[object]) -> None:
    """Give a survey the quotas of a file and their groups; they count from 0 again. Assumed."""
    quotas: dict[str, dict[str, Any]] = {}
    groups: dict[str, dict[str, Any]] = {}
    for element in elements:
        match element:
            case {"Element": "QO", "Payload": {"ID": str(quota_id)} as payload}:
                quotas[quota_id] = payload | {"Count": 0}
            case {"Element": "QG", "Payload": {"ID": str(group_id)} as payload}:
                groups[group_id] = payload
    for quota_id, quota in quotas.items():
        call.state.shelf("quota").put(survey_id, quota_id, record=quota)
    for group_id, group in groups.items():
        named = group.get("Quotas")
        kept = [quota_id for quota_id in quotas if quota_id in named] if isinstance(named, list) else []
        call.state.shelf("quota group").put(survey_id, group_id, record=group | {"Quotas": kept})


def languages_of(survey: Survey) -> list[str]:
    """The languages of a survey, its own first."""
    options = mapping(survey.definition, "SurveyOptions")
    own, available = options.get("SurveyLanguage", "EN"), options.get("AvailableLanguages")
    found = available if isinstance(available, dict | list) else ()
    return [code for code in dict.fromkeys((own, *map(str, found))) if isinstance(code, str)]


def trash_of(call: Call, survey: Survey) -> dict[str, Any]:
    """The block of questions that are not asked, made where a file had none."""
    blocks = mapping(survey.definition, "Blocks")
    for block in members(blocks).values():
        if block.get("Type") == TRASH:
            block["BlockElements"] = list(members(block.get("BlockElements")).values())
            return block
    block_id = call.state.new_id("BL_")
    blocks[block_id] = {"Type": TRASH, "ID": block_id, "BlockElements": []}
    return members(blocks)[block_id]


def take_out(survey: Survey, question_id: str) -> None:
    """Take a question out of every block."""
    for block in members(survey.definition.get("Blocks")).values():
        elements = block.get("BlockElements")
        if isinstance(elements, list):
            block["BlockElements"] = [
                item
                for item in elements
                if not (isinstance(item, dict) and item.get("QuestionID") == question_id)
            ]
