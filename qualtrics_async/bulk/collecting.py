"""From a distribution to an outcome for each of its recipients: members and links, read side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeAlias

import anyio

from qualtrics_async._core.paging import Page, Paged
from qualtrics_async._core.tasks import background_tasks
from qualtrics_async.bulk.distributing import LinkOrder
from qualtrics_async.bulk.expected import Expected, State
from qualtrics_async.bulk.explaining import Explainer
from qualtrics_async.bulk.fanout import Batch, Deliver
from qualtrics_async.bulk.job import Job
from qualtrics_async.bulk.listing import Reader
from qualtrics_async.bulk.recipient import Recipient
from qualtrics_async.bulk.recipients import LinkOutcome, Pages, Recipients
from qualtrics_async.bulk.targets import Target, TargetKind, Targets
from qualtrics_async.errors import QualtricsError
from qualtrics_async.models.contacts import ListContact
from qualtrics_async.models.distributions import DistributionLink

__all__ = ["Collection", "Members"]

_Deliver: TypeAlias = Deliver[Recipient, DistributionLink]

_FIRST_REREAD: Final = 3
_REREAD_FACTOR: Final = 4
"""Passes without a new link after which the listing is read from its beginning: 3, 12, 48, ..."""


_TOLD_AT_ONCE: Final = 1_000
"""Outcomes that are marked as delivered together, so that it costs little; after a kill they come again."""


class Members:
    """Whom a list or batch consists of."""

    def __init__(self, job: Job[Recipient, DistributionLink], directory_id: str, target: Target) -> None:
        self.directory_id = directory_id
        client = job.client
        self.listing: Paged[Any]
        if target.kind is TargetKind.LIST:
            self.listing = client.mailing_list_contacts.list(directory_id, target.name)
            self._expected: Callable[[Any], Expected] = _contact
        else:
            self.listing = client.transaction_batches.transactions.list(directory_id, target.name)
            self._expected = _transaction

    def expected(self, page: Page[Any]) -> list[Expected]:
        """Tell who is on a page of the listing."""
        return [one for one in map(self._expected, page.elements) if one.key]


def _contact(contact: ListContact) -> Expected:
    out = contact.unsubscribed or contact.mailing_list_unsubscribed
    return Expected(
        contact.contact_id,
        None,
        contact.contact_lookup_id,
        contact.email,
        contact.first_name,
        contact.last_name,
        contact.ext_ref,
        State.OPTED_OUT if out else State.WAITING,
    )


def _transaction(element: dict[str, Any]) -> Expected:
    # The names are assumed: those of a single transaction.
    transaction, contact = element.get("transactionId"), element.get("contactId")
    return Expected(
        contact if isinstance(contact, str) else None, transaction if isinstance(transaction, str) else None
    )


class Collection:
    """Brings one target with a distribution to its end; `deliver` is None where nothing is handed out."""

    def __init__(
        self,
        job: Job[Recipient, DistributionLink],
        target: Target,
        *,
        pages: Pages,
        targets: Targets,
        members: Members,
        order: LinkOrder,
        deliver: _Deliver | None,
    ) -> None:
        self._job = job
        self._target = target
        self._targets = targets
        self._members = members
        self._deadline = order.deadline
        self._deliver = deliver
        self._due = 0
        self._fresh = 0
        self._over = False
        self._taken = self._unmarked = 0
        self._told = 0 if job.settings.replay else target.told
        self._recipients = Recipients(pages, target)
        self._explainer = Explainer(
            job, target, self._recipients, survey_id=order.survey_id, directory_id=members.directory_id
        )
        listing = job.client.distributions.links(target.job or "", survey_id=order.survey_id)
        self._links = Reader(listing, job.places, self._take_links, target.links)

    async def run(self) -> None:
        """Hand out what is known, read the rest, and say of everybody else why there is no link.

        Raises:
            QualtricsError: when the target cannot be read; what it has brought stays in the journal.
        """
        try:
            await self._run()
        finally:
            self._over = True
            with anyio.CancelScope(shield=True):
                await self._mark()

    async def _run(self) -> None:
        self._count(await self._recipients.begin(replay=self._job.settings.replay))
        try:
            await self._tell()
            if not self._target.ended:
                await self._recipients.settle(await self._read())
            await self._tell()
        except QualtricsError:
            self._count(-self._due)
            raise
        if self._deliver is None:
            await self._targets.end(self._target)
        else:
            # It is over when all before it has been taken, so its end travels the same way.
            await self._deliver(Batch([], self._end))

    async def _end(self) -> None:
        await self._targets.take(self._target)
        await self._recipients.forget()

    def _count(self, more: int) -> None:
        self._due += more
        self._job.summary.items += more
        if self._target.made_now:
            self._job.summary.sent += more
        self._job.progress()

    async def _tell(self) -> None:
        """Hand out the outcomes that are in the journal."""
        while self._deliver is not None:
            async with self._job.places:
                found = await self._recipients.outcomes(self._told)
                if found is None:
                    return
                await self._hand_out(*found)

    async def _hand_out(self, number: int, outcomes: list[LinkOutcome]) -> None:
        if self._deliver is None:
            return
        self._told = number
        self._due -= len(outcomes)
        await self._deliver(Batch(outcomes, partial(self._took, number, len(outcomes))))

    async def _took(self, number: int, count: int) -> None:
        """Note that the consumer has had a page; it is written down with others, if others may follow."""
        self._taken, self._unmarked = max(self._taken, number), self._unmarked + count
        if self._over or self._unmarked >= _TOLD_AT_ONCE:
            await self._mark()

    async def _mark(self) -> None:
        if self._unmarked:
            self._unmarked = 0
            await self._recipients.told(self._taken)

    async def _read(self) -> QualtricsError | None:
        """Read members and links side by side; what comes back is why the links could not be read, if so."""
        async with background_tasks() as tasks:
            listed = anyio.Event()
            tasks.start_soon(self._list, listed)
            return await self._follow(listed)

    async def _list(self, listed: anyio.Event) -> None:
        """Add every member to the expected set; a page that fails is asked for again."""
        clock = asyncio.get_running_loop().time
        reader = Reader(self._members.listing, self._job.places, self._take_members, self._target.listing)
        since = clock()
        while not self._target.listed:
            cursor = reader.cursor
            trouble = await reader.read()
            if trouble is None:
                break
            if reader.cursor != cursor:
                since = clock()
            if clock() - since > self._deadline:
                raise trouble
            await asyncio.sleep(self._job.client.polling.longest)
        listed.set()

    async def _take_members(self, page: Page[Any], _: str | None) -> None:
        added = await self._recipients.expect(self._members.expected(page), page.next_page)
        self._count(added)

    async def _take_links(self, page: Page[DistributionLink], following: str | None) -> None:
        links = [link for link in page.elements if link.link]
        number, fresh, added = await self._recipients.claim(links, following)
        self._count(added)
        self._fresh += len(fresh)
        if fresh:
            await self._hand_out(number, self._recipients.linked(fresh))

    async def _follow(self, listed: anyio.Event) -> QualtricsError | None:
        """Read links as they appear until everybody has one, or nobody else can be waited for."""
        clock, polling = asyncio.get_running_loop().time, self._job.client.polling
        interval, stale, reread = polling.first, 0, _FIRST_REREAD
        give_up = clock() + self._deadline - self._links.waited
        while True:
            complete = listed.is_set()
            trouble = await self._pass()
            if listed.is_set() and not await self._recipients.anyone_waits():
                return None
            stale = stale + 1 if complete and not self._fresh else 0
            if not stale:
                give_up = clock() + self._deadline - self._links.waited
            late = clock() + interval > give_up + self._links.waited
            if stale and (stale >= reread or late):
                # Nothing promises that links are appended: what was passed over shows from the beginning.
                self._links.cursor = None
                reread *= _REREAD_FACTOR
                if late:
                    trouble = await self._pass()
                if await self._is_explained(one_by_one=late or stale > _FIRST_REREAD):
                    return None
                if late and not self._fresh:
                    return trouble
            if self._fresh:  # of the first pass or the last one
                interval, reread = polling.first, _FIRST_REREAD
                give_up = clock() + self._deadline - self._links.waited
            await asyncio.sleep(interval)
            interval = min(interval * polling.factor, polling.longest)

    async def _pass(self) -> QualtricsError | None:
        self._fresh = 0
        return await self._links.read()

    async def _is_explained(self, *, one_by_one: bool) -> bool:
        """Ask why some have no link; tell whether nobody is left to wait for."""
        self._count(-await self._explainer.explain(one_by_one=one_by_one))
        return not await self._recipients.anyone_waits()
