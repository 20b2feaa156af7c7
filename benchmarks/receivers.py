"""Servers that take deliveries, each in a process of its own: `python -m benchmarks.receivers NAME FOLDER`.

One prints its port. A line on its standard input then begins a measurement; a second one, a number, asks for
what was measured as soon as that many deliveries were handled.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl

from aiohttp import web

from benchmarks.process import on_core
from qualtrics_async import webhooks

__all__ = ["ASGI", "BARE", "BARE_ASGI", "DURABLE", "KEY", "MEMORY"]

BARE: Final = "aiohttp.web, request.post() only"
MEMORY: Final = "aiohttp_handler"
DURABLE: Final = "aiohttp_handler, durable inbox"
BARE_ASGI: Final = "uvicorn, an app that parses the form"
ASGI: Final = "asgi_app"

KEY: Final = "a-shared-key-of-the-usual-length"
TICK: Final = 0.001


class Handled:
    """How many deliveries were handled."""

    def __init__(self) -> None:
        self._number = self._wanted = 0
        self._reached = asyncio.Event()

    def reset(self) -> None:
        """Begin with none."""
        self._number = self._wanted = 0

    def count(self) -> None:
        """One more."""
        self._number += 1
        if self._number == self._wanted:
            self._reached.set()

    async def until(self, number: int) -> None:
        """Wait until there were so many."""
        self._reached.clear()
        self._wanted = number
        if self._number < number:
            await self._reached.wait()


async def _consume(receiver: webhooks.Receiver, handled: Handled) -> None:
    async for _ in receiver:
        handled.count()


@asynccontextmanager
async def _receiving(inbox: Path | None, handled: Handled) -> AsyncGenerator[webhooks.Receiver]:
    async with webhooks.Receiver(shared_key=KEY, inbox=inbox) as receiver:
        consumer = asyncio.create_task(_consume(receiver, handled))
        try:
            yield receiver
        finally:
            consumer.cancel()


@asynccontextmanager
async def _aiohttp(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncGenerator[int]:
    app = web.Application()
    app.router.add_route("*", "/hook", handler)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@asynccontextmanager
async def _uvicorn(app: Any) -> AsyncGenerator[int]:
    import uvicorn

    # asyncio sends small pieces at once only where a socket says by itself that it is TCP's.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    listening.listen(1024)
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="error", access_log=False))
    task = asyncio.create_task(server.serve([listening]))
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        await task


def _bare_handler(handled: Handled) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        form = await request.post()
        if "MSG" in form:
            handled.count()
        return web.Response(text="ok")

    return handle


def _bare_app(handled: Handled) -> Callable[[Any, Any, Any], Awaitable[None]]:
    async def app(_: Any, receive: Any, send: Any) -> None:
        body, more = bytearray(), True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        form = dict(parse_qsl(body.decode()))
        if "MSG" in form:
            handled.count()
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"ok"})

    return app


@asynccontextmanager
async def _serving(name: str, folder: Path, handled: Handled) -> AsyncGenerator[int]:
    async with AsyncExitStack() as stack:
        if name == BARE:
            yield await stack.enter_async_context(_aiohttp(_bare_handler(handled)))
        elif name == BARE_ASGI:
            yield await stack.enter_async_context(_uvicorn(_bare_app(handled)))
        else:
            inbox = folder / "events.db" if name == DURABLE else None
            receiver = await stack.enter_async_context(_receiving(inbox, handled))
            if name == ASGI:
                yield await stack.enter_async_context(_uvicorn(webhooks.asgi_app(receiver)))
            else:
                yield await stack.enter_async_context(_aiohttp(webhooks.aiohttp_handler(receiver)))


async def _watch(gaps: list[float]) -> None:
    last = time.perf_counter()
    while True:
        await asyncio.sleep(TICK)
        now = time.perf_counter()
        gaps[0] = max(gaps[0], now - last - TICK)
        last = now


async def _measure(lines: asyncio.StreamReader, handled: Handled) -> dict[str, float]:
    handled.reset()
    gaps = [0.0]
    watch = asyncio.create_task(_watch(gaps))
    began = time.process_time()
    print("ready", flush=True)
    number = int(await lines.readuntil())
    await handled.until(number)
    cpu = time.process_time() - began
    watch.cancel()
    return {"cpu": 1e6 * cpu / number, "stall": 1000 * gaps[0]}


async def _serve(name: str, folder: Path) -> None:
    loop, lines, handled = asyncio.get_running_loop(), asyncio.StreamReader(), Handled()
    pipe, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async with _serving(name, folder, handled) as port:
        print(port, flush=True)
        # The pipe ends with the process that started this one, however that came about.
        with suppress(asyncio.IncompleteReadError):
            while await lines.readuntil():
                print(json.dumps(await _measure(lines, handled)), flush=True)
    pipe.close()


def main() -> None:
    """Serve until the parent is gone."""
    name, folder = sys.argv[1:]
    with on_core(0):
        asyncio.run(_serve(name, Path(folder)))


if __name__ == "__main__":
    main()
