"""Files at addresses that the service names: read without the credential, and their token leaves no trace."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sending import value_of
from talking import assert_idle, client_of
from test_secrets import shown
from virtual import virtual
from wires import OK, Proxy, Reader, Writer, answered, head_of, serving

from qualtrics_async import (
    CursorRefused,
    Download,
    Event,
    Limits,
    Qualtrics,
    QualtricsError,
    SessionPool,
    TransportError,
    UnexpectedStatus,
    UsageError,
)
from qualtrics_async._core.address import Elsewhere
from qualtrics_async._core.request import GET, Request
from qualtrics_async.sandbox import Sandbox

JWT = "eyJhbGciOiJub25lIn0.one-time-token.c2lnbmF0dXJl"
SIGNATURE = "signature-in-the-address"
FILE = b"what is in the file"


def request_of(url: str, header: str = "X-JWT", value: str = JWT) -> Request[Any]:
    """Read the file of an export at a URL, as `Resource._fetch` does."""
    route = GET("/exports/{exportId}", "E_1")
    return Request(route, bytes, url=url, headers=(("Accept", "*/*"), (header, value)))


def url_of(port: int, host: str = "127.0.0.1") -> str:
    return f"http://{host}:{port}/files/1?signature={SIGNATURE}"


class Elsewheres:
    """Answers every request with the same bytes; `heads` has what it was asked."""

    def __init__(self, answer: bytes = answered(FILE)) -> None:
        self.heads: list[bytes] = []
        self._answer = answer

    async def __call__(self, reader: Reader, writer: Writer) -> None:
        """Serve one connection."""
        while head := await head_of(reader):
            self.heads.append(head)
            writer.write(self._answer)
            await writer.drain()
            if not self._answer:
                return


@asynccontextmanager
async def both(*, oauth: bool = False, **options: Any) -> AsyncIterator[tuple[Sandbox, Qualtrics]]:
    """A sandbox and a client whose credential has been used."""
    async with Sandbox() as sandbox:
        if oauth:
            options |= {
                "token": None,
                "client_id": sandbox.client_id,
                "client_secret": sandbox.client_secret,
                "scopes": ["read:users"],
            }
        async with client_of(sandbox, **options) as client:
            await client.users.whoami()
            yield sandbox, client


async def fetch(client: Qualtrics, request: Request[Any]) -> bytes:
    async with client.download(request, elsewhere=True) as file:
        return await file.read(1000)


def private(sandbox: Sandbox, client: Qualtrics) -> set[str]:
    """All that is secret about a client."""
    return {sandbox.token, sandbox.client_secret, *client._engine._credential.secrets}


@pytest.mark.parametrize("oauth", [False, True], ids=["token", "oauth"])
@virtual
async def test_the_credential_stays_at_home(*, oauth: bool) -> None:
    """The other server gets the one-time token and no header of the client's own."""
    other = Elsewheres()
    async with both(oauth=oauth) as (sandbox, client), serving(other) as port:
        assert await fetch(client, request_of(url_of(port))) == FILE
        assert await fetch(client.with_options(deadline=5), request_of(url_of(port))) == FILE
        secrets = private(sandbox, client)
        assert_idle(client)
        await client.users.whoami()  # which still has its credential
    assert len(other.heads) == 2
    for head in other.heads:
        assert head.startswith(f"GET /files/1?signature={SIGNATURE} HTTP/1.1\r\n".encode())
        assert value_of(head, b"x-jwt") == JWT.encode()
        assert value_of(head, b"accept") == b"*/*"
        names = {line.partition(b":")[0].lower() for line in head.split(b"\r\n")[1:] if line}
        assert names <= {b"host", b"user-agent", b"accept", b"accept-encoding", b"x-jwt"}
        assert not any(secret.encode() in head for secret in secrets if secret)


