"""Import chunks whose POST got no answer: whether they arrived, and what became of their rows.

Imports of one list are processed in the order in which they arrive (documented). So a chunk without a trace
did not arrive if rows of a later import can be found: these are the control of a search whose index may lag
(assumed). Nothing is concluded from the order of time alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import anyio

from qualtrics_async.bulk.finding import Key
from qualtrics_async.bulk.job import Job
from qualtrics_async.bulk.outcome import Decision
from qualtrics_async.bulk.patience import Patience
from qualtrics_async.bulk.reading import read_whole
from qualtrics_async.bulk.records import ChunkRecord, ChunkState, Kind, Result
from qualtrics_async.bulk.roll import Roll, all_keys
from qualtrics_async.bulk.rows import ImportRow
from qualtrics_async.bulk.traces import (
    MOST_RESENT,
    Criteria,
    Trace,
    Traces,
    Who,
    is_harmless,
    read_rows,
    spread,
)
from qualtrics_async.errors import OutcomeUnknown, QualtricsError

__all__ = ["ImportDoubts"]

_FURTHER: Final = 6
"""Rows besides the samples of which none may be in the list when a chunk is sent again."""

_TOGETHER: Final = 4
"""Chunks whose rows are compared in one reading of their list."""


@dataclass(slots=True)
class _Doubt:
    """What this run knows of a chunk in doubt."""

    chunk: ChunkRecord
    error: QualtricsError
    patience: Patience
    harmless: bool | None = None
    keys: dict[int, Key] = field(default_factory=dict)
    behind: bool = False
    called: bool = False


@dataclass(slots=True)
class _List:
    """What this run knows of a list: its doubts, its last import to end, and rows of that one."""

    doubts: dict[int, _Doubt] = field(default_factory=dict)
    resent: dict[int, int] = field(default_factory=dict)
    rests_until: float = 0.0
    ended: int = 0
    control: tuple[int, Sequence[Key]] = (0, ())


class ImportDoubts:
    """The doubts of one bulk job; the caller sees to it that a list has one chunk at a time."""

    def __init__(self, job: Job[ImportRow, Any], directory_id: str, batch_id: str | None) -> None:
        self._job = job
        self._client = job.client
        self._journal = job.journal
        self._directory_id = directory_id
        self._batch_id = batch_id
        self._criteria = Criteria(job.client, directory_id)
        self._traces = Traces(job.client, job.journal, directory_id)
        self._lists: dict[str, _List] = {}
        self._turn = 0

    async def rest(self, mailing_list_id: str) -> None:
        """Wait before the next POST into a list in doubt: what may still be on its way must be before it."""
        seconds = self._list(mailing_list_id).rests_until - asyncio.get_running_loop().time()
        if seconds > 0:
            await asyncio.sleep(seconds)

    async def prepare(self, chunk: ChunkRecord, body: bytes) -> None:
        """Choose samples for a chunk that is about to leave, unless it may be sent twice.

        A chunk that had left before is looked for once more: afterwards it may be no longer planned.
        """
        rows, harmless = await self._read(chunk, body)
        note = chunk.note
        if not harmless and note.sent:
            keys = {at: rows[at].keys[0] for at in note.samples if rows[at].keys}
            match await self._look(chunk, keys):
                case Trace.NONE:
                    await self._leave(self._doubt(chunk), "nothing of it can be looked for")
                case Trace.FOUND:
                    await self._accept(self._doubt(chunk))
        elif not harmless or self._needs_control(chunk.mailing_list_id):
            note.samples = await self._traces.choose(chunk.mailing_list_id, rows)

    async def next_turn(self) -> int:
        """Number the next POST of the job."""
        if not self._turn:
            known = max((chunk.note.turn for chunk in await self._journal.chunks()), default=0)
            self._turn = max(self._turn, known)
        self._turn += 1
        return self._turn

    def arose(self, chunk: ChunkRecord, error: QualtricsError) -> None:
        """Note that a chunk got no answer."""
        self._doubt(chunk).error = error

    async def refused(self, chunk: ChunkRecord, error: QualtricsError) -> None:
        """Note that a chunk which was sent again was refused; what was sent before may have arrived."""
        doubt = self._doubt(chunk)
        doubt.error = error
        await self._leave(doubt, "when it was sent again, it was refused")

    def confirmed(self, chunk: ChunkRecord) -> None:
        """Note that a chunk got an answer: it is not in doubt any more."""
        self._list(chunk.mailing_list_id).doubts.pop(chunk.number, None)

    async def ended(self, chunk: ChunkRecord, results: Mapping[int, Result]) -> None:
        """Note that an import has ended, and which of its rows must be in the list now."""
        known = self._list(chunk.mailing_list_id)
        known.ended = max(known.ended, chunk.note.turn)
        arrived = [at for at in chunk.note.samples if results[at].kind is Kind.OK]
        if arrived and self._needs_control(chunk.mailing_list_id):
            rows, _ = await self._read(chunk, await self._journal.body(chunk.number))
            known.control = (chunk.note.turn, [key for at in arrived for key in rows[at].keys[:1]])

    async def settle(self, chunk: ChunkRecord) -> bool | float | None:
        """Decide on a chunk that left and got no answer.

        Afterwards it is planned again, accepted or done, and None comes back; else it is to be taken up
        again: behind the other chunks of its list (True), or in so many seconds.
        """
        doubt = self._doubt(chunk)
        if doubt.harmless is None:
            rows, doubt.harmless = await self._read(chunk, await self._journal.body(chunk.number))
            doubt.keys = {at: rows[at].keys[0] for at in chunk.note.samples if rows[at].keys}
        if doubt.harmless:
            await self._repeat(doubt)
            return None
        if not doubt.behind and doubt.keys:
            return self._put_back(doubt)
        # First the time and the control, then the samples: so whatever the index holds by then is seen.
        late = doubt.patience.is_over
        overtaken = await self._overtaken(chunk)
        match await self._look(chunk, doubt.keys):
            case Trace.FOUND:
                await self._accept(doubt)
            case Trace.NONE:
                await self._leave(doubt, "nothing of it can be looked for")
            case Trace.ABSENT if overtaken:
                why = "none of its sample rows is in the list, and rows of a later import are"
                await self._send_again(doubt, why)
            case Trace.ABSENT if late and self._job.settings.on_doubt == "resend":
                await self._send_again(doubt, f"{self._no_trace}, and on_doubt says so")
            case _ if late:
                await self._leave(doubt, self._no_trace)
            case _:
                return doubt.patience.pause()
        return None

    async def find_rows(self, chunk: ChunkRecord) -> bool | float | None:
        """Find out what became of the rows of a chunk that was accepted, and whose import has no name.

        What comes back is that of `settle()`.
        """
        doubt = self._doubt(chunk)
        if not doubt.behind:
            return self._put_back(doubt)
        final = await self._is_over(chunk) or doubt.patience.is_over
        if final or (not doubt.called and await self._all_there(doubt)):
            doubt.called = True
            others = [
                other
                for other in self._list(chunk.mailing_list_id).doubts.values()
                if other is not doubt and _is_nameless(other.chunk) and await self._is_over(other.chunk)
            ]
            async with self._job.places:
                await self._call_roll([doubt, *others[: _TOGETHER - 1]], final=final)
        return None if chunk.state is ChunkState.DONE else doubt.patience.pause()

    @property
    def _no_trace(self) -> str:
        return f"no trace of it within {self._job.settings.reconcile_timeout:g} s"

    def _list(self, mailing_list_id: str) -> _List:
        return self._lists.setdefault(mailing_list_id, _List())

    def _patience(self) -> Patience:
        return Patience(self._client.polling, self._job.settings.reconcile_timeout)

    def _doubt(self, chunk: ChunkRecord) -> _Doubt:
        doubts = self._list(chunk.mailing_list_id).doubts
        if chunk.number not in doubts:
            unknown = OutcomeUnknown("an earlier run ended while this import was being sent")
            doubts[chunk.number] = _Doubt(chunk, unknown, self._patience())
        return doubts[chunk.number]

    def _needs_control(self, mailing_list_id: str) -> bool:
        """Whether a list has doubts that rows of a later import may settle."""
        return any(doubt.harmless is False for doubt in self._list(mailing_list_id).doubts.values())

    def _put_back(self, doubt: _Doubt) -> bool:
        doubt.behind = True
        if doubt.chunk.state is ChunkState.SENDING:
            seconds = min(self._client.polling.longest, self._job.settings.reconcile_timeout)
            known = self._list(doubt.chunk.mailing_list_id)
            known.rests_until = asyncio.get_running_loop().time() + seconds
        return True

    async def _read(self, chunk: ChunkRecord, body: bytes) -> tuple[list[Who], bool]:
        """Read the rows of a chunk, and whether they may be sent twice."""
        criteria = None
        if not chunk.fields and not self._batch_id:
            criteria = await self._criteria.active()

        def read() -> tuple[list[Who], bool]:
            rows = read_rows(body)
            return rows, is_harmless(rows, criteria)

        # Ten thousand rows take longer than the loop may be held.
        return await anyio.to_thread.run_sync(read)

    async def _look(self, chunk: ChunkRecord, keys: Mapping[int, Key]) -> Trace:
        """Look for rows whose key is still that of no other row."""
        unique = await self._traces.unique(chunk.mailing_list_id, keys)
        return await self._traces.of(chunk.mailing_list_id, unique.values())

    async def _overtaken(self, chunk: ChunkRecord) -> bool:
        """Whether rows of a later import can be found in the list."""
        turn, control = self._list(chunk.mailing_list_id).control
        if not chunk.note.overtaken and turn > chunk.note.turn:
            found = await self._traces.of(chunk.mailing_list_id, control)
            if found is Trace.FOUND:
                chunk.note.overtaken = True
                await self._journal.save(chunk)
        return chunk.note.overtaken

    async def _is_over(self, chunk: ChunkRecord) -> bool:
        """Whether the import of an accepted chunk has ended: a later one of its list has."""
        if not chunk.note.overtaken and self._list(chunk.mailing_list_id).ended > chunk.note.turn:
            chunk.note.overtaken = True
            await self._journal.save(chunk)
        return chunk.note.overtaken

    async def _decide(self, doubt: _Doubt, decision: str, reason: str) -> None:
        chunk = doubt.chunk
        await self._job.decide(Decision(chunk.mailing_list_id, chunk.count, decision, reason))

    async def _repeat(self, doubt: _Doubt) -> None:
        """Plan what is harmless again; the list waits, so that its rows keep their order."""
        if not doubt.patience.may_repeat():
            await self._leave(doubt, "sending it again did not bring an answer either")
            return
        await asyncio.sleep(doubt.patience.pause())
        await self._decide(doubt, "sent again", "deduplication makes it harmless")
        doubt.chunk.state = ChunkState.PLANNED
        await self._journal.save(doubt.chunk)

    async def _send_again(self, doubt: _Doubt, why: str) -> None:
        chunk, known = doubt.chunk, self._list(doubt.chunk.mailing_list_id)
        if known.resent.get(chunk.number, 0) >= MOST_RESENT:
            await self._leave(doubt, f"it was sent {chunk.note.sent} times without a trace")
            return
        if await self._further(chunk) is Trace.FOUND:
            await self._leave(doubt, "no sample row of it is in the list, but other rows are")
            return
        await self._decide(doubt, "sent again", why)
        known.resent[chunk.number] = known.resent.get(chunk.number, 0) + 1
        del known.doubts[chunk.number]
        chunk.state, chunk.note.overtaken = ChunkState.PLANNED, False
        await self._journal.save(chunk)

    async def _further(self, chunk: ChunkRecord) -> Trace:
        """Look for rows besides the samples: the service may have refused those."""
        rows, _ = await self._read(chunk, await self._journal.body(chunk.number))
        keys = {at: key for at, key in spread(rows).items() if at not in chunk.note.samples}
        return await self._look(chunk, dict(list(keys.items())[:_FURTHER]))

    async def _accept(self, doubt: _Doubt) -> None:
        chunk = doubt.chunk
        await self._decide(doubt, "accepted", "a sample row, which was not in the list before, is there")
        chunk.state, chunk.job = ChunkState.ACCEPTED, None
        await self._journal.save(chunk)
        self._job.summary.sent += chunk.count
        doubt.behind, doubt.patience = False, self._patience()

    async def _leave(self, doubt: _Doubt, why: str) -> None:
        """Leave a chunk in doubt for good."""
        await self._decide(doubt, "in doubt", why)
        lost = partial(Result, kind=Kind.IN_DOUBT, reason="lost reply", error=doubt.error)
        await self._finish(doubt, {position: lost(position) for position in range(doubt.chunk.count)})

    async def _finish(self, doubt: _Doubt, results: Mapping[int, Result]) -> None:
        self.confirmed(doubt.chunk)
        await self._journal.finish(doubt.chunk, results)

    async def _all_there(self, doubt: _Doubt) -> bool:
        """Whether all sample rows of a chunk are in the list; if so, all rows may be."""
        chunk = doubt.chunk
        if not doubt.keys:
            rows, _ = await self._read(chunk, await self._journal.body(chunk.number))
            doubt.keys = {at: rows[at].keys[0] for at in chunk.note.samples if rows[at].keys}
        for key in doubt.keys.values():
            if await self._traces.of(chunk.mailing_list_id, [key]) is not Trace.FOUND:
                return False
        return True

    async def _call_roll(self, doubts: Iterable[_Doubt], *, final: bool) -> None:
        """Compare chunks with the contacts of their list, and finish those of which nothing more can come."""
        roll, chunks = Roll(), []
        for doubt in doubts:
            rows, _ = await self._read(doubt.chunk, await self._journal.body(doubt.chunk.number))
            await anyio.to_thread.run_sync(roll.expect, rows)
            chunks.append((doubt, rows))
        mailing_list_id = chunks[0][0].chunk.mailing_list_id
        listing = self._client.mailing_list_contacts.list(self._directory_id, mailing_list_id)
        whole = await read_whole(listing, roll.add, pause=self._client.polling.longest)
        for doubt, rows in chunks:
            keys = await anyio.to_thread.run_sync(all_keys, rows)
            own = await self._traces.unique(mailing_list_id, keys)
            decide = partial(
                roll.decide,
                rows,
                own,
                doubt.error,
                over=whole and doubt.chunk.note.overtaken,
                criteria=await self._criteria.active(),
            )
            results = await anyio.to_thread.run_sync(decide)
            complete = all(result.kind is Kind.OK for result in results.values())
            if final or complete or doubt.chunk.note.overtaken:
                await self._finish(doubt, results)


def _is_nameless(chunk: ChunkRecord) -> bool:
    return chunk.state is ChunkState.ACCEPTED and chunk.job is None
