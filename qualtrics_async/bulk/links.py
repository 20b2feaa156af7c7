"""Individual survey links for every contact of many mailing lists: complete, and joined to the contact."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Final, TypeAlias, Unpack

import anyio

from qualtrics_async._core.paging import Page, Paged
from qualtrics_async._core.request import fill, instant
from qualtrics_async._core.tasks import background_tasks
from qualtrics_async.bulk.fanout import Batch, Deliver, FairQueue, Outcomes
from qualtrics_async.bulk.job import Job, JobOptions, Settings
from qualtrics_async.bulk.outcome import Failed, InDoubt, Ok, Outcome
from qualtrics_async.bulk.recipients import PENDING, Recipient, Recipients
from qualtrics_async.bulk.records import ChunkState, Kind, Result
from qualtrics_async.bulk.sending import STOPS, send_once
from qualtrics_async.bulk.targets import Target, Targets
from qualtrics_async.client import Qualtrics
from qualtrics_async.errors import (
    Conflict,
    CursorRefused,
    DecodeError,
    Forbidden,
    InvalidRequest,
    JobFailed,
    NotFound,
    OutcomeUnknown,
    QualtricsError,
    ServerFault,
    TransportError,
    Unauthorized,
    UnexpectedStatus,
    UsageError,
)
from qualtrics_async.models.common import Created
from qualtrics_async.models.contacts import ListContact
from qualtrics_async.models.distributions import DistributionLink

__all__ = ["generate_links"]

_Deliver: TypeAlias = Deliver[Recipient, DistributionLink]

_BATCHES_AHEAD: Final = 8
_FIRST_REREAD: Final = 3
_REREAD_FACTOR: Final = 4
"""Passes without a new link after which the listing is read from its beginning: 3, 12, 48, ..."""

_LOOKING: Final = 8
_PASSING = (ServerFault, TransportError, DecodeError, CursorRefused)
"""What may be over when it is asked again, and concerns one list."""


@asynccontextmanager
async def generate_links(
    client: Qualtrics,
    survey_id: str,
    mailing_lists: Iterable[str],
    *,
    directory_id: str | None = None,
    expires: datetime | str | None = None,
    link_type: str = "Individual",
    description: str | None = None,
    deadline: float = 600.0,
    concurrency: int = 8,
    **options: Unpack[JobOptions],
) -> AsyncGenerator[Outcomes[Recipient, DistributionLink]]:
    """Generate a link for every contact of the mailing lists; the context's value yields each outcome.

    ```python
    async with bulk.generate_links(client, "SV_1", ["CG_1", "CG_2"]) as outcomes:
        async for outcome in outcomes: ...
    ```

    Each list gets one distribution. Its links are read as they become available, and the list is complete
    when every contact has one. Who ends without one is `Failed`, with the reason: `"opted out"` (nobody
    waits for them), `"frequency rule"` (as the distribution's history says), `"pending"` when the deadline
    passed, or `"unreadable links"`. An outcome without a contact concerns a whole list: its distribution was
    refused, its fate is unknown, or its contacts could not be read. Memory does not depend on the
    number of contacts.

    Args:
        client: an open client.
        survey_id: an active survey.
        mailing_lists: the ids of the lists.
        directory_id: their directory; the brand's default one if it is not given.
        expires: when the links end; the service's default if it is not given.
        link_type: `"Individual"` (one response) or `"Multiple"` (any number of responses).
        description: what the distributions are called.
        deadline: seconds without a new link after which a list is given up.
        concurrency: lists at a time.
        options: the options of every bulk job, see `JobOptions`.

    Raises:
        UsageError: for arguments that cannot be meant, before any I/O.
        JournalError: when the journal is in use, damaged, or of another job.
        QualtricsError: from the iteration, when an error would fail every list.
    """
    settings = Settings(**options)
    lists = [mailing_lists] if isinstance(mailing_lists, str) else list(mailing_lists)
    fill("/surveys/{surveyId}", (survey_id,))
    if directory_id is not None:
        fill("/directories/{directoryId}", (directory_id,))
    _check(lists, link_type, deadline, concurrency)
    ends = None if expires is None else instant(expires, "expires")
    if ends is not None and datetime.fromisoformat(ends) <= datetime.now(UTC):
        raise UsageError(f"expires is in the past: {ends}; such links would be dead")
    fingerprint = {
        "job": "generate_links",
        "survey": survey_id,
        "mailing lists": lists,
        "expiry": ends,
        "link type": link_type,
        "description": description,
    }
    create = partial(client.distributions.create_links, survey_id=survey_id, link_type=link_type)
    if ends is not None:
        create = partial(create, expiration_date=ends)
    if description is not None:
        create = partial(create, description=description)
    opened = Job[Recipient, DistributionLink].open(client, settings, fingerprint, concurrency=concurrency)
    async with opened as job:
        directory = directory_id or (await client.directories.default()).id
        queue = FairQueue[int, Target]()
        links = _Links(job, survey_id, directory, create=create, deadline=deadline)
        begin = partial(links.begin, lists, queue)
        running = job.running(queue, links.work, begin, concurrency=concurrency, ahead=_BATCHES_AHEAD)
        async with running as outcomes:
            yield outcomes


def _check(lists: list[str], link_type: str, deadline: float, concurrency: int) -> None:
    if not lists:
        raise UsageError("mailing_lists takes at least one id")
    for name in lists:
        fill("/mailinglists/{mailingListId}", (name,))
    if len(set(lists)) < len(lists):
        raise UsageError("a mailing list is named twice: its contacts would have two links")
    if link_type == "Anonymous":
        raise UsageError("anonymous links belong to no contact: use client.distributions.create_links()")
    if not deadline > 0 or concurrency < 1:
        raise UsageError(f"deadline and concurrency are positive, got {deadline} and {concurrency}")


class _Links:
    """What becomes of the mailing lists of one job."""

    def __init__(
        self,
        job: Job[Recipient, DistributionLink],
        survey_id: str,
        directory_id: str,
        *,
        create: Callable[..., Awaitable[Created]],
        deadline: float,
    ) -> None:
        self._client = job.client
        self._store = job.journal.store
        self._targets = Targets(self._store)
        self._summary = job.summary
        self._replay = job.settings.replay
        self._survey_id = survey_id
        self._directory_id = directory_id
        self._create = create
        self._deadline = deadline

    async def begin(self, lists: list[str], queue: FairQueue[int, Target], deliver: _Deliver) -> None:  # noqa: ARG002  (it delivers nothing itself)
        """Look at every list that has no distribution yet, then let all of them be worked on.

        A list that does not exist ends the job before a distribution is created for any other.
        """
        targets = await self._targets.read()
        if not targets:
            targets = [Target(number, name) for number, name in enumerate(lists, 1)]
            await self._targets.save(targets)
        planned = [target for target in targets if target.state is ChunkState.PLANNED]
        if len(planned) > 1:
            await self._look_at(iter(planned))
        for target in targets:
            if self._replay or not target.taken:
                await queue.put(target.number, target)
        await queue.close()

    async def _look_at(self, planned: Iterator[Target]) -> None:
        missing: list[QualtricsError] = []

        async def look() -> None:
            for record in planned:
                try:
                    await self._client.mailing_lists.get(self._directory_id, record.mailing_list_id)
                except (NotFound, Unauthorized) as error:
                    missing.append(error)
                except QualtricsError:
                    continue  # what concerns this list alone is its own outcome, later
                if missing:
                    return

        async with anyio.create_task_group() as tasks:
            for _ in range(_LOOKING):
                tasks.start_soon(look)
        if missing:
            raise missing[0]

    async def work(self, chunk: Target, deliver: _Deliver) -> None:
        """Bring a list from the state that it is in to the outcomes of its contacts."""
        if chunk.state is ChunkState.SENDING:
            doubt = OutcomeUnknown(
                "an earlier run ended while the distribution of the list was being created"
            )
            await self._reject(chunk, Kind.IN_DOUBT, "lost reply", doubt)
        listing = self._client.mailing_list_contacts.list(self._directory_id, chunk.mailing_list_id)
        try:
            page: Page[ListContact] | None = None
            if chunk.state is ChunkState.PLANNED:
                page = await self._first_page(listing)
                await self._distribute(chunk, page)
            if chunk.state is ChunkState.ACCEPTED or (chunk.state is ChunkState.DONE and chunk.job):
                await self._hand_out(chunk, listing, page, deliver)
            else:
                await self._deliver_whole(chunk, deliver)
        except (*_PASSING, InvalidRequest, Conflict, UnexpectedStatus) as error:
            if isinstance(error, STOPS):
                raise
            # One list and not the others: nothing is written down, so that the next run goes on here.
            self._summary.items += 1
            await deliver(Batch([Failed(_whole(chunk), error, "unreadable list")]))

    async def _first_page(self, listing: Paged[ListContact]) -> Page[ListContact]:
        give_up = asyncio.get_running_loop().time() + self._deadline
        while True:
            try:
                return await listing.first_page()
            except _PASSING as error:
                if isinstance(error, STOPS) or asyncio.get_running_loop().time() > give_up:
                    raise
                await asyncio.sleep(self._client.polling.longest)

    async def _distribute(self, chunk: Target, page: Page[ListContact]) -> None:
        """Create the distribution of a list, unless the list is empty."""
        if not page.elements and page.next_page is None:
            chunk.state, chunk.taken = ChunkState.DONE, True
            await self._targets.save([chunk])
            return

        async def intend(leaving: bool) -> None:
            chunk.state = ChunkState.SENDING if leaving else ChunkState.PLANNED
            await self._targets.save([chunk])

        async def accept(created: Created) -> None:
            chunk.state, chunk.job = ChunkState.ACCEPTED, created.id
            await self._targets.save([chunk])

        await send_once(
            intend,
            partial(self._create, mailing_list_id=chunk.mailing_list_id),
            accept,
            partial(self._reject, chunk),
            grace=self._client.timeouts.grace,
        )

    async def _reject(self, chunk: Target, kind: Kind, reason: str, error: QualtricsError) -> None:
        """End a list with one outcome for all of it."""
        chunk.state, chunk.result = ChunkState.DONE, Result(0, kind, reason, error)
        await self._targets.save([chunk])

    async def _deliver_whole(self, chunk: Target, deliver: _Deliver) -> None:
        """Hand out the outcome that concerns a whole list, if there is one."""
        known = chunk.result
        if known is None or known.error is None or known.reason is None:
            return

        async def taken() -> None:
            chunk.taken = True
            await self._targets.save([chunk])

        kind = InDoubt if known.kind is Kind.IN_DOUBT else Failed
        self._summary.items += 1
        await deliver(Batch([kind(_whole(chunk), known.error, known.reason)], taken))

    async def _hand_out(
        self,
        chunk: Target,
        listing: Paged[ListContact],
        page: Page[ListContact] | None,
        deliver: _Deliver,
    ) -> None:
        """Read contacts and links side by side until every contact has an outcome."""
        recipients = Recipients(self._store, chunk.number)
        known = await recipients.begin(replay=self._replay)
        self._summary.items += known
        async with background_tasks() as tasks:
            listed = anyio.Event()
            tasks.start_soon(self._list, listing, page, recipients, listed)
            trouble = await self._read(chunk, recipients, deliver, listed)
            await listed.wait()
        await self._deliver_missing(chunk, recipients, deliver, trouble)

    async def _list(
        self,
        listing: Paged[ListContact],
        first: Page[ListContact] | None,
        recipients: Recipients,
        listed: anyio.Event,
    ) -> None:
        """Add every contact of the list to the expected set; a page that fails is asked for again."""
        give_up = asyncio.get_running_loop().time() + self._deadline
        cursor = None if first is None else first.next_page
        if first is not None:
            added = await recipients.expect(first.elements)
            self._summary.items += added
        while first is None or cursor is not None:
            try:
                async for page in listing.resume(cursor).pages():
                    added = await recipients.expect(page.elements)
                    self._summary.items += added
                    cursor = page.next_page or cursor
            except _PASSING as error:
                cursor = error.cursor
                if isinstance(error, CursorRefused):
                    first = cursor = None  # a circle is left by another beginning
                if isinstance(error, STOPS) or asyncio.get_running_loop().time() > give_up:
                    raise
                await asyncio.sleep(self._client.polling.longest)
            else:
                break
        listed.set()

    async def _read(
        self, chunk: Target, recipients: Recipients, deliver: _Deliver, listed: anyio.Event
    ) -> QualtricsError | None:
        """Read the links until every contact has one, or nobody else can be waited for.

        What comes back is why they could not be read at the end, if so.
        """
        loop, polling = asyncio.get_running_loop(), self._client.polling
        give_up, interval = loop.time() + self._deadline, polling.first
        stale, reread = 0, _FIRST_REREAD
        links = self._client.distributions.links(chunk.job or "", survey_id=self._survey_id)
        cursor: str | None = None
        while True:
            fresh, cursor, trouble = await self._pass(links, cursor, chunk, recipients, deliver)
            if listed.is_set() and not await recipients.waited_for():
                return None
            if fresh:
                interval, stale, reread = polling.first, 0, _FIRST_REREAD
                give_up = loop.time() + self._deadline
                await asyncio.sleep(interval)
                continue
            stale += 1
            late = loop.time() + interval > give_up
            if stale >= reread or late:
                # Nothing promises that links are appended: what was passed over shows from the beginning.
                cursor, reread = None, reread * _REREAD_FACTOR
                if late:
                    _, _, trouble = await self._pass(links, cursor, chunk, recipients, deliver)
                if listed.is_set():
                    await self._rule_out(chunk, recipients)
                    if not await recipients.waited_for():
                        return None
            if late:
                return trouble
            await asyncio.sleep(interval)
            interval = min(interval * polling.factor, polling.longest)

    async def _pass(
        self,
        links: Paged[DistributionLink],
        cursor: str | None,
        chunk: Target,
        recipients: Recipients,
        deliver: _Deliver,
    ) -> tuple[int, str | None, QualtricsError | None]:
        """Read from a page to the end: how many links were new, where to go on, what stood in the way."""
        fresh, trouble = 0, None
        try:
            async for page in links.resume(cursor).pages():
                claimed, added = await recipients.claim([link for link in page.elements if link.link])
                self._summary.items += added
                fresh += len(claimed)
                if claimed:
                    taken = partial(recipients.delivered, [link.contact_id for link in claimed])
                    await deliver(Batch([Ok(_recipient(link, chunk), link) for link in claimed], taken))
                cursor = page.next_page or cursor
        except _PASSING as error:
            if isinstance(error, STOPS):
                raise
            cursor, trouble = None if isinstance(error, CursorRefused) else error.cursor, error
        return fresh, cursor, trouble

    async def _rule_out(self, chunk: Target, recipients: Recipients) -> None:
        """Ask the history who is kept from a link by a contact-frequency rule; it may not tell."""
        try:
            async for page in self._client.distributions.history(chunk.job or "").pages():
                await recipients.rule_out(
                    [
                        entry.contact_id
                        for entry in page.elements
                        if entry.contact_id and entry.contact_frequency_rule_id
                    ]
                )
        except (InvalidRequest, NotFound, Forbidden, UnexpectedStatus, *_PASSING):
            return

    async def _deliver_missing(
        self,
        chunk: Target,
        recipients: Recipients,
        deliver: _Deliver,
        trouble: QualtricsError | None,
    ) -> None:
        """Hand out those who have no link, with the reason, and end the list when they are taken."""
        job, after = chunk.job or "", ""
        while missing := await recipients.missing(chunk.mailing_list_id, job, after=after):
            after = missing[-1][1]
            outcomes: list[Outcome[Recipient, DistributionLink]] = []
            for who, _, reason in missing:
                if trouble is not None and reason == PENDING:
                    outcomes.append(Failed(who, trouble, "unreadable links"))
                else:
                    error = JobFailed(f"no link: {reason}", job_id=job, status=reason)
                    outcomes.append(Failed(who, error, reason))
            ids = [contact_id for _, contact_id, _ in missing]
            await deliver(Batch(outcomes, partial(recipients.delivered, ids)))
        # The list is over when all before it has been taken, so its end travels the same way.
        await deliver(Batch([], recipients.end))


def _whole(chunk: Target) -> Recipient:
    return Recipient(chunk.mailing_list_id, chunk.job)


def _recipient(link: DistributionLink, chunk: Target) -> Recipient:
    return Recipient(
        mailing_list_id=chunk.mailing_list_id,
        distribution_id=chunk.job,
        contact_id=link.contact_id,
        contact_lookup_id=link.contact_lookup_id,
        email=link.email,
        first_name=link.first_name,
        last_name=link.last_name,
        external_data_reference=link.external_data_reference,
    )
