"""Files of exports: made once, streamed, sent from a byte on, and gone with the sandbox."""

from __future__ import annotations

import asyncio
import tempfile
import time
import tracemalloc
from typing import IO

import pytest
from fetching import FILE, export, fetch, ready
from speaking import asynchronous, speaking, speaking_to, until

from qualtrics_async.sandbox import ByPolls, Exports, Sandbox
from qualtrics_async.sandbox.kept_files import KEPT, Sink
from qualtrics_async.sandbox.response_files import ResponseFile


@asynchronous
async def test_a_file_is_sent_whole_or_from_a_byte_on() -> None:
    """Content-Length, ETag and ranges agree with the bytes."""
    async with speaking(jobs=ByPolls(0)) as call:
        survey_id = call.sandbox.state.survey_id
        call.sandbox.state.add_responses(survey_id, 500)
        url = await ready(call, survey_id)
        whole = await fetch(call, url)
        size, etag = len(whole.content), whole.headers["ETag"]
        assert (whole.status, whole.headers["Content-Length"]) == (200, str(size))
        assert (whole.headers["Accept-Ranges"], etag[0], etag[-1]) == ("bytes", '"', '"')
        for start in (0, 1, size // 2, size - 1):
            part = await fetch(call, url, Range=f"bytes={start}-", If_Range=etag)
            assert (part.status, part.content) == (206, whole.content[start:])
            assert part.headers["Content-Range"] == f"bytes {start}-{size - 1}/{size}"
            assert part.headers["ETag"] == etag
        few = await fetch(call, url, Range="bytes=10-19")
        assert (few.status, few.content) == (206, whole.content[10:20])


@pytest.mark.parametrize("start", [0, 1])
@asynchronous
async def test_nothing_is_beyond_the_end(start: int) -> None:
    """416 names the size."""
    async with speaking(jobs=ByPolls(0)) as call:
        url = await ready(call, call.sandbox.state.survey_id)
        size = len((await fetch(call, url)).content)
        beyond = await fetch(call, url, Range=f"bytes={size + start}-")
        assert (beyond.status, beyond.headers["Content-Range"]) == (416, f"bytes */{size}")
        assert beyond.content == b""


@pytest.mark.parametrize(
    "headers",
    [{"Range": "bytes=5-", "If_Range": '"another"'}, {"Range": "bytes=-5"}, {"Range": "lines=5-"}],
    ids=str,
)
@asynchronous
async def test_what_is_no_range_of_this_file_gets_the_whole(headers: dict[str, str]) -> None:
    """A validator of another file, and forms that nobody knows here."""
    async with speaking(jobs=ByPolls(0)) as call:
        url = await ready(call, call.sandbox.state.survey_id)
        whole, answer = await fetch(call, url), await fetch(call, url, **headers)
        assert (answer.status, answer.content) == (200, whole.content)


@asynchronous
async def test_ranges_can_be_switched_off() -> None:
    """Then nothing speaks of them."""
    async with speaking(jobs=ByPolls(0), exports=Exports(ranges=False)) as call:
        url = await ready(call, call.sandbox.state.survey_id)
        whole, answer = await fetch(call, url), await fetch(call, url, Range="bytes=5-")
        assert (answer.status, answer.content) == (200, whole.content)
        assert not {"Accept-Ranges", "ETag"} & whole.headers.keys()


@asynchronous
async def test_a_file_is_made_once_and_again_after_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many ask for it at the same time; what has not changed keeps its validator."""
    made = []
    write = ResponseFile.write

    def counted(self: ResponseFile, sink: Sink) -> None:
        made.append(sink)
        write(self, sink)

    monkeypatch.setattr(ResponseFile, "write", counted)
    sandbox = Sandbox(jobs=ByPolls(0))
    async with sandbox, speaking_to(sandbox) as call:
        sandbox.state.add_responses(sandbox.state.survey_id, 100)
        url = await ready(call, sandbox.state.survey_id)
        first, second = await asyncio.gather(fetch(call, url), fetch(call, url))
        assert first.content == second.content
        assert len(made) == 1
    async with sandbox, speaking_to(sandbox) as call:
        again = await fetch(call, url)
        assert (again.content, again.headers["ETag"]) == (first.content, first.headers["ETag"])
        assert len(made) == 2


def opened(monkeypatch: pytest.MonkeyPatch) -> list[IO[bytes]]:
    """The files that are made from here on."""
    files: list[IO[bytes]] = []
    make = tempfile.TemporaryFile

    def noted() -> IO[bytes]:
        files.append(make())
        return files[-1]

    monkeypatch.setattr(tempfile, "TemporaryFile", noted)
    return files


@asynchronous
async def test_the_last_few_files_stay_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many exports there are; one of the others is made again, the same."""
    files = opened(monkeypatch)
    async with speaking(jobs=ByPolls(0)) as call:
        urls = [await ready(call, call.sandbox.state.survey_id) for _ in range(KEPT + 3)]
        first, *_ = [await fetch(call, url) for url in urls]
        await until(lambda: sum(not file.closed for file in files) == KEPT)
        assert [file.closed for file in files] == [True] * 3 + [False] * KEPT
        await fetch(call, urls[3])
        again = await fetch(call, urls[0])
        assert (again.content, again.headers["ETag"]) == (first.content, first.headers["ETag"])
        await until(lambda: files[4].closed)
        assert len(files) == KEPT + 4
        assert not files[3].closed


@asynchronous
async def test_a_file_that_is_being_sent_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when others are asked for more than it can keep; nobody's download breaks."""
    files = opened(monkeypatch)
    async with speaking(jobs=ByPolls(0)) as call:
        survey_id = call.sandbox.state.survey_id
        call.sandbox.state.add_responses(survey_id, 10)
        slow, *others = [await ready(call, survey_id) for _ in range(KEPT + 3)]
        fault = call.sandbox.faults.add(kind="stalled", route=FILE)
        async with call.session.get(slow) as response:
            whole = [await fetch(call, url) for url in others][-1]
            await until(lambda: files[2].closed)
            assert not files[0].closed
            fault.release()
            assert await response.read() == whole.content


@asynchronous
async def test_a_client_may_go_at_any_time(caplog: pytest.LogCaptureFixture) -> None:
    """Before its file is made, and in the middle of it: nothing is told about it, and others are served."""
    async with speaking(jobs=ByPolls(0)) as call:
        survey_id = call.sandbox.state.survey_id
        call.sandbox.state.add_responses(survey_id, 20_000)
        url = await ready(call, survey_id, compress=False)
        asked = asyncio.create_task(fetch(call, url))
        await until(lambda: len(call.sandbox.requests) == 3)
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        async with call.session.get(url) as response:
            await response.content.readexactly(1000)
            response.close()
        assert len((await fetch(call, url)).content) > 1_000_000
        await until(lambda: sum(call.sandbox.calls.values()) == 5)
    assert not caplog.records


@asynchronous
async def test_others_are_served_while_a_file_is_made() -> None:
    """Nothing waits for a thread that is busy for long, and closing ends it: nothing is left open."""
    async with speaking(jobs=ByPolls(0)) as call:
        survey_id = call.sandbox.state.survey_id
        call.sandbox.state.add_responses(survey_id, 10_000_000)
        url = await ready(call, survey_id)
        asked = asyncio.create_task(fetch(call, url))
        await until(lambda: len(call.sandbox.requests) == 3)
        for _ in range(20):
            assert (await call.get("/whoami")).status == 200
        assert not asked.done()
        began = time.monotonic()
        await call.sandbox.close()
        assert time.monotonic() - began < 5
        assert (await asked).status == 503


@asynchronous
async def test_a_file_that_cannot_be_made_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure answers 500 and is not kept."""
    async with speaking(jobs=ByPolls(0)) as call:
        url = await ready(call, call.sandbox.state.survey_id)
        with monkeypatch.context() as broken:
            broken.setattr(ResponseFile, "write", lambda self, sink: 1 / 0)
            assert (await fetch(call, url)).status == 500
        assert (await fetch(call, url)).status == 200


def test_a_sandbox_on_a_thread_leaves_nothing_behind() -> None:
    """Neither files nor threads, which the fixtures of all tests look for."""

    async def read(sandbox: Sandbox) -> int:
        async with speaking_to(sandbox) as call:
            return len((await export(call, sandbox.state.survey_id)).content)

    with Sandbox.in_thread(jobs=ByPolls(0)) as sandbox:
        sandbox.state.add_responses(sandbox.state.survey_id, 100)
        assert asyncio.run(read(sandbox)) > 1000


@asynchronous
async def test_the_room_does_not_grow_with_the_file() -> None:
    """10 MB of rows in a few."""
    async with speaking(jobs=ByPolls(0)) as call:
        survey_id = call.sandbox.state.survey_id
        call.sandbox.state.add_responses(survey_id, 2_500, text_size=2_000)
        url = await ready(call, survey_id, format="ndjson", compress=False)
        tracemalloc.start()
        try:
            received = 0
            async with call.session.get(url) as response:
                async for piece in response.content.iter_chunked(1 << 16):
                    received += len(piece)
            most = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert received > 10_000_000
        assert most < 6_000_000
