"""Single creates: what becomes of a block of rows that are sent by one POST each."""

from __future__ import annotations

from functools import partial
from typing import Final

import anyio.lowlevel
import msgspec

from qualtrics_async.bulk.fanout import Deliver
from qualtrics_async.bulk.job import Job
from qualtrics_async.bulk.records import ChunkRecord, ChunkState, Kind, Result
from qualtrics_async.bulk.rows import Imported, ImportRow
from qualtrics_async.bulk.sending import send_once
from qualtrics_async.bulk.spool import deliver_chunk
from qualtrics_async.errors import OutcomeUnknown, QualtricsError
from qualtrics_async.models.contacts import ContactCreate, ContactCreated

__all__ = ["BLOCK", "Creates"]

BLOCK: Final = 25
"""Rows that are taken up together."""


class Creates:
    """The creates of one job; as many requests at a time as the job has places."""

    def __init__(self, job: Job[ImportRow, Imported], directory_id: str) -> None:
        self._job = job
        self._journal = job.journal
        self._directory_id = directory_id

    async def work(self, chunk: ChunkRecord, deliver: Deliver[ImportRow, Imported]) -> None:
        """Create the rows of a block that are open; those that an earlier run left behind are in doubt."""
        if chunk.state is not ChunkState.DONE:
            known = await self._journal.settled_rows(chunk.number)
            results = {position: result for position, (result, _) in known.items()}
            await self._give_up_lost(chunk.number, results)
            stops: list[QualtricsError] = []
            after = -1
            async with anyio.create_task_group() as tasks:
                while rows := await self._journal.rows(chunk.number, after=after):
                    after = rows[-1].position
                    for row in rows:
                        if row.position not in results and row.payload is not None:
                            tasks.start_soon(self._create, chunk, row.position, row.payload, results, stops)
            if stops:
                raise stops[0]
            # A group whose tasks were cancelled may end before its own task is.
            await anyio.lowlevel.checkpoint_if_cancelled()
            await self._journal.finish(chunk, results)
        await deliver_chunk(self._journal, chunk.number, deliver, replay=self._job.settings.replay)

    async def _give_up_lost(self, number: int, results: dict[int, Result]) -> None:
        doubt = OutcomeUnknown("an earlier run ended while this contact was being sent")
        for position, result in results.items():
            if result.kind is Kind.SENDING:
                results[position] = Result(position, Kind.IN_DOUBT, "lost reply", doubt)
                await self._journal.settle_row(number, results[position])

    async def _create(
        self,
        chunk: ChunkRecord,
        position: int,
        payload: bytes,
        results: dict[int, Result],
        stops: list[QualtricsError],
    ) -> None:
        contact = msgspec.json.decode(payload, type=ContactCreate)

        async def settle(result: Result) -> None:
            await self._journal.settle_row(chunk.number, result)
            results[position] = result

        async def intend(leaving: bool) -> None:
            kind = Kind.SENDING if leaving else Kind.OPEN
            await self._journal.settle_row(chunk.number, Result(position, kind))

        async def accept(created: ContactCreated) -> None:
            lookup_id = created.contact_lookup_id
            await settle(Result(position, Kind.OK, contact_id=created.id, contact_lookup_id=lookup_id))
            self._job.summary.sent += 1

        async def reject(kind: Kind, reason: str, error: QualtricsError) -> None:
            await settle(Result(position, kind, reason, error))

        await self._job.pace.take(1)
        async with self._job.places:
            if stops:
                return
            create = self._job.client.mailing_list_contacts.create
            try:
                await send_once(
                    intend,
                    partial(create, self._directory_id, chunk.mailing_list_id, contact),
                    accept,
                    reject,
                    grace=self._job.client.timeouts.grace,
                )
            except QualtricsError as error:
                stops.append(error)
