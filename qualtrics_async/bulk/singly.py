"""One request a row: blocks of rows, each row sent by itself, until the fate of all of them is known."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Generic

import anyio
import anyio.lowlevel

from qualtrics_async.bulk.fanout import Batch, Deliver
from qualtrics_async.bulk.finding import Key
from qualtrics_async.bulk.job import Job
from qualtrics_async.bulk.journal import Journal
from qualtrics_async.bulk.outcome import V
from qualtrics_async.bulk.patience import Patience
from qualtrics_async.bulk.records import ChunkRecord, ChunkState, Kind, Result, RowRecord
from qualtrics_async.bulk.rows import Imported, ImportRow
from qualtrics_async.bulk.spool import deliver_chunk, outcome_of
from qualtrics_async.errors import OutcomeUnknown, QualtricsError

__all__ = ["BLOCK", "Block", "OneRow", "Singly"]

BLOCK: Final = 25
"""Rows that are taken up together."""

_EARLIER_RUN: Final = OutcomeUnknown("an earlier run ended while this row was being sent")


@dataclass(slots=True)
class Block:
    """What this run knows of a block, which is gone through in rounds until no row is in doubt.

    `handed` are the rows whose outcomes the consumer has, `stops` the errors that end the job. `patience` is
    with rows whose replies were lost; it began `begun` times. `is_over` and `may_repeat` are what it said at
    the beginning of the round. `is_told` is for whoever says only once that rows are sent again.
    """

    chunk: ChunkRecord
    results: dict[int, Result] = field(default_factory=dict)
    handed: set[int] = field(default_factory=set)
    stops: list[QualtricsError] = field(default_factory=list)
    patience: Patience | None = None
    begun: int = 0
    is_over: bool = False
    may_repeat: bool = True
    is_told: bool = False

    def is_settled(self, position: int) -> bool:
        """Whether nothing more is to be done for a row."""
        return position in self.results and self.results[position].kind is not Kind.SENDING

    @property
    def is_in_doubt(self) -> bool:
        """Whether the reply to some row was lost."""
        return any(result.kind is Kind.SENDING for result in self.results.values())

    def begin_round(self) -> None:
        """Ask the patience once for all rows: in one round none of them has more of it than another."""
        self.is_over = self.patience is not None and self.patience.is_over
        self.may_repeat = self.patience is None or self.patience.may_repeat()


class OneRow:
    """A row on its way; what becomes of it is written down before anything else is done.

    `may_have_left` says that the same request may have left before, in this run or an earlier one, and
    `contact_id` to which contact. `absent` says that a search by `key` did not find it in the list before
    that. `is_harmless`: sent twice it does the same as once.
    """

    def __init__(
        self, journal: Journal, block: Block, position: int, payload: bytes, *, absent: bool
    ) -> None:
        known = block.results.get(position)
        self.block = block
        self.position = position
        self.payload = payload
        self.mailing_list_id = block.chunk.mailing_list_id
        self.may_have_left = known is not None
        self.contact_id = None if known is None else known.contact_id
        self.error = _EARLIER_RUN if known is None or known.error is None else known.error
        self.absent = absent
        self.is_harmless = True
        self.key: Key | None = None
        self._journal = journal

    async def settle(
        self,
        kind: Kind,
        reason: str | None = None,
        error: QualtricsError | None = None,
        *,
        contact_lookup_id: str | None = None,
    ) -> None:
        """Write down what is known of the row; `OPEN` takes back that it was about to leave."""
        result = Result(self.position, kind, reason, error, self.contact_id, contact_lookup_id)
        await self._journal.settle_row(self.block.chunk.number, result, absent=self.absent)
        if kind is Kind.OPEN:
            self.block.results.pop(self.position, None)
        else:
            self.block.results[self.position] = result

    async def intend(self, leaving: bool) -> None:
        """Write down that the row is about to leave, or that it has not left after all."""
        if not self.may_have_left:
            await self.settle(Kind.SENDING if leaving else Kind.OPEN)


class Singly(ABC, Generic[V]):
    """Rows of one job, one request each; as many at a time as the job has places.

    While rows of a block are in doubt, the outcomes of its others are delivered, and it goes back into the
    queue: nothing waits for it.
    """

    def __init__(self, job: Job[ImportRow, V]) -> None:
        self.job = job
        self._journal = job.journal
        self._blocks: dict[int, Block] = {}

    async def prepare(self, block: Block, rows: Sequence[OneRow]) -> None:
        """Find out, at the beginning of a round, what has to be known of all rows that are not settled.

        What it settles is not sent.
        """

    @abstractmethod
    async def send(self, row: OneRow) -> None:
        """Send a row, and settle it: `SENDING` where its reply was lost.

        Raises:
            QualtricsError: what would fail every other row too; the row is as it was then.
        """

    @abstractmethod
    async def reconcile(self, row: OneRow) -> None:
        """Decide on a row that left and got no reply: settle it, send it again, or leave it for later.

        Raises:
            QualtricsError: what would fail every other row too.
        """

    async def work(self, chunk: ChunkRecord, deliver: Deliver[ImportRow, Imported]) -> float | None:
        """Do for the rows of a block what can be done now; seconds, when it is to be taken up again."""
        handed: set[int] = set()
        if chunk.state is not ChunkState.DONE:
            block = self._blocks.setdefault(chunk.number, Block(chunk))
            rows = await self._go_through(block)
            # A group whose tasks were cancelled may end before its own task is.
            await anyio.lowlevel.checkpoint_if_cancelled()
            if block.is_in_doubt:
                await _hand_out(block, rows, deliver)
                return self._patience(block).pause()  # a slow consumer uses none of it up
            await self._journal.finish(chunk, block.results)
            handed = self._blocks.pop(chunk.number).handed
        replay = self.job.settings.replay
        await deliver_chunk(self._journal, chunk.number, deliver, replay=replay, handed=handed)
        return None

    async def send_in_turn(self, row: OneRow) -> None:
        """Send a row when there is a place for it, unless the job was stopped meanwhile."""
        async with self.job.pace.leave(1), self.job.places:
            if not row.block.stops:
                await self.send(row)

    async def _go_through(self, block: Block) -> list[RowRecord]:
        """Go one round; all rows of the block come back."""
        number = block.chunk.number
        known = await self._journal.settled_rows(number)
        block.results = {position: result for position, (result, _) in known.items()}
        absent = {position for position, (_, was_absent) in known.items() if was_absent}
        records: list[RowRecord] = []
        while found := await self._journal.rows(number, after=len(records) - 1):
            records += found
        rows = [
            OneRow(self._journal, block, one.position, one.payload, absent=one.position in absent)
            for one in records
            if one.payload is not None and not block.is_settled(one.position)
        ]
        block.begin_round()
        await self.prepare(block, rows)
        async with anyio.create_task_group() as tasks:
            for row in rows:
                if not block.is_settled(row.position):
                    tasks.start_soon(self._go_on, row)
        if block.stops:
            raise block.stops[0]
        return records

    async def _go_on(self, row: OneRow) -> None:
        try:
            await (self.reconcile(row) if row.may_have_left else self.send_in_turn(row))
        except QualtricsError as error:
            row.block.stops.append(error)

    def _patience(self, block: Block) -> Patience:
        if block.patience is None:
            block.patience = Patience(self.job.client.polling, self.job.settings.reconcile_timeout)
            block.begun += 1
        return block.patience


async def _hand_out(block: Block, rows: Sequence[RowRecord], deliver: Deliver[ImportRow, Imported]) -> None:
    """Deliver what is settled of a block that is not; it counts as delivered with the rest."""
    ready = [row for row in rows if block.is_settled(row.position) and row.position not in block.handed]
    if ready:
        block.handed.update(row.position for row in ready)
        await deliver(Batch([outcome_of(row, block.results[row.position]) for row in ready]))
