"""The receiver behind `aiohttp.web`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Self

from qualtrics_async.errors import DeliveryTooLarge
from qualtrics_async.webhooks.receiver import Receiver

if TYPE_CHECKING:
    from aiohttp import web

__all__ = ["LINGERING", "aiohttp_handler", "part"]

LINGERING: Final = 2.0
"""Seconds in which the rest of a body is dropped: hanging up at once could take the answer with it."""


def aiohttp_handler(receiver: Receiver) -> Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]:
    """Make the handler that takes deliveries, for an application or for the low-level `web.Server`.

    ```python
    app.router.add_route("*", "/qualtrics", webhooks.aiohttp_handler(receiver))
    ```

    The receiver's `max_size` holds, not the `client_max_size` of the application. A request that is answered
    before its body has come in ends its connection.
    """
    from aiohttp import web  # only who serves with it pays for its import

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        encodings = request.headers.getall("Content-Encoding", ())
        content = request.content
        if not encodings and content.is_eof() and content.exception() is None:
            body: bytes | _Body = content.read_nowait()  # as nearly always
        else:
            body = _Body(request, receiver.max_size, asks=not isinstance(request, web.Request))
        try:
            answer = await receiver.answer(
                request.method,
                body,
                content_type=request.headers.get("Content-Type"),
                content_encoding=", ".join(encodings) or None,
            )
        except _Broken:
            response = web.Response(status=400)  # mostly to nobody, but the access log has it
            await part(request, response)
            return response
        response = web.Response(status=answer.status, text=answer.text, headers=answer.headers)
        if not content.at_eof():
            await part(request, response)
        return response

    return handle


async def part(request: web.BaseRequest, response: web.Response) -> None:
    """Answer, before the body has come if need be, and hang up; aiohttp's own way misses who is gone."""
    response.force_close()
    with suppress(ConnectionError):
        await response.prepare(request)
        await response.write_eof()
    if "Content-Encoding" not in request.headers:  # aiohttp would unpack what is read
        with suppress(Exception):  # whatever ends the reading
            async with asyncio.timeout(LINGERING):
                while await request.content.readany():
                    pass
    request.protocol.force_close()


class _Broken(Exception):
    """The client hung up while it was sending, or what it sends is no HTTP."""


class _Body:
    """The body of a request, in pieces; one that says that it is too large is not read."""

    def __init__(self, request: web.BaseRequest, max_size: int, *, asks: bool) -> None:
        self._request = request
        self._max_size = max_size
        self._asks = asks

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        request = self._request
        length = request.content_length
        if length is not None and length > self._max_size:
            raise DeliveryTooLarge(f"a delivery of {length} bytes, of at most {self._max_size}")
        try:
            if self._asks:
                self._asks = False
                await _ask(request)
            piece = await request.content.readany()
        except Exception as error:
            # By parser and moment: errors of the connection, of the payload, of HTTP.
            raise _Broken from error
        if not piece:
            raise StopAsyncIteration
        return piece


async def _ask(request: web.BaseRequest) -> None:
    """Send what a client waits for that said `Expect: 100-continue`; an application did that already."""
    if request.version >= (1, 1) and request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0
