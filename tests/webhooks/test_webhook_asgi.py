"""The receiver as an ASGI application: message by message, and behind uvicorn."""

from __future__ import annotations

import asyncio
import gzip
import logging
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest
import uvicorn
from virtual import loop, virtual
from webhook_talk import FORM, KEY, form, head, post, signed, talking

from qualtrics_async import JournalError, UsageError, webhooks
from qualtrics_async.webhooks import Receiver

GET_TEXT = b"a receiver of events"


class Server:
    """The other side: what it tells, in order, and what it was told."""

    def __init__(self, *messages: dict[str, Any]) -> None:
        self.messages = list(messages)
        self.sent: list[Any] = []
        self.hears: Callable[[Any], object] = lambda _: None

    async def receive(self) -> dict[str, Any]:
        """Tell the next message, or nothing for ever."""
        if not self.messages:
            await asyncio.Event().wait()
        return self.messages.pop(0)

    async def send(self, message: Any) -> None:
        """Hear a message."""
        self.sent.append(message)
        self.hears(message)


def http(method: str = "POST", *headers: tuple[bytes, bytes], version: str = "1.1") -> dict[str, Any]:
    named = [(b"content-type", FORM.encode()), *headers]
    return {"type": "http", "http_version": version, "method": method, "headers": named}


