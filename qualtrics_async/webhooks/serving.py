"""The server of one receiver."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from ssl import SSLContext
from typing import TYPE_CHECKING, Final

from qualtrics_async.webhooks.aiohttp_server import aiohttp_handler
from qualtrics_async.webhooks.receiver import Receiver

if TYPE_CHECKING:
    from aiohttp import web

__all__ = ["OwnServer"]

_SHUTDOWN: Final = 2.0
"""Seconds that deliveries under way get to be answered when the server closes."""

_LINGERING: Final = 1.0
"""Seconds in which a sender that was answered early may go on sending, also when the server is closed."""

_MOST: Final = 65_536
_PATIENCE: Final = 5.0
"""Bytes and seconds in which what is answered 404 or 503 is read."""


class OwnServer:
    """Answers requests whose path ends with a name through a receiver, and 404 all others.

    What stands before the name is the affair of whatever proxy is in front.
    """

    def __init__(self, receiver: Receiver, name: str) -> None:
        self._handle = aiohttp_handler(receiver)
        self._name = name
        self._is_refusing = False
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

        self._server = web.Server(self._answer, access_log=None, lingering_time=_LINGERING)
        loop = asyncio.get_running_loop()
        try:
            # Not serving yet: a cancellation in there would find it open with nobody to close it.
            self._sockets = await loop.create_server(self._server, host, port, ssl=ssl, start_serving=False)
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
            await asyncio.sleep(0)  # what has just arrived is begun
            self._server.pre_shutdown()
            await self._server.shutdown(_SHUTDOWN)
            self._server = None

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        from aiohttp import web

        if request.path.rpartition("/")[2] != self._name:
            response = web.Response(status=404, text="not here")
        elif self._is_refusing and request.method == "POST":
            response = web.Response(status=503, text="closing, try again", headers={"Retry-After": "30"})
        else:
            return await self._handle(request)
        await _read_off(request)
        response.force_close()
        return response


async def _read_off(request: web.BaseRequest) -> None:
    """Read what a sender sends, so that it is there for the answer; not what waits to be asked for it."""
    from aiohttp import web

    if request.headers.keys() & {"Expect", "Content-Encoding"}:
        return
    left = _MOST
    with suppress(ConnectionError, TimeoutError, web.RequestPayloadError):
        async with asyncio.timeout(_PATIENCE):
            while left > 0 and (piece := await request.content.readany()):
                left -= len(piece)
