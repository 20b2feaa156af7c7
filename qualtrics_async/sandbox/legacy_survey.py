"""Surveys in the older camelCase form, as far as their definitions can be understood."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["blocks", "elements", "embedded_fields", "legacy_survey", "pages", "questions"]

TRASH = "Trash"


def legacy_survey(wire: dict[str, Any], created: str) -> dict[str, Any]:
    """The keys of `GET /surveys/{surveyId}` that come from the definition. Observed."""
    found = questions(wire)
    return {
        "id": wire.get("SurveyID"),
        "name": wire.get("SurveyName"),
        "ownerId": wire.get("OwnerID"),
        "organizationId": wire.get("BrandID"),
        "isActive": wire.get("SurveyStatus") == "Active",
        "creationDate": created,
        "lastModifiedDate": wire.get("LastModified"),
        "questions": {qid: _question(question) for qid, question in found.items()},
        "exportColumnMap": {
            str(question.get("DataExportTag") or qid): {"question": qid} for qid, question in found.items()
        },
        "blocks": {
            block_id: {
                "description": block.get("Description"),
                "elements": [
                    {"type": "Question", "questionId": item.get("QuestionID")}
                    for item in elements(block)
                    if item.get("Type") == "Question"
                ],
            }
            for block_id, block in blocks(wire).items()
        },
        "flow": [{"id": item["ID"], "type": "Block"} for item in _flow(wire) if "ID" in item],
        "embeddedData": [{"name": name} for name in embedded_fields(wire)],
        "comments": {},
        "loopAndMerge": {},
    }


def questions(wire: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The questions by id; PHP writes none of them as `[]`."""
    return _objects(wire.get("Questions"))


def blocks(wire: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The blocks by id, the trash left out."""
    return {key: block for key, block in _objects(wire.get("Blocks")).items() if block.get("Type") != TRASH}


def elements(block: dict[str, Any]) -> list[dict[str, Any]]:
    """What a block is made of, in order."""
    return _items(block.get("BlockElements"))


def pages(wire: dict[str, Any]) -> list[list[str]]:
    """The ids of the questions of each page; each block begins a new one."""
    known, found = questions(wire), []
    for block in blocks(wire).values():
        page: list[str] = []
        for item in elements(block):
            qid = item.get("QuestionID")
            if item.get("Type") == "Page Break":
                found.append(page)
                page = []
            elif isinstance(qid, str) and qid in known:
                page.append(qid)
        found.append(page)
    return [page for page in found if page]


def embedded_fields(wire: dict[str, Any]) -> Iterator[str]:
    """The names of the embedded data that the flow sets."""
    for element in _flow(wire):
        for item in _items(element.get("EmbeddedData")):
            if isinstance(item.get("Field"), str):
                yield item["Field"]


def _flow(wire: dict[str, Any]) -> list[dict[str, Any]]:
    flow = wire.get("SurveyFlow")
    return _items(flow.get("Flow")) if isinstance(flow, dict) else []


def _question(question: dict[str, Any]) -> dict[str, Any]:
    choices = {
        key: {
            "recode": key,
            "description": choice.get("Display"),
            "choiceText": choice.get("Display"),
            "imageDescription": None,
            "variableName": None,
            "analyze": True,
        }
        for key, choice in _objects(question.get("Choices")).items()
    }
    settings = _objects(question.get("Validation")).get("Settings", {})
    return {
        "questionType": {
            "type": question.get("QuestionType"),
            "selector": question.get("Selector"),
            "subSelector": question.get("SubSelector"),
        },
        "questionText": question.get("QuestionText"),
        "questionLabel": None,
        "validation": {"doesForceResponse": settings.get("ForceResponse") == "ON"},
        "questionName": question.get("DataExportTag"),
    } | ({"choices": choices} if choices else {})


def _objects(value: Any) -> dict[str, dict[str, Any]]:
    if not isinstance(value, dict):
        return {}
    return {key: item for key, item in value.items() if isinstance(item, dict)}


def _items(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
