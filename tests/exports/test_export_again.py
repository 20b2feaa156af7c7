"""Exports that came broken: downloaded again, as long as nobody has read of them and it may help."""

from __future__ import annotations

from typing import Any

import anyio.to_thread
import pytest
import talking
from talking import arrivals
from vendor import HEADER, SURVEY, Entry, Service, Turn, at, by_hand, noise, temporary, zipped
from virtual import virtual

from qualtrics_async import DecodeError, RetryPolicy, UsageError
from qualtrics_async.exports import Chunks, Expansion, archive
from qualtrics_async.exports.chunks import stream
from qualtrics_async.exports.export import open_export
from qualtrics_async.exports.options import planned
from qualtrics_async.exports.record_stream import records
from qualtrics_async.exports.row_stream import rows
from qualtrics_async.sandbox import ByPolls

KIBIBYTE = 1024
DATA = noise(300 * KIBIBYTE + 100)
BLOCK = 16 * KIBIBYTE
FILE = "GET /surveys/{surveyId}/export-responses/{fileId}/file"


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what is broken be found when it is reached, as in an export that is large."""
    monkeypatch.setattr("qualtrics_async.exports.export._CHECKED", 0)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let archives be read in small blocks, so that few bytes make many pieces."""
    monkeypatch.setattr(archive, "_BLOCK", BLOCK)


async def joined(chunks: Chunks) -> bytes:
    return b"".join([chunk async for chunk in chunks])


async def nothing_is_open() -> None:
    assert await anyio.to_thread.run_sync(temporary) == []


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "truncated", "at": 100},
        {"kind": "cut", "at": 0},
        {"kind": "cut", "at": 100, "reset": True},
        {"kind": "stalled", "at": 100, "seconds": 1000.0},
        {"kind": "wrong_length", "by": 1000},
        {"kind": "wrong_length", "by": -100},
        {"kind": "archive", "damage": "not_zip"},
        {"kind": "no_range"},
        {"kind": "status", "status": 503},
        {"kind": "delay", "seconds": 1000.0},
    ],
    ids=lambda fault: "-".join(map(str, fault.values())),
)
@virtual
async def test_faults_of_the_sandbox_are_mended(fault: dict[str, Any]) -> None:
    """Each of them twice, where the client would repeat; the bytes are the same."""
    async with talking.talking({"jobs": ByPolls(0)}) as (sandbox, client):
        for number in range(50):
            sandbox.state.add_response(sandbox.state.survey_id, {"QID2_TEXT": f"answer {number}"})
        async with stream(client, sandbox.state.survey_id) as chunks:
            whole = await joined(chunks)
        struck = sandbox.faults.add(route=FILE, times=2, **fault)
        async with stream(client, sandbox.state.survey_id) as chunks:
            assert await joined(chunks) == whole
        assert struck.used == (1 if fault["kind"] == "no_range" else 2)


