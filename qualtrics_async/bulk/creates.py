"""Single creates: what becomes of a block of rows that are sent by one POST each."""

from __future__ import annotations

from functools import partial
from typing import Final

import anyio
import msgspec

from qualtrics_async.bulk.fanout import Deliver
from qualtrics_async.bulk.journal import ChunkRecord, ChunkState, Journal, Kind, Result
from qualtrics_async.bulk.rows import Imported, ImportRow
from qualtrics_async.bulk.sending import send_once
from qualtrics_async.bulk.spool import deliver_chunk
from qualtrics_async.client import Qualtrics
from qualtrics_async.errors import OutcomeUnknown, QualtricsError
from qualtrics_async.models.contacts import ContactCreate, ContactCreated

__all__ = ["BLOCK", "Creates"]

BLOCK: Final = 25
"""Rows that are taken up together."""


class Creates:
    """The creates of one job; at most `concurrency` requests at a time."""

    def __init__(
        self, client: Qualtrics, directory_id: str, journal: Journal, concurrency: int, *, replay: bool
    ) -> None:
        self._client = client
        self._directory_id = directory_id
        self._journal = journal
        self._replay = replay
        self._requests = anyio.Semaphore(concurrency)

    async def work(self, chunk: ChunkRecord, deliver: Deliver[ImportRow, Imported]) -> None:
        """Create the rows of a block that are open; those that an earlier run left behind are in doubt."""
        if chunk.state is not ChunkState.DONE:
            await self._give_up_lost(chunk.number)
            stops: list[QualtricsError] = []
            async with anyio.create_task_group() as tasks:
                for row in await self._journal.rows(chunk.number, limit=BLOCK):
                    if row.kind is Kind.OPEN and row.payload is not None:
                        tasks.start_soon(self._create, chunk, row.position, row.payload, stops)
            if stops:
                raise stops[0]
            await self._journal.move(chunk.number, ChunkState.DONE)
        await deliver_chunk(self._journal, chunk.number, deliver, replay=self._replay)

    async def _give_up_lost(self, number: int) -> None:
        lost = await self._journal.positions(number, Kind.SENDING)
        if lost:
            doubt = OutcomeUnknown("an earlier run ended while this contact was being sent")
            await self._journal.confirm(
                number, [Result(position, Kind.IN_DOUBT, "lost reply", doubt) for position in lost]
            )

    async def _create(
        self, chunk: ChunkRecord, position: int, payload: bytes, stops: list[QualtricsError]
    ) -> None:
        contact = msgspec.json.decode(payload, type=ContactCreate)
        journal, number = self._journal, chunk.number

        async def accept(created: ContactCreated) -> None:
            result = Result(
                position, Kind.OK, contact_id=created.id, contact_lookup_id=created.contact_lookup_id
            )
            await journal.confirm(number, [result])

        async def reject(kind: Kind, reason: str, error: QualtricsError) -> None:
            await journal.confirm(number, [Result(position, kind, reason, error)])

        async with self._requests:
            if stops:
                return
            try:
                await send_once(
                    partial(journal.mark_sending, number, position),
                    partial(
                        self._client.mailing_list_contacts.create,
                        self._directory_id,
                        chunk.mailing_list_id,
                        contact,
                    ),
                    accept,
                    reject,
                    grace=self._client.timeouts.grace,
                )
            except QualtricsError as error:
                stops.append(error)
