"""Updates and deletions of the responses of a survey, in bulk, with an outcome for each of them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import Any, Final, Unpack

import msgspec

from qualtrics_async._core.request import fill
from qualtrics_async._core.store import Store
from qualtrics_async.bulk.chunks import Chunker
from qualtrics_async.bulk.fanout import FairQueue, Outcomes
from qualtrics_async.bulk.job import Job, JobOptions, Settings
from qualtrics_async.bulk.pacing import Pace
from qualtrics_async.bulk.records import ChunkRecord, RowRecord
from qualtrics_async.bulk.response_columns import ResponseColumns
from qualtrics_async.bulk.response_doubt import Once, Verb
from qualtrics_async.bulk.response_jobs import ResponseJobs
from qualtrics_async.bulk.response_rows import (
    ResponseChanged,
    ResponseOutcome,
    ResponseReader,
    ResponseRow,
    Seen,
    prepared_rows,
)
from qualtrics_async.bulk.rows import Prepared, Reader
from qualtrics_async.bulk.sources import as_rows
from qualtrics_async.bulk.spool import Rows, Spool, identity_of
from qualtrics_async.client import Qualtrics
from qualtrics_async.errors import UsageError
from qualtrics_async.models.response_jobs import ResponseJobStarted
from qualtrics_async.models.responses import Response
from qualtrics_async.resources._base import confirmed

__all__ = [
    "ADVICE",
    "MAX_JOB_BYTES",
    "MAX_JOB_ROWS",
    "delete_responses",
    "response_chunker",
    "update_responses",
]

ADVICE: Final = "one id goes into a list, and of a file give the rows: bulk.read_csv(path)"
"""What to give instead of what holds no rows."""

MAX_JOB_ROWS: Final = 250_000
"""Responses that one job takes (documented for updates)."""

MAX_JOB_BYTES: Final = 5_000_000
"""Bytes that the body of one job takes (documented as less than 5 MB, for updates)."""

SIX_HOURS: Final = 21_600.0
"""How long a job may take (documented), in seconds."""

_ENVELOPE: Final = 1_024
"""Bytes of a chunk's body that are left for what stands around the rows."""

_COST: Final = 2
"""Bytes that a row takes besides its own: a comma, and `false` for `true` where it is sent again."""


