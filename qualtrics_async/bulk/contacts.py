"""Contacts in bulk: import jobs over many mailing lists, and single creates, with an outcome for each row."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import Any, Final, TypeAlias, Unpack

from qualtrics_async._core.request import fill
from qualtrics_async.bulk.chunks import Chunker
from qualtrics_async.bulk.creates import Creates
from qualtrics_async.bulk.fanout import FairQueue, Outcomes
from qualtrics_async.bulk.imports import ImportJobs
from qualtrics_async.bulk.job import Job, JobOptions, Settings
from qualtrics_async.bulk.pacing import Pace
from qualtrics_async.bulk.records import ChunkRecord
from qualtrics_async.bulk.rows import Imported, ImportRow, prepare
from qualtrics_async.bulk.singly import BLOCK
from qualtrics_async.bulk.sources import as_rows
from qualtrics_async.bulk.spool import Rows, Spool, identity_of
from qualtrics_async.client import Qualtrics
from qualtrics_async.errors import UsageError

__all__ = [
    "CREATED",
    "IMPORTED",
    "MAX_CHUNK_BYTES",
    "MAX_CHUNK_ROWS",
    "Target",
    "check_target",
    "create_contacts",
    "import_chunker",
    "import_contacts",
    "open_source",
]

MAX_CHUNK_ROWS: Final = 10_000
"""Contacts that one import takes (documented)."""

MAX_CHUNK_BYTES: Final = 5_000_000
"""Bytes that the body of one import takes (documented as 5 MB)."""

ENVELOPE: Final = 16_384
"""Bytes of a chunk's body that are left for what stands around the rows."""

IMPORTED: Final = frozenset({"id", "embeddedData", "transactionData"})
"""What an import takes of a row besides the fields that every contact has."""

CREATED: Final = frozenset({"embeddedData", "privateEmbeddedData"})
"""What a single create takes besides them."""

Target: TypeAlias = str | Callable[[Any], str | None]
"""A mailing list's id, or what finds it from a row as it was given (from the cells, for a row of a file)."""


