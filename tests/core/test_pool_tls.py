"""TLS and proxies go through, and the credential is shown to no proxy."""

from __future__ import annotations

import ssl
import traceback
from typing import Any

import pytest
from certificates import CERTIFIED, CLIENT, ELSEWHERE, SERVER, STRICT
from talking import arrivals, assert_idle, client_of, subscribe
from virtual import virtual
from wires import Proxy, serving

from qualtrics_async import (
    ConnectFailed,
    QualtricsError,
    RetryPolicy,
    SessionPool,
    TransportError,
)
from qualtrics_async.sandbox import Sandbox

WHOAMI = "GET /whoami"
NEVER = RetryPolicy(retries=0)


@virtual
async def test_an_own_authority_is_trusted_where_it_is_given() -> None:
    """`SessionPool(ssl=...)` passes the context through."""
    async with Sandbox(ssl=SERVER) as sandbox, SessionPool(ssl=CLIENT) as pool:
        assert sandbox.base_url.startswith("https://")
        async with client_of(sandbox, pool=pool) as client:
            assert (await client.users.whoami()).brand_id == sandbox.state.brand_id


@pytest.mark.parametrize(("server", "pool"), [(SERVER, {}), (ELSEWHERE, {"ssl": CLIENT})])
@virtual
async def test_verification_is_on(server: ssl.SSLContext, pool: dict[str, Any]) -> None:
    """An unknown authority and a certificate for another host are refused at once, for good, unsent."""
    async with (
        Sandbox(ssl=server) as sandbox,
        SessionPool(**pool) as shared,
        client_of(sandbox, pool=shared) as client,
    ):
        for call in (client.users.whoami(), subscribe(client)):
            with pytest.raises(ConnectFailed, match="ertificate") as failure:
                await call
            assert failure.value.permanent
            assert failure.value.attempts == 1
        assert_idle(client)
        assert len(sandbox.requests) == 0


@virtual
async def test_a_client_certificate_is_shown() -> None:
    """A server that asks for one lets in who has it and nobody else."""
    async with Sandbox(ssl=STRICT) as sandbox:
        async with SessionPool(ssl=CERTIFIED) as pool, client_of(sandbox, pool=pool) as client:
            await client.users.whoami()
        async with SessionPool(ssl=CLIENT) as pool, client_of(sandbox, pool=pool) as client:
            with pytest.raises(TransportError):
                await client.users.whoami()
        assert arrivals(sandbox, WHOAMI) == 1


@virtual
async def test_http_where_https_is_spoken_is_an_error_of_ours() -> None:
    """The wrong scheme, either way round."""
    async with Sandbox(ssl=SERVER) as secret, Sandbox() as plain:
        async with client_of(secret, base_url=secret.base_url.replace("https", "http")) as client:
            with pytest.raises(QualtricsError):
                await client.users.whoami()
        async with client_of(plain, base_url=plain.base_url.replace("http", "https")) as client:
            with pytest.raises(ConnectFailed):
                await client.users.whoami()


@virtual
async def test_a_proxy_is_used_for_http_and_https() -> None:
    """Plain requests go to it whole, encrypted ones through a tunnel of its."""
    proxy = Proxy()
    async with (
        Sandbox() as plain,
        Sandbox(ssl=SERVER) as secret,
        serving(proxy) as port,
        SessionPool(proxy=f"http://127.0.0.1:{port}", ssl=CLIENT) as pool,
    ):
        for sandbox in (plain, secret):
            async with client_of(sandbox, pool=pool) as client:
                await client.users.whoami()
            assert arrivals(sandbox, WHOAMI) == 1
    assert [head.split(b" ")[0] for head in proxy.seen] == [b"GET", b"CONNECT"]
    # The tunnel's end must not learn the credential.
    assert secret.token.encode() not in proxy.seen[1]


@virtual
async def test_a_proxys_password_is_sent_to_it_and_shown_to_nobody() -> None:
    """User and password of the URL become a header; a refusal's error and traceback hold neither."""
    async with Sandbox(ssl=SERVER) as sandbox, serving(Proxy("s3cret")) as port:
        address = f"http://jane:s3cret@127.0.0.1:{port}"
        async with SessionPool(proxy=address, ssl=CLIENT) as pool, client_of(sandbox, pool=pool) as client:
            await client.users.whoami()
            assert "s3cret" not in f"{pool!r} {client!r}"
        address = f"http://127.0.0.1:{port}/?s3cret"  # refused, for it is no password
        async with SessionPool(proxy=address, ssl=CLIENT) as pool, client_of(sandbox, pool=pool) as client:
            with pytest.raises(TransportError) as failure:
                await client.users.whoami()
        shown = "".join(traceback.format_exception(failure.value)) + repr(failure.value.__cause__)
        assert "s3cret" not in shown
        assert sandbox.token not in shown


@virtual
async def test_a_proxy_out_of_reach_is_no_connection() -> None:
    """Nothing was sent, so a write is not in doubt."""
    async with (
        Sandbox() as sandbox,
        SessionPool(proxy="http://127.0.0.1:1") as pool,
        client_of(sandbox, pool=pool, retry=NEVER) as client,
    ):
        with pytest.raises(ConnectFailed):
            await subscribe(client)


@virtual
async def test_the_environments_proxy_is_used_when_asked_for() -> None:
    """`trust_env` reads HTTP_PROXY; by default the environment is not looked at."""
    proxy = Proxy()
    async with Sandbox() as sandbox, serving(proxy) as port:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("HTTP_PROXY", f"http://127.0.0.1:{port}")
            patch.delenv("NO_PROXY", raising=False)
            patch.delenv("no_proxy", raising=False)
            patch.setenv("http_proxy", f"http://127.0.0.1:{port}")
            async with client_of(sandbox) as client:
                await client.users.whoami()
            assert len(proxy.seen) == 0
            async with SessionPool(trust_env=True) as pool, client_of(sandbox, pool=pool) as client:
                await client.users.whoami()
            assert len(proxy.seen) == 1
