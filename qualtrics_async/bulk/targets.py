"""The mailing lists and batches of a links job as the journal knows them: how far each is."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from qualtrics_async._core.store import Store
from qualtrics_async.bulk.records import ChunkState, Kind, Result, pack_results, unpack_results
from qualtrics_async.errors import QualtricsError

__all__ = ["TARGETS", "Target", "TargetKind", "Targets"]

TARGETS: Final = """
CREATE TABLE targets (
    number INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL, job TEXT,
    result BLOB, before TEXT, posts INTEGER NOT NULL, listing TEXT, listed INTEGER NOT NULL DEFAULT 0,
    links TEXT, ended INTEGER NOT NULL DEFAULT 0, told INTEGER NOT NULL DEFAULT 0,
    taken INTEGER NOT NULL DEFAULT 0
);
"""


class TargetKind(StrEnum):
    """What a distribution is made for."""

    LIST = "list"
    BATCH = "batch"


@dataclass(slots=True)
class Target:
    """A mailing list or transaction batch as it stands in the journal; `name` is its id.

    `job` is its distribution, and `result` what concerns all of it. `before` are the distributions that were
    there before the first of `posts` POSTs left; None if nobody knows. `listing` and `links` are the cursors
    at which the reading of its members and of its links goes on; `listed` says that all members are known,
    `ended` that every one of them has an outcome in the journal, `told` up to which page of the journal they
    were delivered, and `taken` that nothing more is to be delivered of it.

    In memory only: `size` is how many members are known before the distribution is made, `made_now` says that
    this process made it, `doubt` why nobody knows whether there is one.
    """

    number: int
    kind: TargetKind
    name: str
    state: ChunkState = ChunkState.PLANNED
    job: str | None = None
    result: Result | None = None
    before: list[str] | None = None
    posts: int = 0
    listing: str | None = None
    listed: bool = False
    links: str | None = None
    ended: bool = False
    told: int = 0
    taken: bool = False
    size: int = 1
    made_now: bool = False
    doubt: QualtricsError | None = None


class Targets:
    """The mailing lists and batches of one job."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def read(self) -> list[Target]:
        """Read all of them."""

        def work(db: sqlite3.Connection) -> list[Target]:
            found = db.execute(
                "SELECT number, kind, name, state, job, result, before, posts, "
                "listing, listed, links, ended, told, taken FROM targets ORDER BY number"
            )
            return [_target(values) for values in found]

        return await self._store.run(work)

    async def save(self, targets: Sequence[Target]) -> None:
        """Write down how their distributions stand, durably before this returns."""
        values = [_values(target) for target in targets]

        def work(db: sqlite3.Connection) -> None:
            db.executemany(_SAVE, values)

        await self._store.run(work)

    async def end(self, target: Target) -> None:
        """Say that one has an outcome for each of its members; they are yet to be delivered."""
        target.state = ChunkState.DONE
        await self.save([target])

    async def take(self, target: Target) -> None:
        """Say that nothing more is to be delivered of one."""

        def work(db: sqlite3.Connection) -> None:
            values = (ChunkState.DONE, target.number)
            db.execute("UPDATE targets SET state = ?, taken = 1 WHERE number = ?", values)

        await self._store.run(work)
        target.state, target.taken = ChunkState.DONE, True

    async def reopen(self, target: Target) -> None:
        """Read members and links again of one that was taken; of a refusal, the distribution is due again."""
        if target.job is None and (target.result is None or target.result.kind is Kind.FAILED):
            target.state, target.result, target.before, target.posts = ChunkState.PLANNED, None, None, 0
        target.listing, target.links, target.listed, target.ended = None, None, False, False
        values = _values(target)

        def work(db: sqlite3.Connection) -> None:
            db.execute(_SAVE, values)
            db.execute(_REOPEN, (target.number,))

        await self._store.run(work)


_REOPEN: Final = "UPDATE targets SET listing = NULL, listed = 0, links = NULL, ended = 0 WHERE number = ?"
_SAVE: Final = """
INSERT INTO targets (number, kind, name, state, job, result, before, posts)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (number) DO UPDATE SET state = excluded.state, job = excluded.job, result = excluded.result,
before = excluded.before, posts = excluded.posts
"""


def _values(target: Target) -> tuple[Any, ...]:
    result = None if target.result is None else pack_results([target.result])
    before = None if target.before is None else json.dumps(target.before)
    return (
        target.number,
        target.kind,
        target.name,
        target.state,
        target.job,
        result,
        before,
        target.posts,
    )


def _target(values: Sequence[Any]) -> Target:
    number, kind, name, state, job, result, before, posts, listing, listed, links, ended, told, taken = values
    return Target(
        number,
        TargetKind(kind),
        name,
        ChunkState(state),
        job,
        None if result is None else unpack_results(result, 0)[0],
        None if before is None else json.loads(before),
        posts,
        listing,
        bool(listed),
        links,
        bool(ended),
        told,
        bool(taken),
    )
