"""One request a row: blocks of rows, each row sent by itself, until the fate of all of them is known."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import Final, Generic

import anyio
import anyio.lowlevel
from msgspec import Struct
from msgspec.structs import replace

from qualtrics_async.bulk.fanout import Deliver
from qualtrics_async.bulk.job import Job
from qualtrics_async.bulk.journal import Journal
from qualtrics_async.bulk.outcome import Decision, V
from qualtrics_async.bulk.records import ChunkRecord, ChunkState, Kind, Result
from qualtrics_async.bulk.rows import Imported, ImportRow
from qualtrics_async.bulk.spool import deliver_chunk
from qualtrics_async.errors import QualtricsError

__all__ = ["BLOCK", "OneRow", "Singly"]

BLOCK: Final = 25
"""Rows that are taken up together."""

_EARLIER_RUN: Final = "an earlier run ended while this was being sent, and sent twice it does the same"
_LOST_REPLY: Final = "no reply came, and sent twice it does the same"
_NO_REPLY: Final = "no reply came until reconcile_timeout, however often it was sent"


class OneRow:
    """A row on its way; what becomes of it is written down before anything else is done.

    `may_have_left` says that the same request may have left before, in this run or an earlier one;
    `contact_id` is the contact that it went to.
    """

    def __init__(
        self, journal: Journal, chunk: ChunkRecord, position: int, payload: bytes, results: dict[int, Result]
    ) -> None:
        known = results.get(position)
        self.mailing_list_id = chunk.mailing_list_id
        self.payload = payload
        self.may_have_left = known is not None
        self.contact_id = None if known is None else known.contact_id
        self._journal = journal
        self._chunk = chunk.number
        self._position = position
        self._results = results

    async def settle(
        self, kind: Kind, reason: str | None = None, error: QualtricsError | None = None
    ) -> None:
        """Write down what is known of the row; `OPEN` takes back that it was about to leave."""
        result = Result(self._position, kind, reason, error, self.contact_id)
        await self._journal.settle_row(self._chunk, result)
        if kind is Kind.OPEN:
            self._results.pop(self._position, None)
        else:
            self._results[self._position] = result

    async def intend(self, leaving: bool) -> None:
        """Write down that the row is about to leave, or that it has not left after all."""
        if not self.may_have_left:
            await self.settle(Kind.SENDING if leaving else Kind.OPEN)


class _Doubt(Struct):
    """A block with rows whose fate is unknown: seconds until they are sent again, and when that ends."""

    pause: float
    give_up: float | None = None
    is_told: bool = False


class Singly(ABC, Generic[V]):
    """Rows of one job that may be sent any number of times; as many at a time as the job has places.

    A row whose reply was lost is sent again, by a later run as well, until `reconcile_timeout`: nothing is
    waited for meanwhile, its block goes back into the queue.
    """

    def __init__(self, job: Job[ImportRow, V]) -> None:
        self.job = job
        self._journal = job.journal
        self._time = asyncio.get_running_loop().time
        self._doubts: dict[int, _Doubt] = {}

    @abstractmethod
    async def send(self, row: OneRow) -> None:
        """Send a row, and settle it: `SENDING` where its fate is unknown.

        Raises:
            QualtricsError: what would fail every other row too; the row is open then.
        """

    async def work(self, chunk: ChunkRecord, deliver: Deliver[ImportRow, Imported]) -> float | bool:
        """Send the rows of a block that are open; seconds, or true, when it is to be taken up again."""
        if chunk.state is not ChunkState.DONE:
            known = await self._journal.settled_rows(chunk.number)
            results = {position: result for position, (result, _) in known.items()}
            await self._tell_again(chunk, _lost(results))
            await self._send_open(chunk, results)
            # A group whose tasks were cancelled may end before its own task is.
            await anyio.lowlevel.checkpoint_if_cancelled()
            pause = await self._pause(chunk, results)
            if pause is not None:
                return pause or True
            await self._journal.finish(chunk, results)
        await deliver_chunk(self._journal, chunk.number, deliver, replay=self.job.settings.replay)
        return False

    async def _send_open(self, chunk: ChunkRecord, results: dict[int, Result]) -> None:
        stops: list[QualtricsError] = []
        after = -1
        async with anyio.create_task_group() as tasks:
            while rows := await self._journal.rows(chunk.number, after=after):
                after = rows[-1].position
                for row in rows:
                    known = results.get(row.position)
                    if row.payload is not None and (known is None or known.kind is Kind.SENDING):
                        one = OneRow(self._journal, chunk, row.position, row.payload, results)
                        tasks.start_soon(self._send, one, stops)
        if stops:
            raise stops[0]

    async def _send(self, row: OneRow, stops: list[QualtricsError]) -> None:
        async with self.job.pace.leave(1), self.job.places:
            if stops:
                return
            try:
                await self.send(row)
            except QualtricsError as error:
                stops.append(error)

    async def _tell_again(self, chunk: ChunkRecord, lost: list[Result]) -> None:
        """Say once of a block what is sent again, and why."""
        doubt = self._doubts.get(chunk.number)
        if not lost or (doubt is not None and doubt.is_told):
            return
        reason = _EARLIER_RUN if doubt is None else _LOST_REPLY
        self._doubt_of(chunk.number).is_told = True
        await self.job.decide(Decision(chunk.mailing_list_id, len(lost), "sent again", reason))

    async def _pause(self, chunk: ChunkRecord, results: dict[int, Result]) -> float | None:
        """How long to wait before rows are sent again; None at the end, when what is lost is in doubt."""
        if lost := _lost(results):
            doubt, now = self._doubt_of(chunk.number), self._time()
            if doubt.give_up is None:
                doubt.give_up = now + self.job.settings.reconcile_timeout
            if now < doubt.give_up:
                pause, polling = doubt.pause, self.job.client.polling
                doubt.pause = min(pause * polling.factor, polling.longest)
                return float(min(pause, doubt.give_up - now))
            for result in lost:
                results[result.position] = replace(result, kind=Kind.IN_DOUBT, reason="lost reply")
            await self.job.decide(Decision(chunk.mailing_list_id, len(lost), "in doubt", _NO_REPLY))
        self._doubts.pop(chunk.number, None)
        return None

    def _doubt_of(self, number: int) -> _Doubt:
        return self._doubts.setdefault(number, _Doubt(self.job.client.polling.first))


def _lost(results: dict[int, Result]) -> list[Result]:
    return [result for result in results.values() if result.kind is Kind.SENDING]
