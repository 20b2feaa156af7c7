"""Single creates: one POST a row; where it may not be sent twice, a lost reply is searched for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import msgspec

from qualtrics_async.bulk.finding import Found, Key
from qualtrics_async.bulk.job import Job
from qualtrics_async.bulk.lists import NO_SUCH_LIST, Lists
from qualtrics_async.bulk.outcome import Decision
from qualtrics_async.bulk.records import Kind
from qualtrics_async.bulk.rows import Imported, ImportRow
from qualtrics_async.bulk.sending import send_once
from qualtrics_async.bulk.singly import Block, OneRow, Singly
from qualtrics_async.bulk.traces import MOST_RESENT, Criteria, NoAnswer, Traces, Who, is_harmless
from qualtrics_async.errors import QualtricsError
from qualtrics_async.models.contacts import ContactCreate, ContactCreated

__all__ = ["Creates"]

_read_who = msgspec.json.Decoder(Who).decode
_read_contact = msgspec.json.Decoder(ContactCreate).decode


class Creates(Singly[Imported]):
    """The creates of one job.

    A row that deduplication makes harmless is sent again, in each round. Any other one is looked for by a
    key that no other row has, if it was not in the list before it left.
    """

    def __init__(self, job: Job[ImportRow, Imported], directory_id: str, *, by_row: bool) -> None:
        super().__init__(job)
        self._directory_id = directory_id
        self._lists = Lists(job.client, directory_id, by_row=True) if by_row else None
        self._criteria = Criteria(job.client, directory_id)
        self._traces = Traces(job.client, job.journal, directory_id)

    async def prepare(self, block: Block, rows: Sequence[OneRow]) -> None:
        """Find out which rows may be sent twice, and by what the others can be found."""
        missing = await self._lists.check(block.chunk.mailing_list_id) if self._lists and rows else None
        if missing is not None:
            for row in rows:
                await row.settle(Kind.FAILED, NO_SUCH_LIST, missing)
            return
        criteria = await self._criteria.active()
        keys = {}
        for row in rows:
            who = _read_who(row.payload)
            row.is_harmless = is_harmless([who], criteria)
            if who.keys and not row.is_harmless:
                keys[row] = who.keys[0]
        own = await self._traces.unique(block.chunk.mailing_list_id, keys) if keys else {}
        for row, key in own.items():
            row.key = key

    async def send(self, row: OneRow) -> None:
        """Create the contact of a row; one that left before is harmless, or was just looked for."""
        if row.key is not None and not row.may_have_left:
            row.absent = await self._traces.look(row.mailing_list_id, row.key) == []

        async def accept(created: ContactCreated) -> None:
            await self._accept(row, Found(created.id, created.contact_lookup_id))

        async def reject(kind: Kind, reason: str, error: QualtricsError) -> None:
            if kind is Kind.IN_DOUBT:
                await row.settle(Kind.SENDING, reason, error)
            elif row.may_have_left:
                row.error = error
                await self._leave(row, "when it was sent again, it was refused")
            else:
                await row.settle(kind, reason, error)

        contact, create = _read_contact(row.payload), self.job.client.mailing_list_contacts.create
        call = partial(create, self._directory_id, row.mailing_list_id, contact)
        await send_once(row.intend, call, accept, reject, grace=self.job.client.timeouts.grace)

    async def reconcile(self, row: OneRow) -> None:
        """Send a harmless row again; look for any other one."""
        if not row.is_harmless:
            await self._judge(row, await self._look(row))
        elif row.block.may_repeat:
            await self._decide(row, "sent again", "deduplication makes it harmless")
            await self.send_in_turn(row)
        else:
            await self._leave(row, "sending it again did not bring an answer either")

    async def _look(self, row: OneRow) -> list[Found] | NoAnswer:
        if row.key is None or not row.absent:
            return NoAnswer.EVER
        async with self.job.places:
            seen = await self._traces.look(row.mailing_list_id, row.key, lookup=True)
            if isinstance(seen, NoAnswer):
                # It may be the id in the list that cannot be asked for; the contact may be found without.
                seen = await self._traces.look(row.mailing_list_id, row.key)
        if isinstance(seen, list) and seen and not await self._is_own(row, row.key):
            row.key = None
            return NoAnswer.EVER
        return seen

    async def _is_own(self, row: OneRow, key: Key) -> bool:
        """Whether still no other row has a key: who was seen may be one that was read and created since."""
        return bool(await self._traces.unique(row.mailing_list_id, {row.position: key}))

    async def _judge(self, row: OneRow, seen: list[Found] | NoAnswer) -> None:
        """Decide on a row by what was seen of it."""
        block, settings = row.block, self.job.settings
        no_trace = f"no trace of it within {settings.reconcile_timeout:g} s"
        if seen is NoAnswer.EVER:
            await self._leave(row, "it cannot be looked for", "no key" if row.key is None else "lost reply")
        elif isinstance(seen, list) and seen:
            await self._decide(row, "accepted", "its contact, which was not in the list before, is there")
            await self._accept(row, seen[0] if len(seen) == 1 else None)
        elif not block.is_over:
            return
        elif seen == [] and settings.on_doubt == "resend" and block.begun <= MOST_RESENT:
            await self._decide(row, "sent again", f"{no_trace}, and on_doubt says so")
            block.patience = None
            await self.send_in_turn(row)
        else:
            await self._leave(row, no_trace)

    async def _accept(self, row: OneRow, found: Found | None) -> None:
        row.contact_id, lookup_id = found or (None, None)
        await row.settle(Kind.OK, contact_lookup_id=lookup_id)
        self.job.summary.sent += 1

    async def _leave(self, row: OneRow, why: str, reason: str = "lost reply") -> None:
        """Leave a row in doubt for good."""
        await self._decide(row, "in doubt", why)
        await row.settle(Kind.IN_DOUBT, reason, row.error)

    async def _decide(self, row: OneRow, decision: str, why: str) -> None:
        await self.job.decide(Decision(row.mailing_list_id, 1, decision, why))
