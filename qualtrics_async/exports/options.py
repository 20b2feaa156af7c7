"""What an export is asked for: the vendor's options for its start, and ours for what comes after it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime
from difflib import get_close_matches
from inspect import isasyncgenfunction, iscoroutinefunction
from typing import Any, Final, Literal, TypeAlias, TypedDict, cast, get_args

from msgspec import Struct

from qualtrics_async.errors import UsageError
from qualtrics_async.models.response_exports import ResponseExportOptions
from qualtrics_async.resources._base import dated

__all__ = [
    "Expansion",
    "ExportFormat",
    "ExportOptions",
    "ExportState",
    "Ids",
    "Plan",
    "StartOptions",
    "planned",
]

ExportFormat: TypeAlias = Literal["csv", "tsv", "json", "ndjson", "spss", "xml"]

Ids: TypeAlias = Sequence[str] | AbstractSet[str]
"""Ids of a survey's parts; a set is sent in alphabetical order."""


class StartOptions(TypedDict, total=False):
    """The vendor's options for the start of an export (documented).

    All but `compress`: exports always travel as archives, whose checksums are verified.

    Keys:
        start_date: responses recorded from this instant on: an aware `datetime`, or ISO text with an offset
            or `Z`. A fraction of its second is cut off, as the service takes whole seconds only. A `date` is
            refused, because its first instant depends on the time zone.
        end_date: responses recorded before this instant, not before `start_date`. A fraction is cut off here
            too: what was recorded within that second is left out.
        limit: the largest number of responses.
        filter_id: a saved filter of the survey (`client.response_exports.filters`).
        question_ids: only these questions (`QID1`); none for an empty list.
        embedded_data_ids: only these fields of embedded data.
        survey_metadata_ids: only these metadata (`recordedDate`, `_recordId`, ...).
        use_labels: the text of choices in place of their codes.
        include_label_columns: the text of choices in columns beside their codes; not with `use_labels`.
        time_zone: the zone of dates in tables, by its name in the vendor's list; UTC by default.
        seen_unanswered_recode: the code of questions that were seen and not answered.
        multiselect_seen_unanswered_recode: the same for choices of multi-select questions.
        include_display_order: columns with the order in which choices were shown.
        export_responses_in_progress: responses that are not recorded yet, in place of those that are.
        breakout_sets: a column for each choice of a multi-select question; so by default.
        format_decimal_as_comma: `3,5` in place of `3.5`.
        newline_replacement: what stands in place of line ends in csv and tsv.
        sort_by_last_modified_date: order by the last modification; `start_date` and `end_date` then bound it
            (assumed from two public clients).
        allow_continuation: the end of this export is where a later one goes on: `info.continuation_token`.
        continuation_token: go on where an earlier export ended; it lives 7 days.
        include_wave_weights: a column with the weights of waves.
    """

    start_date: datetime | str
    end_date: datetime | str
    limit: int
    filter_id: str
    question_ids: Ids
    embedded_data_ids: Ids
    survey_metadata_ids: Ids
    use_labels: bool
    include_label_columns: bool
    time_zone: str
    seen_unanswered_recode: int
    multiselect_seen_unanswered_recode: int
    include_display_order: bool
    export_responses_in_progress: bool
    breakout_sets: bool
    format_decimal_as_comma: bool
    newline_replacement: str
    sort_by_last_modified_date: bool
    allow_continuation: bool
    continuation_token: str
    include_wave_weights: bool


class Expansion(Struct, frozen=True):
    """How far an archive may expand, in bytes and as a multiple of itself; what goes beyond is refused.

    The vendor's files have 1.8 GB at most (documented), and an export may have several. The ratio counts from
    64 MB on: small archives of sparse tables expand far and do no harm. No more than `max_bytes` are
    downloaded either.
    """

    max_bytes: int = 64 * 1024**3
    max_ratio: float = 500.0

    def __post_init__(self) -> None:
        if not (self.max_bytes > 0 and self.max_ratio > 0):
            raise UsageError(f"an expansion takes positive numbers: {self}")


