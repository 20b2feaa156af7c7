"""The server of a listener: its own path and no other, nothing of it left when it is closed."""

from __future__ import annotations

import asyncio
import gzip
import io
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import certificates
import pytest
from aiohttp import ClientSession
from aiohttp.web import BaseRequest, StreamResponse
from virtual import loop, virtual
from webhook_hearing import free_port
from webhook_talk import Talk, form, head, post, talking

from qualtrics_async import webhooks
from qualtrics_async.webhooks.serving import OwnServer


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[OwnServer, int]]:
    """Serve a receiver at `/mine`; at the end no task is left (see `virtual`)."""
    port = free_port()
    async with webhooks.Receiver() as receiver:
        server = OwnServer(receiver, "mine")
        assert server.port == 0
        await server.start("127.0.0.1", port, None)
        try:
            assert server.port == port
            yield server, port
        finally:
            await server.close()
            assert server.port == 0


@pytest.mark.parametrize("path", ["/mine", "/other"])
@pytest.mark.parametrize("is_refusing", [False, True])
@virtual
async def test_a_sender_that_hangs_up_leaves_nothing(path: str, is_refusing: bool) -> None:
    """Half of a delivery arrived, whatever the answer would have been."""
    async with serving() as (server, port):
        if is_refusing:
            server.refuse()
        for _ in range(3):
            async with talking(port) as talk:
                talk.send(post(form(), path=path)[:-20])
                await asyncio.sleep(0.1)
        await asyncio.sleep(0.1)
    assert loop().time() < 1


@virtual
async def test_a_sender_that_is_refused_hears_it_at_once() -> None:
    """What it still sends is read, for a moment; the connection ends then."""
    async with serving() as (server, port):
        for sent, seconds in ((form()[:-20], 2), (form(), 0)):
            async with talking(port) as talk:
                began = loop().time()
                answered = await talk.ask(head("POST", len(form()), path="/other") + sent)
                assert (answered.status, answered.ends) == (404, True)
                assert loop().time() == began
                talk.send(b"x")
                assert await talk.rest() == b""
                assert loop().time() == pytest.approx(began + seconds, abs=0.1)
        async with talking(port) as talk:
            asking = head("POST", 100, "Expect: 100-continue", path="/other")
            assert (await talk.ask(asking)).status == 404
        server.refuse()
        async with talking(port) as talk:
            answered = await talk.ask(post(form(), path="/mine"))
            assert (answered.status, answered.ends) == (503, True)
            assert int(answered.headers["retry-after"]) > 0
        async with talking(port) as talk:
            assert (await talk.ask(head("GET", path="/mine"))).status == 200, (
                "the service may ask at any time"
            )


@virtual
async def test_a_large_body_that_all_comes_does_not_hide_the_refusal() -> None:
    """A client that reads no answer before it has sent all of it."""
    async with serving() as (_, port), ClientSession() as session:
        url = f"http://127.0.0.1:{port}/other"
        async with session.post(url, data=io.BytesIO(bytes(4_000_000))) as answer:
            assert answer.status == 404
    assert loop().time() < 1


@virtual
async def test_a_compressed_delivery_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aiohttp.http_parser.ZLibDecompressor", None)
    async with serving() as (_, port), talking(port) as talk:
        packed = gzip.compress(bytes(1_000_000))
        refused = await talk.ask(post(packed, "Content-Encoding: gzip", path="/mine"))
        assert (refused.status, refused.ends) == (415, True)


@pytest.mark.parametrize("sent", [b"", b"POST /mine HTT", head("POST", 5, path="/mine")[:-2]])
@virtual
async def test_who_never_gets_to_the_end_of_a_head_is_hung_up_on(sent: bytes) -> None:
    """However slowly it goes on."""
    async with serving() as (_, port), talking(port) as talk:
        for byte in sent:
            talk.send(bytes([byte]))
            await asyncio.sleep(70 / len(sent))
        assert await talk.rest() == b""
        assert loop().time() == pytest.approx(75, abs=0.1)


@virtual
async def test_who_says_nothing_more_is_hung_up_on() -> None:
    """An answer begins the time anew, slow heads do not."""
    async with serving() as (_, port), talking(port) as talk:
        for number in range(2):
            talk.send(post(form(number), path="/mine")[:5])
            await asyncio.sleep(70)
            assert (await talk.ask(post(form(number), path="/mine")[5:])).status == 200
        talk.send(b"POST")
        assert await talk.rest() == b""
        assert loop().time() == pytest.approx(140 + 75, abs=0.1)


