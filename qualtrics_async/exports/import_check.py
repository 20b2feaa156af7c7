"""The header of an import beside the survey that it goes into: which columns fit, and why none does.

The service is not known to refuse a column: one that the survey does not have becomes new embedded data of
each response (assumed), and the answers in it are lost to the survey.
"""

from __future__ import annotations

import csv
import io
import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO, Final, NamedTuple

import anyio.to_thread

from qualtrics_async._core.tasks import to_its_end
from qualtrics_async.bulk.readers import DELIMITERS
from qualtrics_async.client import Qualtrics
from qualtrics_async.errors import DecodeError, Forbidden, NotFound, QualtricsError, ServerFault, UsageError
from qualtrics_async.exports.columns import Column, ColumnMap
from qualtrics_async.exports.questions import asked_of
from qualtrics_async.exports.survey_columns import columns_of_survey
from qualtrics_async.models.surveys import Survey

__all__ = ["Head", "listed", "read_head", "unknown_columns"]

_LOG = logging.getLogger("qualtrics_async.exports")

_SIZES: Final = (64 * 1024, 512 * 1024, 4 * 1024 * 1024)
"""How many bytes are looked at: few, and more where they are all header, as of eight thousand columns."""
_ROWS: Final = 4
"""The three rows that a header may have, and the first one below it."""
_SHOWN: Final = 4
_UNCHECKED: Final = "without the check (check=False, --no-check) it is sent as it is"
_UTF8: Final = frozenset({"utf-8", "utf8", "utf_8"})
_END: Final = re.compile(r"(?:_[A-Za-z]?\d+|_TEXT|_GROUP|_RANK|#\d+)$")
_LOOP: Final = re.compile(r"^\d+_")
_NUMBER: Final = re.compile(r"_\d+$")


class Head(NamedTuple):
    """The beginning of a table.

    `columns` are those of its header, None where it has none that can be read. `others` are the first row as
    other delimiters divide it. `is_all` is true where nothing is below the header.
    """

    columns: ColumnMap | None
    others: dict[str, list[str]]
    is_all: bool


async def read_head(content: BinaryIO | bytes, delimiter: str, charset: str) -> Head:
    """Read the header of a table; an open file is left where it was.

    Raises:
        UsageError: for a header that names no column, or whose import ids are broken.
    """
    return await to_its_end(anyio.to_thread.run_sync(_read, content, delimiter, charset))


def _read(content: BinaryIO | bytes, delimiter: str, charset: str) -> Head:
    begun, rows, is_whole = b"", list[list[str]](), False
    for size in _SIZES:
        begun = _begun(content, size)
        rows, is_whole = _rows(begun, delimiter, charset)
        is_whole = is_whole and len(begun) < size
        if is_whole or len(rows) == _ROWS:
            break
    if not rows:
        return Head(None, {}, is_all=is_whole)
    try:
        columns = ColumnMap.from_header(rows)
    except DecodeError as error:
        raise UsageError(f"the header of the import cannot be read: {error}; {_UNCHECKED}") from None
    others = {
        other: _rows(begun, other, charset)[0][:1]
        for other in DELIMITERS
        if other != delimiter and any(other in name for name in rows[0])
    }
    return Head(
        columns,
        {other: found[0] for other, found in others.items() if found},
        is_all=is_whole and len(rows) <= columns.header_rows,
    )


def _begun(content: BinaryIO | bytes, size: int) -> bytes:
    if isinstance(content, bytes):
        return content[:size]
    start = content.tell()
    begun = content.read(size)
    content.seek(start)
    return begun


def _rows(begun: bytes, delimiter: str, charset: str) -> tuple[list[list[str]], bool]:
    """The first rows that are not blank, and whether they could be read."""
    charset = "utf-8-sig" if charset.lower() in _UTF8 else charset
    rows: list[list[str]] = []
    try:
        with io.TextIOWrapper(io.BytesIO(begun), charset, "replace", newline="") as text:
            for row in csv.reader(text, delimiter=delimiter):
                if len(row) > 1 or any(cell.strip() for cell in row):
                    rows.append(row)
                if len(rows) == _ROWS:
                    break
    except (LookupError, ValueError, csv.Error):
        return rows, False  # an encoding that the service may know, or a cell without an end
    return rows, True