@virtual
async def test_a_proxy_does_not_see_the_credential_either() -> None:
    """It sees what the other server sees."""
    other, proxy = Elsewheres(), Proxy()
    async with (
        serving(other) as port,
        serving(proxy) as gate,
        SessionPool(proxy=f"http://127.0.0.1:{gate}") as pool,
        both(pool=pool) as (sandbox, client),
    ):
        assert await fetch(client, request_of(url_of(port))) == FILE
        assert sandbox.token.encode() in proxy.seen[0]
        assert sandbox.token.encode() not in proxy.seen[-1]
        assert JWT.encode() in proxy.seen[-1]
    assert len(other.heads) == 1


@virtual
async def test_even_the_own_origin_gets_no_credential() -> None:
    """Where the file is decides nothing: the request says that it carries none."""
    async with both() as (sandbox, client):
        with pytest.raises(QualtricsError) as refusal:
            await fetch(client, request_of(f"{sandbox.base_url}/whoami"))
        assert getattr(refusal.value, "error_code", None) == "ATP_2"


@virtual
async def test_a_file_elsewhere_counts_for_no_limit() -> None:
    """It is another service's request."""
    limits = Limits(brand_per_minute=3000, max_in_flight=1)
    async with both(limits=limits) as (_, client), serving(Elsewheres()) as port:
        used = client.quota().brand.used
        async with client.download(request_of(url_of(port)), elsewhere=True) as file:
            await client.users.whoami()  # the only slot is free
            assert await file.read(1000) == FILE
        assert client.quota().brand.used == used + 1


@virtual
async def test_clients_of_one_pool_may_be_of_any_brand() -> None:
    """Whatever a brand is called, its limits are not those of files elsewhere."""
    async with SessionPool() as pool, serving(Elsewheres()) as port:
        for brand in ("elsewhere", "nobody", None):
            async with both(pool=pool, brand=brand, limits=Limits(brand_per_minute=3000)) as (_, client):
                assert await fetch(client, request_of(url_of(port))) == FILE


@virtual
async def test_a_file_elsewhere_is_traced_and_told() -> None:
    """Under the operation that named it, once for a client; what else the client does is not mixed up."""
    events: list[Event] = []
    async with both(hooks=[events.append]) as (_, client), serving(Elsewheres()) as port:
        events.clear()
        with client.trace() as calls, client.trace() as inner:
            await fetch(client, request_of(url_of(port)))
        await fetch(client, request_of(url_of(port)))
    assert [(call.template, call.status) for call in calls] == [("/exports/{exportId}", 200)]
    assert inner == calls
    assert [getattr(event, "template", None) for event in events] == ["/exports/{exportId}"] * 2


@virtual
async def test_a_redirect_is_not_followed() -> None:
    """Neither to another server nor within the same: the one-time token goes where it was given for."""
    third = Elsewheres()
    async with serving(third) as target:
        moved = Elsewheres(answered(b"", "302 Found", f"Location: http://127.0.0.1:{target}/"))
        async with both() as (_, client), serving(moved) as port:
            with pytest.raises(UnexpectedStatus):
                await fetch(client, request_of(url_of(port)))
    assert len(moved.heads) == 1
    assert third.heads == []


@virtual
async def test_a_fault_elsewhere_is_repeated_and_saved_whole(tmp_path: Path) -> None:
    """A read is repeated as any other; the download is the same thing as everywhere."""
    answers = [b"", answered(OK, "503 Service Unavailable"), answered(FILE)]

    async def handle(reader: Reader, writer: Writer) -> None:
        await head_of(reader)
        writer.write(answers.pop(0))

    async with both() as (_, client), serving(handle) as port:
        async with client.download(request_of(url_of(port)), elsewhere=True) as file:
            assert isinstance(file, Download)
            assert await file.save(tmp_path / "file") == len(FILE)
        assert_idle(client)
    assert await asyncio.to_thread((tmp_path / "file").read_bytes) == FILE


