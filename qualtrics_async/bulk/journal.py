"""The journal of a bulk job: what was planned, sent and confirmed, and the rows until they are done."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Any, Final, Self

from qualtrics_async._core.events import logger
from qualtrics_async._core.store import Store
from qualtrics_async.bulk.recipients import RECIPIENTS
from qualtrics_async.errors import (
    ApiError,
    JobFailed,
    JournalError,
    OutcomeUnknown,
    QualtricsError,
    UsageError,
    api_error_class,
)

__all__ = ["REFUSED", "ChunkRecord", "ChunkState", "Journal", "Kind", "Result", "RowRecord", "sent_anything"]

REFUSED: Final = 0
"""The chunk of the rows that were refused before anything was sent."""

_VERSION: Final = 1
_SCHEMA: Final = f"""
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE chunks (
    number INTEGER PRIMARY KEY, list TEXT, state TEXT NOT NULL, job TEXT,
    count INTEGER NOT NULL, size INTEGER NOT NULL, fields TEXT NOT NULL
);
CREATE TABLE rows (
    chunk INTEGER NOT NULL, position INTEGER NOT NULL, number INTEGER NOT NULL, line INTEGER, list TEXT,
    payload BLOB, kind INTEGER NOT NULL, reason TEXT, error TEXT, contact TEXT, lookup TEXT,
    delivered INTEGER NOT NULL, PRIMARY KEY (chunk, position)
) WITHOUT ROWID;
{RECIPIENTS}
"""


class ChunkState(StrEnum):
    """Where a chunk is; `SENDING` is durable before its POST leaves, so after a crash it means doubt."""

    FILLING = "filling"
    PLANNED = "planned"
    SENDING = "sending"
    ACCEPTED = "accepted"
    DONE = "done"


class Kind(IntEnum):
    """What is known of a row."""

    OPEN = 0
    SENDING = 1
    OK = 2
    FAILED = 3
    IN_DOUBT = 4


@dataclass(frozen=True, slots=True)
class Result:
    """What became of the row at a position of its chunk."""

    position: int
    kind: Kind
    reason: str | None = None
    error: QualtricsError | None = None
    contact_id: str | None = None
    contact_lookup_id: str | None = None


@dataclass(slots=True)
class ChunkRecord:
    """A chunk as it stands in the journal; `job` is the id that the service gave it."""

    number: int
    mailing_list_id: str
    state: ChunkState
    job: str | None = None
    count: int = 0
    size: int = 0
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RowRecord:
    """A row as it stands in the journal."""

    position: int
    index: int
    line: int | None
    mailing_list_id: str | None
    payload: bytes | None
    kind: Kind
    reason: str | None
    error: QualtricsError | None
    contact_id: str | None
    contact_lookup_id: str | None


class Journal:
    """What a bulk job knows of itself, in a file of its own.

    Chunk 0 holds the rows that were refused before anything was sent. Rows that went well are erased
    when their outcome has been delivered, all others when the job is over; what stays is that they were,
    and how.
    """

    def __init__(self, store: Store) -> None:
        self.store = store

    @classmethod
    async def open(cls, path: str | os.PathLike[str] | None, fingerprint: Mapping[str, Any]) -> Self:
        """Open a journal, or a temporary one without a path.

        Raises:
            JournalError: when the file is in use, damaged, foreign, or belongs to a job of another kind.
        """
        store = await Store.open(path, _SCHEMA, _VERSION)
        journal = cls(store)
        try:
            await journal._identify(fingerprint)
        except BaseException:
            await store.aclose()
            raise
        return journal

    async def _identify(self, fingerprint: Mapping[str, Any]) -> None:
        known = await self.meta("fingerprint")
        if known is None:
            await self.set_meta("fingerprint", json.dumps(fingerprint, sort_keys=True))
            return
        before = json.loads(known)
        names = sorted(name for name in before | fingerprint if before.get(name) != fingerprint.get(name))
        if names:
            raise JournalError(
                f"the journal belongs to another job (it differs in {', '.join(names)}); "
                "repeat the same call, or name another journal",
                reason="another job",
            )

    async def aclose(self) -> None:
        """Close the file; a temporary one is gone, and of a finished job's rows nothing is left in it."""
        try:
            if not self.store.temporary and (due := await self.store.run(_erasure_due)) is not None:
                await self.store.compact()
                await self.set_meta("erased", due)
        except JournalError as error:
            logger.warning("the rows of a finished job may have left traces in its journal: %s", error)
        finally:
            await self.store.aclose()

    async def meta(self, name: str) -> str | None:
        """Read a remark."""

        def work(db: sqlite3.Connection) -> str | None:
            found = db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
            return None if found is None else str(found[0])

        return await self.store.run(work)

    async def set_meta(self, name: str, value: str) -> None:
        """Write a remark."""
        await self.store.run(lambda db: _set_meta(db, {name: value}))

    async def add(
        self,
        rows: Sequence[tuple[Any, ...]],
        chunks: Iterable[ChunkRecord],
        results: Iterable[Result],
        remarks: Mapping[str, str],
    ) -> None:
        """Add a batch of the input at once: rows, the chunks that they changed, those refused, remarks."""
        changed = [
            (c.number, c.mailing_list_id, c.state, c.count, c.size, json.dumps(c.fields)) for c in chunks
        ]

        def work(db: sqlite3.Connection) -> None:
            db.executemany(
                "INSERT INTO rows (chunk, position, number, line, list, payload, kind, delivered) "
                "VALUES (?, ?, ?, ?, ?, ?, 0, 0)",
                rows,
            )
            db.executemany(
                "INSERT INTO chunks (number, list, state, count, size, fields) VALUES (?, ?, ?, ?, ?, ?) "
                "ON CONFLICT (number) DO UPDATE SET state = excluded.state, count = excluded.count, "
                "size = excluded.size, fields = excluded.fields",
                changed,
            )
            db.executemany(_CONFIRM, _values(results, REFUSED))
            _set_meta(db, remarks)

        await self.store.run(work)

    async def chunks(self) -> list[ChunkRecord]:
        """Read all chunks, in the order in which they were begun."""

        def work(db: sqlite3.Connection) -> list[ChunkRecord]:
            found = db.execute(
                "SELECT number, list, state, job, count, size, fields FROM chunks ORDER BY number"
            )
            return [
                ChunkRecord(number, name, ChunkState(state), job, count, size, tuple(json.loads(fields)))
                for number, name, state, job, count, size, fields in found
            ]

        return await self.store.run(work)

    async def body(self, chunk: int) -> bytes:
        """Join the rows of a chunk to a JSON array."""

        def work(db: sqlite3.Connection) -> bytes:
            found = db.execute("SELECT payload FROM rows WHERE chunk = ? ORDER BY position", (chunk,))
            return b"[" + b",".join(payload for (payload,) in found) + b"]"

        return await self.store.run(work)

    async def move(self, chunk: int, state: ChunkState) -> None:
        """Move a chunk to a state, durably before this returns."""
        await self.confirm(chunk, (), state=state)

    async def mark_sending(self, chunk: int, position: int, sending: bool) -> None:
        """Say of one row that it is about to be sent, or that it was not after all."""
        kind = Kind.SENDING if sending else Kind.OPEN

        def work(db: sqlite3.Connection) -> None:
            db.execute("UPDATE rows SET kind = ? WHERE chunk = ? AND position = ?", (kind, chunk, position))

        await self.store.run(work)

    async def confirm(
        self,
        chunk: int,
        results: Iterable[Result],
        *,
        state: ChunkState | None = None,
        job: str | None = None,
    ) -> None:
        """Write what became of rows, and the state and job id of their chunk, at once."""

        def work(db: sqlite3.Connection) -> None:
            db.executemany(_CONFIRM, _values(results, chunk))
            if state is not None:
                db.execute(
                    "UPDATE chunks SET state = ?, job = coalesce(?, job) WHERE number = ?",
                    (state, job, chunk),
                )

        await self.store.run(work)

    async def rows(
        self, chunk: int, *, after: int = -1, limit: int = 500, delivered: bool = True
    ) -> list[RowRecord]:
        """Read rows of a chunk in order; without those whose outcome was delivered, if asked so."""

        def work(db: sqlite3.Connection) -> list[RowRecord]:
            found = db.execute(
                "SELECT position, number, line, list, payload, kind, reason, error, contact, lookup "
                "FROM rows WHERE chunk = ? AND position > ? AND delivered <= ? ORDER BY position LIMIT ?",
                (chunk, after, int(delivered), limit),
            )
            return [_record(row) for row in found]

        return await self.store.run(work)

    async def undelivered(self) -> int:
        """Count the rows whose outcome has yet to be delivered."""

        def work(db: sqlite3.Connection) -> int:
            (count,) = db.execute("SELECT count(*) FROM rows WHERE delivered = 0").fetchone()
            return int(count)

        return await self.store.run(work)

    async def length(self, chunk: int) -> int:
        """Count the rows of a chunk."""

        def work(db: sqlite3.Connection) -> int:
            (count,) = db.execute("SELECT count(*) FROM rows WHERE chunk = ?", (chunk,)).fetchone()
            return int(count)

        return await self.store.run(work)

    async def positions(self, chunk: int, kind: Kind) -> list[int]:
        """Find the rows of a chunk of which just this is known, in order."""

        def work(db: sqlite3.Connection) -> list[int]:
            found = db.execute(
                "SELECT position FROM rows WHERE chunk = ? AND kind = ? ORDER BY position", (chunk, kind)
            )
            return [position for (position,) in found]

        return await self.store.run(work)

    async def emails(self, chunk: int) -> list[str | None]:
        """Read the e-mail address of each row of a chunk, in order."""

        def work(db: sqlite3.Connection) -> list[str | None]:
            found = db.execute(
                """
                SELECT json_extract(CAST(payload AS TEXT), '$.email') FROM rows
                WHERE chunk = ? ORDER BY position
                """,
                (chunk,),
            )
            return [email for (email,) in found]

        return await self.store.run(work)

    async def delivered(self, chunk: int, first: int, last: int) -> None:
        """Say that the outcomes of these positions have been taken, and erase the rows that went well.

        The others are kept until the job is over, so that a replay can say whom it concerns.
        """
        place = (chunk, first, last)

        def work(db: sqlite3.Connection) -> None:
            if self.store.temporary:
                db.execute(_FORGET, place)
            else:
                db.execute(_DELIVERED, (Kind.OK, *place))

        await self.store.run(work)


