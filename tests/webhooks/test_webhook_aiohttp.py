"""The receiver behind `aiohttp.web`: every answer, and what becomes of the connection."""

from __future__ import annotations

import asyncio
import gzip
import io
import logging
import subprocess
import sys
from collections.abc import AsyncIterable
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.http_parser import HttpRequestParser, HttpRequestParserPy
from virtual import loop, run, virtual
from webhook_talk import FORM, KEY, aiohttp_serving, form, head, post, signed, talking

from qualtrics_async import webhooks
from qualtrics_async.webhooks import Answer, Receiver

LINGERING = 2
"""Seconds that are read on after an answer that came early."""

both = pytest.mark.parametrize("is_bare", [False, True], ids=["application", "server"])


async def taken(receiver: Receiver) -> str:
    """Take an event that is there; which response it is about."""
    assert receiver.waiting
    found = await receiver.take()
    assert found is not None
    assert isinstance(found.event, webhooks.CompletedResponse)
    return found.event.response_id


@both
@virtual
async def test_a_connection_delivers_one_event_after_the_other(is_bare: bool) -> None:
    async with (
        Receiver(shared_key=KEY) as receiver,
        aiohttp_serving(receiver, is_bare=is_bare) as port,
        talking(port) as talk,
    ):
        for number in range(3):
            answer = await talk.ask(post(signed(number)))
            assert (answer.status, answer.body, answer.ends) == (200, b"ok", False)
            assert answer.headers["content-type"] == "text/plain; charset=utf-8"
            assert await taken(receiver) == f"R_{number:015}"
        assert (await talk.ask(post(signed(9, key="another key")))).status == 401
        assert (await talk.ask(post(signed(1)))).status == 200
        assert receiver.counts.repeated == 1
        assert receiver.waiting == 0


@both
@virtual
async def test_other_methods_are_answered_on_one_connection(is_bare: bool) -> None:
    async with (
        Receiver() as receiver,
        aiohttp_serving(receiver, is_bare=is_bare) as port,
        talking(port) as talk,
    ):
        talk.send(head("GET") + head("HEAD") + head("PUT") + head("GET"))
        get, empty, put = await talk.answer(), await talk.answer(is_head=True), await talk.answer()
        assert (get.status, get.body) == (200, b"a receiver of events")
        assert (empty.status, empty.headers["content-length"]) == (200, str(len(get.body)))
        assert (put.status, put.headers["allow"], put.ends) == (405, "GET, HEAD, POST", False)
        assert (await talk.answer()).body == get.body
        refused = await talk.ask(head("PUT", 1000) + form())
        assert (refused.status, refused.ends) == (405, True)


@virtual
async def test_a_body_may_come_in_any_pieces() -> None:
    async with Receiver() as receiver, aiohttp_serving(receiver) as port, talking(port) as talk:
        talk.send(head("POST", None, f"Content-Type: {FORM}", "Transfer-Encoding: chunked"))
        for start in range(0, len(form(7)), 20):
            piece = form(7)[start : start + 20]
            talk.send(b"%x\r\n%b" % (len(piece), piece))
            await asyncio.sleep(0.001)
            talk.send(b"\r\n")
        assert (await talk.ask(b"0\r\n\r\n")).status == 200
        assert await taken(receiver) == f"R_{7:015}"
        assert (await talk.ask(post(form(8)))).status == 200


@virtual
async def test_a_closed_receiver_asks_for_the_delivery_again() -> None:
    receiver = Receiver()
    async with aiohttp_serving(receiver) as port, talking(port) as talk:
        answer = await talk.ask(post(form()))
        assert (answer.status, answer.headers["retry-after"], answer.ends) == (503, "30", False)
        async with receiver:
            assert (await talk.ask(post(form()))).status == 200
        answer = await talk.ask(post(form())[:-5])
        assert (answer.status, answer.ends) == (503, True)
        assert await talk.rest() == b""
    assert receiver.counts.accepted == 1


@both
@virtual
async def test_what_says_that_it_is_too_large_is_refused_before_it_comes(is_bare: bool) -> None:
    async with (
        Receiver(max_size=1000) as receiver,
        aiohttp_serving(receiver, is_bare=is_bare) as port,
        talking(port) as talk,
    ):
        answer = await talk.ask(head("POST", 1001))
        assert (answer.status, answer.body, answer.ends) == (413, b"refused: DeliveryTooLarge", True)
        assert loop().time() < 0.1
        assert await talk.rest() == b""
        assert loop().time() == pytest.approx(LINGERING, abs=0.1)


