"""Import jobs: what becomes of one chunk, from its POST to the outcome of each row."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Final

import anyio
import msgspec

from qualtrics_async.bulk.fanout import Deliver
from qualtrics_async.bulk.job import Job
from qualtrics_async.bulk.records import ChunkRecord, ChunkState, Kind, Result
from qualtrics_async.bulk.report import Report, decide
from qualtrics_async.bulk.rows import Imported, ImportRow
from qualtrics_async.bulk.sending import STOPS, send_once
from qualtrics_async.bulk.spool import deliver_chunk
from qualtrics_async.errors import (
    Conflict,
    ConnectFailed,
    CursorRefused,
    DecodeError,
    Forbidden,
    InvalidRequest,
    JobFailed,
    JournalError,
    NotFound,
    OutcomeUnknown,
    QualtricsError,
    ServerFault,
    TransportError,
    UnexpectedStatus,
)
from qualtrics_async.models.contact_imports import (
    ContactImportProgress,
    ContactImportStarted,
    TransactionMeta,
)

__all__ = ["ImportJobs"]

_PASSING = (ServerFault, TransportError, DecodeError)
"""What may be over when it is asked again."""

_REFUSALS = (NotFound, InvalidRequest, Conflict, UnexpectedStatus)
"""What one job is refused for, and no other."""

_REPORT_PASSES: Final = 3


class ImportJobs:
    """The import jobs of one bulk job; the caller sees to it that a list has one at a time."""

    def __init__(self, job: Job[ImportRow, Imported], directory_id: str, batch_id: str | None) -> None:
        self._job = job
        self._client = job.client
        self._journal = job.journal
        self._directory_id = directory_id
        self._batch_id = batch_id
        self._verified: set[str] = set()

    async def work(self, chunk: ChunkRecord, deliver: Deliver[ImportRow, Imported]) -> None:
        """Bring a chunk from the state that it is in to its outcomes."""
        if chunk.state is ChunkState.PLANNED:
            await self._job.pace.take(chunk.count)
            async with self._job.places:
                await self._verify(chunk.mailing_list_id)
                await self._send(chunk, await self._journal.body(chunk.number))
        elif chunk.state is ChunkState.SENDING:
            doubt = OutcomeUnknown("an earlier run ended while this import was being sent")
            await self._conclude(chunk, Kind.IN_DOUBT, "lost reply", doubt)
        ended = None
        if chunk.state is ChunkState.ACCEPTED:
            # Nothing is held meanwhile: a slow import keeps no other list waiting.
            ended = await self._end(chunk.mailing_list_id, chunk.job or "")
        async with self._job.places:
            if ended is not None:
                await self._confirm(chunk, *ended)
            await deliver_chunk(self._journal, chunk.number, deliver, replay=self._job.settings.replay)

    async def _verify(self, mailing_list_id: str) -> None:
        # The start call accepts ids that do not exist, so the list is asked for once.
        if mailing_list_id in self._verified:
            return
        try:
            await self._client.mailing_lists.get(self._directory_id, mailing_list_id)
        except (*STOPS, JournalError):
            raise
        except (*_PASSING, InvalidRequest, Conflict, UnexpectedStatus):
            return  # it costs a check and not the job: an import that finds no list ends with nothing
        self._verified.add(mailing_list_id)

    async def _send(self, chunk: ChunkRecord, body: bytes) -> None:
        meta = None
        if chunk.fields or self._batch_id:
            meta = TransactionMeta(batch_id=self._batch_id or msgspec.UNSET, fields=chunk.fields)

        async def intend(leaving: bool) -> None:
            chunk.state = ChunkState.SENDING if leaving else ChunkState.PLANNED
            chunk.note.sent += 1 if leaving else -1
            await self._journal.save(chunk)

        async def accept(started: ContactImportStarted) -> None:
            chunk.state, chunk.job = ChunkState.ACCEPTED, started.id
            chunk.note.unread = sorted(set(started.unprocessed))
            await self._journal.save(chunk)
            self._job.summary.sent += chunk.count
            self._job.progress()

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
            partial(self._conclude, chunk),
            grace=self._client.timeouts.grace,
        )

    async def _conclude(self, chunk: ChunkRecord, kind: Kind, reason: str, error: QualtricsError) -> None:
        """Give every row of a chunk the same outcome."""
        results = {position: Result(position, kind, reason, error) for position in range(chunk.count)}
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
        await self._journal.finish(chunk, results)

    async def _end(
        self, mailing_list_id: str, job: str
    ) -> tuple[ContactImportProgress, QualtricsError | None]:
        """Wait for the end of an import; the error is why it ended badly, or why nobody saw its end."""

        async def look() -> ContactImportProgress:
            try:
                return await self._client.contact_imports.progress(self._directory_id, mailing_list_id, job)
            except ConnectFailed:
                raise
            except _PASSING:
                return ContactImportProgress()

        try:
            return await self._client.wait(job, look), None
        except JobFailed as error:
            known = error.detail
            return known if isinstance(known, ContactImportProgress) else ContactImportProgress(), error
        except _REFUSALS as error:
            return ContactImportProgress(), error

    async def _report(self, job: str) -> Report:
        """Read what the report says of each row, as far as it can be read."""
        report, cursor = Report(), None
        listing = self._client.contact_imports.report(self._directory_id, job)
        for attempt in range(_REPORT_PASSES):
            try:
                if attempt:
                    await asyncio.sleep(self._client.polling.longest)
                async for page in listing.resume(cursor).pages():
                    report.add(page.elements)
            except ConnectFailed:
                raise
            except _PASSING as error:
                cursor = error.cursor
            except (Forbidden, CursorRefused, *_REFUSALS):
                return report
            else:
                report.complete = True
                return report
        return report
