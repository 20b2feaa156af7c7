"""Which columns of rows are embedded data of a response, and which are an export's and change nothing."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Collection, Iterable, Mapping
from contextlib import aclosing
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from qualtrics_async._core.events import logger
from qualtrics_async._core.tasks import on_thread
from qualtrics_async.bulk.identity import FileRows, Layout
from qualtrics_async.bulk.rows import NOTES, UNREADABLE, SourceRow, plain_name
from qualtrics_async.client import Qualtrics
from qualtrics_async.errors import ConnectFailed, QualtricsError, Unauthorized, UsageError

if TYPE_CHECKING:
    from qualtrics_async.exports import Column, ColumnMap
    from qualtrics_async.models.surveys import Survey

__all__ = [
    "EMBEDDED",
    "ID",
    "RESET",
    "ResponseColumns",
    "below_header",
    "listed",
    "part_of",
    "refuse_answers",
]

ID: Final = "responseId"
EMBEDDED: Final = "embeddedData"
RESET: Final = "resetRecordedDate"

_Part: TypeAlias = Literal["responseId", "embeddedData", "resetRecordedDate", "note"]
_SPELLINGS: Final[Mapping[str, _Part]] = {
    "responseid": ID,
    "recordid": ID,
    "embeddeddata": EMBEDDED,
    "resetrecordeddate": RESET,
}
_NOTES: Final = frozenset({*NOTES, UNREADABLE})
_ANSWERS: Final = "values"
_RECORD: Final = frozenset({_ANSWERS, "labels", "displayedFields", "displayedValues"})
_HEADER_ROWS: Final = 2
"""Header rows of an export that a reader takes for rows: the first one names the columns."""

_IMPORT_ID: Final = '"ImportId"'
_SCORE: Final = re.compile(r"SC_[A-Za-z0-9]{11,17}")
_BESIDE: Final = re.compile(r"(.+)_(?:LABEL|DO(?:_\d+)?)", re.DOTALL)
"""What stands beside a question: the labels (assumed) and the order of its choices (observed by clients)."""

_AT_ONCE: Final = 250
"""Columns that are looked at without a thread."""

_MOST: Final = 100_000
"""Columns whose names are kept; an export has eight thousand at most times."""

_SHOWN: Final = 200
_ANSWERED: Final = (
    "a response has answers, which an update does not change: give what is to be set, as in "
    "{'responseId': response.response_id, 'Segment': 'gold'}, or a ResponseUpdate"
)


@lru_cache(maxsize=16_384)
def part_of(column: str, id_column: str | None) -> _Part | None:
    """What a column is to a job over responses; None for one that may be embedded data."""
    if column == id_column:
        return ID
    if column in _NOTES:
        return "note"
    found = _SPELLINGS.get(plain_name(column))
    return None if found == ID and id_column is not None else found


class ResponseColumns:
    """Tells embedded data from an export's columns, and keeps what was found in the order that it came.

    With `wanted` only those are embedded data. Without, the metadata and the questions of an export are not:
    known by the header rows of the file (`own`), by the metadata that every export has, and by what the
    survey says of its questions, which is asked for when a column is met that nothing else tells of.
    """

    def __init__(
        self,
        client: Qualtrics,
        survey_id: str,
        *,
        id_column: str | None = None,
        wanted: Collection[str] | None = None,
        id_only: bool = False,
    ) -> None:
        self._client = client
        self.survey_id = survey_id
        self._id_column = id_column
        self.wanted = None if wanted is None else _checked(wanted, id_column)
        self._id_only = id_only
        self._met: dict[str, None] = {}
        self._sent: set[str] = set()
        self._known: frozenset[str] | None = None
        self._is_checked = self._has_id = self._has_answers = self._has_mapping = False
        self._layout: Layout | None = None
        self.own: ColumnMap | None = None
        self.sent: list[str] = []
        self.left_out: list[str] = []

    def read_from(self, rows: object) -> None:
        """Learn what the source knows of its columns: a file has a header, `exports.rows()` a map."""
        from qualtrics_async.exports.columns import ColumnMap

        if isinstance(rows, FileRows):
            self._layout = rows.layout
        elif isinstance(known := getattr(rows, "columns", None), ColumnMap):
            self.own = known

    @property
    def asked(self) -> bool:
        """Whether the survey was asked for."""
        return self._known is not None

    def takes(self, column: str) -> bool:
        """Whether a column that was met is embedded data."""
        return column in self._sent

    def names(self, column: str) -> bool:
        """Whether it is embedded data because somebody said so, whatever it is called."""
        return self.wanted is not None and column in self.wanted

    def within(self, data: Mapping[Any, Any]) -> Mapping[Any, Any]:
        """Take of a mapping of embedded data what is to be sent."""
        if self.wanted is None:
            return data
        found = {key: value for key, value in data.items() if key in self.wanted}
        for key in found:
            self._take(key)
        return found

    async def meet(self, row: object) -> None:
        """Learn the columns of a row that no row before it had.

        Raises:
            QualtricsError: when the survey has to be asked for, and nothing else could be either.
        """
        cells = row.cells if isinstance(row, SourceRow) else row
        if not isinstance(cells, Mapping) or cells.keys() <= self._met.keys():
            return
        found = {name: cells[name] for name in cells if isinstance(name, str) and name not in self._met}
        self._met.update(dict.fromkeys(found))
        if len(self._met) > _MOST:
            raise UsageError(
                f"the rows have more than {_MOST} columns: names that no other row has go into {EMBEDDED}"
            )

        many = len(found) > _AT_ONCE
        verdicts = await on_thread(self._sorted, found) if many else self._sorted(found)
        if None in verdicts.values() and self._known is None:
            self._known = await self._ask()
        for name, is_data in verdicts.items():
            if is_data or (is_data is None and not self._is_asked(name)):
                self._take(name)
            else:
                self.left_out.append(name)

    def _sorted(self, found: Mapping[str, Any]) -> dict[str, bool | None]:
        """Which columns may be embedded data, and are they; None where the survey has to say it."""
        verdicts: dict[str, bool | None] = {}
        for column, value in found.items():
            named = self.names(column)
            part = None if named else part_of(column, self._id_column)
            self._has_id |= part == ID
            self._has_mapping |= part == EMBEDDED
            if column in _RECORD and isinstance(value, Mapping | list):
                self._has_answers = True
            elif part is None and not self._id_only:
                verdicts[column] = named if self.wanted is not None else self._is_data(column)
        return verdicts

    def _take(self, column: str) -> None:
        if column not in self._sent:
            self._sent.add(column)
            self.sent.append(column)

    def _is_data(self, column: str) -> bool | None:
        """Whether a column is no metadata and no question of an export; None if that cannot be told."""
        if column in _metadata_names():
            return False
        if self.own is not None and (found := self.own.get(column)) is not None:
            return not _is_answer(found)
        return False if _is_answer(_alone(column)) else None

    def _is_asked(self, column: str) -> bool:
        """Whether the survey asks for it, or an export has it beside a question."""
        beside, known = _BESIDE.fullmatch(column), self._known or frozenset()
        return column in known or (beside is not None and beside[1] in known)

    async def _ask(self) -> frozenset[str]:
        try:
            survey = await self._client.surveys.get(self.survey_id)
        except (ConnectFailed, Unauthorized):
            raise
        except QualtricsError as error:
            logger.warning("the questions of the survey cannot be told from embedded data: %s", error)
            return frozenset()
        # A survey of thousands of columns takes longer than the loop may be held.
        return await on_thread(_names_of, survey)

    def check(self) -> None:
        """See that the first rows, or all of few, make sense as a table; called before anything is sent.

        Raises:
            UsageError: when no column names the response, a column that was named is not there, or nothing
                would be sent.
        """
        if self._is_checked:
            return
        self._is_checked = True
        if not self._met:  # no row; a file may have a header all the same
            self._met = dict.fromkeys(() if self._layout is None else self._layout.columns)
            self._has_id = any(part_of(column, self._id_column) == ID for column in self._met)
        if not self._met:
            return
        if not self._has_id:
            wanted = ID if self._id_column is None else self._id_column
            raise UsageError(
                f"no column is called {wanted!r:.60}; there are {listed(self._met)}: say which one names the "
                "response with response_id_column (--response-id-column)"
            )
        if self._id_only:
            return
        if not self.sent and self._has_answers:
            raise UsageError(_ANSWERED)
        missing = [] if self.wanted is None else [name for name in self.wanted if name not in self._sent]
        if missing:
            raise UsageError(f"no column is called {listed(missing)}; there are {listed(self._met)}")
        if not self.sent and not self._has_mapping and self.left_out:
            raise UsageError(
                f"no column is embedded data: an export has {listed(self.left_out)} too; say with columns "
                "(--column) which are to be set all the same"
            )
        if self.left_out:
            logger.info("columns of an export that are left out: %s", listed(self.left_out))


def refuse_answers(cells: Mapping[str, Any]) -> str | None:
    """Why a row cannot be an update that is a whole response; None for any other one."""
    return _ANSWERED if isinstance(cells.get(_ANSWERS), Mapping) else None


def listed(names: Iterable[str]) -> str:
    """Write names, as far as a line takes them."""
    text = ", ".join(names)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _checked(wanted: object, id_column: str | None) -> frozenset[str]:
    if isinstance(wanted, str) or not isinstance(wanted, Iterable):
        raise UsageError(f"columns takes a list of names, got {type(wanted).__name__}")
    names = list(wanted)
    if not names or not all(isinstance(name, str) and name for name in names):
        raise UsageError("columns takes the names of one column or more, each of them text")
    for name in names:
        if part_of(name, id_column) == ID:
            raise UsageError(f"columns: {name!r:.60} names the response, it is no embedded data")
    return frozenset(names)


@cache
def _metadata_names() -> frozenset[str]:
    from qualtrics_async.exports.columns import METADATA

    return frozenset(METADATA).union(*METADATA.values())


def _alone(column: str) -> Column:
    """A column of which only the name is known, which may be an import id."""
    from qualtrics_async.exports.columns import column_of

    return column_of(column, "", {"ImportId": column})


def _is_answer(column: Column) -> bool:
    """Whether it is the service's, not embedded data."""
    source = column.import_id or ""
    is_score = _SCORE.fullmatch(source) is not None
    return column.is_metadata or column.question_id is not None or column.is_display_order or is_score


