"""Bodies that are streamed: what they say, when they are sent again, and what becomes of their files."""

from __future__ import annotations

import asyncio
import io
import threading
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO

import pytest
from sending import (
    CONTENT,
    DONE,
    FAILED,
    MEBIBYTE,
    REFUSED,
    THINGS,
    Taker,
    client_at,
    framed,
    length_of,
    open_below,
    post,
    sparse,
    upload_of,
    value_of,
)
from talking import assert_idle, cancelled_everywhere, client_of, talking
from virtual import loop, run, virtual
from wires import Reader, Writer, serving

from qualtrics_async import OutcomeUnknown, RetryPolicy, TimedOut, Timeouts, UsageError
from qualtrics_async._core.alarm import Alarm
from qualtrics_async._core.events import BackingOff, Event
from qualtrics_async._core.uploads import CHUNK, Source, Upload
from qualtrics_async.sandbox import Sandbox


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of several reads."""
    made = tmp_path / "data.bin"
    made.write_bytes(CONTENT)
    return made


def at_three(path: Path, opened: list[BinaryIO]) -> BinaryIO:
    file = path.open("rb")
    opened.append(file)
    file.seek(3)
    return file


SOURCES: dict[str, tuple[Callable[[Path, list[BinaryIO]], Source], bytes]] = {
    "bytes": (lambda path, opened: CONTENT, CONTENT),
    "path": (lambda path, opened: path, CONTENT),
    "file": (at_three, CONTENT[3:]),
    "memory": (lambda path, opened: io.BytesIO(CONTENT), CONTENT),
    "nothing": (lambda path, opened: b"", b""),
}


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize(
    "answers",
    [(DONE,), (REFUSED, REFUSED, DONE)],
    ids=["at once", "after two 429"],
)
def test_the_body_arrives_whole_each_time(kind: str, answers: tuple[bytes, ...], path: Path) -> None:
    """A file begins where it stands, has its length announced, and is sent from there again after a 429."""
    make, content = SOURCES[kind]
    opened: list[BinaryIO] = []
    upload = upload_of(make(path, opened))
    taker = Taker(*answers)

    async def main() -> None:
        async with serving(taker) as port, client_at(port) as client:
            assert await post(client, upload) == {"id": "X_1"}
            assert_idle(client)

    try:
        run(main())
        assert all(not file.closed for file in opened)
    finally:
        for file in opened:
            file.close()
    assert taker.bodies == [framed(content)] * len(answers)
    for head in taker.heads:
        assert value_of(head, b"content-type") == b"multipart/form-data; boundary=limit"
        assert length_of(head) == len(framed(content))
        assert b"transfer-encoding" not in head.lower()


def test_one_file_is_sent_as_it_is(path: Path) -> None:
    """Without a form around it, under its own content type."""
    taker = Taker()

    async def main() -> None:
        async with serving(taker) as port, client_at(port) as client:
            await post(client, Upload.file(path, "application/vnd.qualtrics.survey.qsf"), "PUT")

    run(main())
    assert taker.bodies == [CONTENT]
    assert value_of(taker.heads[0], b"content-type") == b"application/vnd.qualtrics.survey.qsf"


def test_what_was_refused_a_connection_is_sent_whole_later(path: Path) -> None:
    """Nothing had left, so a POST is repeated, and its file is opened anew."""
    taker = Taker()

    async def main() -> None:
        async with serving(taker) as port:
            pass  # the port is free again, and nobody listens

        listening = asyncio.Event()
        backing_off: list[Event] = []

        def tell(event: Event) -> None:
            if isinstance(event, BackingOff):
                backing_off.append(event)
                listening.set()

        async def listen() -> None:
            await listening.wait()
            servers.append(await asyncio.start_server(handle, "127.0.0.1", port))

        async def handle(reader: Reader, writer: Writer) -> None:
            await taker(reader, writer)
            writer.close()

        servers: list[asyncio.Server] = []
        begun = asyncio.create_task(listen())
        async with client_at(port, hooks=[tell], retry=RetryPolicy(base=10)) as client:
            assert await post(client, upload_of(path)) == {"id": "X_1"}
        await begun
        servers[0].close()
        await servers[0].wait_closed()
        assert [event.error for event in backing_off if isinstance(event, BackingOff)] == ["ConnectFailed"]

    run(main())
    assert taker.bodies == [framed(CONTENT)]


@pytest.mark.parametrize("answer", [b"", FAILED], ids=["hung up", "500"])
@virtual
async def test_a_doubtful_upload_is_not_repeated(answer: bytes) -> None:
    """Nobody knows what became of it, so it goes out once; one that changes nothing twice is repeated."""
    taker = Taker(answer)
    async with serving(taker) as port, client_at(port) as client:
        with pytest.raises(OutcomeUnknown):
            await post(client, upload_of(CONTENT))
        assert len(taker.bodies) == 1
        assert_idle(client)
    taker = Taker(answer, DONE)
    async with serving(taker) as port, client_at(port) as client:
        await post(client, upload_of(CONTENT), "PUT")
        assert taker.bodies == [framed(CONTENT)] * 2


@virtual
async def test_an_answer_may_come_before_the_end_of_the_upload() -> None:
    """A 429 to the head alone ends that attempt, its connection and its reading; the next one is whole."""
    taker = Taker()
    early: list[bytes] = []

    async def handle(reader: Reader, writer: Writer) -> None:
        if early:
            await taker(reader, writer)
            return
        early.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(REFUSED)
        with suppress(ConnectionError):
            await writer.drain()
            await asyncio.sleep(60)

    async with serving(handle) as port, client_at(port) as client:
        assert await post(client, upload_of(bytes(20 * MEBIBYTE))) == {"id": "X_1"}
        assert_idle(client)
    assert [len(body) for body in taker.bodies] == [len(framed(bytes(20 * MEBIBYTE)))]


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """Of 50 MB hardly more than a few reads are held at once."""
    path = sparse(tmp_path / "large.bin", 50 * MEBIBYTE)
    taker = Taker(keep=False)

    async def main() -> int:
        async with serving(taker) as port, client_at(port) as client:
            await post(client, Upload.file(b"warm", "text/csv"))
            tracemalloc.start()
            try:
                await post(client, upload_of(path))
                return tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()

    peak = run(main())
    assert taker.received > 50 * MEBIBYTE
    assert peak < 12 * CHUNK


def test_each_piece_has_the_time_of_an_attempt(tmp_path: Path) -> None:
    """A slow server may take longer than one time limit for the whole, but not past the deadline."""
    path = sparse(tmp_path / "large.bin", 40 * MEBIBYTE)
    timeouts = Timeouts(attempt=15, grace=0)

    async def main(deadline: float | None, pace: float) -> tuple[float, Exception | None]:
        taker, failure = Taker(pace=pace, keep=False), None
        async with serving(taker) as port, client_at(port, timeouts=timeouts) as client:
            began = loop().time()
            try:
                await post(client.with_options(deadline=deadline, retries=0), upload_of(path), "PUT")
            except TimedOut as error:
                failure = error
            took = loop().time() - began
            assert_idle(client)
        return took, failure

    took, failure = run(main(None, pace=1.0))
    assert failure is None
    assert took == pytest.approx(40, abs=1)
    took, failure = run(main(20, pace=1.0))
    assert isinstance(failure, TimedOut)
    assert took == pytest.approx(20, abs=0.1)
    took, failure = run(main(None, pace=1000.0))
    assert isinstance(failure, TimedOut)
    assert took == pytest.approx(15, abs=0.1)


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("grace", [0.0, 5.0])
def test_a_cancelled_upload_closes_its_file(grace: float, times: int, tmp_path: Path) -> None:
    """In the middle of it: with grace it goes on for that long, a second cancellation ends it at once."""
    path = sparse(tmp_path / "large.bin", 40 * MEBIBYTE)

    async def main() -> float:
        taker = Taker(pace=1000.0, keep=False)
        async with serving(taker) as port, client_at(port, timeouts=Timeouts(grace=grace)) as client:
            task = asyncio.create_task(post(client, upload_of(path)))
            await asyncio.sleep(1)
            assert taker.received
            assert await asyncio.to_thread(open_below, tmp_path) == [str(path)]
            began = loop().time()
            for _ in range(times):
                task.cancel()
                await asyncio.sleep(0)
                await asyncio.sleep(0)
            await asyncio.wait({task})
            assert task.cancelled()
            assert await asyncio.to_thread(open_below, tmp_path) == []
            assert_idle(client)
            return loop().time() - began

    assert run(main()) == pytest.approx(grace if times == 1 else 0, abs=0.1)


def test_nothing_is_read_after_an_upload_was_given_up() -> None:
    """A read on a thread cannot be stopped, so it is waited for: the file may be read again at once."""

    class Slow(io.BytesIO):
        reading, go = threading.Event(), threading.Event()

        def read(self, size: int | None = -1) -> bytes:
            self.reading.set()
            assert self.go.wait(10)
            return super().read(size)

    slow = Slow(CONTENT)

    async def use() -> None:
        async with Upload.file(slow, "text/csv").open() as opened:
            await anext(opened)

    async def main() -> None:
        task = asyncio.create_task(use())
        await asyncio.to_thread(slow.reading.wait, 10)
        task.cancel()
        for _ in range(20):
            await asyncio.sleep(0)
        assert not task.done()
        slow.go.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


@pytest.mark.parametrize("at_once", [True, False])
def test_an_upload_can_be_cancelled_anywhere(path: Path, *, at_once: bool) -> None:
    """No file stays open, no task, no slot and no connection, and the next upload works."""

    async def main() -> None:
        async with talking(timeouts=Timeouts(grace=1)) as (sandbox, client):
            automation_id = sandbox.state.add_automation("Nightly load")
            create = partial(client.automations.files.create, automation_id, path)

            async def check() -> None:
                assert await asyncio.to_thread(open_below, path.parent) == []
                assert_idle(client)

            assert await cancelled_everywhere(create, check, at_once=at_once) > 2
            stored = sandbox.state.shelf("automation file").under(automation_id)
            assert [file["content"] for file in stored] == [CONTENT]

    run(main())


@virtual
async def test_a_refused_bearer_token_costs_no_upload() -> None:
    """The token is renewed and the whole body goes out again."""
    async with Sandbox(record_bodies=True) as sandbox:
        credential = {"client_id": sandbox.client_id, "client_secret": sandbox.client_secret, "token": None}
        async with client_of(sandbox, **credential) as client:
            library = sandbox.state.user_id
            sandbox.faults.add(kind="status", status=401, route="POST /libraries/{libraryId}/graphics")
            await client.libraries.graphics.upload(library, file=io.BytesIO(CONTENT), name="logo.png")
        sent = [record.body for record in sandbox.requests if str(record.route).endswith("/graphics")]
        assert len(sent) == 2
        assert sent[0] == sent[1]
        assert [graphic["content"] for graphic in sandbox.state.shelf("graphic")] == [CONTENT]


@virtual
async def test_a_late_piece_renews_nothing() -> None:
    """A timeout that is over cancels nobody, whoever renews it."""
    alarm = Alarm()
    with alarm.timeout(5) as allowed:
        pass
    allowed.renew(1)
    await asyncio.sleep(10)
    alarm.close()


@virtual
async def test_the_answer_to_an_upload_is_not_streamed() -> None:
    """A stream would send no body at all, so it is refused."""
    taker = Taker()
    async with serving(taker) as port, client_at(port) as client:
        with pytest.raises(UsageError, match="not streamed"):
            async with client.stream("POST", THINGS, body=upload_of(b"x")):
                pass
    assert taker.heads == []
