"""Rows and the links of their contacts: joined by contact, or else by what row and link say of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import msgspec

from qualtrics_async._core.store import Store
from qualtrics_async.bulk.job import Job
from qualtrics_async.bulk.outcome import OPTED_OUT, Failed, InDoubt, Ok, Outcome
from qualtrics_async.bulk.recipient import Recipient
from qualtrics_async.bulk.recipients import LinkOutcome, Recipients
from qualtrics_async.bulk.records import Kind, RowRecord
from qualtrics_async.bulk.rows import ImportRow
from qualtrics_async.bulk.spool import outcome_of
from qualtrics_async.bulk.targets import Target
from qualtrics_async.bulk.traces import Criteria, Who
from qualtrics_async.errors import JobFailed

__all__ = ["UNLINKED", "Joined", "RowLink"]

UNLINKED: Final = "unlinked"
"""The remark of a journal that some row has no link for a reason that may pass."""

_NOT_FOUND: Final = "contact not found"
_AMBIGUOUS: Final = "ambiguous"
_LASTING: Final = frozenset({OPTED_OUT, "frequency rule", "joined later", "left", _AMBIGUOUS})
"""Reasons for which a contact has no link of this distribution, now or later."""

_ADDRESS_ALONE: Final = frozenset({"email"})

_who = msgspec.json.Decoder(Who).decode


class RowLink(msgspec.Struct, frozen=True):
    """The value of an outcome: the contact that a row became, and its link."""

    contact_id: str
    contact_lookup_id: str | None
    mailing_list_id: str
    distribution_id: str | None
    link: str
    link_expiration: datetime | None


class _Match(NamedTuple):
    """The contact of a row, or why it has none."""

    contact_id: str | None
    reason: str = _NOT_FOUND


class _Names:
    """Who of a list has which external reference and address: an index that is gone with the process."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def read(self, recipients: Recipients) -> None:
        """Make it from what the journal has of the recipients, with a link or without."""
        await self._store.run(lambda db: _run(db, *_TABLE))
        after = 0
        while (page := await recipients.outcomes(after)) is not None:
            after, outcomes = page
            named = [pair for outcome in outcomes for pair in _names_of(outcome.item)]
            await self._store.run(partial(_add, named), durable=False)

    async def find(self, rows: Mapping[int, Sequence[bytes]]) -> dict[int, _Match]:
        """Tell whom each row means by the first of its names that anybody has, if that is one contact."""

        def work(db: sqlite3.Connection) -> dict[int, _Match]:
            return {position: _match(db, names) for position, names in rows.items()}

        return await self._store.run(work)


def _run(db: sqlite3.Connection, *statements: str) -> None:
    for statement in statements:
        db.execute(statement)


def _add(named: Iterable[tuple[bytes, str]], db: sqlite3.Connection) -> None:
    db.executemany("INSERT OR IGNORE INTO names VALUES (?, ?)", named)


def _match(db: sqlite3.Connection, names: Sequence[bytes]) -> _Match:
    for name in names:
        found = db.execute("SELECT contact FROM names WHERE name = ? LIMIT 2", (name,)).fetchall()
        if found:
            return _Match(found[0][0]) if len(found) == 1 else _Match(None, _AMBIGUOUS)
    return _Match(None)


def _names_of(who: Recipient) -> list[tuple[bytes, str]]:
    if who.contact_id is None:
        return []
    known = (("extRef", who.external_data_reference), ("email", who.email))
    return [(_name(field, value), who.contact_id) for field, value in known if value and value.strip()]


def _name(field: str, value: str) -> bytes:
    # Case and spaces around it do not count, as in the marks of rows; no address is written down.
    return blake2b(f"{field}\0{value.strip().casefold()}".encode(), digest_size=16).digest()