_FORGET: Final = "DELETE FROM rows WHERE chunk = ? AND position BETWEEN ? AND ?"

_DELIVERED: Final = """
UPDATE rows SET delivered = 1, payload = CASE kind WHEN ? THEN NULL ELSE payload END
WHERE chunk = ? AND position BETWEEN ? AND ?
"""


def sent_anything(path: Path) -> bool:
    """Whether a job that has ended sent anything, as its journal knows; also when it cannot be read."""
    open_states = (ChunkState.FILLING, ChunkState.PLANNED)
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
            query = "SELECT EXISTS (SELECT 1 FROM chunks WHERE state NOT IN (?, ?))"
            return bool(db.execute(query, open_states).fetchone()[0])
    except sqlite3.Error:
        return True


_CONFIRM: Final = """
UPDATE rows SET kind = ?, reason = ?, error = ?, contact = ?, lookup = ? WHERE chunk = ? AND position = ?
"""


def _erasure_due(db: sqlite3.Connection) -> str | None:
    """Erase the rows of a job that is over, and say so; None when it goes on, or when it has been done."""
    (unfinished,) = db.execute(
        "SELECT EXISTS (SELECT 1 FROM chunks WHERE state <> 'done') "
        "OR EXISTS (SELECT 1 FROM rows WHERE payload IS NOT NULL AND NOT delivered)"
    ).fetchone()
    remarks = dict(db.execute("SELECT name, value FROM meta"))
    reading = "spooled" in remarks and "complete" not in remarks
    due = str(remarks.get("spooled", "all"))
    if unfinished or reading or remarks.get("erased") == due:
        return None
    db.execute("UPDATE rows SET payload = NULL")
    return due