@virtual
async def test_what_is_no_archive_is_downloaded_again() -> None:
    """A page of somebody's in between, or half an archive without its length; then the whole one."""
    packed = zipped(DATA)
    wrong = [b"<html>", packed[:-5], packed[: len(packed) // 2]]
    service = Service(packed, *(Turn(content=content) for content in wrong), Turn())
    async with at(service) as client, stream(client, SURVEY) as chunks:
        assert await joined(chunks) == DATA
    assert service.ranges == [0, 0, 0, 0]


@pytest.mark.parametrize("retries", [0, 2])
@virtual
async def test_what_is_never_an_archive_is_told(retries: int) -> None:
    """After as many downloads as the client's `retry` allows; nothing of it is kept."""
    service = Service(b"<html>Sorry</html>")
    async with at(service, retry=RetryPolicy(retries=retries, base=0)) as client:
        with pytest.raises(DecodeError, match="not a zip file"):
            async with stream(client, SURVEY):
                raise AssertionError
        assert len(service.ranges) == retries + 1
        await nothing_is_open()


@pytest.mark.parametrize(
    ("packed", "said"),
    [
        (zipped(bytes(100_000)), "more than the 5000"),
        (by_hand(Entry(flags=1)), "encrypted"),
        (by_hand(Entry(method=12)), "method 12"),
        (zipped(), "no file in it"),
    ],
    ids=["bomb", "encrypted", "method", "empty"],
)
@virtual
async def test_what_would_be_the_same_again_is_not_downloaded_again(packed: bytes, said: str) -> None:
    """It is refused at once."""
    service = Service(packed)
    async with at(service) as client:
        with pytest.raises(DecodeError, match=said):
            async with stream(client, SURVEY, expansion=Expansion(max_bytes=5000)):
                raise AssertionError
        assert service.ranges == [0]
        await nothing_is_open()


@pytest.mark.usefixtures("unchecked")
@virtual
async def test_a_broken_part_is_told_when_it_is_reached() -> None:
    """Again and again, whoever asks; what was before it has come."""
    async with at(Service(by_hand(Entry(content=DATA, checksum=7)))) as client:
        async with stream(client, SURVEY) as chunks:
            found = b"".join([await anext(chunks) for _ in range(len(DATA) // BLOCK)])
            assert found == DATA[: len(found)]
            assert len(DATA) - len(found) < BLOCK
            for _ in range(2):
                with pytest.raises(DecodeError, match="Bad CRC-32"):
                    await anext(chunks)
        await nothing_is_open()


@pytest.mark.parametrize("read", [stream, records, rows], ids=["stream", "records", "rows"])
@virtual
async def test_a_small_export_is_seen_to_be_whole_first(read: Any) -> None:
    """What is broken is downloaded again before anybody has seen any of it."""
    async with talking.talking({"jobs": ByPolls(1)}) as (sandbox, client):
        survey_id = sandbox.state.survey_id
        sandbox.state.add_response(survey_id, {"QID2_TEXT": "so"})
        sandbox.faults.add(kind="archive", damage="checksum", route=FILE)
        async with read(client, survey_id) as found:
            assert [one async for one in found]
        assert arrivals(sandbox, FILE) == 2


@virtual
async def test_an_error_in_place_of_the_file_is_told() -> None:
    """What the service said, and the request id, and not that it is no zip."""
    async with talking.talking({"jobs": ByPolls(1)}) as (sandbox, client):
        fault: Any = {"code": "FX_1", "message": "The file of ada@example.com has expired."}
        sandbox.faults.add(kind="error_in_200", route=FILE, times=None, **fault)
        with pytest.raises(
            DecodeError, match=r"FX_1: The file of <e-mail> has expired.*request [0-9a-f-]{36}"
        ):
            async with stream(client, sandbox.state.survey_id):
                pass


@virtual
async def test_an_export_is_downloaded_again_on_demand() -> None:
    """It tells of the new file then; all downloads together are as many as `retry` allows."""
    rows = (b"R_1,a\n", b"R_2,b\n", b"R_3,c\n")
    files = [zipped(HEADER + b"".join(rows[: count + 1])) for count in range(3)]
    turns = [Turn(content=content) for content in (b"no archive", *files)]
    failure = DecodeError("broken")
    failure.transient = True
    async with at(Service(b"", *turns), retry=RetryPolicy(retries=3, base=0)) as client:
        async with open_export(client, SURVEY, planned("csv", {})) as export:
            for count in range(3):
                assert export.info.size == len(HEADER) + 6 * (count + 1)
                assert export.info.packed == len(files[count])
                assert export.stream().take() == HEADER + b"".join(rows[: count + 1])
                if count < 2:
                    before = export.archive
                    await export.again(failure)
                    assert export.archive is not before
            with pytest.raises(DecodeError) as told:
                await export.again(failure)
            assert told.value is failure
        await nothing_is_open()
        with pytest.raises(UsageError, match="no file any more"):
            export.stream()