@asynccontextmanager
async def update_responses(
    client: Qualtrics,
    survey_id: str,
    updates: Rows,
    *,
    columns: Collection[str] | None = None,
    response_id_column: str | None = None,
    reset_recorded_date: bool = True,
    ignore_missing_responses: bool = False,
    clear_empty: bool = False,
    deadline: float = SIX_HOURS,
    chunk_rows: int = MAX_JOB_ROWS,
    chunk_bytes: int = MAX_JOB_BYTES,
    **options: Unpack[JobOptions],
) -> AsyncGenerator[Outcomes[ResponseRow, ResponseChanged]]:
    """Set embedded data of any number of responses of a survey; the context's value yields each outcome.

    ```python
    rows = [{"responseId": "R_0000000000000017", "Segment": "gold"}]
    async with bulk.update_responses(client, "SV_1", rows, reset_recorded_date=False) as outcomes:
        async for outcome in outcomes: ...
    ```

    Updates go through jobs of the service, one after the other, as many responses in each as it takes. `Ok`
    means that the job is complete and says nothing against the response. An error or a warning that names it,
    at any place, makes it `Failed`. `InDoubt` are the others of a job that failed, that did not end before
    the `deadline`, or that counts more errors than it names; if they are few, 25 at most, they are looked at
    one by one, and have `Ok` or `Failed` by what they show. A response that an earlier row has named is
    `Failed`: a job takes each once (documented). Memory does not depend on the number of rows: they are
    spooled to the journal first.

    A job whose reply was lost is sent again if the recorded date is kept, and after a crash too: sent twice
    it does the same. If the date is reset, up to three responses of it, which did not have the values before,
    are looked at. If one has them, the job had arrived: it is sent again without touching the date, for what
    the service says of each response. If none has and a later job has ended, it did not arrive: it is sent
    again. `InDoubt` is what then remains: nothing could be looked at, or nothing showed within
    `reconcile_timeout`.

    Args:
        client: an open client.
        survey_id: the survey of the responses.
        updates: `ResponseUpdate`, or mappings, database rows, a data frame, or what the readers yield;
            iterable or async. The response is named in a column `responseId` or `_recordId`, in any case and
            spelling; every other column is embedded data by its own name, but `embeddedData`, a mapping of
            more, and `resetRecordedDate`, the row's own word on it. None, NaN and empty cells are absent, and
            a value of more than 5 000 characters is refused. Columns of an export that are metadata or
            questions, by its header rows or by what the survey says of them, are left out, and so are the
            header rows themselves: what was exported can be given again. `outcomes.summary` names the
            `columns` that are set and those that are `left_out`.
        columns: the columns that are embedded data, whatever they are called; no other one is sent then. Each
            must be in one of the first 250 rows.
        response_id_column: the column that names the response, whatever it is called; then no other does.
        reset_recorded_date: let the recorded date be that of the update, as the service does by itself.
        ignore_missing_responses: do not count it as an error that a response is not there. It is `Ok` then.
        clear_empty: send empty cells, which clears the field (assumed), instead of leaving them out.
        deadline: seconds that one job may take, waiting behind others included (documented: up to 6 hours).
            When they are over it may still go on; a call with the same journal does not look again.
        chunk_rows: responses of one job; at most 250 000.
        chunk_bytes: bytes of one job; at most 5 MB.
        options: the options of every bulk job, see `JobOptions`.

    Raises:
        UsageError: for arguments that cannot be meant, before anything is read; from the iteration, before
            anything is sent, when no column of the first 250 rows names a response, when one of `columns` is
            not there, and when all are left out.
        JournalError: when the journal is in use, damaged, or of another job or input.
        QualtricsError: from the iteration, when an error would fail every row: no access, an unknown survey,
            no network. The journal keeps what was done.
    """
    jobs = client.response_updates
    found = ResponseColumns(client, survey_id, id_column=response_id_column, wanted=columns)
    reader = ResponseReader(response_id_column, found)

    async def start(items: msgspec.Raw, _: bool) -> ResponseJobStarted:
        ignored = ignore_missing_responses or None
        return await jobs.start(survey_id, items, ignore_missing_responses=ignored)

    working = _working(
        client,
        found,
        updates,
        Verb(
            "update_responses",
            start,
            partial(jobs.progress, survey_id),
            _has_values,
            Once(b'"resetRecordedDate":true', b'"resetRecordedDate":false'),
        ),
        reader,
        read=partial(reader.update, reset=reset_recorded_date, clear_empty=clear_empty),
        how={
            "response id column": response_id_column,
            "recorded date": "reset" if reset_recorded_date else "keep",
            "missing responses": "ignore" if ignore_missing_responses else "tell",
            "empty cells": "clear" if clear_empty else "leave",
            "columns": None if found.wanted is None else sorted(found.wanted),
        },
        deadline=deadline,
        chunks=(chunk_rows, chunk_bytes),
        settings=Settings(**options),
    )
    async with working as outcomes:
        yield outcomes


@asynccontextmanager
async def delete_responses(
    client: Qualtrics,
    survey_id: str,
    response_ids: Rows,
    *,
    confirm: bool,
    response_id_column: str | None = None,
    decrement_quotas: bool = False,
    ignore_missing_responses: bool = False,
    deadline: float = SIX_HOURS,
    chunk_rows: int = MAX_JOB_ROWS,
    chunk_bytes: int = MAX_JOB_BYTES,
    **options: Unpack[JobOptions],
) -> AsyncGenerator[Outcomes[ResponseRow, ResponseChanged]]:
    """Delete any number of responses of a survey; nothing brings them back.

    ```python
    ids = ["R_0000000000000017", "R_0000000000000018"]
    async with bulk.delete_responses(client, "SV_1", ids, confirm=True) as outcomes:
        async for outcome in outcomes: ...
    ```

    Rows are ids, `Response`s, or as for `update_responses()`, of which only the id is read. Jobs, outcomes,
    arguments and errors are as there too. A response that is gone when its deletion is sent again was deleted
    by the first one, so that is `Ok`. With `decrement_quotas` a deletion whose reply was lost is as an update
    that resets the date: looked for, and sent again without touching the quotas if it had arrived. That the
    limits of updates hold for deletions is assumed.

    Args:
        client: an open client.
        survey_id: the survey of the responses.
        response_ids: ids, responses, or rows that name them; the header rows of an export are no rows.
        confirm: must be literally `True`.
        response_id_column: as for `update_responses()`.
        decrement_quotas: take the responses out of the quotas that counted them.
        ignore_missing_responses: as for `update_responses()`.
        deadline: as for `update_responses()`.
        chunk_rows: as for `update_responses()`.
        chunk_bytes: as for `update_responses()`.
        options: the options of every bulk job, see `JobOptions`.

    Raises:
        UsageError: without `confirm=True`, and as `update_responses()` does.
        QualtricsError: as `update_responses()` does.
    """
    confirmed(confirm, "deletes responses")
    jobs = client.response_deletions
    found = ResponseColumns(client, survey_id, id_column=response_id_column, id_only=True)
    reader = ResponseReader(response_id_column)

    async def start(items: msgspec.Raw, gone: bool) -> ResponseJobStarted:
        ignored = ignore_missing_responses or gone or None
        return await jobs.start(survey_id, items, confirm=True, ignore_missing_responses=ignored)

    working = _working(
        client,
        found,
        response_ids,
        Verb(
            "delete_responses",
            start,
            partial(jobs.progress, survey_id),
            _is_gone,
            Once(b',"decrementQuotas":true', b""),
            removes=True,
        ),
        reader,
        read=partial(reader.delete, decrement_quotas=decrement_quotas),
        how={
            "response id column": response_id_column,
            "quotas": "decrement" if decrement_quotas else "leave",
            "missing responses": "ignore" if ignore_missing_responses else "tell",
        },
        deadline=deadline,
        chunks=(chunk_rows, chunk_bytes),
        settings=Settings(**options),
    )
    async with working as outcomes:
        yield outcomes


