"""Individual survey links for every contact of many mailing lists: complete, and joined to the contact."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Iterable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import Any, Final, TypeAlias, Unpack

import anyio

from qualtrics_async._core.paging import Page, Paged
from qualtrics_async._core.request import fill
from qualtrics_async.bulk.collecting import Collection, Members
from qualtrics_async.bulk.distributing import Distributing, LinkOrder
from qualtrics_async.bulk.expiry import Expiry, checked_expiry, expiry_of
from qualtrics_async.bulk.fanout import Batch, Deliver, FairQueue, Outcomes
from qualtrics_async.bulk.job import Job, JobOptions, Settings
from qualtrics_async.bulk.listing import PASSING, REFUSED, is_passing
from qualtrics_async.bulk.outcome import Failed, InDoubt
from qualtrics_async.bulk.recipient import Recipient
from qualtrics_async.bulk.recipients import Pages, Recipients
from qualtrics_async.bulk.records import ChunkState, Kind
from qualtrics_async.bulk.sending import STOPS
from qualtrics_async.bulk.targets import Target, TargetKind, Targets
from qualtrics_async.client import Qualtrics
from qualtrics_async.errors import NotFound, QualtricsError, Unauthorized, UsageError
from qualtrics_async.models.distributions import DistributionLink

__all__ = ["Links", "check_links", "generate_links"]

_Job: TypeAlias = Job[Recipient, DistributionLink]
_Deliver: TypeAlias = Deliver[Recipient, DistributionLink]

_BATCHES_AHEAD: Final = 8
_LOOKING: Final = 8
_OPEN: Final = 256
"""Lists that are waited for at a time: enough for a few that are stuck, few enough to poll."""


@asynccontextmanager
async def generate_links(
    client: Qualtrics,
    survey_id: str,
    mailing_lists: Iterable[str] = (),
    *,
    transaction_batches: Iterable[str] = (),
    directory_id: str | None = None,
    expires: Expiry | None = None,
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
    waits for them, and `max_failures` does not count them), `"frequency rule"` (as the distribution's history
    says), `"joined later"` (the contact was made after the distribution), `"left"` (it is in the list no
    longer), `"pending"` when the deadline passed, or `"unreadable links"`. An outcome without a contact
    concerns a whole list: its distribution was refused, its fate is unknown, or its contacts could not be
    read. Memory does not depend on the number of contacts.

    A transaction batch gets a distribution too, and each of its transactions a link (assumed).

    A distribution whose creation was not confirmed is looked for among those of the survey and list that
    were not there before: exactly one with the same expiry is adopted, several leave the list `InDoubt`, and
    without a trace until `reconcile_timeout` it is made again. So `on_doubt` changes nothing here. Where the
    account may not list distributions, the list is `InDoubt`.

    With a journal, the listings go on at the page where they were interrupted, and `replay` yields from the
    journal what it has; of a finished job only if `keep_rows` kept it, else the listings are read again.

    Args:
        client: an open client.
        survey_id: an active survey.
        mailing_lists: the ids of the lists.
        transaction_batches: the ids of transaction batches.
        directory_id: their directory; the brand's default one if it is not given.
        expires: when the links end: an aware `datetime`, its ISO text, or a `timedelta` from the first call
            on, which is the same for each call of a job; the service's default if it is not given.
        link_type: `"Individual"` (one response) or `"Multiple"` (any number of responses).
        description: what the distributions are called.
        deadline: seconds without a new link after which a list is given up.
        concurrency: pages at a time; a list that waits for its links holds none of them.
        options: the options of every bulk job, see `JobOptions`.

    Raises:
        UsageError: for arguments that cannot be meant, before any I/O.
        JournalError: when the journal is in use, damaged, or of another job.
        QualtricsError: from the iteration, when an error would fail every list.
    """
    settings = Settings(**options)
    lists, batches = _ids(mailing_lists), _ids(transaction_batches)
    if directory_id is not None:
        fill("/directories/{directoryId}", (directory_id,))
    _check(lists, batches)
    check_links(survey_id, link_type, deadline, concurrency)
    fingerprint = {
        "job": "generate_links",
        "survey": survey_id,
        "mailing lists": lists,
        "transaction batches": batches,
        "expiry": checked_expiry(expires),
        "link type": link_type,
        "description": description,
    }
    opened = _Job.open(client, settings, fingerprint, concurrency=concurrency)
    async with opened as job:
        order = LinkOrder(
            survey_id=survey_id,
            link_type=link_type,
            expires=await expiry_of(job, expires),
            description=description,
            deadline=deadline,
        )
        with job.counting():
            directory = directory_id or (await client.directories.default()).id
        queue = FairQueue[int, Target]()
        links = await Links.open(job, directory, order)
        wanted = [(TargetKind.LIST, name) for name in lists] + [(TargetKind.BATCH, name) for name in batches]
        begin = partial(links.begin, wanted, queue)
        most = max(_OPEN, concurrency)
        async with job.running(queue, links.work, begin, concurrency=most, ahead=_BATCHES_AHEAD) as outcomes:
            yield outcomes


def _ids(names: Iterable[str]) -> list[str]:
    return [names] if isinstance(names, str) else list(names)


def _check(lists: list[str], batches: list[str]) -> None:
    if not lists and not batches:
        raise UsageError("mailing_lists or transaction_batches takes at least one id")
    for name in lists:
        fill("/mailinglists/{mailingListId}", (name,))
    for name in batches:
        fill("/transactionbatches/{batchId}", (name,))
    if len({*lists, *batches}) < len(lists) + len(batches):
        raise UsageError("a list or batch is named twice: its contacts would have two links")


