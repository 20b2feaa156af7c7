"""Single creates: what becomes of a block of rows that are sent by one POST each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import anyio
import anyio.lowlevel
import msgspec

from qualtrics_async.bulk.fanout import Batch, Deliver
from qualtrics_async.bulk.finding import Found, Key
from qualtrics_async.bulk.job import Job
from qualtrics_async.bulk.outcome import Decision
from qualtrics_async.bulk.patience import Patience
from qualtrics_async.bulk.records import ChunkRecord, ChunkState, Kind, Result, RowRecord
from qualtrics_async.bulk.rows import Imported, ImportRow
from qualtrics_async.bulk.sending import send_once
from qualtrics_async.bulk.spool import deliver_chunk, outcome_of
from qualtrics_async.bulk.traces import MOST_RESENT, Criteria, NoAnswer, Traces, Who, is_harmless
from qualtrics_async.errors import OutcomeUnknown, QualtricsError
from qualtrics_async.models.contacts import ContactCreate, ContactCreated

__all__ = ["BLOCK", "Creates"]

BLOCK: Final = 25
"""Rows that are taken up together."""

_read_row = msgspec.json.Decoder(Who).decode
_EARLIER_RUN: Final = OutcomeUnknown("an earlier run ended while this contact was being sent")


@dataclass(slots=True)
class _Doubt:
    """What this run knows of a row in doubt."""

    patience: Patience
    error: QualtricsError = _EARLIER_RUN
    resent: int = 0


@dataclass(slots=True)
class _Block:
    """What this run knows of a block: results, who was not in the list before, and who has been delivered."""

    chunk: ChunkRecord
    results: dict[int, Result] = field(default_factory=dict)
    absent: set[int] = field(default_factory=set)
    doubts: dict[int, _Doubt] = field(default_factory=dict)
    handed: set[int] = field(default_factory=set)
    stops: list[QualtricsError] = field(default_factory=list)

    def is_settled(self, position: int) -> bool:
        """Whether nothing more is to be done for a row."""
        return position in self.results and self.results[position].kind is not Kind.SENDING


@dataclass(frozen=True, slots=True)
class _Row:
    """A row on its way: `key` is that of no other row; a harmless one needs none."""

    position: int
    contact: ContactCreate
    harmless: bool
    key: Key | None


class Creates:
    """The creates of one job; as many requests at a time as the job has places."""

    def __init__(self, job: Job[ImportRow, Imported], directory_id: str) -> None:
        self._job = job
        self._journal = job.journal
        self._directory_id = directory_id
        self._criteria = Criteria(job.client, directory_id)
        self._traces = Traces(job.client, job.journal, directory_id)
        self._blocks: dict[int, _Block] = {}

    async def work(self, chunk: ChunkRecord, deliver: Deliver[ImportRow, Imported]) -> float | None:
        """Create the rows of a block that are open, and look for those in doubt.

        While rows are in doubt, the outcomes of the others are delivered already, and the seconds come back
        after which the block is to be taken up again.
        """
        handed: set[int] = set()
        if chunk.state is not ChunkState.DONE:
            block = self._blocks.setdefault(chunk.number, _Block(chunk))
            rows = await self._go_through(block)
            # A group whose tasks were cancelled may end before its own task is.
            await anyio.lowlevel.checkpoint_if_cancelled()
            if block.doubts:
                await _hand_out(block, rows, deliver)
                return min(doubt.patience.pause() for doubt in block.doubts.values())
            await self._journal.finish(chunk, block.results)
            handed = self._blocks.pop(chunk.number).handed
        replay = self._job.settings.replay
        await deliver_chunk(self._journal, chunk.number, deliver, replay=replay, handed=handed)
        return None

    async def _go_through(self, block: _Block) -> list[RowRecord]:
        """Do for every row what can be done now."""
        number = block.chunk.number
        known = await self._journal.settled_rows(number)
        block.results = {position: result for position, (result, _) in known.items()}
        block.absent = {position for position, (_, absent) in known.items() if absent}
        records: list[RowRecord] = []
        while found := await self._journal.rows(number, after=len(records) - 1):
            records += found
        async with anyio.create_task_group() as tasks:
            for row in await self._rows(block, records):
                tasks.start_soon(self._go_on, block, row)
        if block.stops:
            raise block.stops[0]
        return records

    async def _rows(self, block: _Block, records: Sequence[RowRecord]) -> list[_Row]:
        """Read the rows that are not settled, and by what they can be found."""
        criteria = await self._criteria.active()
        payloads = {
            row.position: row.payload
            for row in records
            if row.payload is not None and not block.is_settled(row.position)
        }
        people = {position: _read_row(payload) for position, payload in payloads.items()}
        harmless = {position for position, row in people.items() if is_harmless([row], criteria)}
        risky = {at: row.keys[0] for at, row in people.items() if row.keys and at not in harmless}
        keys = await self._traces.unique(block.chunk.mailing_list_id, risky) if risky else {}
        return [
            _Row(
                position,
                msgspec.json.decode(payload, type=ContactCreate),
                position in harmless,
                keys.get(position),
            )
            for position, payload in payloads.items()
        ]

    async def _go_on(self, block: _Block, row: _Row) -> None:
        try:
            if row.position in block.results:
                await self._settle(block, row)
            else:
                await self._create(block, row)
        except QualtricsError as error:
            block.stops.append(error)

    async def _create(self, block: _Block, row: _Row, *, again: bool = False) -> None:
        """Make the request of a row; one that is sent again was just looked for, or is harmless."""
        chunk = block.chunk
        async with self._job.pace.leave(1), self._job.places:
            if block.stops:
                return
            absent = again
            if row.key is not None and not again:
                absent = await self._traces.look(chunk.mailing_list_id, row.key) == []

            async def intend(leaving: bool) -> None:
                if leaving or not again:
                    kind = Kind.SENDING if leaving else Kind.OPEN
                    await self._journal.settle_row(chunk.number, Result(row.position, kind), absent=absent)

            async def accept(created: ContactCreated) -> None:
                await self._accept(block, row, Found(created.id, created.contact_lookup_id))

            async def reject(kind: Kind, reason: str, error: QualtricsError) -> None:
                if kind is Kind.IN_DOUBT:
                    self._doubt(block, row).error = error
                elif again:
                    # What was sent before may have arrived.
                    self._doubt(block, row).error = error
                    await self._leave(block, row, "when it was sent again, it was refused")
                else:
                    await self._end(block, Result(row.position, kind, reason, error))

            create = self._job.client.mailing_list_contacts.create
            await send_once(
                intend,
                partial(create, self._directory_id, chunk.mailing_list_id, row.contact),
                accept,
                reject,
                grace=self._job.client.timeouts.grace,
            )

    async def _settle(self, block: _Block, row: _Row) -> None:
        """Decide on a row that left and got no answer."""
        doubt, settings = self._doubt(block, row), self._job.settings
        if row.harmless:
            if doubt.patience.may_repeat():
                await self._decide(block, "sent again", "deduplication makes it harmless")
                await self._create(block, row, again=True)
            else:
                await self._leave(block, row, "sending it again did not bring an answer either")
            return
        seen = await self._look(block, row)
        no_trace = f"no trace of it within {settings.reconcile_timeout:g} s"
        if seen is NoAnswer.EVER:
            await self._leave(block, row, "it cannot be looked for", "no key" if row.key is None else None)
        elif isinstance(seen, list) and seen:
            await self._decide(block, "accepted", "its contact, which was not in the list before, is there")
            await self._accept(block, row, seen[0] if len(seen) == 1 else None)
        elif not doubt.patience.is_over:
            return
        elif seen == [] and settings.on_doubt == "resend" and doubt.resent < MOST_RESENT:
            await self._decide(block, "sent again", f"{no_trace}, and on_doubt says so")
            block.doubts[row.position] = _Doubt(self._patience(), doubt.error, doubt.resent + 1)
            await self._create(block, row, again=True)
        else:
            await self._leave(block, row, no_trace)

    async def _look(self, block: _Block, row: _Row) -> list[Found] | NoAnswer:
        if row.key is None or row.position not in block.absent:
            return NoAnswer.EVER
        async with self._job.places:
            seen = await self._traces.look(block.chunk.mailing_list_id, row.key, lookup=True)
            if isinstance(seen, NoAnswer):
                # It may be the id in the list that cannot be asked for; the contact may be found without.
                seen = await self._traces.look(block.chunk.mailing_list_id, row.key)
            return seen

    def _patience(self) -> Patience:
        return Patience(self._job.client.polling, self._job.settings.reconcile_timeout)

    def _doubt(self, block: _Block, row: _Row) -> _Doubt:
        if row.position not in block.doubts:
            block.doubts[row.position] = _Doubt(self._patience())
        return block.doubts[row.position]

    async def _accept(self, block: _Block, row: _Row, found: Found | None) -> None:
        contact_id, lookup_id = found or (None, None)
        result = Result(row.position, Kind.OK, contact_id=contact_id, contact_lookup_id=lookup_id)
        await self._end(block, result)
        self._job.summary.sent += 1

    async def _leave(self, block: _Block, row: _Row, why: str, reason: str | None = None) -> None:
        await self._decide(block, "in doubt", why)
        error = self._doubt(block, row).error
        await self._end(block, Result(row.position, Kind.IN_DOUBT, reason or "lost reply", error))

    async def _decide(self, block: _Block, decision: str, why: str) -> None:
        await self._job.decide(Decision(block.chunk.mailing_list_id, 1, decision, why))

    async def _end(self, block: _Block, result: Result) -> None:
        await self._journal.settle_row(block.chunk.number, result)
        block.results[result.position] = result
        block.doubts.pop(result.position, None)


async def _hand_out(block: _Block, rows: Sequence[RowRecord], deliver: Deliver[ImportRow, Imported]) -> None:
    """Deliver what is settled of a block that is not; it counts as delivered with the rest."""
    ready = [row for row in rows if block.is_settled(row.position) and row.position not in block.handed]
    if ready:
        block.handed.update(row.position for row in ready)
        await deliver(Batch([outcome_of(row, block.results[row.position]) for row in ready]))
