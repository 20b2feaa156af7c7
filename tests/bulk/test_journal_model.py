"""The journal against a plain dictionary: any interleaving of work, crashes and openings ends the same."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from qualtrics_async import JobFailed, JournalError
from qualtrics_async.bulk.journal import Journal
from qualtrics_async.bulk.outcome import Decision
from qualtrics_async.bulk.records import (
    REFUSED,
    ChunkRecord,
    ChunkState,
    Kind,
    Note,
    Piece,
    Result,
    RowRecord,
)
from qualtrics_async.bulk.rows import Prepared, mark

T = TypeVar("T")

PRINT = {"job": "model"}
LISTS = ("CG_1", "CG_2", "CG_3")
ERROR = JobFailed("import PGRS_1 failed", job_id="PGRS_1", status="failed")
MARKS = [("email", mark(f"p{n}@example.com")) for n in range(4)]
ENOUGH = 20
"""Rows from which on the input may end."""

EDGES = {
    (ChunkState.FILLING, ChunkState.PLANNED),
    (ChunkState.PLANNED, ChunkState.SENDING),
    (ChunkState.SENDING, ChunkState.PLANNED),
    (ChunkState.SENDING, ChunkState.ACCEPTED),
    *((before, ChunkState.DONE) for before in ChunkState if before is not ChunkState.FILLING),
}

few = st.integers(0, 6)
kinds = st.sampled_from([Kind.OK, Kind.OK, Kind.OK, Kind.FAILED, Kind.IN_DOUBT])


class Killed(BaseException):
    """The process ends here."""


@dataclass
class Row:
    """A row as the model knows it."""

    index: int
    line: int | None
    name: str | None
    payload: bytes | None
    email: str
    result: Result | None = None


@dataclass
class Chunk:
    """A chunk as the model knows it, with the sizes of its pieces."""

    record: ChunkRecord
    rows: list[Row] = field(default_factory=list)
    pieces: list[tuple[int, int]] = field(default_factory=list)
    taken: int = 0
    fates: dict[int, tuple[Result, bool]] = field(default_factory=dict)

    def erase(self) -> None:
        """Forget the rows that went well of each piece that was taken whole."""
        for first, count in self.pieces:
            for row in self.rows[first : first + count] if first + count <= self.taken else ():
                if row.result is not None and row.result.kind is Kind.OK:
                    row.payload = None


@dataclass
class Model:
    """All that the journal should know."""

    chunks: dict[int, Chunk] = field(
        default_factory=lambda: {REFUSED: Chunk(ChunkRecord(REFUSED, "", ChunkState.DONE))}
    )
    meta: dict[str, str] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)
    rows: int = 0

    @property
    def over(self) -> bool:
        """Whether every outcome of the whole input has been delivered."""
        done = all(
            chunk.record.state is ChunkState.DONE and chunk.taken == len(chunk.rows)
            for chunk in self.chunks.values()
        )
        return done and ("spooled" not in self.meta or "complete" in self.meta)


def result_of(position: int, kind: Kind) -> Result:
    """Make a result as a job does."""
    if kind is Kind.OK:
        return Result(position, kind, contact_id=f"CID_{position}", contact_lookup_id=f"CGC_{position}")
    return Result(position, kind, "refused" if kind is Kind.FAILED else "lost reply", ERROR)


def same(one: Result, other: Result) -> bool:
    """Compare results; errors say the same when they are of one class and text."""
    plain = [(r.position, r.kind, r.reason, r.contact_id, r.contact_lookup_id) for r in (one, other)]
    return plain[0] == plain[1] and repr(one.error) == repr(other.error)


class JournalMachine(RuleBasedStateMachine):
    """Drives a journal and its model side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="journal-model-"))
        self.path = self.folder / "0.db"
        self.crashes = 0
        self.model = Model()
        self.runner = asyncio.Runner()
        self.keep_rows = False
        self.journal: Journal

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a step of the journal."""
        return self.runner.run(work)

    def open(self) -> None:
        """Open the file as it is."""
        self.journal = self.run(Journal.open(self.path, PRINT, keep_rows=self.keep_rows))

    @initialize(keep_rows=st.booleans())
    def begin(self, keep_rows: bool) -> None:
        """Make a new journal."""
        self.keep_rows = keep_rows
        self.open()
        self.add((6, 3, 0), refused=2, full=False, end=1)
        self.add((5, 2, 4), refused=1, full=True, end=1)

    def teardown(self) -> None:
        """Close everything."""
        try:
            if hasattr(self, "journal"):
                self.come_to_its_end()
                self.run(self.journal.aclose())
        finally:
            self.runner.close()
            shutil.rmtree(self.folder)

    def come_to_its_end(self) -> None:
        """Bring all that is left to its end, as the last run of a job does, and look once more."""
        if "complete" not in self.model.meta:
            self.add((1, 0, 0), refused=0, full=True, end=0)
        for chunk in self.model.chunks.values():
            if chunk.record.state is not ChunkState.DONE:
                self._finish(chunk, {at: result_of(at, Kind.OK) for at in range(len(chunk.rows))})
        taken = [chunk for chunk in self.model.chunks.values() if chunk.rows]
        taken.sort(key=lambda chunk: chunk.taken < len(chunk.rows) and chunk.record.number != REFUSED)
        for chunk in taken[:-1]:
            self._take(chunk, len(chunk.rows) - 1)
        for last in (-2, -1):
            if len(taken[-1].rows) + last >= 0:
                self._take(taken[-1], len(taken[-1].rows) + last)
            self.close_and_open()
            self.run(self._compare())

    def chunks(self, *states: ChunkState) -> list[Chunk]:
        """The chunks of the model in these states, with at least one row."""
        known = list(self.model.chunks.values())[1:]
        return [chunk for chunk in known if chunk.record.state in states and chunk.rows]

    def change(self, chunk: Chunk, write: Callable[[ChunkRecord], Coroutine[Any, Any, None]]) -> None:
        """Change a chunk through a record of the journal's own, as another process would have read it."""
        (record,) = [one for one in self.run(self.journal.chunks()) if one.number == chunk.record.number]
        before = record.state
        self.run(write(record))
        assert record.state is before or (before, record.state) in EDGES
        chunk.record = record

    # What a job does.

    @precondition(lambda self: "complete" not in self.model.meta)
    @rule(counts=st.tuples(few, few, few), refused=few, full=st.booleans(), end=few)
    def add(self, counts: tuple[int, int, int], refused: int, full: bool, end: int) -> None:
        """Add a batch: rows of several lists, some of them refused; a chunk may be full with it."""
        last = end == 0 and self.model.rows > ENOUGH
        pieces: list[Piece] = []
        changed: list[ChunkRecord] = []
        for name, count in zip(LISTS, counts, strict=True):
            if count:
                chunk = self._filling(name)
                pieces.append(self._piece(chunk, count, name))
                chunk.record.count = len(chunk.rows)
                chunk.record.size += 10 * count
                changed.append(chunk.record)
        if refused:
            pieces.append(self._piece(self.model.chunks[REFUSED], refused, None))
        for chunk in self.chunks(ChunkState.FILLING) if full or last else ():
            chunk.record.state = ChunkState.PLANNED
            changed.append(chunk.record)
        remarks = {"spooled": str(self.model.rows)} | ({"complete": "yes"} if last else {})
        self.model.meta |= remarks
        self.run(self.journal.add(pieces, changed, remarks))

    def _filling(self, name: str) -> Chunk:
        for chunk in self.model.chunks.values():
            if chunk.record.state is ChunkState.FILLING and chunk.record.mailing_list_id == name:
                return chunk
        number = len(self.model.chunks)
        chunk = Chunk(ChunkRecord(number, name, ChunkState.FILLING, fields=("a", "b")[: number % 3]))
        self.model.chunks[number] = chunk
        return chunk

    def _piece(self, chunk: Chunk, count: int, name: str | None) -> Piece:
        piece = Piece(chunk.record.number, len(chunk.rows))
        chunk.pieces.append((len(chunk.rows), count))
        for _ in range(count):
            index, email = self.model.rows, f"p{self.model.rows % 5}@example.com"
            row = Row(index, index + 2, name, json.dumps({"email": email, "n": index}).encode(), email)
            if name is None:
                row.name = LISTS[index % 3] if index % 2 else None
                row.result = result_of(len(chunk.rows), Kind.FAILED)
                piece.results.append(row.result)
            assert row.payload is not None
            piece.add(Prepared(index, row.line, row.name, row.payload, address=mark(email)))
            chunk.rows.append(row)
            self.model.rows += 1
        return piece

    @precondition(lambda self: any(map(self.is_open, self.model.chunks.values())))
    @rule(data=st.data())
    def go_on(self, data: st.DataObject) -> None:
        """Do the next thing, or one of them, to any chunk that is full."""
        chunk = data.draw(st.sampled_from([*filter(self.is_open, self.model.chunks.values())]), "chunk")
        steps = {
            ChunkState.PLANNED: (self.send, self.settle_rows, self.finish),
            ChunkState.SENDING: (self.accept, self.take_back, self.finish),
            ChunkState.ACCEPTED: (self.finish,),
            ChunkState.DONE: (self.take, self.take_some),
        }[chunk.record.state]
        data.draw(st.sampled_from(steps), "step")(chunk, data)

    @staticmethod
    def is_open(chunk: Chunk) -> bool:
        """Whether there is anything to do with a chunk, besides filling it."""
        return chunk.record.state is not ChunkState.FILLING and chunk.taken < len(chunk.rows)

    def send(self, chunk: Chunk, data: st.DataObject) -> None:
        """Write an intent down."""
        if chunk.fates:
            return
        samples = data.draw(st.lists(few, max_size=2), "samples")

        async def intend(record: ChunkRecord) -> None:
            record.state = ChunkState.SENDING
            record.note = Note(sent=record.note.sent + 1, samples=samples)
            await self.journal.save(record)

        self.change(chunk, intend)

    def accept(self, chunk: Chunk, data: st.DataObject) -> None:
        """Write down that the chunk was accepted."""
        unread = data.draw(st.lists(few, max_size=2), "unread")

        async def write(record: ChunkRecord) -> None:
            record.state, record.job, record.note.unread = ChunkState.ACCEPTED, "PGRS_1", unread
            await self.journal.save(record)

        self.change(chunk, write)

    def take_back(self, chunk: Chunk, _: st.DataObject) -> None:
        """Write down that it is to be sent again, and why."""
        decision = Decision(chunk.record.mailing_list_id, len(chunk.rows), "sent again", "no trace")

        async def write(record: ChunkRecord) -> None:
            record.state = ChunkState.PLANNED
            await self.journal.save(record)
            await self.journal.decide(decision)

        self.change(chunk, write)
        self.model.decisions.append(decision)

    def settle_rows(self, chunk: Chunk, data: st.DataObject) -> None:
        """Write down what is known of some rows."""
        for at in data.draw(st.lists(st.integers(0, len(chunk.rows) - 1), max_size=4), "positions"):
            kind, absent = data.draw(st.sampled_from(Kind), "kind"), data.draw(st.booleans(), "absent")
            result = Result(at, kind) if kind in (Kind.OPEN, Kind.SENDING) else result_of(at, kind)
            self.run(self.journal.settle_row(chunk.record.number, result, absent=absent))
            chunk.fates[at] = result, absent
            if kind is Kind.OPEN:
                del chunk.fates[at]

    def finish(self, chunk: Chunk, data: st.DataObject) -> None:
        """Write results of every row."""
        well = data.draw(st.booleans(), "all went well")
        results = {
            at: result_of(at, Kind.OK if well else data.draw(kinds, "kind")) for at in range(len(chunk.rows))
        }
        self._finish(chunk, results)

    def _finish(self, chunk: Chunk, results: dict[int, Result]) -> None:
        self.change(chunk, lambda record: self.journal.finish(record, results))
        for row, result in zip(chunk.rows, results.values(), strict=True):
            row.result = result
        chunk.fates.clear()

    def take(self, chunk: Chunk, _: st.DataObject) -> None:
        """Say that the outcomes of a chunk have been delivered."""
        self._take(chunk, len(chunk.rows) - 1)

    def take_some(self, chunk: Chunk, data: st.DataObject) -> None:
        """Say that outcomes have been delivered up to any row; a replay says it of earlier ones again."""
        edges = {first + count - more for first, count in chunk.pieces for more in (1, 2)}
        self._take(chunk, data.draw(st.sampled_from(sorted({0, *edges} - {-1})), "last"))

    def _take(self, chunk: Chunk, last: int) -> None:
        self.run(self.journal.take(chunk.record.number, last))
        chunk.taken = max(chunk.taken, last + 1)
        if not self.keep_rows:
            chunk.erase()

    # What happens to it.

    @rule(how=st.sampled_from(["ends", "is killed", "is killed while it writes"]))
    def the_process(self, how: str) -> None:
        """It ends in order, or at any moment; until then nobody else gets the file."""
        with pytest.raises(JournalError) as caught:
            self.run(Journal.open(self.path, PRINT))
        assert caught.value.reason == "in use"
        if how == "ends":
            self.close_and_open()
        elif how == "is killed":
            self._leave(self._copy())
        else:
            self.crash_while_writing()

    def close_and_open(self) -> None:
        """End in order, and begin again."""
        self.run(self.journal.aclose())
        if self.model.over and not self.keep_rows and self.model.meta.get("erased") != self._due():
            self.model.meta["erased"] = self._due()
            for chunk in self.model.chunks.values():
                for row in chunk.rows:
                    row.payload = None
        self.open()

    def _due(self) -> str:
        return self.model.meta.get("spooled", "all")

    def crash_while_writing(self) -> None:
        """A write that had not ended when the process did leaves nothing of itself."""
        record = ChunkRecord(1, "CG_never", ChunkState.ACCEPTED, job="never", count=99)
        copies: list[Path] = []
        run = self.journal.store.run

        async def dying(work: Callable[[sqlite3.Connection], Any]) -> None:
            def half(db: sqlite3.Connection) -> None:
                work(db)
                db.execute("UPDATE meta SET value = 'never'")
                db.execute("DELETE FROM bodies")
                copies.append(self._copy())
                raise Killed

            await run(half)

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(self.journal.store, "run", dying)
            with pytest.raises(Killed):
                self.run(self.journal.save(record))
        self._leave(copies[0])

    def _copy(self) -> Path:
        self.crashes += 1
        copied = self.folder / f"{self.crashes}.db"
        for suffix in ("", "-wal", "-journal"):
            if (part := Path(f"{self.path}{suffix}")).exists():
                shutil.copyfile(part, f"{copied}{suffix}")
        return copied

    def _leave(self, copied: Path) -> None:
        self.run(self.journal.store.aclose())
        self.path = copied
        self.open()

    # What holds.

    @invariant()
    def the_journal_knows_what_the_model_knows(self) -> None:
        """Everything that can be read is as the model has it."""
        if hasattr(self, "journal"):
            self.run(self._compare())

    async def _compare(self) -> None:
        journal, chunks = self.journal, self.model.chunks
        assert await journal.chunks() == [chunk.record for chunk in list(chunks.values())[1:]]
        waiting = sum(len(chunk.rows) - chunk.taken for chunk in chunks.values())
        assert await journal.undelivered() == waiting
        assert await journal.decisions(1000) == self.model.decisions
        assert await journal.decisions(2) == self.model.decisions[-2:]
        for name, value in self.model.meta.items():
            assert await journal.meta(name) == value
        for name in LISTS:
            of_list = [chunk for chunk in chunks.values() if chunk.record.mailing_list_id == name]
            marks = [("email", mark(row.email)) for chunk in of_list for row in chunk.rows]
            assert await journal.counts(name, MARKS) == {one: marks.count(one) for one in MARKS}
        for number, chunk in chunks.items():
            await self._compare_chunk(number, chunk)

    async def _compare_chunk(self, number: int, chunk: Chunk) -> None:
        assert await self.journal.taken(number) == chunk.taken
        self._compare_fates(await self.journal.settled_rows(number), chunk)
        rows: list[RowRecord] = []
        while part := await self.journal.rows(number, after=len(rows) - 1):
            rows += part
        assert [row.position for row in rows] == list(range(len(chunk.rows)))
        middle = len(rows) // 2
        part = await self.journal.rows(number, after=middle)
        assert [row.position for row in part] == list(range(middle + 1, middle + 1 + len(part)))
        for known, row in zip(rows, chunk.rows, strict=True):
            name = row.name if number == REFUSED else chunk.record.mailing_list_id
            place = (known.index, known.line, known.mailing_list_id, known.payload)
            assert place == (row.index, row.line, name, row.payload)
            fate = (known.kind, known.reason, known.error, known.contact_id, known.contact_lookup_id)
            assert same(Result(known.position, *fate), row.result or Result(known.position, Kind.OPEN))
        left = b",".join(row.payload for row in chunk.rows if row.payload is not None)
        assert await self.journal.body(number) == b"[" + left + b"]"

    def _compare_fates(self, known: Mapping[int, tuple[Result, bool]], chunk: Chunk) -> None:
        assert known.keys() == chunk.fates.keys()
        for at, (result, absent) in known.items():
            assert same(result, chunk.fates[at][0])
            assert absent is chunk.fates[at][1]


def test_the_journal_is_what_its_model_is() -> None:
    """No order of events loses, doubles or invents anything, and no state moves where it may not."""
    # A failure is told at once: shrinking it writes files for minutes.
    once = settings(max_examples=5, stateful_step_count=40, phases=[Phase.generate])
    run_state_machine_as_test(JournalMachine, settings=once)
