"""One distribution for each list or batch, and never two: intent, doubt, and what the service shows of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import aclosing
from datetime import datetime
from functools import partial
from typing import Final

from msgspec import Struct

from qualtrics_async.bulk.job import Job
from qualtrics_async.bulk.listing import PASSING, REFUSED, is_passing
from qualtrics_async.bulk.outcome import Decision
from qualtrics_async.bulk.recipient import Recipient
from qualtrics_async.bulk.records import ChunkState, Kind, Result
from qualtrics_async.bulk.sending import send_once
from qualtrics_async.bulk.targets import Target, TargetKind, Targets
from qualtrics_async.errors import Forbidden, NotFound, OutcomeUnknown, QualtricsError
from qualtrics_async.models.common import Created
from qualtrics_async.models.distributions import Distribution, DistributionLink

__all__ = ["Distributing", "Finding", "LinkOrder", "judge"]

_GENERATED: Final = "GeneratedInvite"
_PAGE: Final = 100
_TRIES: Final = 3
"""Looks in a row that may fail before nobody knows what is there."""


class LinkOrder(Struct, frozen=True, kw_only=True):
    """What is asked for: `expires` as the service takes it, `deadline` in seconds without a new link."""

    survey_id: str
    link_type: str = "Individual"
    expires: str | None = None
    description: str | None = None
    deadline: float = 600.0


class Finding(Struct, frozen=True):
    """What a look says of a distribution in doubt: its id, or why nobody can know, or no trace of it."""

    adopted: str | None = None
    doubt: str | None = None


def judge(new: Iterable[Distribution], target: Target, order: LinkOrder) -> Finding:
    """Tell which of the distributions that are new is the one of this target.

    One that says of itself that it is another is left out; one that does not say whose it is, or when its
    links end although that was asked for, may be the one.
    """
    candidates = [one for one in new if _may_be(one, target, order)]
    if not candidates:
        return Finding()
    if len(candidates) > 1:
        return Finding(doubt=f"there are {len(candidates)} new distributions that may be it")
    [one] = candidates
    if _target_of(one) is None or (order.expires is not None and _expiry_of(one) is None):
        return Finding(doubt=f"the new distribution {one.id} does not say whether it is the one")
    return Finding(adopted=one.id)


def _may_be(one: Distribution, target: Target, order: LinkOrder) -> bool:
    link = one.survey_link
    asked = None if order.expires is None else datetime.fromisoformat(order.expires)
    return (
        _concerns(one, target)
        and (link is None or link.survey_id in (None, order.survey_id))
        and (link is None or link.link_type in (None, order.link_type))
        and (asked is None or _expiry_of(one) in (None, asked))
    )


def _concerns(one: Distribution, target: Target) -> bool:
    return one.request_type in (None, _GENERATED) and _target_of(one) in (None, target.name)


def _target_of(one: Distribution) -> str | None:
    # Of a batch, its id stands in the place of a list's (documented).
    return None if one.recipients is None else one.recipients.mailing_list_id


def _expiry_of(one: Distribution) -> datetime | None:
    ends = None if one.survey_link is None else one.survey_link.expiration_date
    return None if ends is None else ends.replace(microsecond=0)


def _is_in_doubt(target: Target, posts: int) -> bool:
    return target.state is ChunkState.SENDING and target.posts == posts


class Distributing:
    """The distributions of one job; the caller sees to it that a target has one task."""

    def __init__(
        self, job: Job[Recipient, DistributionLink], order: LinkOrder, directory_id: str, targets: Targets
    ) -> None:
        self._job = job
        self._directory_id = directory_id
        self._client = job.client
        self._order = order
        self._targets = targets

    async def distribute(self, target: Target) -> None:
        """Make the distribution of a target that has none, after a look at those that are there."""
        rows = await self._size(target)
        for attempt in range(_TRIES):
            async with self._job.pace.leave(rows), self._job.places:
                try:
                    found = await self._look(target)
                except QualtricsError as error:
                    if not is_passing(error):
                        raise
                    if attempt + 1 < _TRIES:
                        continue
                    found = None
                target.before = None if found is None else [one.id for one in found]
                await self._post(target)
                return

    async def _size(self, target: Target) -> int:
        """About how many links are asked for, if it matters."""
        if self._job.settings.limit_rows_per_minute is None or target.kind is TargetKind.BATCH:
            return target.size
        try:
            found = await self._client.mailing_lists.get(self._directory_id, target.name, include_count=True)
        except (Forbidden, NotFound, *REFUSED, *PASSING):
            return target.size
        return max(target.size, int(found.contact_count or 0))

    async def _look(self, target: Target) -> list[Distribution] | None:
        """Read the distributions that concern a target and were not there before; None if it is refused."""
        before = set(target.before or ()) if target.posts else set[str]()
        # Whether this filter takes the id of a batch is known to nobody; an empty answer would prove nothing.
        only = target.name if target.kind is TargetKind.LIST else None
        listing = self._client.distributions.list(
            self._order.survey_id,
            distribution_request_type=_GENERATED,
            mailing_list_id=only,
            page_size=_PAGE,
        )
        found: dict[str, Distribution] = {}
        try:
            async with aclosing(listing.pages()) as pages:
                async for page in pages:
                    found |= {
                        one.id: one
                        for one in page.elements
                        if one.id not in before and _concerns(one, target)
                    }
        except (Forbidden, NotFound, *REFUSED):
            return None
        return list(found.values())

    async def _post(self, target: Target) -> None:
        async def intend(leaving: bool) -> None:
            target.posts += 1 if leaving else -1
            target.state = ChunkState.SENDING if target.posts else ChunkState.PLANNED
            await self._targets.save([target])

        async def accept(created: Created) -> None:
            await self._accept(target, created.id)

        async def reject(kind: Kind, reason: str, error: QualtricsError) -> None:
            if kind is Kind.IN_DOUBT:
                target.doubt = error  # the intent is in the journal, and stays there
            else:
                await self._conclude(target, kind, reason, error)

        await send_once(intend, self._call(target), accept, reject, grace=self._client.timeouts.grace)

    def _call(self, target: Target) -> Callable[[], Awaitable[Created]]:
        order = self._order
        given: dict[str, str] = {"survey_id": order.survey_id, "link_type": order.link_type}
        if order.expires is not None:
            given["expiration_date"] = order.expires
        if order.description is not None:
            given["description"] = order.description
        name = "mailing_list_id" if target.kind is TargetKind.LIST else "transaction_batch_id"
        return partial(self._client.distributions.create_links, **given, **{name: target.name})

    async def _accept(self, target: Target, distribution_id: str) -> None:
        target.state, target.job, target.made_now = ChunkState.ACCEPTED, distribution_id, True
        await self._targets.save([target])

    async def _conclude(self, target: Target, kind: Kind, reason: str, error: QualtricsError) -> None:
        """End a target with one outcome for all of it."""
        target.state, target.result = ChunkState.DONE, Result(0, kind, reason, error)
        await self._targets.save([target])

    async def reconcile(self, target: Target) -> None:
        """Learn what became of a distribution in doubt; a place is held for a look, and not in between.

        Exactly one new one is adopted. Several, or a listing that is refused, leave it in doubt. None until
        `reconcile_timeout` means that it is sent again, right after a last look.
        """
        loop = asyncio.get_running_loop()
        while target.state is ChunkState.SENDING:
            await self._reconcile_post(target, loop.time() + self._job.settings.reconcile_timeout)

    async def _reconcile_post(self, target: Target, give_up: float) -> None:
        """Learn what became of the latest POST."""
        loop, polling = asyncio.get_running_loop(), self._client.polling
        interval, failures, posts = polling.first, 0, target.posts
        while _is_in_doubt(target, posts):
            late = loop.time() >= give_up
            async with self._job.places:
                try:
                    await self._follow(target, await self._find(target), late=late)
                    failures = 0
                except QualtricsError as error:
                    if not is_passing(error):
                        raise
                    failures += 1
                    if late and failures >= _TRIES:
                        await self._give_up(target, "the distributions could not be listed")
            if _is_in_doubt(target, posts):
                rest = give_up - loop.time()
                await asyncio.sleep(interval if rest <= 0 else min(interval, rest))
                interval = min(interval * polling.factor, polling.longest)

    async def _find(self, target: Target) -> Finding:
        found = None if target.before is None else await self._look(target)
        if found is None:
            return Finding(doubt="the distributions of the survey may not be listed")
        return judge(found, target, self._order)

    async def _follow(self, target: Target, finding: Finding, *, late: bool) -> None:
        if finding.adopted is not None:
            await self._decide(target, "accepted", f"{finding.adopted} is the only new distribution for it")
            await self._accept(target, finding.adopted)
        elif finding.doubt is not None:
            await self._give_up(target, finding.doubt)
        elif late:
            seconds = self._job.settings.reconcile_timeout
            await self._decide(
                target, "sent again", f"there is no new distribution for it after {seconds:g} s"
            )
            await self._post(target)

    async def _give_up(self, target: Target, why: str) -> None:
        doubt = target.doubt or OutcomeUnknown(
            "an earlier run ended while the distribution of the list was being created"
        )
        await self._decide(target, "in doubt", why)
        await self._conclude(target, Kind.IN_DOUBT, "lost reply", doubt)

    async def _decide(self, target: Target, decision: str, why: str) -> None:
        await self._job.decide(Decision(target.name, 1, decision, why))
