"""What the columns of an export are: three header rows read, each column with a name of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final, Literal, TypeAlias, overload

import msgspec

from qualtrics_async.errors import DecodeError, UsageError
from qualtrics_async.models._base import understood_flag

__all__ = ["METADATA", "Column", "ColumnMap", "Names", "column_of", "header_height"]

Names: TypeAlias = Literal["tag", "import_id", "text"]
"""What rows and tables call a column: its export tag, its import id, or the text of its question."""

METADATA: Final[Mapping[str, tuple[str, str]]] = {
    "startDate": ("StartDate", "Start Date"),
    "endDate": ("EndDate", "End Date"),
    "status": ("Status", "Response Type"),
    "ipAddress": ("IPAddress", "IP Address"),
    "progress": ("Progress", "Progress"),
    "duration": ("Duration (in seconds)", "Duration (in seconds)"),
    "finished": ("Finished", "Finished"),
    "recordedDate": ("RecordedDate", "Recorded Date"),
    "_recordId": ("ResponseId", "Response ID"),
    "recipientLastName": ("RecipientLastName", "Recipient Last Name"),
    "recipientFirstName": ("RecipientFirstName", "Recipient First Name"),
    "recipientEmail": ("RecipientEmail", "Recipient Email"),
    "externalDataReference": ("ExternalReference", "External Data Reference"),
    "locationLatitude": ("LocationLatitude", "Location Latitude"),
    "locationLongitude": ("LocationLongitude", "Location Longitude"),
    "distributionChannel": ("DistributionChannel", "Distribution Channel"),
    "userLanguage": ("UserLanguage", "User Language"),
}
"""The metadata of a response by import id (documented), with the usual tag and text (observed)."""

_BY_TAG = {tag: import_id for import_id, (tag, _) in METADATA.items()}
_HIGHEST = 3
_BOM = "\ufeff"
_IMPORT_ID = "ImportId"
_TIME_ZONE = "timeZone"
_CHOICE = "choiceId"
_LABELS = "islabelscolumn"
_NAMES: Mapping[Names, tuple[str, ...]] = {
    "tag": ("tag", "key"),
    "import_id": ("key", "tag"),
    "text": ("text", "tag", "key"),
}
_SOURCE = re.compile(
    r"(?:(?P<loop>[A-Za-z]?\d+)_)?(?P<question>QID\d+)(?:#(?P<side>\d+))?(?P<rest>(?:_.*)?)", re.DOTALL
)
_ORDER = re.compile(r"(?:BL|FL)_\w+_DO")
_PART = re.compile(r"[A-Za-z]?\d+")


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One column of an export.

    `index` counts from 0. `name` is unique in its map. `tag`, `text` and `import_id` are the three header
    rows (observed), `""` or `None` where a file lacks one; `time_zone` is that of a date, and `extra` what
    else the third row says: `choiceId` for a choice of a multiple answer that has a column of its own
    (observed by clients), `IsLabelsColumn` for a column of labels (documented), whatever comes.

    What an import id is made of, read where it names a question: `question_id` (`QID6` of `QID6_1`),
    `loop_id` (`1` of `1_QID6`, the pass of a loop; observed by clients), `side_id` (`2` of `QID6#2_1`, the
    column of a side by side; observed by clients), `parts` (`("4",)` of `QID6_4_TEXT`: choices, statements or
    fields, by the question's type) and `suffix` (`TEXT`, `DO`, `FILE_ID`, `FIRST_CLICK`, ...).
    """

    index: int = 0
    name: str = ""
    tag: str = ""
    text: str = ""
    import_id: str | None = None
    time_zone: str | None = None
    extra: Mapping[str, Any] = msgspec.field(default_factory=dict)
    question_id: str | None = None
    loop_id: str | None = None
    side_id: str | None = None
    parts: tuple[str, ...] = ()
    suffix: str | None = None

    def __hash__(self) -> int:
        return hash((self.index, self.name, self.import_id))  # `extra` has none

    @property
    def metadata_id(self) -> str | None:
        """The import id of a response's metadata; without import ids, by the usual tag."""
        found = self.import_id if self.import_id is not None else _BY_TAG.get(self.tag)
        return found if found in METADATA else None

    @property
    def is_metadata(self) -> bool:
        """Whether it is about the response as such: dates, status, respondent."""
        return self.metadata_id is not None

    @property
    def is_text_entry(self) -> bool:
        """Whether respondents wrote it: a text question, or the text field of a choice."""
        return self.suffix == "TEXT"

    @property
    def is_display_order(self) -> bool:
        """Whether it says where something was shown, of `includeDisplayOrder` (observed by clients)."""
        return self.suffix == "DO" or _ORDER.fullmatch(self.import_id or "") is not None

    @property
    def choice_id(self) -> str | None:
        """The choice of a multiple answer that this column is for."""
        found = self.extra.get(_CHOICE)
        return None if found is None else str(found)

    @property
    def is_label(self) -> bool:
        """Whether it has the labels of the column before it, of `includeLabelColumns` (documented)."""
        return any(key.lower() == _LABELS and understood_flag(value) for key, value in self.extra.items())

    @property
    def key(self) -> str:
        """The import id with what else tells columns of one import id apart; `""` without import ids.

        `QID1_4` for choice 4 of QID1, whose columns all have the import id `QID1` (observed by clients).
        """
        if not self.import_id:
            return ""
        further = (
            str(value)
            for value in self.extra.values()
            if isinstance(value, str | int) and not isinstance(value, bool)
        )
        return "_".join((self.import_id, *further, *(["label"] if self.is_label else [])))

    def source(self) -> str:
        """The cell in the third header row; `""` without an import id."""
        if self.import_id is None:
            return ""
        zone = {} if self.time_zone is None else {_TIME_ZONE: self.time_zone}
        return msgspec.json.encode({_IMPORT_ID: self.import_id, **zone, **self.extra}).decode()


