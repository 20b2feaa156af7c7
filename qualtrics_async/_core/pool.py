"""`SessionPool`: connections, DNS, TLS and throttles, shared by clients; the only edge to the network."""

from __future__ import annotations

import asyncio
import io
import ssl as _ssl
from collections.abc import AsyncGenerator, Callable, Mapping
from contextvars import ContextVar
from functools import partial
from types import TracebackType
from typing import Any, Final, NamedTuple, Self, TypeAlias
from urllib.request import getproxies, proxy_bypass

import aiohttp
import anyio
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from qualtrics_async._core.alarm import Alarm, Timeout
from qualtrics_async._core.codec import too_large
from qualtrics_async._core.downloads import Download
from qualtrics_async._core.events import scrub
from qualtrics_async._core.limits import Limits
from qualtrics_async._core.request import Request
from qualtrics_async._core.tasks import Grace
from qualtrics_async._core.throttle import Departure, Throttle
from qualtrics_async._core.uploads import OpenUpload
from qualtrics_async.errors import ConfigError, ConnectFailed, TimedOut, TransportError, UsageError

__all__ = ["Response", "SessionPool", "StaleDeparture", "Wire", "WireBody", "WireDownload", "translate"]

STALL: Final = 0.1
"""Seconds that a token may age between its bucket and the wire."""

CONNECT_TIMEOUT: Final = 10.0
_CLOSE_GRACE: Final = 5.0
_WRITTEN_AT_ONCE: Final = 256 * 1024
_USER_AGENT: Final = "qualtrics-async"
_NO_TIMEOUT: Final = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT)

_TRANSPORT_ERRORS: Final = (
    aiohttp.ClientError,
    HttpProcessingError,
    OSError,
    EOFError,
    ValueError,
    AssertionError,
)
"""All that aiohttp raises of its own accord; a timeout is an OSError."""

_departure: ContextVar[Departure | None] = ContextVar("_departure", default=None)


WireBody: TypeAlias = tuple[str, bytes] | OpenUpload | None
"""The body of an attempt: its content type and bytes, or what is read while it is sent."""


class StaleDeparture(Exception):
    """The connection took so long to open that the tokens are void; it is in the pool now, open."""


class _Connector(aiohttp.TCPConnector):
    """Tells a departure when its request goes on the wire, and lets it go there once."""

    def __init__(self, alarm: Alarm, **options: Any) -> None:
        super().__init__(**options)
        self.alarm = alarm

    async def connect(self, req: Any, traces: Any, timeout: Any) -> aiohttp.connector.Connection:
        departure = _departure.get()
        if departure is None:
            return await super().connect(req, traces, timeout)
        if departure.left:
            # aiohttp resends idempotent methods by itself; here every send has passed the throttle.
            raise aiohttp.ServerDisconnectedError("the reused connection was closed by the server")
        if not departure.patient:
            self.alarm.set(departure.let_next, STALL)
        try:
            connection = await super().connect(req, traces, timeout)
        finally:
            self.alarm.unset(departure.let_next)
        if not departure.waiting:
            connection.release()
            raise StaleDeparture
        departure.leave()
        return connection


class _Response(aiohttp.ClientResponse):
    """Goes on waiting for the answer to a write whose caller is cancelled, for as long as its grace lasts."""

    async def start(self, connection: aiohttp.connector.Connection) -> aiohttp.ClientResponse:
        departure = _departure.get()
        if departure is None or departure.grace is None:
            return await super().start(connection)
        return await departure.grace.hold(partial(super().start, connection))


