"""The mailing lists of a links job as the journal knows them: how far each is, and its distribution."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from qualtrics_async._core.store import Store
from qualtrics_async.bulk.records import ChunkState, Result, pack_results, unpack_results

__all__ = ["TARGETS", "Target", "Targets"]

TARGETS: Final = """
CREATE TABLE targets (
    number INTEGER PRIMARY KEY, list TEXT NOT NULL, state TEXT NOT NULL, job TEXT, result BLOB,
    taken INTEGER NOT NULL DEFAULT 0
);
"""


@dataclass(slots=True)
class Target:
    """A mailing list as it stands in the journal.

    `job` is its distribution, `result` what concerns all of it, and `taken` says that nothing more is to be
    delivered of it.
    """

    number: int
    mailing_list_id: str
    state: ChunkState = ChunkState.PLANNED
    job: str | None = None
    result: Result | None = None
    taken: bool = False

    @property
    def values(self) -> tuple[Any, ...]:
        """What the table takes."""
        result = None if self.result is None else pack_results([self.result])
        return self.number, self.mailing_list_id, self.state, self.job, result, self.taken


class Targets:
    """The mailing lists of one job."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def read(self) -> list[Target]:
        """Read all of them."""

        def work(db: sqlite3.Connection) -> list[Target]:
            found = db.execute("SELECT number, list, state, job, result, taken FROM targets ORDER BY number")
            return [
                Target(
                    number,
                    name,
                    ChunkState(state),
                    job,
                    None if result is None else unpack_results(result, 0)[0],
                    bool(taken),
                )
                for number, name, state, job, result, taken in found
            ]

        return await self._store.run(work)

    async def save(self, targets: Sequence[Target]) -> None:
        """Write down how they stand, durably before this returns."""
        values = [target.values for target in targets]

        def work(db: sqlite3.Connection) -> None:
            db.executemany("INSERT OR REPLACE INTO targets VALUES (?, ?, ?, ?, ?, ?)", values)

        await self._store.run(work)