class ColumnMap:
    """The columns of an export in their order; `columns["Q1"]`, `columns[0]`, `columns.by_import_id("QID1")`.

    Immutable. `names` are their unique names, `header_rows` is how many rows of the file they were read from.
    Names differ, if only in their case: a database that ignores case may want names of its own.
    """

    __slots__ = ("_by_name", "_by_question", "_by_source", "_columns", "header_rows", "names")

    def __init__(self, columns: Iterable[Column], *, names: Names = "tag", header_rows: int = 0) -> None:
        if names not in _NAMES:
            raise UsageError(f"names: expected one of {', '.join(_NAMES)}, got {names!r:.40}")
        found = list(columns)
        self._columns = tuple(
            msgspec.structs.replace(column, index=index, name=name)
            for index, (column, name) in enumerate(zip(found, _unique(found, names), strict=True))
        )
        self._by_name = {column.name: column for column in self._columns}
        self._by_question: dict[str | None, list[Column]] = {}
        for column in self._columns:
            self._by_question.setdefault(column.question_id, []).append(column)
        self._by_source: dict[str, Column] = {}
        for attribute in ("import_id", "key"):
            for column in self._columns:
                if source := getattr(column, attribute):
                    self._by_source.setdefault(source, column)
        self.names = tuple(self._by_name)
        self.header_rows = header_rows

    @classmethod
    def from_header(
        cls, rows: Iterable[Sequence[str]], *, names: Names = "tag", header_rows: int | None = None
    ) -> ColumnMap:
        """The columns of a file, of which the first three rows are looked at.

        How many of them are header rows is told by where the row of import ids is (`header_height`), unless
        `header_rows` says it: 1 or 2 for a file without import ids. Rows of different length are filled up
        with nothing; a byte order mark is dropped.

        Raises:
            DecodeError: for no rows, rows of nothing, and an import id that cannot be read.
            UsageError: for `header_rows` that are not 1, 2 or 3.
        """
        first = _without_mark([list(row) for row in islice(rows, _HIGHEST)])
        if header_rows is not None and not 1 <= header_rows <= _HIGHEST:
            raise UsageError(f"header_rows: expected 1, 2 or 3, got {header_rows!r:.20}")
        height = min(header_rows or header_height(first), len(first))
        head = first[:height]
        width = max(map(len, head), default=0)
        if not any(cell.strip() for row in head for cell in row):
            raise DecodeError(
                f"header: expected names of columns, found {width} empty cells in {height} rows"
            )
        tags, texts, sources = _laid_out(head)
        read = [_source(cell, height - 1, index) for index, cell in enumerate(_filled(sources, width))]
        columns = zip(_filled(tags, width), _filled(texts, width), read, strict=True)
        return cls((column_of(*each) for each in columns), names=names, header_rows=height)

    def get(self, name: str) -> Column | None:
        """The column of a name, if there is one."""
        return self._by_name.get(name)

    def by_import_id(self, import_id: str, choice_id: str | None = None) -> Column:
        """The first column of an import id, or that of one choice.

        Raises:
            KeyError: where there is none.
        """
        wanted = import_id if choice_id is None else f"{import_id}_{choice_id}"
        try:
            return self._by_source[wanted]
        except KeyError:
            raise KeyError(f"no column has the import id {wanted!r:.60}") from None

    def of_question(self, question_id: str) -> tuple[Column, ...]:
        """All columns of a question, in order."""
        return tuple(self._by_question.get(question_id, ()))

    def to_header(self) -> tuple[list[str], list[str], list[str]]:
        """The three header rows, as an export has them and an import takes them."""
        return (
            [column.tag for column in self._columns],
            [column.text for column in self._columns],
            [column.source() for column in self._columns],
        )

    @overload
    def __getitem__(self, key: int | str) -> Column: ...

    @overload
    def __getitem__(self, key: slice) -> tuple[Column, ...]: ...

    def __getitem__(self, key: int | str | slice) -> Column | tuple[Column, ...]:
        if not isinstance(key, str):
            return self._columns[key]
        try:
            return self._by_name[key]
        except KeyError:
            raise KeyError(f"no column is called {key!r:.60}") from None

    def __len__(self) -> int:
        return len(self._columns)

    def __iter__(self) -> Iterator[Column]:
        return iter(self._columns)

    def __contains__(self, item: object) -> bool:
        return item in self._by_name if isinstance(item, str) else item in self._columns

    def __eq__(self, other: object) -> bool:
        return self._columns == other._columns if isinstance(other, ColumnMap) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.names)

    def __repr__(self) -> str:
        shown = ", ".join(self.names[:4]) + (", ..." if len(self) > len(self.names[:4]) else "")
        return f"<ColumnMap of {len(self)}: {shown:.120}>"


