"""The journal as a file: durable before anything leaves, refused when it is not whole."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest
from working import CREATE, DISTRIBUTE, IMPORT, Scene, asynchronous, scene, settle, take

from qualtrics_async import JournalError
from qualtrics_async.bulk.journal import Journal
from qualtrics_async.bulk.records import (
    ChunkRecord,
    ChunkState,
    Kind,
    Piece,
    Places,
    Result,
    pack,
    pack_results,
    records_of,
)
from qualtrics_async.bulk.rows import Prepared

PRINT = {"job": "test"}
STATES = {
    "imports": "SELECT count(*) FROM chunks WHERE state = 'sending'",
    "creates": "SELECT count(*) FROM fates",
    "links": "SELECT count(*) FROM targets WHERE state = 'sending'",
}
ROUTES = {"imports": IMPORT, "creates": CREATE, "links": DISTRIBUTE}


def job(s: Scene, kind: str, **options: Any) -> Any:
    """Make a job of a kind, one request at a time."""
    if kind == "links":
        return s.links(concurrency=1, **options)
    return (s.imports if kind == "imports" else s.creates)(s.rows(30), concurrency=1, **options)


def copied(path: Path, to: Path) -> Path:
    """Copy the files of a database as they are now, as a crash leaves them."""
    for suffix in ("", "-wal"):
        if (part := Path(f"{path}{suffix}")).exists():
            shutil.copyfile(part, f"{to}{suffix}")
    return to


def modes(path: Path) -> list[int]:
    """Who may read the files of a database."""
    return [stat.S_IMODE(Path(f"{path}{suffix}").stat().st_mode) for suffix in ("", "-wal")]


def ask(path: Path, query: str) -> Any:
    """Ask a database by a connection of one's own."""
    connection = sqlite3.connect(path)
    try:
        return connection.execute(query).fetchone()[0]
    finally:
        connection.close()


@pytest.mark.parametrize("kind", STATES)
@asynchronous
async def test_the_intent_is_in_the_file_before_the_request_arrives(kind: str, tmp_path: Path) -> None:
    """Whoever pulls the plug while the first request is under way finds its intent: copied files have it."""
    async with scene() as s:
        s.fill(30 if kind == "links" else 0)
        path = tmp_path / "j.db"
        held = s.sandbox.faults.add(kind="delay", route=ROUTES[kind])
        task = asyncio.create_task(take(job(s, kind, journal=path)))
        await held.arrived()
        assert s.count(ROUTES[kind]) == 1
        crashed = await asyncio.to_thread(copied, path, tmp_path / "crashed.db")
        assert await asyncio.to_thread(ask, crashed, STATES[kind]) == 1
        assert await asyncio.to_thread(modes, path) == [0o600, 0o600]
        held.release()
        assert (await task).kinds == {"Ok": 30}


@asynchronous
async def test_a_named_file_is_written_through(tmp_path: Path) -> None:
    """Each transaction is on the disk when it ends: write-ahead log, synchronous=FULL."""
    journal = await Journal.open(tmp_path / "j.db", PRINT)

    def look(db: sqlite3.Connection) -> list[Any]:
        names = ("journal_mode", "synchronous", "locking_mode", "secure_delete")
        return [db.execute(f"PRAGMA {name}").fetchone()[0] for name in names]

    assert await journal.store.run(look) == ["wal", 2, "exclusive", 1]
    await journal.aclose()


async def write(path: Path) -> None:
    """Make a journal of several chunks in several states, with many rows."""
    journal = await Journal.open(path, PRINT)
    for number in range(1, 5):
        record = ChunkRecord(number, f"CG_{number}", ChunkState.PLANNED, count=60, fields=("a",))
        pieces = []
        for first in range(0, 60, 20):
            piece = Piece(number, first)
            for n in range(first, first + 20):
                piece.add(Prepared(n, n, record.mailing_list_id, b'{"email":"x@example.com"}' * 20))
            pieces.append(piece)
        await journal.add(pieces, [record], {"spooled": str(60 * number)})
        if number < 3:
            await journal.finish(record, {n: Result(n, Kind.OK, contact_id=f"CID_{n}") for n in range(60)})
    await journal.take(1, 59)
    await journal.aclose()


