"""Contacts in bulk: import jobs over many mailing lists, and single creates, with an outcome for each row."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final, TypeAlias

import anyio
import msgspec

from qualtrics_async._core.tasks import background_tasks, finish_within, is_in_doubt
from qualtrics_async.bulk.chunks import Chunker
from qualtrics_async.bulk.fanout import Batch, Deliver, FairQueue, Outcomes, fan_out
from qualtrics_async.bulk.journal import ChunkRecord, ChunkState, Journal, Kind, Result
from qualtrics_async.bulk.outcome import Summary
from qualtrics_async.bulk.rows import Imported, ImportRow, Prepared, prepare
from qualtrics_async.bulk.spool import Rows, Spool, deliver_chunk
from qualtrics_async.client import Qualtrics
from qualtrics_async.errors import (
    ConnectFailed,
    DecodeError,
    Forbidden,
    JobFailed,
    NotFound,
    OutcomeUnknown,
    QualtricsError,
    RateLimited,
    ServerFault,
    Unauthorized,
    UsageError,
)
from qualtrics_async.models.contact_imports import ContactImportProgress, TransactionMeta
from qualtrics_async.models.contacts import ContactCreate

__all__ = ["MAX_CHUNK_BYTES", "MAX_CHUNK_ROWS", "create_contacts", "import_contacts"]

MAX_CHUNK_ROWS: Final = 10_000
"""Contacts that one import takes (documented)."""

MAX_CHUNK_BYTES: Final = 5_000_000
"""Bytes that the body of one import takes (documented as 5 MB)."""

_ENVELOPE: Final = 16_384
_GRACE: Final = 5.0
_BLOCK: Final = 25
_STREAM_BUFFER: Final = 4

Target: TypeAlias = str | Callable[[Any], str | None]
"""A mailing list's id, or what finds it from a row as it was given (from the cells, for a row of a file)."""

