"""Questions of survey definitions, and their translations."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from qualtrics_async.sandbox.handlers._definitions import (
    changed,
    find_part,
    languages_of,
    take_out,
    trash_of,
)
from qualtrics_async.sandbox.handlers.surveys import find_survey
from qualtrics_async.sandbox.routing import Routes
from qualtrics_async.sandbox.survey_file import TRASH, mapping, members
from qualtrics_async.sandbox.wire import Refused, check_keys, check_texts, result

if TYPE_CHECKING:
    from qualtrics_async.sandbox.records import Survey
    from qualtrics_async.sandbox.wire import Body, Call

__all__ = ["routes"]

routes = Routes()

_QUESTIONS = "/survey-definitions/{surveyId}/questions"
_TRANSLATIONS = "/surveys/{surveyId}/translations/{languageCode}"
_REQUIRED = ("QuestionText", "QuestionType", "Selector")
_TEXTS = (*_REQUIRED, "DataExportTag", "QuestionDescription")
_NUMBER = re.compile(r"QID(\d{1,9})", re.ASCII)


@routes("GET", _QUESTIONS, "documented")
def list_questions(call: Call) -> Body:
    """Documented: all of them, in one page. That those in the trash are among them is assumed."""
    return result({"elements": list(members(find_survey(call).definition.get("Questions")).values())})


@routes("POST", _QUESTIONS, "documented")
def create_question(call: Call) -> Body:
    """Documented, the default block too. Which keys are required is assumed; others are kept as they are."""
    survey = find_survey(call)
    block = _block(call, survey)
    body = _question(call)
    questions = mapping(survey.definition, "Questions")
    numbers = [int(found[1]) for found in map(_NUMBER.fullmatch, questions) if found]
    number = max(numbers, default=0) + 1
    question_id = f"QID{number}"
    made = {"DataExportTag": f"Q{number}", "QuestionDescription": body["QuestionText"], "Language": []}
    questions[question_id] = made | body | {"QuestionID": question_id}
    elements = block.get("BlockElements")
    kept = elements if isinstance(elements, list) else []
    block["BlockElements"] = [*kept, {"Type": "Question", "QuestionID": question_id}]
    survey.definition["QuestionCount"] = str(len(questions))
    changed(call, survey)
    return result({"QuestionID": question_id})


@routes("GET", f"{_QUESTIONS}/{{questionId}}", "documented")
def get_question(call: Call) -> Body:
    """Documented as the question itself, used by clients under `result`."""
    return result(find_part(find_survey(call), "Questions", call.ids[1]))


@routes("PUT", f"{_QUESTIONS}/{{questionId}}", "documented")
def update_question(call: Call) -> Body:
    """Documented: answers meta only. That it replaces the question is assumed."""
    survey = find_survey(call)
    find_part(survey, "Questions", call.ids[1])
    body = _question(call)
    mapping(survey.definition, "Questions")[call.ids[1]] = body | {"QuestionID": call.ids[1]}
    changed(call, survey)
    return {}


@routes("DELETE", f"{_QUESTIONS}/{{questionId}}", "documented")
def delete_question(call: Call) -> Body:
    """Documented: answers meta only. Into the trash first, and from there away, is assumed."""
    survey, question_id = find_survey(call), call.ids[1]
    find_part(survey, "Questions", question_id)
    trash = trash_of(call, survey)
    trashed = any(item.get("QuestionID") == question_id for item in members(trash["BlockElements"]).values())
    take_out(survey, question_id)
    if trashed:
        questions = mapping(survey.definition, "Questions")
        del questions[question_id]
        survey.definition["QuestionCount"] = str(len(questions))
    else:
        trash["BlockElements"].append({"Type": "Question", "QuestionID": question_id})
    changed(call, survey)
    return {}


@routes("GET", _TRANSLATIONS, "documented", per_minute=2000)
def get_translations(call: Call) -> Body:
    """Documented: every field with its translation. The names of fields are those that clients use."""
    survey, language = _in_language(call)
    texts = _texts(survey, _base(survey))
    if language != _base(survey):
        texts = dict.fromkeys(texts, "") | _texts(survey, language)
    return result(texts | (call.state.shelf("translation").get(survey.id, language) or {}))


@routes("PUT", _TRANSLATIONS, "documented", per_minute=2000)
def update_translations(call: Call) -> Body:
    """Documented: existing ones must be sent too. The refusal of fields of no question is assumed."""
    survey, language = _in_language(call)
    body = call.json()
    check_texts(body, body)
    known = _texts(survey, _base(survey))
    others = {field: text for field, text in body.items() if field not in known}
    check_keys({field: text for field, text in others.items() if field.startswith("QID")}, ())
    call.state.shelf("translation").put(survey.id, language, record=others)
    for question_id, question in members(survey.definition.get("Questions")).items():
        given = {field: text for field, text in body.items() if field in known}
        if language == _base(survey):
            _write(question_id, question, given)
        else:
            mapping(question, "Language")[language] = _translated(question_id, question, given)
    changed(call, survey)
    return {}


def _question(call: Call) -> dict[str, Any]:
    body = call.json()
    check_keys(body, body, _REQUIRED)
    check_texts(body, _TEXTS)
    return body


def _block(call: Call, survey: Survey) -> dict[str, Any]:
    """The block that the query names, else the default one."""
    if "blockId" in call.query:
        return find_part(survey, "Blocks", call.query["blockId"])
    blocks = list(members(survey.definition.get("Blocks")).values())
    for block in sorted(blocks, key=lambda block: block.get("Type") != "Default"):
        if block.get("Type") != TRASH:
            return block
    raise Refused(400, "PLACEHOLDER_400", "The survey has no block to put a question in.")


def _in_language(call: Call) -> tuple[Survey, str]:
    survey, language = find_survey(call), call.ids[1]
    if language not in languages_of(survey):
        raise Refused(400, "PLACEHOLDER_400", f"The survey is not in {language}.")
    return survey, language


def _base(survey: Survey) -> str:
    return languages_of(survey)[0]


def _texts(survey: Survey, language: str) -> dict[str, str]:
    """The texts of every question in a language, by field."""
    texts: dict[str, str] = {}
    for question_id, question in members(survey.definition.get("Questions")).items():
        spoken = (
            question if language == _base(survey) else members(question.get("Language")).get(language, {})
        )
        texts |= {field: text for field, _, text in _fields(question_id, spoken)}
    return texts


def _fields(question_id: str, spoken: dict[str, Any]) -> list[tuple[str, dict[str, Any], str]]:
    """Each text with its field's name and the object that holds it."""
    holders = [(f"{question_id}_QuestionText", spoken, "QuestionText")]
    for kind in ("Choice", "Answer"):
        for key, choice in members(spoken.get(f"{kind}s")).items():
            holders.append((f"{question_id}_{kind}{key}", choice, "Display"))
    return [
        (field, holder, holder[key]) for field, holder, key in holders if isinstance(holder.get(key), str)
    ]


def _write(question_id: str, question: dict[str, Any], given: dict[str, str]) -> None:
    for field, holder, _ in _fields(question_id, question):
        if field in given:
            holder["QuestionText" if holder is question else "Display"] = given[field]


def _translated(question_id: str, question: dict[str, Any], given: dict[str, str]) -> dict[str, Any]:
    """A question's translation, in the form that definitions have (observed for the text)."""
    made: dict[str, Any] = {}
    if f"{question_id}_QuestionText" in given:
        made["QuestionText"] = given[f"{question_id}_QuestionText"]
    for kind in ("Choice", "Answer"):
        found = {
            key: {"Display": given[field]}
            for key in members(question.get(f"{kind}s"))
            if (field := f"{question_id}_{kind}{key}") in given
        }
        made |= {f"{kind}s": found} if found else {}
    return made
