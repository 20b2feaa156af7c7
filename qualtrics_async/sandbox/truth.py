"""Questions about a sandbox that proofs ask: how many contacts, how many distributions."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from qualtrics_async.sandbox.lag import Lag
from qualtrics_async.sandbox.people import People

if TYPE_CHECKING:
    from collections.abc import Callable

    from qualtrics_async.sandbox.jobs import ByPolls, BySeconds
    from qualtrics_async.sandbox.records import Distribution

    Count = Counter[tuple[str, str | None]]

__all__ = ["Truth"]


class Truth(People):
    """Distributions, and counts that settle what was done once, twice or never. Safe from any thread."""

    def __init__(
        self,
        seed: int,
        clock: Callable[[], float],
        jobs: ByPolls | BySeconds,
        search_lag: ByPolls | BySeconds | None,
        listing_lag: ByPolls | BySeconds | None,
    ) -> None:
        super().__init__(seed, clock, jobs, search_lag)
        self.distributions: dict[str, Distribution] = {}
        self.unlisted = Lag(listing_lag, clock)
        self._counted: dict[str, tuple[tuple[int, int], Count]] = {}

    def count_members(
        self, mailing_list_id: str, *, ext_ref: str | None = None, email: str | None = None
    ) -> int:
        """How many members of a list have this external reference, or else this e-mail address.

        With neither, all members. Constant time as long as nothing changes between two questions; what a test
        sets on a contact by hand is not noticed.

        Raises:
            KeyError: for a list that is not there.
        """
        self.catch_up()
        with self.serving():
            mailing_list = self._mailing_lists[mailing_list_id]
            if ext_ref is None and email is None:
                return len(mailing_list.members)
            counted = self._count(mailing_list_id)
            return counted["ext_ref", ext_ref] if ext_ref is not None else counted["email", email]

    def distributions_of(
        self, target_id: str, *, survey_id: str | None = None, request_type: str | None = None
    ) -> list[Distribution]:
        """The distributions that were made for a list or a transaction batch, in order.

        Reminders and thank-yous count, unless `request_type` is another (`GeneratedInvite`, `Invite`).
        """
        with self.serving():
            return [
                made
                for made in self.distributions.values()
                if made.target_id == target_id
                and survey_id in (None, made.survey_id)
                and request_type in (None, made.request_type)
            ]

    def _count(self, mailing_list_id: str) -> Count:
        mailing_list = self._mailing_lists[mailing_list_id]
        state = mailing_list.changes, self._changes
        known = self._counted.get(mailing_list_id)
        if known is not None and known[0] == state:
            return known[1]
        counted: Count = Counter()
        for member in mailing_list.members:
            counted["ext_ref", member.contact.ext_ref] += 1
            counted["email", member.contact.email] += 1
        self._counted[mailing_list_id] = state, counted
        return counted
