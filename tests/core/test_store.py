"""The store: one process at a time, for its owner only, never half a transaction, and a remedy at hand."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from qualtrics_async import JournalError
from qualtrics_async._core.store import Store

SCHEMA = "CREATE TABLE notes (text TEXT NOT NULL); CREATE TABLE other (n INTEGER)"


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a coroutine in a loop of its own."""
    asyncio.run(test())


def note(text: str) -> Callable[[sqlite3.Connection], None]:
    """Make the work of writing a note."""

    def work(db: sqlite3.Connection) -> None:
        db.execute("INSERT INTO notes VALUES (?)", (text,))

    return work


def notes(db: sqlite3.Connection) -> list[str]:
    """Read all notes."""
    return [text for (text,) in db.execute("SELECT text FROM notes ORDER BY text")]


def refusal(path: Path, version: int = 1) -> JournalError:
    """Open a file that must be refused."""

    async def opening() -> None:
        store = await Store.open(path, SCHEMA, version)
        await store.aclose()

    with pytest.raises(JournalError) as caught:
        asyncio.run(opening())
    assert str(path) in str(caught.value)
    return caught.value


def make(path: Path, *texts: str, version: int = 1) -> None:
    """Make a store with notes."""

    async def making() -> None:
        store = await Store.open(path, SCHEMA, version)
        for text in texts:
            await store.run(note(text))
        await store.aclose()

    asyncio.run(making())


def read(path: Path) -> list[str]:
    """Read the notes of a store."""

    async def reading() -> list[str]:
        store = await Store.open(path, SCHEMA, 1)
        try:
            return await store.run(notes)
        finally:
            await store.aclose()

    return asyncio.run(reading())