async def read(path: Path) -> list[Any]:
    """Read all that a resumed job reads."""
    journal = await Journal.open(path, PRINT)
    try:
        known: list[Any] = [await journal.undelivered(), await journal.meta("spooled")]
        for chunk in await journal.chunks():
            known += [chunk, await journal.taken(chunk.number), await journal.body(chunk.number)]
            after = -1
            while rows := await journal.rows(chunk.number, after=after):
                known += rows
                after = rows[-1].position
        return known
    finally:
        await journal.store.aclose()


def whole_or_refused(path: Path, expected: list[Any]) -> bool:
    """Whether a file is refused, with what to do; what is not refused is whole."""
    before = path.read_bytes()
    refusal: JournalError | None = None
    try:
        known = asyncio.run(read(path))
    except JournalError as error:
        refusal = error
    else:
        assert known == expected
        return False
    assert refusal.reason in {"damaged", "foreign", "version", "unusable"}
    assert str(path) in str(refusal)
    assert "another file" in str(refusal) or refusal.reason == "unusable"
    if refusal.reason in {"foreign", "version"}:
        assert path.read_bytes() == before
    return True


def test_a_torn_file_is_refused(tmp_path: Path) -> None:
    """Cut off anywhere, also within a page, it is not taken for a shorter job."""
    path, torn = tmp_path / "j.db", tmp_path / "torn.db"
    asyncio.run(write(path))
    expected, whole = asyncio.run(read(path)), path.read_bytes()
    assert len(whole) > 100_000
    ends = [len(whole) - gone for gone in (1, 2, 511, 4095, 4096, 8000, 8191)]
    for length in [*ends, 1, 99, 100, 4096, *range(8192, len(whole), 8192), *range(5000, len(whole), 17_001)]:
        torn.write_bytes(whole[:length])
        assert whole_or_refused(torn, expected), f"cut off after {length} bytes of {len(whole)}"


def test_a_flipped_header_is_refused_or_means_nothing(tmp_path: Path) -> None:
    """Damage in the first bytes of the file never makes another job of it."""
    path, flipped = tmp_path / "j.db", tmp_path / "flipped.db"
    asyncio.run(write(path))
    expected, whole, refused = asyncio.run(read(path)), path.read_bytes(), 0
    random = Random(4)
    for at in range(100):
        damaged = bytearray(whole)
        damaged[at] ^= random.randrange(1, 256)
        flipped.write_bytes(damaged)
        refused += whole_or_refused(flipped, expected)
    assert refused > 20


def test_what_is_no_journal_of_this_format_is_left_alone(tmp_path: Path) -> None:
    """A journal of the first format, a database of others, text: each refused, each as it was."""
    old, theirs, text = tmp_path / "old.db", tmp_path / "theirs.db", tmp_path / "rows.csv"
    for path, application, version in ((old, 0x514C5458, 1), (theirs, 0, 0)):
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE chunks (number INTEGER)")
        connection.execute(f"PRAGMA application_id = {application}")
        connection.execute(f"PRAGMA user_version = {version}")
        connection.commit()
        connection.close()
    text.write_text("email,extRef\na@example.com,r1\n" * 100)
    reasons = {old: "version", theirs: "foreign", text: "damaged"}
    for path, reason in reasons.items():
        before = path.read_bytes()
        with pytest.raises(JournalError, match="another file") as caught:
            asyncio.run(read(path))
        assert caught.value.reason == reason
        assert path.read_bytes() == before
        assert [entry.name for entry in tmp_path.glob(f"{path.name}*")] == [path.name]


