"""What a client tells besides results, and its own life."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from talking import arrivals, assert_idle, client_of, subscribe, talking
from virtual import loop, virtual

from qualtrics_async import (
    AttemptEnded,
    BackingOff,
    DecodeError,
    Event,
    JobFailed,
    Limits,
    NotFound,
    Paused,
    Polling,
    RetryPolicy,
    ServerFault,
    SessionPool,
    TransportError,
    UsageError,
)
from qualtrics_async.models import JobProgress
from qualtrics_async.sandbox import Quotas, Sandbox

SUBSCRIBE = "POST /eventsubscriptions"
DELETE = "DELETE /eventsubscriptions/{subscriptionId}"
WHOAMI = "GET /whoami"


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
async def test_options_add_up() -> None:
    """A view of a view keeps what it is not given anew."""
    async with talking() as (_, client):
        view = client.with_options(deadline=5).with_options(retries=0)
        assert (view._options.deadline, view._options.retries) == (5, 0)
        assert view.with_options(deadline=7)._options.retries == 0


@virtual
async def test_a_view_may_be_more_patient_with_jobs() -> None:
    """Polling is an option like the others: it counts for the view, and stays in views of it."""
    async with talking() as (_, client):
        patient = client.with_options(polling=Polling(longest=600, deadline=6 * 3600)).with_options(retries=0)
        assert (client.polling.deadline, patient.polling.deadline) == (3600, 6 * 3600)

        async def progress() -> JobProgress:
            return JobProgress(status="queued")

        before = asyncio.get_running_loop().time()
        with pytest.raises(JobFailed, match="did not end within 21600 s"):
            await patient.wait("ES_1", progress)
        assert 5 * 3600 < asyncio.get_running_loop().time() - before <= 6 * 3600


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
        assert (view.retry.retries, view.retry.base) == (0, client.retry.base)
        assert client.retry.retries > 0


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


@virtual
async def test_a_pool_that_is_closed_under_a_client_says_so() -> None:
    """The error is ours, and says what was done wrong."""
    async with Sandbox() as sandbox:
        pool = SessionPool()
        await pool.open()
        async with client_of(sandbox, pool=pool) as client:
            await client.users.whoami()
            await pool.aclose()
            with pytest.raises(UsageError, match="closed"):
                await client.users.whoami()


@virtual
async def test_a_missing_id_in_a_raw_path_deletes_nothing() -> None:
    """A path that ends where an id belongs names something else, so it is refused."""
    async with talking() as (sandbox, client):
        await subscribe(client)
        with pytest.raises(UsageError, match="id"):
            await client.request("DELETE", f"/eventsubscriptions/{''}", returns=None)
        assert len(sandbox.state.subscriptions) == 1