async def unknown_columns(client: Qualtrics, survey_id: str, head: Head) -> tuple[str, ...] | None:
    """The columns that the survey does not have, in order; None where the survey cannot be read.

    Raises:
        UsageError: where no column is the survey's, and for columns that are called by texts of questions.
        QualtricsError: where the service cannot be asked.
    """
    if head.columns is None:
        return None
    try:
        survey = await client.surveys.get(survey_id)
    except (Forbidden, NotFound, DecodeError, ServerFault) as error:
        _LOG.warning("the columns of an import into %s were not compared: %s", survey_id, error)
        return None
    except QualtricsError as error:
        error.add_note(
            f"it was about the columns of the survey {survey_id}; check=False imports without asking for them"
        )
        raise
    return await to_its_end(anyio.to_thread.run_sync(_compared, head, head.columns, survey))


class _Known:
    """What may be called what in a survey."""

    def __init__(self, survey: Survey) -> None:
        columns = [*columns_of_survey(survey), *columns_of_survey(survey, breakout_sets=False)]
        self._names = {name for column in columns for name in (column.tag, column.import_id, column.key)}
        self.texts = {column.text for column in columns if column.text not in self._names}
        self._questions = {column.question_id for column in columns if column.question_id}
        for tag, entry in (survey.export_column_map or {}).items():
            if isinstance(entry, dict) and "question" in entry:
                self._questions.add(str(tag))
        for question in asked_of(survey).values():
            self._questions |= {question.question_id, *([question.tag] if question.tag else [])}

    def has(self, column: Column) -> bool:
        """Whether the survey has a column, or its question may have such a one."""
        return not column.is_label and self.has_name(_name(column))

    def has_name(self, name: str) -> bool:
        """Whether the survey has a column of this name, or its question may have such a one."""
        return name in self._names or not self._questions.isdisjoint(_bases(name))


def _bases(name: str) -> Iterator[str]:
    """What a column may be a part of: `Q3` for `Q3_1`, `Q3_1_TEXT` and `2_Q3`."""
    for begun in (name, _LOOP.sub("", name)):
        rest, shorter = "", begun
        while shorter != rest:
            yield shorter
            rest, shorter = shorter, _END.sub("", shorter)


def _name(column: Column) -> str:
    """What a column is called; labels may have the import id of the codes beside them."""
    return (column.tag if column.is_label else column.import_id) or column.tag


def _compared(head: Head, columns: ColumnMap, survey: Survey) -> tuple[str, ...]:
    known = _Known(survey)
    named = [column for column in columns if _name(column).strip()]
    unknown = tuple(dict.fromkeys(_name(column) for column in named if not known.has(column)))
    by_text = [name for name in unknown if name in known.texts or _NUMBER.sub("", name) in known.texts]
    if by_text:
        raise UsageError(
            f"columns are called by the texts of the survey {survey.id} ({listed(by_text)}), and what is in "
            'them would be lost: call them by export tags or import ids (names="tag" of an export); '
            f"{_UNCHECKED}"
        )
    if len(unknown) == len({_name(column) for column in named}):
        raise UsageError(
            f"no column is one that the survey {survey.id} has ({listed(unknown)}), and all would become new "
            f"embedded data: {_cause(head, named, known)}"
        )
    return unknown


def _cause(head: Head, columns: Sequence[Column], known: _Known) -> str:
    found = _delimiter(head, len(columns), known)
    if found == "\t":
        return 'the cells seem to be divided by tabs: give format="tsv"'
    if found == ",":
        return 'the cells seem to be divided by commas: give format="csv"'
    if found:
        return (
            f"the cells seem to be divided by {found!r}, and the service takes commas or tabs: save it with "
            "those, or give the rows of bulk.read_csv(path) if one row is its header"
        )
    if all(column.is_label or _name(column).upper().endswith("_LABEL") for column in columns):
        return "they are labels: give the columns beside which labels stand"
    return f"is it another survey's, or without a header of export tags or import ids? {_UNCHECKED}"


def _delimiter(head: Head, width: int, known: _Known) -> str:
    """The delimiter by which the first row has columns of the survey, or at least more than one."""
    fitting = {other: sum(map(known.has_name, cells)) for other, cells in head.others.items()}
    found = max(fitting, key=lambda other: (fitting[other], len(head.others[other])), default="")
    return found if found and (fitting[found] or width == 1) else ""


def listed(names: Iterable[str]) -> str:
    """Some names as text; where no header is, what a respondent wrote may stand for one: not an address."""
    several = list(names)
    shown = [f"{name!r:.42}" for name in several if "@" not in name][:_SHOWN]
    more = len(several) - len(shown)
    return ", ".join([*shown, *([f"{more:,} more" if shown else f"{more:,}"] if more else [])])
