"""Every public coroutine, cancelled at each of its awaits: nothing is kept, and the client still works."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeAlias

import pytest
from steps import Steps
from talking import arrivals, assert_idle, cancelled_everywhere, client_of, subscribe, talking
from virtual import virtual

from qualtrics_async import Limits, Polling, Qualtrics, SessionPool, Timeouts, concurrent
from qualtrics_async._core.jobs import poll
from qualtrics_async._core.tasks import finish_within, leaving
from qualtrics_async.sandbox import Sandbox

Work: TypeAlias = Callable[[Sandbox, Qualtrics], Coroutine[Any, Any, Any]]
LIST = "GET /eventsubscriptions"

both = pytest.mark.parametrize("at_once", [True, False], ids=["at once", "a turn later"])


async def whoami(sandbox: Sandbox, client: Qualtrics) -> None:
    await client.users.whoami()


async def write(sandbox: Sandbox, client: Qualtrics) -> None:
    await subscribe(client)


async def raw(sandbox: Sandbox, client: Qualtrics) -> None:
    await client.request("GET", "/surveys/{surveyId}", sandbox.state.survey_id)


async def stream(sandbox: Sandbox, client: Qualtrics) -> None:
    async with client.stream("GET", "/surveys/{surveyId}", sandbox.state.survey_id) as download:
        async for _ in download.chunks():
            await asyncio.sleep(0)


async def stream_whole(sandbox: Sandbox, client: Qualtrics) -> None:
    async with client.stream("GET", "/surveys/{surveyId}", sandbox.state.survey_id) as download:
        await download.read(1_000_000)


async def first_page(sandbox: Sandbox, client: Qualtrics) -> None:
    await client.event_subscriptions.list().first_page()


async def walk(sandbox: Sandbox, client: Qualtrics) -> None:
    async for _ in client.event_subscriptions.list():
        await asyncio.sleep(0)


async def pages(sandbox: Sandbox, client: Qualtrics) -> None:
    async for _ in client.event_subscriptions.list().pages():
        await asyncio.sleep(0)


async def collect(sandbox: Sandbox, client: Qualtrics) -> None:
    assert len(await client.event_subscriptions.list().collect()) >= 3


async def prefetch(sandbox: Sandbox, client: Qualtrics) -> None:
    async with client.event_subscriptions.list().prefetch(pages=2) as items:
        async for _ in items:
            await asyncio.sleep(0)


async def many(sandbox: Sandbox, client: Qualtrics) -> None:
    listings = {key: client.event_subscriptions.list() for key in range(3)}
    async with concurrent(listings, limit=2) as items:
        async for _ in items:
            await asyncio.sleep(0)


async def job(sandbox: Sandbox, client: Qualtrics) -> None:
    state = _State()

    async def progress() -> _State:
        await client.users.whoami()
        state.left -= 1
        return state

    client.polling = Polling(first=0.5)
    await client.wait("J_1", progress)


class _State:
    is_failed = False
    status = "x"

    def __init__(self) -> None:
        self.left = 3

    @property
    def is_finished(self) -> bool:
        return self.left == 0


async def with_deadline(sandbox: Sandbox, client: Qualtrics) -> None:
    await client.with_options(deadline=60).users.whoami()


async def repeated(sandbox: Sandbox, client: Qualtrics) -> None:
    sandbox.faults.clear()
    sandbox.faults.add(kind="status", status=503, route="GET /whoami")
    sandbox.faults.add(kind="status", status=429, route="GET /whoami", retry_after=1)
    sandbox.faults.add(kind="cut", route="GET /whoami")
    await client.users.whoami()
    sandbox.faults.clear()


async def default_directory(sandbox: Sandbox, client: Qualtrics) -> None:
    await client.with_options().directories.default()


WORK: list[Work] = [
    whoami,
    write,
    raw,
    stream,
    stream_whole,
    first_page,
    walk,
    pages,
    collect,
    prefetch,
    many,
    job,
    with_deadline,
    repeated,
    default_directory,
]


@both
@pytest.mark.parametrize("work", WORK, ids=lambda work: work.__name__)
@virtual
async def test_cancelled_at_each_await_nothing_is_kept(work: Work, *, at_once: bool) -> None:
    """No task, slot, turnstile or connection is left, wherever it strikes, and the next call works."""
    limits = Limits(max_in_flight=2, routes={LIST: 3000})
    async with talking({"page_size": 1}, limits=limits) as (sandbox, client):
        for _ in range(3):
            await subscribe(client)

        async def check() -> None:
            sandbox.faults.clear()
            await asyncio.sleep(0)
            assert_idle(client)
            await client.users.whoami()
            assert_idle(client)

        steps = await cancelled_everywhere(lambda: work(sandbox, client), check, at_once=at_once)
        assert steps >= 1


@both
@virtual
async def test_a_cancelled_write_is_carried_out_once_or_never(*, at_once: bool) -> None:
    """At each await: either it never left, or it was confirmed before the cancellation was raised."""
    async with talking({"latency": 0.5}) as (sandbox, client):
        before = 0
        for step in range(1, 50):
            sandbox.requests.clear()
            steps = Steps(subscribe(client), step, at_once=at_once)
            task = asyncio.create_task(steps)
            await asyncio.wait({task})
            done = len(sandbox.state.subscriptions) - before
            before += done
            assert done == arrivals(sandbox, "POST /eventsubscriptions") <= 1
            assert_idle(client)
            if steps.count < step:
                return
        raise AssertionError("it never ended by itself")


@both
@virtual
async def test_opening_and_closing_can_be_cancelled(*, at_once: bool) -> None:
    """A client or a pool whose entry or exit is cancelled leaves no socket, and can be opened again."""
    async with Sandbox() as sandbox:
        made: list[Qualtrics | SessionPool] = []

        async def use() -> None:
            async with made[0] as opened:
                if isinstance(opened, Qualtrics):
                    await opened.users.whoami()
                await asyncio.sleep(0)

        async def start_client() -> None:
            made[:] = [client_of(sandbox)]
            await use()

        async def start_pool() -> None:
            made[:] = [SessionPool()]
            await use()

        async def check() -> None:
            await made[0].aclose()
            await use()

        await cancelled_everywhere(start_client, check, at_once=at_once)
        await cancelled_everywhere(start_pool, check, at_once=at_once)


@both
@virtual
async def test_waiting_for_an_oauth_token_can_be_cancelled(*, at_once: bool) -> None:
    """Wherever the one who fetches is cancelled, another one gets through."""
    async with Sandbox() as sandbox:
        options = {"token": None, "client_id": sandbox.client_id, "client_secret": sandbox.client_secret}

        @asynccontextmanager
        async def fresh() -> AsyncIterator[Qualtrics]:
            async with client_of(sandbox, **options) as client:
                yield client

        for step in range(1, 100):
            async with fresh() as client:
                steps = Steps(client.users.whoami(), step, at_once=at_once)
                task = asyncio.create_task(steps)
                other = asyncio.create_task(client.users.whoami())
                await asyncio.wait({task})
                await other
                assert_idle(client)
                if steps.count < step:
                    return
        raise AssertionError("it never ended by itself")


@both
@virtual
async def test_the_poller_can_be_cancelled(*, at_once: bool) -> None:
    """Between two questions and inside of one."""

    async def ask() -> _State:
        await asyncio.sleep(1)
        state.left -= 1
        return state

    state = _State()

    async def start() -> None:
        state.left = 3
        await poll("J_1", ask, Polling(first=0.5))

    async def check() -> None:
        return

    assert await cancelled_everywhere(start, check, at_once=at_once) >= 5


@both
@virtual
async def test_work_that_outlives_a_cancellation_ends(*, at_once: bool) -> None:
    """`finish_within` lets it end, or ends it when its time is up, and raises the cancellation."""
    ended: list[str] = []

    async def work(seconds: float, *, worthwhile: bool) -> None:
        leaving(partial(bool, worthwhile))
        try:
            await asyncio.sleep(seconds)
            ended.append("done")
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    for seconds, worthwhile, expected in (
        (1, True, "done"),
        (100, True, "cancelled"),
        (1, False, "cancelled"),
    ):
        ended.clear()
        outliving = finish_within(5, work(seconds, worthwhile=worthwhile))
        task = asyncio.create_task(Steps(outliving, 1, at_once=at_once))
        await asyncio.wait({task})
        assert task.cancelled()
        assert ended == [expected]


@virtual
async def test_a_task_group_of_callers_ends_together() -> None:
    """When one of many fails, the others are cancelled and everything comes back."""
    async with talking({"latency": 1.0}, timeouts=Timeouts(grace=0)) as (sandbox, client):
        sandbox.faults.add(kind="status", status=404, route="GET /surveys")

        async def all_of_them() -> None:
            async with asyncio.TaskGroup() as tasks:
                for _ in range(20):
                    tasks.create_task(whoami(sandbox, client))
                tasks.create_task(write(sandbox, client))
                tasks.create_task(client.surveys.list().collect())

        with pytest.raises(ExceptionGroup):
            await all_of_them()
        assert_idle(client)
        await asyncio.sleep(2)  # the sandbox goes on for as long
