"""The edge to the network: every exception is ours, nothing is resent unseen, TLS and proxies go through."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import aiohttp
import aiohttp.client_exceptions
import aiohttp.http_exceptions
import pytest
from certificates import CLIENT, SERVER
from multidict import CIMultiDict, CIMultiDictProxy
from talking import arrivals, assert_idle, client_of, subscribe, talking
from virtual import loop, virtual
from wires import OK, Reader, Writer, answered, head_of, joined, serving
from yarl import URL

from qualtrics_async import (
    ConfigError,
    ConnectFailed,
    DecodeError,
    Limits,
    OutcomeUnknown,
    Qualtrics,
    QualtricsError,
    RetryPolicy,
    SessionPool,
    TransportError,
    UsageError,
)
from qualtrics_async._core.pool import _TRANSPORT_ERRORS, StaleDeparture, translate
from qualtrics_async._core.request import GET, Request
from qualtrics_async.sandbox import Sandbox

WHOAMI = "GET /whoami"
READ: Request[Any] = Request(GET("/things"), dict)
NEVER = RetryPolicy(retries=0)


def of_port(port: int, **options: Any) -> Qualtrics:
    return Qualtrics(
        **{"token": "t", "base_url": f"http://127.0.0.1:{port}", "retry": RetryPolicy(base=0.01), **options}
    )


def _made(cls: type[BaseException]) -> BaseException:
    info = aiohttp.RequestInfo(URL("http://x"), "GET", CIMultiDictProxy(CIMultiDict()), URL("http://x"))
    key: Any = aiohttp.client_reqrep.ConnectionKey(
        "x", 1, is_ssl=False, ssl=True, proxy=None, proxy_auth=None, proxy_headers_hash=None
    )
    for arguments in (
        (),
        ("x",),
        (key, OSError(1, "x")),
        (info, ()),
        (b"x", 1, 1),
        (b"a", b"b", "x", 1),
        ("x", key, OSError(1, "x")),
    ):
        try:
            made = cls(*arguments)
            str(made)
        except (TypeError, AttributeError):
            continue
        return made
    raise AssertionError(f"no way is known to make {cls}")


CLIENT_ERRORS = sorted(
    {
        value
        for module in (aiohttp, aiohttp.client_exceptions, aiohttp.http_exceptions)
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, Exception)
        and value.__module__.startswith("aiohttp.")
        and not value.__module__.startswith("aiohttp.web")
        and not issubclass(value, Warning)
    },
    key=lambda cls: cls.__name__,
)
UNREACHED = {"WebSocketError", "WSMessageTypeError", "WSServerHandshakeError", "EofStream", "LookupError"}


def test_the_exceptions_were_found() -> None:
    """The search by reflection finds the ones that everybody knows, and more."""
    names = {cls.__name__ for cls in CLIENT_ERRORS}
    assert {"ClientError", "ServerDisconnectedError", "ClientPayloadError", "BadStatusLine"} <= names
    assert len(names) > 25


@pytest.mark.parametrize("left", [True, False])
@pytest.mark.parametrize("cls", [cls for cls in CLIENT_ERRORS if cls.__name__ not in UNREACHED])
def test_every_exception_of_aiohttps_becomes_ours(cls: type[Exception], *, left: bool) -> None:
    """Each class is caught at the edge and translated: after leaving a broken connection, before it none."""
    assert issubclass(cls, _TRANSPORT_ERRORS)
    error = _made(cls)
    failure = translate(error, READ, left=left)
    assert isinstance(failure, TransportError)
    assert isinstance(failure, ConnectFailed) is not left
    assert failure.method == "GET"


@pytest.mark.parametrize(
    "error", [OSError("x"), ConnectionResetError(), TimeoutError(), EOFError(), ValueError("x")]
)
def test_other_exceptions_of_the_network_become_ours_too(error: Exception) -> None:
    """What the operating system and the parser raise is caught as well."""
    assert isinstance(error, _TRANSPORT_ERRORS)
    assert isinstance(translate(error, READ, left=True), TransportError)
    assert type(translate(error, READ, left=False)) is ConnectFailed


def test_a_message_of_the_transports_shows_no_address() -> None:
    """URLs in aiohttp's messages are masked: they hold ids, and a proxy's hold its password."""
    error = aiohttp.InvalidURL("http://user:s3cret@proxy.example.com/x?y=jane@example.com")
    for left in (True, False):
        said = str(translate(error, READ, left=left))
        assert "s3cret" not in said
        assert "example.com" not in said


BROKEN = {
    "nothing": b"",
    "half a status line": b"HTTP/1.1 2",
    "no status line": b"hello there\r\n\r\n",
    "another protocol": b"SSH-2.0-OpenSSH_9.6\r\n",
    "a strange version": b"HTTP/9.9 200 OK\r\n\r\n",
    "a strange status": b"HTTP/1.1 abc OK\r\n\r\n",
    "half a head": b"HTTP/1.1 200 OK\r\nContent-Type: app",
    "a header without a colon": b"HTTP/1.1 200 OK\r\nnonsense\r\n\r\n",
    "a header too long": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
    "a length that is none": b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
    "half a body": b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{}",
    "half a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{}",
    "a bad chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n{}\r\n0\r\n\r\n",
    "no gzip": answered(b"not gzip", "200 OK", "Content-Encoding: gzip"),
    "no deflate": answered(b"not deflate", "200 OK", "Content-Encoding: deflate"),
    "half a gzip": answered(b"\x1f\x8b\x08\x00\x00\x00\x00\x00", "200 OK", "Content-Encoding: gzip"),
    "an unknown encoding": answered(OK, "200 OK", "Content-Encoding: rot13", "Content-Type: text/x"),
    "an upgrade": b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nabc",
}


@pytest.mark.parametrize("name", BROKEN)
@virtual
async def test_a_broken_server_gives_an_error_of_ours(name: str) -> None:
    """Whatever bytes come instead of an answer: reads are repeated and fail as ours, writes are in doubt."""
    seen = []

    async def broken(reader: Reader, writer: Writer) -> None:
        seen.append(await head_of(reader))
        writer.write(BROKEN[name])
        await writer.drain()

    async with serving(broken) as port, of_port(port) as client:
        with pytest.raises(QualtricsError) as failure:
            await client.with_options(retries=1).users.whoami()
        assert isinstance(failure.value, TransportError | DecodeError) or name == "an upgrade"
        assert len(seen) == failure.value.attempts  # type: ignore[attr-defined]  # both classes have it
    seen.clear()
    # A client of its own: no connection is left over that the server may just be closing.
    async with serving(broken) as port, of_port(port) as client:
        with pytest.raises(QualtricsError) as failure:
            await subscribe(client)
        assert isinstance(failure.value, OutcomeUnknown) or name == "an upgrade"
        assert len(seen) == 1
        assert_idle(client)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST"])
@virtual
async def test_nothing_is_resent_behind_our_back(method: str) -> None:
    """A reused connection that turns out closed is told to the engine, which decides by the method."""
    heads: list[bytes | None] = []

    async def closing(reader: Reader, writer: Writer) -> None:
        if len(heads) == 0:
            heads.append(await head_of(reader))
            writer.write(answered())
            await writer.drain()
            heads.append(await head_of(reader))
            return
        heads.append(await head_of(reader))
        writer.write(answered())
        await writer.drain()

    body: dict[str, Any] = {} if method in {"GET", "DELETE"} else {"body": {"a": 1}}
    for retries in (0, 1):
        heads.clear()
        async with serving(closing) as port, of_port(port) as client:
            await client.request("GET", "/first")
            with client.trace() as calls:
                try:
                    await client.with_options(retries=retries).request(method, "/second", **body)
                    error = None
                except TransportError as failure:
                    error = failure
            repeated = retries == 1 and method != "POST"
            assert (error is None) is repeated
            assert calls[0].attempts == (2 if repeated else 1)
            assert len(heads) == (3 if repeated else 2)
            if method == "POST":
                assert isinstance(error, OutcomeUnknown)
            assert_idle(client)


@virtual
async def test_tokens_that_age_while_a_connection_opens_are_void() -> None:
    """A handshake of a second costs the token; the second try takes another and uses that connection."""
    async with Sandbox(ssl=SERVER) as sandbox:

        async def slow(reader: Reader, writer: Writer) -> None:
            await asyncio.sleep(1)
            await joined(reader, writer, int(sandbox.origin.rpartition(":")[2]))

        async with serving(slow) as port, SessionPool(ssl=CLIENT) as pool:
            options = {"base_url": f"https://127.0.0.1:{port}/API/v3", "limits": Limits()}
            async with client_of(sandbox, pool=pool, **options) as client:
                with client.trace() as calls:
                    await asyncio.gather(client.users.whoami(), client.users.whoami())
                assert 1 <= loop().time() < 3
                assert arrivals(sandbox, WHOAMI) == 2
                assert [call.attempts for call in calls] == [1, 1]
                assert client.quota().brand.used > 2
                await subscribe(client)
                assert arrivals(sandbox, "POST /eventsubscriptions") == 1
                assert_idle(client)


@pytest.mark.parametrize("patient", [True, False])
@virtual
async def test_the_second_try_is_patient(*, patient: bool) -> None:
    """A patient departure holds the turnstile while the connection opens, another for a tenth of a second."""
    async with Sandbox(ssl=SERVER) as sandbox:

        async def slow(reader: Reader, writer: Writer) -> None:
            await asyncio.sleep(2)
            await joined(reader, writer, int(sandbox.origin.rpartition(":")[2]))

        async with serving(slow) as port, SessionPool(ssl=CLIENT) as pool:
            wire, throttle = pool.wire(), pool.throttle("brand", Limits.unlimited())
            departure = await throttle.admit(WHOAMI, patient=patient)
            url = f"https://127.0.0.1:{port}/API/v3/whoami"
            sending = asyncio.create_task(wire.exchange(READ, url, None, departure, seconds=9, limit=9999))
            await asyncio.sleep(0.05)
            assert departure.waiting
            await asyncio.sleep(1)
            assert departure.waiting is patient
            assert not departure.left
            if patient:
                assert (await sending).status == 400  # without a credential
            else:
                with pytest.raises(StaleDeparture):
                    await sending
            assert departure.left is patient
            assert len(sandbox.requests) == (1 if patient else 0)
            departure.close()
            await wire.aclose()


@pytest.mark.parametrize(
    "options",
    [
        {"ssl": True},
        {"ssl": False},
        {"ssl": "ca.pem"},
        {"proxy": "x", "trust_env": True},
        {"proxy": "proxy:3128"},
    ],
    ids=repr,
)
def test_a_pool_is_not_made_from_nonsense(options: dict[str, Any]) -> None:
    """`ssl=False` would switch verification off elsewhere; here it is refused."""
    with pytest.raises(ConfigError):
        SessionPool(**options)


@virtual
async def test_accounts_of_one_brand_share_its_quota_and_brands_do_not() -> None:
    """Throttles are kept by brand; without a name each credential is a brand of its own."""
    async with Sandbox() as sandbox, SessionPool() as pool:

        async def used(**options: Any) -> int:
            async with client_of(sandbox, pool=pool, limits=Limits(), **options) as client:
                await client.users.whoami()
                return client.quota().brand.used

        assert [await used(brand="acme"), await used(brand="acme"), await used(brand="other")] == [1, 2, 1]
        assert [await used(), await used()] == [1, 2]
        assert repr(pool) == "<SessionPool open, 3 brands>"
        with pytest.raises(ConfigError, match="same limits"):
            async with client_of(sandbox, pool=pool, brand="acme", limits=Limits(brand_per_minute=5)):
                pass


@virtual
async def test_clients_of_one_pool_share_connections_but_not_credentials() -> None:
    """Each credential goes out with its own client's requests only."""
    heads: list[bytes] = []
    connections = 0

    async def recording(reader: Reader, writer: Writer) -> None:
        nonlocal connections
        connections += 1
        while (head := await head_of(reader)) is not None:
            heads.append(head)
            writer.write(answered())
            await writer.drain()

    async with (
        serving(recording) as port,
        SessionPool() as pool,
        of_port(port, pool=pool, token="one") as one,
        of_port(port, pool=pool, token="two") as two,
    ):
        for client in (one, two, one):
            await client.request("GET", "/x")
    assert connections == 1
    assert [b"X-API-TOKEN: one" in head for head in heads] == [True, False, True]
    assert [b"X-API-TOKEN: two" in head for head in heads] == [False, True, False]