@virtual
async def test_the_size_itself_is_not_too_large() -> None:
    most = len(form())
    async with Receiver(max_size=most) as receiver, aiohttp_serving(receiver) as port, talking(port) as talk:
        assert (await talk.ask(post(form()))).status == 200
        assert (await talk.ask(post(form() + b"&"))).status == 413


@virtual
async def test_what_grows_too_large_is_refused_when_it_is() -> None:
    async with Receiver(max_size=1000) as receiver, aiohttp_serving(receiver) as port, talking(port) as talk:
        talk.send(head("POST", None, f"Content-Type: {FORM}", "Transfer-Encoding: chunked"))
        talk.send(b"3e8\r\n" + b"a" * 1000 + b"\r\n")
        await asyncio.sleep(1)
        assert not receiver.counts.refused
        answer = await talk.ask(b"1\r\na\r\n")
        assert (answer.status, answer.ends) == (413, True)
        assert loop().time() < 1.1
        talk.send(b"0\r\n\r\n" + post(form()))  # by a client that cannot know yet
        assert await talk.rest() == b""
        assert receiver.counts.accepted == 0


@virtual
async def test_a_client_that_sends_all_of_it_reads_the_refusal() -> None:
    async with Receiver() as receiver, aiohttp_serving(receiver) as port, aiohttp.ClientSession() as session:
        for number, size in enumerate((200_000, 4_000_000)):
            url, headers = f"http://127.0.0.1:{port}/qualtrics", {"Content-Type": FORM}
            async with session.post(url, data=io.BytesIO(bytes(size)), headers=headers) as answer:
                assert answer.status == 413
            async with session.post(url, data=form(number), headers=headers) as answer:
                assert answer.status == 200
        assert loop().time() < LINGERING


@virtual
async def test_what_comes_too_slowly_is_given_up() -> None:
    async with Receiver(deadline=5) as receiver, aiohttp_serving(receiver) as port, talking(port) as talk:
        answer = await talk.ask(post(form())[:-1])
        assert (answer.status, answer.ends) == (408, True)
        assert loop().time() == pytest.approx(5, abs=0.1)
        assert await talk.rest() == b""
        assert loop().time() == pytest.approx(5 + LINGERING, abs=0.1)
        assert receiver.counts.accepted == 0