class ExportState(Struct, frozen=True, kw_only=True):
    """How far an export is, for progress bars.

    `percent` is the service's own count while it is `exporting`. `done` and `total` are bytes: of the archive
    while it is `downloading`, of what it expands to while it is `reading`; `total` is None where the service
    does not say it. `done` falls back where a download has to begin again.
    """

    survey_id: str
    phase: Literal["exporting", "downloading", "reading"]
    percent: float = 0.0
    done: int = 0
    total: int | None = None


class ExportOptions(StartOptions, total=False):
    """The options of all exports: the vendor's, and three of ours.

    The vendor's, which `StartOptions` says more of (`help(exports.StartOptions)`):

    - which responses: `start_date`, `end_date`, `sort_by_last_modified_date`, `limit`, `filter_id`,
      `export_responses_in_progress`, `allow_continuation`, `continuation_token`
    - which columns: `question_ids`, `embedded_data_ids`, `survey_metadata_ids`, `include_display_order`,
      `include_label_columns`, `breakout_sets`, `include_wave_weights`
    - how cells are written: `use_labels`, `time_zone`, `seen_unanswered_recode`,
      `multiselect_seen_unanswered_recode`, `format_decimal_as_comma`, `newline_replacement`

    Ours:

    Keys:
        expansion: how far the archive may expand.
        stall_timeout: seconds without any progress of the service's job after which it counts as failed; 1800
            by default. `client.polling.deadline` bounds the whole wait.
        on_progress: called on the event loop with an `ExportState` whenever there is something to tell. It
            must not block and is not awaited; what it returns is ignored, and what it raises ends the export
            and leaves as itself.
    """

    expansion: Expansion
    stall_timeout: float
    on_progress: Callable[[ExportState], object] | None


class Plan(Struct, frozen=True):
    """An export that is about to start, its options checked."""

    start: ResponseExportOptions
    expansion: Expansion
    stall_timeout: float
    on_progress: Callable[[ExportState], object] | None

    @property
    def form(self) -> ExportFormat:
        """The format of the files in the archive."""
        return cast("ExportFormat", self.start.format)

    def tell(self, state: ExportState) -> None:
        """Report how far it is."""
        if self.on_progress is not None:
            self.on_progress(state)


_STALLED: Final = 1800.0
_OURS: Final = ("expansion", "stall_timeout", "on_progress")
_FLAGS: Final = (
    *("use_labels", "include_label_columns", "include_display_order", "export_responses_in_progress"),
    *("breakout_sets", "format_decimal_as_comma", "sort_by_last_modified_date", "allow_continuation"),
    "include_wave_weights",
)
_NUMBERS: Final = ("limit", "seen_unanswered_recode", "multiselect_seen_unanswered_recode")
_NAMES: Final = ("filter_id", "time_zone", "continuation_token")
_LISTS: Final = ("question_ids", "embedded_data_ids", "survey_metadata_ids")


def planned(form: ExportFormat, options: ExportOptions) -> Plan:
    """Check the options of an export.

    Raises:
        UsageError: for options that exclude one another (documented) or that there are not, for another
            format, and for values that cannot be meant: of another type, blank, null, dates that name no
            instant, numbers out of range.
    """
    if form not in get_args(ExportFormat):
        raise UsageError(f"format is one of {', '.join(get_args(ExportFormat))}, got {form!r:.40}")
    start: dict[str, Any] = {name: value for name, value in options.items() if name not in _OURS}
    if unknown := sorted(start.keys() - StartOptions.__annotations__.keys()):
        raise UsageError(f"an export has no option {', '.join(name + _meant(name) for name in unknown)}")
    for name, value in start.items():
        _check(name, value)
        if isinstance(value, AbstractSet):
            start[name] = sorted(value)
    expansion = options.get("expansion") or Expansion()
    if not isinstance(expansion, Expansion):
        raise UsageError(f"expansion is an exports.Expansion, got {type(expansion).__name__}")
    stall_timeout = options.get("stall_timeout", _STALLED)
    if not _is(stall_timeout, (int, float)) or not stall_timeout > 0:
        raise UsageError(f"stall_timeout is a positive number of seconds, got {stall_timeout!r:.40}")
    on_progress = options.get("on_progress")
    _check_called(on_progress)
    body = dated(ResponseExportOptions(format=form, **start), "start_date", "end_date")
    _check_order(body)
    return Plan(body, expansion, stall_timeout, on_progress)


