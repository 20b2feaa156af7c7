"""What type each column has, as far as metadata and questions tell; and cells of each type read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Final, Literal, TypeAlias
from zoneinfo import ZoneInfo

from qualtrics_async.exports.columns import Column, ColumnMap
from qualtrics_async.exports.questions import Asked, asked_of, rule_of
from qualtrics_async.models.surveys import Survey

__all__ = ["Cell", "Kind", "cell_reader", "fits", "kind_of", "kinds_of", "read_cell", "time_zone_of", "widen"]

Kind: TypeAlias = Literal["datetime", "integer", "number", "flag", "choices", "text"]
"""`choices` is a multiple answer in one column, `1,3`; `flag` one choice of it, or yes and no."""

Cell: TypeAlias = datetime | int | float | list[int] | str | None
"""What a cell holds; a `bool` for a flag, `None` where there is nothing."""

_METADATA: Final[Mapping[str, Kind]] = {
    "startDate": "datetime",
    "endDate": "datetime",
    "recordedDate": "datetime",
    "status": "integer",
    "progress": "integer",
    "duration": "integer",
    "finished": "flag",
    "locationLatitude": "number",
    "locationLongitude": "number",
}
"""By import id; whatever else is metadata is text."""

_SUFFIXES: Final[Mapping[str, Kind]] = {
    "FILE_SIZE": "integer",
    "FIRST_CLICK": "number",
    "LAST_CLICK": "number",
    "PAGE_SUBMIT": "number",
    "CLICK_COUNT": "integer",
    "RANK": "integer",
}
"""By the end of an import id (clients; those of a timing are assumed); `FILE_ID`, `BROWSER`, ... are text."""

_SCORE = re.compile(r"SC_\w+")
_WIDER: Final[Mapping[Kind, Kind]] = {"flag": "integer", "integer": "number"}
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,18}")
_NUMBER = re.compile(r"-?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_CODES = re.compile(r"(?:0|-?[1-9][0-9]{0,17})(?:,(?:0|-?[1-9][0-9]{0,17}))*")
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T](?:[01][0-9]|2[0-3]):[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?"
    r"(?:Z|[+-][0-9]{2}:[0-9]{2})?"
)
_OFFSET = re.compile(r"([+-])([0-9]{2}):?([0-9]{2})")
_FLAGS = {"1": True, "0": False, "true": True, "false": False}
_LARGEST = 2**63 - 1
_NUMBERS = frozenset({"number", "numeric", "scale"})


def kinds_of(columns: ColumnMap, survey: Survey | None = None, *, labels: bool = False) -> dict[str, Kind]:
    """The kind of each column by its name, in order.

    With the survey questions are known by their types, and embedded data whose declared type says number
    (assumed); without it a column of a question counts as coded, and a multiple answer in one column is not
    known: with a decimal comma `1,3` would be taken for a number. `labels` is for an export with `useLabels`,
    where coded answers are text. A kind is what to expect: data that do not fit widen it (`widen`).
    """
    asked = {} if survey is None else asked_of(survey)
    declared = _declared(survey)
    return {
        column.name: declared.get(column.import_id or column.tag)
        or kind_of(column, asked.get(column.question_id or ""), labels=labels)
        for column in columns
    }


def kind_of(column: Column, question: Asked | None = None, *, labels: bool = False) -> Kind:
    """The kind of one column; `question` is the one that it belongs to."""
    if (metadata := column.metadata_id) is not None:
        return "text" if labels and metadata == "status" else _METADATA.get(metadata, "text")
    if column.is_label:
        return "text"
    if column.is_display_order:
        return "text" if column.choice_id is None else "integer"
    if column.question_id is None:
        return "number" if _SCORE.fullmatch(column.import_id or "") else "text"
    if question is not None and column.side_id is not None:
        question = question.sides.get(column.side_id)
    return _marked(column, question, labels) or _answered(column, question, labels)


def _marked(column: Column, question: Asked | None, labels: bool) -> Kind | None:
    """The kind that the end of the import id tells, if it has one."""
    if column.is_text_entry:
        is_answer = question is not None and question.type == "TE" and question.is_numeric
        return "number" if is_answer else "text"
    if column.suffix == "GROUP":
        return _coded("choices" if column.choice_id is None else "flag", labels)
    if column.suffix == "NPS_GROUP":
        return _coded("integer", labels)
    if column.suffix is not None:
        return _SUFFIXES.get(column.suffix, "text")
    return "number" if "coord" in column.extra else None


def _answered(column: Column, question: Asked | None, labels: bool) -> Kind:
    """The kind of an answer as such."""
    if question is None:
        return _coded("integer" if column.choice_id is None else "flag", labels)
    rule = rule_of(question)
    if rule.answer == "written":
        return "number" if question.is_numeric else "text"
    if rule.answer != "coded":
        return "number" if rule.answer == "amount" else "integer"
    if column.choice_id is not None or (rule.layout == "set" and column.parts):
        return _coded("flag", labels)
    kind = _recoded(question)
    if rule.layout in ("set", "statement_sets"):
        kind = "choices" if kind == "integer" else "text"
    return _coded(kind, labels)


def _coded(kind: Kind, labels: bool) -> Kind:
    return "text" if labels else kind


def _recoded(question: Asked) -> Kind:
    """What the recodes of the choices are: whole, numbers, or anything."""
    kind: Kind = "integer"
    for choice in question.choices.values():
        while not fits(kind, choice.recode):
            kind = widen(kind)
    return kind


def _declared(survey: Survey | None) -> dict[str, Kind]:
    fields = (survey.embedded_data if survey is not None else None) or []
    return {
        str(field.get("name")): "number"
        for field in fields
        if isinstance(field, dict) and str(field.get("type", field.get("variableType"))).lower() in _NUMBERS
    }


def widen(kind: Kind) -> Kind:
    """The kind to try next where a cell does not fit: flag, integer, number, text; for all others, text.

    Text fits everything. Try it on the text of all cells, not on what was read of them: `true` is a flag and
    no integer, and a number holds less digits than an integer.
    """
    return _WIDER.get(kind, "text")


def fits(kind: Kind, text: str, *, time_zone: str | None = None, decimal_comma: bool = False) -> bool:
    """Whether a cell can be read as this kind without loss."""
    try:
        read_cell(kind, text, time_zone=time_zone, decimal_comma=decimal_comma)
    except ValueError:
        return False
    return True


def read_cell(kind: Kind, text: str, *, time_zone: str | None = None, decimal_comma: bool = False) -> Cell:
    """What a cell says; `None` for an empty one.

    Dates are `YYYY-MM-DD HH:MM:SS` (observed) in the time zone of the column, UTC if it has none, and become
    aware. An hour that the clocks leave out in spring is none; one that comes twice in autumn is the first.
    Numbers are read only where nothing is lost: not `007`, not more digits than a float holds. With
    `decimal_comma` (`formatDecimalAsComma`) a point is one as well: coordinates may keep it (assumed).

    Raises:
        ValueError: for a cell that is of no such kind; the message does not repeat the cell, a respondent's.
    """
    return cell_reader(kind, time_zone=time_zone, decimal_comma=decimal_comma)(text)


def cell_reader(
    kind: Kind, *, time_zone: str | None = None, decimal_comma: bool = False
) -> Callable[[str], Cell]:
    """`read_cell` for many cells of a column; a time zone may be read from a file here, once."""
    if kind == "datetime":
        zone = time_zone_of(time_zone)
        return lambda text: _moment(text, zone) if text else None
    if kind == "number" and decimal_comma:
        return lambda text: _number(text.replace(",", ".")) if text else None
    read = _READERS[kind]
    return lambda text: read(text) if text else None


def time_zone_of(name: str | None) -> tzinfo | None:
    """The time zone that the third header row names: `Z`, an offset or an IANA name; UTC where it has none.

    `None` for one that this machine does not know: its dates stay text.
    """
    if name is None or name in ("", "Z", "UTC", "GMT"):
        return UTC
    if found := _OFFSET.fullmatch(name):
        offset = timedelta(hours=int(found[2]), minutes=int(found[3]))
        return timezone(-offset if found[1] == "-" else offset) if offset < timedelta(days=1) else None
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        return None


def _moment(text: str, zone: tzinfo | None) -> datetime:
    try:
        moment = datetime.fromisoformat(text) if _MOMENT.fullmatch(text) else None
    except ValueError:
        moment = None
    if moment is None or (moment.tzinfo is None and zone is None):
        raise ValueError("expected YYYY-MM-DD HH:MM:SS in a time zone known here")
    return moment if moment.tzinfo else _existing(moment.replace(tzinfo=zone))


def _existing(moment: datetime) -> datetime:
    """Refuse a moment that the clocks of its zone leave out in spring."""
    if isinstance(moment.tzinfo, ZoneInfo):
        try:
            shown = moment.astimezone(UTC).astimezone(moment.tzinfo)
        except OverflowError:
            raise ValueError("expected a moment that can be told in UTC") from None
        if shown.replace(tzinfo=None) != moment.replace(tzinfo=None):
            raise ValueError("expected a moment that the clocks of the time zone do not leave out")
    return moment


def _integer(text: str) -> int:
    if not _WHOLE.fullmatch(text) or abs(number := int(text)) > _LARGEST:
        raise ValueError("expected a whole number")
    return number


def _number(text: str) -> float:
    if not _NUMBER.fullmatch(text) or Decimal(repr(number := float(text))) != Decimal(text):
        raise ValueError("expected a number that a float can hold")
    return number


def _flag(text: str) -> bool:
    found = _FLAGS.get(text.lower())
    if found is None:
        raise ValueError("expected 1 or 0")
    return found


def _codes(text: str) -> list[int]:
    if not _CODES.fullmatch(text):
        raise ValueError("expected the codes of choices")
    return [int(code) for code in text.split(",")]


_READERS: Final[Mapping[str, Callable[[str], Cell]]] = {
    "integer": _integer,
    "number": _number,
    "flag": _flag,
    "choices": _codes,
    "text": str,
}