def body(data: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": data, "more_body": more}


async def asked(
    receiver: Receiver, scope: dict[str, Any], *messages: dict[str, Any]
) -> tuple[int, dict[bytes, bytes], bytes]:
    """Call the application; what it answered."""
    server = Server(*messages)
    await webhooks.asgi_app(receiver)(scope, server.receive, server.send)
    start, end = server.sent
    assert start["type"] == "http.response.start"
    assert end.keys() == {"type", "body"}
    assert end["type"] == "http.response.body"
    assert len(start["headers"]) == len(dict(start["headers"]))
    return start["status"], dict(start["headers"]), end["body"]


@virtual
async def test_a_delivery_comes_in_pieces() -> None:
    async with Receiver(shared_key=KEY) as receiver:
        data = signed(5)
        pieces = [
            body(data[:9], more=True),
            body(b"", more=True),
            {"type": "http.request", "more_body": True},
        ]
        status, headers, text = await asked(receiver, http(), *pieces, body(data[9:]))
        assert (status, text) == (200, b"ok")
        assert headers == {b"content-type": b"text/plain; charset=utf-8", b"content-length": b"2"}
        found = await receiver.take()
        assert found is not None
        assert isinstance(found.event, webhooks.CompletedResponse)
        assert found.event.response_id == f"R_{5:015}"
        assert (await asked(receiver, http(), {"type": "http.request"}))[0] == 400  # no body at all
        assert (await asked(receiver, http(), body(signed(6, key="another"))))[0] == 401


@virtual
async def test_other_methods() -> None:
    async with Receiver() as receiver:
        status, headers, text = await asked(receiver, http("GET"))
        assert (status, text) == (200, GET_TEXT)
        assert await asked(receiver, http("HEAD")) == (200, headers, b"")
        status, headers, text = await asked(receiver, http("PUT"))
        assert (status, headers[b"allow"]) == (405, b"GET, HEAD, POST")
        assert headers[b"content-length"] == str(len(text)).encode()


@virtual
async def test_a_closed_receiver_asks_for_the_delivery_again() -> None:
    status, headers, _ = await asked(Receiver(), http(), body(form()))
    assert (status, headers[b"retry-after"]) == (503, b"30")


@virtual
async def test_a_client_that_hangs_up_is_not_answered() -> None:
    async with Receiver() as receiver:
        for first in ([], [body(form(), more=True)]):
            server = Server(*first, {"type": "http.disconnect"})
            await webhooks.asgi_app(receiver)(http(), server.receive, server.send)
            assert server.sent == []
        assert receiver.counts == webhooks.Counts()


@virtual
async def test_what_says_that_it_is_too_large_is_not_read() -> None:
    async with Receiver(max_size=100) as receiver:
        for length in (b"101", b"9" * 5000):
            status, _, text = await asked(receiver, http("POST", (b"Content-Length", length)))
            assert (status, text) == (413, b"refused: DeliveryTooLarge")
        assert (await asked(receiver, http(), body(b"a" * 100, more=True), body(b"a", more=True)))[0] == 413
        assert loop().time() == 0


@pytest.mark.parametrize("length", [b"100000", b"x", b"-1", b"\xb2", b"", b"0" * 30])
@virtual
async def test_a_length_that_is_none_is_not_believed(length: bytes) -> None:
    async with Receiver(max_size=100_000) as receiver:
        assert (await asked(receiver, http("POST", (b"content-length", length)), body(form())))[0] == 200


@pytest.mark.parametrize(("version", "said"), [("1.0", b"close"), ("1.1", b"close"), ("2", None)])
@virtual
async def test_what_comes_too_slowly_is_given_up(version: str, said: bytes | None) -> None:
    async with Receiver(deadline=3) as receiver:
        status, headers, _ = await asked(receiver, http(version=version), body(form(), more=True))
        assert (status, headers.get(b"connection")) == (408, said)
        assert loop().time() == 3


@virtual
async def test_a_compressed_delivery_is_refused() -> None:
    async with Receiver() as receiver:
        packed = body(gzip.compress(form()))
        both = [(b"content-encoding", b"identity"), (b"Content-Encoding", b"gzip")]
        assert (await asked(receiver, http("POST", *both), packed))[0] == 415
        assert (await asked(receiver, http("POST", *both[1:]), packed))[0] == 415
        assert (await asked(receiver, http("POST", *both[:1]), body(form())))[0] == 200


@virtual
async def test_a_websocket_is_refused_once_it_has_asked() -> None:
    server = Server({"type": "websocket.connect"})
    await webhooks.asgi_app(Receiver())({"type": "websocket"}, server.receive, server.send)
    assert (server.messages, server.sent) == ([], [{"type": "websocket.close", "code": 1000}])


@virtual
async def test_what_is_no_request_is_an_error() -> None:
    server = Server()
    with pytest.raises(UsageError, match="telepathy"):
        await webhooks.asgi_app(Receiver())({"type": "telepathy"}, server.receive, server.send)


def test_a_receiver_of_another_loop_is_an_error() -> None:
    receiver = Receiver()
    with asyncio.Runner() as first:
        first.run(receiver.__aenter__())
        with pytest.raises(UsageError, match="loop"), asyncio.Runner() as second:
            second.run(asked(receiver, http(), body(form())))
        first.run(receiver.__aexit__(None, None, None))


LIFE = ({"type": "lifespan.startup"}, {"type": "lifespan.shutdown"})


async def lived(receiver: Receiver, *messages: dict[str, Any]) -> tuple[list[Any], list[bool]]:
    """Start and stop an application; what it said, and whether the receiver was open when it did."""
    server, opened = Server(*messages), list[bool]()
    server.hears = lambda _: opened.append(receiver.is_open)
    await webhooks.asgi_app(receiver)({"type": "lifespan"}, server.receive, server.send)
    return server.sent, opened


@virtual
async def test_a_server_opens_and_closes_the_receiver() -> None:
    said, opened = await lived(Receiver(), *LIFE)
    assert said == [{"type": "lifespan.startup.complete"}, {"type": "lifespan.shutdown.complete"}]
    assert opened == [True, False]


@virtual
async def test_a_receiver_that_is_open_stays_so() -> None:
    async with Receiver() as receiver:
        said, opened = await lived(receiver, *LIFE)
        assert said == [{"type": "lifespan.startup.complete"}, {"type": "lifespan.shutdown.complete"}]
        assert opened == [True, True]
        assert receiver.is_open


@virtual
async def test_a_server_does_not_start_without_the_inbox(tmp_path: Path) -> None:
    (told,), _ = await lived(Receiver(inbox=tmp_path), *LIFE)
    assert told["type"] == "lifespan.startup.failed"
    assert told["message"].startswith("the receiver of events: JournalError: ")


@virtual
async def test_an_inbox_that_cannot_be_closed_is_reported() -> None:
    class Failing(Receiver):
        async def __aexit__(
            self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
        ) -> None:
            await super().__aexit__(exc_type, exc, tb)
            raise JournalError("no space")

    said, _ = await lived(Failing(), *LIFE)
    message = "the receiver of events: JournalError: no space"
    assert said[1:] == [{"type": "lifespan.shutdown.failed", "message": message}]


@virtual
async def test_a_cancelled_server_closes_the_receiver() -> None:
    receiver = Receiver()
    living = asyncio.create_task(lived(receiver, LIFE[0]))
    await asyncio.sleep(1)
    assert receiver.is_open
    living.cancel()
    with pytest.raises(asyncio.CancelledError):
        await living
    assert not receiver.is_open


@asynccontextmanager
async def uvicorn_serving(receiver: Receiver) -> AsyncIterator[int]:
    """Serve the application by itself; give the port."""
    config = uvicorn.Config(webhooks.asgi_app(receiver), lifespan="on", ws="none", log_config=None)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(server.serve([listener]))
        while not server.started:
            assert not serving.done()
            await asyncio.sleep(0.01)
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            await serving


@virtual
async def test_uvicorn_serves_it_by_itself(caplog: pytest.LogCaptureFixture) -> None:
    receiver = Receiver(shared_key=KEY)
    async with uvicorn_serving(receiver) as port, talking(port) as talk:
        assert receiver.is_open
        for number in range(3):
            assert (await talk.ask(post(signed(number)))).status == 200
        talk.send(head("GET") + head("HEAD") + head("PUT"))
        assert (await talk.answer()).body == GET_TEXT
        assert (await talk.answer(is_head=True)).headers["content-length"] == str(len(GET_TEXT))
        assert (await talk.answer()).headers["allow"] == "GET, HEAD, POST"
        chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(signed(8)), signed(8))
        chunked = head("POST", None, f"Content-Type: {FORM}", "Transfer-Encoding: chunked") + chunks
        assert (await talk.ask(chunked)).status == 200
        assert (await talk.ask(head("POST", len(signed(9)), "Expect: 100-continue"))).status == 100
        assert (await talk.ask(signed(9))).status == 200
        assert receiver.waiting == 5
    assert not receiver.is_open
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []


