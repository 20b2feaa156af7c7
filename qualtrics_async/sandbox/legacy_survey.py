"""Surveys in the older camelCase form, as far as their definitions can be understood."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qualtrics_async.sandbox.survey_file import TRASH, members

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["embedded_fields", "embedded_types", "legacy_survey", "pages", "questions"]


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
        "blocks": {
            block_id: {
                "description": block.get("Description"),
                "elements": [
                    {"type": "Question", "questionId": item.get("QuestionID")}
                    for item in _elements(block)
                    if item.get("Type") == "Question"
                ],
            }
            for block_id, block in _blocks(wire).items()
        },
        "flow": [{"id": item["ID"], "type": "Block"} for item in _flow(wire) if "ID" in item],
        "embeddedData": [{"name": name} for name in embedded_fields(wire)],
        "comments": {},
        "loopAndMerge": {},
    }


def questions(wire: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The questions by id; PHP writes none of them as `[]`."""
    return members(wire.get("Questions"))


def pages(wire: dict[str, Any]) -> list[list[str]]:
    """The ids of the questions of each page; each block begins a new one."""
    known, found = questions(wire), []
    for block in _blocks(wire).values():
        page: list[str] = []
        for item in _elements(block):
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
    yield from embedded_types(wire)


def embedded_types(wire: dict[str, Any]) -> dict[str, str]:
    """The embedded data that the flow sets, with the type of each."""
    return {
        item["Field"]: str(item.get("VariableType"))
        for element in _flow(wire)
        for item in members(element.get("EmbeddedData")).values()
        if isinstance(item.get("Field"), str)
    }


def _blocks(wire: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The blocks by id, the trash left out."""
    return {key: block for key, block in members(wire.get("Blocks")).items() if block.get("Type") != TRASH}


def _elements(block: dict[str, Any]) -> list[dict[str, Any]]:
    return list(members(block.get("BlockElements")).values())


def _flow(wire: dict[str, Any]) -> list[dict[str, Any]]:
    flow = wire.get("SurveyFlow")
    return list(members(flow.get("Flow")).values()) if isinstance(flow, dict) else []


def _choices(choices: object) -> dict[str, dict[str, Any]]:
    return {
        key: {
            "recode": key,
            "description": choice.get("Display"),
            "choiceText": choice.get("Display"),
            "imageDescription": None,
            "variableName": None,
            "analyze": True,
        }
        | ({"textEntry": {}} if "TextEntry" in choice else {})
        for key, choice in members(choices).items()
    }


def _question(question: dict[str, Any]) -> dict[str, Any]:
    """One question. That the rows of a matrix are `subQuestions`, and `textEntry`, is assumed."""
    parts = {"choices": _choices(question.get("Choices"))}
    if question.get("QuestionType") == "Matrix":
        parts = {"subQuestions": parts["choices"], "choices": _choices(question.get("Answers"))}
    settings = members(question.get("Validation")).get("Settings", {})
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
    } | {name: part for name, part in parts.items() if part}
