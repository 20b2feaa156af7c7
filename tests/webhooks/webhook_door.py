"""The public address of a receiver: what comes is handed on, unless the door is shut."""

from __future__ import annotations

import asyncio
from typing import Self

__all__ = ["Door"]


class Door:
    """A proxy on a free port, in front of a port that is set later, as is that of a listener.

    Shut, it closes what is open and every new connection at once: what was under way is not answered.
    """

    def __init__(self) -> None:
        self.leads_to = 0
        self.refused = 0
        self._is_shut = False
        self._visitors: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._enter, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self._send_away()
        await asyncio.gather(*self._visitors, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        """The public URL."""
        host, port = self._server.sockets[0].getsockname()
        return f"http://{host}:{port}"

    def shut(self) -> None:
        """Be unreachable."""
        self._is_shut = True
        self._send_away()

    def open(self) -> None:
        """Be reachable again."""
        self._is_shut = False

    def _send_away(self) -> None:
        for visitor in self._visitors:
            visitor.cancel()

    async def _enter(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._visitors.add(task)
        try:
            if self._is_shut or not self.leads_to:
                self.refused += 1
            else:
                await self._lead(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass  # either end may hang up at any time
        finally:
            self._visitors.discard(task)
            writer.transport.abort()

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self.leads_to)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_hand_on(reader, inner_writer))
                group.create_task(_hand_on(inner_reader, writer))
        except* ConnectionError:
            pass
        finally:
            inner_writer.transport.abort()


async def _hand_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(65_536):
        writer.write(piece)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
