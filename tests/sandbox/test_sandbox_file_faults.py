"""What goes wrong with jobs of exports and with their files, at the byte that is asked for."""

from __future__ import annotations

import asyncio
import io
import time
import zipfile
import zlib
from typing import Any

import aiohttp
import pytest
from fetching import FILE, START, Fetched, export, fetch, ready
from speaking import Caller, asynchronous, speaking

from qualtrics_async.sandbox import ByPolls


async def arranged(call: Caller) -> tuple[str, bytes]:
    """The address of a file, and the bytes that belong there."""
    survey_id = call.sandbox.state.survey_id
    call.sandbox.state.add_responses(survey_id, 2_000)
    url = await ready(call, survey_id)
    return url, (await fetch(call, url)).content


async def received(call: Caller, url: str, **headers: str) -> tuple[bytes, type[BaseException] | None]:
    """As much of a file as comes, and how it ends."""
    content = b""
    async with call.session.get(url, headers=headers) as response:
        try:
            async for piece in response.content.iter_any():
                content += piece
        except (aiohttp.ClientError, ConnectionError) as error:
            return content, type(error)
    return content, None


@pytest.mark.parametrize("kind", ["cut", "truncated"])
@pytest.mark.parametrize("at", [0, 1, 40_000])
@asynchronous
async def test_a_file_ends_at_a_byte(kind: Any, at: int) -> None:
    """Whole and from a byte on: what came can be gone on from."""
    async with speaking(jobs=ByPolls(0)) as call:
        url, whole = await arranged(call)
        assert len(whole) > 50_000
        call.sandbox.faults.add(kind=kind, route=FILE, at=at)
        content, error = await received(call, url)
        assert (content, error) == (whole[:at], aiohttp.ClientPayloadError)
        call.sandbox.faults.add(kind=kind, route=FILE, at=at + 100)
        content, error = await received(call, url, Range=f"bytes={at}-")
        assert (content, error) == (whole[at : at + 100], aiohttp.ClientPayloadError)
        rest = await fetch(call, url, Range=f"bytes={at}-")
        assert whole[:at] + rest.content == whole
        assert call.sandbox.state.processed[FILE] == 4


@asynchronous
async def test_a_file_stalls_at_a_byte() -> None:
    """Until it is released."""
    async with speaking(jobs=ByPolls(0)) as call:
        url, whole = await arranged(call)
        held = call.sandbox.faults.add(kind="stalled", route=FILE, at=1000)
        async with call.session.get(url) as response:
            assert await response.content.readexactly(1000) == whole[:1000]
            waiting = asyncio.create_task(response.content.read())
            await held.arrived()
            assert not waiting.done()
            held.release()
            assert await waiting == whole[1000:]


