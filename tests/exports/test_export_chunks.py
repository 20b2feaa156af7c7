"""Exports as bytes: whole, in order, a piece ahead, and gone without a trace however they end."""

from __future__ import annotations

import asyncio
import csv
import io
import zipfile
from collections.abc import Callable
from threading import Event, current_thread, main_thread
from typing import Any

import anyio.to_thread
import pytest
import talking
from talking import arrivals, assert_idle, cancelled_everywhere
from vendor import HEADER, SURVEY, Service, Turn, at, noise, temporary, zipped
from virtual import run, virtual

from qualtrics_async import (
    DecodeError,
    NotFound,
    QualtricsError,
    RetryPolicy,
    TransportError,
    UsageError,
)
from qualtrics_async.exports import Chunks, Expansion, ExportState, Member, archive
from qualtrics_async.exports.ahead import made_ahead
from qualtrics_async.exports.archive import MemberStream
from qualtrics_async.exports.chunks import stream
from qualtrics_async.sandbox import ByPolls, Exports

KIBIBYTE = 1024
DATA = noise(300 * KIBIBYTE + 100)
BLOCK = 16 * KIBIBYTE
FILE = "GET /surveys/{surveyId}/export-responses/{fileId}/file"


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let archives be read in small blocks, so that few bytes make many pieces."""
    monkeypatch.setattr(archive, "_BLOCK", BLOCK)


async def joined(chunks: Chunks) -> bytes:
    return b"".join([chunk async for chunk in chunks])


async def nothing_is_open() -> None:
    assert await anyio.to_thread.run_sync(temporary) == []


@virtual
async def test_an_export_tells_what_it_is_before_its_first_byte() -> None:
    """Its ids, its token, and its members with their sizes."""
    packed = zipped(HEADER + b"R_1,a\n", HEADER + b"R_2,b\n")
    state = {"fileId": "F_1", "percentComplete": 100.0, "status": "complete", "continuationToken": "T_1"}
    async with at(Service(packed, states=[state])) as client:
        async with stream(client, SURVEY) as chunks:
            info = chunks.info
            assert (info.survey_id, info.job_id, info.file_id) == (SURVEY, "ES_1", "F_1")
            assert (info.format, info.continuation_token) == ("csv", "T_1")
            size = len(HEADER) + 6
            assert info.members == (Member("Survey_0.csv", size), Member("Survey_1.csv", size))
            assert (info.size, info.packed) == (2 * size, len(packed))
            assert await joined(chunks) == HEADER + b"R_1,a\nR_2,b\n"
        await nothing_is_open()


@pytest.mark.parametrize("form", ["csv", "tsv", "json", "ndjson"])
@virtual
async def test_the_sandbox_and_the_stream_agree(form: Any) -> None:
    """Responses come as they were given, in each format that the sandbox makes."""
    async with talking.talking({"jobs": ByPolls(1)}) as (sandbox, client):
        survey_id = sandbox.state.survey_id
        text = 'Zoë, "so",\tand\non'
        sandbox.state.add_response(survey_id, {"QID2_TEXT": text})
        async with stream(client, survey_id, format=form) as chunks:
            whole = (await joined(chunks)).decode()
        if form in ("csv", "tsv"):
            rows = list(csv.reader(io.StringIO(whole, newline=""), delimiter="," if form == "csv" else "\t"))
            assert len(rows) == 4
            assert text in rows[3]
        else:
            assert 'Zoë, \\"so\\",\\tand\\non' in whole


class Disk(io.BytesIO):
    """A file that no event loop may read."""

    def read(self, size: int | None = -1) -> bytes:
        """Read, on a thread."""
        with pytest.raises(RuntimeError, match="no running event loop"):
            asyncio.get_running_loop()
        return super().read(size)


async def read_at_hand(members: MemberStream) -> tuple[bytes, dict[bool, int]]:
    """Read as a quick reader does: the bytes, and how many pieces were made on a thread and how many here."""
    made = {True: 0, False: 0}

    def make() -> bytes | None:
        made[current_thread() is main_thread()] += 1
        return members.take() or None

    pieces: list[bytes] = []
    async with made_ahead(make, lambda: members.is_at_hand) as ahead:
        while piece := await ahead.take():
            pieces.append(piece)
        assert await ahead.take() is None
    return b"".join(pieces), made


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_what_needs_no_disk_needs_no_thread(method: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A quick reader makes most pieces itself, and the loop never waits for the disk."""
    monkeypatch.setattr(archive, "_AHEAD", 64 * BLOCK)
    disk = Disk(zipped(DATA, DATA, form="ndjson", method=method))
    opened = archive.Archive(disk, "ndjson", Expansion())

    async def main() -> None:
        found, made = await read_at_hand(opened.stream())
        assert found == b"\n".join([DATA, DATA])
        assert made[True] > made[False] > 0

    run(main())
    opened.close()


