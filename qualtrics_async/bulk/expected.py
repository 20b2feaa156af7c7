"""Who of a list or batch is to have a link and who has one: an index beside the journal."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Final, TypeAlias

import msgspec

__all__ = ["Expected", "Found", "Index", "State", "read_keys", "write_keys"]

# What SQLite does for each recipient is cheap only where nothing of it has to last.
_TABLES: Final = (
    """
    CREATE TEMP TABLE IF NOT EXISTS recipients (
        target INTEGER NOT NULL, key TEXT NOT NULL, state INTEGER NOT NULL, page INTEGER NOT NULL,
        PRIMARY KEY (target, key)
    ) WITHOUT ROWID
    """,
    """
    CREATE TEMP TABLE IF NOT EXISTS transactions (
        target INTEGER NOT NULL, contact TEXT NOT NULL, key TEXT NOT NULL,
        PRIMARY KEY (target, contact, key)
    ) WITHOUT ROWID
    """,
)

Found: TypeAlias = tuple[str, int, int]
"""A key, the page of the journal that says most of it, and its state."""


class State(IntEnum):
    """What is known of a recipient."""

    WAITING = 0
    OPTED_OUT = 1
    RULED_OUT = 2
    LATE = 3
    GONE = 4
    SETTLED = 8
    LINKED = 9


class Expected(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Somebody who is to have a link: a contact of a list, or the contact of a transaction."""

    contact: str | None
    transaction: str | None = None
    lookup: str | None = None
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    reference: str | None = None
    state: State = State.WAITING

    @property
    def key(self) -> str:
        """What tells it from all others of its list or batch."""
        return self.transaction or self.contact or ""


_encode = msgspec.json.Encoder().encode
read_keys = msgspec.json.Decoder(list[str]).decode


def write_keys(keys: Iterable[str]) -> str:
    """Write keys as the JSON array that the index and the journal take."""
    return _encode(list(keys)).decode()


class Index:
    """The recipients of one list or batch, by key; it is gone with the process.

    The keys of a page come as one JSON array and go through one statement: for each step of a statement
    Python gives its lock away and has to get it back from a busy loop, which costs more than the step.
    """

    def __init__(self, target: int) -> None:
        self._target = target

    @staticmethod
    def prepare(db: sqlite3.Connection) -> None:
        """Make its tables, once for all lists and batches."""
        for statement in _TABLES:
            db.execute(statement)

    def clear(self, db: sqlite3.Connection) -> None:
        """Forget everybody."""
        db.execute("DELETE FROM recipients WHERE target = ?", (self._target,))
        db.execute("DELETE FROM transactions WHERE target = ?", (self._target,))

    def count(self, db: sqlite3.Connection) -> int:
        """Count everybody."""
        (known,) = db.execute(_COUNT, (self._target,)).fetchone()
        return int(known)

    def anyone_waits(self, db: sqlite3.Connection) -> bool:
        """Whether a link may still come for somebody."""
        (found,) = db.execute(_ANYONE, (self._target,)).fetchone()
        return bool(found)

    def add(self, db: sqlite3.Connection, page: int, members: Sequence[Expected]) -> int:
        """Add who is not there yet; count them."""
        return self._put(db, _ADD, page, members)

    def learn(self, db: sqlite3.Connection, page: int, members: Sequence[Expected]) -> None:
        """Take over what is said of those who have no link."""
        self._put(db, _LEARN, page, members)

    def _put(self, db: sqlite3.Connection, statement: str, page: int, members: Sequence[Expected]) -> int:
        by_state: dict[int, list[str]] = {}
        for one in members:
            by_state.setdefault(int(one.state), []).append(one.key)
        contacts = [
            (self._target, one.contact, one.key) for one in members if one.transaction and one.contact
        ]
        if contacts:  # that of a list's member is its key
            db.executemany("INSERT OR IGNORE INTO transactions VALUES (?, ?, ?)", contacts)
        return sum(
            db.execute(statement, (self._target, state, page, write_keys(keys))).rowcount
            for state, keys in by_state.items()
        )

    def link(self, db: sqlite3.Connection, page: int, keys: Sequence[str]) -> tuple[set[str] | None, int]:
        """Say that these have a link on a page.

        What comes back is for whom that is new, where None means all of them, and how many nobody expected.
        """
        names = write_keys(keys)
        count = db.execute(_LINK, (page, self._target, names)).rowcount if keys else 0
        added = 0
        if count < len(keys):
            added = db.execute(_ADD_LINKED, (self._target, page, names)).rowcount
        if count + added == len(keys):
            return None, added
        (found,) = db.execute(_OF_PAGE, (self._target, names, page)).fetchone()
        return set(read_keys(found)), added

    def set_linked(self, db: sqlite3.Connection, page: int, names: str) -> None:
        """Say of those who are written here that their links are on a page."""
        db.execute(_SET_LINKED, (self._target, page, names))

    def settle(self, db: sqlite3.Connection, page: int, names: str) -> None:
        """Say of those who are written here that a page says why they have no link."""
        db.execute(_SETTLE, (page, self._target, names))

    def drop_linked(self, db: sqlite3.Connection, members: Sequence[Expected]) -> int:
        """Drop transactions whose links were handed out under their contacts; count them."""
        number = self._target
        pairs = [(number, one.transaction, number, one.contact) for one in members if one.transaction]
        return max(0, db.executemany(_DROP_LINKED, pairs).rowcount) if pairs else 0

    def rule_out(self, db: sqlite3.Connection, contact_ids: Iterable[str], *, transactions: bool) -> None:
        """Say of contacts that a contact-frequency rule keeps them from a link."""
        values = {"target": self._target, "names": write_keys(contact_ids)}
        db.execute(_RULE_OUT.format(_OF_CONTACTS if transactions else _NAMES), values)

    def page_of(self, db: sqlite3.Connection, key: str) -> int | None:
        """Tell the page that says most of somebody, if it is known."""
        found = db.execute(_WHERE, (self._target, key)).fetchone()
        return None if found is None else int(found[0])

    def keys_of(self, db: sqlite3.Connection, contact_id: str) -> list[str]:
        """Tell the transactions of a contact that have no link."""
        found = db.execute(_WAITING_OF, (self._target, contact_id)).fetchall()
        return [key for (key,) in found]

    def waiting(self, db: sqlite3.Connection, limit: int) -> list[Found]:
        """Tell for whom a link may still come, in the order of their pages."""
        return db.execute(_UNLINKED, (self._target, State.WAITING + 1, limit)).fetchall()

    def unlinked(self, db: sqlite3.Connection, limit: int) -> list[Found]:
        """Tell who has no link, and no reason in the journal, in the order of their pages."""
        return db.execute(_UNLINKED, (self._target, int(State.SETTLED), limit)).fetchall()


