"""Questions of the common kinds, as a test asks for them and as a definition has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Question", "ask", "embed"]

QuestionKind = Literal["single", "multiple", "text", "number", "matrix", "description"]
_TYPES = {
    "single": ("MC", "SAVR", "TX"),
    "multiple": ("MC", "MAVR", "TX"),
    "text": ("TE", "ESTB", None),
    "number": ("TE", "SL", None),
    "matrix": ("Matrix", "Likert", "SingleAnswer"),
    "description": ("DB", "TB", None),
}


@dataclass(frozen=True, slots=True)
class Question:
    """A question for `State.add_survey`: `Question("multiple", "Which?", ("Red", "Blue"), other="Another")`.

    - `choices` are numbered from 1; of a matrix they are its scale, and `statements` its rows.
    - `other` is the text of one more choice, which takes text.
    - `tag` is the export tag, `Q` and the number of the question unless another is named.
    """

    kind: QuestionKind
    text: str
    choices: Sequence[str] = ()
    statements: Sequence[str] = ()
    other: str | None = None
    tag: str | None = None


def ask(definition: dict[str, Any], block_id: str, asked: Sequence[Question]) -> None:
    """Let a survey ask these questions and no others, all in one block."""
    found = {f"QID{number}": _wire(number, question) for number, question in enumerate(asked, 1)}
    definition["Questions"] = found
    definition["QuestionCount"] = str(len(found))
    definition["Blocks"][block_id]["BlockElements"] = [
        {"Type": "Question", "QuestionID": qid} for qid in found
    ]


def embed(definition: dict[str, Any], names: Sequence[str] | Mapping[str, str]) -> None:
    """Let the flow set this embedded data and no other; a mapping has the types (`String`, `Number`)."""
    types = names if isinstance(names, dict) else dict.fromkeys(names, "String")
    definition["SurveyFlow"]["Flow"][0]["EmbeddedData"] = [
        {
            "Description": name,
            "Type": "Recipient",
            "Field": name,
            "VariableType": kind,
            "DataVisibility": [],
            "AnalyzeText": False,
        }
        for name, kind in types.items()
    ]


def _wire(number: int, question: Question) -> dict[str, Any]:
    kind, selector, sub_selector = _TYPES[question.kind]
    matrix = question.kind == "matrix"
    content = {"ContentType": "ValidNumber"} if question.kind == "number" else {}
    wire: dict[str, Any] = {
        "QuestionText": question.text,
        "DefaultChoices": False,
        "DataExportTag": question.tag or f"Q{number}",
        "QuestionID": f"QID{number}",
        "QuestionType": kind,
        "Selector": selector,
        "DataVisibility": {"Private": False, "Hidden": False},
        "Configuration": {"QuestionDescriptionOption": "UseText"},
        "QuestionDescription": question.text,
        "Validation": {"Settings": {"ForceResponse": "OFF", "Type": "None"} | content},
        "Language": [],
        "QuestionText_Unsafe": question.text,
    }
    if sub_selector is not None:
        wire["SubSelector"] = sub_selector
    choices = _numbered(question.statements if matrix else question.choices)
    if question.other is not None:
        choices[str(len(choices) + 1)] = {"Display": question.other, "TextEntry": "true"}
    if choices:
        wire |= {"Choices": choices, "ChoiceOrder": list(choices)}
    if matrix:
        wire |= {"Answers": _numbered(question.choices)}
        wire["AnswerOrder"] = list(wire["Answers"])
    return wire


def _numbered(texts: Sequence[str]) -> dict[str, dict[str, Any]]:
    return {str(number): {"Display": text} for number, text in enumerate(texts, 1)}
