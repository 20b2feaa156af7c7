"""`responses update` and `responses delete`."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qualtrics_async.cli.columns import having_column
from qualtrics_async.cli.options import AS_USUAL, FOUND_OUT, Flag, JobChoices, Reading
from qualtrics_async.cli.rowjobs import RowFile, Start, run_file
from qualtrics_async.cli.settings import service
from qualtrics_async.errors import UsageError

if TYPE_CHECKING:
    from qualtrics_async import Qualtrics
    from qualtrics_async.bulk import JobOptions, Outcomes
    from qualtrics_async.bulk.identity import FileRows

__all__ = ["delete", "update"]

_SIX_HOURS = 21_600.0


def update(
    survey: str,
    file: Path,
    *,
    response_id_column: str | None = None,
    keep_recorded_date: Flag = False,
    ignore_missing: Flag = False,
    clear_empty: Flag = False,
    deadline: float = _SIX_HOURS,
    reading: Reading = FOUND_OUT,
    options: JobChoices = AS_USUAL,
) -> int:
    """Set embedded data of responses: each row names one, every other column is embedded data of its name.

    Rows that fail do not stop the others. The same command goes on after an interruption. The updates run as
    jobs of the service, which may take hours.

    Args:
        survey: the id of the survey (SV_...).
        file: a .csv, .tsv or .txt file with a header, or .ndjson, .jsonl or .parquet.
        response_id_column: the column that names the response; responseId or _recordId, in any spelling, if
            it is not given.
        keep_recorded_date: leave the recorded date as it is; the service makes it that of the update.
        ignore_missing: do not count it as a failure that a response is not there.
        clear_empty: send empty cells, which clears the field, instead of leaving them out.
        deadline: seconds that one job of the service may take.
    """
    from qualtrics_async import bulk

    how = {
        "response_id_column": response_id_column,
        "reset_recorded_date": not keep_recorded_date,
        "ignore_missing_responses": ignore_missing,
        "clear_empty": clear_empty,
    }
    source = RowFile(file, reading, options.failures)
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
    """
    from qualtrics_async import bulk

    if not confirm:
        raise UsageError("responses delete deletes responses for good: give --confirm if that is meant")
    how = {
        "confirm": True,
        "response_id_column": response_id_column,
        "decrement_quotas": decrement_quotas,
        "ignore_missing_responses": ignore_missing,
    }
    source = RowFile(file, reading, options.failures)
    work = bulk.delete_responses
    return _run("delete", survey, source, work, options=options, how=how, deadline=deadline)


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
    column = how["response_id_column"]

    async def begin(
        client: Qualtrics, read: FileRows, common: JobOptions
    ) -> AbstractAsyncContextManager[Outcomes[Any, Any]]:
        rows = read if column is None else having_column(read, column, "--response-id-column")
        return start(client, survey, rows, deadline=deadline, **how, **common)

    identity = ("responses", survey, sorted(how.items()), service())
    return run_file(verb, file, options, begin, identity)
