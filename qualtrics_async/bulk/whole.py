"""The whole way from rows to links: find or create the list, import, generate, join, with one journal."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import Final, TypeAlias, Unpack

from msgspec.structs import replace

from qualtrics_async._core.request import fill
from qualtrics_async.bulk.chunks import Chunker
from qualtrics_async.bulk.contacts import ENVELOPE, MAX_CHUNK_BYTES, MAX_CHUNK_ROWS
from qualtrics_async.bulk.distributing import LinkOrder
from qualtrics_async.bulk.expiry import Expiry, checked_expiry, expiry_of
from qualtrics_async.bulk.fanout import Batch, Deliver, FairQueue, Outcomes
from qualtrics_async.bulk.imports import ImportJobs
from qualtrics_async.bulk.job import Job, JobOptions, Settings
from qualtrics_async.bulk.joining import UNLINKED, Joined, RowLink
from qualtrics_async.bulk.links import Links, check_links
from qualtrics_async.bulk.naming import list_of_name
from qualtrics_async.bulk.outcome import Failed, InDoubt
from qualtrics_async.bulk.recipient import Recipient
from qualtrics_async.bulk.recipients import LinkOutcome
from qualtrics_async.bulk.records import ChunkRecord, Kind
from qualtrics_async.bulk.rows import ImportRow, prepare
from qualtrics_async.bulk.sources import Rows, as_rows
from qualtrics_async.bulk.spool import Spool, deliver_chunk, identity_of
from qualtrics_async.bulk.targets import Target, TargetKind
from qualtrics_async.client import Qualtrics
from qualtrics_async.errors import UsageError
from qualtrics_async.models.distributions import DistributionLink

__all__ = ["RowLink", "contacts_to_links"]

_Deliver: TypeAlias = Deliver[ImportRow, "RowLink"]
_LinkJob: TypeAlias = Job[Recipient, DistributionLink]

_SURVEY: Final = "survey"
_PAGES_AT_ONCE: Final = 2


@asynccontextmanager
async def contacts_to_links(
    client: Qualtrics,
    survey_id: str,
    rows: Rows,
    *,
    list_name: str | None = None,
    mailing_list: str | None = None,
    directory_id: str | None = None,
    expires: Expiry | None = None,
    link_type: str = "Individual",
    description: str | None = None,
    clear_empty: bool = False,
    deadline: float = 600.0,
    concurrency: int = 8,
    chunk_rows: int = MAX_CHUNK_ROWS,
    **options: Unpack[JobOptions],
) -> AsyncGenerator[Outcomes[ImportRow, RowLink]]:
    """Import rows into one list and give each its link; the context's value yields the outcome of each row.

    ```python
    way = bulk.contacts_to_links(client, "SV_1", rows, list_name="Spring wave", journal="spring.db")
    async with way as outcomes:
        async for outcome in outcomes: ...
    ```

    The list is found by its exact name or created, the rows are imported as `import_contacts()` does it, the
    list gets a distribution as `generate_links()` does it, and links are joined to rows by contact. Each row
    has one outcome: `Ok` with its link; `Failed` or `InDoubt` as its import ended, or for the reason for
    which its contact has no link. Rows that deduplication makes one contact share one link. Contacts who were
    in the list before get links too, and no outcome. All of it has one journal, and the same call goes on.

    A row that was imported and has no link is `Failed` with `imported` set: do not import it again. With a
    journal and `replay`, the same call looks for its link again, and makes a distribution again that was
    refused; what is complete stays as it is, and no row is imported twice.

    Where an import has no report, the contact of a row is the one in the list that has its external reference
    or, where a row has none or the directory merges by e-mail alone, its address. A row is `Failed` as
    `"ambiguous"` when several have it and as `"contact not found"` when none has it; a later call can tell
    only if `keep_rows` kept the row.

    Args:
        client: an open client.
        survey_id: an active survey.
        rows: as `import_contacts()` takes them.
        list_name: the name of the list, which is created if there is none; or
        mailing_list: its id.
        directory_id: the directory of the list; the brand's default one if it is not given.
        expires: when the links end: an aware `datetime`, its ISO text, or a `timedelta` from the first call
            on; the service's default if it is not given.
        link_type: `"Individual"` (one response) or `"Multiple"` (any number of responses).
        description: what the distribution is called.
        clear_empty: send empty cells, which clears the field, instead of leaving them out.
        deadline: seconds without a new link after which the rest is given up.
        concurrency: chunks or pages that are in memory at a time.
        chunk_rows: rows of one import; at most 10 000.
        options: the options of every bulk job, see `JobOptions`.

    Raises:
        UsageError: for arguments that cannot be meant, before any I/O; when several lists have the name, or
            the survey is not active.
        JournalError: when the journal is in use, damaged, or of another job or input.
        QualtricsError: from the iteration, when an error would fail every row.
    """
    settings = Settings(**options)
    if (list_name is None) == (mailing_list is None):
        raise UsageError("give the list by its name or by its id: list_name or mailing_list")
    if list_name is not None and not list_name.strip():
        raise UsageError("a list's name is not blank")
    if mailing_list is not None:
        fill("/mailinglists/{mailingListId}", (mailing_list,))
    if directory_id is not None:
        fill("/directories/{directoryId}", (directory_id,))
    if not 1 <= chunk_rows <= MAX_CHUNK_ROWS:
        raise UsageError(f"a chunk has 1 to {MAX_CHUNK_ROWS} rows, got {chunk_rows}")
    check_links(survey_id, link_type, deadline, concurrency)
    fingerprint = {
        "job": "contacts_to_links",
        "survey": survey_id,
        "directory": directory_id,
        "list name": list_name,
        "mailing list": mailing_list,
        "expiry": checked_expiry(expires),
        "link type": link_type,
        "description": description,
        "empty cells": "clear" if clear_empty else "leave",
        "chunks": chunk_rows,
    }
    source = as_rows(rows)
    opened = Job[ImportRow, RowLink].open(client, settings, fingerprint, concurrency=concurrency)
    async with aclosing(source), opened as job:
        order = LinkOrder(
            survey_id=survey_id,
            link_type=link_type,
            expires=await expiry_of(job, expires),
            description=description,
            deadline=deadline,
        )
        queue = FairQueue[str, ChunkRecord]()

        def spool(name: str) -> Spool:
            allowed = frozenset({"id", "embeddedData"})
            prepare_row = partial(prepare, mailing_list=name, clear_empty=clear_empty, allowed=allowed)
            chunker = Chunker[str](job.pace.share(chunk_rows), MAX_CHUNK_BYTES - ENVELOPE)
            return Spool(
                job, source, queue, chunker=chunker, prepare_row=prepare_row, identity=identity_of(rows)
            )

        way = _Way(job, directory_id, mailing_list, list_name, order, spool=spool)
        async with job.running(queue, way.work, way.begin, finish=way.finish) as outcomes:
            yield outcomes


class _Way:
    """The parts of one job, one after the other: the list, its imports, its links, and rows with links."""

    def __init__(
        self,
        job: Job[ImportRow, RowLink],
        directory_id: str | None,
        mailing_list_id: str | None,
        list_name: str | None,
        order: LinkOrder,
        *,
        spool: Callable[[str], Spool],
    ) -> None:
        self._job = job
        self._directory_id = directory_id or ""
        self._mailing_list_id = mailing_list_id or ""
        self._list_name = list_name or ""
        self._order = order
        self._spool = spool
        self._imports: ImportJobs | None = None

    async def begin(self, deliver: _Deliver) -> None:
        """Find or create the list, then read the rows; those that are refused have their outcome at once."""
        job = self._job
        await self._check_survey()
        self._directory_id = self._directory_id or (await job.client.directories.default()).id
        if not self._mailing_list_id:
            self._mailing_list_id = await list_of_name(job, self._directory_id, self._list_name)
        self._imports = ImportJobs(job, self._directory_id, None)
        await self._spool(self._mailing_list_id).run(deliver)

    async def _check_survey(self) -> None:
        """Look at the survey before anybody is imported for it; once a job."""
        if await self._job.journal.meta(_SURVEY) is not None:
            return
        survey = await self._job.client.surveys.get(self._order.survey_id)
        if survey.is_active is False:
            raise UsageError(f"the survey {self._order.survey_id} is not active: it can have no links")
        await self._job.journal.set_meta(_SURVEY, "seen")

    async def work(self, chunk: ChunkRecord, _: _Deliver) -> bool | float | None:
        """Import a chunk; its outcomes wait for the links."""
        return None if self._imports is None else await self._imports.settle(chunk)

    async def finish(self, deliver: _Deliver) -> None:
        """Generate the links of the list, and deliver the outcome of each row that was not refused."""
        job = self._job
        # Its own job: what it counts are contacts, not rows.
        quiet = replace(job.settings, replay=False, on_progress=None, max_failures=None)
        part: _LinkJob = Job(job.client, quiet, job.journal, _PAGES_AT_ONCE)
        links = await Links.open(part, self._directory_id, self._order, handing_out=False)
        known = await links.targets.read()
        if known and known[0].taken and not job.settings.replay:
            return
        target = known[0] if known else Target(1, TargetKind.LIST, self._mailing_list_id)
        if target.taken:
            await self._look_again(links, target)
        whole: list[LinkOutcome] = []
        if known or await job.journal.any_went_well():
            await links.targets.save([target])
            await self._generate(links, target, whole)
            job.summary.take_decisions(part.summary)
        recipients = None if target.job is None or whole else await links.recipients(target)
        joined = Joined(job, self._directory_id, target, recipients, (_of_all(target) or whole)[:1])
        for chunk in await job.journal.chunks():
            async with job.exits:
                await deliver_chunk(
                    job.journal,
                    chunk.number,
                    deliver,
                    replay=job.settings.replay,
                    make=partial(joined.outcomes, chunk.number),
                    final=not whole,
                )
        if not whole:
            await deliver(Batch([], partial(links.targets.take, target)))

    async def _look_again(self, links: Links, target: Target) -> None:
        """Begin the links of a list anew that are not complete, though all rows have had their outcome."""
        journal = self._job.journal
        if await journal.meta(UNLINKED) is not None:
            await links.targets.reopen(target)
            await journal.drop_meta(UNLINKED)

    async def _generate(self, links: Links, target: Target, whole: list[LinkOutcome]) -> None:
        async def keep(batch: Batch[Recipient, DistributionLink]) -> None:
            whole.extend(batch.outcomes)

        await links.work(target, keep)


def _of_all(target: Target) -> list[LinkOutcome]:
    """The outcome of a list that has no distribution, for all of its contacts."""
    known = target.result
    if known is None or known.error is None or known.reason is None:
        return []
    kind = InDoubt if known.kind is Kind.IN_DOUBT else Failed
    return [kind(Recipient.of(target), known.error, known.reason)]