def check_links(survey_id: str, link_type: str, deadline: float, concurrency: int) -> None:
    """Refuse what cannot be meant of links.

    Raises:
        UsageError: for a bad id, anonymous links, and numbers that are not positive.
    """
    fill("/surveys/{surveyId}", (survey_id,))
    if link_type == "Anonymous":
        raise UsageError("anonymous links belong to no contact: use client.distributions.create_links()")
    if not deadline > 0 or concurrency < 1:
        raise UsageError(f"deadline and concurrency are positive, got {deadline} and {concurrency}")


class Links:
    """What becomes of the mailing lists and batches of one job.

    With `handing_out` False nothing is delivered: a target ends when all of its outcomes are in the journal,
    where `recipients()` finds them, and `targets.take()` says that they have been used. Somebody must be in
    each of them then, so one that seems empty is looked at again.
    """

    def __init__(
        self, job: _Job, directory_id: str, order: LinkOrder, pages: Pages, *, handing_out: bool
    ) -> None:
        self._job = job
        self._client = job.client
        self._directory_id = directory_id
        self._order = order
        self._pages = pages
        self._handing_out = handing_out
        self.targets = Targets(job.journal.store)
        self._distributing = Distributing(job, order, directory_id, self.targets)

    @classmethod
    async def open(cls, job: _Job, directory_id: str, order: LinkOrder, *, handing_out: bool = True) -> Links:
        """Prepare the journal of a job."""
        store = job.journal.store
        kept = not (store.temporary and handing_out)
        return cls(job, directory_id, order, await Pages.open(store, kept=kept), handing_out=handing_out)

    async def recipients(self, target: Target) -> Recipients:
        """Prepare the recipients of a target that has ended, to be looked up by contact."""
        recipients = Recipients(self._pages, target)
        await recipients.index()
        return recipients

    async def begin(
        self,
        wanted: Sequence[tuple[TargetKind, str]],
        queue: FairQueue[int, Target],
        deliver: _Deliver,  # noqa: ARG002  (it delivers nothing itself)
    ) -> None:
        """Look at every list that has no distribution yet, then let all of them be worked on.

        A list that does not exist ends the job before a distribution is created for any other.
        """
        targets = await self.targets.read()
        if not targets:
            targets = [Target(number, kind, name) for number, (kind, name) in enumerate(wanted, 1)]
            await self.targets.save(targets)
        planned = [target for target in targets if target.state is ChunkState.PLANNED]
        if len(planned) > 1:
            await self._look_at(iter(planned))
        for target in targets:
            if self._job.settings.replay or not target.taken:
                await queue.put(target.number, target)
        await queue.close()

    async def _look_at(self, planned: Iterator[Target]) -> None:
        missing: list[QualtricsError] = []

        async def look() -> None:
            for target in planned:
                try:
                    await self._get(target)
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

    def _get(self, target: Target) -> Awaitable[object]:
        if target.kind is TargetKind.LIST:
            return self._client.mailing_lists.get(self._directory_id, target.name)
        return self._client.transaction_batches.get(self._directory_id, target.name)

    async def work(self, target: Target, deliver: _Deliver) -> None:
        """Bring a target from the state that it is in to the outcomes of its members."""
        members = Members(self._job, self._directory_id, target)
        try:
            await self._distribute(target, members)
            if target.job is not None:
                await self._collect(target, members, deliver)
            elif self._handing_out:
                await self._deliver_whole(target, deliver)
        except (*PASSING, *REFUSED) as error:
            if isinstance(error, STOPS):
                raise
            # One list and not the others: nothing is written down, so that the next run goes on here.
            self._job.summary.items += 1
            await deliver(Batch([Failed(Recipient.of(target), error, "unreadable list")]))

    async def _distribute(self, target: Target, members: Members) -> None:
        """See to it that a target has its distribution, unless it is empty or refused."""
        if target.state is ChunkState.PLANNED and await self._has_members(target, members):
            await self._distributing.distribute(target)
        if target.state is ChunkState.SENDING:
            await self._distributing.reconcile(target)

    async def _has_members(self, target: Target, members: Members) -> bool:
        """Read the first members, so that nothing is created for nobody."""
        if target.listed or target.listing is not None:
            return True
        loop = asyncio.get_running_loop()
        give_up = loop.time() + self._order.deadline
        while True:
            try:
                async with self._job.places:
                    page = await _first_that_has_any(members.listing)
                    if page is not None:
                        recipients = Recipients(self._pages, target)
                        target.size = await recipients.expect(members.expected(page), page.next_page)
                        return True
                if self._handing_out or loop.time() > give_up:
                    await self.targets.take(target)
                    return False
            except QualtricsError as error:
                if not is_passing(error) or loop.time() > give_up:
                    raise
            await asyncio.sleep(self._client.polling.longest)

    async def _collect(self, target: Target, members: Members, deliver: _Deliver) -> None:
        collection = Collection(
            self._job,
            target,
            pages=self._pages,
            targets=self.targets,
            members=members,
            order=self._order,
            deliver=deliver if self._handing_out else None,
        )
        await collection.run()

    async def _deliver_whole(self, target: Target, deliver: _Deliver) -> None:
        """Hand out the outcome that concerns a whole list, if there is one."""
        known = target.result
        if known is None or known.error is None or known.reason is None:
            return
        kind = InDoubt if known.kind is Kind.IN_DOUBT else Failed
        self._job.summary.items += 1
        outcome = kind(Recipient.of(target), known.error, known.reason)
        await deliver(Batch([outcome], partial(self.targets.take, target)))


async def _first_that_has_any(listing: Paged[Any]) -> Page[Any] | None:
    """Read up to the first page that has an element; an empty one need not be the last."""
    async with aclosing(listing.pages()) as pages:
        async for page in pages:
            if page.elements:
                return page
    return None
