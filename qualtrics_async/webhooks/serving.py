"""The server of one receiver."""

from __future__ import annotations

import asyncio
from ssl import SSLContext
from typing import TYPE_CHECKING, Final

from qualtrics_async.webhooks.aiohttp_server import LINGERING, aiohttp_handler, part
from qualtrics_async.webhooks.receiver import Receiver

if TYPE_CHECKING:
    from aiohttp import web

__all__ = ["OwnServer"]

_SHUTDOWN: Final = LINGERING
"""Seconds that deliveries under way get to be answered when the server closes."""

_IDLE: Final = 75.0
"""Seconds that a connection may take for the head of its next request: longer than proxies keep one open."""

_HANDSHAKE: Final = 10.0
"""Seconds in which TLS has to be agreed on."""

_MOST_CONNECTIONS: Final = 500
"""Half of the sockets that a process can usually open, so that strangers do not take those of the client."""


class OwnServer:
    """Answers requests whose path ends with a name through a receiver, and 404 all others.

    What stands before the name is the affair of whatever proxy is in front.

    A connection on which no head ever comes is ended in time by aiohttp 3.14.5; 3.14.1 and older ones keep it
    until there are too many.
    """

    def __init__(self, receiver: Receiver, name: str) -> None:
        self._handle = aiohttp_handler(receiver)
        self._name = name
        self._is_refusing = False
        self._at_work: set[web.RequestHandler] = set()
        self._sockets: asyncio.Server | None = None
        self._server: web.Server | None = None

    @property
    def port(self) -> int:
        """Where it listens; 0 when it does not."""
        if self._sockets is None or not self._sockets.sockets:
            return 0
        port: int = self._sockets.sockets[0].getsockname()[1]
        return port

    async def start(self, host: str, port: int, ssl: SSLContext | None) -> None:
        """Listen.

        Raises:
            OSError: when the port is taken, or there is no such host.
        """
        from aiohttp import web  # only who serves with it pays for its import

        # Unpacked, little could become much before it is refused.
        self._server = web.Server(
            self._answer,
            access_log=None,
            keepalive_timeout=_IDLE,
            lingering_time=LINGERING,
            auto_decompress=False,
        )
        loop = asyncio.get_running_loop()
        try:
            # Not serving yet: a cancellation in there would find it open with nobody to close it.
            self._sockets = await loop.create_server(
                self._meet,
                host,
                port,
                ssl=ssl,
                ssl_handshake_timeout=_HANDSHAKE if ssl else None,
                start_serving=False,
            )
        except OSError as error:
            raise OSError(
                error.errno, f"cannot listen on {host} port {port}: {error.strerror or error}"
            ) from error
        await self._sockets.start_serving()

    def refuse(self) -> None:
        """Answer deliveries 503 from now on."""
        self._is_refusing = True

    async def close(self) -> None:
        """Stop listening, and let what is under way be answered; can be called again when interrupted."""
        if self._sockets is not None:
            self._sockets.close()
        if self._server is not None:
            await asyncio.sleep(0)  # who was met just before is among the connections then
            self._server.pre_shutdown()
            await self._server.shutdown(_SHUTDOWN)

    def _meet(self) -> asyncio.Protocol:
        """Serve a connection; where there are too many, in place of the first one that asks for nothing."""
        if self._server is None or self._sockets is None or not self._sockets.is_serving():
            return _Refused()
        connections = self._server.connections
        if len(connections) >= _MOST_CONNECTIONS:
            idle = next((one for one in connections if one not in self._at_work), None)
            if idle is None:
                return _Refused()
            idle.force_close()
        return self._server()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self._at_work.add(request.protocol)
        try:
            return await self._answer_or_part(request)
        finally:
            self._at_work.discard(request.protocol)

    async def _answer_or_part(self, request: web.BaseRequest) -> web.StreamResponse:
        from aiohttp import web

        if request.path.rpartition("/")[2] != self._name:
            response = web.Response(status=404, text="not here")
        elif self._is_refusing and request.method == "POST":
            response = web.Response(status=503, text="closing, try again", headers={"Retry-After": "30"})
        else:
            return await self._handle(request)
        await part(request, response)
        return response


class _Refused(asyncio.Protocol):
    """A connection that is one too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hang up."""
        transport.close()