_STOPS = (Unauthorized, Forbidden, NotFound, ConnectFailed, RateLimited)
"""What nothing was done for, and what would fail every other item too: it ends the job."""


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
    fingerprint = {
        "job": "import_contacts",
        "directory": directory_id,
        "mailing list": mailing_list if isinstance(mailing_list, str) else "by row",
        "service": client.base_url,
        "batch": batch_id,
        "empty cells": "clear" if clear_empty else "leave",
        "chunks": [chunk_rows, chunk_bytes],
    }
    book = await Journal.open(journal, fingerprint)
    job = _Import(client, directory_id, book, batch_id, replay=replay)
    prepare_row = partial(
        prepare,
        mailing_list=mailing_list,
        clear_empty=clear_empty,
        allowed=frozenset({"embeddedData", "transactionData"}),
    )
    chunker = Chunker[str](chunk_rows, chunk_bytes - _ENVELOPE)
    async with _running(
        book, job.work, prepare_row, chunker, rows, concurrency=concurrency, replay=replay, exclusive=True
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
    fingerprint = {
        "job": "create_contacts",
        "directory": directory_id,
        "mailing list": mailing_list if isinstance(mailing_list, str) else "by row",
        "service": client.base_url,
        "empty cells": "clear" if clear_empty else "leave",
    }
    book = await Journal.open(journal, fingerprint)
    job = _Create(client, directory_id, book, concurrency, replay=replay)
    prepare_row = partial(
        prepare,
        mailing_list=mailing_list,
        clear_empty=clear_empty,
        allowed=frozenset({"embeddedData", "privateEmbeddedData"}),
    )
    chunker = Chunker[str](_BLOCK, MAX_CHUNK_BYTES)
    blocks = max(1, concurrency // _BLOCK + 1)
    async with _running(
        book, job.work, prepare_row, chunker, rows, concurrency=blocks, replay=replay, exclusive=False
    ) as outcomes:
        yield outcomes


@asynccontextmanager
async def _running(
    book: Journal,
    work: Callable[[ChunkRecord, Deliver[ImportRow, Imported]], Awaitable[None]],
    prepare_row: Callable[[int, object], Prepared],
    chunker: Chunker[str],
    rows: Rows,
    *,
    concurrency: int,
    replay: bool,
    exclusive: bool,
) -> AsyncGenerator[Outcomes[ImportRow, Imported]]:
    """Run a job over a journal while the body takes its outcomes."""
    if concurrency < 1:
        await book.aclose()
        raise UsageError(f"concurrency must be at least 1, got {concurrency}")
    summary = Summary()
    queue = FairQueue[object, ChunkRecord]()
    send, receive = anyio.create_memory_object_stream[Batch[ImportRow, Imported] | Exception](_STREAM_BUFFER)
    spool = Spool(
        book,
        queue,
        chunker,
        prepare_row,
        deliver=send.send,
        summary=summary,
        exclusive=exclusive,
        replay=replay,
    )

    async def read() -> None:
        async with send:
            try:
                await spool.run(rows)
            except QualtricsError as error:
                await send.send(error)

    try:
        with send, receive:
            async with background_tasks() as tasks:
                fan_out(tasks, queue, work, send, concurrency=concurrency, stops=(QualtricsError,))
                tasks.start_soon(read)
                yield Outcomes(receive, summary, asyncio.get_running_loop().time)
    finally:
        await book.aclose()


class _Import:
    """What becomes of one chunk of an import job."""

    def __init__(
        self, client: Qualtrics, directory_id: str, journal: Journal, batch_id: str | None, *, replay: bool
    ) -> None:
        self._client = client
        self._directory_id = directory_id
        self._journal = journal
        self._batch_id = batch_id
        self._replay = replay
        self._verified: set[str] = set()

    async def work(self, chunk: ChunkRecord, deliver: Deliver[ImportRow, Imported]) -> None:
        """Bring a chunk from the state that it is in to its outcomes."""
        if chunk.state is ChunkState.PLANNED:
            await self._verify(chunk.mailing_list_id)
            body = await self._journal.body(chunk.number)
            await finish_within(_GRACE, self._send(chunk, body))
            del body
        elif chunk.state is ChunkState.SENDING:
            doubt = OutcomeUnknown("an earlier run ended while this import was being sent")
            await self._conclude(chunk, Kind.IN_DOUBT, "lost reply", doubt)
        if chunk.state is ChunkState.ACCEPTED:
            await self._confirm(chunk)
        await deliver_chunk(self._journal, chunk.number, deliver, replay=self._replay)

    async def _verify(self, mailing_list_id: str) -> None:
        # The start call accepts ids that do not exist, so the list is asked for once.
        if mailing_list_id not in self._verified:
            await self._client.mailing_lists.get(self._directory_id, mailing_list_id)
            self._verified.add(mailing_list_id)

    async def _send(self, chunk: ChunkRecord, body: bytes) -> None:
        meta = None
        if chunk.fields or self._batch_id:
            meta = TransactionMeta(batch_id=self._batch_id or msgspec.UNSET, fields=chunk.fields)
        await self._journal.move(chunk.number, ChunkState.SENDING)
        try:
            started = await self._client.contact_imports.start(
                self._directory_id, chunk.mailing_list_id, msgspec.Raw(body), transaction_meta=meta
            )
        except _STOPS:
            await self._journal.move(chunk.number, ChunkState.PLANNED)
            raise
        except asyncio.CancelledError as cancellation:
            if not is_in_doubt(cancellation):
                with anyio.CancelScope(shield=True):
                    await self._journal.move(chunk.number, ChunkState.PLANNED)
            raise
        except OutcomeUnknown as error:
            await self._conclude(chunk, Kind.IN_DOUBT, "lost reply", error)
        except QualtricsError as error:
            await self._conclude(chunk, Kind.FAILED, "refused", error)
        else:
            chunk.state, chunk.job = ChunkState.ACCEPTED, started.id
            unread = JobFailed("the service did not take the row into the import", job_id=started.id)
            await self._journal.confirm(
                chunk.number,
                [Result(position, Kind.FAILED, "unprocessed", unread) for position in started.unprocessed],
                state=ChunkState.ACCEPTED,
                job=started.id,
            )

    async def _conclude(self, chunk: ChunkRecord, kind: Kind, reason: str, error: QualtricsError) -> None:
        """Give every row of a chunk that is still open the same outcome."""
        open_rows = await self._open_positions(chunk)
        await self._finish(chunk, [Result(position, kind, reason, error) for position in open_rows])

    async def _finish(self, chunk: ChunkRecord, results: list[Result]) -> None:
        chunk.state = ChunkState.DONE
        await self._journal.confirm(chunk.number, results, state=ChunkState.DONE)

    async def _open_positions(self, chunk: ChunkRecord) -> list[int]:
        return await self._journal.positions(chunk.number, Kind.OPEN)

    async def _confirm(self, chunk: ChunkRecord) -> None:
        """Wait until the import has ended, and learn what became of each row."""
        job = chunk.job or ""
        ended: QualtricsError | None = None
        progress = ContactImportProgress()
        try:
            progress = await self._client.wait(
                job,
                lambda: self._client.contact_imports.progress(self._directory_id, chunk.mailing_list_id, job),
            )
        except JobFailed as error:
            if isinstance(error.detail, ContactImportProgress):
                progress = error.detail
            ended = error
        except (NotFound, ServerFault, DecodeError) as error:
            ended = error
        if ended is not None and not progress.is_finished:
            await self._conclude(chunk, Kind.IN_DOUBT, "no end in sight", ended)
            return
        positions = await self._open_positions(chunk)
        report = await self._report(job)
        if report is not None:
            results = [_from_report(position, report.get(position), job, ended) for position in positions]
        else:
            emails = await self._journal.emails(chunk.number)
            results = _from_counts(positions, emails, progress, job)
        if positions and not report and not (progress.added or progress.updated or progress.failed):
            raise JobFailed(
                f"import {job} into {chunk.mailing_list_id} ended without a single contact: the directory, "
                "the list or the transaction batch does not exist, or the account may not write to it",
                job_id=job,
                status=progress.status or "",
                detail=progress,
            )
        await self._finish(chunk, results)

    async def _report(self, job: str) -> dict[int, tuple[str | None, str | None, str]] | None:
        """Read the report: contact id, lookup id and status of each row; None where there is no report."""
        found: dict[int, tuple[str | None, str | None, str]] = {}
        try:
            async for page in self._client.contact_imports.report(self._directory_id, job).pages():
                for entry in page.elements:
                    if entry.index is not None:
                        word = f"{entry.import_status or ''} {entry.import_status_code or ''}".strip()
                        found[entry.index] = (entry.contact_id, entry.contact_list_contact_id, word)
        except (Forbidden, NotFound, ServerFault, DecodeError):
            return None
        return found


def _from_report(
    position: int,
    entry: tuple[str | None, str | None, str] | None,
    job: str,
    ended: QualtricsError | None,
) -> Result:
    if entry is None:
        if ended is not None:
            return Result(position, Kind.IN_DOUBT, "import failed", ended)
        doubt = OutcomeUnknown(f"the report of import {job} does not name the row")
        return Result(position, Kind.IN_DOUBT, "not in the report", doubt)
    contact_id, lookup_id, word = entry
    if contact_id:
        return Result(position, Kind.OK, contact_id=contact_id, contact_lookup_id=lookup_id)
    failure = JobFailed(f"import {job} gave the row no contact: {word}", job_id=job, status=word)
    return Result(position, Kind.FAILED, "refused by the import", failure)


def _from_counts(
    positions: list[int], emails: list[str | None], progress: ContactImportProgress, job: str
) -> list[Result]:
    """Decide without a report: by the counts and the addresses that the service calls invalid."""
    invalid = {str(email).strip().lower() for email in progress.invalid_emails or ()}
    named = {position for position in positions if (emails[position] or "").strip().lower() in invalid}
    failed = progress.failed
    accepted = (progress.added or 0) + (progress.updated or 0)
    failure = JobFailed(f"import {job} calls the e-mail address invalid", job_id=job, status="invalid")
    doubt = OutcomeUnknown(f"import {job} has no report, and its counts do not tell which rows failed")
    # Every other row was taken only if the failures are all accounted for, or the contacts are.
    certain = failed == len(named) or accepted == len(positions) - len(named)
    results: list[Result] = []
    for position in positions:
        if failed and failed >= len(positions) and not accepted:
            results.append(Result(position, Kind.FAILED, "refused by the import", failure))
        elif position in named:
            results.append(Result(position, Kind.FAILED, "invalid e-mail", failure))
        elif certain:
            results.append(Result(position, Kind.OK))
        else:
            results.append(Result(position, Kind.IN_DOUBT, "no report", doubt))
    return results


class _Create:
    """What becomes of one block of single creates."""

    def __init__(
        self, client: Qualtrics, directory_id: str, journal: Journal, concurrency: int, *, replay: bool
    ) -> None:
        self._client = client
        self._directory_id = directory_id
        self._journal = journal
        self._replay = replay
        self._requests = anyio.Semaphore(max(1, concurrency))

    async def work(self, chunk: ChunkRecord, deliver: Deliver[ImportRow, Imported]) -> None:
        """Create the rows of a block that are open; those that an earlier run left behind are in doubt."""
        if chunk.state is not ChunkState.DONE:
            doubt = OutcomeUnknown("an earlier run ended while this contact was being sent")
            lost = await self._journal.positions(chunk.number, Kind.SENDING)
            await self._journal.confirm(
                chunk.number, [Result(position, Kind.IN_DOUBT, "lost reply", doubt) for position in lost]
            )
            stops: list[QualtricsError] = []
            async with anyio.create_task_group() as tasks:
                for row in await self._journal.rows(chunk.number, limit=_BLOCK):
                    if row.kind is Kind.OPEN and row.payload is not None:
                        tasks.start_soon(self._create, chunk, row.position, row.payload, stops)
            if stops:
                raise stops[0]
            await self._journal.move(chunk.number, ChunkState.DONE)
        await deliver_chunk(self._journal, chunk.number, deliver, replay=self._replay)

    async def _create(
        self, chunk: ChunkRecord, position: int, payload: bytes, stops: list[QualtricsError]
    ) -> None:
        async with self._requests:
            if stops:
                return
            try:
                await finish_within(_GRACE, self._send(chunk, position, payload))
            except QualtricsError as error:
                stops.append(error)

    async def _send(self, chunk: ChunkRecord, position: int, payload: bytes) -> None:
        contact = msgspec.json.decode(payload, type=ContactCreate)
        await self._journal.mark_sending(chunk.number, position)
        try:
            created = await self._client.contacts.create(self._directory_id, chunk.mailing_list_id, contact)
        except _STOPS:
            await self._journal.mark_sending(chunk.number, position, sending=False)
            raise
        except asyncio.CancelledError as cancellation:
            if not is_in_doubt(cancellation):
                with anyio.CancelScope(shield=True):
                    await self._journal.mark_sending(chunk.number, position, sending=False)
            raise
        except OutcomeUnknown as error:
            result = Result(position, Kind.IN_DOUBT, "lost reply", error)
        except QualtricsError as error:
            result = Result(position, Kind.FAILED, "refused", error)
        else:
            result = Result(
                position, Kind.OK, contact_id=created.id, contact_lookup_id=created.contact_lookup_id
            )
        await self._journal.confirm(chunk.number, [result])
