"""The journal of a bulk job: what was planned, sent and confirmed, and the rows until they are done."""

from __future__ import annotations

import json
import os
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Final, Self, TypeAlias

import msgspec

from qualtrics_async._core.events import logger
from qualtrics_async._core.store import Store
from qualtrics_async.bulk.outcome import Decision
from qualtrics_async.bulk.recipients import RECIPIENTS
from qualtrics_async.bulk.records import (
    REFUSED,
    ChunkRecord,
    ChunkState,
    Kind,
    Note,
    Piece,
    Result,
    RowRecord,
    all_went_well,
    bodies_of,
    kinds_of,
    marks_of,
    pack,
    pack_results,
    records_of,
    unpack_results,
)
from qualtrics_async.bulk.targets import TARGETS
from qualtrics_async.errors import JournalError

__all__ = ["Journal", "Mark", "erase_rows", "sent_anything"]

_VERSION: Final = 2
_ROWS: Final = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE chunks (
    number INTEGER PRIMARY KEY, list TEXT NOT NULL, state TEXT NOT NULL, job TEXT, count INTEGER NOT NULL,
    size INTEGER NOT NULL, fields TEXT NOT NULL, note BLOB NOT NULL, taken INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE pieces (
    chunk INTEGER NOT NULL, first INTEGER NOT NULL, count INTEGER NOT NULL, places BLOB NOT NULL,
    refs BLOB NOT NULL, mails BLOB NOT NULL, results BLOB, clean INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX pieces_by_place ON pieces (chunk, first);
CREATE TABLE bodies (piece INTEGER PRIMARY KEY, payloads BLOB NOT NULL);
CREATE TABLE fates (
    chunk INTEGER NOT NULL, position INTEGER NOT NULL, absent INTEGER NOT NULL, result BLOB NOT NULL,
    PRIMARY KEY (chunk, position)
) WITHOUT ROWID;
CREATE TABLE decisions (
    number INTEGER PRIMARY KEY, list TEXT NOT NULL, items INTEGER NOT NULL, decision TEXT NOT NULL,
    reason TEXT NOT NULL
);
INSERT INTO chunks (number, list, state, count, size, fields, note)
VALUES (0, '', 'done', 0, 0, '[]', '{}');
"""

_SCHEMA: Final = f"{_ROWS}{TARGETS}{RECIPIENTS}"

_state = partial(msgspec.convert, type=ChunkState)
_note = msgspec.json.Decoder(Note).decode
_fingerprint = msgspec.json.Decoder(dict[str, Any]).decode
_fields = msgspec.json.Decoder(tuple[str, ...]).decode

Mark: TypeAlias = tuple[str, int]
"""A field of contacts, and the number that `rows.mark()` makes of its value."""


class Journal:
    """What a bulk job knows of itself, in a file of its own.

    Chunk 0 holds the rows that were refused before anything was sent. Outcomes of a chunk are delivered in
    the order of its rows, so a number says how far that went. Rows that went well are erased when their
    outcome has been delivered, all others when the job is over, unless they are to be kept; what stays is
    that they were, and how.
    """

    def __init__(self, store: Store, *, keep_rows: bool = False) -> None:
        self.store = store
        self.keep_rows = keep_rows

    @classmethod
    async def open(
        cls, path: str | os.PathLike[str] | None, fingerprint: Mapping[str, Any], *, keep_rows: bool = False
    ) -> Self:
        """Open a journal, or a temporary one without a path.

        Raises:
            JournalError: when the file is in use, damaged, foreign, or belongs to a job of another kind.
        """
        store = await Store.open(path, _SCHEMA, _VERSION)
        journal = cls(store, keep_rows=keep_rows)
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
        try:
            before = _fingerprint(known)
        except msgspec.DecodeError as error:
            raise JournalError(
                "the journal is damaged: nothing tells what job it is of; name another file, or restore it",
                reason="damaged",
            ) from error
        names = sorted(name for name in {*before, *fingerprint} if before.get(name) != fingerprint.get(name))
        if names:
            raise JournalError(
                f"the journal belongs to another job (it differs in {', '.join(names)}); "
                "repeat the same call, or name another journal",
                reason="another job",
            )

    async def aclose(self) -> None:
        """Close the file; a temporary one is gone, and of a finished job's rows nothing is left in it."""
        try:
            kept = self.store.temporary or self.keep_rows
            if not kept and (due := await self.store.run(_erasure_due)) is not None:
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

    async def drop_meta(self, name: str) -> None:
        """Forget a remark."""

        def work(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM meta WHERE name = ?", (name,))

        await self.store.run(work)

    async def add(
        self, pieces: Sequence[Piece], chunks: Iterable[ChunkRecord], remarks: Mapping[str, str]
    ) -> None:
        """Add a batch of the input at once: rows, the chunks that they changed, remarks.

        Durable with the next intent, or when the input is complete: what is lost before that is read again.
        """
        changed = [_chunk_values(chunk) for chunk in chunks]

        def work(db: sqlite3.Connection) -> None:
            for piece in pieces:
                added = db.execute(_ADD_PIECE, piece.values)
                db.execute("INSERT INTO bodies VALUES (?, ?)", (added.lastrowid, pack(piece.payloads)))
            db.executemany(_SAVE_CHUNK, changed)
            refused = sum(len(piece.numbers) for piece in pieces if piece.chunk == REFUSED)
            db.execute("UPDATE chunks SET count = count + ? WHERE number = ?", (refused, REFUSED))
            _set_meta(db, remarks)

        await self.store.run(work, durable="complete" in remarks)

    async def chunks(self) -> list[ChunkRecord]:
        """Read all chunks that are to be sent or were, in the order in which they were begun."""

        def work(db: sqlite3.Connection) -> list[ChunkRecord]:
            if db.execute(_HAS_OTHER_COUNTS).fetchone()[0]:
                raise JournalError("a part of its rows is missing", reason="damaged")
            found = db.execute(_READ_CHUNKS, (REFUSED,)).fetchall()
            return [
                ChunkRecord(number, name, _state(state), job, count, size, _fields(fields), _note(note))
                for number, name, state, job, count, size, fields, note in found
            ]

        return await self.store.run(work)

    async def save(self, chunk: ChunkRecord) -> None:
        """Write down how a chunk stands, durably before this returns."""
        values = _chunk_values(chunk)

        def work(db: sqlite3.Connection) -> None:
            db.execute(_SAVE_CHUNK, values)

        await self.store.run(work)

    async def body(self, chunk: int) -> bytes:
        """Join the rows of a chunk to a JSON array: all of them, unless it is done."""

        def work(db: sqlite3.Connection) -> bytes:
            state, count = db.execute("SELECT state, count FROM chunks WHERE number = ?", (chunk,)).fetchone()
            found = db.execute(_READ_BODIES, (chunk,)).fetchall()
            rows = list(filter(None, chain.from_iterable(bodies_of(payloads) for (payloads,) in found)))
            if len(rows) != count and state != ChunkState.DONE:
                raise JournalError(f"it has {len(rows)} of the {count} rows of a chunk", reason="damaged")
            return b"[" + b",".join(rows) + b"]"

        return await self.store.run(work)

    async def rows(self, chunk: int, *, after: int = -1) -> list[RowRecord]:
        """Read the rows of a chunk after a position, with what became of them, up to the end of a piece."""

        def work(db: sqlite3.Connection) -> list[RowRecord]:
            found = db.execute(_READ_PIECE, (chunk, after)).fetchone()
            if found is None:
                return []
            *parts, count = found
            records = records_of(*parts)
            if len(records) != count:
                raise JournalError(f"it has {len(records)} of {count} rows", reason="damaged")
            return records[max(0, after + 1 - records[0].position) :]

        return await self.store.run(work)

    async def taken(self, chunk: int) -> int:
        """How many rows of a chunk have delivered outcomes."""

        def work(db: sqlite3.Connection) -> int:
            (count,) = db.execute("SELECT taken FROM chunks WHERE number = ?", (chunk,)).fetchone()
            return int(count)

        return await self.store.run(work)

    async def take(self, chunk: int, last: int) -> None:
        """Say that the outcomes up to a position have been delivered, and erase the rows that went well.

        The others are kept until the job is over, so that a replay can say whom it concerns.
        """

        def work(db: sqlite3.Connection) -> None:
            db.execute("UPDATE chunks SET taken = max(taken, ?) WHERE number = ?", (last + 1, chunk))
            if self.keep_rows:
                return
            db.execute(_ERASE_CLEAN, (chunk, last + 1))
            for row, payloads, results in db.execute(_READ_UNCLEAN, (chunk, last + 1)).fetchall():
                db.execute("UPDATE bodies SET payloads = ? WHERE piece = ?", (_left(payloads, results), row))
                db.execute("UPDATE pieces SET clean = ? WHERE rowid = ?", (_CLEANED, row))

        await self.store.run(work, durable=False)

    async def finish(self, chunk: ChunkRecord, results: Mapping[int, Result]) -> None:
        """Write what became of every row of a chunk, and that it is done."""

        def work(db: sqlite3.Connection) -> None:
            found = db.execute("SELECT rowid, first, count FROM pieces WHERE chunk = ?", (chunk.number,))
            for row, first, count in found.fetchall():
                ordered = [results[at] for at in range(first, first + count)]
                packed = pack_results(ordered)
                db.execute(_SET_RESULTS, (packed, all_went_well(kinds_of(packed)), row))
            db.execute("DELETE FROM fates WHERE chunk = ?", (chunk.number,))
            db.execute(_SAVE_CHUNK, _chunk_values(chunk))

        chunk.state = ChunkState.DONE
        await self.store.run(work)

    async def learn_contacts(self, chunk: int, contacts: Mapping[int, str]) -> None:
        """Write down which contacts some rows of a chunk are that has its results, by position."""

        def work(db: sqlite3.Connection) -> None:
            found = db.execute(_READ_RESULTS, (chunk, max(contacts), min(contacts)))
            for row, first, results in found.fetchall():
                known = [
                    msgspec.structs.replace(one, contact_id=contacts.get(one.position, one.contact_id))
                    for one in unpack_results(results, first)
                ]
                db.execute("UPDATE pieces SET results = ? WHERE rowid = ?", (pack_results(known), row))

        if contacts:
            await self.store.run(work)

    async def settle_row(self, chunk: int, result: Result, *, absent: bool = False) -> None:
        """Write what is known of one row that is sent by itself: `OPEN` takes an intent back.

        `absent` says that its contact was not in the list when the intent was written.
        """

        def work(db: sqlite3.Connection) -> None:
            if result.kind is Kind.OPEN:
                db.execute("DELETE FROM fates WHERE chunk = ? AND position = ?", (chunk, result.position))
                return
            values = (chunk, result.position, absent, pack_results([result]))
            db.execute("INSERT OR REPLACE INTO fates VALUES (?, ?, ?, ?)", values)

        await self.store.run(work)

    async def settled_rows(self, chunk: int) -> dict[int, tuple[Result, bool]]:
        """Read what is known of the rows of a chunk that are sent one by one, and who was absent before."""

        def work(db: sqlite3.Connection) -> dict[int, tuple[Result, bool]]:
            found = db.execute("SELECT position, result, absent FROM fates WHERE chunk = ?", (chunk,))
            return {
                at: (unpack_results(result, at)[0], bool(absent)) for at, result, absent in found.fetchall()
            }

        return await self.store.run(work)

    async def counts(self, mailing_list_id: str, marks: Iterable[Mark]) -> dict[Mark, int]:
        """Count the rows of a list that have these marks, of `extRef` or `email`."""

        def work(db: sqlite3.Connection) -> dict[tuple[str, int], int]:
            counted = dict.fromkeys(marks, 0)
            wanted = [(name, {mark for field, mark in counted if field == name}) for name in _KEYS]
            # What is left open when a piece is damaged would keep the file from being closed.
            with closing(db.execute(_READ_MARKS, (mailing_list_id,))) as found:
                for blobs in found:
                    for (name, marks_of_it), blob in zip(wanted, blobs, strict=True):
                        column = marks_of(blob)
                        if hits := marks_of_it.intersection(column):
                            tally = Counter(column)
                            counted.update({(name, mark): counted[name, mark] + tally[mark] for mark in hits})
            return counted

        return await self.store.run(work)

    async def decide(self, decision: Decision) -> None:
        """Write down what was decided on something in doubt, and why."""
        values = (decision.mailing_list_id, decision.items, decision.decision, decision.reason)

        def work(db: sqlite3.Connection) -> None:
            db.execute("INSERT INTO decisions (list, items, decision, reason) VALUES (?, ?, ?, ?)", values)

        await self.store.run(work)

    async def decisions(self, limit: int) -> list[Decision]:
        """Read the latest decisions, the oldest of them first."""

        def work(db: sqlite3.Connection) -> list[Decision]:
            found = db.execute(
                "SELECT list, items, decision, reason FROM decisions ORDER BY number DESC LIMIT ?", (limit,)
            )
            return [Decision(*values) for values in found][::-1]

        return await self.store.run(work)

    async def any_went_well(self) -> bool:
        """Whether some row has a good result."""

        def work(db: sqlite3.Connection) -> bool:
            with closing(db.execute("SELECT results FROM pieces WHERE results IS NOT NULL")) as found:
                return any(Kind.OK in kinds_of(results) for (results,) in found)

        return await self.store.run(work)

    async def undelivered(self) -> int:
        """Count the rows whose outcome has yet to be delivered."""

        def work(db: sqlite3.Connection) -> int:
            (count,) = db.execute("SELECT coalesce(sum(count - taken), 0) FROM chunks").fetchone()
            return int(count)

        return await self.store.run(work)


_KEYS: Final = ("extRef", "email")

_ADD_PIECE: Final = """
INSERT INTO pieces (chunk, first, count, places, refs, mails, results) VALUES (?, ?, ?, ?, ?, ?, ?)
"""

_READ_MARKS: Final = "SELECT refs, mails FROM pieces JOIN chunks ON chunk = number WHERE list = ?"

_READ_CHUNKS: Final = """
SELECT number, list, state, job, count, size, fields, note FROM chunks WHERE number <> ? ORDER BY number
"""

_HAS_OTHER_COUNTS: Final = """
SELECT EXISTS (
    SELECT 1 FROM chunks LEFT JOIN (SELECT chunk, sum(count) AS rows FROM pieces GROUP BY chunk)
    ON chunk = number WHERE coalesce(rows, 0) <> count
)
"""

_SET_RESULTS: Final = "UPDATE pieces SET results = ?, clean = ? WHERE rowid = ?"

_CLEANED: Final = 2
"""What is left of the rows of a piece is what did not go well; 1: all went well."""

_READ_BODIES: Final = """
SELECT payloads FROM pieces JOIN bodies ON piece = pieces.rowid WHERE chunk = ? ORDER BY first
"""

_SAVE_CHUNK: Final = """
INSERT INTO chunks (number, list, state, job, count, size, fields, note) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (number) DO UPDATE SET state = excluded.state, job = excluded.job, count = excluded.count,
size = excluded.size, fields = excluded.fields, note = excluded.note
"""

_READ_RESULTS: Final = """
SELECT rowid, first, results FROM pieces
WHERE chunk = ? AND first <= ? AND first + count > ? AND results IS NOT NULL
"""

_READ_PIECE: Final = """
SELECT list, first, places, payloads, results, pieces.count FROM pieces JOIN chunks ON chunk = number
LEFT JOIN bodies ON piece = pieces.rowid
WHERE chunk = ? AND first + pieces.count > ? + 1 ORDER BY first LIMIT 1
"""

_ERASE_CLEAN: Final = """
DELETE FROM bodies WHERE piece IN (
    SELECT rowid FROM pieces WHERE chunk = ? AND first + count <= ? AND clean = 1
)
"""

_READ_UNCLEAN: Final = """
SELECT piece, payloads, results FROM pieces JOIN bodies ON piece = pieces.rowid
WHERE chunk = ? AND first + count <= ? AND clean = 0
"""


def _chunk_values(chunk: ChunkRecord) -> tuple[Any, ...]:
    fields, note = json.dumps(chunk.fields), msgspec.json.encode(chunk.note)
    return chunk.number, chunk.mailing_list_id, chunk.state, chunk.job, chunk.count, chunk.size, fields, note


def _left(payloads: bytes, results: bytes) -> bytes:
    """What is left of the rows of a piece when those that went well are gone."""
    kinds = [result.kind for result in unpack_results(results, 0)]
    rows = zip(bodies_of(payloads), kinds, strict=True)
    return pack([None if kind is Kind.OK else row for row, kind in rows])


async def erase_rows(path: Path) -> None:
    """Erase the rows of a job that is over, if they were kept until its output was written.

    Raises:
        JournalError: when the journal is in use, damaged or foreign.
    """
    await Journal(await Store.open(path, _SCHEMA, _VERSION)).aclose()


def sent_anything(path: Path) -> bool:
    """Whether a job that has ended sent anything, as its journal knows; also when it cannot be read."""
    unsent = (ChunkState.FILLING, ChunkState.PLANNED)
    query = (
        "SELECT EXISTS (SELECT 1 FROM chunks WHERE number <> 0 AND state NOT IN (?, ?)) "
        "OR EXISTS (SELECT 1 FROM targets WHERE state NOT IN (?, ?))"
    )
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
            return bool(db.execute(query, (*unsent, *unsent)).fetchone()[0])
    except sqlite3.Error:
        return True


def _erasure_due(db: sqlite3.Connection) -> str | None:
    """Erase the rows of a job that is over, and say so; None when it goes on, or when it has been done."""
    (unfinished,) = db.execute(
        "SELECT EXISTS (SELECT 1 FROM chunks WHERE state <> 'done' OR taken < count) "
        "OR EXISTS (SELECT 1 FROM targets WHERE state <> 'done' OR NOT taken)"
    ).fetchone()
    (more,) = db.execute("SELECT EXISTS (SELECT 1 FROM pages)").fetchone()
    remarks = dict(db.execute("SELECT name, value FROM meta"))
    reading = "spooled" in remarks and "complete" not in remarks
    due = str(remarks.get("spooled", "all"))
    if unfinished or reading or (remarks.get("erased") == due and not more):
        return None
    db.execute("DELETE FROM bodies")
    db.execute("DELETE FROM pages")
    db.execute("UPDATE targets SET listing = NULL, listed = 0, links = NULL, ended = 0, told = 0")
    return due


def _set_meta(db: sqlite3.Connection, remarks: Mapping[str, str]) -> None:
    db.executemany("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", list(remarks.items()))
