"""What a survey's questions leave in the values of a response, read from its definition."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape
from typing import TYPE_CHECKING, Any, Literal

from qualtrics_async.sandbox.legacy_survey import questions
from qualtrics_async.sandbox.survey_file import members

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["SEVERAL", "Field", "fields", "labels_by", "plain"]

_TAG = re.compile(r"<[^>]*>")
SEVERAL = ("MA", "MSB")
"""How the selectors of questions that take several choices begin."""
_TRUE = ("true", "on", "yes", "1")


@dataclass(frozen=True, slots=True)
class Field:
    """One key of `values` that a question fills, with its export tag and text.

    `choice` is a number with a label, `choices` a list of such numbers as text, `text` text. `part` is what
    the older form of surveys says of it besides its question.
    """

    key: str
    question_id: str
    tag: str
    text: str
    kind: Literal["choice", "choices", "text"]
    labels: dict[str, str] = field(default_factory=dict)
    part: dict[str, str] = field(default_factory=dict)
    numeric: bool = False

    def label(self, value: Any) -> Any:
        """The texts of a value that this field has, None for what has none."""
        if self.kind == "choices" and isinstance(value, list):
            return [self.labels.get(str(code), str(code)) for code in value]
        if self.kind == "choice" and isinstance(value, int):
            return self.labels.get(str(value))
        return None


def fields(definition: dict[str, Any]) -> Iterator[Field]:
    """The fields of every question in order; what only shows something has none.

    Keys of choices, matrices and forms are documented; the texts of their columns are assumed.
    """
    for question_id, question in questions(definition).items():
        if question.get("QuestionType") == "DB":
            continue
        tag, text = question.get("DataExportTag"), question.get("QuestionText")
        shown = plain(text) if isinstance(text, str) else question_id
        yield from _of(question_id, question, tag if isinstance(tag, str) and tag else question_id, shown)


def labels_by(asked: Iterable[Field], values: dict[str, Any]) -> dict[str, Any]:
    """The texts of the values of a response that have one: documented for metadata and choices."""
    chosen = {
        found.key: label
        for found in asked
        if found.labels and (label := found.label(values.get(found.key))) is not None
    }
    finished = "True" if values.get("finished", 1) else "False"
    return {"status": "IP Address", "finished": finished} | chosen


def plain(text: str) -> str:
    """Text without its markup."""
    return unescape(_TAG.sub("", text))


def _of(qid: str, question: dict[str, Any], tag: str, text: str) -> Iterator[Field]:
    kind, selector = question.get("QuestionType"), str(question.get("Selector"))
    choices = _texts(question.get("Choices"))
    if kind == "TE" and not (selector == "FORM" and choices):
        yield Field(f"{qid}_TEXT", qid, tag, text, "text", numeric=_is_numeric(question))
    elif kind == "TE":
        for code, name in choices.items():
            yield Field(
                f"{qid}_{code}", qid, f"{tag}_{code}", f"{text} - {name}", "text", part=_choice(qid, code)
            )
    elif kind == "Matrix":
        answers = _texts(question.get("Answers"))
        for code, statement in choices.items():
            part = {"subQuestion": f"{qid}.subQuestions.{code}"}
            yield Field(
                f"{qid}_{code}", qid, f"{tag}_{code}", f"{text} - {statement}", "choice", answers, part
            )
    else:
        yield Field(qid, qid, tag, text, "choices" if selector.startswith(SEVERAL) else "choice", choices)
        for code, choice in members(question.get("Choices")).items():
            if str(choice.get("TextEntry")).lower() in _TRUE:
                key, part = (
                    f"{qid}_{code}_TEXT",
                    _choice(qid, code) | {"textEntry": f"{qid}.choices.{code}.text"},
                )
                yield Field(
                    key, qid, f"{tag}_{code}_TEXT", f"{text} - {choices[code]} - Text", "text", part=part
                )


def _choice(qid: str, code: str) -> dict[str, str]:
    return {"choice": f"{qid}.choices.{code}"}


def _texts(choices: object) -> dict[str, str]:
    found = members(choices)
    return {
        code: plain(choice["Display"]) if isinstance(choice.get("Display"), str) else code
        for code, choice in found.items()
    }


def _is_numeric(question: dict[str, Any]) -> bool:
    settings = members(question.get("Validation")).get("Settings", {})
    return settings.get("ContentType") == "ValidNumber"