_COUNT: Final = "SELECT count(*) FROM recipients WHERE target = ?"
_ANYONE: Final = "SELECT EXISTS (SELECT 1 FROM recipients WHERE target = ? AND state = 0)"
_ADD: Final = """
INSERT OR IGNORE INTO recipients (target, state, page, key) SELECT ?, ?, ?, value FROM json_each(?)
"""
_ADD_TRANSACTION: Final = "INSERT OR IGNORE INTO transactions VALUES (?, ?, ?)"
_LEARN: Final = """
INSERT INTO recipients (target, state, page, key) SELECT ?, ?, ?, value FROM json_each(?) WHERE true
ON CONFLICT DO UPDATE SET state = excluded.state, page = excluded.page WHERE state < 8
"""
_LINK: Final = """
UPDATE recipients SET state = 9, page = ?
WHERE target = ? AND key IN (SELECT value FROM json_each(?)) AND state < 9
"""
_ADD_LINKED: Final = """
INSERT OR IGNORE INTO recipients (target, state, page, key) SELECT ?, 9, ?, value FROM json_each(?)
"""
_SET_LINKED: Final = """
INSERT INTO recipients (target, state, page, key) SELECT ?, 9, ?, value FROM json_each(?) WHERE true
ON CONFLICT DO UPDATE SET state = 9, page = excluded.page
"""
_OF_PAGE: Final = """
SELECT json_group_array(key) FROM recipients
WHERE target = ? AND key IN (SELECT value FROM json_each(?)) AND page = ?
"""
_SETTLE: Final = """
UPDATE recipients SET state = 8, page = ? WHERE target = ? AND key IN (SELECT value FROM json_each(?))
"""
_DROP_LINKED: Final = """
DELETE FROM recipients WHERE target = ? AND key = ? AND state < 8
AND EXISTS (SELECT 1 FROM recipients WHERE target = ? AND key = ? AND state = 9)
"""
_NAMES: Final = "SELECT value FROM json_each(:names)"
_OF_CONTACTS: Final = """
SELECT key FROM transactions
WHERE target = :target AND contact IN (SELECT value FROM json_each(:names))
"""
_RULE_OUT: Final = "UPDATE recipients SET state = 2 WHERE target = :target AND state = 0 AND key IN ({})"
_WHERE: Final = "SELECT page FROM recipients WHERE target = ? AND key = ?"
_WAITING_OF: Final = """
SELECT key FROM transactions JOIN recipients USING (target, key)
WHERE target = ? AND contact = ? AND state < 9 ORDER BY key
"""
_UNLINKED: Final = """
SELECT key, page, state FROM recipients WHERE target = ? AND state < ? ORDER BY page, key LIMIT ?
"""
