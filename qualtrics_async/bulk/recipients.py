"""Who is to have a link and who has one: what was read is in the journal, its index beside it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from functools import partial
from itertools import count
from typing import Final, Self, TypeAlias

import msgspec

from qualtrics_async._core.store import Store
from qualtrics_async.bulk.expected import Expected, Found, Index, State, read_keys, write_keys
from qualtrics_async.bulk.outcome import OPTED_OUT, Failed, Ok, Outcome
from qualtrics_async.bulk.recipient import Recipient
from qualtrics_async.bulk.records import pack, read_error, unpack, write_error
from qualtrics_async.bulk.targets import Target, TargetKind
from qualtrics_async.errors import JobFailed, QualtricsError
from qualtrics_async.models.distributions import DistributionLink

__all__ = ["RECIPIENTS", "LinkOutcome", "Pages", "Recipients"]

LinkOutcome: TypeAlias = Outcome[Recipient, DistributionLink]

RECIPIENTS: Final = """
CREATE TABLE pages (
    number INTEGER PRIMARY KEY, target INTEGER NOT NULL, kind INTEGER NOT NULL, count INTEGER NOT NULL,
    keys TEXT, body BLOB NOT NULL
);
CREATE INDEX pages_by_target ON pages (target);
"""

_REBUILT_AT_ONCE: Final = 50
"""Pages after which the journal is free for others."""

_SETTLED_AT_ONCE: Final = 2_000
_PAGE: Final = 250


class _Kind(IntEnum):
    """What a page of the journal holds."""

    MEMBERS = 0
    LINKS = 1
    MISSING = 2


_REASONS: Final = {
    State.WAITING: "pending",
    State.OPTED_OUT: OPTED_OUT,
    State.RULED_OUT: "frequency rule",
    State.LATE: "joined later",
    State.GONE: "left",
}


class _Missing(msgspec.Struct, array_like=True, frozen=True):
    """Recipients without a link, each with the reason; `error` is why the links could not be read."""

    error: str | None
    who: list[tuple[Expected, str]]


_links = partial(unpack, msgspec.msgpack.Decoder(list[DistributionLink]).decode)
_members = partial(unpack, msgspec.msgpack.Decoder(list[Expected]).decode)
_missing = partial(unpack, msgspec.msgpack.Decoder(_Missing).decode)
_raw = partial(unpack, msgspec.msgpack.Decoder(list[msgspec.Raw]).decode)
_link = msgspec.msgpack.Decoder(DistributionLink).decode


class Pages:
    """The pages of one job, in the order in which they were read: members, links, and who has none.

    Pages are durable and nothing in them changes. The index over them tells quickly who has a link; it is
    gone with the process, and is made again from the pages.
    """

    def __init__(self, store: Store, first: int, *, kept: bool) -> None:
        self.store = store
        self.numbers = count(first)
        self.kept = kept

    @classmethod
    async def open(cls, store: Store, *, kept: bool) -> Self:
        """Prepare the index; `kept` says that delivered pages stay where they are."""

        def work(db: sqlite3.Connection) -> int:
            Index.prepare(db)
            (last,) = db.execute("SELECT coalesce(max(number), 0) FROM pages").fetchone()
            return int(last)

        return cls(store, await store.run(work) + 1, kept=kept)


class Recipients:
    """The recipients of one list or batch; `begin()` comes first."""

    def __init__(self, pages: Pages, target: Target) -> None:
        self._pages = pages
        self._store = pages.store
        self._target = target
        self._number = target.number
        self._index = Index(target.number)

    async def begin(self, *, replay: bool) -> int:
        """Make the index if it will be needed; count the outcomes that are known to be due.

        On a replay, those that were delivered are due again.
        """
        told = 0 if replay else self._target.told
        if self._target.ended:
            return await self._due(told)

        def work(db: sqlite3.Connection) -> None:
            self._index.clear(db)
            db.execute("DELETE FROM pages WHERE target = ? AND kind = ?", (self._number, _Kind.MISSING))

        await self._store.run(work)
        return await self.index() - (await self._due(0) - await self._due(told))

    async def index(self) -> int:
        """Make the index from the pages; count the recipients."""
        after: int | None = 0
        while after is not None:
            after = await self._store.run(partial(self._rebuild, after=after))
        return await self._store.run(self._index.count)

    def _rebuild(self, db: sqlite3.Connection, *, after: int) -> int | None:
        found = db.execute(_READ_PAGES, (self._number, after, _REBUILT_AT_ONCE)).fetchall()
        for number, kind, keys, body in found:
            match kind:
                case _Kind.MEMBERS:
                    self._index.learn(db, number, _members(body))
                case _Kind.LINKS:
                    self._index.set_linked(db, number, keys)
                case _Kind.MISSING:
                    self._index.settle(db, number, keys)
        return found[-1][0] if found else None

    async def _due(self, told: int) -> int:
        def work(db: sqlite3.Connection) -> int:
            (due,) = db.execute(_DUE, (self._number, told)).fetchone()
            return int(due)

        return await self._store.run(work)

    async def expect(self, members: Sequence[Expected], cursor: str | None) -> int:
        """Add a page of members, and where the next one is, if any; count those that are new."""
        number, last = next(self._pages.numbers), cursor is None

        def work(db: sqlite3.Connection) -> int:
            added = self._index.add(db, number, members)
            if added:
                values = (number, self._number, _Kind.MEMBERS, 0, None, pack(members))
                db.execute(_ADD_PAGE, values)
            db.execute("UPDATE targets SET listing = ?, listed = ? WHERE number = ?", at)
            return added

        at = (cursor, last, self._number)
        added = await self._store.run(work, durable=False)
        self._target.listing, self._target.listed = cursor, last
        return added

    async def claim(
        self, links: Sequence[DistributionLink], cursor: str | None
    ) -> tuple[int, list[DistributionLink], int]:
        """Take a page of links and write down those whose recipients had none, and where to read on.

        What comes back is the page's number in the journal, those links, and how many nobody expected. It is
        durable with the next intent or reason: what is lost before that is read again.
        """
        number = next(self._pages.numbers)

        def work(db: sqlite3.Connection) -> tuple[list[DistributionLink], int]:
            keys = self._keys_of(db, links)
            new, added = self._index.link(db, number, keys)
            fresh = links
            if new is not None:
                mine = {key: link for key, link in zip(keys, links, strict=True) if key in new}
                keys, fresh = list(mine), list(mine.values())
            if keys:
                page = (number, self._number, _Kind.LINKS, len(keys), write_keys(keys), pack(fresh))
                db.execute(_ADD_PAGE, page)
            if cursor != self._target.links:
                db.execute("UPDATE targets SET links = ? WHERE number = ?", (cursor, self._number))
            return list(fresh), added

        fresh, added = await self._store.run(work, durable=False)
        self._target.links = cursor
        return number, fresh, added

    def _keys_of(self, db: sqlite3.Connection, links: Sequence[DistributionLink]) -> list[str]:
        if self._target.kind is TargetKind.LIST:
            return [link.contact_id for link in links]
        keys: list[str] = []
        for link in links:
            key = link.transaction_id
            if key is None:
                waiting = self._index.keys_of(db, link.contact_id)
                key = next((key for key in waiting if key not in keys), link.contact_id)
            keys.append(key)
        return keys

    async def waiting(self, limit: int = -1) -> list[Expected]:
        """Read those who have no link and for whom one may still come."""

        def work(db: sqlite3.Connection) -> list[Expected]:
            return [one for one, _ in self._named(db, self._index.waiting(db, limit))]

        return await self._store.run(work)

    async def anyone_waits(self) -> bool:
        """Whether a link may still come for somebody."""
        return await self._store.run(self._index.anyone_waits)

    async def learn(self, members: Sequence[Expected]) -> int:
        """Write down what more is known of some who have no link; count those who had one after all.

        The link of a transaction may have been handed out under its contact, before that was known.
        """
        number = next(self._pages.numbers)

        def work(db: sqlite3.Connection) -> int:
            self._index.learn(db, number, members)
            values = (number, self._number, _Kind.MEMBERS, 0, None, pack(members))
            db.execute(_ADD_PAGE, values)
            return self._index.drop_linked(db, members)

        return await self._store.run(work)

    async def rule_out(self, contact_ids: Sequence[str]) -> None:
        """Say of contacts that a contact-frequency rule keeps them from a link."""
        batch = self._target.kind is TargetKind.BATCH
        await self._store.run(partial(self._index.rule_out, contact_ids=contact_ids, transactions=batch))

    def _named(self, db: sqlite3.Connection, found: Sequence[Found]) -> Iterator[tuple[Expected, State]]:
        """Read of recipients, who come in the order of their pages, what the pages say of them."""
        at, members = 0, dict[str, Expected]()
        for key, page, state in found:
            if page != at:
                (body,) = db.execute("SELECT body FROM pages WHERE number = ?", (page,)).fetchone()
                at, members = page, {one.key: one for one in _members(body)}
            yield members[key], State(state)

    async def settle(self, trouble: QualtricsError | None) -> None:
        """Write down why those without a link have none: then all of them have an outcome in the journal."""
        error = None if trouble is None else write_error(trouble)
        while not self._target.ended:
            self._target.ended = await self._store.run(partial(self._settle, error=error))

    def _settle(self, db: sqlite3.Connection, *, error: str | None) -> bool:
        """Settle some; tell whether it was the last of them."""
        found = self._index.unlinked(db, _SETTLED_AT_ONCE)
        who = [(one, _reason(state, error)) for one, state in self._named(db, found)]
        for at in range(0, len(who), _PAGE):
            part, number = who[at : at + _PAGE], next(self._pages.numbers)
            keys, body = write_keys(one.key for one, _ in part), pack(_Missing(error, part))
            db.execute(_ADD_PAGE, (number, self._number, _Kind.MISSING, len(part), keys, body))
            self._index.settle(db, number, keys)
        ended = len(found) < _SETTLED_AT_ONCE
        if ended:
            db.execute("UPDATE targets SET ended = 1 WHERE number = ?", (self._number,))
        return ended

    async def outcomes(self, after: int) -> tuple[int, list[LinkOutcome]] | None:
        """Read the next page of outcomes after the page of this number; None if there is none."""

        def work(db: sqlite3.Connection) -> tuple[int, int, bytes] | None:
            found: tuple[int, int, bytes] | None = db.execute(_NEXT, (self._number, after)).fetchone()
            return found

        found = await self._store.run(work)
        if found is None:
            return None
        number, kind, body = found
        if kind == _Kind.LINKS:
            return number, self.linked(_links(body))
        return number, self._unlinked(_missing(body))

    def linked(self, links: Iterable[DistributionLink]) -> list[LinkOutcome]:
        """Make the outcomes of links."""
        return [Ok(Recipient.of_link(link, self._target), link) for link in links]

    def _unlinked(self, missing: _Missing) -> list[LinkOutcome]:
        trouble = None if missing.error is None else read_error(missing.error)
        return [self._failed(who, reason, trouble) for who, reason in missing.who]

    def _failed(self, who: Expected, reason: str, trouble: QualtricsError | None) -> LinkOutcome:
        if trouble is not None and reason == _UNREADABLE:
            error = trouble
        else:
            error = JobFailed(f"no link: {reason}", job_id=self._target.job or "", status=reason)
        return Failed(_recipient(who, self._target), error, reason)

    async def told(self, number: int) -> None:
        """Say that the outcomes up to a page have been delivered."""

        def work(db: sqlite3.Connection) -> None:
            values = (number, self._number)
            db.execute("UPDATE targets SET told = max(told, ?) WHERE number = ?", values)
            if not self._pages.kept:
                delivered = (self._number, number, _Kind.LINKS)
                db.execute("DELETE FROM pages WHERE target = ? AND number <= ? AND kind = ?", delivered)

        await self._store.run(work, durable=False)
        self._target.told = max(self._target.told, number)

    async def forget(self) -> None:
        """Give the room of a list back that is over."""

        def work(db: sqlite3.Connection) -> None:
            self._index.clear(db)
            if not self._pages.kept:
                db.execute("DELETE FROM pages WHERE target = ?", (self._number,))

        await self._store.run(work)

    async def of_contacts(self, contact_ids: Iterable[str]) -> dict[str, LinkOutcome]:
        """Find the outcomes of contacts of a list that has ended; those whom it does not know are left out.

        It needs the index, see `index()`.
        """
        wanted = list(contact_ids)

        def work(db: sqlite3.Connection) -> dict[str, LinkOutcome]:
            pages: dict[int, list[str]] = {}
            for key in wanted:
                if (page := self._index.page_of(db, key)) is not None:
                    pages.setdefault(page, []).append(key)
            found: dict[str, LinkOutcome] = {}
            for page, keys in pages.items():
                found |= self._some(db, page, keys)
            return found

        return await self._store.run(work)

    def _some(self, db: sqlite3.Connection, page: int, wanted: list[str]) -> dict[str, LinkOutcome]:
        query = "SELECT kind, keys, body FROM pages WHERE number = ?"
        kind, keys, body = db.execute(query, (page,)).fetchone()
        if kind == _Kind.LINKS:
            packed = dict(zip(read_keys(keys), _raw(body), strict=True))
            return dict(zip(wanted, self.linked(_link(packed[key]) for key in wanted), strict=True))
        outcomes = dict(zip(read_keys(keys), self._unlinked(_missing(body)), strict=True))
        return {key: outcomes[key] for key in wanted}


_UNREADABLE: Final = "unreadable links"


def _reason(state: State, error: str | None) -> str:
    return _UNREADABLE if error is not None and state is State.WAITING else _REASONS[state]


def _recipient(who: Expected, target: Target) -> Recipient:
    return Recipient.of(
        target,
        contact_id=who.contact,
        contact_lookup_id=who.lookup,
        email=who.email,
        first_name=who.first_name,
        last_name=who.last_name,
        external_data_reference=who.reference,
        transaction_id=who.transaction,
    )


_ADD_PAGE: Final = "INSERT INTO pages VALUES (?, ?, ?, ?, ?, ?)"
_READ_PAGES: Final = """
SELECT number, kind, keys, body FROM pages WHERE target = ? AND number > ? ORDER BY number LIMIT ?
"""
_NEXT: Final = """
SELECT number, kind, body FROM pages WHERE target = ? AND number > ? AND kind > 0 ORDER BY number LIMIT 1
"""
_DUE: Final = "SELECT coalesce(sum(count), 0) FROM pages WHERE target = ? AND number > ?"
