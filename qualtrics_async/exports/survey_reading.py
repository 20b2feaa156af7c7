"""What a survey tells of the types of its columns, from both of the formats in which it can be read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from qualtrics_async._core.events import logger
from qualtrics_async.client import Qualtrics
from qualtrics_async.errors import DecodeError, Forbidden, NotFound, ServerFault
from qualtrics_async.models.surveys import Survey

__all__ = ["described", "survey_of"]


async def survey_of(client: Qualtrics, survey_id: str) -> Survey | None:
    """What is known of the questions; nothing for whoever may export but not read them.

    An answer that cannot be read says nothing either, which is worth a warning: types may be narrower or
    wider than those of another day. The definition is asked as well: it alone says which texts and which
    embedded data are numbers (the older format has no such word, as recorded).
    """
    try:
        survey = await client.surveys.get(survey_id)
    except (Forbidden, NotFound):
        return None
    except (DecodeError, ServerFault) as error:
        logger.warning(
            "the questions of survey %s cannot be read (%s): the header rows alone tell the types of columns",
            survey_id,
            type(error).__name__,
        )
        return None
    try:
        definition = await client.survey_definitions.get(survey_id)
    except (Forbidden, NotFound, DecodeError, ServerFault):
        return survey
    return described(survey, definition.raw)


def described(survey: Survey, definition: Mapping[str, Any]) -> Survey:
    """A survey, with the validation of its questions and the types of its embedded data."""
    questions: dict[str, Any] = {}
    asked = definition.get("Questions")
    for key, question in (survey.questions or {}).items():
        told = asked.get(key) if isinstance(asked, dict) else None
        if isinstance(question, dict) and isinstance(told, dict):
            both = {"older": question.get("validation"), "definition": told.get("Validation")}
            question = question | {"validation": both}  # noqa: PLW2901  (what is known of it)
        questions[key] = question
    types = dict(_types(definition.get("SurveyFlow")))
    fields = [
        {"variableType": types.get(str(field.get("name")))} | field if isinstance(field, dict) else field
        for field in survey.embedded_data or []
    ]
    return replace(survey, questions=questions, embedded_data=fields)


def _types(flow: object) -> Iterator[tuple[str, Any]]:
    """The fields that a flow sets, with the types that it says (observed)."""
    waiting = [flow]
    while waiting:
        match waiting.pop():
            case list() as several:
                waiting.extend(several)
            case {"EmbeddedData": fields, **more}:
                waiting.append(more)
                for field in _members(fields):
                    yield str(field.get("Field")), field.get("VariableType")
            case dict() as element:
                waiting.extend(found for found in element.values() if isinstance(found, dict | list))


def _members(found: object) -> Iterator[dict[str, Any]]:
    """The objects of a list, or of the object that PHP writes in its place."""
    values = found.values() if isinstance(found, dict) else found if isinstance(found, list) else ()
    return (value for value in values if isinstance(value, dict))
