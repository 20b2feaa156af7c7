"""The server of a listener: its own path and no other, nothing of it left when it is closed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import certificates
import pytest
from aiohttp import ClientSession
from virtual import loop, virtual
from webhook_hearing import free_port
from webhook_talk import form, head, post, talking

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
async def test_a_sender_that_is_refused_hears_it() -> None:
    """What it sends is read first; the connection ends then."""
    async with serving() as (server, port):
        async with talking(port) as talk:
            talk.send(post(form(), path="/other")[:-20])
            await asyncio.sleep(0.1)
            answered = await talk.ask(form()[-20:])
            assert (answered.status, answered.ends) == (404, True)
            assert await talk.rest() == b""
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
async def test_a_sender_is_not_waited_for_any_longer() -> None:
    """One that sends nothing is answered after some seconds; one that waits to be asked, at once."""
    async with serving() as (_, port):
        async with talking(port) as talk:
            assert (await talk.ask(head("POST", 100, path="/other"))).status == 404
            assert 4.9 < loop().time() < 5.5
        async with talking(port) as talk:
            asking = head("POST", 100, "Expect: 100-continue", path="/other")
            assert (await talk.ask(asking)).status == 404
            assert loop().time() < 6


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
