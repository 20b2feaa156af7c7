"""Why somebody has no link, as far as the service tells."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Final, TypeVar

from msgspec.structs import replace

from qualtrics_async._core.paging import Page
from qualtrics_async.bulk.expected import Expected, State
from qualtrics_async.bulk.job import Job
from qualtrics_async.bulk.listing import PASSING, REFUSED, Reader
from qualtrics_async.bulk.recipient import Recipient
from qualtrics_async.bulk.recipients import Recipients
from qualtrics_async.bulk.targets import Target, TargetKind
from qualtrics_async.errors import Forbidden, NotFound
from qualtrics_async.models.contacts import Contact
from qualtrics_async.models.distributions import Distribution, DistributionHistoryEntry, DistributionLink

__all__ = ["Explainer"]

T = TypeVar("T")

_FEW: Final = 50
"""How many are asked about one by one; where more have no link, the links are not there yet."""

_SECOND: Final = timedelta(seconds=1)
_SILENT: Final = (Forbidden, NotFound, *REFUSED, *PASSING)
"""What keeps the service from telling, and costs a reason and not the job."""


class Explainer:
    """Asks about those of one distribution who have no link, and writes down what it learns."""

    def __init__(
        self,
        job: Job[Recipient, DistributionLink],
        target: Target,
        recipients: Recipients,
        *,
        survey_id: str,
        directory_id: str,
    ) -> None:
        self._client = job.client
        self._places = job.places
        self._target = target
        self._recipients = recipients
        self._survey_id = survey_id
        self._directory_id = directory_id
        self._asked: set[str] = set()

    async def explain(self, *, one_by_one: bool) -> int:
        """Look into the history for frequency rules, and ask about the few who are left, each once.

        What comes back is how many of them turned out to have a link.
        """
        await self._rule_out()
        if not one_by_one:
            return 0
        waiting = await self._recipients.waiting(_FEW + 1)
        left = [one for one in waiting if one.key not in self._asked]
        if not left or len(waiting) > _FEW:
            return 0
        self._asked.update(one.key for one in left)
        made = await self._ask(lambda: self._client.distributions.get(self._job, survey_id=self._survey_id))
        return await self._recipients.learn([await self._look_up(one, made) for one in left])

    @property
    def _job(self) -> str:
        return self._target.job or ""

    async def _rule_out(self) -> None:
        """Ask the history who is kept from a link by a contact-frequency rule; it may not tell."""

        async def take(page: Page[DistributionHistoryEntry], _: str | None) -> None:
            ruled = [
                entry.contact_id
                for entry in page.elements
                if entry.contact_id and entry.contact_frequency_rule_id
            ]
            await self._recipients.rule_out(ruled)

        history = self._client.distributions.history(self._job)
        with suppress(*_SILENT):
            await Reader(history, self._places, take, None).read()

    async def _ask(self, call: Callable[[], Awaitable[T]]) -> T | None:
        """Ask, in turn with others; None when there is no answer."""
        async with self._places:
            try:
                return await call()
            except _SILENT:
                return None

    async def _look_up(self, one: Expected, made: Distribution | None) -> Expected:
        """Ask about one of them; a state that is left as it is means that the link may still come."""
        list_id: str | None = self._target.name
        try:
            if self._target.kind is TargetKind.BATCH:
                async with self._places:
                    found = await self._client.transactions.get(self._directory_id, one.key)
                list_id, one = found.mailing_list_id, replace(one, contact=found.contact_id)
            if list_id is None or one.contact is None:
                return one
            async with self._places:
                contact = await self._client.mailing_list_contacts.get(
                    self._directory_id, list_id, one.contact
                )
        except NotFound:
            return replace(one, state=State.GONE)
        except _SILENT:
            return one
        return replace(
            one,
            lookup=contact.contact_lookup_id,
            email=contact.email,
            first_name=contact.first_name,
            last_name=contact.last_name,
            reference=contact.ext_ref,
            state=_state(contact, made),
        )


def _state(contact: Contact, made: Distribution | None) -> State:
    if contact.directory_unsubscribed or contact.mailing_list_unsubscribed:
        return State.OPTED_OUT
    since, created = contact.creation_date, None if made is None else made.created_date
    # Both stamps are of the service's own clock, and one of them may lack its fraction of a second.
    if since is not None and created is not None and since >= created + _SECOND:
        return State.LATE
    return State.WAITING
