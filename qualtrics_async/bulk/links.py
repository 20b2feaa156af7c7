"""Individual survey links for every contact of many mailing lists: complete, and joined to the contact."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from typing import Final, TypeAlias

import anyio

from qualtrics_async._core.paging import Page, Paged
from qualtrics_async._core.request import instant
from qualtrics_async._core.tasks import background_tasks, finish_within, is_in_doubt
from qualtrics_async.bulk.fanout import Batch, Deliver, FairQueue, Outcomes, fan_out
from qualtrics_async.bulk.journal import ChunkRecord, ChunkState, Journal
from qualtrics_async.bulk.outcome import Failed, InDoubt, Ok, Outcome, Summary
from qualtrics_async.bulk.recipients import Recipient, Recipients
from qualtrics_async.client import Qualtrics
from qualtrics_async.errors import (
    ConnectFailed,
    DecodeError,
    Forbidden,
    InvalidRequest,
    JobFailed,
    NotFound,
    OutcomeUnknown,
    QualtricsError,
    RateLimited,
    ServerFault,
    TransportError,
    Unauthorized,
    UsageError,
)
from qualtrics_async.models.common import Created
from qualtrics_async.models.contacts import ListContact
from qualtrics_async.models.distributions import DistributionLink

__all__ = ["generate_links"]

_Deliver: TypeAlias = Deliver[Recipient, DistributionLink]

_GRACE: Final = 5.0
_STREAM_BUFFER: Final = 8
_STALE_PASSES: Final = 3
"""Passes without a new link after which the listing is read from its beginning again."""

_STOPS = (Unauthorized, Forbidden, NotFound, ConnectFailed, RateLimited)
_PASSING = (ServerFault, TransportError, DecodeError)


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
    journal: str | os.PathLike[str] | None = None,
    replay: bool = False,
    deadline: float = 600.0,
    concurrency: int = 8,
) -> AsyncGenerator[Outcomes[Recipient, DistributionLink]]:
    """Generate a link for every contact of the mailing lists; the context's value yields each outcome.

    ```python
    async with bulk.generate_links(client, "SV_1", ["CG_1", "CG_2"]) as outcomes:
        async for outcome in outcomes: ...
    ```

    Each list gets one distribution. Its links are read as they become available, and the list is complete
    when every contact has one. Who ends without one is `Failed`, with the reason: `"opted out"` (nobody
    waits for them), `"frequency rule"` (as the distribution's history says), or `"pending"` when the
    deadline passed. Memory does not depend on the number of contacts.

    Args:
        client: an open client.
        survey_id: an active survey.
        mailing_lists: the ids of the lists.
        directory_id: their directory; the brand's default one if it is not given.
        expires: when the links end; the service's default if it is not given.
        link_type: `"Individual"` (one response) or `"Multiple"` (any number of responses).
        description: what the distributions are called.
        journal: a file that makes the job resumable: the same call goes on, and creates no second
            distribution for a list. A temporary file by default.
        replay: on a journal, yield the outcomes again that were delivered before.
        deadline: seconds that a list may take from its distribution on.
        concurrency: lists at a time.

    Raises:
        UsageError: for arguments that cannot be meant, before any I/O.
        JournalError: when the journal is in use, damaged, or of another job.
        QualtricsError: from the iteration, when an error would fail every list.
    """
    lists = [mailing_lists] if isinstance(mailing_lists, str) else list(mailing_lists)
    _check(lists, link_type, deadline, concurrency)
    ends = None if expires is None else instant(expires, "expires")
    fingerprint = {
        "job": "generate_links",
        "survey": survey_id,
        "mailing lists": lists,
        "service": client.base_url,
        "expiry": ends,
        "link type": link_type,
        "description": description,
    }
    book = await Journal.open(journal, fingerprint)
    try:
        directory = directory_id or (await client.directories.default()).id
        create = partial(client.distributions.create_links, survey_id=survey_id, link_type=link_type)
        if ends is not None:
            create = partial(create, expiration_date=ends)
        if description is not None:
            create = partial(create, description=description)
        summary, queue = Summary(), FairQueue[int, ChunkRecord]()
        await _plan(book, lists, queue, replay=replay)
        job = _Links(client, survey_id, directory, book, create=create, deadline=deadline, summary=summary)
        send, receive = anyio.create_memory_object_stream[Batch[Recipient, DistributionLink] | Exception](
            _STREAM_BUFFER
        )
        with send, receive:
            async with background_tasks() as tasks:
                fan_out(tasks, queue, job.work, send, concurrency=concurrency, stops=(QualtricsError,))
                send.close()
                yield Outcomes(receive, summary, asyncio.get_running_loop().time)
    finally:
        await book.aclose()


def _check(lists: list[str], link_type: str, deadline: float, concurrency: int) -> None:
    if not lists or not all(str(name).strip() for name in lists):
        raise UsageError("mailing_lists takes at least one id, and no empty one")
    if len(set(lists)) < len(lists):
        raise UsageError("a mailing list is named twice: its contacts would have two links")
    if link_type == "Anonymous":
        raise UsageError("anonymous links belong to no contact: use client.distributions.create_links()")
    if not deadline > 0 or concurrency < 1:
        raise UsageError(f"deadline and concurrency are positive, got {deadline} and {concurrency}")


async def _plan(book: Journal, lists: list[str], queue: FairQueue[int, ChunkRecord], *, replay: bool) -> None:
    known = await book.chunks()
    if not known:
        known = [ChunkRecord(number, name, ChunkState.PLANNED) for number, name in enumerate(lists, 1)]
        await book.add((), known, (), {})
    for record in known:
        if record.state is ChunkState.DONE and replay and record.job is not None:
            record.state = ChunkState.ACCEPTED
        if record.state is not ChunkState.DONE:
            await queue.put(record.number, record)
    await queue.close()


class _Links:
    """What becomes of one mailing list."""

    def __init__(
        self,
        client: Qualtrics,
        survey_id: str,
        directory_id: str,
        journal: Journal,
        *,
        create: Callable[..., Awaitable[Created]],
        deadline: float,
        summary: Summary,
    ) -> None:
        self._client = client
        self._survey_id = survey_id
        self._directory_id = directory_id
        self._journal = journal
        self._create = create
        self._deadline = deadline
        self._summary = summary

    async def work(self, chunk: ChunkRecord, deliver: _Deliver) -> None:
        """Bring a list from the state that it is in to the outcomes of its contacts."""
        if chunk.state is ChunkState.SENDING:
            doubt = OutcomeUnknown(
                "an earlier run ended while the distribution of the list was being created"
            )
            await self._end(chunk, deliver, InDoubt(Recipient(chunk.mailing_list_id), doubt, "lost reply"))
            return
        listing = self._client.contacts.list(self._directory_id, chunk.mailing_list_id)
        page = await listing.first_page()
        if chunk.state is ChunkState.PLANNED:
            if not page.elements and page.next_page is None:
                await self._journal.move(chunk.number, ChunkState.DONE)
                return
            refused = await finish_within(_GRACE, self._distribute(chunk))
            if refused is not None:
                await self._end(chunk, deliver, refused)
                return
        recipients = Recipients(self._journal.store, chunk.number)
        known = await recipients.begin()
        self._summary.items += known
        async with background_tasks() as tasks:
            listed = anyio.Event()
            tasks.start_soon(self._list, listing, page, recipients, listed)
            await self._read(chunk, recipients, deliver, listed)
            await listed.wait()
        await self._deliver_missing(chunk, recipients, deliver)

    async def _distribute(self, chunk: ChunkRecord) -> Failed[Recipient] | InDoubt[Recipient] | None:
        """Create the distribution of a list; what is returned is the outcome of the whole list."""
        await self._journal.move(chunk.number, ChunkState.SENDING)
        try:
            created = await self._create(mailing_list_id=chunk.mailing_list_id)
        except _STOPS:
            await self._journal.move(chunk.number, ChunkState.PLANNED)
            raise
        except asyncio.CancelledError as cancellation:
            if not is_in_doubt(cancellation):
                with anyio.CancelScope(shield=True):
                    await self._journal.move(chunk.number, ChunkState.PLANNED)
            raise
        except OutcomeUnknown as error:
            return InDoubt(Recipient(chunk.mailing_list_id), error, "lost reply")
        except QualtricsError as error:
            return Failed(Recipient(chunk.mailing_list_id), error, "refused")
        chunk.job = created.id
        await self._journal.confirm(chunk.number, (), state=ChunkState.ACCEPTED, job=created.id)
        return None

    async def _list(
        self,
        listing: Paged[ListContact],
        page: Page[ListContact],
        recipients: Recipients,
        listed: anyio.Event,
    ) -> None:
        """Add every contact of the list to the expected set; a page that fails is asked for again."""
        give_up = asyncio.get_running_loop().time() + self._deadline
        added = await recipients.expect(page.elements)
        self._summary.items += added
        cursor = page.next_page
        while cursor is not None:
            try:
                async for following in listing.resume(cursor).pages():
                    added = await recipients.expect(following.elements)
                    self._summary.items += added
                cursor = None
            except _PASSING as error:
                cursor = error.cursor
                if asyncio.get_running_loop().time() > give_up:
                    raise
                await asyncio.sleep(self._client.polling.longest)
        listed.set()

    async def _read(
        self, chunk: ChunkRecord, recipients: Recipients, deliver: _Deliver, listed: anyio.Event
    ) -> None:
        """Read the links until every contact has one, or nobody else can be waited for."""
        loop, polling = asyncio.get_running_loop(), self._client.polling
        give_up, interval, stale = loop.time() + self._deadline, polling.first, 0
        links = self._client.distributions.links(chunk.job or "", survey_id=self._survey_id)
        cursor: str | None = None
        while True:
            fresh, cursor = await self._pass(links, cursor, chunk, recipients, deliver)
            if listed.is_set() and not await recipients.waited_for():
                return
            if fresh:
                interval, stale = polling.first, 0
            else:
                stale += 1
            if stale and stale % _STALE_PASSES == 0:
                # Nothing promises that links are appended: what was passed over shows from the beginning.
                cursor = None
                if listed.is_set():
                    await self._rule_out(chunk, recipients)
                    if not await recipients.waited_for():
                        return
            if loop.time() + interval > give_up:
                return
            await asyncio.sleep(interval)
            interval = min(interval * polling.factor, polling.longest)

    async def _pass(
        self,
        links: Paged[DistributionLink],
        cursor: str | None,
        chunk: ChunkRecord,
        recipients: Recipients,
        deliver: _Deliver,
    ) -> tuple[int, str | None]:
        """Read from a page to the end: how many links were new, and the page to go on with."""
        fresh = 0
        try:
            async for page in links.resume(cursor).pages():
                ready = [link for link in page.elements if link.link]
                claimed, added = await recipients.claim(ready)
                self._summary.items += added
                fresh += len(claimed)
                if claimed:
                    taken = partial(recipients.delivered, [link.contact_id for link in claimed])
                    await deliver(Batch([Ok(_recipient(link, chunk), link) for link in claimed], taken))
                if page.next_page is not None:
                    cursor = page.next_page
        except _PASSING as error:
            cursor = error.cursor
        return fresh, cursor

    async def _rule_out(self, chunk: ChunkRecord, recipients: Recipients) -> None:
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
        except (InvalidRequest, NotFound, Forbidden, *_PASSING):
            return

    async def _deliver_missing(self, chunk: ChunkRecord, recipients: Recipients, deliver: _Deliver) -> None:
        """Hand out those who have no link, with the reason, and end the list when they are taken."""
        job, after = chunk.job or "", ""
        while missing := await recipients.missing(chunk.mailing_list_id, job, after=after):
            after = missing[-1][1]
            outcomes: list[Outcome[Recipient, DistributionLink]] = [
                Failed(who, JobFailed(f"no link: {reason}", job_id=job, status=reason), reason)
                for who, _, reason in missing
            ]
            ids = [contact_id for _, contact_id, _ in missing]
            await deliver(Batch(outcomes, partial(recipients.delivered, ids)))
        # The list is over when all before it has been taken, so its end travels the same way.
        await deliver(Batch([], partial(self._finish, chunk, recipients)))

    async def _finish(self, chunk: ChunkRecord, recipients: Recipients) -> None:
        await self._journal.move(chunk.number, ChunkState.DONE)
        await recipients.erase()

    async def _end(
        self, chunk: ChunkRecord, deliver: _Deliver, outcome: Failed[Recipient] | InDoubt[Recipient]
    ) -> None:
        """End a list with one outcome for all of it."""
        self._summary.items += 1
        await deliver(Batch([outcome], partial(self._journal.move, chunk.number, ChunkState.DONE)))


def _recipient(link: DistributionLink, chunk: ChunkRecord) -> Recipient:
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
