"""`responses update` and `responses delete`."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from qualtrics_async.bulk.outcome import Summary
from qualtrics_async.bulk.response_columns import listed
from qualtrics_async.cli.columns import having_column
from qualtrics_async.cli.files import distinct
from qualtrics_async.cli.options import AS_USUAL, FOUND_OUT, Flag, JobChoices, Reading
from qualtrics_async.cli.outcomes import SOME_FAILED
from qualtrics_async.cli.output import say, standard_output, visible
from qualtrics_async.cli.rowjobs import RowFile, Start, run_file
from qualtrics_async.cli.settings import connect, service
from qualtrics_async.cli.signals import run_async
from qualtrics_async.errors import UsageError

if TYPE_CHECKING:
    from qualtrics_async import Qualtrics
    from qualtrics_async.bulk import JobOptions, Outcomes
    from qualtrics_async.bulk.identity import FileRows
    from qualtrics_async.bulk.response_plan import ResponsePlan

__all__ = ["delete", "update"]

_SIX_HOURS = 21_600.0


def update(
    survey: str,
    file: Path,
    *,
    column: Annotated[list[str] | None, Parameter(negative="")] = None,
    response_id_column: str | None = None,
    keep_recorded_date: Flag = False,
    ignore_missing: Flag = False,
    clear_empty: Flag = False,
    deadline: float = _SIX_HOURS,
    dry_run: Flag = False,
    reading: Reading = FOUND_OUT,
    options: JobChoices = AS_USUAL,
) -> int:
    """Set embedded data of responses: each row names one, every other column is embedded data of its name.

    An exported table can be given: its second and third header row are no rows, and the columns of metadata
    and questions are left out. Rows that fail do not stop the others. The same command goes on after an
    interruption. The updates run as jobs of the service, which may take hours.

    Args:
        survey: the id of the survey (SV_...).
        file: a .csv, .tsv or .txt file with a header, or .ndjson, .jsonl or .parquet.
        column: a column that is embedded data, whatever it is called; may be given several times, and then no
            other column is.
        response_id_column: the column that names the response; responseId or _recordId, in any spelling, if
            it is not given.
        keep_recorded_date: leave the recorded date as it is; the service makes it that of the update.
        ignore_missing: do not count it as a failure that a response is not there.
        clear_empty: send empty cells, which clears the field, instead of leaving them out.
        deadline: seconds that one job of the service may take.
        dry_run: check the rows and count columns and requests; nothing is sent.
    """
    from qualtrics_async import bulk

    source = RowFile(file, reading, options.failures)
    which = {"columns": column, "response_id_column": response_id_column, "clear_empty": clear_empty}
    if dry_run:
        return _plan(survey, source, options, looks=not keep_recorded_date, **which)
    how = {
        **which,
        "reset_recorded_date": not keep_recorded_date,
        "ignore_missing_responses": ignore_missing,
    }
    work = bulk.update_responses
    return _run("update", survey, source, work, options=options, how=how, deadline=deadline)


def delete(
    survey: str,
    file: Path,
    *,
    confirm: Flag = False,
    response_id_column: str | None = None,
    decrement_quotas: Flag = False,
    ignore_missing: Flag = False,
    deadline: float = _SIX_HOURS,
    dry_run: Flag = False,
    reading: Reading = FOUND_OUT,
    options: JobChoices = AS_USUAL,
) -> int:
    """Delete the responses that a file names. Of a row only what names the response is read.

    What fails, how it goes on and the files are as for `update`.

    Args:
        survey: the id of the survey (SV_...).
        file: a .csv, .tsv or .txt file with a header, or .ndjson, .jsonl or .parquet.
        confirm: needed, because nothing brings them back.
        response_id_column: the column that names the response, as for `update`.
        decrement_quotas: take the responses out of the quotas that counted them.
        ignore_missing: do not count it as a failure that a response is not there.
        deadline: seconds that one job of the service may take.
        dry_run: check the rows and count requests; nothing is deleted, and --confirm is not needed.
    """
    from qualtrics_async import bulk

    source = RowFile(file, reading, options.failures)
    if dry_run:
        which = {"response_id_column": response_id_column, "deletes": True}
        return _plan(survey, source, options, looks=decrement_quotas, **which)
    if not confirm:
        raise UsageError("responses delete deletes responses for good: give --confirm if that is meant")
    how = {
        "confirm": True,
        "response_id_column": response_id_column,
        "decrement_quotas": decrement_quotas,
        "ignore_missing_responses": ignore_missing,
    }
    work = bulk.delete_responses
    return _run("delete", survey, source, work, options=options, how=how, deadline=deadline)


def _rows(read: FileRows, column: str | None) -> FileRows:
    return read if column is None else having_column(read, column, "--response-id-column")


def _run(
    verb: str,
    survey: str,
    file: RowFile,
    start: Start,
    *,
    options: JobChoices,
    how: dict[str, Any],
    deadline: float,
) -> int:
    ended = Summary()

    @asynccontextmanager
    async def told(
        job: AbstractAsyncContextManager[Outcomes[Any, Any]],
    ) -> AsyncGenerator[Outcomes[Any, Any]]:
        nonlocal ended
        async with job as outcomes:
            ended = outcomes.summary
            yield outcomes

    async def begin(
        client: Qualtrics, read: FileRows, common: JobOptions
    ) -> AbstractAsyncContextManager[Outcomes[Any, Any]]:
        rows = _rows(read, how["response_id_column"])
        return told(start(client, survey, rows, deadline=deadline, **how, **common))

    identity = ("responses", survey, sorted(how.items()), service())
    code = run_file(verb, file, options, begin, identity)
    if not ended.items:
        say(f"{file.path.name} has no rows: nothing was sent")
    for title, names in (("set", ended.columns), ("left out, because exports have them", ended.left_out)):
        if names:
            say(f"columns {title}: {visible(listed(names))}")
    return code


def _plan(survey: str, file: RowFile, options: JobChoices, **which: Any) -> int:
    """Check the rows of a file and count what their job would take; return the exit code."""
    file.check()
    distinct({"the input": file.path, "the failures": file.failures})

    async def plan() -> ResponsePlan:
        from qualtrics_async.bulk.response_plan import plan_responses

        async with file.failed() as kept, connect() as client, aclosing(file.rows()) as read:
            return await plan_responses(
                client,
                survey,
                _rows(read, which["response_id_column"]),
                limit_rows_per_minute=options.limit_rows_per_minute,
                on_refused=None if kept is None else kept.add,
                **which,
            )

    made = run_async(plan())
    _show(made)
    return SOME_FAILED if made.refused else 0


def _show(plan: ResponsePlan) -> None:
    """Write what was counted to stdout, and a few of the problems to stderr."""
    lines = [
        ("rows", f"{plan.rows:,}"),
        ("valid", f"{plan.valid:,}"),
        ("refused", f"{plan.refused:,}"),
        *((f"  {reason}", f"{count:,}") for reason, count in plan.reasons.most_common()),
        ("columns", f"{len(plan.columns):,}"),
        *((f"  {name}", "set") for name in plan.columns),
        ("left out", f"{len(plan.left_out):,}"),
        *((f"  {name}", "left out") for name in plan.left_out),
        ("jobs", f"{plan.jobs:,}"),
        ("requests", f"{plan.requests:,}"),
    ]
    width = max(len(visible(name)) for name, _ in lines)
    standard_output().writelines(f"{visible(name):<{width}}  {value}\n" for name, value in lines)
    for problem in plan.problems:
        say(f"line {problem.line}: {problem.reason}: {visible(problem.message)}")
    say("nothing was sent")