def _names_of(survey: Survey) -> frozenset[str]:
    """What an export of a survey calls the columns of its questions, by tag, import id or text."""
    from qualtrics_async.exports import columns_of_survey

    names: set[str] = set(survey.export_column_map or ())
    texts: set[str] = set()
    fields: set[str] = set()
    for breakout_sets in (True, False):
        for column in columns_of_survey(survey, breakout_sets=breakout_sets):
            if not _is_answer(column):
                fields.add(column.name)
                continue
            names |= {column.name, column.tag, column.key, column.import_id or ""}
            texts.add(column.text)
    return frozenset(names | (texts - fields)) - {""}


async def below_header(source: AsyncGenerator[Any], columns: ResponseColumns) -> AsyncGenerator[Any]:
    """Leave out the second and third header row of an export, and learn its columns from them."""
    first: list[Any] = []
    async with aclosing(source):
        async for row in source:
            if len(first) == _HEADER_ROWS:
                yield row
                continue
            first.append(row)
            if len(first) == _HEADER_ROWS:
                for kept in await _learned(first, columns):
                    yield kept
    if len(first) < _HEADER_ROWS:
        for kept in await _learned(first, columns):
            yield kept


async def _learned(rows: list[Any], columns: ResponseColumns) -> list[Any]:
    """Those of the first rows that are no header rows."""
    cells = [row.cells if isinstance(row, SourceRow) else row for row in rows]
    head = [found for found in cells if isinstance(found, Mapping)]
    if len(head) < len(rows) or len({tuple(found) for found in head}) != 1:
        return rows
    texts = [[value if isinstance(value, str) else "" for value in found.values()] for found in head]
    if not any(_IMPORT_ID in text for found in texts for text in found):
        return rows
    from qualtrics_async.exports.columns import ColumnMap

    # A header of thousands of columns takes longer than the loop may be held.
    found = await on_thread(ColumnMap.from_header, [[str(name) for name in head[0]], *texts])
    if found.header_rows > 1:
        columns.own = found
    return rows[found.header_rows - 1 :]