def test_what_was_written_is_there_when_it_is_opened_again(tmp_path: Path) -> None:
    """A closed file has everything in one place, without leftovers beside it."""
    path = tmp_path / "a.db"
    make(path, "one", "two")
    assert read(path) == ["one", "two"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.db"]


@pytest.mark.parametrize("mask", [0o000, 0o022])
def test_only_the_owner_may_read_it(mask: int, tmp_path: Path) -> None:
    """The file and its log are for the owner from the start, whatever the mask says."""
    path, before = tmp_path / "a.db", os.umask(mask)
    modes: list[int] = []

    async def opening() -> None:
        store = await Store.open(path, SCHEMA, 1)
        await store.run(note("x"))

        def look(_: sqlite3.Connection) -> None:
            modes.extend(stat.S_IMODE(entry.stat().st_mode) for entry in tmp_path.iterdir())

        await store.run(look)
        await store.aclose()

    try:
        run(opening)
    finally:
        os.umask(before)
    assert modes == [0o600, 0o600]


def test_only_what_says_so_is_left_to_a_later_sync(tmp_path: Path) -> None:
    """Each transaction is synced to the disk when it ends, unless it says that it need not be."""
    normal, full = 1, 2

    def level(db: sqlite3.Connection) -> int:
        return int(db.execute("PRAGMA synchronous").fetchone()[0])

    async def levels(path: Path | None) -> list[int]:
        store = await Store.open(path, SCHEMA, 1)
        asked = (True, False, False, True)
        found = [await store.run(level, durable=durable) for durable in asked] + [await store.run(level)]
        await store.aclose()
        return found

    assert asyncio.run(levels(tmp_path / "a.db")) == [full, normal, normal, full, full]
    assert asyncio.run(levels(None)) == [0] * 5


def test_an_open_file_is_closed_to_others(tmp_path: Path) -> None:
    """A file that everybody may read is not left so."""
    path = tmp_path / "a.db"
    path.touch(0o644)
    make(path, "x")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("linked", [False, True])
@pytest.mark.parametrize("mask", [0o000, 0o022])
@pytest.mark.parametrize("left", ["closed", "killed", "empty"])
def test_what_others_could_read_is_the_owners_before_anything_is_written(
    left: str, mask: int, *, linked: bool, tmp_path: Path
) -> None:
    """The log is made by the first read, with the mode of the file; one that a killed process left stays."""
    path, log, opened = tmp_path / "a.db", tmp_path / "a.db-wal", tmp_path / "a.db"
    if left == "killed":
        crashed(tmp_path / "other.db", path)
        log.chmod(0o644)
    elif left == "closed":
        make(path, "before")
    path.touch()
    path.chmod(0o644)
    if linked:
        opened = tmp_path / "sub" / "link.db"
        opened.parent.mkdir()
        opened.symlink_to(path)
    modes: list[int] = []

    def look(db: sqlite3.Connection) -> None:
        modes.extend(stat.S_IMODE(part.stat().st_mode) for part in (path, log))
        note("after")(db)

    async def opening() -> None:
        store = await Store.open(opened, SCHEMA, 1)
        await store.run(look)
        await store.run(look)
        await store.aclose()

    before = os.umask(mask)
    try:
        run(opening)
    finally:
        os.umask(before)
    assert modes == [0o600] * 4


def test_nothing_is_written_where_others_still_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the modes are changed, the new log is empty, and the one that was left is as it was."""
    path, left = tmp_path / "a.db", tmp_path / "left.db"
    make(path, "x")
    crashed(tmp_path / "other.db", left)
    for part in (path, left, Path(f"{left}-wal")):
        part.chmod(0o644)
    before = {entry.name: entry.read_bytes() for entry in tmp_path.glob("*.db*")}
    meanwhile: list[dict[str, bytes]] = []
    change = Path.chmod

    def watched(part: Path, mode: int) -> None:
        meanwhile.append({entry.name: entry.read_bytes() for entry in tmp_path.glob("*.db*")})
        change(part, mode)

    monkeypatch.setattr(Path, "chmod", watched)
    for opened in (path, left):
        read(opened)
    new = {"a.db-wal": b""}
    assert meanwhile == [before | new, before | new, before, before]


def test_a_refused_file_keeps_its_mode(tmp_path: Path) -> None:
    """Whoever names a file by mistake does not take it from its readers."""
    foreign, text, old = tmp_path / "foreign.db", tmp_path / "text.db", tmp_path / "old.db"
    with closing(sqlite3.connect(foreign)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE theirs (x)")
    text.write_text("firstName,email\n" * 100)
    make(old, "x", version=2)
    for path in (foreign, text, old):
        path.chmod(0o644)
        refusal(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o644


HOLDER = """
import asyncio, sys
from qualtrics_async._core.store import Store
async def main():
    store = await Store.open(sys.argv[1], sys.argv[2], 1)
    print("held", flush=True)
    await asyncio.to_thread(sys.stdin.read)
asyncio.run(main())
"""


def test_a_second_process_is_refused_and_a_killed_one_is_not_waited_for(tmp_path: Path) -> None:
    """The lock is the operating system's: it goes with its process, also when that is killed."""
    path = tmp_path / "a.db"
    make(path, "kept")
    command = [sys.executable, "-c", HOLDER, str(path), SCHEMA]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        error = refusal(path)
        assert error.reason == "in use"
        assert "name another journal" in str(error)
        holder.kill()
    assert read(path) == ["kept"]


def test_the_same_process_is_refused_too(tmp_path: Path) -> None:
    """Two jobs of one program cannot share a journal either, and the first one is not disturbed."""

    async def twice() -> None:
        first = await Store.open(tmp_path / "a.db", SCHEMA, 1)
        with pytest.raises(JournalError) as caught:
            await Store.open(tmp_path / "a.db", SCHEMA, 1)
        assert caught.value.reason == "in use"
        await first.run(note("still works"))
        await first.aclose()

    run(twice)
    assert read(tmp_path / "a.db") == ["still works"]


def test_files_that_are_no_store_are_refused_and_left_alone(tmp_path: Path) -> None:
    """Foreign databases, text, damage, other versions, folders: each with its reason and a remedy."""
    foreign, text, old = tmp_path / "foreign.db", tmp_path / "text.db", tmp_path / "old.db"
    connection = sqlite3.connect(foreign)
    connection.execute("CREATE TABLE theirs (x)")
    connection.commit()
    connection.close()
    text.write_text("firstName,email\nA,a@example.com\n" * 100)
    make(old, "x", version=1)
    before = {path: path.read_bytes() for path in (foreign, text, old)}
    assert refusal(foreign).reason == "foreign"
    assert refusal(text).reason == "damaged"
    assert refusal(old, version=2).reason == "version"
    assert refusal(tmp_path).reason == "unusable"
    assert refusal(tmp_path / "no" / "such" / "folder.db").reason == "path"
    assert {path: path.read_bytes() for path in before} == before
    for path in before:
        assert "another" in str(refusal(path, version=2))


def test_damage_is_told_when_it_is_met(tmp_path: Path) -> None:
    """A file that was cut off is refused, and not taken for an empty one."""
    path = tmp_path / "a.db"
    make(path, *(f"note {n}" * 200 for n in range(50)))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(JournalError) as caught:
        read(path)
    assert caught.value.reason == "damaged"


@pytest.mark.parametrize("gone", [1, 2, 100, 4096, 8000, 8191])
def test_a_file_cut_off_within_its_last_page_is_refused(gone: int, tmp_path: Path) -> None:
    """SQLite reads zeros there; here it is damage, with what to do, and the file is left alone."""
    path = tmp_path / "a.db"
    make(path, *(f"note {n}" * 200 for n in range(50)))
    path.write_bytes(cut := path.read_bytes()[:-gone])
    error = refusal(path)
    assert error.reason == "damaged"
    assert "restore it" in str(error)
    assert path.read_bytes() == cut


def crashed(path: Path, to: Path) -> None:
    """Leave a file as a killed process does: some notes in it, more pages of them in its log."""

    async def dying() -> None:
        store = await Store.open(path, SCHEMA, 1)
        await store.run(lambda db: db.executemany("INSERT INTO notes VALUES (?)", [("x" * 9000,)] * 50))
        for suffix in ("", "-wal"):
            await asyncio.to_thread(shutil.copyfile, f"{path}{suffix}", f"{to}{suffix}")
        await store.aclose()

    asyncio.run(dying())


def test_what_a_killed_process_left_in_its_log_counts(tmp_path: Path) -> None:
    """A file that is shorter than its pages is whole with its log, half written back or not."""
    path, left = tmp_path / "a.db", tmp_path / "left.db"
    make(path, *(f"note {n}" * 2000 for n in range(20)))
    crashed(path, left)
    before, log = left.read_bytes(), Path(f"{left}-wal").read_bytes()
    assert len(before) < path.stat().st_size
    for more in (0, 100, 8192, 10_000):
        left.write_bytes(before + bytes(more))
        Path(f"{left}-wal").write_bytes(log)
        assert len(read(left)) == 70
    left.write_bytes(before[:-100])
    Path(f"{left}-wal").write_bytes(b"")
    assert refusal(left).reason == "damaged"


def temporary() -> set[str]:
    """Name the temporary stores."""
    return {entry.name for entry in Path(tempfile.gettempdir()).glob("qualtrics-*")}


def test_a_temporary_store_leaves_nothing() -> None:
    """Its file is gone while it is used already, so that a killed process leaves no rows behind."""
    before, during = temporary(), set[str]()

    async def using() -> None:
        store = await Store.open(None, SCHEMA, 1)
        assert store.temporary
        await store.run(note("x"))
        during.update(await asyncio.to_thread(temporary))
        assert await store.run(notes) == ["x"]
        await store.aclose()

    run(using)
    assert during == before == temporary()


@pytest.mark.parametrize("named", [True, False])
def test_work_that_raises_changes_nothing(named: bool, tmp_path: Path) -> None:
    """A transaction is whole or not at all, and the next one works; the exception is the work's own."""

    def half(db: sqlite3.Connection) -> None:
        note("half")(db)
        raise LookupError

    async def failing() -> None:
        store = await Store.open(tmp_path / "a.db" if named else None, SCHEMA, 1)
        with pytest.raises(LookupError):
            await store.run(half)
        await store.run(note("whole"))
        assert await store.run(notes) == ["whole"]
        await store.aclose()

    run(failing)


def test_many_tasks_write_one_after_the_other(tmp_path: Path) -> None:
    """Concurrent callers neither mix their transactions nor lose one."""
    inside = 0

    def alone(db: sqlite3.Connection) -> None:
        nonlocal inside
        inside += 1
        assert inside == 1
        note("x")(db)
        inside -= 1

    async def writing() -> None:
        store = await Store.open(tmp_path / "a.db", SCHEMA, 1)
        await asyncio.gather(*(store.run(alone) for _ in range(50)))
        assert len(await store.run(notes)) == 50
        await store.aclose()

    run(writing)


@pytest.mark.parametrize("times", [1, 3])
def test_a_cancelled_caller_waits_for_the_end_of_its_transaction(times: int, tmp_path: Path) -> None:
    """However often it is cancelled: no other transaction begins on the same connection meanwhile."""
    entered, go_on = threading.Event(), threading.Event()

    def slow(db: sqlite3.Connection) -> None:
        note("slow")(db)
        entered.set()
        go_on.wait(5)

    async def cancelling() -> None:
        store = await Store.open(tmp_path / "a.db", SCHEMA, 1)
        task = asyncio.create_task(store.run(slow))
        await asyncio.to_thread(entered.wait)
        after = asyncio.create_task(store.run(notes))
        for _ in range(times):
            task.cancel()
            await asyncio.sleep(0.01)
            assert not task.done()
            assert not after.done()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await after == ["slow"]
        await store.aclose()

    run(cancelling)


def test_when_all_tasks_are_cancelled_a_transaction_still_ends_before_the_next(tmp_path: Path) -> None:
    """Its thread cannot be stopped, and who was within it waits no more: the next one does."""
    begun, gate = threading.Event(), threading.Event()

    def slow(db: sqlite3.Connection) -> None:
        begun.set()
        assert gate.wait(10)
        note("first")(db)

    async def working() -> None:
        store = await Store.open(tmp_path / "a.db", SCHEMA, 1)
        first = asyncio.ensure_future(store.run(slow))
        await asyncio.to_thread(begun.wait, 10)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        second = asyncio.ensure_future(store.run(note("second")))
        for _ in range(20):
            await asyncio.sleep(0)
            await asyncio.to_thread(int)
        assert not first.done()
        assert not second.done()
        gate.set()
        await second
        await asyncio.wait({first})
        assert first.cancelled()
        await store.aclose()

    run(working)
    assert read(tmp_path / "a.db") == ["first", "second"]


def test_a_cancelled_opening_gives_the_file_back(tmp_path: Path) -> None:
    """Who is cancelled while the file is opened leaves no lock and no descriptor."""

    async def cancelling() -> None:
        for turns in range(12):
            task = asyncio.create_task(Store.open(tmp_path / "a.db", SCHEMA, 1))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            done = (await asyncio.gather(task, return_exceptions=True))[0]
            if isinstance(done, Store):
                await done.aclose()
        store = await Store.open(tmp_path / "a.db", SCHEMA, 1)
        await store.aclose()

    run(cancelling)


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    """Using it after its end is an error of ours with a reason."""

    async def using() -> None:
        store = await Store.open(tmp_path / "a.db", SCHEMA, 1)
        await store.aclose()
        await store.aclose()
        with pytest.raises(JournalError) as caught:
            await store.run(notes)
        assert caught.value.reason == "closed"

    run(using)


def test_what_is_deleted_is_overwritten(tmp_path: Path) -> None:
    """No byte of a deleted note is left in the file."""
    path = tmp_path / "a.db"
    texts = [f"person{n}@example.com " * 30 for n in range(300)]
    make(path, *texts[:5])

    async def erasing() -> None:
        store = await Store.open(path, SCHEMA, 1)

        def write(db: sqlite3.Connection) -> None:
            db.executemany("INSERT INTO notes VALUES (?)", [(text,) for text in texts])

        await store.run(write)
        await store.run(lambda db: db.execute("DELETE FROM notes WHERE text LIKE 'person1%'"))
        await store.run(lambda db: db.execute("UPDATE notes SET text = ''"))
        await store.aclose()

    run(erasing)
    assert b"@example.com" not in path.read_bytes()


def test_the_loop_is_not_held(tmp_path: Path) -> None:
    """A slow transaction runs beside the loop."""

    async def working() -> None:
        store = await Store.open(tmp_path / "a.db", SCHEMA, 1)
        task = asyncio.create_task(store.run(lambda _: time.sleep(0.05)))
        turns = 0
        while not task.done():
            turns += 1
            await asyncio.sleep(0)
        assert turns > 10
        await task
        await store.aclose()

    run(working)
