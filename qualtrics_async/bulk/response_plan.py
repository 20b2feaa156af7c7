"""A dry run of a job over responses: what it would send. Nothing is changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection
from contextlib import aclosing
from functools import partial
from typing import Final

import anyio.lowlevel
from msgspec import Struct, field

from qualtrics_async._core.request import fill
from qualtrics_async._core.store import Store
from qualtrics_async.bulk.chunks import Chunker
from qualtrics_async.bulk.job import Settings
from qualtrics_async.bulk.outcome import Failed
from qualtrics_async.bulk.plan import Problem
from qualtrics_async.bulk.records import Kind, RowRecord
from qualtrics_async.bulk.response_columns import ResponseColumns
from qualtrics_async.bulk.response_rows import ResponseReader, ResponseRow, Seen, prepared_rows
from qualtrics_async.bulk.responses import ADVICE, MAX_JOB_BYTES, MAX_JOB_ROWS, response_chunker
from qualtrics_async.bulk.rows import Prepared, RowProblem
from qualtrics_async.bulk.sources import Rows, as_rows
from qualtrics_async.bulk.spool import destination
from qualtrics_async.client import Qualtrics
from qualtrics_async.errors import UsageError

__all__ = ["ResponsePlan", "plan_responses"]

_HELD: Final = 250
"""Rows after which the loop gets a turn."""

_EXAMPLES: Final = 5
_SAMPLES: Final = 3
"""Responses of a job that are looked at before it leaves, where it could not be sent twice."""

_SURVEY: Final = "GET /surveys/{surveyId}"
_RESPONSE: Final = "GET /surveys/{surveyId}/responses/{responseId}"


class ResponsePlan(Struct, frozen=True, kw_only=True):
    """What a job over responses would do.

    Of `rows`, `valid` ones would be sent and `refused` ones not; `reasons` counts why, `problems` are the
    first few of them. `columns` would be set as embedded data, and `left_out` are columns that would not.
    They leave in `jobs` of `bytes` together. `routes` counts the requests of each route without any fault,
    with one look at the progress of each job.
    """

    rows: int
    valid: int
    refused: int
    reasons: Counter[str]
    problems: tuple[Problem, ...]
    columns: tuple[str, ...]
    left_out: tuple[str, ...]
    jobs: int
    bytes: int
    routes: dict[str, int]

    @property
    def requests(self) -> int:
        """The requests of all routes."""
        return sum(self.routes.values())


async def plan_responses(
    client: Qualtrics,
    survey_id: str,
    rows: Rows,
    *,
    deletes: bool = False,
    columns: Collection[str] | None = None,
    response_id_column: str | None = None,
    clear_empty: bool = False,
    looks: bool = True,
    chunk_rows: int = MAX_JOB_ROWS,
    chunk_bytes: int = MAX_JOB_BYTES,
    limit_rows_per_minute: float | None = None,
    on_refused: Callable[[Failed[ResponseRow]], Awaitable[None]] | None = None,
) -> ResponsePlan:
    """Read and check all rows as the job would, and tell what it would send; nothing is sent.

    The survey is read where the job would read it. Memory does not depend on the number of rows.

    Args:
        client: an open client.
        survey_id: the survey of the responses.
        rows: as for the job. A stream is used up by it.
        deletes: plan `delete_responses()` instead of `update_responses()`.
        columns: as for the job.
        response_id_column: as for the job.
        clear_empty: as for the job.
        looks: whether it does what must be done once, which is looked for if a reply is lost: an update that
            resets the recorded date, a deletion that decrements quotas.
        chunk_rows: as for the job.
        chunk_bytes: as for the job.
        limit_rows_per_minute: as for the job.
        on_refused: called with the outcome of each row that would be refused, as `FailuresFile.add`.

    Raises:
        UsageError: for arguments that cannot be meant, and for columns that make no sense.
    """
    fill("/surveys/{surveyId}", (survey_id,))
    settings = Settings(limit_rows_per_minute=limit_rows_per_minute)
    found = ResponseColumns(client, survey_id, id_column=response_id_column, wanted=columns, id_only=deletes)
    reader = ResponseReader(response_id_column, found)
    read = (
        partial(reader.delete, decrement_quotas=looks)
        if deletes
        else partial(reader.update, reset=looks, clear_empty=clear_empty)
    )
    source = as_rows(rows, advice=ADVICE)
    found.read_from(rows)
    count = _Counting(response_chunker(settings, chunk_rows, chunk_bytes), reader)
    async with aclosing(source), aclosing(await Store.open(None, Seen.SCHEMA, 1)) as seen:
        ready = prepared_rows(source, reader, read, Seen(seen), found)
        await _count(ready, count, on_refused)
    verb = "delete" if deletes else "update"
    jobs = f"/surveys/{{surveyId}}/{verb}-responses"
    routes = Counter(
        {
            _SURVEY: int(found.asked),
            _RESPONSE: count.looks if looks else 0,
            f"POST {jobs}": count.jobs,
            f"GET {jobs}/{{progressId}}": count.jobs,
        }
    )
    return ResponsePlan(
        rows=count.rows,
        valid=count.rows - count.reasons.total(),
        refused=count.reasons.total(),
        reasons=count.reasons,
        problems=tuple(count.problems),
        columns=tuple(found.sent),
        left_out=tuple(found.left_out),
        jobs=count.jobs,
        bytes=count.bytes,
        routes=dict(+routes),
    )


async def _count(
    ready: AsyncGenerator[Prepared],
    count: _Counting,
    on_refused: Callable[[Failed[ResponseRow]], Awaitable[None]] | None,
) -> None:
    async with aclosing(ready):
        async for row in ready:
            refused = count.add(row)
            if refused is not None and on_refused is not None:
                await on_refused(refused)
            if count.rows % _HELD == 0:
                await anyio.lowlevel.checkpoint()
    count.end()


class _Counting(Struct):
    """What is known of the rows so far."""

    chunker: Chunker[str]
    reader: ResponseReader
    rows: int = 0
    jobs: int = 0
    looks: int = 0
    bytes: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)

    def add(self, row: Prepared) -> Failed[ResponseRow] | None:
        """Count a row; what comes back is its outcome if it would be refused."""
        self.rows += 1
        name, size = destination(row, self.chunker), len(row.payload)
        if isinstance(name, RowProblem):
            return self._refuse(row, name)
        _, full = self.chunker.add(name, size)
        if full is not None:
            self._leave(full.count)
        self.bytes += size
        return None

    def _refuse(self, row: Prepared, problem: RowProblem) -> Failed[ResponseRow] | None:
        self.reasons[problem.reason] += 1
        if len(self.problems) < _EXAMPLES:
            self.problems.append(Problem(row.index, row.line, problem.reason, str(problem)))
        error = UsageError(str(problem))
        outcome = self.reader.refused(_record(row, problem.reason, error))
        return outcome if isinstance(outcome, Failed) else None

    def _leave(self, rows: int) -> None:
        self.jobs += 1
        self.looks += min(rows, _SAMPLES)

    def end(self) -> None:
        """Count the job that is not full."""
        for chunk in self.chunker.flush():
            self._leave(chunk.count)


def _record(row: Prepared, reason: str, error: UsageError) -> RowRecord:
    return RowRecord(0, row.index, row.line, None, row.payload, Kind.FAILED, reason, error)