def test_a_broken_part_at_hand_is_told_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was raised once never looks like the end of an export."""
    monkeypatch.setattr(archive, "_AHEAD", 100 * BLOCK)
    packed = bytearray(zipped(DATA, form="ndjson", method=zipfile.ZIP_STORED))
    packed[len(packed) // 2] ^= 1
    opened = archive.Archive(Disk(packed), "ndjson", Expansion())

    async def main() -> None:
        members = opened.stream()
        async with made_ahead(lambda: members.take() or None, lambda: True) as ahead:
            for _ in range(len(DATA) // BLOCK // 2):
                assert await ahead.take()
            failures = 0
            while failures < 3:
                try:
                    assert await ahead.take()
                except DecodeError:
                    failures += 1
        assert members.take() == b""

    run(main())
    opened.close()


@virtual
async def test_many_members_are_one_table() -> None:
    """However many rows the service puts into a file, and whether it repeats the header rows."""
    for settings in (Exports(rows=3), Exports(rows=3, repeat_headers=False), Exports(rows=1, bom=True)):
        async with talking.talking({"jobs": ByPolls(0), "exports": settings}) as (sandbox, client):
            survey_id = sandbox.state.survey_id
            for number in range(7):
                sandbox.state.add_response(survey_id, {"QID2_TEXT": f"one\n{number}"})
            async with stream(client, survey_id) as chunks:
                assert len(chunks.info.members) == -(-7 // settings.rows)
                whole = (await joined(chunks)).decode("utf-8-sig" if settings.bom else "utf-8")
            rows = list(csv.reader(io.StringIO(whole, newline="")))
            assert len(rows) == 3 + 7
            assert {len(row) for row in rows} == {len(rows[0])}
            assert "\ufeff" not in whole


@virtual
async def test_readers_go_on_where_others_stopped() -> None:
    """What is read is read once; at the end there is nothing more."""
    async with at(Service(zipped(DATA))) as client, stream(client, SURVEY) as chunks:
        first = await anext(chunks)
        async for chunk in chunks:
            first += chunk
            break
        assert len(first) == 2 * BLOCK
        assert first + await joined(chunks) == DATA
        assert await joined(chunks) == b""


@virtual
async def test_tasks_share_the_pieces() -> None:
    """Each has some, none is lost and none comes twice."""
    async with at(Service(zipped(DATA))) as client, stream(client, SURVEY) as chunks:
        found: list[bytes] = []

        async def read() -> None:
            async for chunk in chunks:
                found.append(chunk)  # noqa: PERF401  (in the order of arrival)

        await asyncio.gather(*(read() for _ in range(5)))
        assert sorted(found) == sorted(DATA[start : start + BLOCK] for start in range(0, len(DATA), BLOCK))


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> tuple[Event, Event]:
    """Let the thread that inflates wait: the first event tells that it does, the second lets it go on."""
    waits, go_on = Event(), Event()
    monkeypatch.setattr("qualtrics_async.exports.export._CHECKED", 0)
    take, close = MemberStream.take, MemberStream.close
    is_reading = False

    def slow(self: MemberStream) -> bytes:
        nonlocal is_reading
        is_reading = True
        waits.set()
        go_on.wait(5)
        is_reading = False
        return take(self)

    def checked(self: MemberStream) -> None:
        assert not is_reading
        close(self)

    monkeypatch.setattr(MemberStream, "take", slow)
    monkeypatch.setattr(MemberStream, "close", checked)
    return waits, go_on


def test_a_time_limit_of_the_reader_loses_nothing(gate: tuple[Event, Event]) -> None:
    """Who gives up waiting and asks again has the piece that was under way."""
    waits, go_on = gate

    async def main() -> None:
        async with at(Service(zipped(DATA))) as client, stream(client, SURVEY) as chunks:
            await asyncio.to_thread(waits.wait, 5)
            for _ in range(3):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(anext(chunks), 0.001)
            go_on.set()
            assert await joined(chunks) == DATA

    asyncio.run(main())


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_cancellation_waits_for_the_thread(times: int, gate: tuple[Event, Event]) -> None:
    """However often it comes: the archive is closed when nothing reads it any more."""
    waits, go_on = gate

    async def main() -> None:
        async with at(Service(zipped(DATA))) as client:

            async def read() -> None:
                async with stream(client, SURVEY) as chunks:
                    await joined(chunks)

            task = asyncio.create_task(read())
            await asyncio.to_thread(waits.wait, 5)
            for _ in range(times):
                task.cancel()
                await asyncio.sleep(0.001)
            assert not task.done()
            go_on.set()
            with pytest.raises(asyncio.CancelledError):
                await task
            await nothing_is_open()
            assert_idle(client)

    asyncio.run(main())


@virtual
async def test_leaving_early_leaves_nothing() -> None:
    """No thread, no file, no connection; and what is over gives nothing more."""
    async with at(Service(zipped(DATA))) as client:
        async with stream(client, SURVEY) as chunks:
            assert await anext(chunks) == DATA[:BLOCK]
        await nothing_is_open()
        assert_idle(client)
        for _ in range(2):
            with pytest.raises(UsageError, match="is over"):
                await anext(chunks)


@pytest.mark.parametrize("times", [1, 3])
def test_a_cancellation_of_all_tasks_waits_for_the_thread(times: int, gate: tuple[Event, Event]) -> None:
    """As a loop that ends cancels them: also the tasks inside, which wait for the thread themselves."""
    waits, go_on = gate

    async def main() -> None:
        async with at(Service(zipped(DATA))) as client:

            async def read() -> None:
                async with stream(client, SURVEY) as chunks:
                    await joined(chunks)

            others = asyncio.all_tasks()
            task = asyncio.create_task(read())
            await asyncio.to_thread(waits.wait, 5)
            for _ in range(times):
                for one in asyncio.all_tasks() - others:
                    if "vendor" not in repr(one) and "wires" not in repr(one):
                        one.cancel()
                await asyncio.sleep(0.001)
            assert not task.done()
            go_on.set()
            with pytest.raises(asyncio.CancelledError):
                await task
            await nothing_is_open()
            assert_idle(client)

    asyncio.run(main())


@virtual
async def test_an_exception_of_the_reader_leaves_as_itself() -> None:
    """Not inside a group, and not as an error of ours."""
    async with at(Service(zipped(DATA))) as client:

        async def read() -> None:
            async with stream(client, SURVEY) as chunks:
                async for _ in chunks:
                    raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await read()
        await nothing_is_open()


@virtual
async def test_exports_at_once_do_not_meet() -> None:
    """Each has its own file and its own thread."""
    others = noise(len(DATA), seed=2)
    async with at(Service(zipped(DATA))) as one, at(Service(zipped(others))) as two:
        async with stream(one, SURVEY) as first, stream(two, SURVEY) as second:
            found = [(await anext(first), await anext(second)) for _ in range(5)]
            rest = await asyncio.gather(joined(first), joined(second))
        assert b"".join(piece for piece, _ in found) + rest[0] == DATA
        assert b"".join(piece for _, piece in found) + rest[1] == others


@virtual
async def test_nothing_is_handed_out_before_all_has_arrived() -> None:
    """A download that breaks off is mended before the reader sees any of it."""
    packed = zipped(DATA)
    service = Service(packed, *(Turn(stop=stop) for stop in (0, 1000, 90_000)), Turn())
    async with at(service) as client, stream(client, SURVEY) as chunks:
        assert service.sent == len(packed)
        assert await joined(chunks) == DATA
    service = Service(packed, Turn(stop=90_000))
    async with at(service) as client:
        with pytest.raises(TransportError):
            async with stream(client, SURVEY):
                raise AssertionError
        await nothing_is_open()


@virtual
async def test_several_files_that_are_no_stream_are_told() -> None:
    """Before anything is read."""
    async with at(Service(zipped(b"{}", b"{}"))) as client:
        with pytest.raises(DecodeError, match="2 files in the format json"):
            async with stream(client, SURVEY, format="json"):
                raise AssertionError
        await nothing_is_open()


@virtual
async def test_progress_goes_one_way() -> None:
    """Exporting, downloading, reading: in this order, each number growing up to its total."""
    states: list[ExportState] = []
    running = {"percentComplete": 30.0, "status": "inProgress"}
    done = {"fileId": "F_1", "percentComplete": 100.0, "status": "complete"}
    packed = zipped(DATA)
    async with (
        at(Service(packed, states=[running, done])) as client,
        stream(client, SURVEY, on_progress=states.append) as chunks,
    ):
        assert await joined(chunks) == DATA
    phases = ["exporting", "downloading", "reading"]
    keys = [(phases.index(state.phase), state.percent, state.done) for state in states]
    assert keys == sorted(keys)
    assert [state.percent for state in states if state.phase == "exporting"] == [30, 100]
    last = {state.phase: (state.done, state.total) for state in states}
    assert last == {
        "exporting": (0, None),
        "downloading": (len(packed), len(packed)),
        "reading": (len(DATA), len(DATA)),
    }


@pytest.mark.parametrize("rows", [b"R_2,b\n", b""])
@virtual
async def test_what_is_left_out_counts_as_read(rows: bytes) -> None:
    """Header rows of later files, so that a progress bar fills; also where nothing follows them."""
    states: list[ExportState] = []
    async with (
        at(Service(zipped(HEADER + b"R_1,a\n", HEADER + rows))) as client,
        stream(client, SURVEY, on_progress=states.append) as chunks,
    ):
        assert await joined(chunks) == HEADER + b"R_1,a\n" + rows
        size = chunks.info.size
        assert repr(chunks) == f"<Chunks of {SURVEY} as csv: {size} of {size} bytes>"
    read = [state.done for state in states if state.phase == "reading"]
    assert read == sorted(set(read))
    assert read[-1] == states[-1].total == size


@virtual
async def test_a_reader_that_never_waits_lets_others_have_their_turn() -> None:
    """Between any two pieces, even when the next one is there already."""
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with at(Service(zipped(DATA))) as client, stream(client, SURVEY) as chunks:
        counter = asyncio.create_task(count())
        for _ in range(len(DATA) // BLOCK):
            assert chunks._ahead._next is not None
            await asyncio.wait({chunks._ahead._next})
            before = turns
            assert await anext(chunks)
            assert turns > before
        counter.cancel()
        await asyncio.wait({counter})


@pytest.mark.parametrize("at_once", [True, False])
def test_it_can_be_cancelled_anywhere(*, at_once: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the start of the job to the last piece: no task, no file and no connection stays."""
    serves = talking._serves
    monkeypatch.setattr(talking, "_serves", lambda task: serves(task) or "guarded" in repr(task.get_coro()))

    async def main() -> None:
        async with at(Service(zipped(DATA[: 3 * BLOCK]))) as client:

            async def export() -> None:
                async with stream(client, SURVEY) as chunks:
                    assert await joined(chunks) == DATA[: 3 * BLOCK]

            async def check() -> None:
                await nothing_is_open()
                assert_idle(client)

            assert await cancelled_everywhere(export, check, at_once=at_once) > 10

    run(main())


