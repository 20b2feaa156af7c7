"""Where the credential goes: to the own origin and, for a next page, within qualtrics.com."""

from __future__ import annotations

import pytest
from talking import arrivals, talking
from virtual import virtual

from qualtrics_async import (
    CursorRefused,
    Qualtrics,
    UnexpectedStatus,
)
from qualtrics_async._core.address import Addresses
from qualtrics_async.sandbox import Sandbox

SUBSCRIBE = "POST /eventsubscriptions"
DELETE = "DELETE /eventsubscriptions/{subscriptionId}"
WHOAMI = "GET /whoami"


@virtual
async def test_redirects_are_not_followed() -> None:
    """A 302 is an error; the place that it names never hears of us."""
    async with talking() as (sandbox, client):
        sandbox.faults.add(kind="redirect", route=WHOAMI, location=f"{sandbox.base_url}/surveys")
        with pytest.raises(UnexpectedStatus) as failure:
            await client.users.whoami()
        assert failure.value.status == 302
        assert arrivals(sandbox, "GET /surveys") == 0


ROOT = "https://fra1.qualtrics.com/API/v3"


@pytest.mark.parametrize(
    "url",
    [
        "https://fra1.qualtrics.com/API/v3/surveys?offset=100",
        "https://brand.fra1.qualtrics.com/API/v3/surveys",
        "https://iad1.qualtrics.com:443/API/v3/surveys?skipToken=a%2Fb%3D%3D",
        "https://IAD1.Qualtrics.COM/API/v3/surveys",
    ],
)
def test_a_next_page_within_qualtrics_is_trusted(url: str) -> None:
    """Data centre and brand hosts of the vendor's get the credential, over https."""
    assert Addresses("https://fra1.qualtrics.com/API/v3").trusts(url)


@pytest.mark.parametrize(
    "url",
    [
        "string",
        "",
        "/API/v3/surveys",
        "//fra1.qualtrics.com/x",
        "http://fra1.qualtrics.com/API/v3/surveys",
        "https://qualtrics.com/x",
        "https://evilqualtrics.com/x",
        "https://fra1.evilqualtrics.com/x",
        "https://qualtrics.com.evil.example/x",
        "https://fra1.qualtrics.com.evil.example/x",
        "https://fra1.qualtrics.com@evil.example/x",
        "https://user@iad1.qualtrics.com/x",
        "https://user:pass@iad1.qualtrics.com/x",
        "https://iad1.qualtrics.com:8443/x",
        "https://iad1.qualtrics.com:x/x",
        "https://evil.example/?x=.qualtrics.com",
        "https://evil.example#.qualtrics.com",
        "https://evil.example\\.qualtrics.com/x",
        "https://evil.example%2f.qualtrics.com/x",
        "https://evil.example;.qualtrics.com/x",
        "https://.qualtrics.com/x",
        "https://[::1].qualtrics.com/x",
        "https://iad1.qualtrics.com./x",
        "javascript:alert(1)",
        "https://",
        "https://[::1",
    ],
)
def test_a_next_page_elsewhere_is_not_trusted(url: str) -> None:
    """Look-alikes, other schemes, users, ports and tricks of parsing are refused."""
    assert not Addresses("https://fra1.qualtrics.com/API/v3").trusts(url)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:80801/x", "http://127.0.0.1:8080@evil.example/x", "http://127.0.0.1:8081/x"]
)
def test_only_the_own_origin_is_trusted_over_http(url: str) -> None:
    """A sandbox's origin ends at its port."""
    client = Qualtrics(token="t", base_url="http://127.0.0.1:8080/API/v3")
    assert client._engine._addresses.trusts("http://127.0.0.1:8080/API/v3/surveys")
    assert not client._engine._addresses.trusts(url)


@virtual
async def test_a_foreign_next_page_never_gets_the_credential() -> None:
    """A listing that leads to another server ends with `CursorRefused`; that server hears nothing."""
    async with Sandbox() as foreign, talking() as (sandbox, client):
        sandbox.faults.add(kind="next_page", route="GET /surveys", next_page=f"{foreign.base_url}/surveys")
        with pytest.raises(CursorRefused, match=r"127\.0\.0\.1") as refusal:
            await client.surveys.list().collect()
        assert refusal.value.cursor == f"{foreign.base_url}/surveys"
        assert len(foreign.requests) == 0


@pytest.mark.parametrize(
    "url", ["https://fra1.qualtrics.com/a b", "https://fra1.qualtrics.com/\n", "h\u00e9"]
)
@virtual
async def test_a_next_page_of_strange_characters_is_refused(url: str) -> None:
    """What is no URL is not sent, and does not break the message."""
    async with talking() as (_, client):
        with pytest.raises(CursorRefused) as refusal:
            await client.surveys.list().resume(url).collect()
        assert "\n" not in str(refusal.value)
