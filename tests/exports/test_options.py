"""What an export can be asked for: on the wire as documented, or refused before anything is sent."""

from __future__ import annotations

import inspect
import json
import math
import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from typing import Any, get_args

import pytest
from talking import talking
from virtual import run

from qualtrics_async import UsageError
from qualtrics_async.exports import Expansion, ExportFormat, ExportOptions, StartOptions
from qualtrics_async.exports.chunks import stream
from qualtrics_async.exports.options import planned
from qualtrics_async.exports.record_stream import records
from qualtrics_async.models.response_exports import ResponseExportOptions
from qualtrics_async.sandbox import ByPolls

NOON = datetime(2026, 5, 2, 12, tzinfo=UTC)
LATER = datetime(2026, 5, 2, 14, 0, 1, tzinfo=timezone(timedelta(hours=2)))

DOCUMENTED: dict[str, tuple[Any, str, Any]] = {
    "start_date": (NOON, "startDate", "2026-05-02T12:00:00Z"),
    "end_date": (LATER, "endDate", "2026-05-02T12:00:01Z"),
    "limit": (1, "limit", 1),
    "filter_id": ("FILTER", "filterId", "FILTER"),
    "question_ids": (["QID1"], "questionIds", ["QID1"]),
    "embedded_data_ids": ((), "embeddedDataIds", []),
    "survey_metadata_ids": (
        ("recordedDate", "_recordId"),
        "surveyMetadataIds",
        ["recordedDate", "_recordId"],
    ),
    "use_labels": (True, "useLabels", True),
    "include_label_columns": (True, "includeLabelColumns", True),
    "time_zone": ("America/Denver", "timeZone", "America/Denver"),
    "seen_unanswered_recode": (-99, "seenUnansweredRecode", -99),
    "multiselect_seen_unanswered_recode": (0, "multiselectSeenUnansweredRecode", 0),
    "include_display_order": (True, "includeDisplayOrder", True),
    "export_responses_in_progress": (False, "exportResponsesInProgress", False),
    "breakout_sets": (False, "breakoutSets", False),
    "format_decimal_as_comma": (True, "formatDecimalAsComma", True),
    "newline_replacement": ("", "newlineReplacement", ""),
    "sort_by_last_modified_date": (True, "sortByLastModifiedDate", True),
    "allow_continuation": (True, "allowContinuation", True),
    "continuation_token": ("TOKEN", "continuationToken", "TOKEN"),
    "include_wave_weights": (True, "includeWaveWeights", True),
}
"""What is given, and what the vendor's documentation calls it."""

NOT_IN_JSON = (
    *("include_display_order", "use_labels", "format_decimal_as_comma", "seen_unanswered_recode"),
    *("multiselect_seen_unanswered_recode", "time_zone", "newline_replacement", "breakout_sets"),
)
FORMATS = get_args(ExportFormat)
NAIVE = datetime(2026, 5, 2, 12)  # noqa: DTZ001  (the point)


def given(*names: str) -> Any:
    return {name: DOCUMENTED[name][0] for name in names}


def sent(form: Any = "csv", **options: Any) -> dict[str, Any]:
    """The body of the request that an export starts with."""

    async def main() -> dict[str, Any]:
        async with talking({"jobs": ByPolls(0), "record_bodies": True}) as (sandbox, client):
            survey_id = sandbox.state.survey_id
            real = dict(options)
            if "filter_id" in options:
                real["filter_id"] = sandbox.state.add_response_filter(survey_id, "Placeholder filter")
            if "continuation_token" in options:
                async with stream(client, survey_id, allow_continuation=True) as before:
                    real["continuation_token"] = before.info.continuation_token
            sandbox.requests.clear()
            async with stream(client, survey_id, format=form, **real):
                pass
            (start,) = [record for record in sandbox.requests if record.method == "POST"]
            assert start.body is not None
            body: dict[str, Any] = json.loads(start.body)
            for name in real.keys() & {"filter_id", "continuation_token"}:
                wire = DOCUMENTED[name][1]
                assert body[wire] == real[name]
                body[wire] = options[name]
            return body

    return run(main())


def test_every_option_is_in_the_tables() -> None:
    """The typed dictionary, the model and this test know the same options; `compress` is ours to choose."""
    assert StartOptions.__annotations__.keys() == DOCUMENTED.keys()
    wire = {field for field in ResponseExportOptions.__struct_fields__ if field not in ("format", "compress")}
    assert wire == DOCUMENTED.keys()
    ours = ExportOptions.__annotations__.keys() - DOCUMENTED.keys()
    assert ours == {"expansion", "stall_timeout", "on_progress"}