@asynccontextmanager
async def _working(
    client: Qualtrics,
    columns: ResponseColumns,
    rows: Rows,
    verb: Verb,
    reader: ResponseReader,
    *,
    read: Reader,
    how: Mapping[str, Any],
    deadline: float,
    chunks: tuple[int, int],
    settings: Settings,
) -> AsyncGenerator[Outcomes[ResponseRow, ResponseChanged]]:
    """Do something to each response; `how` is what else makes this job another one."""
    survey_id = columns.survey_id
    fill("/surveys/{surveyId}", (survey_id,))
    chunker = response_chunker(settings, *chunks)
    if not deadline > 0:
        raise UsageError(f"deadline is a positive number of seconds, got {deadline}")
    source = as_rows(rows, advice=ADVICE)
    columns.read_from(rows)
    fingerprint = {"job": verb.name, "survey": survey_id, "chunks": list(chunks), **how}

    async def make(refused: Sequence[RowRecord]) -> list[ResponseOutcome]:
        return [reader.refused(row) for row in refused]

    opened = Job[ResponseRow, ResponseChanged].open(client, settings, fingerprint, concurrency=2)
    async with aclosing(source), opened as job, aclosing(await Store.open(None, Seen.SCHEMA, 1)) as seen:
        job.summary.columns, job.summary.left_out = columns.sent, columns.left_out
        ready = prepared_rows(source, reader, read, Seen(seen), columns)
        queue = FairQueue[str, ChunkRecord]()
        spool = Spool(
            job, ready, queue, chunker=chunker, prepare_row=_as_it_is, identity=identity_of(rows), make=make
        )
        work = ResponseJobs(job, survey_id, verb, deadline=deadline).work
        async with aclosing(ready), job.running(queue, work, spool.run) as outcomes:
            yield outcomes


def response_chunker(settings: Settings, rows: int, size: int) -> Chunker[str]:
    """Make chunks of what one job takes, and of no more rows than may leave in a minute."""
    if not 1 <= rows <= MAX_JOB_ROWS or not 2 * _ENVELOPE <= size <= MAX_JOB_BYTES:
        raise UsageError(
            f"a chunk has 1 to {MAX_JOB_ROWS} rows and {2 * _ENVELOPE} to {MAX_JOB_BYTES} bytes, "
            f"got {rows} and {size}"
        )
    return Chunker(Pace(settings.limit_rows_per_minute).share(rows), size - _ENVELOPE, overhead=_COST)


def _as_it_is(_: int, row: object) -> Prepared:
    """Take a row that has been prepared already."""
    if not isinstance(row, Prepared):
        raise TypeError(f"a prepared row is expected, got {type(row).__name__}")
    return row


def _has_values(item: Mapping[str, Any], response: Response | None) -> bool | None:
    """Whether a response has the embedded data of an update; who is not there says nothing."""
    if response is None:
        return None
    wanted: Mapping[str, str] = item["embeddedData"]
    return all(_text(response.values.get(name)) == value.strip() for name, value in wanted.items())


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


def _is_gone(_: Mapping[str, Any], response: Response | None) -> bool:
    return response is None
