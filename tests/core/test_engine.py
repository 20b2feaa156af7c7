"""The attempt loop against the sandbox: what is repeated, what is in doubt, what is told."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import anyio
import pytest
from talking import arrivals, assert_idle, client_of, subscribe, talking
from virtual import loop, virtual

from qualtrics_async import (
    AttemptEnded,
    BackingOff,
    ConnectFailed,
    CursorRefused,
    DecodeError,
    Event,
    Limits,
    NotFound,
    OutcomeUnknown,
    Paused,
    Qualtrics,
    RateLimited,
    RetryPolicy,
    ServerFault,
    SessionPool,
    TimedOut,
    Timeouts,
    TransportError,
    UnexpectedStatus,
    UsageError,
)
from qualtrics_async._core.address import Addresses
from qualtrics_async.sandbox import Quotas, Sandbox

SUBSCRIBE = "POST /eventsubscriptions"
DELETE = "DELETE /eventsubscriptions/{subscriptionId}"
WHOAMI = "GET /whoami"


# ------------------------------------------------------------------------------------------------ repeats

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


# -------------------------------------------------------------------------------------------------- doubt

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


# ---------------------------------------------------------------------------------------------- deadlines


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


# ------------------------------------------------------------------------------------------- cancellation


@virtual
async def test_a_cancelled_write_that_has_left_is_confirmed_first() -> None:
    """The caller's cancellation waits for the answer and is raised then; the sandbox carried it out once."""
    async with talking({"latency": 2.0}) as (sandbox, client):
        task = asyncio.create_task(subscribe(client))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert 2 <= loop().time() < 2.5
        assert len(sandbox.state.subscriptions) == arrivals(sandbox, SUBSCRIBE) == 1
        assert_idle(client)


@virtual
async def test_a_cancelled_write_waits_no_longer_than_the_grace(caplog: pytest.LogCaptureFixture) -> None:
    """A silent service gets five seconds; then the doubt is logged."""
    async with talking(timeouts=Timeouts(grace=5)) as (sandbox, client):
        fault = sandbox.faults.add(kind="delay", route=SUBSCRIBE)
        task = asyncio.create_task(subscribe(client))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert 6 <= loop().time() < 6.5
        assert "its outcome is unknown" in caplog.text
        fault.release()
        assert_idle(client)


@virtual
async def test_a_second_cancellation_ends_the_grace() -> None:
    """Who cancels twice means it."""
    async with talking() as (sandbox, client):
        fault = sandbox.faults.add(kind="delay", route=SUBSCRIBE)
        task = asyncio.create_task(subscribe(client))
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert loop().time() < 3
        fault.release()
        assert_idle(client)


@virtual
async def test_a_write_in_a_cancelled_scope_is_confirmed_too() -> None:
    """A scope of anyio's cancels again at every await; the grace is shielded from that."""
    async with talking({"latency": 2.0}) as (sandbox, client):
        with anyio.move_on_after(1) as scope:
            await subscribe(client)
        assert scope.cancelled_caught
        assert 2 <= loop().time() < 2.5
        assert len(sandbox.state.subscriptions) == 1


@virtual
async def test_a_cancelled_read_ends_at_once() -> None:
    """Nothing is in doubt when a GET is abandoned."""
    async with talking({"latency": 2.0}) as (_, client):
        task = asyncio.create_task(client.users.whoami())
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert loop().time() < 1.5
        assert_idle(client)


@virtual
async def test_a_write_cancelled_before_it_left_was_never_sent() -> None:
    """While it waits for quota, a write ends at once and nothing arrives."""
    async with talking(limits=Limits(brand_per_minute=None, routes={SUBSCRIBE: 1})) as (sandbox, client):
        await subscribe(client)
        task = asyncio.create_task(subscribe(client))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert arrivals(sandbox, SUBSCRIBE) == 1
        assert_idle(client)


# -------------------------------------------------------------------------------------------------- trust


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


# -------------------------------------------------------------------------------------------------- told


@virtual
async def test_a_notice_is_logged_once_and_traced_each_time(caplog: pytest.LogCaptureFixture) -> None:
    """The wrong data centre is told once in the log, and on every call's record."""
    async with talking({"proxied": True}) as (_, client):
        with client.trace() as calls:
            for _ in range(3):
                await client.users.whoami()
        warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
        assert len(warnings) == 1
        assert "use this host instead" in warnings[0].getMessage()
        assert all("use this host instead" in str(call.notice) for call in calls)


