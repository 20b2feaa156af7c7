"""Contact imports in their queues: the imports of one list are processed one after the other. Documented.

A row becomes a contact when it is processed, not when its request is answered (assumed): by polls or by the
sandbox's clock, as `jobs` says. While an import is running, the share of its rows that is done are contacts
(assumed).
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from qualtrics_async.sandbox.jobs import ByPolls, BySeconds
    from qualtrics_async.sandbox.people import People
    from qualtrics_async.sandbox.records import ImportJob, Place
    from qualtrics_async.sandbox.wire import Call

__all__ = ["ImportQueues", "keep_up"]

SLICE = 500
"""Rows that are processed before other requests get their turn."""

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_LIST = "/directories/{directoryId}/mailinglists/{mailingListId}"
_CONTACTS = "/directories/{directoryId}/contacts"
_UNCONCERNED = ("/whoami", "/surveys", "/survey-definitions", "/users", "/distributions/{distributionId}")
_READING_POSTS = (f"POST {_CONTACTS}/search", "POST /distributions")


class ImportQueues:
    """The unfinished imports by directory and list, in order of arrival; the first of each list gets on."""

    def __init__(self, state: People, policy: ByPolls | BySeconds) -> None:
        self._state = state
        self._policy = policy
        self._waiting: dict[Place, deque[ImportJob]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def __iter__(self) -> Iterator[Place]:
        return iter(tuple(self._waiting))

    def put(self, job: ImportJob) -> None:
        """Append an import to the queue of its list."""
        self._waiting.setdefault(job.place, deque()).append(job)

    def poll(self, place: Place) -> None:
        """Let the first unfinished import of a list know that somebody looked."""
        if place in self._waiting:
            self._waiting[place][0].progress.polls += 1

    def fraction(self, job: ImportJob) -> float:
        """The share of an import that is done, 0 to 1; nothing of it while another one is before it."""
        if job.done:
            return 1.0
        first = self._waiting[job.place][0]
        return self._fraction(job, self._state.monotonic()) if first is job else 0.0

    def catch_up(self, places: Collection[Place] | None = None) -> None:
        """Process at once what is due, of these lists or of all."""
        for _ in self._due(places):
            pass

    async def catch_up_in_turns(self, places: Collection[Place] | None = None) -> None:
        """Process what is due, of these lists or of all; other requests get their turn between slices."""
        for _ in self._due(places):
            await asyncio.sleep(0)

    async def take_at_once(self, job: ImportJob) -> None:
        """Make contacts of all rows of an import, wherever it stands in its queue."""
        for _ in self._take_all(job, job.size, self._state.monotonic()):
            await asyncio.sleep(0)

    def _due(self, places: Collection[Place] | None) -> Iterator[None]:
        now = self._state.monotonic()
        for place in self if places is None else places:
            yield from self._due_of(place, now)

    def _due_of(self, place: Place, now: float) -> Iterator[None]:
        while place in self._waiting:
            job = self._waiting[place][0]
            fraction = self._fraction(job, now)
            yield from self._take_all(job, int(job.size * fraction), now)
            if fraction < 1.0:
                return
            self._finish(job, now)

    def _fraction(self, job: ImportJob, now: float) -> float:
        return 0.0 if job.progress.stuck else self._policy.fraction(job.progress, now)

    def _take_all(self, job: ImportJob, due: int, now: float) -> Iterator[None]:
        while self._take(job, due, now):
            yield

    def _take(self, job: ImportJob, due: int, now: float) -> bool:
        """Process the next slice of the rows that are due; tells whether there was one."""
        with self._state.serving():
            start, stop = job.taken, min(job.taken + SLICE, due)
            if job.fate != "complete" or start >= stop:
                return False
            job.taken = stop
            instant = self._state.instant(self._policy.ended(job.progress, now))
            for index in range(start, stop):
                _take_row(self._state, job, index, instant)
            return True

    def _finish(self, job: ImportJob, now: float) -> None:
        with self._state.serving():
            # Between slices another request may have finished it.
            if job.done:
                return
            job.done = True
            job.rows = []
            queue = self._waiting[job.place]
            queue.popleft()
            if queue:
                following = queue[0].progress
                following.began = max(following.began, self._policy.ended(job.progress, now))
            else:
                del self._waiting[job.place]


async def keep_up(call: Call) -> None:
    """Process what is due before a request is served.

    A request that reads contacts or progress is a poll of the first import of each list that it concerns, so
    that an import which nobody follows is processed all the same.
    """
    queues = call.state.queues
    if not queues:
        return
    places = _concerned(call)
    if places is not None and (call.operation.method == "GET" or call.operation.route in _READING_POSTS):
        # The report is read after the end: it is no poll.
        for place in () if call.operation.template.endswith("/report") else places:
            queues.poll(place)
    await queues.catch_up_in_turns(places)


def _concerned(call: Call) -> list[Place] | None:
    """The lists whose imports a request may see; None is any."""
    template, ids, queues = call.operation.template, call.ids, call.state.queues
    if template.endswith("/jobs/{importId}/report") or "/transactioncontacts/{importId}" in template:
        job = call.state.imports.get(ids[1] if template.endswith("/report") else ids[2])
        return [] if job is None else [job.place]
    if template.startswith(_LIST):
        return [(ids[0], ids[1])]
    if template.startswith(_CONTACTS):
        return [place for place in queues if place[0] == ids[0]]
    if call.operation.route == "POST /distributions":
        return [place for place in queues if place[1].encode() in call.payload]
    return [] if template.startswith(_UNCONCERNED) else None


def _take_row(state: People, job: ImportJob, index: int, now: int) -> None:
    mailing_list = state.mailing_lists.get(job.mailing_list_id)
    job.contacts.append(None)
    job.lookup_ids.append(None)
    job.added.append(0)
    row = job.rows[index]
    # The list may have been deleted meanwhile: that its rows are lost then is assumed.
    if mailing_list is None or row is None:
        return
    email = row.get("email")
    if email is not None and _EMAIL.fullmatch(email) is None:
        job.invalid_emails.append(email)
        job.rejected[index] = {"email": email, "phone": row.get("phone")}
        return
    member, added = state.upsert(mailing_list, row, now)
    state.count_accepted(member.contact, row)
    job.contacts[index] = member.contact
    job.lookup_ids[index] = member.lookup_id
    job.added[index] = added
    if "transactionData" in row:
        batch_id = job.batch_id if job.batch_id in state.transaction_batches else None
        data = row["transactionData"]
        job.transactions[index] = state.record_transaction(mailing_list, member, data, batch_id)