@virtual
async def test_of_too_many_connections_the_idle_ones_are_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that say nothing, or nothing more; a new one is refused only where all others are at work."""
    monkeypatch.setattr("qualtrics_async.webhooks.serving._MOST_CONNECTIONS", 3)
    async with serving() as (_, port), AsyncExitStack() as stack:

        async def come() -> Talk:
            talk = await stack.enter_async_context(talking(port))
            await asyncio.sleep(0.1)
            return talk

        working, silent, answered = [await come() for _ in range(3)]
        working.send(post(form(1), path="/mine")[:-5])
        assert (await answered.ask(post(form(2), path="/mine"))).status == 200
        more = [await come() for _ in range(2)]
        assert [await talk.rest() for talk in (silent, answered)] == [b"", b""]
        for number, talk in enumerate(more):
            talk.send(post(form(3 + number), path="/mine")[:-5])
        await asyncio.sleep(0.1)
        assert await (await come()).rest() == b""
        assert [(await talk.ask(form()[-5:])).status for talk in (working, *more)] == [200] * 3
        assert (await (await come()).ask(post(form(6), path="/mine"))).status == 200
    assert loop().time() < 2


@virtual
async def test_who_does_not_agree_on_tls_is_hung_up_on() -> None:
    port = free_port()
    async with webhooks.Receiver() as receiver:
        server = OwnServer(receiver, "mine")
        await server.start("127.0.0.1", port, certificates.SERVER)
        try:
            async with talking(port) as talk:
                assert await talk.rest() == b""
                assert loop().time() == pytest.approx(10, abs=0.1)
        finally:
            await server.close()


@virtual
async def test_closing_waits_for_nobody_long() -> None:
    """A delivery that never ends is cut off."""
    async with serving() as (server, port), talking(port) as talk:
        talk.send(post(form(), path="/mine")[:-20])
        await asyncio.sleep(0.1)
        await server.close()
        assert loop().time() < 2.5


@virtual
async def test_it_can_be_closed_twice() -> None:
    """Also when the first time was cancelled."""
    async with serving() as (server, port), talking(port) as talk:
        talk.send(post(form(), path="/mine")[:-20])
        await asyncio.sleep(0.1)
        closing = asyncio.create_task(server.close())
        await asyncio.sleep(0.1)
        closing.cancel()
        await asyncio.wait({closing})
        await server.close()


@virtual
async def test_a_listener_serves_https_itself() -> None:
    """With a context of the caller's, where there is no proxy."""
    port = free_port()
    async with webhooks.Receiver() as receiver, ClientSession() as session:
        server = OwnServer(receiver, "mine")
        await server.start("127.0.0.1", port, certificates.SERVER)
        try:
            async with session.get(f"https://127.0.0.1:{port}/mine", ssl=certificates.CLIENT) as answer:
                assert answer.status == 200
        finally:
            await session.close()
            await server.close()


@pytest.mark.parametrize("path", ["/not-mine", "/hooks/not-mine", "/mine/", "/mine/other", "/", "/Mine"])
@virtual
async def test_a_name_is_all_that_follows_the_last_slash(path: str) -> None:
    async with serving() as (_, port), talking(port) as talk:
        assert (await talk.ask(head("GET", path=path))).status == 404
    async with serving() as (_, port), talking(port) as talk:
        assert (await talk.ask(head("GET", path="/hooks/mine?x=/other"))).status == 200


@virtual
async def test_closing_ends_idle_connections_at_once_and_answers_what_is_under_way() -> None:
    """Also a delivery that has just arrived; a connection that comes now is too late."""
    async with serving() as (server, port), AsyncExitStack() as stack:
        handle = server._handle

        async def slowly(request: BaseRequest) -> StreamResponse:
            await asyncio.sleep(0.5)
            return await handle(request)

        server._handle = slowly
        idle, silent, busy, new = [await stack.enter_async_context(talking(port)) for _ in range(4)]
        assert (await idle.ask(post(form(1), path="/mine"))).status == 200
        busy.send(post(form(2), path="/mine"))
        await asyncio.sleep(0.1)
        began = loop().time()
        assert server._server is not None
        of_new = new.writer.get_extra_info("sockname")
        (connection,) = [
            one
            for one in server._server.connections
            if one.transport is not None and one.transport.get_extra_info("peername") == of_new
        ]
        closing = asyncio.create_task(server.close())
        connection.data_received(post(form(3), path="/mine"))  # before anything is done about it, it closes
        assert [await talk.rest() for talk in (idle, silent)] == [b"", b""]
        assert loop().time() == began
        assert [(await talk.answer()).status for talk in (busy, new)] == [200, 200]
        await closing
        assert loop().time() < began + 1


@pytest.mark.parametrize("is_late", [False, True])
@virtual
async def test_whoever_connects_while_it_closes_is_hung_up_on(is_late: bool) -> None:
    """Accepted just before, or while it waits for others: no connection is left when it is closed."""
    async with serving() as (server, port), talking(port) as busy:
        busy.send(post(form(), path="/mine")[:-5])
        await asyncio.sleep(0.1)
        here, there = socket.socketpair()
        meeting = loop().connect_accepted_socket(server._meet, there)
        closing = server.close()
        first, second = (closing, meeting) if is_late else (meeting, closing)
        tasks = [asyncio.create_task(first), asyncio.create_task(second)]
        reader, writer = await asyncio.open_connection(sock=here)
        assert await reader.read() == b""
        writer.close()
        await asyncio.gather(*tasks)
        assert loop().time() < 2.5