@virtual
async def test_a_trace_has_a_record_of_each_call() -> None:
    """Status, request id, headers, attempts, time and error, also of calls in tasks started inside."""
    async with talking({"latency": 0.5}) as (sandbox, client):
        await client.users.whoami()
        with client.trace() as calls:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(client.users.whoami())
                tasks.create_task(client.surveys.get(sandbox.state.survey_id))
            with pytest.raises(NotFound):
                await client.surveys.get("SV_none")
        await client.users.whoami()
    assert sorted(call.template for call in calls) == ["/surveys/{surveyId}"] * 2 + ["/whoami"]
    assert {(call.status, call.attempts) for call in calls} == {(200, 1), (404, 1)}
    assert all(call.request_id and call.headers["Content-Type"] for call in calls)
    assert all(0.5 <= call.seconds < 1 for call in calls)
    assert [type(call.error) for call in calls if call.error] == [NotFound]


@virtual
async def test_a_trace_knows_its_own_client_only() -> None:
    """Traces of two clients do not mix, nested traces of one both record."""
    async with talking() as (sandbox, client), client_of(sandbox) as other:
        with client.trace() as mine, other.trace() as theirs, client.trace() as inner:
            await client.users.whoami()
        assert (len(mine), len(theirs), len(inner)) == (1, 0, 1)


@virtual
async def test_a_cancelled_call_is_traced_as_such() -> None:
    """The record of a cancelled call holds its cancellation."""
    async with talking({"latency": 5.0}) as (_, client):
        with client.trace() as calls:
            task = asyncio.create_task(client.users.whoami())
            await asyncio.sleep(1)
            task.cancel()
            await asyncio.wait({task})
        await asyncio.sleep(5)  # the sandbox goes on for as long
        assert isinstance(calls[0].error, asyncio.CancelledError)


@virtual
async def test_hooks_see_each_attempt() -> None:
    """Attempts, back-offs and pauses are told in order, with what is known of each."""
    seen: list[Event] = []
    async with talking(hooks=[seen.append]) as (sandbox, client):
        sandbox.faults.add(kind="status", status=503, route=WHOAMI)
        sandbox.faults.add(kind="cut", route=WHOAMI)
        sandbox.faults.add(kind="status", status=429, route=WHOAMI, retry_after=2)
        await client.users.whoami()
    assert [type(event) for event in seen] == [
        AttemptEnded,
        BackingOff,
        AttemptEnded,
        BackingOff,
        AttemptEnded,
        Paused,
        AttemptEnded,
    ]
    attempts = [event for event in seen if isinstance(event, AttemptEnded)]
    assert [(made.attempt, made.status, made.error) for made in attempts] == [
        (1, 503, "ServerFault"),
        (2, None, "TransportError"),
        (3, 429, "RateLimited"),
        (4, 200, None),
    ]
    assert [event.seconds for event in seen if isinstance(event, Paused)] == [2]


@virtual
async def test_a_hook_that_raises_costs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """The request succeeds, the log tells of the hook."""

    def bad(event: Event) -> None:
        raise RuntimeError("in the hook")

    async with talking(hooks=[bad]) as (_, client):
        await client.users.whoami()
        assert_idle(client)
    assert "a hook failed on AttemptEnded" in caplog.text


@virtual
async def test_the_quota_is_told() -> None:
    """Used, available, pauses and requests in flight, of the brand and of each route."""
    limits = Limits(brand_per_minute=3000, routes={WHOAMI: 50}, max_in_flight=7)
    async with talking({"latency": 1.0}, limits=limits) as (sandbox, client):
        for _ in range(3):
            await client.users.whoami()
        task = asyncio.create_task(client.surveys.list().collect())
        await asyncio.sleep(0.5)
        quota = client.quota()
        assert (quota.brand.used, quota.brand.limit, quota.brand.available) == (4, 3000, 2996)
        assert (quota.in_flight, quota.max_in_flight) == (1, 7)
        assert quota.routes[WHOAMI].available == 47
        assert quota.routes["GET /surveys"].available is None
        await task
        sandbox.faults.add(kind="status", status=429, route=WHOAMI, retry_after=30)
        refused = asyncio.create_task(client.users.whoami())
        await asyncio.sleep(2)
        assert 28 < client.quota().routes[WHOAMI].paused <= 30
        assert client.quota().brand.paused == 0
        await refused
        await asyncio.sleep(61)
        assert (client.quota().brand.used, client.quota().in_flight) == (0, 0)