def test_where_no_file_can_be_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder, a path through a file, a folder without leave to write."""
    (tmp_path / "file").touch()
    for path, reason in ((tmp_path, "unusable"), (tmp_path / "file" / "j.db", "path")):
        with pytest.raises(JournalError) as caught:
            asyncio.run(read(path))
        assert caught.value.reason == reason

    def refuse(*_: Any, **__: Any) -> int:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched, pytest.raises(JournalError, match="Permission denied"):  # noqa: PT012  (one call in a patched world)
        patched.setattr(os, "open", refuse)
        asyncio.run(read(tmp_path / "j.db"))
    assert not (tmp_path / "j.db").exists()


@pytest.mark.parametrize("blob", ["places", "payloads", "results"])
def test_a_damaged_row_is_no_bug(blob: str, tmp_path: Path) -> None:
    """What SQLite cannot see, a broken piece of rows, is called damage too."""
    path = tmp_path / "j.db"
    asyncio.run(write(path))
    connection = sqlite3.connect(path)
    table = "bodies" if blob == "payloads" else "pieces"
    connection.execute(f"UPDATE {table} SET {blob} = x'93c0' WHERE {blob} IS NOT NULL")
    connection.commit()
    connection.close()
    with pytest.raises(JournalError) as caught:
        asyncio.run(read(path))
    assert caught.value.reason == "damaged"


def alter(path: Path, statement: str) -> None:
    """Change a journal behind its back."""
    connection = sqlite3.connect(path)
    changed = connection.execute(statement).rowcount
    connection.commit()
    connection.close()
    assert changed > 0


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM bodies WHERE piece = (SELECT rowid FROM pieces WHERE chunk = 4 AND first = 20)",
        "DELETE FROM pieces WHERE chunk = 4 AND first = 40",
        "DELETE FROM pieces WHERE chunk = 2 AND first = 40",
        "UPDATE pieces SET count = 19 WHERE chunk = 4 AND first = 40",
        "UPDATE chunks SET count = 61 WHERE number = 4",
        "UPDATE chunks SET fields = '[' WHERE number = 3",
        "UPDATE chunks SET note = x'00' WHERE number = 3",
        "UPDATE chunks SET state = 'lost' WHERE number = 3",
        "UPDATE meta SET value = '{' WHERE name = 'fingerprint'",
    ],
)
def test_what_does_not_match_is_damage(statement: str, tmp_path: Path) -> None:
    """Rows that are not there, and words that nobody wrote, are told; the file is not held by the error."""
    path = tmp_path / "j.db"
    asyncio.run(write(path))
    alter(path, statement)
    caught = []
    for _ in range(2):
        with pytest.raises(JournalError, match="another file") as refusal:
            asyncio.run(read(path))
        caught.append(refusal.value)
    assert [error.reason for error in caught] == ["damaged", "damaged"]


@asynchronous
async def test_damaged_marks_and_fates_are_told(tmp_path: Path) -> None:
    """How often a key is in the job, and what became of single rows, is not guessed."""
    path = tmp_path / "j.db"
    await asyncio.to_thread(asyncio.run, write(path))
    journal = await Journal.open(path, PRINT)
    await journal.settle_row(4, Result(1, Kind.SENDING))
    await journal.aclose()
    for statement in ("UPDATE pieces SET mails = zeroblob(84)", "UPDATE fates SET result = zeroblob(20)"):
        await asyncio.to_thread(alter, path, statement)
    journal = await Journal.open(path, PRINT)
    for reading in (journal.counts("CG_4", [("email", 0)]), journal.settled_rows(4)):
        with pytest.raises(JournalError) as caught:
            await reading
        assert caught.value.reason == "damaged"
    await journal.aclose()


@pytest.mark.parametrize("kind", ["imports", "creates"])
@asynchronous
async def test_rows_that_became_zeros_are_never_sent(kind: str, tmp_path: Path) -> None:
    """A job whose rows are no longer as they were written ends with an error before its first request."""
    async with scene() as s:
        path, route = tmp_path / "j.db", ROUTES[kind]
        s.sandbox.faults.add(kind="status", status=403, route=route, times=None)
        await take(job(s, kind, journal=path))
        before = s.count(route)
        zeros = "substr(payloads, 1, length(payloads) - 9) || zeroblob(9)"
        await asyncio.to_thread(alter, path, f"UPDATE bodies SET payloads = CAST({zeros} AS BLOB)")
        taken = await take(job(s, kind, journal=path))
        assert isinstance(taken.error, JournalError)
        assert taken.error.reason == "damaged"
        assert (s.count(route), taken.outcomes) == (before, [])


@asynchronous
async def test_damaged_links_are_told(tmp_path: Path) -> None:
    """A replay does not deliver what its journal does not know for sure."""
    async with scene() as s:
        s.fill(30)
        path = tmp_path / "j.db"
        await take(job(s, "links", journal=path, keep_rows=True))
        for change in ("pages SET body = zeroblob(length(body))", "targets SET before = '['"):
            await asyncio.to_thread(alter, path, f"UPDATE {change}")
            taken = await take(job(s, "links", journal=path, keep_rows=True, replay=True))
            assert isinstance(taken.error, JournalError)
            assert taken.error.reason == "damaged"


def test_a_piece_whose_parts_do_not_match_is_damaged() -> None:
    """No row is left out in silence because its payload or its result is not there."""
    places, one, both = pack(Places([0, 1], [None, None])), pack([b"{}"]), pack([b"{}", b"{}"])
    results = pack_results([Result(0, Kind.OK)])
    assert len(records_of("CG_1", 0, places, both, None)) == 2
    for payloads, known in ((one, None), (both, results)):
        with pytest.raises(JournalError):
            records_of("CG_1", 0, places, payloads, known)


def never() -> Iterator[Any]:
    """Be a stream that must not be read."""
    pytest.fail("the stream was read again")
    yield


@pytest.mark.parametrize("kind", ["imports", "creates"])
@asynchronous
async def test_a_named_stream_is_not_read_again(kind: str, tmp_path: Path) -> None:
    """With its `job_id` and a journal that has it whole, the stream itself is not needed."""
    async with scene(lists=2) as s:
        rows, start = s.rows(40), getattr(s, kind)
        options = {"journal": tmp_path / "j.db", "job_id": "night of May 4"}
        first = await take(start(iter(rows), **options), 5)
        second = await take(start(never(), **options))
        assert first.error is second.error is None
        whole = await take(start(never(), **options, replay=True))
        settle(s.sandbox, rows, whole.outcomes)


@asynchronous
async def test_another_job_id_is_another_job(tmp_path: Path) -> None:
    """Neither another name nor none goes on with it; what is blank is no name."""
    async with scene() as s:
        start = partial(s.imports, journal=tmp_path / "j.db")
        await take(start(s.rows(10), job_id="one"))
        for job_id in ("two", None):
            taken = await take(start(s.rows(10), job_id=job_id))
            assert isinstance(taken.error, JournalError)
            assert "job id" in str(taken.error)
        assert s.count(IMPORT) == 1


@pytest.mark.parametrize("same", [True, False])
@asynchronous
async def test_a_named_stream_that_broke_off_begins_again(same: bool, tmp_path: Path) -> None:
    """What the journal has of it must come again; then it goes on behind."""

    def breaking(rows: list[Any]) -> Iterator[Any]:
        yield from rows
        raise ZeroDivisionError

    async with scene() as s:
        rows = s.rows(2700)
        start = partial(s.imports, journal=tmp_path / "j.db", job_id="x", chunk_rows=500)
        with pytest.raises(ZeroDivisionError):
            await take(start(breaking(rows[:2400])))
        again = rows if same else [rows[1], rows[0], *rows[2:]]
        taken = await take(start(iter(again), replay=True))
        if same:
            settle(s.sandbox, rows, taken.outcomes)
        else:
            assert isinstance(taken.error, JournalError)
            assert taken.error.reason == "input changed"


@pytest.mark.parametrize("at", [0, 699, 2399])
@asynchronous
async def test_an_edited_row_is_noticed_wherever_it_is(at: int, tmp_path: Path) -> None:
    """One letter of one row, or two rows in another order, make another input."""
    async with scene() as s:
        rows, start = s.rows(2400), partial(s.imports, journal=tmp_path / "j.db", chunk_rows=500)
        await take(start(rows), 3)
        edited = [row | {"firstName": "Nama"} if n == at else row for n, row in enumerate(rows)]
        swapped = rows[:]
        swapped[at], swapped[at - 1] = swapped[at - 1], swapped[at]
        for changed in (edited, swapped):
            taken = await take(start(changed))
            assert isinstance(taken.error, JournalError)
            assert taken.error.reason == "input changed"
