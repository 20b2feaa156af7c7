"""The journal: states survive, rows are erased when they are delivered, a refusal says what to do."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from working import CREATE, IMPORT, SEARCH, asynchronous, scene, take

from qualtrics_async import (
    Conflict,
    Forbidden,
    InvalidRequest,
    JobFailed,
    JournalError,
    OutcomeUnknown,
    QualtricsError,
    ServerFault,
    UsageError,
)
from qualtrics_async.bulk.journal import Journal
from qualtrics_async.bulk.records import (
    ChunkRecord,
    ChunkState,
    Kind,
    Note,
    Piece,
    Result,
    read_error,
    write_error,
)
from qualtrics_async.bulk.rows import Prepared, mark

PRINT = {"job": "test", "number": 1}


def piece(chunk: int, first: int, count: int) -> Piece:
    """Make a piece as the spool does."""
    made = Piece(chunk, first)
    for n in range(first, first + count):
        email = f"person{n}@example.com"
        payload = json.dumps({"email": email}).encode()
        made.add(Prepared(n, n + 2, "CG_1", payload, address=mark(email)))
    return made


async def filled(path: Path | None, count: int = 3, **options: Any) -> tuple[Journal, ChunkRecord]:
    """Open a journal and add one chunk, in pieces of five rows."""
    journal = await Journal.open(path, PRINT, **options)
    record = ChunkRecord(1, "CG_1", ChunkState.PLANNED, count=count, size=9, fields=("a", "b"))
    pieces = [piece(1, first, min(5, count - first)) for first in range(0, count, 5)]
    await journal.add(pieces, [record], {"spooled": str(count)})
    return journal, record


@pytest.mark.parametrize("state", list(ChunkState))
@asynchronous
async def test_states_survive(state: ChunkState, tmp_path: Path) -> None:
    """What was written down of a chunk is there after the file was closed."""
    journal, record = await filled(tmp_path / "j.db")
    record.state, record.job = state, "PGRS_1"
    record.note = Note(unread=[2], sent=1, samples=[0], overtaken=True)
    await journal.save(record)
    await journal.aclose()
    journal = await Journal.open(tmp_path / "j.db", PRINT)
    assert await journal.chunks() == [record]
    assert await journal.meta("spooled") == "3"
    await journal.aclose()


@asynchronous
async def test_an_intent_is_synced_whatever_came_before_it(tmp_path: Path) -> None:
    """Rows and marks of delivery are left to the next sync; states, results and a complete input are not."""
    journal, record = await filled(tmp_path / "j.db")
    levels: list[str] = []

    def watch(db: sqlite3.Connection) -> None:
        def note(statement: str) -> None:
            if statement == "COMMIT":
                levels.append("synced" if db.execute("PRAGMA synchronous").fetchone() == (2,) else "later")

        db.set_trace_callback(note)

    await journal.store.run(watch)
    levels.clear()
    await journal.add([], [record], {"spooled": "3"})
    await journal.save(record)
    await journal.take(1, 0)
    await journal.settle_row(1, Result(1, Kind.SENDING))
    await journal.add([], [record], {"complete": "yes"})
    await journal.take(1, 1)
    await journal.finish(record, {at: Result(at, Kind.OK) for at in range(3)})
    await journal.aclose()
    assert levels[:7] == ["later", "synced", "later", "synced", "synced", "later", "synced"]


ERRORS: list[QualtricsError] = [
    UsageError("the row has no name"),
    JobFailed("job failed: x", job_id="PGRS_1", status="failed"),
    InvalidRequest("no", status=400, error_code="E_1", message="why", request_id="id-1", method="POST"),
    Conflict("no", status=409),
    Forbidden("no", status=403, error_code="AuthZ_2.0"),
    ServerFault("down", status=501, attempts=3),
    OutcomeUnknown("lost"),
    OutcomeUnknown("lost \ud800"),
]


@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_errors_survive(error: QualtricsError) -> None:
    """An error that was written down is of the same class and says the same to whoever acts on it."""
    again = read_error(write_error(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    for name in ("status", "error_code", "request_id", "job_id", "message"):
        assert getattr(again, name, None) == getattr(error, name, None)


def results(count: int) -> dict[int, Result]:
    """One result of each kind in turn."""
    error = JobFailed("no", job_id="PGRS_1")
    kinds = [
        lambda at: Result(at, Kind.OK, contact_id=f"CID_{at}", contact_lookup_id=f"CGC_{at}"),
        lambda at: Result(at, Kind.FAILED, "refused", error),
        lambda at: Result(at, Kind.IN_DOUBT, "lost reply", error),
    ]
    return {at: kinds[at % 3](at) for at in range(count)}


async def whole(journal: Journal, chunk: int) -> list[Any]:
    """Read all rows of a chunk."""
    rows: list[Any] = []
    while part := await journal.rows(chunk, after=len(rows) - 1):
        rows += part
    return rows


@pytest.mark.parametrize("keep", [True, False])
@asynchronous
async def test_results_survive_and_rows_that_went_well_are_erased(keep: bool, tmp_path: Path) -> None:
    """Outcomes keep ids, reason and error; rows go with what was taken whole, unless they are kept."""
    journal, record = await filled(tmp_path / "j.db", 12, keep_rows=keep)
    await journal.finish(record, results(12))
    await journal.take(1, 6)
    await journal.aclose()
    journal = await Journal.open(tmp_path / "j.db", PRINT, keep_rows=keep)
    assert await journal.taken(1) == 7
    assert await journal.undelivered() == 5
    rows = await whole(journal, 1)
    assert [row.kind for row in rows] == [Kind.OK, Kind.FAILED, Kind.IN_DOUBT] * 4
    gone = [row.position for row in rows if row.payload is None]
    assert gone == ([] if keep else [0, 3])
    assert (rows[0].contact_id, rows[0].contact_lookup_id) == ("CID_0", "CGC_0")
    assert isinstance(rows[1].error, JobFailed)
    assert [row.index for row in rows] == list(range(12))
    assert [row.line for row in rows] == list(range(2, 14))
    await journal.take(1, 3)
    assert await journal.taken(1) == 7
    await journal.aclose()


@asynchronous
async def test_rows_of_a_chunk_are_one_json_array() -> None:
    """The body has the rows in order."""
    journal, _ = await filled(None, 12)
    assert [r["email"] for r in json.loads(await journal.body(1))] == [
        f"person{n}@example.com" for n in range(12)
    ]
    await journal.aclose()


@asynchronous
async def test_marks_are_counted_after_their_rows_are_gone() -> None:
    """How often a key is in the job is known as long as the journal."""
    journal, record = await filled(None, 12)
    await journal.finish(record, {at: Result(at, Kind.OK) for at in range(12)})
    await journal.take(1, 11)
    marks = [("email", mark(" PERSON3@example.com")), ("email", mark("x")), ("extRef", mark("x"))]
    assert list((await journal.counts("CG_1", marks)).values()) == [1, 0, 0]
    assert list((await journal.counts("CG_2", marks)).values()) == [0, 0, 0]
    await journal.aclose()


@asynchronous
async def test_concurrent_writers_do_not_disturb_one_another(tmp_path: Path) -> None:
    """Many tasks settle, mark and read at the same time."""
    journal, _ = await filled(tmp_path / "j.db", 100)
    await asyncio.gather(
        *(journal.settle_row(1, Result(n, Kind.OK, contact_id=f"CID_{n}")) for n in range(0, 100, 2)),
        *(journal.settle_row(1, Result(n, Kind.SENDING), absent=n % 4 == 1) for n in range(1, 100, 2)),
        *(journal.rows(1) for _ in range(10)),
    )
    known = await journal.settled_rows(1)
    assert [at for at, (result, _) in known.items() if result.kind is Kind.SENDING] == list(range(1, 100, 2))
    assert [at for at, (_, absent) in known.items() if absent] == list(range(1, 100, 4))
    assert known[2][0] == Result(2, Kind.OK, contact_id="CID_2")
    await journal.aclose()


@asynchronous
async def test_another_job_and_another_version_are_refused(tmp_path: Path) -> None:
    """The message names what differs and what to do, and the file stays usable."""
    path = tmp_path / "j.db"
    await (await filled(path))[0].aclose()
    with pytest.raises(JournalError, match=r"differs in extra, number.*another journal") as caught:
        await Journal.open(path, {"job": "test", "number": 2, "extra": 3})
    assert caught.value.reason == "another job"

    def age() -> None:
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA user_version = 99")
        connection.close()

    await (await Journal.open(path, PRINT)).aclose()
    await asyncio.to_thread(age)
    with pytest.raises(JournalError, match="format 99") as caught:
        await Journal.open(path, PRINT)
    assert caught.value.reason == "version"


@pytest.mark.parametrize("kind", ["imports", "creates"])
@asynchronous
async def test_no_address_is_left_in_the_file(kind: str, tmp_path: Path) -> None:
    """After a job of thousands of rows, bad ones and doubtful ones too, no byte of a row is left."""
    journal = tmp_path / "j.db"
    async with scene(lists=3, deduplicate=()) as s:
        count = 2000 if kind == "imports" else 200
        rows: list[Any] = [
            *s.rows(count, note="secret note"),
            {"email": "nobody@", "note": "secret note"},
        ]
        options: dict[str, Any] = {"mailing_list": lambda row: s.spread(row) if "extRef" in row else "CG_1"}
        if kind == "imports":
            options["chunk_rows"] = 300
        s.sandbox.faults.add(kind="status", status=403, route=SEARCH, times=None)
        s.sandbox.faults.add(kind="cut", route=IMPORT if kind == "imports" else CREATE)
        taken = await take((s.imports if kind == "imports" else s.creates)(rows, journal=journal, **options))
        assert taken.error is None
        assert taken.kinds["Failed"] == 1
        assert taken.kinds["InDoubt"] >= 1
    content = await asyncio.to_thread(journal.read_bytes)
    for trace in (b"example.com", b"nobody@", b"secret note", b"Name 1"):
        assert trace not in content


@asynchronous
async def test_a_finished_chunk_forgets_the_fates_of_its_rows() -> None:
    """What was known of its rows one by one is in its results, and nowhere else; other chunks keep theirs."""
    journal, record = await filled(None)
    await journal.settle_row(1, Result(0, Kind.SENDING))
    await journal.settle_row(2, Result(0, Kind.SENDING))
    await journal.finish(record, results(3))
    assert await journal.settled_rows(1) == {}
    assert await journal.settled_rows(2) == {0: (Result(0, Kind.SENDING), False)}
    await journal.aclose()
