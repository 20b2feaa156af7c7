"""Exports as a command runs them: to stdout, to a file, or many of them to a folder."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeAlias, cast

from cyclopts import Group, Parameter

from qualtrics_async.bulk.outcome import Failed, Summary
from qualtrics_async.cli.exportbars import ExportBars, export_bars
from qualtrics_async.cli.options import Flag
from qualtrics_async.cli.outcomes import Nouns, Tally, conclude
from qualtrics_async.cli.output import counted, say, standard_output, visible
from qualtrics_async.cli.settings import connect
from qualtrics_async.cli.signals import run_async
from qualtrics_async.errors import UsageError

if TYPE_CHECKING:
    from qualtrics_async.exports import ExportedFile, ExportOptions

__all__ = ["EVERYTHING", "ExportForm", "Names", "Selection", "run_export", "run_exports"]

ExportForm: TypeAlias = Literal["csv", "tsv", "ndjson", "json", "parquet", "xml", "spss"]
Names: TypeAlias = Literal["tag", "import_id", "text"]

_OPTIONS: Final = {
    "start_date": "--since",
    "end_date": "--until",
    "limit": "--limit",
    "question_ids": "--question",
    "embedded_data_ids": "--embedded-data",
    "survey_metadata_ids": "--metadata",
    "filter_id": "--filter",
    "export_responses_in_progress": "--in-progress",
    "use_labels": "--labels",
    "include_label_columns": "--label-columns",
    "breakout_sets": "--no-breakout-sets",
    "seen_unanswered_recode": "--seen-unanswered-recode",
    "time_zone": "--time-zone",
}
"""What the library's options are called here."""

_WORD: Final = re.compile(r"\w+")
_BINARY: Final = frozenset({"parquet", "spss"})