@asynccontextmanager
async def import_contacts(
    client: Qualtrics,
    directory_id: str,
    rows: Rows,
    *,
    mailing_list: Target,
    batch_id: str | None = None,
    clear_empty: bool = False,
    concurrency: int = 8,
    chunk_rows: int = MAX_CHUNK_ROWS,
    chunk_bytes: int = MAX_CHUNK_BYTES,
    **options: Unpack[JobOptions],
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

    An import whose reply was lost is sent again where the directory deduplicates and every row has all of
    its criteria; otherwise a few of its rows are looked for in the list. If they are there, it was accepted;
    if they are not, although rows of a later import are, it is sent again. `InDoubt` is what then remains:
    nothing of the import could be looked for, or nothing of it came within `reconcile_timeout`.

    Args:
        client: an open client.
        directory_id: the directory of the lists.
        rows: mappings, `ContactCreate` or `ContactImportRow`, database rows, a data frame, or what the
            readers yield; iterable or async. Columns are matched to contact fields in any case and spelling
            (`First Name`, `extRef`), others become embedded data; None, NaN and empty cells are absent.
        mailing_list: the id of the list, or a function of the row, so that one stream feeds many lists. One
            that is not there ends the job, but where rows choose, only theirs fail.
        batch_id: the transaction batch that the rows' transaction data joins.
        clear_empty: send empty cells, which clears the field, instead of leaving them out.
        concurrency: chunks that are in memory at a time; lists whose imports are under way wait outside.
        chunk_rows: rows of one import; at most 10 000.
        chunk_bytes: bytes of one import; at most 5 MB.
        options: the options of every bulk job, see `JobOptions`.

    Raises:
        UsageError: for arguments that cannot be meant, before anything is read.
        JournalError: when the journal is in use, damaged, or of another job or input.
        QualtricsError: from the iteration, when an error would fail every row: no access, an unknown list,
            no network. The journal keeps what was done.
    """
    settings = Settings(**options)
    chunker = import_chunker(settings, chunk_rows, chunk_bytes)
    source = open_source(directory_id, mailing_list, rows, concurrency)
    fingerprint = {
        "job": "import_contacts",
        "directory": directory_id,
        "mailing list": mailing_list if isinstance(mailing_list, str) else "by row",
        "batch": batch_id,
        "empty cells": "clear" if clear_empty else "leave",
        "chunks": [chunk_rows, chunk_bytes],
    }
    prepare_row = partial(prepare, mailing_list=mailing_list, clear_empty=clear_empty, allowed=IMPORTED)
    opened = Job[ImportRow, Imported].open(client, settings, fingerprint, concurrency=concurrency)
    async with aclosing(source), opened as job:
        queue = FairQueue[str, ChunkRecord]()
        spool = Spool(
            job, source, queue, chunker=chunker, prepare_row=prepare_row, identity=identity_of(rows)
        )
        imports = ImportJobs(job, directory_id, batch_id, by_row=callable(mailing_list))
        async with job.running(queue, imports.work, spool.run) as outcomes:
            yield outcomes


@asynccontextmanager
async def create_contacts(
    client: Qualtrics,
    directory_id: str,
    rows: Rows,
    *,
    mailing_list: Target,
    clear_empty: bool = False,
    concurrency: int = 32,
    **options: Unpack[JobOptions],
) -> AsyncGenerator[Outcomes[ImportRow, Imported]]:
    """Create contacts by one POST each: for small jobs, and for directories without the import licence.

    The arguments, outcomes and errors are those of `import_contacts()`; `concurrency` counts requests. The
    service allows 500 of them a minute (documented). A row whose reply was lost is sent again where the
    directory deduplicates and it has all criteria. Otherwise its external reference or e-mail address is
    looked for before and after, which takes a search a row; what is not found within `reconcile_timeout`,
    and what cannot be told from another contact, is `InDoubt`.
    """
    settings = Settings(**options)
    source = open_source(directory_id, mailing_list, rows, concurrency)
    fingerprint = {
        "job": "create_contacts",
        "directory": directory_id,
        "mailing list": mailing_list if isinstance(mailing_list, str) else "by row",
        "empty cells": "clear" if clear_empty else "leave",
    }
    prepare_row = partial(
        prepare,
        mailing_list=mailing_list,
        clear_empty=clear_empty,
        allowed=CREATED,
    )
    chunker = Chunker[str](BLOCK, MAX_CHUNK_BYTES)
    opened = Job[ImportRow, Imported].open(client, settings, fingerprint, concurrency=concurrency)
    async with aclosing(source), opened as job:
        queue = FairQueue[str, ChunkRecord](parallel=True)
        spool = Spool(
            job, source, queue, chunker=chunker, prepare_row=prepare_row, identity=identity_of(rows)
        )
        creates, blocks = Creates(job, directory_id, by_row=callable(mailing_list)), concurrency // BLOCK + 1
        async with job.running(queue, creates.work, spool.run, concurrency=blocks) as outcomes:
            yield outcomes


def open_source(directory_id: str, mailing_list: Target, rows: Rows, concurrency: int) -> AsyncGenerator[Any]:
    """Check the arguments of a job over rows, and open its source."""
    fill("/directories/{directoryId}", (directory_id,))
    check_target(mailing_list)
    if concurrency < 1:
        raise UsageError(f"concurrency must be at least 1, got {concurrency}")
    return as_rows(rows)


def check_target(mailing_list: Target) -> None:
    """Refuse an id that cannot be one."""
    if not callable(mailing_list):
        fill("/mailinglists/{mailingListId}", (mailing_list,))


def import_chunker(settings: Settings, chunk_rows: int, chunk_bytes: int) -> Chunker[str]:
    """Make chunks of what one import takes, and of no more rows than may leave in a minute."""
    if not 1 <= chunk_rows <= MAX_CHUNK_ROWS or not 2 * ENVELOPE <= chunk_bytes <= MAX_CHUNK_BYTES:
        raise UsageError(
            f"a chunk has 1 to {MAX_CHUNK_ROWS} rows and {2 * ENVELOPE} to {MAX_CHUNK_BYTES} bytes, "
            f"got {chunk_rows} and {chunk_bytes}"
        )
    return Chunker(Pace(settings.limit_rows_per_minute).share(chunk_rows), chunk_bytes - ENVELOPE)