# ------------------------------------------------------------------------------------------------- client


@virtual
async def test_what_is_not_modelled_can_be_requested() -> None:
    """`request` takes any path, checks and quotes its ids, and types what comes back."""
    async with talking() as (sandbox, client):
        got: dict[str, Any] = await client.request("GET", "/surveys/{surveyId}", sandbox.state.survey_id)
        assert got["id"] == sandbox.state.survey_id
        whole: dict[str, Any] = await client.request("get", "/whoami", whole=True)
        assert set(whole) == {"result", "meta"}
        page: dict[str, Any] = await client.request("GET", "/surveys", query={"offset": 0, "skipToken": None})
        assert len(page["elements"]) == 1


@pytest.mark.parametrize(
    ("method", "path", "ids"),
    [
        ("FETCH", "/whoami", ()),
        ("GET", "whoami", ()),
        ("GET", "", ()),
        ("GET", "https://evil.example/x", ()),
        ("GET", "//evil.example/x", ()),
        ("GET", "/surveys?x=1", ()),
        ("GET", "/surveys#x", ()),
        ("GET", "/surveys//x", ()),
        ("GET", "/surveys/../users", ()),
        ("GET", "/surveys/%2e%2E/users", ()),
        ("GET", "/surveys/\n", ()),
        ("GET", "/surveys/a b", ()),
        ("GET", "/surveys/{surveyId}", ("",)),
        ("GET", "/surveys/{surveyId}", ("..",)),
        ("GET", "/surveys/{surveyId}", ("a/b",)),
        ("GET", "/surveys/{surveyId}", ()),
        ("GET", "/surveys", ("SV_1",)),
    ],
)
@virtual
async def test_a_path_that_cannot_be_meant_is_refused(method: str, path: str, ids: tuple[str, ...]) -> None:
    """Other hosts, queries, dots, doubled slashes and wrong ids are refused before any I/O."""
    async with talking() as (sandbox, client):
        with pytest.raises(UsageError):
            await client.request(method, path, *ids)
        assert len(sandbox.requests) == 0


@virtual
async def test_bodies_and_queries_that_cannot_be_meant_are_refused() -> None:
    """NaN and lone surrogates are the caller's mistake, and nothing is sent."""
    async with talking() as (sandbox, client):
        for options in ({"body": {"x": float("nan")}}, {"body": "\ud800"}, {"query": {"x": "\ud800"}}):
            with pytest.raises(UsageError):
                await client.request("POST", "/eventsubscriptions", **options)
        assert len(sandbox.requests) == 0


@virtual
async def test_a_large_body_goes_out_without_a_warning() -> None:
    """An import chunk of 5 MB is an ordinary request."""
    async with talking() as (sandbox, client):
        with pytest.raises(Exception, match="answered 400"):
            await client.request("POST", "/eventsubscriptions", body={"padding": "x" * 5_000_000})
        assert arrivals(sandbox, SUBSCRIBE) == 1


@virtual
async def test_an_answer_can_be_streamed() -> None:
    """Status and headers come first, the body in pieces; the slot is held until the end."""
    async with talking() as (sandbox, client):
        async with client.stream("GET", "/surveys/{surveyId}", sandbox.state.survey_id) as download:
            assert client.quota().in_flight == 1
            assert (download.status, download.headers["Content-Type"]) == (200, "application/json")
            body = b"".join([chunk async for chunk in download.chunks()])
        assert sandbox.state.survey_id.encode() in body
        assert_idle(client)


@virtual
async def test_a_stream_is_repeated_until_its_body_begins() -> None:
    """Faults before the body are repeated as for any call, errors raised as themselves."""
    async with talking() as (sandbox, client):
        sandbox.faults.add(kind="status", status=503, route=WHOAMI)
        sandbox.faults.add(kind="cut", route=WHOAMI)
        async with client.stream("GET", "/whoami") as download:
            assert await download.read(10_000)
        assert arrivals(sandbox, WHOAMI) == 3
        with pytest.raises(NotFound):
            async with client.stream("GET", "/surveys/{surveyId}", "SV_none"):
                pass
        assert_idle(client)


