"""Who is to have a link and who has one: the expected set of a list, in the journal and not in memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from qualtrics_async._core.store import Store
from qualtrics_async.models.contacts import ListContact
from qualtrics_async.models.distributions import DistributionLink

__all__ = ["PENDING", "RECIPIENTS", "Recipient", "Recipients"]

PENDING: Final = "pending"
"""Why a contact has no link when nobody knows why."""

RECIPIENTS: Final = """
CREATE TABLE recipients (
    chunk INTEGER NOT NULL, contact TEXT NOT NULL, lookup TEXT, email TEXT, first TEXT, last TEXT,
    reference TEXT, state INTEGER NOT NULL, opted_out INTEGER NOT NULL, ruled_out INTEGER NOT NULL,
    PRIMARY KEY (chunk, contact)
) WITHOUT ROWID
"""


_HAND_OUT: Final = "UPDATE recipients SET state = ? WHERE chunk = ? AND contact = ? AND state = 0"
_ADD_HANDED_OUT: Final = """
INSERT OR IGNORE INTO recipients (state, chunk, contact, opted_out, ruled_out) VALUES (?, ?, ?, 0, 0)
"""


class _State(IntEnum):
    """How far a recipient's outcome has come."""

    WAITING = 0
    HANDED_OUT = 1
    DELIVERED = 2


@dataclass(frozen=True, slots=True)
class Recipient:
    """The item of an outcome: a contact of a mailing list who is to have a link.

    `contact_id` is None where an outcome stands for the whole list: its distribution was refused, its fate
    is unknown, or its contacts could not be read.
    """

    mailing_list_id: str
    distribution_id: str | None = None
    contact_id: str | None = None
    contact_lookup_id: str | None = None
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    external_data_reference: str | None = None


class Recipients:
    """The recipients of one list of a job."""

    def __init__(self, store: Store, chunk: int) -> None:
        self._store = store
        self._chunk = chunk

    async def begin(self, *, replay: bool) -> int:
        """Forget what an earlier run handed out and nobody took; count who is known and waits.

        On a replay, what was taken is forgotten too.
        """
        forgotten = _State.DELIVERED if replay else _State.HANDED_OUT

        def work(db: sqlite3.Connection) -> int:
            db.execute(
                "UPDATE recipients SET state = ? WHERE chunk = ? AND state <= ?",
                (_State.WAITING, self._chunk, forgotten),
            )
            (count,) = db.execute(
                "SELECT count(*) FROM recipients WHERE chunk = ? AND state = ?",
                (self._chunk, _State.WAITING),
            ).fetchone()
            return int(count)

        return await self._store.run(work)

    async def expect(self, contacts: Sequence[ListContact]) -> int:
        """Add contacts of the list, with what is known of their consent; count those that are new."""
        values = [
            (
                self._chunk,
                contact.contact_id,
                contact.contact_lookup_id,
                contact.email,
                contact.first_name,
                contact.last_name,
                contact.ext_ref,
            )
            for contact in contacts
        ]
        consent = [
            (bool(contact.unsubscribed or contact.mailing_list_unsubscribed), self._chunk, contact.contact_id)
            for contact in contacts
        ]

        def work(db: sqlite3.Connection) -> int:
            added = db.executemany(
                "INSERT OR IGNORE INTO recipients VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0, 0)", values
            )
            db.executemany("UPDATE recipients SET opted_out = ? WHERE chunk = ? AND contact = ?", consent)
            return added.rowcount

        return max(0, await self._store.run(work))

    async def claim(self, links: Sequence[DistributionLink]) -> tuple[list[DistributionLink], int]:
        """Take the links whose contacts had none yet, and count the contacts that nobody expected."""

        def work(db: sqlite3.Connection) -> tuple[list[DistributionLink], int]:
            fresh, added = [], 0
            for link in links:
                key = (_State.HANDED_OUT, self._chunk, link.contact_id)
                if db.execute(_HAND_OUT, key).rowcount:
                    fresh.append(link)
                elif db.execute(_ADD_HANDED_OUT, key).rowcount:
                    fresh.append(link)
                    added += 1
            return fresh, added

        return await self._store.run(work)

    async def rule_out(self, contact_ids: Iterable[str]) -> None:
        """Say of contacts that a contact-frequency rule keeps them from a link."""
        values = [(self._chunk, contact_id) for contact_id in contact_ids]

        def work(db: sqlite3.Connection) -> None:
            db.executemany("UPDATE recipients SET ruled_out = 1 WHERE chunk = ? AND contact = ?", values)

        await self._store.run(work)

    async def delivered(self, contact_ids: Sequence[str]) -> None:
        """Say that the outcomes of these contacts have been taken."""
        values = [(_State.DELIVERED, self._chunk, contact_id) for contact_id in contact_ids]

        def work(db: sqlite3.Connection) -> None:
            db.executemany("UPDATE recipients SET state = ? WHERE chunk = ? AND contact = ?", values)

        await self._store.run(work)

    async def waited_for(self) -> int:
        """Count the contacts who have no link and for whom one may still come."""

        def work(db: sqlite3.Connection) -> int:
            (count,) = db.execute(
                """
                SELECT count(*) FROM recipients
                WHERE chunk = ? AND state = 0 AND opted_out = 0 AND ruled_out = 0
                """,
                (self._chunk,),
            ).fetchone()
            return int(count)

        return await self._store.run(work)

    async def missing(
        self, mailing_list_id: str, distribution_id: str, *, after: str, limit: int = 250
    ) -> list[tuple[Recipient, str, str]]:
        """Read recipients without a link in the order of their ids, each with its id and the reason."""

        def work(db: sqlite3.Connection) -> list[tuple[Recipient, str, str]]:
            found = db.execute(
                """
                SELECT contact, lookup, email, first, last, reference, opted_out, ruled_out FROM recipients
                WHERE chunk = ? AND state = 0 AND contact > ? ORDER BY contact LIMIT ?
                """,
                (self._chunk, after, limit),
            )
            return [
                (
                    Recipient(mailing_list_id, distribution_id, *who),
                    str(who[0]),
                    "opted out" if opted_out else "frequency rule" if ruled_out else PENDING,
                )
                for *who, opted_out, ruled_out in found
            ]

        return await self._store.run(work)

    async def end(self) -> None:
        """Say that the list is done, and forget its recipients."""

        def work(db: sqlite3.Connection) -> None:
            db.execute("UPDATE targets SET state = 'done', taken = 1 WHERE number = ?", (self._chunk,))
            db.execute("DELETE FROM recipients WHERE chunk = ?", (self._chunk,))

        await self._store.run(work)