def header_height(rows: Sequence[Sequence[str]]) -> int:
    """How many of a file's first rows are header rows: up to the row of import ids, else the first alone.

    That row is known by its cells: most of those that say something are JSON with an `ImportId`.
    """
    found = _row_of_sources(rows)
    return min(1, len(rows)) if found is None else found + 1


def _row_of_sources(rows: Sequence[Sequence[str]]) -> int | None:
    for number, row in enumerate(rows[:_HIGHEST]):
        said = [cell for cell in row if cell.strip() not in ("", "{}")]
        named = sum(_IMPORT_ID in (_object(cell) or {}) for cell in said)
        if named * 2 > len(said):
            return number
    return None


def _laid_out(head: Sequence[Sequence[str]]) -> tuple[Sequence[str], Sequence[str], Sequence[str]]:
    """Tags, texts and import ids, whichever of them a file has."""
    found = _row_of_sources(head)
    others = [*(head if found is None else head[:found]), (), ()]
    return others[0], others[1], () if found is None else head[found]


def _without_mark(rows: list[list[str]]) -> list[list[str]]:
    """Drop a byte order mark, and the quotation marks that it kept a reader from seeing."""
    if rows and rows[0] and rows[0][0].startswith(_BOM):
        cell = rows[0][0].removeprefix(_BOM)
        quoted = len(cell) > 1 and cell[0] == cell[-1] == '"'
        rows[0][0] = cell[1:-1].replace('""', '"') if quoted else cell
    return rows


def _filled(row: Sequence[str], width: int) -> list[str]:
    return [*row, *[""] * (width - len(row))]


def _object(cell: str) -> dict[str, Any] | None:
    """The JSON object in a cell, an empty one where it has none, nothing where it is broken."""
    if not cell.lstrip().startswith("{"):
        return {}
    try:
        found = msgspec.json.decode(cell)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else {}


def _source(cell: str, row: int, index: int) -> dict[str, Any]:
    """The cell of the row of import ids; a column that a user added has none.

    Raises:
        DecodeError: for a JSON object that is broken.
    """
    found = _object(cell)
    if found is None:
        raise DecodeError(
            f"header: expected the import id of column {index + 1} as JSON, found {cell!r:.60}",
            path=f"$[{row}][{index}]",
            excerpt=cell[:200],
        )
    return found


def column_of(tag: str, text: str, source: Mapping[str, Any]) -> Column:
    """A column of what stands in its three header rows; a map gives it its place and its name."""
    extra = dict(source)
    named, zone = extra.pop(_IMPORT_ID, None), extra.pop(_TIME_ZONE, None)
    import_id = None if named is None else str(named)
    return Column(
        tag=tag,
        text=text,
        import_id=import_id,
        time_zone=None if zone is None else str(zone),
        extra=extra,
        **_taken_apart(tag if import_id is None else import_id),
    )


def _taken_apart(source: str) -> dict[str, Any]:
    """What an import id says; a tag that looks like one serves where a file has none."""
    found = _SOURCE.fullmatch(source)
    if found is None:
        return {}
    parts: list[str] = []
    rest = found["rest"].split("_")[1:]
    while rest and _PART.fullmatch(rest[0]):
        parts.append(rest.pop(0))
    return {
        "question_id": found["question"],
        "loop_id": found["loop"],
        "side_id": found["side"],
        "parts": tuple(parts),
        "suffix": "_".join(rest) or None,
    }


def _unique(columns: Sequence[Column], names: Names) -> Iterator[str]:
    """A name for each: the first that has one keeps it, others get `_2`, `_3`, past names that are there."""
    wanted = [_wanted(index, column, names) for index, column in enumerate(columns)]
    owners: dict[str, int] = {}
    for is_own in (True, False):  # what a file says goes before a name that was made up
        for index, (name, own) in enumerate(wanted):
            if own is is_own:
                owners.setdefault(name, index)
    counts: dict[str, int] = {}
    for index, (name, _) in enumerate(wanted):
        if owners[name] == index:
            yield name
            continue
        number = counts.get(name, 1) + 1
        while f"{name}_{number}" in owners:
            number += 1
        counts[name] = number
        yield f"{name}_{number}"


def _wanted(index: int, column: Column, names: Names) -> tuple[str, bool]:
    """The name of a column by itself, and whether it is the kind of name that was asked for."""
    first, *others = (str(getattr(column, attribute)) for attribute in _NAMES[names])
    if first.strip():
        return first, True
    return next((name for name in others if name.strip()), f"column_{index + 1}"), False
