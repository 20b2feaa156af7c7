"""Contacts in bulk: import jobs over many mailing lists, and single creates, with an outcome for each row."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import Any, Final, TypeAlias

from qualtrics_async._core.request import fill
from qualtrics_async._core.tasks import background_tasks
from qualtrics_async.bulk.chunks import Chunker
from qualtrics_async.bulk.creates import BLOCK, Creates
from qualtrics_async.bulk.fanout import Channel, Deliver, FairQueue, Outcomes, fan_out
from qualtrics_async.bulk.imports import ImportJobs
from qualtrics_async.bulk.journal import ChunkRecord, Journal
from qualtrics_async.bulk.rows import Imported, ImportRow, prepare
from qualtrics_async.bulk.spool import Rows, Spool
from qualtrics_async.client import Qualtrics
from qualtrics_async.errors import UsageError

__all__ = ["MAX_CHUNK_BYTES", "MAX_CHUNK_ROWS", "create_contacts", "import_contacts"]

MAX_CHUNK_ROWS: Final = 10_000
"""Contacts that one import takes (documented)."""

MAX_CHUNK_BYTES: Final = 5_000_000
"""Bytes that the body of one import takes (documented as 5 MB)."""

_ENVELOPE: Final = 16_384
_BATCHES_AHEAD: Final = 4

Target: TypeAlias = str | Callable[[Any], str | None]
"""A mailing list's id, or what finds it from a row as it was given (from the cells, for a row of a file)."""


@asynccontextmanager
async def import_contacts(
    client: Qualtrics,
    directory_id: str,
    rows: Rows,
    *,
    mailing_list: Target,
    journal: str | os.PathLike[str] | None = None,
    replay: bool = False,
    batch_id: str | None = None,
    clear_empty: bool = False,
    concurrency: int = 8,
    chunk_rows: int = MAX_CHUNK_ROWS,
    chunk_bytes: int = MAX_CHUNK_BYTES,
) -> AsyncGenerator[Outcomes[ImportRow, Imported]]:
    """Import any number of rows into one or many mailing lists; the context's value yields each outcome.

    ```python
    async with bulk.import_contacts(client, "POOL_1", rows, mailing_list="CG_1") as outcomes:
        async for outcome in outcomes: ...
    ```

    Rows go through the service's import jobs: chunks of one list, several lists at a time, one running
    import a list (documented: they queue). `Ok` means that the import report gives the row a contact id, or,
    where the account has no report, that the counts leave no doubt. Memory does not depend on the number of
    rows: they are spooled to the journal first.

    Args:
        client: an open client.
        directory_id: the directory of the lists.
        rows: mappings, `ContactCreate` or `ContactImportRow`, or what the readers yield; iterable or async.
            Columns are matched to contact fields in any case and spelling (`First Name`, `extRef`), others
            become embedded data; None, NaN and empty cells are absent.
        mailing_list: the id of the list, or a function of the row, so that one stream feeds many lists.
        journal: a file that makes the job resumable: the same call with the same input goes on where it
            stopped, and sends nothing again that left already. A temporary file by default.
        replay: on a journal, yield the outcomes again that were delivered before.
        batch_id: the transaction batch that the rows' transaction data joins.
        clear_empty: send empty cells, which clears the field, instead of leaving them out.
        concurrency: lists that are imported at the same time.
        chunk_rows: rows of one import; at most 10 000.
        chunk_bytes: bytes of one import; at most 5 MB.

    Raises:
        UsageError: for arguments that cannot be meant, before anything is read.
        JournalError: when the journal is in use, damaged, or of another job or input.
        QualtricsError: from the iteration, when an error would fail every row: no access, an unknown list,
            no network. The journal keeps what was done.
    """
    if not 1 <= chunk_rows <= MAX_CHUNK_ROWS or not 2 * _ENVELOPE <= chunk_bytes <= MAX_CHUNK_BYTES:
        raise UsageError(
            f"a chunk has 1 to {MAX_CHUNK_ROWS} rows and {2 * _ENVELOPE} to {MAX_CHUNK_BYTES} bytes, "
            f"got {chunk_rows} and {chunk_bytes}"
        )
    _check(directory_id, mailing_list, rows, concurrency)
    fingerprint = {
        "job": "import_contacts",
        "directory": directory_id,
        "mailing list": mailing_list if isinstance(mailing_list, str) else "by row",
        "service": client.base_url,
        "batch": batch_id,
        "empty cells": "clear" if clear_empty else "leave",
        "chunks": [chunk_rows, chunk_bytes],
    }
    prepare_row = partial(
        prepare,
        mailing_list=mailing_list,
        clear_empty=clear_empty,
        allowed=frozenset({"id", "embeddedData", "transactionData"}),
    )
    chunker = Chunker[str](chunk_rows, chunk_bytes - _ENVELOPE)
    async with aclosing(await Journal.open(journal, fingerprint)) as book:
        job = ImportJobs(client, directory_id, book, batch_id, replay=replay)
        queue = FairQueue[str, ChunkRecord]()
        async with _running(
            Spool(book, queue, chunker, prepare_row, replay=replay), rows, queue, job.work, concurrency
        ) as outcomes:
            yield outcomes


