"""OAuth: one token for everybody, fetched once, renewed in time, shared in failure."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from talking import arrivals, assert_idle, client_of, subscribe
from virtual import loop, run, virtual

from qualtrics_async import ConnectFailed, DecodeError, Qualtrics, ServerFault, TimedOut, Unauthorized
from qualtrics_async._core.credentials import ClientCredentials, TokenGrant, api_token, basic_auth
from qualtrics_async._core.request import Request
from qualtrics_async.sandbox import Sandbox

TOKEN = "POST /oauth2/token"
WHOAMI = "GET /whoami"


def oauth(sandbox: Sandbox, **options: Any) -> Qualtrics:
    given = {"client_id": sandbox.client_id, "client_secret": sandbox.client_secret, "token": None, **options}
    client = client_of(sandbox, **given)
    credential = client._engine._credential
    if isinstance(credential, ClientCredentials):
        credential._clock = lambda: loop().time()
    return client


def ticking(**options: Any) -> Sandbox:
    """Make a sandbox that lives by the virtual clock."""
    return Sandbox(clock=lambda: loop().time() + 1_000, gzip=False, **options)


@virtual
async def test_a_thousand_waiting_tasks_fetch_one_token() -> None:
    """All of them wait for the same POST and then go through."""
    async with ticking() as sandbox, oauth(sandbox, scopes=["read:users", "read:surveys"]) as client:
        await asyncio.gather(*(client.users.whoami() for _ in range(1000)))
        assert arrivals(sandbox, TOKEN) == 1
        assert arrivals(sandbox, WHOAMI) == 1000


@virtual
async def test_the_request_for_a_token_is_what_the_service_takes() -> None:
    """A form with grant type and scopes, under HTTP Basic, at the origin and not below the API root."""
    async with ticking(record_bodies=True) as sandbox:
        async with oauth(sandbox, scopes=["read:users", "read:surveys"]) as client:
            await client.users.whoami()
        asked = sandbox.requests[0]
        assert (asked.method, asked.path) == ("POST", "/oauth2/token")
        assert asked.body == b"grant_type=client_credentials&scope=read%3Ausers+read%3Asurveys"


@pytest.mark.parametrize(("lifetime", "renewed_after"), [(3600, 3540), (600, 540), (100, 90), (10, 9)])
@virtual
async def test_a_token_is_renewed_before_it_ends(lifetime: float, renewed_after: float) -> None:
    """A minute before, or after nine tenths of a short life; no call ever sees a 401."""
    async with ticking(oauth_lifetime=lifetime) as sandbox, oauth(sandbox) as client:
        await client.users.whoami()
        await asyncio.sleep(renewed_after - 1)
        await client.users.whoami()
        assert arrivals(sandbox, TOKEN) == 1
        await asyncio.sleep(1)
        await asyncio.gather(*(client.users.whoami() for _ in range(50)))
        assert arrivals(sandbox, TOKEN) == 2
        assert {record.status for record in sandbox.requests} == {200}


@virtual
async def test_a_refused_token_is_replaced_once_for_all() -> None:
    """A 401 renews the token, single-flight, and the calls succeed; writes too, for nothing was done."""
    async with ticking() as sandbox, oauth(sandbox) as client:
        await client.users.whoami()
        sandbox.expire_tokens()
        with client.trace() as calls:
            await asyncio.gather(*(client.users.whoami() for _ in range(100)), subscribe(client))
        assert arrivals(sandbox, TOKEN) == 2
        assert len(sandbox.state.subscriptions) == 1
        assert {call.status for call in calls} == {200}


@virtual
async def test_a_second_refusal_is_final() -> None:
    """A call renews once; when the new token is refused as well, the 401 is raised."""
    async with ticking() as sandbox, oauth(sandbox) as client:
        sandbox.faults.add(kind="status", status=401, route=WHOAMI, times=None)
        with pytest.raises(Unauthorized):
            await client.users.whoami()
        assert (arrivals(sandbox, WHOAMI), arrivals(sandbox, TOKEN)) == (2, 2)


@virtual
async def test_an_api_token_is_not_renewed() -> None:
    """Only a person can replace it: one attempt, one error."""
    async with ticking() as sandbox, client_of(sandbox, token="wrong") as client:
        with pytest.raises(Unauthorized, match="data centre"):
            await client.users.whoami()
        assert arrivals(sandbox, WHOAMI) == 1


@virtual
async def test_a_failure_is_shared_and_the_next_call_tries_again() -> None:
    """Everybody who waited gets the error of the one request; later calls ask anew."""
    async with ticking() as sandbox, oauth(sandbox, client_secret="wrong") as client:
        ended = await asyncio.gather(*(client.users.whoami() for _ in range(100)), return_exceptions=True)
        assert {type(error) for error in ended} == {Unauthorized}
        assert "invalid_client" in str(ended[0])
        assert arrivals(sandbox, TOKEN) == 1
        with pytest.raises(Unauthorized):
            await client.users.whoami()
        assert arrivals(sandbox, TOKEN) == 2
        assert arrivals(sandbox, WHOAMI) == 0


@virtual
async def test_fetching_a_token_outlives_what_passes() -> None:
    """It is repeated like a read, and not counted among the calls of a trace."""
    async with ticking() as sandbox, oauth(sandbox) as client:
        sandbox.faults.add(kind="status", status=503, route=TOKEN)
        sandbox.faults.add(kind="cut", route=TOKEN)
        with client.trace() as calls:
            await client.users.whoami()
        assert arrivals(sandbox, TOKEN) == 3
        assert [call.template for call in calls] == ["/whoami"]


@virtual
async def test_a_cancelled_waiter_does_not_cancel_the_others() -> None:
    """The one who began to fetch the token may go; the rest still get it."""
    async with ticking(latency=5.0) as sandbox, oauth(sandbox) as client:
        first = asyncio.create_task(client.users.whoami())
        await asyncio.sleep(1)
        others = [asyncio.create_task(client.users.whoami()) for _ in range(10)]
        await asyncio.sleep(1)
        first.cancel()
        await asyncio.gather(*others)
        assert first.cancelled()
        assert arrivals(sandbox, TOKEN) == 1
        assert_idle(client)


@virtual
async def test_closing_the_client_ends_a_fetch_that_nobody_needs() -> None:
    """When all waiters are gone and the client is closed, no task is left."""
    async with ticking() as sandbox:
        fault = sandbox.faults.add(kind="delay", route=TOKEN)
        async with oauth(sandbox) as client:
            waiter = asyncio.create_task(client.users.whoami())
            await asyncio.sleep(1)
            waiter.cancel()
            await asyncio.wait({waiter})
        fault.release()


@virtual
async def test_a_deadline_counts_while_the_token_is_fetched() -> None:
    """A call with a deadline does not wait longer for its token, at first or after a 401."""
    async with ticking() as sandbox, oauth(sandbox) as client:
        fault = sandbox.faults.add(kind="delay", route=TOKEN)
        with pytest.raises(TimedOut, match="waited for a token"):
            await client.with_options(deadline=3).users.whoami()
        assert loop().time() == pytest.approx(3, abs=0.2)
        fault.release()
        await client.users.whoami()
        sandbox.expire_tokens()
        fault = sandbox.faults.add(kind="delay", route=TOKEN)
        began = loop().time()
        with pytest.raises(Unauthorized):
            await client.with_options(deadline=3).users.whoami()
        assert loop().time() - began == pytest.approx(3, abs=0.2)
        fault.release()


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "html"}, DecodeError),
        ({"kind": "truncated"}, Exception),
        ({"kind": "status", "status": 500, "body": "html"}, ServerFault),
    ],
)
@virtual
async def test_a_broken_token_answer_shows_no_token(fault: dict[str, Any], error: type[Exception]) -> None:
    """Whatever is wrong with the answer, the token in it is in no message and no excerpt."""
    async with ticking() as sandbox, oauth(sandbox) as client:
        await client.users.whoami()
        token = client._engine._credential.secrets[0]
        sandbox.expire_tokens()
        sandbox.faults.add(route=TOKEN, times=None, **fault)
        with pytest.raises(error) as failure:
            await client.users.whoami()
        shown = f"{failure.value!r} {getattr(failure.value, 'excerpt', '')}"
        assert token[:8] not in shown


@virtual
async def test_the_token_endpoint_may_be_out_of_reach() -> None:
    """No connection for the token is no connection for the call."""
    async with Sandbox() as sandbox:
        client = oauth(sandbox)
    async with client:
        with pytest.raises(ConnectFailed):
            await client.users.whoami()


def test_a_credential_gives_nothing_away() -> None:
    """Neither `repr` nor identity hold a secret, and two secrets have two identities."""
    one, two = api_token("secret-one"), api_token("secret-two")
    basic = basic_auth("my-id", "my-secret")
    renewing = ClientCredentials("my-id", (), _never)
    assert len({one.identity, two.identity, basic.identity, renewing.identity}) == 4
    for credential in (one, two, basic, renewing):
        assert "secret" not in f"{credential!r} {credential.identity}"
        assert "my-id" not in f"{credential!r} {credential.identity}"
    assert one.identity == api_token("secret-one").identity


async def _never(request: Request[TokenGrant]) -> TokenGrant:
    raise NotImplementedError


@pytest.mark.parametrize("lifetime", [0, -5, 1e9])
def test_a_strange_lifetime_hangs_nothing(lifetime: float) -> None:
    """A token that is over at once is fetched for each call, one that never ends once."""
    fetched = 0

    async def fetch(request: Request[TokenGrant]) -> TokenGrant:
        nonlocal fetched
        fetched += 1
        return TokenGrant(f"t{fetched}", lifetime)

    async def main() -> None:
        credential = ClientCredentials("id", (), fetch, clock=lambda: loop().time())
        for _ in range(3):
            await credential.ensure()
            await asyncio.sleep(10)
        assert credential.header == ("Authorization", f"Bearer t{fetched}")
        await credential.aclose()

    run(main())
    assert fetched == (1 if lifetime > 0 else 3)


def test_who_was_refused_with_an_old_token_takes_the_new_one() -> None:
    """A late 401 for a token that has been replaced meanwhile fetches nothing."""
    fetched = 0

    async def fetch(request: Request[TokenGrant]) -> TokenGrant:
        nonlocal fetched
        fetched += 1
        await asyncio.sleep(1)
        return TokenGrant(f"t{fetched}", 3600)

    async def main() -> None:
        credential = ClientCredentials("id", (), fetch, clock=lambda: loop().time())
        await credential.ensure()
        old = credential.header
        await asyncio.gather(*(credential.renew(old) for _ in range(10)))
        await credential.renew(old)
        assert fetched == 2

    run(main())


@virtual
async def test_each_waiter_has_an_error_of_its_own() -> None:
    """What one caller notes on its error, a cursor say, is not seen by another."""
    async with ticking() as sandbox, oauth(sandbox, client_secret="wrong") as client:
        errors = await asyncio.gather(*(client.users.whoami() for _ in range(5)), return_exceptions=True)
        assert {type(error) for error in errors} == {Unauthorized}
        assert len({id(error) for error in errors}) == 5