@virtual
async def test_what_the_service_refuses_is_itself() -> None:
    """A survey that is not there, a file that is gone."""
    async with talking.talking({"jobs": ByPolls(0)}) as (sandbox, client):
        with pytest.raises(NotFound):
            async with stream(client, "SV_0000000000000000"):
                raise AssertionError
        sandbox.faults.add(kind="status", status=404, route=FILE)
        with pytest.raises(NotFound):
            async with stream(client, sandbox.state.survey_id):
                raise AssertionError
        assert arrivals(sandbox, FILE) == 1
        await nothing_is_open()


@pytest.mark.parametrize(
    "broken",
    [
        lambda packed: packed[:100] + bytes(50) + packed[150:],
        lambda packed: packed[:-30] + bytes(30),
        lambda packed: packed.replace(b"PK\1\2", b"PK\1\3"),
        lambda packed: packed[:3] + b"\5" + packed[4:],
    ],
    ids=["deflate", "end", "directory", "local"],
)
@virtual
async def test_no_foreign_exception_escapes(broken: Callable[[bytes], bytes]) -> None:
    """Neither of the archive's nor of the connection's."""
    async with at(Service(broken(zipped(DATA))), retry=RetryPolicy(retries=0)) as client:
        with pytest.raises(QualtricsError) as told:
            async with stream(client, SURVEY) as chunks:
                await joined(chunks)
        assert type(told.value) is DecodeError
