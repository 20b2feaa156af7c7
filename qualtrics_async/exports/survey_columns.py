"""The columns that an export will have, as far as a survey's metadata tell, without an export."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from qualtrics_async.exports.columns import METADATA, Column, ColumnMap, Names, column_of
from qualtrics_async.exports.questions import Asked, Choice, Layout, asked_of, rule_of
from qualtrics_async.models.surveys import Survey

__all__ = ["columns_of_survey"]

_DATES = ("startDate", "endDate", "recordedDate")
_TEXT = "_TEXT"
_LOOP = re.compile(r"(.*)\(([0-9]+)\)", re.DOTALL)
_ENDS: Final[Mapping[Layout, tuple[tuple[str, str], ...]]] = {
    "files": (("Id", "FILE_ID"), ("Name", "FILE_NAME"), ("Size", "FILE_SIZE"), ("Type", "FILE_TYPE")),
    "timing": (
        ("First Click", "FIRST_CLICK"),
        ("Last Click", "LAST_CLICK"),
        ("Page Submit", "PAGE_SUBMIT"),
        ("Click Count", "CLICK_COUNT"),
    ),
    "browser": (
        ("Browser", "BROWSER"),
        ("Version", "VERSION"),
        ("Operating System", "OS"),
        ("Resolution", "RESOLUTION"),
    ),
}
"""What tags and import ids of a type end in: files read by clients, the others assumed."""


def columns_of_survey(
    survey: Survey, *, names: Names = "tag", breakout_sets: bool = True, metadata: bool = True
) -> ColumnMap:
    """The columns of an export of this survey: metadata, questions, embedded data (observed order).

    A tag of the survey's `exportColumnMap` that names a part of its question is one column (observed by
    clients); one that names a question alone stands for all columns that its type has (`questions.RULES`), or
    for one where the metadata do not tell them. How tags, texts and import ids are made is what clients read
    of real exports, and in part assumed. Scores, display orders and fields that responses bring along are not
    in a survey's metadata: only the header of an export is certain (`ColumnMap.from_header`).
    """
    return ColumnMap(
        [
            *(_of_metadata() if metadata else ()),
            *_of_questions(survey, breakout_sets),
            *_of_embedded_data(survey),
        ],
        names=names,
    )


class _Part(NamedTuple):
    """A question, or a column of a side by side, with the beginning of its tags."""

    question: Asked
    tag: str
    breakout_sets: bool


def _of_metadata() -> Iterator[Column]:
    for import_id, (tag, text) in METADATA.items():
        zone = {"timeZone": "Z"} if import_id in _DATES else {}
        yield column_of(tag, text, {"ImportId": import_id, **zone})


def _of_embedded_data(survey: Survey) -> Iterator[Column]:
    for field in survey.embedded_data or []:
        if isinstance(field, dict) and isinstance(name := field.get("name"), str):
            yield column_of(name, name, {"ImportId": name})


def _of_questions(survey: Survey, breakout_sets: bool) -> Iterator[Column]:
    """The questions' columns, in the order of the survey's map."""
    asked = asked_of(survey)
    entries: dict[str, dict[str, dict[str, Any]]] = {}
    for tag, entry in (survey.export_column_map or {}).items():
        if isinstance(entry, dict) and isinstance(question_id := entry.get("question"), str):
            entries.setdefault(question_id, {})[str(tag)] = entry
    for question_id, tags in entries.items():
        question = asked.get(question_id) or Asked(question_id=question_id)
        if len(tags) == 1 and all(set(entry) == {"question"} for entry in tags.values()):
            yield from _expanded(_Part(question, next(iter(tags)), breakout_sets))
        else:
            yield from _named(question, tags, breakout_sets, looped=bool(survey.loop_and_merge))


def _expanded(part: _Part) -> Iterator[Column]:
    """All columns of a question of which only the tag is known; one where there is no telling."""
    layout = rule_of(part.question).layout
    if layout != "none":
        yield from list(_LAYOUTS.get(layout, _one)(part)) or _one(part)


def _one(part: _Part) -> Iterator[Column]:
    yield _made(part.question, part.tag)
    yield from _text_fields(part, part.question.choices)


def _text(part: _Part) -> Iterator[Column]:
    yield _made(part.question, part.tag, _TEXT)


def _score(part: _Part) -> Iterator[Column]:
    yield _made(part.question, f"{part.tag}_NPS_GROUP", "_NPS_GROUP", ["Group"])
    yield _made(part.question, part.tag)


def _ends(part: _Part) -> Iterator[Column]:
    for end, suffix in _ENDS[rule_of(part.question).layout]:
        yield _made(part.question, f"{part.tag}_{end}", f"_{suffix}", [end])


def _fields(part: _Part) -> Iterator[Column]:
    for key, choice in part.question.choices.items():
        yield _made(part.question, f"{part.tag}_{key}", f"_{key}", [choice.text])


def _choices(part: _Part) -> Iterator[Column]:
    yield from _fields(part)
    yield from _text_fields(part, part.question.choices)


def _set(part: _Part) -> Iterator[Column]:
    if part.breakout_sets:
        for key, choice in part.question.choices.items():
            yield _made(part.question, f"{part.tag}_{choice.recode}", "", [choice.text], choice_id=key)
    else:
        yield _made(part.question, part.tag)
    yield from _text_fields(part, part.question.choices)


def _statements(part: _Part) -> Iterator[Column]:
    for key, statement in part.question.statements.items():
        yield _made(part.question, f"{part.tag}_{key}", f"_{key}", [statement.text])
    yield from _text_fields(part, part.question.statements)


def _statement_sets(part: _Part) -> Iterator[Column]:
    if not part.breakout_sets:
        yield from _statements(part)
        return
    question = part.question
    for key, statement in question.statements.items():
        for choice_id, choice in question.choices.items():
            tag, texts = f"{part.tag}_{key}_{choice.recode}", [statement.text, choice.text]
            yield _made(question, tag, f"_{key}", texts, choice_id=choice_id)
    yield from _text_fields(part, question.statements)


def _grid(part: _Part) -> Iterator[Column]:
    for key, statement in part.question.statements.items():
        for choice_id, choice in part.question.choices.items():
            cell = f"_{key}_{choice_id}"
            yield _made(part.question, f"{part.tag}{cell}", cell, [statement.text, choice.text])


def _sides(part: _Part) -> Iterator[Column]:
    """Each column of a side by side is a question over the same statements."""
    for key, side in part.question.sides.items():
        text = " - ".join(filter(None, (part.question.text, side.text)))
        statements = side.statements or part.question.statements
        yield from _expanded(
            part._replace(question=replace(side, text=text, statements=statements), tag=f"{part.tag}#{key}")
        )


_LAYOUTS: Final[Mapping[Layout, Callable[[_Part], Iterator[Column]]]] = {
    "text": _text,
    "fields": _fields,
    "choices": _choices,
    "set": _set,
    "statements": _statements,
    "statement_sets": _statement_sets,
    "grid": _grid,
    "sides": _sides,
    "score": _score,
    "files": _ends,
    "timing": _ends,
    "browser": _ends,
}
"""The groups of a pick, group and rank and the clicks of a heat map are not in a survey's metadata."""


