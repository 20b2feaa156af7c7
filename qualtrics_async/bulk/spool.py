"""From the source into the journal: rows are prepared, written down and chunked before anything is sent."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import aclosing
from functools import partial
from hashlib import blake2b
from typing import Any, Final, TypeAlias

import anyio.lowlevel
import msgspec

from qualtrics_async.bulk.chunks import Chunk, Chunker, size_of_names
from qualtrics_async.bulk.fanout import Batch, Deliver, FairQueue
from qualtrics_async.bulk.identity import FileRows, Identity
from qualtrics_async.bulk.job import Job
from qualtrics_async.bulk.journal import Journal
from qualtrics_async.bulk.outcome import Failed, InDoubt, Ok, Outcome
from qualtrics_async.bulk.records import (
    REFUSED,
    ChunkRecord,
    ChunkState,
    Kind,
    Piece,
    Result,
    RowRecord,
)
from qualtrics_async.bulk.rows import Imported, ImportRow, Prepared, RowProblem
from qualtrics_async.errors import JobFailed, JournalError, UsageError

__all__ = [
    "MakeOutcomes",
    "RowOutcome",
    "Rows",
    "Spool",
    "deliver_chunk",
    "destination",
    "identity_of",
    "outcome_of",
]

Rows: TypeAlias = Iterable[Any] | AsyncIterable[Any]
RowOutcome: TypeAlias = Outcome[ImportRow, Imported]
MakeOutcomes: TypeAlias = Callable[[Sequence[RowRecord]], Awaitable[list[Outcome[Any, Any]]]]
"""Makes outcomes of rows, where they are not what `outcome_of()` makes of what the journal knows."""

_HELD: Final = 250
"""Rows after which the loop gets a turn: it is never held for more than a few milliseconds."""

_BATCH: Final = 2_000
_BATCH_BYTES: Final = 1_000_000
_DELIVERED_AT_ONCE: Final = 250
_TAKEN_AT_ONCE: Final = 2_500
"""Outcomes that are marked as delivered together, so that it costs little; after a crash they come again."""


class Spool:
    """Reads the source to its end, and puts each chunk into the queue as soon as it is full.

    On a journal that knows rows already, the source must begin with the same rows (a digest tells); they
    are not added again. A source that yields nothing is accepted if the journal has it whole: a stream
    cannot be read twice. With a `job_id` and a journal that has it whole it is not read at all. `identity`
    is that of the file that the source reads: its size is compared before, its content as it is read.
    `make` makes the outcomes of rows that are refused.
    """

    def __init__(
        self,
        job: Job[Any, Any],
        source: AsyncGenerator[Any],
        queue: FairQueue[str, ChunkRecord],
        *,
        chunker: Chunker[str],
        prepare_row: Callable[[int, object], Prepared],
        identity: Identity | None = None,
        make: MakeOutcomes | None = None,
    ) -> None:
        self._job = job
        self._journal = job.journal
        self._source = source
        self._identity = identity
        self._queue = queue
        self._chunker = chunker
        self._prepare = prepare_row
        self._make = make
        self._replay = job.settings.replay
        self._digest = blake2b(digest_size=16)
        self._records: dict[int, ChunkRecord] = {}
        self._refused = 0
        self._known = 0
        self._earlier = 0
        self._count = 0

    async def run(self, deliver: Deliver[Any, Any]) -> None:
        """Spool everything, and deliver the rows that are refused; afterwards the queue is closed."""
        self._known = int(await self._journal.meta("spooled") or 0)
        complete = await self._journal.meta("complete") is not None
        self._earlier = 0 if self._replay else self._known - await self._journal.undelivered()
        self._show(self._known)
        if complete and self._job.settings.job_id is not None:
            await self._go_on(deliver)
        else:
            await self._compare_size()
            await self._read(deliver, complete=complete)
        await self._queue.close()

    async def _compare_size(self) -> None:
        """Refuse a file that has changed before it is read."""
        size = None if self._identity is None else await self._identity.measure()
        if size is None:
            return
        known = await self._journal.meta("size")
        if known is None:
            await self._journal.set_meta("size", str(size))
        elif known != str(size):
            raise _changed(f"it has {size} bytes now, it had {known}")

    async def _compare_content(self) -> None:
        """Refuse a file whose rows are the same and whose bytes are not; it was read to its end."""
        digest = None if self._identity is None else self._identity.digest
        known = await self._journal.meta("content")
        if digest is not None and known is None:
            await self._journal.set_meta("content", digest)
        elif digest is not None and known != digest:
            raise _changed("its bytes differ, though its rows do not")

    async def _read(self, deliver: Deliver[Any, Any], *, complete: bool) -> None:
        known_digest = await self._journal.meta("digest")
        ready = self._known == 0
        batch: list[Prepared] = []
        size = 0
        async with aclosing(self._source):
            async for row in self._source:
                prepared = self._prepare(self._count, row)
                self._count += 1
                self._digest.update(f"{prepared.mailing_list_id}\0{len(prepared.payload)}\0".encode())
                self._digest.update(prepared.payload)
                if self._count % _HELD == 0:
                    await anyio.lowlevel.checkpoint()
                if self._count <= self._known:
                    if self._count == self._known:
                        self._compare(known_digest)
                        await self._go_on(deliver)
                        ready = True
                    continue
                if complete:
                    raise _changed("it has more rows now")
                batch.append(prepared)
                size += len(prepared.payload)
                if len(batch) >= _BATCH or size >= _BATCH_BYTES:
                    await self._add(batch, deliver)
                    batch, size = [], 0
        if not ready:
            if self._count or not complete:
                raise _changed(f"it has {self._count} rows now, {self._known} are in the journal")
            await self._go_on(deliver)
        await self._compare_content()
        if not complete:
            await self._add(batch, deliver, last=True)

    def _compare(self, known: str | None) -> None:
        if self._digest.hexdigest() != known:
            raise _changed("its rows differ")

    async def _go_on(self, deliver: Deliver[Any, Any]) -> None:
        """Take up what an earlier process left."""
        for record in await self._journal.chunks():
            if record.state is ChunkState.FILLING:
                self._records[record.number] = record
                names = set(record.fields)
                chunk = Chunk(record.number, record.mailing_list_id, record.count, record.size, names)
                self._chunker.restore(chunk)
            else:
                self._chunker.skip(record.number)
                await self._enqueue(record)
        self._refused = await deliver_chunk(
            self._journal, REFUSED, deliver, replay=self._replay, make=self._make
        )

    async def _add(self, batch: list[Prepared], deliver: Deliver[Any, Any], *, last: bool = False) -> None:
        pieces: dict[int, Piece] = {}
        changed: dict[int, ChunkRecord] = {}
        full: list[ChunkRecord] = []
        first_refused = self._refused
        for row in batch:
            goes_to = destination(row, self._chunker)
            if isinstance(goes_to, RowProblem):
                piece = pieces.get(REFUSED) or pieces.setdefault(REFUSED, Piece(REFUSED, self._refused))
                error = UsageError(str(goes_to))
                piece.results.append(Result(self._refused, Kind.FAILED, goes_to.reason, error))
                self._refused += 1
            else:
                number, position = self._place(row, goes_to, changed, full)
                piece = pieces.get(number) or pieces.setdefault(number, Piece(number, position))
            piece.add(row)
        if last:
            full += (self._records.pop(chunk.number) for chunk in self._chunker.flush())
        for record in full:
            record.state = ChunkState.PLANNED
            changed[record.number] = record
        remarks = {"spooled": str(self._count), "digest": self._digest.hexdigest()}
        await self._journal.add(
            list(pieces.values()), changed.values(), remarks | ({"complete": "yes"} if last else {})
        )
        self._show(self._count)
        for record in full:
            await self._enqueue(record)
        if REFUSED in pieces:
            await deliver_chunk(self._journal, REFUSED, deliver, after=first_refused - 1, make=self._make)

    def _show(self, count: int) -> None:
        self._job.summary.items = count - self._earlier
        self._job.progress()

    def _place(
        self, row: Prepared, name: str, changed: dict[int, ChunkRecord], full: list[ChunkRecord]
    ) -> tuple[int, int]:
        chunk, closed = self._chunker.add(name, len(row.payload), row.transaction_fields)
        if closed is not None:
            full.append(self._records.pop(closed.number))
        record = self._records.get(chunk.number)
        if record is None:
            record = self._records[chunk.number] = ChunkRecord(chunk.number, name, ChunkState.FILLING)
        record.count, record.size = chunk.count, chunk.size
        if len(record.fields) < len(chunk.names):
            record.fields = tuple(sorted(chunk.names))
        changed[chunk.number] = record
        return chunk.number, chunk.count - 1

    async def _enqueue(self, record: ChunkRecord) -> None:
        await self._queue.put(record.mailing_list_id, record)


def destination(row: Prepared, chunker: Chunker[str]) -> str | RowProblem:
    """Tell the mailing list that a row goes to, or why it is not sent."""
    if row.problem is not None:
        return row.problem
    if not chunker.fits(size := len(row.payload) + size_of_names(row.transaction_fields)):
        return RowProblem("too large", f"the row has {size} bytes, more than a call takes")
    return row.mailing_list_id or RowProblem("no mailing list", "the row names no mailing list")


async def deliver_chunk(
    journal: Journal,
    chunk: int,
    deliver: Deliver[Any, Any],
    *,
    after: int = -1,
    replay: bool = False,
    handed: Collection[int] = (),
    make: MakeOutcomes | None = None,
    final: bool = True,
) -> int:
    """Hand the outcomes of a chunk to the consumer, and mark them as delivered when they are taken.

    `handed` are the positions of those that the consumer has, `make` makes outcomes of rows where it is not
    what the journal knows of them, and those that are not `final` are not marked. What comes back is how
    many rows the chunk has.
    """
    taken = await journal.taken(chunk)
    if not replay:
        after = max(after, taken - 1)
    rows = await journal.rows(chunk, after=after)
    while rows:
        following = await journal.rows(chunk, after=rows[-1].position)
        for start in range(0, len(rows), _DELIVERED_AT_ONCE):
            part = rows[start : start + _DELIVERED_AT_ONCE]
            after = part[-1].position
            due = [row for row in part if row.position not in handed]
            batch = Batch([outcome_of(row, row) for row in due] if make is None else await make(due))
            if not final:
                await deliver(batch)
                continue
            if after - taken >= _TAKEN_AT_ONCE or (after == rows[-1].position and not following):
                batch.taken, taken = partial(journal.take, chunk, after), after
            await deliver(batch)
        rows = following
    return after + 1


def identity_of(rows: Rows) -> Identity | None:
    """Tell what makes the file the same one that rows are read from; None for what is no file."""
    return rows.identity if isinstance(rows, FileRows) else None


def outcome_of(row: RowRecord, known: RowRecord | Result) -> RowOutcome:
    """Make the outcome of a row of what is known of it."""
    contact: dict[str, Any] = {} if row.payload is None else msgspec.json.decode(row.payload)
    item = ImportRow(row.index, row.line, row.mailing_list_id, contact)
    if known.kind is Kind.OK:
        return Ok(item, Imported(known.contact_id, known.contact_lookup_id))
    reason = known.reason or "unknown"
    error = known.error or JobFailed(reason)
    return Failed(item, error, reason) if known.kind is Kind.FAILED else InDoubt(item, error, reason)


def _changed(how: str) -> JournalError:
    return JournalError(
        f"the input is not the one that the journal knows: {how}; give the same input, or another journal",
        reason="input changed",
    )