@asynchronous
async def test_a_file_is_slow() -> None:
    """A pause after each piece."""
    async with speaking(jobs=ByPolls(0)) as call:
        url, whole = await arranged(call)
        call.sandbox.faults.add(kind="slow", route=FILE, size=len(whole) // 4, seconds=0.02)
        began = time.monotonic()
        assert (await fetch(call, url)).content == whole
        assert time.monotonic() - began >= 0.05


@pytest.mark.parametrize("by", [-100, 100])
@asynchronous
async def test_a_file_has_another_length_than_it_says(by: int) -> None:
    """Too short without a word, or broken off."""
    async with speaking(jobs=ByPolls(0)) as call:
        url, whole = await arranged(call)
        call.sandbox.faults.add(kind="wrong_length", route=FILE, by=by)
        content, error = await received(call, url)
        assert content == (whole[:by] if by < 0 else whole)
        assert error is (None if by < 0 else aiohttp.ClientPayloadError)
        assert (await fetch(call, url)).content == whole


@asynchronous
async def test_a_file_has_wrong_bytes() -> None:
    """Four of them, in a part as in the whole."""
    async with speaking(jobs=ByPolls(0)) as call:
        url, whole = await arranged(call)
        call.sandbox.faults.add(kind="corrupt", route=FILE, at=30_000, times=2)
        wrong = bytes(byte ^ 0xFF for byte in whole[30_000:30_004])
        expected = whole[:30_000] + wrong + whole[30_004:]
        assert (await fetch(call, url)).content == expected
        assert (await fetch(call, url, Range="bytes=30002-")).content == expected[30_002:]
        with pytest.raises((zipfile.BadZipFile, zlib.error)):
            Fetched(200, {}, expected).members  # noqa: B018  # reading checks


@asynchronous
async def test_a_range_is_ignored() -> None:
    """200 and the whole."""
    async with speaking(jobs=ByPolls(0)) as call:
        url, whole = await arranged(call)
        call.sandbox.faults.add(kind="no_range", route=FILE)
        answer = await fetch(call, url, Range="bytes=5-")
        assert (answer.status, answer.content) == (200, whole)


@asynchronous
async def test_a_file_is_another_than_before() -> None:
    """With another ETag: what has come of the first is not a part of it."""
    async with speaking(jobs=ByPolls(0)) as call:
        url, whole = await arranged(call)
        etag = (await fetch(call, url)).headers["ETag"]
        call.sandbox.faults.add(kind="etag", route=FILE)
        answer = await fetch(call, url, Range="bytes=5-", If_Range=etag)
        assert (answer.status, answer.content) == (200, whole)
        assert answer.headers["ETag"] != etag


async def damaged(**options: Any) -> bytes:
    """An archive that is not what it seems."""
    async with speaking(jobs=ByPolls(0)) as call:
        url, whole = await arranged(call)
        call.sandbox.faults.add(kind="archive", route=FILE, **options)
        answer = await fetch(call, url)
        assert answer.headers["Content-Length"] == str(len(answer.content))
        assert (await fetch(call, url)).content == whole
        return answer.content


@asynchronous
async def test_a_bomb_is_small_until_it_is_read() -> None:
    """All of the same byte."""
    content = await damaged(damage="bomb", size=20_000_000)
    assert len(content) < 100_000
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        (member,) = archive.infolist()
        assert member.file_size == 20_000_000
        assert archive.read(member) == bytes(20_000_000)


@pytest.mark.parametrize("by", [-50, 50])
@asynchronous
async def test_a_directory_lies_about_a_size(by: int) -> None:
    """Larger or smaller than the member is."""
    content = await damaged(damage="liar", by=by)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        (member,) = archive.infolist()
        told = member.file_size
        member.file_size = told - by
        assert len(archive.read(member)) == told - by


@asynchronous
async def test_a_checksum_is_wrong() -> None:
    """Which is found when the member is read."""
    content = await damaged(damage="checksum")
    with zipfile.ZipFile(io.BytesIO(content)) as archive, pytest.raises(zipfile.BadZipFile, match="CRC"):
        archive.read(archive.infolist()[0])


@asynchronous
async def test_what_is_no_archive() -> None:
    """A page in place of it, under the type of an archive."""
    assert b"<html>" in await damaged(damage="not_zip")


@pytest.mark.parametrize("kind", ["status", "html", "empty", "malformed", "error_in_200"])
@asynchronous
async def test_other_faults_come_in_place_of_a_file(kind: Any) -> None:
    """As in place of any answer."""
    async with speaking(jobs=ByPolls(0)) as call:
        url, whole = await arranged(call)
        call.sandbox.faults.add(kind=kind, route=FILE)
        answer = await fetch(call, url)
        assert answer.status == (503 if kind == "status" else 200)
        assert answer.content != whole
        assert len(answer.content) < 1000


@asynchronous
async def test_a_job_is_gone_after_some_polls() -> None:
    """404 from then on."""
    async with speaking(jobs=ByPolls(9)) as call:
        path = f"/surveys/{call.sandbox.state.survey_id}/export-responses"
        call.sandbox.faults.add(kind="gone_job", route=START, polls=2)
        job = (await call.post(path, {"format": "csv"})).result["progressId"]
        assert [(await call.get(f"{path}/{job}")).status for _ in range(4)] == [200, 200, 404, 404]


@asynchronous
async def test_a_job_is_complete_without_a_file() -> None:
    """The id is null or not there."""
    for quirks in (False, True):
        async with speaking(jobs=ByPolls(1), quirks=quirks) as call:
            path = f"/surveys/{call.sandbox.state.survey_id}/export-responses"
            call.sandbox.faults.add(kind="no_file", route=START)
            job = (await call.post(path, {"format": "csv"})).result["progressId"]
            progress = (await call.get(f"{path}/{job}")).result
            assert (progress["status"], progress["percentComplete"]) == ("complete", 100.0)
            assert progress.get("fileId") is None
            assert ("fileId" in progress) == quirks


@asynchronous
async def test_other_answers_know_the_faults_of_files() -> None:
    """JSON too is cut at a byte, slow, of a wrong length, and corrupt."""
    async with speaking() as call:
        faults = call.sandbox.faults
        whole = (await call.get("/whoami")).text
        faults.add(kind="cut", at=10)
        assert await received(call, f"{call.sandbox.base_url}/whoami") == (
            whole.encode()[:10],
            aiohttp.ClientPayloadError,
        )
        faults.add(kind="wrong_length", by=-10)
        assert len((await call.get("/whoami")).text) == len(whole) - 10
        faults.add(kind="slow", seconds=0.001)
        assert (await call.get("/whoami")).result["firstName"] == "Api"
        faults.add(kind="corrupt", at=0)
        content, _ = await received(call, f"{call.sandbox.base_url}/whoami")
        assert content[0] == ord("{") ^ 0xFF


@asynchronous
async def test_a_fault_of_files_leaves_small_files_alone() -> None:
    """An export of nothing is cut in the middle, like any."""
    async with speaking(jobs=ByPolls(0)) as call:
        survey_id = call.sandbox.state.survey_id
        whole = await export(call, survey_id, compress=False)
        call.sandbox.faults.add(kind="truncated", route=FILE)
        url = await ready(call, survey_id, compress=False)
        content, error = await received(call, url)
        assert content == whole.content[: len(whole.content) // 2]
        assert error is aiohttp.ClientPayloadError