@virtual
async def test_a_pool_that_is_not_open_says_so() -> None:
    """Before entry, after exit, and at a second entry."""
    pool = SessionPool()
    async with Sandbox() as sandbox:
        for _ in range(2):
            with pytest.raises(UsageError, match="pool is not open"):
                await client_of(sandbox, pool=pool).open()
            async with pool:
                with pytest.raises(UsageError, match="already open"):
                    await pool.open()
                async with client_of(sandbox, pool=pool) as client:
                    await client.users.whoami()


def test_a_pool_belongs_to_one_loop() -> None:
    """Used from another loop it refuses, instead of hanging."""
    pool = SessionPool()

    async def elsewhere() -> None:
        with pytest.raises(UsageError, match="another event loop"):
            await Qualtrics(token="t", datacenter="fra1", pool=pool).open()

    runner = asyncio.Runner()
    with runner:
        runner.run(pool.open())
        with asyncio.Runner() as other:
            other.run(elsewhere())
        runner.run(pool.aclose())


@virtual
async def test_a_connection_is_reused_after_what_is_no_breakage() -> None:
    """Errors with a body that was read leave the connection usable."""
    async with talking() as (sandbox, client):
        for status in (400, 404, 429, 503):
            sandbox.faults.add(kind="status", status=status, route=WHOAMI)
            try:
                await client.with_options(retries=0).users.whoami()
            except QualtricsError:
                assert status != 429
        connector: Any = client._pool._connector
        assert sum(map(len, connector._conns.values())) == 1