SAID = f"{JWT} and Bearer {JWT} at https://files.example.com/1?signature={SIGNATURE}"
ECHO = f'{{"meta":{{"error":{{"errorCode":"{JWT}","errorMessage":"{SAID}"}}}}}}'.encode()
ANSWERS = {
    "401": answered(ECHO, "401 Unauthorized"),
    "403 html": answered(f"<p>{SAID}</p>".encode(), "403 Forbidden").replace(
        b"application/json", b"text/html"
    ),
    "404": answered(ECHO, "404 Not Found"),
    "429": answered(ECHO, "429 Too Many Requests", "Retry-After: 0"),
    "500": answered(ECHO, "500 Internal Server Error"),
    "redirect": answered(ECHO, "307 Temporary Redirect", f"Location: https://x.example.com/?{JWT}"),
    "hung up": b"",
    "no http": f"{SAID}\r\n\r\n".encode(),
    "bad header": f"HTTP/1.1 200 OK\r\n{SAID}\r\n\r\n".encode(),
    "too large": answered(SAID.encode() * 20),
    "broken": answered(SAID.encode()).replace(b"Content-Length: ", b"Content-Length: 9"),
}


@pytest.mark.parametrize("kind", ANSWERS)
@pytest.mark.parametrize("value", [JWT, f"Bearer {JWT}"], ids=["bare", "bearer"])
@virtual
async def test_the_token_is_nowhere_to_be_seen(
    kind: str, value: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever goes wrong and whatever the server echoes: not in errors, tracebacks, logs, events, traces."""
    caplog.set_level(logging.DEBUG)
    events: list[Event] = []
    async with both(hooks=[events.append]) as (sandbox, client), serving(Elsewheres(ANSWERS[kind])) as port:
        request = request_of(url_of(port), "Authorization", value)
        with client.trace() as calls, pytest.raises(QualtricsError) as failure:
            await fetch(client, request)
        told = [shown(failure.value), caplog.text, *map(repr, (request, client, *events))]
        told += [f"{made.method} {made.template} {made.error!r}" for made in calls]
        engine: Any = client._elsewhere
        told += map(repr, (engine, engine._wire, engine._credential, engine.settings))
        secrets = private(sandbox, client)
        assert_idle(client)
    assert len(calls) == 1
    for line in told:
        for secret in (JWT, SIGNATURE, *filter(None, secrets)):
            assert secret not in line


@virtual
async def test_a_download_shows_neither_address_nor_token() -> None:
    """It is known by the operation that named it."""
    async with (
        both() as (_, client),
        serving(Elsewheres()) as port,
        client.download(request_of(url_of(port)), elsewhere=True) as file,
    ):
        assert repr(file) == "<Download GET /exports/{exportId} 200>"


ROOT = "https://fra1.qualtrics.com/API/v3"
HERE = "http://127.0.0.1:8080/API/v3"
HTTPS = [
    "https://files.example.com/1?signature=x",
    "https://files.example.com:8443/1",
    "https://s3.eu.example.com/bucket/1",
    "https://10.0.0.1/1",
    "https://[::1]/1",
    "https://fra1.qualtrics.com/1",
]
PLAIN = ["http://127.0.0.1:9/1", "http://localhost/1", "http://[::1]:9/1", "http://127.0.0.1:8080/1"]
NEVER = [
    "http://files.example.com/1",
    "http://fra1.qualtrics.com/1",
    "http://127.0.0.1.example.com/1",
    "http://127.0.0.1@files.example.com/1",
    "http://127.0.0.1:80@files.example.com/1",
    "http://10.0.0.1/1",
    "http://127.0.0.1:x/1",
    "https://user@files.example.com/1",
    "https://user:word@files.example.com/1",
    "https://:word@files.example.com/1",
    "https://@files.example.com/1",
    "https://files.example.com:x/1",
    "https://files.example.com:70000/1",
    "https://",
    "https:///1",
    "https://:443/1",
    "https://[::1",
    "ftp://files.example.com/1",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "//files.example.com/1",
    "/1",
    "string",
    "",
]


@pytest.mark.parametrize("url", HTTPS)
@pytest.mark.parametrize("root", [ROOT, HERE])
def test_a_file_may_be_anywhere_over_https(root: str, url: str) -> None:
    """It gets no credential, so any host will do."""
    assert Elsewhere(root).trusts(url)


@pytest.mark.parametrize("url", PLAIN)
@pytest.mark.parametrize(
    ("root", "trusted"),
    [
        (HERE, True),
        ("http://localhost:1/API/v3", True),
        ("http://[::1]:1/API/v3", True),
        (ROOT, False),
        ("https://localhost:8443/API/v3", False),
        ("http://gateway.example.com/API/v3", False),
    ],
)
def test_plain_http_stays_on_this_machine(root: str, url: str, trusted: bool) -> None:
    """Only a client that speaks plain HTTP to this machine itself, as to a sandbox, may."""
    assert Elsewhere(root).trusts(url) is trusted


@pytest.mark.parametrize("url", NEVER)
@pytest.mark.parametrize("root", [ROOT, HERE])
def test_other_addresses_are_refused(root: str, url: str) -> None:
    """Plain HTTP to others, users and passwords, other schemes, and what is no address."""
    assert not Elsewhere(root).trusts(url)


@pytest.mark.parametrize(
    "url", [*NEVER, "https://files.example.com/a b", "https://files.example.com/\r\nX: 1"]
)
@virtual
async def test_a_refused_address_is_not_shown(url: str) -> None:
    """The message has the host alone, on one line, and nothing is sent."""
    async with both() as (_, client):
        with pytest.raises(CursorRefused) as refusal:
            await fetch(client, request_of(url.replace("/1", f"/1?signature={SIGNATURE}")))
        assert SIGNATURE not in shown(refusal.value)
        assert "word" not in str(refusal.value)
        assert "\n" not in str(refusal.value)
        assert_idle(client)


ODD = [
    "https://files..example.com/",
    "https://.example.com/",
    "https://files.example.com\\@x/",
    "https://xn--/",
    "https://%/",
    "https://a%2fb/",
    "https://[v1.x]/",
    "https://*/",
    "https://" + "a" * 70 + ".example.com/",
]


@pytest.mark.parametrize("url", ODD)
@virtual
async def test_an_odd_address_is_an_error_of_ours(url: str) -> None:
    """What the transport cannot use is refused in our own words, without the address."""
    async with both() as (_, client):
        with pytest.raises((CursorRefused, TransportError)) as failure:
            await fetch(client.with_options(retries=0), request_of(f"{url}?signature={SIGNATURE}"))
        assert SIGNATURE not in shown(failure.value)
        assert JWT not in shown(failure.value)
        assert_idle(client)


def test_a_client_that_is_not_open_reads_nothing() -> None:
    """Before and after its time, and again when it is open once more."""
    client = Qualtrics(token="t", base_url=HERE)

    async def main() -> None:
        async with serving(Elsewheres()) as port:
            for _ in range(2):
                with pytest.raises(UsageError, match="not open"):
                    await fetch(client, request_of(url_of(port)))
                async with client:
                    assert await fetch(client, request_of(url_of(port))) == FILE

    asyncio.run(main())


@pytest.mark.parametrize("leave", [lambda: 1 / 0, asyncio.current_task], ids=["by an error", "early"])
@virtual
async def test_leaving_early_lets_go(leave: Callable[[], object]) -> None:
    """Nothing of a file that was not read to its end stays, and an exception leaves as itself."""
    async with both() as (_, client), serving(Elsewheres(answered(bytes(5_000_000)))) as port:
        try:
            async with client.download(request_of(url_of(port)), elsewhere=True):
                leave()
        except ZeroDivisionError:
            pass
        assert_idle(client)
        assert client.quota().in_flight == 0
