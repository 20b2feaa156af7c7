"""The journal: states survive, rows are erased when they are delivered, a refusal says what to do."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from working import asynchronous, scene, take

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
from qualtrics_async.bulk.journal import (
    ChunkRecord,
    ChunkState,
    Journal,
    Kind,
    Result,
    _read_error,
    _write_error,
)

PRINT = {"job": "test", "number": 1}


def row(chunk: int, position: int, number: int) -> tuple[Any, ...]:
    """Make a row as the spool does."""
    payload = json.dumps({"email": f"person{number}@example.com"}).encode()
    return (chunk, position, number, number + 2, "CG_1", payload)


async def filled(path: Path | None, count: int = 3) -> Journal:
    """Open a journal and add one chunk."""
    journal = await Journal.open(path, PRINT)
    record = ChunkRecord(1, "CG_1", ChunkState.PLANNED, count=count, size=9, fields=("a", "b"))
    await journal.add([row(1, n, n) for n in range(count)], [record], [], {"spooled": str(count)})
    return journal


@pytest.mark.parametrize("state", list(ChunkState))
@asynchronous
async def test_states_survive(state: ChunkState, tmp_path: Path) -> None:
    """What was written down of a chunk is there after the file was closed."""
    journal = await filled(tmp_path / "j.db")
    await journal.confirm(1, [], state=state, job="PGRS_1")
    await journal.aclose()
    journal = await Journal.open(tmp_path / "j.db", PRINT)
    [record] = await journal.chunks()
    assert record == ChunkRecord(1, "CG_1", state, "PGRS_1", 3, 9, ("a", "b"))
    assert await journal.meta("spooled") == "3"
    await journal.aclose()


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
    again = _read_error(_write_error(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    for name in ("status", "error_code", "request_id", "job_id", "message"):
        assert getattr(again, name, None) == getattr(error, name, None)


@asynchronous
async def test_results_survive_and_are_delivered_once(tmp_path: Path) -> None:
    """Outcomes are kept with ids, reason and error; those delivered come back for a replay.

    Only the row of the one that went well is gone by then.
    """
    journal = await filled(tmp_path / "j.db")
    error = JobFailed("no", job_id="PGRS_1")
    results = [
        Result(0, Kind.OK, contact_id="CID_1", contact_lookup_id="CGC_1"),
        Result(1, Kind.FAILED, "refused", error),
        Result(2, Kind.IN_DOUBT, "lost reply", error),
    ]
    await journal.confirm(1, results, state=ChunkState.DONE)
    await journal.delivered(1, 0, 1)
    await journal.aclose()
    journal = await Journal.open(tmp_path / "j.db", PRINT)
    assert [r.position for r in await journal.rows(1, delivered=False)] == [2]
    assert await journal.undelivered() == 1
    rows = await journal.rows(1)
    assert [r.kind for r in rows] == [Kind.OK, Kind.FAILED, Kind.IN_DOUBT]
    assert [r.payload is None for r in rows] == [True, False, False]
    assert (rows[0].contact_id, rows[0].contact_lookup_id) == ("CID_1", "CGC_1")
    assert isinstance(rows[1].error, JobFailed)
    await journal.aclose()


@asynchronous
async def test_a_temporary_journal_forgets_what_was_delivered() -> None:
    """Nothing can be replayed from it, so nothing is kept."""
    journal = await filled(None)
    await journal.delivered(1, 0, 1)
    assert [r.position for r in await journal.rows(1)] == [2]
    await journal.aclose()


@asynchronous
async def test_rows_of_a_chunk_are_one_json_array() -> None:
    """The body has the rows in order."""
    journal = await filled(None, 12)
    assert [r["email"] for r in json.loads(await journal.body(1))] == [
        f"person{n}@example.com" for n in range(12)
    ]
    assert await journal.emails(1) == [f"person{n}@example.com" for n in range(12)]
    await journal.aclose()


@asynchronous
async def test_concurrent_writers_do_not_disturb_one_another(tmp_path: Path) -> None:
    """Many tasks confirm, mark and read at the same time."""
    journal = await filled(tmp_path / "j.db", 100)
    await asyncio.gather(
        *(journal.confirm(1, [Result(n, Kind.OK, contact_id=f"CID_{n}")]) for n in range(0, 100, 2)),
        *(journal.mark_sending(1, n, sending=True) for n in range(1, 100, 2)),
        *(journal.rows(1) for _ in range(10)),
    )
    assert await journal.positions(1, Kind.SENDING) == list(range(1, 100, 2))
    assert [r.contact_id for r in await journal.rows(1)][::2] == [f"CID_{n}" for n in range(0, 100, 2)]
    await journal.aclose()


@asynchronous
async def test_another_job_and_another_version_are_refused(tmp_path: Path) -> None:
    """The message names what differs and what to do, and the file stays usable."""
    path = tmp_path / "j.db"
    await (await filled(path)).aclose()
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
    async with scene(lists=3) as s:
        count = 2000 if kind == "imports" else 200
        rows: list[Any] = [
            *s.rows(count, note="secret note"),
            {"email": "nobody@", "note": "secret note"},
        ]
        options: dict[str, Any] = {"mailing_list": lambda row: s.spread(row) if "extRef" in row else "CG_1"}
        if kind == "imports":
            options["chunk_rows"] = 300
        s.sandbox.faults.add(kind="cut", route="POST *")
        taken = await take((s.imports if kind == "imports" else s.creates)(rows, journal=journal, **options))
        assert taken.error is None
        assert taken.kinds["Failed"] == 1
        assert taken.kinds["InDoubt"] >= 1
    content = await asyncio.to_thread(journal.read_bytes)
    for trace in (b"example.com", b"nobody@", b"secret note", b"Name 1"):
        assert trace not in content


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("mark"), st.integers(0, 4)),
        st.tuples(st.just("unmark"), st.integers(0, 4)),
        st.tuples(st.just("confirm"), st.integers(0, 4)),
        st.tuples(st.just("reopen"), st.just(0)),
    ),
    max_size=12,
)


@settings(max_examples=25)
@given(STEPS)
def test_any_sequence_of_writes_is_what_a_reopened_journal_tells(steps: list[tuple[str, int]]) -> None:
    """The file and a plain dictionary agree after every sequence of marks, confirmations and reopenings."""

    async def play(path: Path) -> None:
        journal = await filled(path, 5)
        model = dict.fromkeys(range(5), Kind.OPEN)
        for action, position in steps:
            if action == "reopen":
                await journal.aclose()
                journal = await Journal.open(path, PRINT)
            elif action == "confirm":
                await journal.confirm(1, [Result(position, Kind.OK)])
                model[position] = Kind.OK
            else:
                await journal.mark_sending(1, position, sending=action == "mark")
                model[position] = Kind.SENDING if action == "mark" else Kind.OPEN
        assert {r.position: r.kind for r in await journal.rows(1)} == model
        await journal.aclose()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(play(Path(folder) / "j.db"))