@virtual
async def test_a_client_that_hangs_up_makes_no_noise(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with Receiver(shared_key=KEY) as receiver, aiohttp_serving(receiver) as port:
        for body in (post(form())[:-5], head("POST", None, "Transfer-Encoding: chunked") + b"5\r\nab"):
            async with talking(port) as talk:
                talk.send(body)
                await asyncio.sleep(0.1)
        await asyncio.sleep(0.1)
        assert not [task for task in asyncio.all_tasks() if "_handle_request" in repr(task)]
        assert loop().time() < 1
    assert receiver.counts == webhooks.Counts()
    assert [record.message for record in caplog.records if record.name != "aiohttp.access"] == []


@virtual
async def test_a_client_that_is_gone_before_the_handler_begins_makes_none(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """All of its delivery has come; a middleware took its time."""
    async with Receiver(shared_key=KEY) as receiver:
        handle = webhooks.aiohttp_handler(receiver)

        async def late(request: web.BaseRequest) -> web.StreamResponse:
            await asyncio.sleep(1)
            return await handle(request)

        runner = web.ServerRunner(web.Server(late))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with talking(runner.addresses[0][1]) as talk:
            talk.send(post(form()))
            await asyncio.sleep(0.1)
        await asyncio.sleep(2)
        await runner.cleanup()
        assert receiver.counts == webhooks.Counts()
    assert [record.message for record in caplog.records if record.name != "aiohttp.access"] == []


@virtual
async def test_a_refused_client_that_hangs_up_makes_no_noise_either(caplog: pytest.LogCaptureFixture) -> None:
    async with Receiver() as receiver, aiohttp_serving(receiver) as port:
        async with talking(port) as talk:
            assert (await talk.ask(head("POST", 1_000_000))).status == 413
        await asyncio.sleep(0.1)
        assert not [task for task in asyncio.all_tasks() if "_handle_request" in repr(task)]
    assert {record.name for record in caplog.records} == {"qualtrics_async"}
    assert loop().time() < 1


@both
@virtual
async def test_a_compressed_delivery_is_refused_and_not_unpacked(is_bare: bool) -> None:
    packed = gzip.compress(bytes(10_000_000), 1)
    async with Receiver() as receiver, aiohttp_serving(receiver, is_bare=is_bare) as port:
        for encoding in (["gzip"], ["identity", "gzip"], ["deflate"]):
            more = [f"Content-Encoding: {name}" for name in encoding]
            async with talking(port) as talk:
                answer = await talk.ask(head("POST", len(packed), *more) + packed[:1000])
                assert (answer.status, answer.ends) == (415, True)
                assert await talk.rest() == b""
        assert loop().time() < 0.1  # nothing was waited for, and so nothing more unpacked
        async with talking(port) as talk:
            assert (await talk.ask(post(form(), "Content-Encoding: identity"))).status == 200
            assert (await talk.ask(post(gzip.compress(form()), "Content-Encoding: gzip"))).status == 415


@virtual
async def test_what_only_says_that_it_is_compressed_makes_no_noise(caplog: pytest.LogCaptureFixture) -> None:
    async with Receiver() as receiver, aiohttp_serving(receiver) as port, talking(port) as talk:
        assert (await talk.ask(post(form(), "Content-Encoding: gzip"))).status == 415
        assert await talk.rest() == b""
    assert {record.name for record in caplog.records} == {"qualtrics_async"}


@pytest.mark.parametrize("parser", [HttpRequestParser, HttpRequestParserPy], ids=["compiled", "pure"])
def test_a_body_that_is_no_http_becomes_no_event(
    parser: object, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("aiohttp.web_protocol.HttpRequestParser", parser)

    async def send() -> None:
        async with Receiver(deadline=5) as receiver, aiohttp_serving(receiver) as port, talking(port) as talk:
            talk.send(head("POST", None, f"Content-Type: {FORM}", "Transfer-Encoding: chunked"))
            talk.send(b"%x\r\n%b\r\n" % (len(form()), form()))
            await asyncio.sleep(1)
            answer = await talk.ask(b"no number\r\n")
            # The compiled parser does not tell, so that the rest seems to be late.
            assert (answer.status, answer.ends) == (400 if parser is HttpRequestParserPy else 408, True)
            await talk.rest()
            assert receiver.counts.accepted == 0

    run(send())
    assert "Unhandled exception" not in caplog.text


@both
@virtual
async def test_a_client_that_waits_to_be_asked_is_asked_once(is_bare: bool) -> None:
    async with (
        Receiver() as receiver,
        aiohttp_serving(receiver, is_bare=is_bare) as port,
        talking(port) as talk,
    ):
        expecting = head("POST", len(form()), "Expect: 100-continue")
        assert (await talk.ask(expecting)).status == 100
        assert (await talk.ask(form())).status == 200
        assert (await talk.ask(post(form()))).status == 200


@virtual
async def test_a_server_asks_nobody_for_what_it_refuses() -> None:
    """An application always asks, before any handler sees the request."""
    most = len(form())
    async with Receiver(max_size=most) as receiver, aiohttp_serving(receiver, is_bare=True) as port:
        async with talking(port) as talk:
            assert (await talk.ask(head("POST", most + 1, "Expect: 100-continue"))).status == 413
        async with talking(port) as talk:
            old = head("POST", most, "Expect: 100-continue").replace(b"HTTP/1.1", b"HTTP/1.0")
            assert (await talk.ask(old + form())).status == 200  # HTTP/1.0 knows no asking


@virtual
async def test_an_error_is_answered_after_asking_too(caplog: pytest.LogCaptureFixture) -> None:
    class Failing(Receiver):
        async def answer(self, method: str, body: bytes | AsyncIterable[bytes], **_: Any) -> Answer:
            assert not isinstance(body, bytes)
            assert [piece async for piece in body]
            raise ZeroDivisionError

    async with aiohttp_serving(Failing(), is_bare=True) as port, talking(port) as talk:
        assert (await talk.ask(head("POST", 1, "Expect: 100-continue"))).status == 100
        assert (await talk.ask(b"a")).status == 500
    assert "ZeroDivisionError" in caplog.text


def test_only_who_serves_with_aiohttp_imports_its_server() -> None:
    code = (
        "import sys; from qualtrics_async import webhooks; webhooks.aiohttp_handler; webhooks.asgi_app;"
        "print([name for name in ('aiohttp.web', 'starlette') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