@pytest.mark.parametrize("name", DOCUMENTED)
def test_every_option_is_sent_as_documented(name: str) -> None:
    """By the vendor's name, in the vendor's form, and nothing besides; the sandbox takes it."""
    value, wire, written = DOCUMENTED[name]
    assert sent(**{name: value}) == {"format": "csv", wire: written}


@pytest.mark.parametrize("form", ["csv", "tsv", "json", "ndjson"])
def test_a_format_alone_is_enough(form: str) -> None:
    """What is not asked for is the service's default: an archive of csv in UTC, all responses."""
    assert sent(form) == {"format": form}


def test_many_options_go_together() -> None:
    """All those that exclude nothing."""
    names = [name for name in DOCUMENTED if name not in ("filter_id", "include_label_columns")]
    assert sent("tsv", **given(*names)) == {
        "format": "tsv",
        **{DOCUMENTED[name][1]: DOCUMENTED[name][2] for name in names},
    }


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_is_known(form: ExportFormat) -> None:
    """Those of the vendor; the plan has it for who reads the file."""
    assert planned(form, {}).form == form


async def heard(*_: object) -> None:
    """Would have to be awaited."""


async def each(state: object) -> AsyncIterator[object]:
    """Would have to be iterated."""
    yield state


class Heard:
    """Would have to be awaited as well, when it is called or when its method is."""

    async def __call__(self, state: object) -> None:
        """Would have to be awaited."""

    async def listen(self, state: object) -> None:
        """Would have to be awaited."""


WRONG: dict[str, tuple[Any, ...]] = {
    "start_date": (NAIVE, "yesterday", "", 5, NOON.date(), NOON.time()),
    "end_date": (NAIVE, "2026-13-01T00:00:00Z", b"2026-01-01", 1.5, "2026-11-21"),
    "limit": (0, -1, "5", 1.5, True),
    "filter_id": ("", " ", 5, ["f"]),
    "question_ids": ("QID1", b"QID1", [1], [""], {"QID1", ""}, {"QID1": 1}, iter(["QID1"]), 5),
    "embedded_data_ids": ("site", [None]),
    "survey_metadata_ids": ("status", ["status", " "]),
    "use_labels": ("true", 1),
    "include_label_columns": (1,),
    "time_zone": ("", 5, UTC),
    "seen_unanswered_recode": ("-99", 1.5, True),
    "multiselect_seen_unanswered_recode": (False, "0"),
    "include_display_order": (0,),
    "export_responses_in_progress": ("no",),
    "breakout_sets": (0,),
    "format_decimal_as_comma": (",",),
    "newline_replacement": (5, b" "),
    "sort_by_last_modified_date": ("desc",),
    "allow_continuation": (1,),
    "continuation_token": ("", "\n", 5),
    "include_wave_weights": ([],),
    "expansion": (5, {"max_bytes": 5}),
    "stall_timeout": (0, -1, math.nan, "60", True),
    "on_progress": (5, "print", heard, partial(heard, 5), Heard(), Heard().listen, each),
}


def wrong() -> Iterator[tuple[Any, dict[str, Any], str]]:
    """Each call that is refused: format, options and the word that the reason must have."""
    for name, values in WRONG.items():
        yield from (("csv", {name: value}, name) for value in values)
    for name in DOCUMENTED:
        yield "csv", {name: None}, f"{name} is None.*leave it out"
    for form in ("json", "ndjson"):
        for name in NOT_IN_JSON:
            yield form, given(name), f"{form}.*{name}"
            if isinstance(given(name)[name], bool):
                yield form, {name: not given(name)[name]}, f"{form}.*{name}"
    for form in ("spss", "xml", "json", "ndjson"):
        yield form, given("newline_replacement"), "newline_replacement"
    yield "csv", given("filter_id", "allow_continuation"), "filter_id and allow_continuation"
    yield "csv", given("filter_id", "sort_by_last_modified_date"), "filter_id and sort_by_last_modified_date"
    yield "csv", given("use_labels", "include_label_columns"), "use_labels and include_label_columns"
    for unknown in ("CSV", "parquet", "", None, 5):
        yield unknown, {}, "format is one of csv, tsv, json, ndjson, spss, xml"
    for name in ("compress", "format", "colour"):
        yield "csv", {name: True}, f"no option {name}"
    yield "csv", {"startdate": NOON}, r"no option startdate \(did you mean start_date\?\)"
    yield "csv", {"useLabels": True, "labels": True}, r"no option labels \(.*use_labels\?\), useLabels \("
    yield "csv", {"stallTimeout": 5}, r"did you mean stall_timeout\?"
    yield (
        "csv",
        {"start_date": NOON, "end_date": "2026-05-02T11:59:59.9Z"},
        "end_date .* is before start_date",
    )
    yield "csv", {"start_date": NAIVE}, r"naive.*tzinfo=timezone\.utc"
    yield "csv", {"end_date": NOON.date()}, r"datetime\(2026, 5, 2, tzinfo=timezone\.utc\)"
    yield "csv", {"end_date": "2026-11-21"}, "'2026-11-21T00:00:00Z'"


