"""The attempt loop against the sandbox: what is repeated, what is in doubt, what is late."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from talking import arrivals, assert_idle, client_of, subscribe, talking
from virtual import loop, virtual

from qualtrics_async import (
    ConnectFailed,
    DecodeError,
    Limits,
    NotFound,
    OutcomeUnknown,
    Qualtrics,
    RateLimited,
    RetryPolicy,
    ServerFault,
    TimedOut,
    UnexpectedStatus,
    UsageError,
)
from qualtrics_async.sandbox import Sandbox

SUBSCRIBE = "POST /eventsubscriptions"
DELETE = "DELETE /eventsubscriptions/{subscriptionId}"
WHOAMI = "GET /whoami"


REPEATED = [
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 502, "body": "html"},
    {"kind": "status", "status": 503, "body": "empty"},
    {"kind": "status", "status": 504, "body": "meta_null"},
    {"kind": "status", "status": 429},
    {"kind": "cut"},
    {"kind": "cut", "reset": True},
    {"kind": "cut", "when": "after"},
    {"kind": "truncated"},
    {"kind": "malformed"},
    {"kind": "html"},
    {"kind": "empty"},
    {"kind": "content_type"},
    {"kind": "nested"},
    {"kind": "delay"},
]


@pytest.mark.parametrize("fault", REPEATED, ids=repr)
@virtual
async def test_a_read_outlives_what_passes(fault: dict[str, Any]) -> None:
    """A GET is repeated after every fault of the network or the server, and then succeeds."""
    async with talking() as (sandbox, client):
        sandbox.faults.add(route=WHOAMI, times=2, **fault)
        with client.trace() as calls:
            assert (await client.users.whoami()).brand_id == sandbox.state.brand_id
        assert arrivals(sandbox, WHOAMI) == 3
        assert (calls[0].attempts, calls[0].status, calls[0].error) == (3, 200, None)
        assert_idle(client)


FINAL = [
    ({"kind": "status", "status": 501}, ServerFault),
    ({"kind": "status", "status": 404}, NotFound),
    ({"kind": "redirect"}, UnexpectedStatus),
    ({"kind": "error_in_200"}, UnexpectedStatus),
    ({"kind": "no_result"}, DecodeError),
    ({"kind": "huge", "size": 70_000_000}, DecodeError),
]


@pytest.mark.parametrize(("fault", "error"), FINAL, ids=repr)
@virtual
async def test_what_will_not_pass_is_not_repeated(fault: dict[str, Any], error: type[Exception]) -> None:
    """An answer that would be the same again is raised at once."""
    async with talking() as (sandbox, client):
        sandbox.faults.add(route=WHOAMI, times=None, **fault)
        with pytest.raises(error):
            await client.users.whoami()
        assert arrivals(sandbox, WHOAMI) == 1
        assert_idle(client)


@virtual
async def test_the_budget_of_repeats_is_spent_and_told() -> None:
    """After four repeats the last error is raised, with the number of attempts."""
    async with talking() as (sandbox, client):
        sandbox.faults.add(kind="status", status=503, route=WHOAMI, times=None)
        with pytest.raises(ServerFault) as failure:
            await client.users.whoami()
        assert failure.value.attempts == arrivals(sandbox, WHOAMI) == 5
        assert failure.value.request_id


@virtual
async def test_refusals_have_a_budget_of_their_own() -> None:
    """429 does not eat the repeats that faults need, and ends as `RateLimited`."""
    async with talking(retry=RetryPolicy(retries=1, refusals=3, base=0.01)) as (sandbox, client):
        sandbox.faults.add(kind="status", status=429, route=WHOAMI, times=3)
        sandbox.faults.add(kind="status", status=503, route=WHOAMI, times=1)
        await client.users.whoami()
        assert arrivals(sandbox, WHOAMI) == 5
        sandbox.faults.add(kind="status", status=429, route=WHOAMI, times=None, retry_after=2)
        with pytest.raises(RateLimited) as refusal:
            await client.users.whoami()
        assert (refusal.value.retry_after, refusal.value.attempts) == (2, 4)


@virtual
async def test_no_retries_means_one_attempt() -> None:
    """`retries=0` raises the first fault; a refusal is still waited out."""
    async with talking() as (sandbox, client):
        once = client.with_options(retries=0)
        sandbox.faults.add(kind="status", status=503, route=WHOAMI)
        with pytest.raises(ServerFault) as failure:
            await once.users.whoami()
        assert failure.value.attempts == 1
        sandbox.faults.add(kind="status", status=429, route=WHOAMI)
        await once.users.whoami()


@pytest.mark.parametrize("retry_after", [None, 0, 7, "7", "garbage", -5])
@virtual
async def test_retry_after_is_waited_out(retry_after: Any) -> None:
    """A 429 is waited out for as long as it says, or for a back-off where it says nothing sensible."""
    async with talking() as (sandbox, client):
        sandbox.faults.add(kind="status", status=429, route=WHOAMI, retry_after=retry_after)
        began = loop().time()
        await client.users.whoami()
        waited = loop().time() - began
        assert 7 <= waited < 7.2 if retry_after in (7, "7") else waited < 0.2


DOUBTFUL = [
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 502, "body": "html"},
    {"kind": "status", "status": 503, "body": "empty"},
    {"kind": "status", "status": 500, "when": "after"},
    {"kind": "cut"},
    {"kind": "cut", "when": "after"},
    {"kind": "cut", "when": "after", "reset": True},
    {"kind": "truncated"},
    {"kind": "malformed"},
    {"kind": "html"},
    {"kind": "empty"},
    {"kind": "content_type"},
    {"kind": "nested"},
    {"kind": "no_result"},
    {"kind": "surrogates"},
    {"kind": "huge", "size": 70_000_000},
    {"kind": "delay"},
    {"kind": "delay", "when": "after"},
]


@pytest.mark.parametrize("fault", DOUBTFUL, ids=repr)
@virtual
async def test_a_write_in_doubt_is_never_sent_again(fault: dict[str, Any]) -> None:
    """Whatever happens to a POST after it left, it arrived once, and the caller is told of the doubt."""
    async with talking() as (sandbox, client):
        script = sandbox.faults.add(route=SUBSCRIBE, times=None, **fault)
        with pytest.raises(OutcomeUnknown) as doubt:
            await subscribe(client)
        script.release()
        assert arrivals(sandbox, SUBSCRIBE) == 1
        assert doubt.value.__cause__ is not None
        assert (doubt.value.method, doubt.value.template) == ("POST", "/eventsubscriptions")
        assert doubt.value.attempts == 1
        expected = fault.get("status", 200 if isinstance(doubt.value.__cause__, DecodeError) else None)
        assert doubt.value.status == expected
        assert_idle(client)


@pytest.mark.parametrize("status", [400, 403, 404, 409, 415])
@virtual
async def test_a_write_that_was_refused_is_not_in_doubt(status: int) -> None:
    """A 4xx says that nothing was done."""
    async with talking() as (sandbox, client):
        sandbox.faults.add(kind="status", status=status, route=SUBSCRIBE)
        with pytest.raises(Exception, match=f"answered {status}") as failure:
            await subscribe(client)
        assert not isinstance(failure.value, OutcomeUnknown)


@virtual
async def test_a_refused_write_is_sent_again() -> None:
    """429 came before anything was done, so even a POST is repeated; it is carried out once."""
    async with talking() as (sandbox, client):
        sandbox.faults.add(kind="status", status=429, route=SUBSCRIBE, times=3)
        await subscribe(client)
        assert arrivals(sandbox, SUBSCRIBE) == 4
        assert len(sandbox.state.subscriptions) == 1


@virtual
async def test_a_write_that_never_left_is_not_in_doubt() -> None:
    """Where nobody listens, a POST is repeated and ends as `ConnectFailed`."""
    async with Sandbox() as sandbox:
        client = client_of(sandbox)
        await sandbox.close()
        async with client:
            with pytest.raises(ConnectFailed) as failure:
                await subscribe(client)
            assert failure.value.attempts == 5
            assert not failure.value.permanent
            assert_idle(client)


@virtual
async def test_a_delete_that_was_carried_out_unseen_is_success() -> None:
    """When our own repeated DELETE finds nothing, the first one did it."""
    async with talking() as (sandbox, client):
        made = await subscribe(client)
        sandbox.faults.add(kind="cut", when="after", route=DELETE)
        with client.trace() as calls:
            await client.event_subscriptions.delete(made)
        assert arrivals(sandbox, DELETE) == 2
        assert not sandbox.state.subscriptions
        assert (calls[0].attempts, calls[0].status) == (2, 404)


@virtual
async def test_a_delete_of_what_never_was_is_not_success() -> None:
    """A 404 at first sight is an error, also after a refusal, which did nothing."""
    async with talking() as (sandbox, client):
        for kind in ("none", "refused"):
            if kind == "refused":
                sandbox.faults.add(kind="status", status=429, route=DELETE)
            with pytest.raises(NotFound):
                await client.event_subscriptions.delete("SUB_nowhere")


@virtual
async def test_another_method_that_finds_nothing_after_doubt_fails() -> None:
    """Only a DELETE is fulfilled by absence."""
    async with talking() as (sandbox, client):
        sandbox.faults.add(kind="status", status=503, route="GET /eventsubscriptions/{subscriptionId}")
        with pytest.raises(NotFound):
            await client.event_subscriptions.get("SUB_nowhere")


@virtual
async def test_a_deadline_raises_the_last_real_error() -> None:
    """When the next back-off would pass the deadline, what went wrong is raised, not that time was up."""
    async with talking(retry=RetryPolicy(retries=50, base=5)) as (sandbox, client):
        sandbox.faults.add(kind="status", status=503, route=WHOAMI, times=None)
        began = loop().time()
        with pytest.raises(ServerFault):
            await client.with_options(deadline=9).users.whoami()
        assert loop().time() - began <= 9
        assert_idle(client)


@virtual
async def test_a_deadline_ends_a_silent_attempt() -> None:
    """An attempt gets no more than what is left, and then it timed out."""
    async with talking() as (sandbox, client):
        fault = sandbox.faults.add(kind="delay", route=WHOAMI, times=None)
        began = loop().time()
        with pytest.raises(TimedOut):
            await client.with_options(deadline=2).users.whoami()
        assert loop().time() - began <= 2.1
        fault.release()


@virtual
async def test_a_deadline_after_a_refusal_raises_the_refusal() -> None:
    """Waiting in vain for a refused route is told as the refusal that it began with."""
    async with talking() as (sandbox, client):
        sandbox.faults.add(kind="status", status=429, route=WHOAMI, times=None, retry_after=3)
        with pytest.raises(RateLimited) as refusal:
            await client.with_options(deadline=7).users.whoami()
        assert refusal.value.attempts == 3
        assert_idle(client)


@pytest.mark.parametrize("route", [WHOAMI, SUBSCRIBE])
@virtual
async def test_a_deadline_while_waiting_for_quota_leaves_no_doubt(route: str) -> None:
    """A call that never left timed out, be it a write: nothing arrived, nothing is unknown."""
    limits = Limits(brand_per_minute=None, routes={route: 1})
    async with talking(limits=limits) as (sandbox, client):
        hasty = client.with_options(deadline=5)
        call = subscribe if route == SUBSCRIBE else lambda client: client.users.whoami()
        await call(hasty)
        with client.trace() as calls, pytest.raises(TimedOut, match="waited for quota") as late:
            await call(hasty)
        assert arrivals(sandbox, route) == 1
        assert late.value.attempts == calls[0].attempts == 0
        assert calls[0].error is late.value
        assert_idle(client)


@virtual
async def test_without_a_deadline_a_call_waits_for_its_turn() -> None:
    """A thousand calls that wait for quota are not late."""
    limits = Limits(brand_per_minute=None, routes={WHOAMI: 5})
    async with talking(limits=limits) as (sandbox, client):
        await asyncio.gather(*(client.users.whoami() for _ in range(30)))
        assert loop().time() > 300
        assert arrivals(sandbox, WHOAMI) == 30


@pytest.mark.parametrize("options", [{"deadline": 0}, {"deadline": -1}, {"retries": -1}])
def test_options_that_cannot_be_meant_are_refused(options: dict[str, Any]) -> None:
    """No time and negative repeats are the caller's mistakes."""
    with pytest.raises(UsageError):
        Qualtrics(token="t", datacenter="fra1").with_options(**options)
