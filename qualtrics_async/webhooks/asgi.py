"""The receiver as an ASGI application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Self, TypeAlias

from qualtrics_async.errors import DeliveryTooLarge, UsageError
from qualtrics_async.webhooks.receiver import Answer, Receiver

__all__ = ["asgi_app"]

_Message: TypeAlias = MutableMapping[str, Any]
_Receive: TypeAlias = Callable[[], Awaitable[_Message]]
_Send: TypeAlias = Callable[[_Message], Awaitable[None]]


def asgi_app(receiver: Receiver) -> Callable[..., Awaitable[Any]]:
    """Make an ASGI 3 application that takes deliveries, at whatever path it is reached.

    ```python
    app.add_route("/qualtrics", webhooks.asgi_app(receiver))  # FastAPI and Starlette
    ```

    `app.mount()` takes it too, but redirects from `/qualtrics` to `/qualtrics/`: then the subscribed address
    must end in the slash, since whether the service follows redirects is not documented.

    A server that runs it by itself opens and closes the receiver. Inside another application, whose lifespan
    does not reach it, that lifespan has an `async with receiver`.
    """
    # Loosely typed, so that a checker takes it for an application and for an endpoint.
    return _App(receiver)


class _App:
    """An object and no function: Starlette's routes take functions for `request -> response`."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        kind = scope["type"]
        if kind == "http":
            await self._serve(scope, receive, send)
        elif kind == "lifespan":
            await self._live(receive, send)
        elif kind == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1000})  # before it is accepted: a 403
        else:
            raise UsageError(f"not a request: ASGI scope {kind!r:.40}")

    async def _serve(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        headers = _Headers(scope["headers"])
        try:
            answer = await self._receiver.answer(
                scope["method"],
                _Body(receive, headers.length, self._receiver.max_size),
                content_type=headers.first("content-type"),
                content_encoding=headers.all("content-encoding"),
            )
        except _Gone:
            return
        body = answer.text.encode()
        await send(
            {
                "type": "http.response.start",
                "status": answer.status,
                "headers": _written(answer, len(body), str(scope.get("http_version", "1.1"))),
            }
        )
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def _live(self, receive: _Receive, send: _Send) -> None:
        await receive()
        if self._receiver.is_open:
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        try:
            await self._receiver.__aenter__()
        except Exception as error:  # noqa: BLE001  (whatever it is, the server must not begin to serve)
            await send({"type": "lifespan.startup.failed", "message": _told(error)})
            return
        try:
            await send({"type": "lifespan.startup.complete"})
            await receive()
        except BaseException:
            await self._receiver.__aexit__(None, None, None)
            raise
        try:
            await self._receiver.__aexit__(None, None, None)
        except Exception as error:  # noqa: BLE001  (the server reports it)
            await send({"type": "lifespan.shutdown.failed", "message": _told(error)})
        else:
            await send({"type": "lifespan.shutdown.complete"})


def _told(error: Exception) -> str:
    return f"the receiver of events: {type(error).__name__}: {error}"


def _written(answer: Answer, length: int, version: str) -> list[tuple[bytes, bytes]]:
    told = {"content-type": "text/plain; charset=utf-8", "content-length": str(length)}
    told |= {name.lower(): value for name, value in answer.headers.items()}
    if answer.status == 408 and version.startswith("1"):  # noqa: PLR2004  (HTTP/2 has no such header)
        told["connection"] = "close"
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in told.items()]


class _Headers:
    """What a request says about its body."""

    def __init__(self, pairs: Iterable[tuple[bytes, bytes]]) -> None:
        self._pairs = [(name.lower(), value.decode("latin-1")) for name, value in pairs]

    def first(self, name: str) -> str | None:
        """One header."""
        return next((value for found, value in self._pairs if found == name.encode()), None)

    def all(self, name: str) -> str | None:
        """A header that may be split into several."""
        return ", ".join(value for found, value in self._pairs if found == name.encode()) or None

    @property
    def length(self) -> int | None:
        """The length of the body, where it is told."""
        told = self.first("content-length") or ""
        return int(told[:20]) if told.isascii() and told.isdigit() else None


class _Gone(Exception):
    """The client hung up while it was sending."""


class _Body:
    """The body of a request, in pieces; one that says that it is too large is not read."""

    def __init__(self, receive: _Receive, length: int | None, max_size: int) -> None:
        self._receive = receive
        self._length = length
        self._max_size = max_size
        self._has_more = True

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self._length is not None and self._length > self._max_size:
            raise DeliveryTooLarge(f"a delivery of {self._length} bytes, of at most {self._max_size}")
        if not self._has_more:
            raise StopAsyncIteration
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise _Gone
        self._has_more = bool(message.get("more_body", False))
        piece: bytes = message.get("body", b"")
        return piece