class Response(NamedTuple):
    """What came back: the sans-I/O half takes it from here."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class SessionPool:
    """Connections, DNS, TLS and rate limits, which any number of clients may share.

    ```python
    async with SessionPool() as pool:
        async with Qualtrics(token=..., datacenter="fra1", pool=pool) as client: ...
    ```

    Args:
        ssl: a TLS context, for an own certificate authority or a client certificate; by default the system's
            authorities are trusted and verification is on.
        proxy: the URL of an HTTP proxy for every request; its user and password may be in it.
        trust_env: take the proxy from `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` instead. `~/.netrc` is never
            read: a credential goes where it was given for.
        keepalive: seconds that an idle connection is kept open.

    Raises:
        ConfigError: for `ssl` that is no context, and for `proxy` together with `trust_env`.
    """

    def __init__(
        self,
        *,
        ssl: _ssl.SSLContext | None = None,
        proxy: str | None = None,
        trust_env: bool = False,
        keepalive: float = 15.0,
    ) -> None:
        if ssl is not None and not isinstance(ssl, _ssl.SSLContext):
            raise ConfigError("ssl takes an ssl.SSLContext (for an own authority: load_verify_locations)")
        if proxy is not None and trust_env:
            raise ConfigError("give either proxy or trust_env")
        if proxy is not None and not proxy.startswith(("http://", "https://")):
            raise ConfigError("proxy takes a URL that begins with http:// or https://")
        self._ssl = ssl
        self._proxy_of: Callable[[URL], URL | None] | None = None
        if trust_env:
            self._proxy_of = _environment_proxy
        elif proxy is not None:
            self._proxy_of = partial(_fixed_proxy, URL(proxy))
        self._keepalive = keepalive
        self._connector: _Connector | None = None
        self._throttles: dict[str, Throttle] = {}

    def __repr__(self) -> str:
        state = "closed" if self._connector is None else "open"
        return f"<SessionPool {state}, {len(self._throttles)} brands>"

    async def open(self) -> None:
        """Bind the pool to the running loop; `async with` does it."""
        if self._connector is not None:
            raise UsageError("the pool is already open")
        self._connector = _Connector(
            Alarm(), limit=0, limit_per_host=0, ssl=self._ssl or True, keepalive_timeout=self._keepalive
        )

    async def aclose(self) -> None:
        """Close every connection; clients that still use the pool fail from now on."""
        connector, self._connector = self._connector, None
        self._throttles.clear()
        if connector is not None:
            with anyio.move_on_after(_CLOSE_GRACE, shield=True):
                await connector.close()
            connector.alarm.close()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def wire(self) -> Wire:
        """Open a session of its own over the shared connections; its user closes it."""
        connector = self._connector
        if connector is None:
            raise UsageError("the session pool is not open: use it as `async with SessionPool() as pool`")
        if connector._loop is not asyncio.get_running_loop():  # noqa: SLF001  (there is no public name)
            raise UsageError("the session pool belongs to another event loop")
        session = aiohttp.ClientSession(
            connector=connector,
            connector_owner=False,
            headers={"User-Agent": _USER_AGENT, "Accept": "application/json"},
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=_NO_TIMEOUT,
            response_class=_Response,
        )
        return Wire(session, connector.alarm, self._proxy_of)

    def throttle(self, brand: str, limits: Limits) -> Throttle:
        """Find the throttle of a brand, which all its clients share.

        Raises:
            ConfigError: when another client has given the brand other limits.
        """
        throttle = self._throttles.setdefault(brand, Throttle(limits))
        if throttle.limits != limits:
            raise ConfigError("two clients of one brand share its quota, so they must give the same limits")
        return throttle


class Wire:
    """One credential's way to the network: sends a request once and reads what comes back."""

    __slots__ = ("_alarm", "_headers", "_proxy_of", "_secrets", "_session")

    def __init__(
        self, session: aiohttp.ClientSession, alarm: Alarm, proxy_of: Callable[[URL], URL | None] | None
    ) -> None:
        self._session = session
        self._proxy_of = proxy_of
        self._secrets: tuple[str, ...] = ()
        self._headers: Mapping[str, str] | None = None
        self._alarm = alarm

    def set_header(self, name: str, value: str) -> None:
        """Send another value of a header from now on."""
        self._secrets = (value.rpartition(" ")[2],)
        if self._proxy_of is not None:
            # aiohttp shows a session's own headers to the proxy that it asks for a tunnel.
            self._headers = {name: value}
        else:
            self._session.headers[name] = value

    async def aclose(self) -> None:
        """Close the session; the connections stay with the pool."""
        await self._session.close()

    async def exchange(
        self,
        request: Request[Any],
        url: str,
        body: WireBody,
        departure: Departure,
        *,
        seconds: float,
        limit: int,
        grace: float | None = None,
        until: float | None = None,
    ) -> Response:
        """Send a request and read its answer whole, within `seconds` and up to `limit` bytes.

        An upload has the seconds for each piece that it sends, and the answer has them after the last one;
        `until` is the moment of the loop's clock at which all of it is over.

        With `grace`, what has left is read for so many seconds more when the caller is cancelled: then
        `departure.grace.cancellation` is set, for the caller to raise.

        Raises:
            TransportError: the subclass for what happened; nothing of aiohttp's gets out.
            DecodeError: for a body above the limit.
            StaleDeparture: when nothing was sent because the tokens had aged.
        """
        self._check_open()
        try:
            with self._alarm.timeout(seconds) as allowed:
                if isinstance(body, OpenUpload):
                    body.on_chunk = partial(_renew, allowed, seconds, until)
                if grace:
                    departure.grace = Grace(grace, lambda: departure.left and not allowed.expired)
                response = await self._request(request, url, body, departure)
                data = await _read(request, response, limit, self._hidden(request), departure.grace)
        except _TRANSPORT_ERRORS as error:
            hidden = self._hidden(request)
            raise translate(error, request, left=departure.left, secrets=hidden) from _presentable(error)
        return Response(response.status, response.headers, data)

    async def start(
        self,
        request: Request[Any],
        url: str,
        body: WireBody,
        departure: Departure,
        *,
        seconds: float,
    ) -> WireDownload:
        """Send a request and return the answer as soon as its headers are there; its user closes it."""
        self._check_open()
        try:
            with self._alarm.timeout(seconds):
                response = await self._request(request, url, body, departure)
        except _TRANSPORT_ERRORS as error:
            hidden = self._hidden(request)
            raise translate(error, request, left=departure.left, secrets=hidden) from _presentable(error)
        return WireDownload(request, response, seconds, self._alarm, self._hidden(request))

    def _hidden(self, request: Request[Any]) -> tuple[str, ...]:
        return (*self._secrets, *request.secrets) if request.headers else self._secrets

    def _check_open(self) -> None:
        connector = self._session.connector
        if connector is None or connector.closed:
            raise UsageError("the session pool was closed under the client")

    async def _request(
        self, request: Request[Any], url: str, body: WireBody, departure: Departure
    ) -> aiohttp.ClientResponse:
        target = URL(url, encoded=True)
        headers = self._headers
        if request.headers:
            headers = {**(headers or {}), **dict(request.headers)}
        if isinstance(body, OpenUpload):
            headers = {**(headers or {}), "Content-Length": str(body.length)}
        token = _departure.set(departure)
        try:
            return await self._session.request(
                request.route.method,
                target,
                data=_payload(body),
                headers=headers,
                allow_redirects=False,
                proxy=None if self._proxy_of is None else self._proxy_of(target),
            )
        finally:
            _departure.reset(token)