@asynccontextmanager
async def create_contacts(
    client: Qualtrics,
    directory_id: str,
    rows: Rows,
    *,
    mailing_list: Target,
    journal: str | os.PathLike[str] | None = None,
    replay: bool = False,
    clear_empty: bool = False,
    concurrency: int = 32,
) -> AsyncGenerator[Outcomes[ImportRow, Imported]]:
    """Create contacts by one POST each: for small jobs, and for directories without the import licence.

    The arguments, outcomes and errors are those of `import_contacts()`; `concurrency` counts requests. The
    service allows 500 of them a minute (documented). A POST whose answer is lost leaves its row `InDoubt`.
    """
    _check(directory_id, mailing_list, rows, concurrency)
    fingerprint = {
        "job": "create_contacts",
        "directory": directory_id,
        "mailing list": mailing_list if isinstance(mailing_list, str) else "by row",
        "service": client.base_url,
        "empty cells": "clear" if clear_empty else "leave",
    }
    prepare_row = partial(
        prepare,
        mailing_list=mailing_list,
        clear_empty=clear_empty,
        allowed=frozenset({"embeddedData", "privateEmbeddedData"}),
    )
    chunker = Chunker[str](BLOCK, MAX_CHUNK_BYTES)
    async with aclosing(await Journal.open(journal, fingerprint)) as book:
        job = Creates(client, directory_id, book, concurrency, replay=replay)
        queue = FairQueue[str, ChunkRecord](parallel=True)
        blocks = concurrency // BLOCK + 1
        async with _running(
            Spool(book, queue, chunker, prepare_row, replay=replay), rows, queue, job.work, blocks
        ) as outcomes:
            yield outcomes


def _check(directory_id: str, mailing_list: Target, rows: object, concurrency: int) -> None:
    if isinstance(rows, str | bytes | os.PathLike | Mapping) or not isinstance(
        rows, Iterable | AsyncIterable
    ):
        raise UsageError(
            f"rows takes an iterable of rows, got {type(rows).__name__}; for a file: bulk.read_contacts(path)"
        )
    fill("/directories/{directoryId}", (directory_id,))
    if not callable(mailing_list):
        fill("/mailinglists/{mailingListId}", (mailing_list,))
    if concurrency < 1:
        raise UsageError(f"concurrency must be at least 1, got {concurrency}")


@asynccontextmanager
async def _running(
    spool: Spool,
    rows: Rows,
    queue: FairQueue[str, ChunkRecord],
    work: Callable[[ChunkRecord, Deliver[ImportRow, Imported]], Awaitable[None]],
    concurrency: int,
) -> AsyncGenerator[Outcomes[ImportRow, Imported]]:
    """Run a job over a journal while the body takes its outcomes."""
    channel = Channel[ImportRow, Imported](_BATCHES_AHEAD, workers=concurrency + 1)

    async def read() -> None:
        async with channel.worker() as deliver:
            await spool.run(rows, deliver)

    outcomes = Outcomes(channel, spool.summary)
    try:
        async with background_tasks() as tasks:
            fan_out(tasks, queue, work, channel, concurrency=concurrency)
            tasks.start_soon(read)
            yield outcomes
    finally:
        outcomes.close()
