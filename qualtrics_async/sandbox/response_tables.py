"""Tables of responses as imports read them, row by row."""

from __future__ import annotations

import csv
import io
import json
import re
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, NamedTuple

from qualtrics_async.sandbox.response_columns import DATES, METADATA, QUESTION
from qualtrics_async.sandbox.response_fields import fields
from qualtrics_async.sandbox.zones import DEFAULT, to_utc, zone_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from qualtrics_async.sandbox.response_fields import Field

__all__ = ["read_rows"]

_NUMBERS = ("status", "progress", "duration", "finished")
_OWN = ("_recordId", "recordedDate", "status")
"""What an import does not take over: the service says it itself."""
_NUMBER = re.compile(r"[0-9]{1,15}")
_HEADERS = 3
_TRUTH = {"True": 1, "False": 0}


def read_rows(
    definition: dict[str, Any], content: bytes, charset: str, delimiter: str
) -> Iterator[dict[str, Any]]:
    """The values of each row of an import, by the keys that exports have; not in an event loop.

    Columns go by their `ImportId`s where one of the first three rows has them, with a `choiceId` or without,
    else by the names in the first row. Dates are in the zone that stands beside the `ImportId`, else in UTC.
    Columns with labels beside codes are not read.

    Raises:
        ValueError: for what is no table, perhaps after some rows.
    """
    try:
        yield from _read(definition, _rows(content, charset, delimiter))
    except (LookupError, UnicodeError, csv.Error) as error:
        raise ValueError("The file cannot be read.") from error


def _rows(content: bytes, charset: str, delimiter: str) -> Iterator[list[str]]:
    """The cells of each row, of any width."""
    count = 0
    # Decoded piece by piece: the whole as text would take several times the room.
    text = io.TextIOWrapper(io.BytesIO(content), charset, newline="")
    try:
        for row in csv.reader(_without_mark(text), delimiter=delimiter):
            yield row
            count += 1
    except csv.Error as error:
        if "field limit" not in str(error):
            raise
        # That limit is the whole process's, so it is not for the sandbox to raise.
        whole = content.decode(charset).removeprefix("\ufeff")
        yield from islice(_wide_rows(whole, delimiter), count, None)


def _wide_rows(text: str, delimiter: str) -> Iterator[list[str]]:
    """The same where cells are wider than the standard library reads; slower."""
    # Possessive, so that a quotation mark too few takes no more time.
    cell = rf'(?:"((?:[^"]++|"")*+)(?:"|\Z))?([^{delimiter}\r\n]*)({delimiter}|\r\n?|\n|\Z)'
    row: list[str] = []
    for found in re.finditer(cell, text):
        row.append((found[1] or "").replace('""', '"') + found[2])
        if found[3] != delimiter:
            # An empty line is a row without cells, as the standard library has it.
            yield [] if row == [""] and found[1] is None else row
            row = []


def _without_mark(lines: Iterable[str]) -> Iterator[str]:
    """The lines without a byte order mark before the first."""
    several = iter(lines)
    yield from (line.removeprefix("\ufeff") for line in (next(several, ""),))
    yield from several


def _read(definition: dict[str, Any], rows: Iterator[list[str]]) -> Iterator[dict[str, Any]]:
    asked = {found.key: found for found in fields(definition)}
    first = next(rows, [])
    if not any(first):
        raise ValueError("The file has no header.")
    begun = [first]
    while not (sources := _sources(begun[-1])) and len(begun) < _HEADERS:
        row = next(rows, None)
        if row is None:
            break
        begun.append(row)
    if not sources:
        sources, rows = _by_tags(asked.values(), first), chain(begun[1:], rows)
    readers = [_reader(source, asked) for source in sources]
    for cells in rows:
        if any(cells):
            values: dict[str, Any] = {}
            for read, text in zip(readers, cells, strict=False):
                if text and read is not None:
                    read(values, text)
            yield values


class _Source(NamedTuple):
    """What the header says of a column."""

    key: str
    zone: str = DEFAULT
    has_labels: bool = False


def _by_tags(asked: Iterable[Field], tags: Sequence[str]) -> list[_Source]:
    known = {names[0]: key for key, names in METADATA.items()}
    for found in asked:
        known[found.tag] = found.key
        if found.kind == "choices":
            known |= {f"{found.tag}_{code}": f"{found.key}_{code}" for code in found.labels}
    return [_Source(known.get(tag, tag)) for tag in tags]


def _sources(row: Sequence[str]) -> list[_Source]:
    """What a row of `ImportId`s says, or nothing."""
    found = []
    for text in row:
        try:
            said = json.loads(text)
            key, choice = said["ImportId"], said.get("choiceId")
        except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
            return []
        whole = str(key) if choice is None else f"{key}_{choice}"
        has_labels = str(said.get("IsLabelsColumn", "")).lower() == "true"
        found.append(_Source(whole, str(said.get("timeZone", DEFAULT)), has_labels))
    return found


def _reader(source: _Source, asked: dict[str, Field]) -> Callable[[dict[str, Any], str], None] | None:
    """What a cell of this column does to the values of its row."""
    key, zone = source.key, zone_of(source.zone)
    coded = key.removesuffix("_LABEL")
    if source.has_labels or key in _OWN or (coded != key and (coded in METADATA or QUESTION.match(coded))):
        return None
    found, (several, _, code) = asked.get(key), key.rpartition("_")
    if found is not None and found.kind == "choices":
        codes = _codes(found)
        return lambda values, text: values.__setitem__(
            key, [codes.get(part, part) for part in text.split(",")]
        )
    if found is not None and found.kind == "choice":
        codes = _codes(found)
        return lambda values, text: values.__setitem__(key, _number(codes.get(text, text)))
    if found is None and several in asked and asked[several].kind == "choices":
        return lambda values, _: values.setdefault(several, []).append(code)
    if key in DATES:
        return lambda values, text: values.__setitem__(key, to_utc(text, zone) if " " in text else text)
    return lambda values, text: values.__setitem__(key, _value(key, text, known=found is not None))


def _codes(found: Field) -> dict[str, str]:
    """The codes by their texts, but for texts that are codes themselves."""
    return {text: code for code, text in found.labels.items() if text not in found.labels}


def _value(key: str, text: str, *, known: bool) -> Any:
    if key in _NUMBERS:
        return _TRUTH.get(text, _number(text))
    coded = not known and QUESTION.match(key) and not key.endswith("_TEXT")
    return _number(text) if coded else text


def _number(text: str) -> int | str:
    return int(text) if _NUMBER.fullmatch(text) else text