def _renew(allowed: Timeout, seconds: float, until: float | None) -> None:
    rest = seconds if until is None else min(seconds, until - asyncio.get_running_loop().time())
    allowed.renew(rest)


def _fixed_proxy(proxy: URL, _: URL) -> URL:
    return proxy


def _environment_proxy(url: URL) -> URL | None:
    # aiohttp would look on a thread for each request, and ask ~/.netrc as well.
    found = getproxies().get(url.scheme)
    return None if found is None or proxy_bypass(url.host or "") else URL(found)


def _payload(body: WireBody) -> aiohttp.Payload | None:
    """Wrap a body; a large one is written piece by piece, so that it does not hold the loop."""
    if body is None:
        return None
    if isinstance(body, OpenUpload):
        return aiohttp.AsyncIterablePayload(body, content_type=body.content_type)
    content_type, data = body
    if len(data) > _WRITTEN_AT_ONCE:
        return aiohttp.BytesIOPayload(io.BytesIO(data), content_type=content_type)
    return aiohttp.BytesPayload(data, content_type=content_type)


class WireDownload(Download):
    """A download over a session; its user closes it."""

    __slots__ = ("_alarm", "_request", "_response", "_seconds", "_secrets")

    def __init__(
        self,
        request: Request[Any],
        response: aiohttp.ClientResponse,
        seconds: float,
        alarm: Alarm,
        secrets: tuple[str, ...],
    ) -> None:
        super().__init__(response.status, response.headers)
        self._secrets = secrets
        self._alarm = alarm
        self._request = request
        self._response = response
        self._seconds = seconds

    def __repr__(self) -> str:
        return f"<Download {self._request.route.key} {self.status}>"

    async def chunks(self) -> AsyncGenerator[bytes]:
        """Yield the body as it arrives."""
        self._begin()
        content = self._response.content
        while True:
            try:
                with self._alarm.timeout(self._seconds):
                    chunk = await content.readany()
            except _TRANSPORT_ERRORS as error:
                raise self._failure(error) from _presentable(error)
            if not chunk:
                return
            yield chunk

    async def read(self, limit: int) -> bytes:
        """Read the whole body, up to `limit` bytes."""
        self._begin()
        try:
            with self._alarm.timeout(self._seconds):
                return await _read(self._request, self._response, limit, self._secrets)
        except _TRANSPORT_ERRORS as error:
            raise self._failure(error) from _presentable(error)

    def _failure(self, error: BaseException) -> TransportError:
        return translate(error, self._request, left=True, secrets=self._secrets)

    def close(self) -> None:
        """Let go of the connection: kept if the body was read to its end, else closed."""
        self._begun = True
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()


