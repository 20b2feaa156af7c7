"""`responses import`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Final, Literal
from uuid import uuid4

from qualtrics_async.cli.bars import progress
from qualtrics_async.cli.files import existing
from qualtrics_async.cli.options import Flag
from qualtrics_async.cli.output import say, write_record
from qualtrics_async.cli.settings import connect
from qualtrics_async.cli.signals import run_async
from qualtrics_async.errors import (
    ApiError,
    ConnectFailed,
    JobFailed,
    QualtricsError,
    ServerFault,
    UsageError,
)

if TYPE_CHECKING:
    from rich.progress import Progress

    from qualtrics_async.exports.importing import ImportedResponses, ImportState

__all__ = ["import_"]

COLUMNS: Final = ("survey_id", "job_id", "status", "rows", "once", "idempotency_key")

_ALL: Final = 100.0
_GOES_ON: Final = frozenset({"stalled", "timed out"})
"""How the wait for a job may end although the job goes on."""


def import_(
    survey: str,
    file: Path | None = None,
    *,
    url: str | None = None,
    format: Literal["csv", "tsv"] | None = None,  # noqa: A002  (the option's name)
    charset: str = "UTF-8",
    again: Flag = False,
    idempotency_key: str | None = None,
    no_check: Flag = False,
) -> None:
    """Import responses into a survey, and wait until the service has taken them.

    The key of the import is derived from the survey and the content of FILE: the same command again, after a
    crash or a lost connection, imports nothing twice (documented; how long the service remembers a key is
    not). What the columns are called is known from exports: a header row of export tags, or three rows, the
    third with import ids.

    Args:
        survey: the id of the survey (SV_...).
        file: a .csv, .tsv or .txt file (with tabs), which is sent as it is, or .ndjson, .jsonl or .parquet,
            whose rows are written as CSV.
        url: an https:// address that the service fetches the file from, instead of FILE; its key is a fresh
            one, because what is there is not known here.
        format: what the file is, where its suffix does not say it.
        charset: the encoding of the file.
        again: import it even if it was imported before: with a fresh key.
        idempotency_key: a key of your own.
        no_check: import without comparing the header of FILE with the survey first: columns that the survey
            does not have become new embedded data (assumed), even where no column fits.
    """
    if (file is None) == (url is None):
        raise UsageError("give either FILE or --url")
    if again and idempotency_key is not None:
        raise UsageError("give either --again or --idempotency-key")
    if file is not None:
        existing(file)
    from qualtrics_async.exports.importing import import_responses

    title = "an address" if file is None else file.name
    once = file is not None and not again and idempotency_key is None
    source = file or url or ""

    async def run(bar: _Bar) -> ImportedResponses:
        try:
            async with connect() as client:
                return await import_responses(
                    client,
                    survey,
                    source,
                    format=format,
                    charset=charset,
                    once=once,
                    idempotency_key=None if once else idempotency_key or str(uuid4()),
                    check=not no_check,
                    on_progress=bar.show,
                )
        except (QualtricsError, asyncio.CancelledError) as error:
            bar.tell(error, once=once)
            raise

    with progress() as bars:
        done = run_async(run(_Bar(bars, f"import {title}")))
    _explain(done, title, compared=file is not None and not no_check)
    status = "no rows" if done.progress is None else done.progress.status
    values = {name: getattr(done, name, None) for name in COLUMNS} | {"status": status}
    run_async(write_record(SimpleNamespace(**values), COLUMNS, None))


def _explain(done: ImportedResponses, title: str, *, compared: bool) -> None:
    """Say what the record does not: what became of columns, and what the same command would do."""
    from qualtrics_async.exports.import_check import listed

    if done.progress is None:
        say(f"{title} has no rows: nothing was imported")
        return
    if done.unknown_columns:
        say(
            "warning: columns that the survey does not have become new embedded data: "
            f"{listed(done.unknown_columns)}"
        )
    elif compared and done.unknown_columns is None:
        say("warning: the survey could not be read, so the columns were not compared with it")
    if done.once:
        say(f"{title} is imported once, however often: --again imports it again")


class _Bar:
    """The bar of one import, and what is said when it does not end well."""

    def __init__(self, bars: Progress | None, title: str) -> None:
        self._bars = bars
        self._task = None if bars is None else bars.add_task(title, total=None, counts="")
        self._last: ImportState | None = None

    def show(self, state: ImportState) -> None:
        """Bring the bar up to date."""
        self._last = state
        if self._bars is None or self._task is None:
            return
        rows = "" if state.rows is None else f", {state.rows:,} rows"
        total = _ALL if state.phase == "importing" else None
        self._bars.update(self._task, completed=state.percent, total=total, counts=f"{state.phase}{rows}")

    def tell(self, error: BaseException, *, once: bool) -> None:
        """Say how to go on without importing anything twice, if anything may have been imported."""
        state = self._last
        if state is None or state.phase == "reading" or (state.phase == "sending" and _is_refused(error)):
            return
        if isinstance(error, JobFailed) and error.status not in _GOES_ON:
            say(
                "what the import took before it failed is not known: look. Under the same key the service "
                "may give the same answer again: correct the file, or give --again"
            )
            return
        key = "" if once else f" with --idempotency-key {state.idempotency_key}"
        say(f"the import may go on at the service: the same command{key} imports nothing twice")


def _is_refused(error: BaseException) -> bool:
    """Whether a call that ended like this has done nothing."""
    return isinstance(error, ConnectFailed) or (
        isinstance(error, ApiError) and not isinstance(error, ServerFault)
    )
