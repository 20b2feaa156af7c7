"""Which response a row names, and the embedded data that it gives it."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Final, TypeAlias

import msgspec

from qualtrics_async._core.store import Store
from qualtrics_async.bulk.outcome import Failed, InDoubt, Ok, Outcome
from qualtrics_async.bulk.records import Kind, RowRecord
from qualtrics_async.bulk.response_columns import (
    EMBEDDED,
    ID,
    RESET,
    ResponseColumns,
    below_header,
    part_of,
    refuse_answers,
)
from qualtrics_async.bulk.rows import (
    Prepared,
    Reader,
    RowProblem,
    SourceRow,
    prepare_with,
    read_cell,
    read_truth,
)
from qualtrics_async.errors import JobFailed
from qualtrics_async.models.response_jobs import ResponseUpdate
from qualtrics_async.models.responses import Response

__all__ = [
    "DOUBLED",
    "LONGEST_VALUE",
    "ResponseChanged",
    "ResponseOutcome",
    "ResponseReader",
    "ResponseRow",
    "Seen",
    "named_by",
    "outcome_of_response",
    "prepared_rows",
]

DOUBLED: Final = "twice in the input"
"""The reason of a row that names the same response as an earlier one."""

LONGEST_VALUE: Final = 5_000
"""Characters of a value; 1 000 on another page of the documentation."""

_AS_SENT: Final = frozenset({DOUBLED, "too large"})
"""Why a row is refused that could be read: it stands in the journal as it would be sent."""

_NO_ID: Final = re.compile(r"""[\s/?#\\"'{}]|[^ -~]|\A\.{1,2}\Z""")
"""What no id has; the second and third header row of an export have it where ids are."""

_AT_ONCE: Final = 250
_BYTES_AT_ONCE: Final = 250_000


class ResponseRow(msgspec.Struct, frozen=True):
    """The item of an outcome: which row it is, and the response that it names.

    `index` counts the rows of the input from 0, `line` those of a file from 1. `embedded_data` is what is
    set, by name. Of a row that was refused before anything was sent it has the cells as they were given; it
    is empty for deletions, and where a journal has erased the row already.
    """

    index: int
    line: int | None
    response_id: str | None
    embedded_data: dict[str, Any] = msgspec.field(default_factory=dict)

    @property
    def cells(self) -> dict[str, Any]:
        """The row as columns, which can be given again."""
        named = {} if self.response_id is None else {ID: self.response_id}
        return named | self.embedded_data


class ResponseChanged(msgspec.Struct, frozen=True):
    """The value of an outcome: the id of the response that was updated or deleted."""

    response_id: str


ResponseOutcome: TypeAlias = Outcome[ResponseRow, ResponseChanged]


class _Named(msgspec.Struct):
    response_id: str = msgspec.field(name=ID)


class _Item(_Named):
    embedded_data: dict[str, str] = msgspec.field(name=EMBEDDED, default_factory=dict)


named_by: Final[Callable[[bytes], _Named]] = msgspec.json.Decoder(_Named).decode
"""Reads the id out of what is sent of a row."""

_item = msgspec.json.Decoder(_Item).decode
_cells = msgspec.json.Decoder(dict[str, Any]).decode


class ResponseReader:
    """Reads rows of responses: what names a response, and what is embedded data of it.

    The id is in the column `id_column`; without one in `responseId` or `_recordId`, in any case and spelling
    (`Response ID`). `embeddedData` is a mapping, `resetRecordedDate` says it of this row alone, and every
    other column that `columns` takes is embedded data by its own name, but not the notes of a failures file.
    """

    def __init__(self, id_column: str | None = None, columns: ResponseColumns | None = None) -> None:
        self._id_column = id_column
        self._columns = columns

    def row(self, given: object) -> object:
        """Name the parts of what is no mapping: an update, a response, or an id alone."""
        name = self._id_column or ID
        if isinstance(given, str):
            return {name: given}
        if isinstance(given, Response):
            return {name: given.response_id, "values": {}}
        if isinstance(given, ResponseUpdate):
            reset = given.reset_recorded_date
            parts = {name: given.response_id, EMBEDDED: given.embedded_data}
            return parts if reset is msgspec.UNSET else parts | {RESET: reset}
        return given

    def update(self, source: object, *, reset: bool, clear_empty: bool) -> dict[str, Any]:
        """Make an item of an update; in a mapping of embedded data, empty text is meant as it stands."""
        response_id, others = self._split(source)
        answers = refuse_answers(others)
        if answers is not None:
            raise RowProblem("bad row", answers)
        columns = self._columns
        data: dict[str, str] = {}
        for column, value in others.items():
            part = None if columns is not None and columns.names(column) else part_of(column, self._id_column)
            if part == RESET:
                reset = _flag(value, reset)
            elif part == EMBEDDED:
                named = _mapping(value)
                data |= _texts(named if columns is None else columns.within(named), clear_empty=True)
            elif columns is None or columns.takes(column):
                data |= _texts({column: value}, clear_empty=clear_empty)
        if not data:
            raise RowProblem("no embedded data", "the row has no embedded data to set")
        return {ID: response_id, EMBEDDED: data, RESET: reset}

    def delete(self, source: object, *, decrement_quotas: bool) -> dict[str, Any]:
        """Make an item of a deletion; what the row says besides the id does not count."""
        response_id, _ = self._split(source)
        return {ID: response_id} | ({"decrementQuotas": True} if decrement_quotas else {})

    def refused(self, row: RowRecord) -> ResponseOutcome:
        """Make the outcome of a row that was not sent."""
        if row.reason in _AS_SENT:
            return outcome_of_response(row)
        cells: dict[str, Any] = {} if row.payload is None else _cells(row.payload)
        try:
            response_id, cells = self._split(cells)
        except RowProblem:
            response_id = None
        return _outcome(row, ResponseRow(row.index, row.line, response_id, cells))

    def _split(self, source: object) -> tuple[str, dict[str, Any]]:
        """Tell the id of a row from its other cells."""
        if not isinstance(source, Mapping):
            wanted = "a row is a mapping, a ResponseUpdate or, for deletions, an id"
            raise RowProblem("bad row", f"{wanted}, got {type(source).__name__}")
        found: list[object] = []
        others: dict[str, Any] = {}
        for column, value in source.items():
            if not isinstance(column, str):
                raise RowProblem("bad row", f"a column is named by text, got {type(column).__name__}")
            part = part_of(column, self._id_column)
            if part == ID:
                found.append(value)
            elif part != "note":
                others[column] = value
        if len(found) > 1:  # of which those that are empty mean nothing
            found = [value for value in found if value is not None and value != ""] or found[:1]
        if len(found) > 1:
            raise RowProblem("bad row", "two columns mean the response id: say which with response_id_column")
        if not found:
            raise RowProblem("no response id", f"the row has no column {self._id_column or ID!r:.60}")
        return _checked(found[0]), others


def _checked(value: object) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if not text:
        raise RowProblem("no response id", "the row names no response")
    if _NO_ID.search(text):
        raise RowProblem("no response id", "what the row names as its response is no id")
    return text


def _flag(value: object, default: bool) -> bool:
    text = read_cell(value, RESET, clear_empty=False)
    return default if text is None or not text.strip() else read_truth(text, RESET)


def _mapping(value: object) -> Mapping[Any, Any]:
    if value is None or value == "":
        return {}
    if not isinstance(value, Mapping):
        raise RowProblem("bad value", f"{EMBEDDED} takes a mapping, got {type(value).__name__}")
    return value


def _texts(cells: Mapping[Any, Any], *, clear_empty: bool) -> dict[str, str]:
    texts: dict[str, str] = {}
    for column, value in cells.items():
        text = read_cell(value, column, clear_empty=clear_empty)
        if text is None:
            continue
        if len(text) > LONGEST_VALUE:
            told = f"{column!r:.60} holds {len(text)} characters, a value has at most {LONGEST_VALUE}"
            raise RowProblem("too long", told)
        texts[str(column)] = text
    return texts


class Seen:
    """Which responses were named before, kept on disk: there may be millions of them."""

    SCHEMA: Final = "CREATE TABLE seen (id TEXT PRIMARY KEY) WITHOUT ROWID"

    def __init__(self, store: Store) -> None:
        self._store = store

    async def once(self, rows: Sequence[Prepared]) -> list[Prepared]:
        """Refuse the rows whose response an earlier one has named; those that are refused name none."""
        named = [
            (at, named_by(row.payload).response_id) for at, row in enumerate(rows) if row.problem is None
        ]

        def work(db: sqlite3.Connection) -> list[int]:
            return [at for at, name in named if not db.execute(_REMEMBER, (name,)).rowcount]

        checked = list(rows)
        for at in await self._store.run(work, durable=False):
            problem = RowProblem(DOUBLED, "an earlier row names the same response, and a job takes each once")
            checked[at] = msgspec.structs.replace(checked[at], problem=problem)
        return checked


_REMEMBER: Final = "INSERT OR IGNORE INTO seen VALUES (?)"


async def prepared_rows(
    source: AsyncGenerator[Any],
    reader: ResponseReader,
    read: Reader,
    seen: Seen,
    columns: ResponseColumns,
) -> AsyncGenerator[Prepared]:
    """Read rows, and refuse those that cannot be sent or come a second time.

    Raises:
        UsageError: before the first of them, when the columns make no sense (`ResponseColumns.check`).
    """
    waiting: list[Prepared] = []
    size = index = 0
    async with aclosing(below_header(source, columns)) as rows:
        async for row in rows:
            # Lines of a file keep their number until they are prepared.
            given = row if isinstance(row, SourceRow) else reader.row(row)
            await columns.meet(given)
            waiting.append(prepare_with(read, index, given, columns.survey_id))
            index += 1
            size += len(waiting[-1].payload)
            if len(waiting) >= _AT_ONCE or size >= _BYTES_AT_ONCE:
                columns.check()
                for ready in await seen.once(waiting):
                    yield ready
                waiting, size = [], 0
        columns.check()
        for ready in await seen.once(waiting):
            yield ready


def outcome_of_response(row: RowRecord) -> ResponseOutcome:
    """Make the outcome of a row that was sent, or would have been; its id outlives what is erased of it."""
    if row.payload is None:
        return _outcome(row, ResponseRow(row.index, row.line, row.contact_id))
    item = _item(row.payload)
    return _outcome(row, ResponseRow(row.index, row.line, item.response_id, item.embedded_data))


def _outcome(row: RowRecord, item: ResponseRow) -> ResponseOutcome:
    if row.kind is Kind.OK:
        return Ok(item, ResponseChanged(item.response_id or ""))
    reason = row.reason or "unknown"
    error = row.error or JobFailed(reason)
    return Failed(item, error, reason) if row.kind is Kind.FAILED else InDoubt(item, error, reason)