@virtual
async def test_a_stream_that_breaks_says_so() -> None:
    """A body that is cut off ends in `TransportError`, and everything is given back."""
    async with talking() as (sandbox, client):
        sandbox.faults.add(kind="truncated", route=WHOAMI)
        async with client.stream("GET", "/whoami") as download:
            with pytest.raises(TransportError):
                [chunk async for chunk in download.chunks()]
        assert_idle(client)


@virtual
async def test_a_stream_may_be_left_early() -> None:
    """Leaving without reading, by an exception or not, gives slot and connection back."""
    async with talking() as (sandbox, client):
        for size in (10, 10_000_000):
            sandbox.faults.add(kind="huge", size=size, route=WHOAMI)
            async with client.stream("GET", "/whoami"):
                pass
            sandbox.faults.add(kind="huge", size=size, route=WHOAMI)

            async def fail() -> None:
                async with client.stream("GET", "/whoami") as download:
                    async for _ in download.chunks():
                        raise RuntimeError("mine")

            with pytest.raises(RuntimeError, match="mine"):
                await fail()
            assert_idle(client)
        await client.users.whoami()


@virtual
async def test_the_cap_counts_for_a_stream_read_whole() -> None:
    """`read` stops at its limit."""
    async with talking() as (sandbox, client):
        sandbox.faults.add(kind="huge", size=100_000, route=WHOAMI)
        async with client.stream("GET", "/whoami") as download:
            with pytest.raises(DecodeError, match="more than 5000 bytes"):
                await download.read(5000)
        assert_idle(client)


@virtual
async def test_a_closed_client_says_so() -> None:
    """Before entry and after exit a call is `UsageError`; a client may be opened again."""
    async with Sandbox() as sandbox:
        client = client_of(sandbox)
        for _ in range(2):
            with pytest.raises(UsageError, match="not open"):
                await client.users.whoami()
            with pytest.raises(UsageError, match="not open"):
                client.quota()
            async with client:
                await client.users.whoami()


@virtual
async def test_opening_twice_does_not_close_the_first() -> None:
    """A second entry is refused and leaves the first one as it was, be the pool its own or shared."""
    async with Sandbox() as sandbox, SessionPool() as pool:
        for client in (client_of(sandbox), client_of(sandbox, pool=pool)):
            async with client:
                with pytest.raises(UsageError, match="already open"):
                    await client.open()
                await client.users.whoami()


@virtual
async def test_closing_ends_what_waits() -> None:
    """A call that waits for quota while its client is closed ends with an error, not never."""
    async with Sandbox() as sandbox:
        client = client_of(sandbox, limits=Limits(brand_per_minute=None, routes={WHOAMI: 1}))
        async with client:
            await client.users.whoami()
            task = asyncio.create_task(client.users.whoami())
            await asyncio.sleep(1)
        with pytest.raises(UsageError, match="not open"):
            await task


@virtual
async def test_a_view_with_options_shares_everything_else() -> None:
    """Options count for the view alone; connections and limits are the client's."""
    async with talking(limits=Limits(routes={WHOAMI: 50})) as (sandbox, client):
        view = client.with_options(retries=0, deadline=60)
        await view.users.whoami()
        assert client.quota() == view.quota()
        assert client.quota().routes[WHOAMI].used == 1
        sandbox.faults.add(kind="status", status=503, route=WHOAMI, times=2)
        with pytest.raises(ServerFault):
            await view.users.whoami()
        await client.users.whoami()
        assert view.users is not client.users
        assert view.users is view.users


@virtual
async def test_the_same_seed_gives_the_same_run() -> None:
    """With a seeded source of jitter and the same faults, two runs take the same time."""
    times = []
    for _ in range(2):
        began = loop().time()
        async with talking({"quotas": Quotas(routes={WHOAMI: 50})}, retry=RetryPolicy()) as (sandbox, client):
            sandbox.faults.random(rate=0.4, kinds=["cut", {"kind": "status", "status": 503}], seed=5)
            for _ in range(20):
                await client.users.whoami()
        times.append(round(loop().time() - began, 6))
    assert times[0] == times[1] > 1
