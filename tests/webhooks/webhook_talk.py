"""Deliveries as bytes, and a client of raw bytes that sends them."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from aiohttp import web

from qualtrics_async import webhooks

FORM = "application/x-www-form-urlencoded"
KEY = "a shared key"
SURVEY = "SV_0aB1cD2eF3gH4iJ"


def form(number: int = 1) -> bytes:
    """Write a delivery that is not signed; each number is a response of its own."""
    return (
        f"Topic=examplebrand.surveyengine.completedResponse.{SURVEY}&Status=Complete"
        f"&SurveyID={SURVEY}&ResponseID=R_{number:015}"
        "&CompletedDate=2026-05-02+08%3A03%3A20&BrandID=examplebrand"
    ).encode()


def signed(response: int | str = 1, survey_id: str = SURVEY, key: str = KEY) -> bytes:
    """Write a delivery that is signed."""
    pairs = [
        ("Status", "Complete"),
        ("SurveyID", survey_id),
        ("ResponseID", response if isinstance(response, str) else f"R_{response:015}"),
        ("CompletedDate", "2026-05-02"),
    ]
    message = "{" + ", ".join(f'"{name}": "{value}"' for name, value in pairs) + "}"
    code = hmac.new(key.encode(), message.encode(), hashlib.sha512).hexdigest()
    written = message.replace('"', "%22").replace(" ", "+").replace("{", "%7B").replace("}", "%7D")
    topic = f"examplebrand.surveyengine.completedResponse.{survey_id}"
    return f"Topic={topic}&MSG={written}&HMAC={code}".encode()


def head(method: str, length: int | None = None, *more: str, path: str = "/qualtrics") -> bytes:
    """Write the head of a request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: example.com", *more]
    if length is not None:
        lines += [f"Content-Type: {FORM}", f"Content-Length: {length}"]
    return "\r\n".join([*lines, "", ""]).encode()


def post(body: bytes, *more: str, path: str = "/qualtrics") -> bytes:
    """Write a whole delivery."""
    return head("POST", len(body), *more, path=path) + body


class Answered(NamedTuple):
    """An answer as it was read; names of headers in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def ends(self) -> bool:
        """Whether the server says that it closes the connection."""
        return self.headers.get("connection", "").lower() == "close"


class Talk:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        """Send without waiting."""
        self.writer.write(data)

    async def answer(self, *, is_head: bool = False) -> Answered:
        """Read one answer."""
        first, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {}
        for line in lines[:-2]:
            name, _, value = line.partition(":")
            assert name.lower() not in headers, f"twice: {name}"
            headers[name.lower()] = value.strip()
        length = 0 if is_head else int(headers.get("content-length", "0"))
        return Answered(int(first.split(" ")[1]), headers, await self.reader.readexactly(length))

    async def ask(self, data: bytes) -> Answered:
        """Send a request and read its answer."""
        self.send(data)
        return await self.answer()

    async def rest(self) -> bytes:
        """Read until the server hangs up; a reset is one way to do that."""
        try:
            return await self.reader.read()
        except ConnectionError:
            return b""


@asynccontextmanager
async def talking(port: int) -> AsyncIterator[Talk]:
    """Connect to a server on this machine."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Talk(reader, writer)
    finally:
        writer.transport.abort()
        await asyncio.sleep(0)


@asynccontextmanager
async def aiohttp_serving(receiver: webhooks.Receiver, *, is_bare: bool = False) -> AsyncIterator[int]:
    """Serve a receiver with an application, or with the low-level server alone; give the port."""
    handler = webhooks.aiohttp_handler(receiver)
    runner: web.BaseRunner
    if is_bare:
        runner = web.ServerRunner(web.Server(handler))
    else:
        app = web.Application(client_max_size=10)  # which must not matter
        app.router.add_route("*", "/qualtrics", handler)
        runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