def _meant(name: str) -> str:
    """Ask about the known option that a misspelt one, or one in the wire's spelling, comes closest to."""
    known = {_letters(each): each for each in ExportOptions.__annotations__}
    found = get_close_matches(_letters(name), known, n=1)
    return f" (did you mean {known[found[0]]}?)" if found else ""


def _letters(name: str) -> str:
    return name.replace("_", "").lower()


def _check_called(on_progress: object) -> None:
    if not (on_progress is None or callable(on_progress)):
        raise UsageError(f"on_progress is a function, got {type(on_progress).__name__}")
    for called in (on_progress, getattr(on_progress, "__call__", None)):  # noqa: B004  (to look at it)
        if iscoroutinefunction(called) or isasyncgenfunction(called):
            raise UsageError("on_progress is called and not awaited: give a plain function, got an async one")


def _check_order(body: ResponseExportOptions) -> None:
    """Refuse a time that ends before it begins; both are written alike by then."""
    start, end = body.start_date, body.end_date
    if isinstance(start, str) and isinstance(end, str) and end < start:
        raise UsageError(f"end_date {end} is before start_date {start}: no response can be between them")


def _check(name: str, value: object) -> None:
    """Refuse one of the vendor's options whose type or value the service does not take."""
    if value is None:
        raise UsageError(f"{name} is None, which the service refuses: leave it out")
    if name in _FLAGS and not isinstance(value, bool):
        raise UsageError(f"{name} is True or False, got {value!r:.40}")
    if name in _NUMBERS and not _is(value, (int,)):
        raise UsageError(f"{name} is a whole number, got {value!r:.40}")
    if name == "limit" and cast("int", value) < 1:
        raise UsageError(f"limit is a number of responses from 1 on, got {value}")
    if name == "newline_replacement" and not isinstance(value, str):
        raise UsageError(f"{name} is a text, got {type(value).__name__}")
    if name in _NAMES and not _is_name(value):
        raise UsageError(f"{name} is a text that is not blank, got {value!r:.40}")
    if name in _LISTS:
        _check_ids(name, value)
    if name in ("start_date", "end_date"):
        _check_instant(name, value)


def _check_ids(name: str, value: object) -> None:
    """Refuse what is no list of ids; one text, which is a list of letters, is told by the model."""
    if not isinstance(value, Sequence | AbstractSet) or isinstance(value, bytes):
        raise UsageError(f"{name} is a list of texts, got {type(value).__name__}")
    if not all(map(_is_name, value)):
        raise UsageError(f"{name} is a list of texts that are not blank")


def _check_instant(name: str, value: object) -> None:
    """Refuse what is no instant, and say how to name one; what is no date at all is told further down."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return
        if value.tzinfo is None:
            raise UsageError(
                f"{name} says no time zone, and so names no instant: write '{value.isoformat()}Z' for UTC"
            )
    if isinstance(value, datetime):
        if value.utcoffset() is None:
            raise UsageError(
                f"{name} is a naive datetime, which names no instant: add tzinfo=timezone.utc, or call"
                " .astimezone() if it is in the time zone of this machine"
            )
    elif isinstance(value, date):
        raise UsageError(
            f"{name} is a date, which begins at another instant in each time zone: write"
            f" datetime({value.year}, {value.month}, {value.day}, tzinfo=timezone.utc) for UTC"
        )
    else:
        raise UsageError(f"{name} is an aware datetime or ISO text, got {type(value).__name__}")


def _is(value: object, types: tuple[type, ...]) -> bool:
    """Whether it is a number of these types; a flag is none."""
    return isinstance(value, types) and not isinstance(value, bool)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())