REFUSED = [*wrong()]
NUMBERED = [f"{number}-{'-'.join(options)}" for number, (_, options, _) in enumerate(REFUSED)]
"""Names of tests must be the same in every process, which sets and functions are not."""


@pytest.mark.parametrize(("form", "options", "said"), REFUSED, ids=NUMBERED)
def test_what_cannot_be_meant_is_refused(form: Any, options: Any, said: str) -> None:
    """With the reason in one line."""
    with pytest.raises(UsageError, match=said) as told:
        planned(form, options)
    assert "\n" not in str(told.value)


def test_a_set_of_ids_is_a_list() -> None:
    """Its order is the same whenever it is sent."""
    ids = {f"QID{number}" for number in range(20)}
    for given_ids in (ids, frozenset(ids), dict.fromkeys(ids).keys()):
        assert planned("csv", {"question_ids": given_ids}).start.question_ids == sorted(ids)


def test_a_moment_is_no_end_before_its_start() -> None:
    """Ends are compared as instants, as they are sent; nothing is between equal ones, which harms nobody."""
    body = planned("csv", {"start_date": LATER, "end_date": "2026-05-02T12:00:01.9Z"}).start
    assert body.start_date == body.end_date == "2026-05-02T12:00:01Z"


def test_help_names_every_option() -> None:
    """Who asks for help reads the names of all, and where more is said of each."""
    said = inspect.getdoc(ExportOptions) or ""
    assert [
        name
        for name in ExportOptions.__annotations__
        if not re.search(rf"`{name}`|^ +{name}: ", said, re.MULTILINE)
    ] == []
    assert "help(exports.StartOptions)" in said
    for name in StartOptions.__annotations__:
        assert f"\n    {name}: " in (inspect.getdoc(StartOptions) or "")


def test_what_is_switched_off_excludes_nothing() -> None:
    """Except beside JSON, where the service refuses the key itself."""
    off: Any = {"allow_continuation": False, "sort_by_last_modified_date": False, **given("filter_id")}
    assert planned("csv", off).start.filter_id == "FILTER"
    assert planned("csv", {"use_labels": True, "include_label_columns": False}).start.use_labels is True
    assert planned("csv", {"use_labels": False, "include_label_columns": True}).start.use_labels is False


def test_nothing_is_sent_before_all_is_checked() -> None:
    """Not even the connection is made, whichever way an export is asked for."""

    async def main() -> None:
        async with talking() as (sandbox, client):
            for options in ({"limit": 0}, {"start_date": NAIVE}, {"question_ids": "QID1"}, {"nothing": 1}):
                for ask in (stream, records):
                    with pytest.raises(UsageError):
                        async with ask(client, sandbox.state.survey_id, **options):
                            raise AssertionError
            with pytest.raises(UsageError):
                async with records(client, sandbox.state.survey_id, format="csv"):  # type: ignore[call-arg]
                    raise AssertionError
            with pytest.raises(UsageError):
                async with records(client, "a/b"):
                    raise AssertionError
            assert list(sandbox.requests) == []

    run(main())


def test_ours_have_defaults() -> None:
    """Half an hour without progress, 64 GB, five hundred fold from 64 MB on."""
    plan = planned("csv", {})
    assert (plan.stall_timeout, plan.expansion, plan.on_progress) == (
        1800,
        Expansion(64 * 1024**3, 500),
        None,
    )
    plan = planned("csv", {"stall_timeout": 5, "expansion": Expansion(1, 2), "on_progress": None})
    assert (plan.stall_timeout, plan.expansion, plan.on_progress) == (5, Expansion(1, 2), None)