async def _read(
    request: Request[Any],
    response: aiohttp.ClientResponse,
    limit: int,
    secrets: tuple[str, ...],
    grace: Grace | None = None,
) -> bytes:
    announced = response.content_length
    excess = announced is not None and announced > limit
    read, data = response.content.readany, bytearray()
    try:
        while not excess and (chunk := await (read() if grace is None else grace.hold(read))):
            data += chunk
            excess = len(data) > limit
    except BaseException:
        response.close()  # what was not read to its end cannot carry another answer
        raise
    if excess:
        response.close()
        raise too_large(request, response.status, limit, bytes(data[:1024]), secrets)
    response.release()
    return bytes(data)


def _presentable(error: BaseException) -> BaseException | None:
    """Return the error as the cause of ours, unless it holds the request, whose headers are secret."""
    return None if isinstance(error, aiohttp.ClientResponseError) else error


def is_permanent(error: BaseException) -> bool:
    """Whether a connection cannot come about however often it is tried."""
    return isinstance(
        error, aiohttp.ClientConnectorCertificateError | aiohttp.InvalidURL | _ssl.SSLCertVerificationError
    )


def translate(
    error: BaseException, request: Request[Any], *, left: bool, secrets: tuple[str, ...] = ()
) -> TransportError:
    """Turn whatever the transport raised into the right error; `left`: the request went on the wire."""
    route = request.route
    # A head that is no HTTP is quoted by aiohttp, whatever it echoes.
    said = scrub(str(error), secrets) or type(error).__name__
    if not left:
        failure = ConnectFailed(
            f"{route.key}: no connection: {said}", method=route.method, template=route.template
        )
        failure.permanent = is_permanent(error)
        return failure
    if isinstance(error, TimeoutError):
        return TimedOut(f"{route.key}: no answer in time", method=route.method, template=route.template)
    return TransportError(
        f"{route.key}: the connection broke: {said}", method=route.method, template=route.template
    )
