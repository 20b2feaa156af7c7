"""Jobs over responses: what becomes of one chunk, from its POST to the outcome of each row."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import anyio.to_thread
import msgspec

from qualtrics_async.bulk.fanout import Deliver
from qualtrics_async.bulk.job import Job
from qualtrics_async.bulk.reading import PASSING, REFUSALS
from qualtrics_async.bulk.records import ChunkRecord, ChunkState, Kind, RowRecord
from qualtrics_async.bulk.response_doubt import ResponseDoubts, Verb, ids_of
from qualtrics_async.bulk.response_report import Fates, fates_of
from qualtrics_async.bulk.response_rows import (
    ResponseChanged,
    ResponseOutcome,
    ResponseRow,
    outcome_of_response,
)
from qualtrics_async.bulk.sending import send_once
from qualtrics_async.bulk.spool import deliver_chunk
from qualtrics_async.errors import ConnectFailed, JobFailed, QualtricsError
from qualtrics_async.models.response_jobs import ResponseJobProgress, ResponseJobStarted

__all__ = ["ResponseJobs"]

_ASKED: Final = 25
"""Responses in doubt after the end of a job that are asked for one by one; of more, none is."""


class ResponseJobs:
    """The jobs over the responses of one survey, one at a time; each may take `deadline` seconds."""

    def __init__(
        self, job: Job[ResponseRow, ResponseChanged], survey_id: str, verb: Verb, *, deadline: float
    ) -> None:
        self._job = job
        self._client = job.client
        self._journal = job.journal
        self._verb = verb
        self._doubts = ResponseDoubts(job, survey_id, verb)
        polling = msgspec.structs.replace(job.client.polling, deadline=deadline)
        self._patient = job.client.with_options(polling=polling)

    async def work(
        self, chunk: ChunkRecord, deliver: Deliver[ResponseRow, ResponseChanged]
    ) -> bool | float | None:
        """Bring a chunk to its end and deliver its outcomes; what comes back is as `Work` has it."""
        while chunk.state is not ChunkState.DONE:
            again = await self._advance(chunk)
            if again is not None:
                return again
        replay = self._job.settings.replay
        async with self._job.exits:
            await deliver_chunk(self._journal, chunk.number, deliver, replay=replay, make=_outcomes)
        return None

    async def _advance(self, chunk: ChunkRecord) -> bool | float | None:
        """Do what comes next; None: something has been done, else when to take it up again."""
        if chunk.state is ChunkState.SENDING:
            return await self._doubts.settle(chunk)
        if chunk.state is ChunkState.PLANNED:
            await self._start(chunk)
        else:
            await self._confirm(chunk, *await self._end(chunk.job or ""))
        return None

    async def _start(self, chunk: ChunkRecord) -> None:
        await self._doubts.rest()
        async with self._job.pace.leave(chunk.count), self._job.places:
            body = await self._doubts.prepare(chunk, await self._journal.body(chunk.number))
            await self._send(chunk, body)

    async def _send(self, chunk: ChunkRecord, body: bytes) -> None:
        turn = await self._doubts.next_turn()
        again = chunk.note.sent > 0

        async def intend(leaving: bool) -> None:
            chunk.state = ChunkState.SENDING if leaving else ChunkState.PLANNED
            chunk.note.sent += 1 if leaving else -1
            chunk.note.turn = turn
            await self._journal.save(chunk)

        async def accept(started: ResponseJobStarted) -> None:
            self._doubts.confirmed(chunk)
            chunk.state, chunk.job = ChunkState.ACCEPTED, started.progress_id
            await self._journal.save(chunk)
            self._job.summary.sent += chunk.count
            self._job.progress()

        async def reject(kind: Kind, reason: str, error: QualtricsError) -> None:
            if kind is Kind.IN_DOUBT:
                self._doubts.arose(chunk, error)
            elif again:
                await self._doubts.refused(chunk, error)
            else:
                await self._journal.finish(chunk, Fates(await ids_of(self._job, chunk), kind, reason, error))

        # What is gone when it is sent again was removed by the first one.
        start = partial(self._verb.start, msgspec.Raw(body), again and self._verb.removes)
        await send_once(intend, start, accept, reject, grace=self._client.timeouts.grace)

    async def _end(self, job: str) -> tuple[ResponseJobProgress, QualtricsError | None]:
        """Wait for the end of a job; the error is why it ended badly, or why nobody saw its end."""

        async def look() -> ResponseJobProgress:
            try:
                return await self._verb.progress(job)
            except ConnectFailed:
                raise
            except PASSING:
                return ResponseJobProgress()

        try:
            return await self._patient.wait(job, look), None
        except JobFailed as error:
            known = error.detail
            return known if isinstance(known, ResponseJobProgress) else ResponseJobProgress(), error
        except REFUSALS as error:
            return ResponseJobProgress(), error

    async def _confirm(
        self, chunk: ChunkRecord, progress: ResponseJobProgress, ended: QualtricsError | None
    ) -> None:
        """Learn what became of each row of a job that has ended."""
        ids = await ids_of(self._job, chunk)
        # The entries of a quarter of a million responses take longer than the loop may be held.
        fates = await anyio.to_thread.run_sync(fates_of, chunk.job or "", ids, progress, ended)
        if progress.is_finished:
            await self._ask(chunk, fates)
            await self._doubts.ended(chunk)
        await self._journal.finish(chunk, fates)

    async def _ask(self, chunk: ChunkRecord, fates: Fates) -> None:
        """Look at the responses of which the job said nothing that is certain, if they are few."""
        if fates.kind is not Kind.IN_DOUBT or len(fates) - len(fates.exceptions) > _ASKED:
            return
        after = -1
        while rows := await self._journal.rows(chunk.number, after=after):
            after = rows[-1].position
            for row in rows:
                if row.position in fates.exceptions or row.payload is None:
                    continue
                shown = await self._doubts.look_at(row.payload)
                if shown:
                    fates.settle(row.position, Kind.OK)
                elif shown is False:
                    doubt = fates[row.position]
                    fates.settle(row.position, Kind.FAILED, doubt.reason, doubt.error)


async def _outcomes(rows: Sequence[RowRecord]) -> list[ResponseOutcome | Any]:
    return [outcome_of_response(row) for row in rows]