@Parameter(name="*", group=Group("The responses", sort_key=1))
@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which responses are exported, and what of them.

    Args:
        since: responses recorded from this instant on, with an offset: 2030-01-31T12:00Z.
        until: responses recorded before this instant.
        limit: the largest number of responses.
        question: only this question (QID1); several are given by repeating the option.
        embedded_data: only this field of embedded data; several are given by repeating the option.
        metadata: only this of the metadata (recordedDate, _recordId, ...); several are given by repeating the
            option.
        filter: the id of a saved filter of the survey.
        in_progress: responses that are not recorded yet, in place of those that are.
        labels: the text of choices in place of their codes; ndjson and json have both anyway.
        label_columns: the text of choices in columns beside their codes; not with --labels.
        breakout_sets: a column for each choice of a multiple answer; else all chosen ones are in one.
        seen_unanswered_recode: the code of what was seen and not answered, as -99.
        time_zone: the zone of dates, by its name in the service's list (Europe/Amsterdam); UTC by default.
            Not for ndjson and json.
    """

    since: str | None = None
    until: str | None = None
    limit: int | None = None
    question: Annotated[list[str] | None, Parameter(negative="")] = None
    embedded_data: Annotated[list[str] | None, Parameter(negative="")] = None
    metadata: Annotated[list[str] | None, Parameter(negative="")] = None
    filter: str | None = None
    in_progress: Flag = False
    labels: Flag = False
    label_columns: Flag = False
    breakout_sets: bool = True
    seen_unanswered_recode: int | None = None
    time_zone: str | None = None

    def options(self) -> dict[str, Any]:
        """Name them as the library does, those that were given.

        Raises:
            UsageError: for what is no instant.
        """
        given = {
            "start_date": None if self.since is None else _instant("--since", self.since),
            "end_date": None if self.until is None else _instant("--until", self.until),
            "limit": self.limit,
            "question_ids": self.question,
            "embedded_data_ids": self.embedded_data,
            "survey_metadata_ids": self.metadata,
            "filter_id": self.filter,
            "export_responses_in_progress": self.in_progress or None,
            "use_labels": self.labels or None,
            "include_label_columns": self.label_columns or None,
            "breakout_sets": None if self.breakout_sets else False,
            "seen_unanswered_recode": self.seen_unanswered_recode,
            "time_zone": self.time_zone,
        }
        return {name: value for name, value in given.items() if value is not None}


EVERYTHING: Final = Selection()


def _instant(option: str, text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise UsageError(f"{option} takes an instant with an offset, as 2030-01-31T12:00Z: {text!r:.40}")
    return found


def _options(chosen: Selection, form: ExportForm) -> dict[str, Any]:
    """The options of an export, checked: what is wrong with one is said of the option of the command.

    Raises:
        UsageError: for options that exclude one another, or that the format has not.
    """
    from qualtrics_async.exports.options import planned

    options = chosen.options()
    try:
        planned("csv" if form == "parquet" else form, cast("ExportOptions", options))
    except UsageError as error:
        said = _WORD.sub(lambda word: _OPTIONS.get(word[0], word[0]), str(error))
        raise UsageError(said) from error
    return options


def run_export(
    survey_id: str, output: Path | None, form: ExportForm | None, names: Names | None, chosen: Selection
) -> int:
    """Export one survey to a file, or to stdout without one; return the exit code."""
    if output is None:
        form = form or "csv"
        _to_stdout(survey_id, form, names, _options(chosen, form))
        return 0
    form = form or _format_of(output)
    done = _to_file(survey_id, output, form, names, _options(chosen, form))
    say(f"{output}: {counted(done.size, 'byte')} of {done.format}")
    return 0


def _to_stdout(survey_id: str, form: ExportForm, names: Names | None, options: dict[str, Any]) -> None:
    from qualtrics_async.exports.options import planned
    from qualtrics_async.exports.saving import Target, save

    stream = standard_output()
    if form == "parquet":
        raise UsageError("Parquet is no stream: give a file with --output")
    if form in _BINARY and stream.isatty():
        raise UsageError(f"{form} is nothing to look at: give a file with --output")
    _check_names(names, form)

    async def run(bars: ExportBars) -> None:
        told = options | {"on_progress": bars.on_progress}
        plan = planned(form, cast("ExportOptions", told))
        async with connect() as client:
            await save(client, survey_id, plan, Target(stream.buffer, "stdout"))

    with export_bars() as shown:
        run_async(run(ExportBars(shown)))


def _to_file(
    survey_id: str, output: Path, form: ExportForm, names: Names | None, options: dict[str, Any]
) -> ExportedFile:
    from qualtrics_async.exports.files import to_file

    _check_names(names, form)

    async def run(bars: ExportBars) -> ExportedFile:
        told = options | {"on_progress": bars.on_progress}
        async with connect() as client:
            if form != "parquet":
                return await to_file(client, survey_id, output, format=form, **told)
            from qualtrics_async.exports.tables import to_parquet

            return await to_parquet(client, survey_id, output, names=names or "tag", **told)

    with export_bars() as shown:
        return run_async(run(ExportBars(shown)))


def _format_of(output: Path) -> ExportForm:
    from qualtrics_async.exports.files import format_of

    if (form := format_of(output)) is None:
        raise UsageError(
            f"{output}: its suffix says no format: give one with --format, or {output}{os.sep} for a folder"
        )
    return form


def run_exports(
    survey_ids: Sequence[str],
    folder: Path,
    form: ExportForm,
    names: Names | None,
    chosen: Selection,
) -> int:
    """Export surveys to files in a folder, and return the exit code."""
    options = _options(chosen, form)
    _check_names(names, form)
    if names is not None:
        options["names"] = names
    wanted = list(dict.fromkeys(survey_ids))
    summary = Summary()

    async def run(bars: ExportBars) -> None:
        nonlocal summary
        from qualtrics_async import exports

        told = options | {"on_progress": bars.on_progress}
        async with (
            connect() as client,
            exports.many(client, wanted, folder, format=form, **told) as outcomes,
        ):
            summary = outcomes.summary
            async for outcome in outcomes:
                bars.end(outcome.item)
                if isinstance(outcome, Failed):
                    say(f"{visible(outcome.item)}: {' '.join(visible(str(outcome.error)).split())}")

    try:
        with export_bars() as shown:
            run_async(run(ExportBars(shown, len(wanted))))
    except BaseException:
        if summary.outcomes:
            after = f"{summary.outcomes:,} of {counted(len(wanted), 'survey')}"
            say(f"stopped after {after}, {_files(summary, folder)}")
        raise
    say(_files(summary, folder))
    return conclude(summary, Tally(), Nouns("survey", "export"), failures=None, journal=folder)


def _files(summary: Summary, folder: Path) -> str:
    return f"{counted(summary.ok, 'file')} in {folder}"


def _check_names(names: Names | None, form: str | None) -> None:
    if names is not None and form != "parquet":
        raise UsageError(
            "--names is for Parquet: other files have all three names of each column, as they come"
        )
