"""Import jobs: what becomes of one chunk, from its POST to the outcome of each row."""

from __future__ import annotations

from functools import partial
from typing import Any

import anyio
import msgspec

from qualtrics_async.bulk.doubt import ImportDoubts
from qualtrics_async.bulk.fanout import Deliver
from qualtrics_async.bulk.job import Job
from qualtrics_async.bulk.lists import NO_SUCH_LIST, Lists
from qualtrics_async.bulk.reading import PASSING, REFUSALS, read_whole
from qualtrics_async.bulk.records import ChunkRecord, ChunkState, Kind, Result
from qualtrics_async.bulk.report import Report, decide
from qualtrics_async.bulk.rows import Imported, ImportRow
from qualtrics_async.bulk.sending import STOPS, send_once
from qualtrics_async.bulk.spool import deliver_chunk
from qualtrics_async.errors import ConnectFailed, JobFailed, NotFound, QualtricsError
from qualtrics_async.models.contact_imports import (
    ContactImportProgress,
    ContactImportStarted,
    TransactionMeta,
)

__all__ = ["ImportJobs"]


class ImportJobs:
    """The import jobs of one bulk job; the caller sees to it that a list has one at a time."""

    def __init__(
        self, job: Job[ImportRow, Any], directory_id: str, batch_id: str | None, *, by_row: bool = False
    ) -> None:
        self._job = job
        self._client = job.client
        self._journal = job.journal
        self._directory_id = directory_id
        self._batch_id = batch_id
        self._lists = Lists(job.client, directory_id, by_row=by_row, stops=STOPS)
        self._reported: bool | None = None
        self._doubts = ImportDoubts(job, directory_id, batch_id)

    async def settle(self, chunk: ChunkRecord) -> bool | float | None:
        """Bring a chunk from the state that it is in to its end; what comes back is as `Work` has it."""
        while chunk.state is not ChunkState.DONE:
            again = await self._advance(chunk)
            if again is not None:
                return again
        return None

    async def work(self, chunk: ChunkRecord, deliver: Deliver[ImportRow, Imported]) -> bool | float | None:
        """Bring a chunk to its end and deliver its outcomes; what comes back is as `Work` has it."""
        again = await self.settle(chunk)
        if again is not None:
            return again
        async with self._job.exits:
            await deliver_chunk(self._journal, chunk.number, deliver, replay=self._job.settings.replay)
        return None

    async def _advance(self, chunk: ChunkRecord) -> bool | float | None:
        """Do what comes next; None: something has been done, else when to take it up again."""
        if chunk.state is ChunkState.SENDING:
            return await self._doubts.settle(chunk)
        if chunk.state is ChunkState.PLANNED:
            await self._start(chunk)
        elif chunk.job is None:
            return await self._doubts.find_rows(chunk)
        else:
            # Nothing is held meanwhile: a slow import keeps no other list waiting.
            ended = await self._end(chunk.mailing_list_id, chunk.job)
            async with self._job.exits:
                await self._confirm(chunk, *ended)
        return None

    async def _start(self, chunk: ChunkRecord) -> None:
        await self._doubts.rest(chunk.mailing_list_id)
        async with self._job.pace.leave(chunk.count), self._job.places:
            # The start call takes ids that do not exist (documented).
            missing = await self._lists.check(chunk.mailing_list_id)
            if missing is not None:
                await self._conclude(chunk, Kind.FAILED, NO_SUCH_LIST, missing)
                return
            body = await self._journal.body(chunk.number)
            await self._doubts.prepare(chunk, body)
            if chunk.state is ChunkState.PLANNED:
                await self._send(chunk, body)

    async def _send(self, chunk: ChunkRecord, body: bytes) -> None:
        meta = None
        if chunk.fields or self._batch_id:
            meta = TransactionMeta(batch_id=self._batch_id or msgspec.UNSET, fields=chunk.fields)

        turn = await self._doubts.next_turn()

        async def intend(leaving: bool) -> None:
            chunk.state = ChunkState.SENDING if leaving else ChunkState.PLANNED
            chunk.note.sent += 1 if leaving else -1
            chunk.note.turn = turn
            await self._journal.save(chunk)

        async def accept(started: ContactImportStarted) -> None:
            self._doubts.confirmed(chunk)
            chunk.state, chunk.job = ChunkState.ACCEPTED, started.id
            chunk.note.unread = sorted(set(started.unprocessed))
            await self._journal.save(chunk)
            self._job.summary.sent += chunk.count
            self._job.progress()

        async def reject(kind: Kind, reason: str, error: QualtricsError) -> None:
            if kind is Kind.IN_DOUBT:
                self._doubts.arose(chunk, error)
            elif chunk.note.sent > 1:
                await self._doubts.refused(chunk, error)
            else:
                await self._conclude(chunk, kind, reason, error)

        start = self._client.contact_imports.start
        await send_once(
            intend,
            partial(
                start,
                self._directory_id,
                chunk.mailing_list_id,
                msgspec.Raw(body),
                transaction_meta=meta,
            ),
            accept,
            reject,
            grace=self._client.timeouts.grace,
        )

    async def _conclude(self, chunk: ChunkRecord, kind: Kind, reason: str, error: QualtricsError) -> None:
        """Give every row of a chunk the same outcome."""
        results = {at: Result(at, kind, reason, error) for at in range(chunk.count)}
        await self._journal.finish(chunk, results)

    async def _confirm(
        self, chunk: ChunkRecord, progress: ContactImportProgress, ended: QualtricsError | None
    ) -> None:
        """Learn what became of each row of an import that has ended."""
        job, unread = chunk.job or "", set(chunk.note.unread)
        positions = [position for position in range(chunk.count) if position not in unread]
        report = await self._report(job) if positions else Report()
        nothing = progress.added == 0 and progress.updated == 0 and not progress.failed
        if positions and nothing and ended is None and not report.entries:
            raise JobFailed(
                f"import {job} into {chunk.mailing_list_id} ended without a single contact: the directory, "
                "the list or the transaction batch does not exist, or the account may not write to it",
                job_id=job,
                status=progress.status or "",
                detail=progress,
            )
        body = None if report.complete else await self._journal.body(chunk.number)
        # Ten thousand rows take longer than the loop may be held.
        results = await anyio.to_thread.run_sync(
            partial(decide, job, positions, body, report, progress=progress, ended=ended)
        )
        refused = JobFailed("the service did not take the row into the import", job_id=job)
        results |= {position: Result(position, Kind.FAILED, "unprocessed", refused) for position in unread}
        if ended is not None and chunk.note.sent > 1:
            # What was sent before may have come through all the same.
            for position, result in results.items():
                if result.kind is Kind.FAILED:
                    results[position] = Result(position, Kind.IN_DOUBT, "import failed", ended)
        await self._journal.finish(chunk, results)
        if progress.is_finished:
            await self._doubts.ended(chunk, results)

    async def _end(
        self, mailing_list_id: str, job: str
    ) -> tuple[ContactImportProgress, QualtricsError | None]:
        """Wait for the end of an import; the error is why it ended badly, or why nobody saw its end."""

        async def look() -> ContactImportProgress:
            try:
                return await self._client.contact_imports.progress(self._directory_id, mailing_list_id, job)
            except ConnectFailed:
                raise
            except PASSING:
                return ContactImportProgress()

        try:
            return await self._client.wait(job, look), None
        except JobFailed as error:
            known = error.detail
            return known if isinstance(known, ContactImportProgress) else ContactImportProgress(), error
        except REFUSALS as error:
            return ContactImportProgress(), error

    async def _report(self, job: str) -> Report:
        """Read what the report says of each row, as far as it can be read."""
        report = Report()
        listing = self._client.contact_imports.report(self._directory_id, job)
        # It may come a little later than the end of its import, unless the account has none at all.
        passing = (*PASSING, NotFound) if self._reported is not False else PASSING
        report.complete = await read_whole(
            listing, report.add, pause=self._client.polling.longest, passing=passing
        )
        self._reported = self._reported or report.complete
        return report