def _text_fields(part: _Part, choices: Mapping[str, Choice]) -> Iterator[Column]:
    """The text fields of choices, which follow the answers."""
    for key, choice in choices.items():
        if choice.has_text:
            end = f"_{key}{_TEXT}"
            yield _made(part.question, f"{part.tag}{end}", end, [choice.text, "Text"])


def _named(
    question: Asked, tags: Mapping[str, Mapping[str, Any]], breakout_sets: bool, *, looped: bool
) -> Iterator[Column]:
    """Columns that the survey's map names one by one; a set that is not broken out is one of them.

    A map has `Q5(2)` for what exports call `2_Q5` (observed by a client).
    """
    seen: set[str] = set()
    for tag, entry in tags.items():
        found = _LOOP.fullmatch(tag) if looped else None
        loop = "" if found is None else f"{found[2]}_"
        part = _Part(question, loop + (tag if found is None else found[1]), breakout_sets)
        column = _of_entry(part, entry, loop)
        if column.tag not in seen:
            yield column
        seen.add(column.tag)


def _of_entry(part: _Part, entry: Mapping[str, Any], loop: str) -> Column:
    """The column of one tag that names its choice, statement, side or text field."""
    tag = part.tag
    choice, statement, side = (_last(entry.get(key)) for key in ("choice", "subQuestion", "column"))
    question = part.question.sides.get(side, part.question)
    layout = rule_of(question).layout
    is_field = layout == "fields"
    is_text = layout == "text" or (not is_field and ("textEntry" in entry or tag.endswith(_TEXT)))
    if is_text and layout != "text" and not (choice or statement):
        choice = _of_tag(tag, question.choices)
    named = (_either(statement, question, part.question), question.choices.get(choice))
    texts = [] if question is part.question else [question.text]
    texts += [found.text for found in named if found is not None]
    is_set = layout in ("set", "statement_sets") and bool(choice) and not is_text
    if is_set and not part.breakout_sets:
        tag, texts, is_set, choice = tag.rpartition("_")[0] or tag, texts[:-1], False, ""
    ids = [side and f"#{side}", statement and f"_{statement}", "" if is_set else choice and f"_{choice}"]
    tag, end = _ended(tag.removesuffix(_TEXT) if is_field else tag, layout)
    suffix = "".join(ids) + end + (_TEXT if is_text else "")
    return _made(
        part.question, tag, suffix, [*texts, "Text"] if is_text and choice else texts,
        choice_id=choice if is_set else "", loop=loop,
    )  # fmt: skip


def _ended(tag: str, layout: Layout) -> tuple[str, str]:
    """A tag as exports have it, and what its import id ends in.

    Maps write the ends of files in capitals, and `_TEXT` after fields, which exports do not (a client).
    """
    for shown, suffix in _ENDS.get(layout, ()):
        for end in (suffix, shown):
            if tag.lower().endswith(f"_{end.lower()}"):
                return tag[: -len(end)] + shown, f"_{suffix}"
    return tag, ""


def _either(statement: str, side: Asked, question: Asked) -> Choice | None:
    return side.statements.get(statement) or question.statements.get(statement)


def _of_tag(tag: str, choices: Mapping[str, Choice]) -> str:
    """The choice of `Q7_5_TEXT`, by recode or id; the map names none of a single answer (a client)."""
    named = tag.removesuffix(_TEXT).rpartition("_")[2]
    return next((key for key, choice in choices.items() if named in (choice.recode, key)), "")


def _last(path: object) -> str:
    """`4` of `QID97.choices.4`."""
    return str(path).rpartition(".")[2] if isinstance(path, str | int) else ""


def _made(
    question: Asked,
    tag: str,
    suffix: str = "",
    texts: Sequence[str] = (),
    *,
    choice_id: str = "",
    loop: str = "",
) -> Column:
    text = " - ".join(filter(None, (question.text, *texts)))
    choice = {"choiceId": choice_id} if choice_id else {}
    return column_of(tag, text, {"ImportId": f"{loop}{question.question_id}{suffix}", **choice})
