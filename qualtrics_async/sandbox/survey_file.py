"""Surveys as they begin, and as the files that the vendor exports and imports."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from qualtrics_async.sandbox.definition import definition

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = [
    "blank",
    "copied",
    "into_flow",
    "is_randomised",
    "mapping",
    "members",
    "mysql",
    "qsf_elements",
    "read_elements",
    "walk",
]

ZERO_DATE = "0000-00-00 00:00:00"
TRASH = "Trash"
_FIXED = (None, "", "None", "false", False)
"""What a definition says where nothing is shuffled."""
_FLOW_NUMBER = re.compile(r"FL_(\d{1,9})", re.ASCII)


def mapping(owner: dict[str, Any], key: str) -> dict[str, Any]:
    """The object under a key, made where there is none: PHP writes an empty one as `[]`."""
    value = owner.get(key)
    if not isinstance(value, dict):
        value = owner[key] = {}
    return value


def members(value: object) -> dict[str, dict[str, Any]]:
    """The objects in an object, or in the list that PHP makes of one with numbered keys."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return {str(key): item for key, item in pairs if isinstance(item, dict)}


def copied(value: Any) -> Any:
    """JSON that nothing changes any more."""
    return json.loads(json.dumps(value))


def walk(flow: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every element of a flow, the root first."""
    waiting = [flow]
    while waiting:
        element = waiting.pop()
        yield element
        waiting.extend(members(element.get("Flow")).values())


def is_randomised(definition: dict[str, Any]) -> bool:
    """Whether questions, choices or blocks are shown in random order."""
    blocks = members(definition.get("Blocks")).values()
    shuffled = [
        members(question).get("Randomization", {}).get("Type")
        for question in members(definition.get("Questions")).values()
    ]
    shuffled += [members(block).get("Options", {}).get("RandomizeQuestions") for block in blocks]
    flow = members(definition).get("SurveyFlow", {})
    return any(word not in _FIXED for word in shuffled) or any(
        "Randomizer" in str(element.get("Type")) for element in walk(flow)
    )


def into_flow(definition: dict[str, Any], element: dict[str, Any], *, first: bool = False) -> str:
    """Put an element into the flow, last unless it comes first, and return the id that it gets there."""
    flow = mapping(definition, "SurveyFlow")
    numbers = [_FLOW_NUMBER.fullmatch(str(other.get("FlowID"))) for other in walk(flow)]
    flow_id = f"FL_{max((int(found[1]) for found in numbers if found), default=0) + 1}"
    elements = list(members(flow.get("Flow")).values())
    elements.insert(0 if first else len(elements), element | {"FlowID": flow_id})
    flow["Flow"] = elements
    mapping(flow, "Properties")["Count"] = sum(1 for _ in walk(flow))
    return flow_id


def mysql(moment: str | None) -> str:
    """`2026-06-01 09:00:00` of an ISO 8601 text; the zero date for none, as in recorded files."""
    return ZERO_DATE if moment is None else moment.replace("T", " ").removesuffix("Z")


def blank(
    identity: dict[str, str], now: str, *, language: str, category: str, blocks: tuple[str, str]
) -> dict[str, Any]:
    """The definition of a survey without questions: an empty block, the trash, a flow that shows the block.

    Documented are the ids that come back; what else there is, is assumed. `blocks` are the ids of both.
    """
    made = definition(
        identity["id"], identity["name"], identity["brand"], identity["owner"], now, active=False
    )
    first, trash = blocks
    options = made["SurveyOptions"] | {"SurveyLanguage": language, "AvailableLanguages": {language: []}}
    return made | {
        "QuestionCount": "0",
        "SurveyOptions": options,
        "Questions": {},
        "Blocks": {
            first: _block(first, "Default", "Default Question Block")
            | {"Options": {"BlockLocking": "false"}},
            trash: _block(trash, TRASH, "Trash / Unused Questions"),
        },
        "SurveyFlow": _flow((first,)),
        "ProjectInfo": made["ProjectInfo"] | {"ProjectCategory": category},
    }


def read_elements(made: dict[str, Any], elements: Iterable[object]) -> None:
    """Put what a file has into a definition: blocks, flow, options, questions. The rest is not read."""
    shown = None
    for element in elements:
        payload = element.get("Payload") if isinstance(element, dict) else None
        match element:
            case {"Element": "BL"}:
                found = {block["ID"]: block for block in members(payload).values() if _is_text(block, "ID")}
                made["Blocks"] = found or made["Blocks"]
            case {"Element": "FL"} if isinstance(payload, dict):
                made["SurveyFlow"] = shown = payload
            case {"Element": "SO"} if isinstance(payload, dict):
                made["SurveyOptions"] = made["SurveyOptions"] | payload
            case {"Element": "SQ"} if isinstance(payload, dict) and _is_text(payload, "QuestionID"):
                made["Questions"][payload["QuestionID"]] = payload
    if shown is None:
        made["SurveyFlow"] = _flow(
            block_id for block_id, block in made["Blocks"].items() if block.get("Type") != TRASH
        )
    made["QuestionCount"] = str(len(made["Questions"]))


def qsf_elements(
    made: dict[str, Any], quotas: list[dict[str, Any]], groups: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The elements of a file: their kinds are those of public files, not all kinds are here."""
    parts: list[tuple[str, Any, Any, Any]] = [
        ("BL", "Survey Blocks", None, list(members(made["Blocks"]).values())),
        ("FL", "Survey Flow", None, made["SurveyFlow"]),
        ("QC", "Survey Question Count", made["QuestionCount"], None),
        ("SCO", "Scoring", None, made["Scoring"]),
        ("SO", "Survey Options", None, made["SurveyOptions"]),
    ]
    parts += [("QG", group["ID"], group.get("Name"), group) for group in groups]
    parts += [("QO", quota["ID"], quota.get("Name"), quota) for quota in quotas]
    parts += [
        ("SQ", question_id, question.get("QuestionDescription"), question)
        for question_id, question in members(made["Questions"]).items()
    ]
    return [
        {
            "SurveyID": made["SurveyID"],
            "Element": element,
            "PrimaryAttribute": primary,
            "SecondaryAttribute": secondary,
            "TertiaryAttribute": None,
            "Payload": payload,
        }
        for element, primary, secondary, payload in parts
    ]


def _block(block_id: str, kind: str, description: str) -> dict[str, Any]:
    return {"Type": kind, "Description": description, "ID": block_id, "BlockElements": []}


def _flow(block_ids: Iterable[str]) -> dict[str, Any]:
    shown = [
        {"Type": "Block", "ID": block_id, "FlowID": f"FL_{number}", "Autofill": []}
        for number, block_id in enumerate(block_ids, 2)
    ]
    properties = {"Count": len(shown) + 1, "RemovedFieldsets": []}
    return {"FlowID": "FL_1", "Type": "Root", "Flow": shown, "Properties": properties}


def _is_text(owner: dict[str, Any], key: str) -> bool:
    return isinstance(owner.get(key), str)