def _set_meta(db: sqlite3.Connection, remarks: Mapping[str, str]) -> None:
    db.executemany("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", list(remarks.items()))


def _values(results: Iterable[Result], chunk: int) -> Iterator[tuple[Any, ...]]:
    known: tuple[QualtricsError | None, str | None] = (None, None)
    for result in results:
        if result.error is not known[0]:
            # Thousands of rows share one error.
            known = (result.error, None if result.error is None else _write_error(result.error))
        yield (
            result.kind,
            result.reason,
            known[1],
            result.contact_id,
            result.contact_lookup_id,
            chunk,
            result.position,
        )


def _record(row: tuple[Any, ...]) -> RowRecord:
    position, index, line, name, payload, kind, reason, error, contact_id, lookup_id = row
    known = None if error is None else _read_error(error)
    return RowRecord(position, index, line, name, payload, Kind(kind), reason, known, contact_id, lookup_id)


def _write_error(error: QualtricsError) -> str:
    """Write what a later process needs of an error to act on it."""
    names = ("status", "error_code", "message", "request_id", "job_id", "method", "template", "attempts")
    details = {name: value for name in names if isinstance(value := getattr(error, name, None), str | int)}
    return json.dumps({"class": type(error).__name__, "text": str(error), **details})


def _read_error(text: str) -> QualtricsError:
    details: dict[str, Any] = json.loads(text)
    name, said = details.pop("class"), details.pop("text")
    if name == UsageError.__name__:
        return UsageError(said)
    if name == JobFailed.__name__:
        return JobFailed(said, job_id=details.get("job_id", ""), status=str(details.get("status", "")))
    if "message" in details and isinstance(details.get("status"), int):
        known: ApiError = api_error_class(details["status"], details.get("error_code"))(said, **details)
        return known
    doubt = OutcomeUnknown(said)
    doubt.status, doubt.request_id = details.get("status"), details.get("request_id")
    return doubt