class Joined:
    """The outcomes of rows whose list has its links, or of which `whole` says why it has none."""

    def __init__(
        self,
        job: Job[ImportRow, RowLink],
        directory_id: str,
        target: Target,
        recipients: Recipients | None,
        whole: Sequence[LinkOutcome],
    ) -> None:
        self._journal = job.journal
        self._target = target
        self._recipients = recipients
        self._whole = whole
        self._criteria = Criteria(job.client, directory_id)
        self._names: _Names | None = None
        self._merged = False
        self._noted = False

    async def outcomes(self, chunk: int, rows: Sequence[RowRecord]) -> list[Outcome[ImportRow, Any]]:
        """Join some rows of a chunk to their links by contact."""
        matches: dict[int, _Match] = {}
        known: dict[str, LinkOutcome] = {}
        if self._recipients is not None:
            matches = await self._match(chunk, [row for row in rows if row.kind is Kind.OK], self._recipients)
            wanted = {match.contact_id for match in matches.values() if match.contact_id is not None}
            known = await self._recipients.of_contacts(wanted)
        outcomes = [self._outcome(row, matches.get(row.position, _Match(None)), known) for row in rows]
        await self._note(outcomes)
        return outcomes

    async def _note(self, outcomes: Iterable[Outcome[ImportRow, Any]]) -> None:
        """Write down that links have to be looked for again, if a replay may find some."""
        if not self._noted and any(
            isinstance(one, Failed) and one.imported and one.reason not in _LASTING for one in outcomes
        ):
            await self._journal.set_meta(UNLINKED, "some")
            self._noted = True

    async def _match(
        self, chunk: int, rows: Sequence[RowRecord], recipients: Recipients
    ) -> dict[int, _Match]:
        """Tell the contact of each row; without an import report it is the one of the row's own names.

        What was found is in the journal, where a replay finds it when the row itself is erased.
        """
        matches = {row.position: _Match(row.contact_id) for row in rows if row.contact_id is not None}
        nameless = {row.position: row.payload for row in rows if row.contact_id is None and row.payload}
        if nameless:
            found = await self._find(nameless, recipients)
            contacts = {at: one.contact_id for at, one in found.items() if one.contact_id is not None}
            await self._journal.learn_contacts(chunk, contacts)
            matches |= found
        return matches

    async def _find(self, rows: Mapping[int, bytes], recipients: Recipients) -> dict[int, _Match]:
        if self._names is None:
            # Only then the row's contact may have its address and another reference.
            self._merged = await self._criteria.active() == _ADDRESS_ALONE
            self._names = _Names(self._journal.store)
            await self._names.read(recipients)
        wanted: dict[int, list[bytes]] = {}
        for position, payload in rows.items():
            keys = _who(payload).keys
            kept = keys if self._merged else keys[:1]
            wanted[position] = [_name(key.field, key.value) for key in kept]
        return await self._names.find(wanted)

    def _outcome(
        self, row: RowRecord, match: _Match, known: Mapping[str, LinkOutcome]
    ) -> Outcome[ImportRow, Any]:
        imported = outcome_of(row, row)
        if not isinstance(imported, Ok):
            return imported
        found = known.get(match.contact_id or "") or next(iter(self._whole), None)
        return self._of_link(imported.item, row, found, match.reason)

    def _of_link(
        self, item: ImportRow, row: RowRecord, found: LinkOutcome | None, why: str
    ) -> Outcome[ImportRow, Any]:
        match found:
            case Ok(item=who, value=link):
                value = RowLink(
                    contact_id=link.contact_id,
                    contact_lookup_id=row.contact_lookup_id or who.contact_lookup_id,
                    mailing_list_id=self._target.name,
                    distribution_id=self._target.job,
                    link=link.link,
                    link_expiration=link.link_expiration,
                )
                return Ok(item, value)
            case Failed(error=error, reason=reason):
                return Failed(item, error, reason, imported=True)
            case InDoubt(error=error, reason=reason):
                return InDoubt(item, error, reason)
        error = JobFailed(f"no link: {why}", job_id=self._target.job or "", status=why)
        return Failed(item, error, why, imported=True)


_TABLE: Final = (
    """
    CREATE TEMP TABLE IF NOT EXISTS names (
        name BLOB NOT NULL, contact TEXT NOT NULL, PRIMARY KEY (name, contact)
    ) WITHOUT ROWID
    """,
    "DELETE FROM names",
)
