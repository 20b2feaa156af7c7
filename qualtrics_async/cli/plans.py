"""Dry runs: what a command would do, on stdout; nothing is created, and no journal written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

from qualtrics_async.cli.files import distinct
from qualtrics_async.cli.jobs import directory_of
from qualtrics_async.cli.options import BulkOptions, Into
from qualtrics_async.cli.outcomes import SOME_FAILED
from qualtrics_async.cli.output import say, standard_output, visible
from qualtrics_async.cli.rowjobs import RowFile
from qualtrics_async.cli.settings import connect
from qualtrics_async.cli.signals import run_async
from qualtrics_async.errors import UsageError

if TYPE_CHECKING:
    from qualtrics_async import Qualtrics
    from qualtrics_async.bulk import Plan
    from qualtrics_async.models.directories import DeduplicationCriteria

__all__ = ["plan_generate", "plan_rows"]

_MOST_LISTS: Final = 20


def plan_rows(file: RowFile, into: Into, options: BulkOptions, *, creates: bool, clear_empty: bool) -> int:
    """Check the rows of a file and count what their import would take; return the exit code."""
    into.check()
    file.check()
    distinct({"the input": file.path, "the failures": file.failures})

    async def plan() -> Plan:
        from qualtrics_async import bulk

        async with (
            file.failed() as kept,
            connect() as client,
            aclosing(file.rows()) as read,
        ):
            rows, target = into.of(read)
            directory = await directory_of(client, options.directory)
            criteria = await _criteria(client, directory)
            return await bulk.plan_import(
                client,
                rows,
                mailing_list=target,
                creates=creates,
                deduplication=criteria,
                clear_empty=clear_empty,
                limit_rows_per_minute=options.limit_rows_per_minute,
                on_refused=None if kept is None else kept.add,
            )

    made = run_async(plan())
    _show(made, "row", "create" if creates else "import")
    return SOME_FAILED if made.refused else 0


def plan_generate(lists: Sequence[str], batches: Sequence[str], options: BulkOptions) -> int:
    """Count what the links of mailing lists would take; return the exit code."""
    if batches:
        raise UsageError("--dry-run counts the contacts of mailing lists, not those of transaction batches")

    async def plan() -> Plan:
        from qualtrics_async import bulk

        async with connect() as client:
            return await bulk.plan_links(client, lists, directory_id=options.directory)

    _show(run_async(plan()), "contact", "distribution")
    return 0


async def _criteria(client: Qualtrics, directory_id: str) -> DeduplicationCriteria | None:
    async for directory in client.directories.list():
        if directory.id == directory_id:
            return directory.deduplication_criteria
    return None


def _show(plan: Plan, item: str, write: str) -> None:
    """Write what was counted to stdout, and a few of the problems."""
    at_least = "at least " if plan.at_least else ""
    lines = [
        (f"{item}s", f"{plan.rows:,}"),
        ("valid", f"{plan.valid:,}"),
        ("refused", f"{plan.refused:,}"),
        *((f"  {reason}", f"{count:,}") for reason, count in plan.reasons.most_common()),
        ("mailing lists", f"{len(plan.lists):,}"),
        *((f"  {name}", f"{count:,}") for name, count in Counter(plan.lists).most_common(_MOST_LISTS)),
        (f"{write}s", f"{plan.chunks:,}"),
        ("requests", f"{at_least}{plan.requests:,}"),
        ("minutes", f"{at_least}{plan.minutes:,.1f}"),
    ]
    if len(plan.lists) > _MOST_LISTS:
        lines.insert(-3, ("  others", f"{len(plan.lists) - _MOST_LISTS:,} lists"))
    width = max(len(name) for name, _ in lines)
    standard_output().writelines(f"{visible(name):<{width}}  {value}\n" for name, value in lines)
    for problem in plan.problems:
        where = f"row {problem.index + 1}" if problem.line is None else f"line {problem.line}"
        say(f"{where}: {problem.reason}: {visible(problem.message)}")
    say("nothing was sent")