@virtual
async def test_uvicorn_keeps_the_connection_in_order_after_a_refusal() -> None:
    receiver = Receiver(max_size=1000, deadline=5)
    async with uvicorn_serving(receiver) as port:
        async with talking(port) as talk:
            assert (await talk.ask(head("POST", 300_000))).status == 413
            assert loop().time() < 1
            assert (await talk.ask(bytes(300_000) + post(form(2)))).status == 200
        async with talking(port) as talk:
            talk.send(post(bytes(300_000)) + post(form(3)))
            assert [(await talk.answer()).status for _ in range(2)] == [413, 200]
        async with talking(port) as talk:
            assert (await talk.ask(head("POST", 1001, "Expect: 100-continue"))).status == 413
        async with talking(port) as talk:
            slow = await talk.ask(post(form(4))[:-1])
            assert (slow.status, slow.ends) == (408, True)
            assert await talk.rest() == b""
        async with talking(port) as talk:
            talk.send(post(form(5))[:-1])
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.1)
        assert receiver.counts.accepted == 2


@virtual
async def test_uvicorn_does_not_start_without_the_inbox(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = uvicorn.Config(webhooks.asgi_app(Receiver(inbox=tmp_path)), ws="none", log_config=None)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener, suppress(SystemExit):
        await server.serve([listener])
    assert not server.started
    assert "the receiver of events: JournalError" in caplog.text
