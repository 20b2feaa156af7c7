"""What a survey's metadata say of its questions, and what columns each type of question has."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import msgspec

from qualtrics_async.models._base import read_object, understood_flag
from qualtrics_async.models.surveys import Survey

__all__ = ["RULES", "Asked", "Choice", "Layout", "Rule", "asked_of", "plain", "rule_of"]

Layout: TypeAlias = Literal[
    "one", "text", "fields", "choices", "set", "statements", "statement_sets", "grid", "sides", "score",
    "groups", "files", "timing", "browser", "clicks", "none",
]  # fmt: skip
"""How the columns of a question are laid out: see `survey_columns`."""

_Confidence: TypeAlias = Literal["documented", "observed", "clients", "assumed"]


class Rule(NamedTuple):
    """What columns a type of question has, and what stands in them.

    `answer` is `coded` where cells have the recodes of choices, `amount` where they have a number that may
    have decimals, `count` a whole one, `written` what respondents wrote. `source` says how sure it is:
    documented; observed, in recorded files; read by other clients; assumed, from the vendor's editor.
    """

    type: str
    selectors: frozenset[str]
    layout: Layout
    answer: Literal["coded", "amount", "count", "written"]
    source: _Confidence


def _rule(
    name: str,
    selectors: str,
    layout: Layout,
    answer: Literal["coded", "amount", "count", "written"],
    source: _Confidence,
) -> Rule:
    return Rule(name, frozenset(selectors.split()), layout, answer, source)


RULES: Final[tuple[Rule, ...]] = (
    _rule("MC", "SAVR SAHR SACOL DL SB", "one", "coded", "observed"),
    _rule("MC", "MAVR MAHR MACOL MSB", "set", "coded", "clients"),
    _rule("MC", "NPS", "score", "count", "assumed"),
    _rule("MC", "", "one", "coded", "assumed"),
    _rule("TE", "FORM", "fields", "written", "clients"),
    _rule("TE", "", "text", "written", "observed"),
    _rule("Matrix", "TE", "grid", "written", "clients"),
    _rule("Matrix", "RO", "grid", "count", "assumed"),
    _rule("Matrix", "CS", "grid", "amount", "assumed"),
    _rule("Matrix", "Likert Bipolar MaxDiff Profile", "statements", "coded", "clients"),
    _rule("Matrix", "", "statements", "coded", "assumed"),
    _rule("SBS", "", "sides", "coded", "clients"),
    _rule("Slider", "", "choices", "amount", "clients"),
    _rule("RO", "", "choices", "count", "assumed"),
    _rule("CS", "", "choices", "amount", "assumed"),
    _rule("PGR", "", "groups", "count", "clients"),
    _rule("HotSpot", "", "choices", "coded", "assumed"),
    _rule("HeatMap", "", "clicks", "amount", "documented"),
    _rule("HL", "", "statement_sets", "coded", "clients"),
    _rule("DD", "", "choices", "coded", "clients"),
    _rule("SS", "", "one", "coded", "assumed"),
    _rule("GAP", "", "one", "written", "assumed"),
    _rule("Timing", "", "timing", "amount", "assumed"),
    _rule("Meta", "", "browser", "written", "assumed"),
    _rule("FileUpload", "", "files", "written", "clients"),
    _rule("Draw", "", "files", "written", "clients"),
    _rule("Captcha", "", "none", "written", "assumed"),
    _rule("DB", "", "none", "written", "observed"),
)
"""The types of questions, the first rule that fits counts; no selector stands for every other one."""

_UNKNOWN = _rule("", "", "one", "written", "assumed")
_SETS = "MultipleAnswer"
_MARKUP = re.compile(r"<[^<>]*>")
_NUMERIC = frozenset({"validnumber", "number"})
_DEEPEST = 4


class Choice(NamedTuple):
    """A choice, statement or field of a question."""

    recode: str
    text: str
    has_text: bool


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A question as the older survey format has it (observed for choices; the rest is what clients read).

    `statements` are the rows of a matrix, `sides` the columns of a side by side; each by its id. `is_numeric`
    is a text question that takes numbers only.
    """

    question_id: str
    tag: str = ""
    text: str = ""
    type: str = ""
    selector: str = ""
    sub_selector: str = ""
    choices: Mapping[str, Choice] = msgspec.field(default_factory=dict)
    statements: Mapping[str, Choice] = msgspec.field(default_factory=dict)
    sides: Mapping[str, Asked] = msgspec.field(default_factory=dict)
    is_numeric: bool = False


def asked_of(survey: Survey) -> dict[str, Asked]:
    """The questions of a survey by id; what is not understood of one is left out."""
    questions = survey.questions or {}
    return {str(key): _asked(str(key), raw) for key, raw in questions.items() if isinstance(raw, dict)}


def rule_of(question: Asked) -> Rule:
    """The rule for a question; one of an unknown type has one column of text."""
    for rule in RULES:
        if question.type == rule.type and (question.selector in rule.selectors or not rule.selectors):
            if rule.layout == "statements" and question.sub_selector == _SETS:
                return rule._replace(layout="statement_sets")
            return rule
    return _UNKNOWN


def plain(text: str) -> str:
    """A text without its markup."""
    return unescape(_MARKUP.sub("", text)).strip() if "<" in text or "&" in text else text.strip()


def _asked(question_id: str, raw: Mapping[str, Any]) -> Asked:
    kind = _members(raw.get("questionType"))
    return Asked(
        question_id=question_id,
        tag=_text(raw.get("questionName")),
        text=plain(_text(raw.get("questionText"))),
        type=_text(kind.get("type")),
        selector=_text(kind.get("selector")),
        sub_selector=_text(kind.get("subSelector")),
        choices=_choices(raw.get("choices")),
        statements=_choices(raw.get("subQuestions")),
        sides=_sides(question_id, raw.get("columns")),
        is_numeric=_says_number(raw.get("validation")),
    )


def _sides(question_id: str, raw: object) -> dict[str, Asked]:
    """The columns of a side by side; one that says no type but has choices is a matrix (assumed)."""
    found = {
        key: _asked(f"{question_id}#{key}", side)
        for key, side in (_members(raw) if "#" not in question_id else {}).items()
        if isinstance(side, dict)
    }
    return {
        key: msgspec.structs.replace(side, type="Matrix") if side.choices and not side.type else side
        for key, side in found.items()
    }


def _choices(raw: object) -> dict[str, Choice]:
    found = {}
    for key, choice in _members(raw).items():
        read = choice if isinstance(choice, dict) else {}
        recode = read.get("recode")
        text = _text(read.get("choiceText")) or _text(read.get("description"))
        found[key] = Choice(key if recode is None else str(recode), plain(text), _has_text(read))
    return found


def _has_text(choice: Mapping[str, Any]) -> bool:
    """Whether a choice has a text field: `textEntry`, a flag or an object, which may be empty (assumed)."""
    found = choice.get("textEntry")
    return isinstance(found, dict | list) or bool(understood_flag(found))


def _says_number(raw: object, depth: int = 0) -> bool:
    """Whether a validation asks for a number, wherever it says so (assumed: `ValidNumber`)."""
    if isinstance(raw, str):
        return raw.lower() in _NUMERIC
    if not isinstance(raw, dict) or depth > _DEEPEST:
        return False
    return any(_says_number(value, depth + 1) for value in raw.values())


def _members(raw: object) -> dict[str, Any]:
    return (
        {str(key): value for key, value in read_object(raw).items()} if isinstance(raw, dict | list) else {}
    )


def _text(raw: object) -> str:
    return raw if isinstance(raw, str) else ""
