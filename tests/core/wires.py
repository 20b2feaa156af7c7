"""Small servers of raw bytes: what breaks, what closes, what stands in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import TypeAlias

Reader: TypeAlias = asyncio.StreamReader
Writer: TypeAlias = asyncio.StreamWriter
OK = b'{"result":{},"meta":{}}'


def answered(body: bytes = OK, status: str = "200 OK", *more: str) -> bytes:
    """Write an HTTP answer."""
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}", *more]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def head_of(reader: Reader) -> bytes | None:
    """Read a request, its body included; return its head, or None where the connection ended."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                await reader.readexactly(int(line.partition(b":")[2]))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    return head


@asynccontextmanager
async def serving(handle: Callable[[Reader, Writer], Awaitable[None]]) -> AsyncIterator[int]:
    """Listen on a free port; give its number. Nothing of it is left at the end."""
    tasks: set[asyncio.Task[None]] = set()

    async def guarded(reader: Reader, writer: Writer) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            with suppress(ConnectionError, asyncio.CancelledError):
                await handle(reader, writer)
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(guarded, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
        await asyncio.sleep(0)


async def _pipe(reader: Reader, writer: Writer) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    with suppress(ConnectionError, RuntimeError, NotImplementedError):
        writer.close()


async def joined(reader: Reader, writer: Writer, port: int, first: bytes = b"") -> None:
    """Carry bytes both ways between a client and a port."""
    ahead, back = await asyncio.open_connection("127.0.0.1", port)
    back.write(first)
    try:
        await asyncio.gather(_pipe(reader, back), _pipe(ahead, writer))
    finally:
        back.close()


class Proxy:
    """An HTTP proxy to loopback ports; `seen` has the request heads that it got."""

    def __init__(self, password: str | None = None) -> None:
        self.seen: list[bytes] = []
        self._password = password

    async def __call__(self, reader: Reader, writer: Writer) -> None:
        """Serve one connection."""
        head = await reader.readuntil(b"\r\n\r\n")
        self.seen.append(head)
        if self._password is not None and b"proxy-authorization" not in head.lower():
            writer.write(answered(b"", "407 Proxy Authentication Required"))
            await writer.drain()
            return
        method, target, _ = head.split(b" ", 2)
        if method == b"CONNECT":
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await joined(reader, writer, int(target.rpartition(b":")[2]))
            return
        place, _, path = target.removeprefix(b"http://").partition(b"/")
        await joined(reader, writer, int(place.rpartition(b":")[2]), head.replace(target, b"/" + path, 1))
