"""Leaving a listener: whatever ends it, nothing is left behind, and what others have is not touched."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import pytest
from aiohttp import ClientConnectionError
from talking import cancelled_everywhere, client_of
from virtual import loop, virtual
from webhook_hearing import (
    COMPLETED,
    CREATE,
    DELETE,
    KEY,
    LIST,
    READ,
    SURVEYS,
    assert_closed,
    hearing,
    post,
    until,
)

from qualtrics_async import (
    QualtricsError,
    ServerFault,
    TimedOut,
    webhooks,
)
from qualtrics_async.sandbox import Deliveries, Sandbox
from qualtrics_async.webhooks.blocks import Block
from qualtrics_async.webhooks.durable import DurableInbox
from qualtrics_async.webhooks.fetching import Fetching
from qualtrics_async.webhooks.serving import OwnServer
from qualtrics_async.webhooks.subscribing import Subscriptions


class Stop(Exception):
    """What a body raises."""


STEPS = [
    (Fetching, "end"),
    (Block, "_let_go"),
    (Block, "_look_no_more"),
    (Block, "_settle"),
    (Subscriptions, "end"),
    (OwnServer, "close"),
    (webhooks.Receiver, "__aexit__"),
]


@pytest.mark.parametrize(("of", "name"), STEPS, ids=[name for _, name in STEPS])
@virtual
async def test_a_step_that_fails_keeps_no_other(
    of: type[Any], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it raises when it has done its part: all else is undone, and it is raised then."""
    step = getattr(of, name)

    async def failing(*given: Any) -> None:
        await step(*given)
        raise OSError("no more")

    async with hearing() as place:
        options: dict[str, Any] = {"shared_key": KEY, "inbox": tmp_path / "events.db", "fetch": True}
        place.sandbox.faults.add(kind="status", status=403, route=READ)

        async def body() -> None:
            async with place.listen(COMPLETED, **options) as events:
                await post(place)
                await anext(events)

        with monkeypatch.context() as patched:
            patched.setattr(of, name, failing)
            with pytest.raises(OSError, match="no more"):
                await body()
        assert not own_tasks()
        place.assert_untouched()
        assert_closed(place)
        async with place.listen(COMPLETED, **options) as events:
            assert events.waiting == 0


@virtual
async def test_what_a_cancelled_task_asked_for_comes_again(tmp_path: Path) -> None:
    """It asked in the place of the task of the block, had an event, and ended; all is undone as ever."""
    async with hearing() as place:
        options: dict[str, Any] = {"shared_key": KEY, "inbox": tmp_path / "events.db"}

        async def ask(walk: Any) -> None:
            await anext(walk)
            await asyncio.Event().wait()

        async with place.listen(COMPLETED, **options) as events:
            await post(place)
            asker = asyncio.create_task(ask(aiter(events)))
            await until(lambda: events.waiting == 0)
            asker.cancel()
            await asyncio.wait({asker})
        place.assert_untouched()
        assert_closed(place)
        async with place.listen(COMPLETED, **options) as events:
            assert events.waiting == 1


@virtual
async def test_what_is_under_way_when_the_server_closes_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The inbox is closed last: what has arrived and is not on disk yet gets there."""
    begun, may_be_kept = asyncio.Event(), asyncio.Event()
    put = DurableInbox.put

    async def slow(inbox: DurableInbox, event: webhooks.Event) -> Any:
        begun.set()
        await may_be_kept.wait()
        return await put(inbox, event)

    monkeypatch.setattr(DurableInbox, "put", slow)
    async with hearing() as place:

        async def let() -> None:
            await until(lambda: not place.own)
            await asyncio.sleep(0.1)
            with pytest.raises(ClientConnectionError):
                await post(place, 2)
            may_be_kept.set()

        options: dict[str, Any] = {"shared_key": KEY, "inbox": tmp_path / "events.db"}
        async with place.listen(COMPLETED, **options):
            delivering = asyncio.create_task(post(place))
            await begun.wait()
            letting = asyncio.create_task(let())
        assert await delivering == 200
        await letting
        async with place.listen(COMPLETED, **options) as events:
            assert events.waiting == 1


ENDS: Any = {"raise": Stop, "exit": SystemExit, "interrupt": KeyboardInterrupt, "generator": GeneratorExit}


@pytest.mark.parametrize("way", ["break", "cancel", "scope", "timeout", "all", "return", *ENDS])
@virtual
async def test_every_way_of_ending_unsubscribes(way: str) -> None:
    """What the block ended with leaves as itself."""
    async with hearing() as place:
        inside = asyncio.Event()

        async def body() -> str:
            async with place.listen() as events:
                place.sandbox.state.add_response(place.sandbox.state.survey_id)
                async for _ in events:
                    if way == "break":
                        break
                    if way in ENDS:
                        raise ENDS[way]
                    if way == "return":
                        return "returned"
                    inside.set()
            return "ended"

        task: asyncio.Task[Any]
        if way in ENDS:  # not in a task of its own, out of which some of them would end the loop
            with pytest.raises(ENDS[way]):
                await body()
        elif way == "scope":
            with anyio.move_on_after(1) as scope:
                await body()
            assert scope.cancelled_caught
        elif way == "timeout":
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1):
                    await body()
        else:
            task = asyncio.create_task(body())
            if way in ("cancel", "all"):
                await inside.wait()
                here = asyncio.current_task()
                for one in asyncio.all_tasks() - {here} if way == "all" else {task}:
                    one.cancel()
            ended = (await asyncio.gather(task, return_exceptions=True))[0]
            expected = {"break": str, "return": str}
            assert type(ended) is expected.get(way, asyncio.CancelledError)
        if way != "all":  # the sandbox was cancelled as well
            place.assert_untouched()
        assert_closed(place)


@pytest.mark.parametrize("how", ["closed", "forgotten", "kept"])
def test_a_generator_that_is_abandoned_unsubscribes(how: str, caplog: pytest.LogCaptureFixture) -> None:
    """When nobody has it any more, or the loop closes all that there are; nothing is complained of."""
    kept: list[AsyncGenerator[tuple[str, ...]]] = []
    with Sandbox.in_thread(gzip=False) as sandbox:

        async def hear() -> AsyncGenerator[tuple[str, ...]]:
            async with client_of(sandbox) as client:
                url = "https://hooks.example.com"
                async with webhooks.listen(client, COMPLETED, public_url=url, port=0, fetch=True) as events:
                    yield events.subscription_ids
                    async for _ in events:
                        raise AssertionError

        async def main() -> None:
            generator = hear()
            assert await anext(generator) == tuple(sandbox.state.subscriptions) != ()
            if how == "closed":
                await generator.aclose()
            elif how == "kept":
                kept.append(generator)

        asyncio.run(main())
        assert not sandbox.state.subscriptions
        assert not caplog.records


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("how", ["in memory", "inbox", "fetch"])
@virtual
async def test_a_cancellation_at_any_await_leaves_nothing(at_once: bool, how: str, tmp_path: Path) -> None:
    """While it starts, inside, and while it leaves; nobody has the file of an inbox then."""
    inbox = tmp_path / "events.db" if how == "inbox" else None
    async with hearing() as place:
        place.foreign |= {place.sandbox.state.add_subscription("stale", f"{place.public_url}/theirs")}

        async def block() -> None:
            async with place.listen(COMPLETED, fetch=how == "fetch", inbox=inbox):
                await asyncio.sleep(0.1)

        async def check() -> None:
            place.assert_untouched()
            assert_closed(place)
            if inbox is not None:
                async with webhooks.Receiver(inbox=inbox):
                    pass

        assert await cancelled_everywhere(block, check, at_once=at_once) > 5


@virtual
async def test_cancelling_again_and_again_changes_nothing() -> None:
    """Who leaves is not interrupted, whatever it takes to unsubscribe."""
    async with hearing() as place:
        place.sandbox.faults.add(kind="delay", seconds=2, route=DELETE, times=2)

        async def body() -> None:
            async with place.listen():
                await asyncio.Event().wait()

        task = asyncio.create_task(body())
        await until(lambda: len(place.own) == 2)
        began = loop().time()
        while not task.done():
            task.cancel()
            await asyncio.sleep(0.1)
        assert task.cancelled()
        assert 1.9 < loop().time() - began < 3
        place.assert_untouched()


def own_tasks() -> list[asyncio.Task[Any]]:
    """All tasks of the loop but the sandbox's, those that serve, and the test."""
    found = []
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        code = getattr(task.get_coro(), "cr_code", None)
        if code is None or not (
            code.co_qualname.startswith("RequestHandler") or "sandbox" in code.co_filename
        ):
            found.append(task)
    return found


@pytest.mark.parametrize("moment", range(14))
@virtual
async def test_every_task_can_be_cancelled_at_any_time(moment: int) -> None:
    """Who cancels all tasks of the loop cancels what subscribes and unsubscribes as well, several times."""
    async with hearing(latency=0.5) as place:

        async def body() -> None:
            async with place.listen(fetch=True):
                await asyncio.sleep(0.1)

        task = asyncio.create_task(body())
        cancelled = 0
        await asyncio.sleep(moment * 0.25)
        for _ in range(3):
            for one in own_tasks():
                cancelled += one.cancel()
            await asyncio.sleep(0.3)
        assert cancelled or task.done()
        ended = (await asyncio.gather(task, return_exceptions=True))[0]
        assert ended is None or isinstance(ended, asyncio.CancelledError)
        assert (ended is None) == (cancelled == 0)
        place.assert_untouched()
        assert_closed(place)


@pytest.mark.parametrize("ends_well", [True, False])
@virtual
async def test_leaving_takes_no_longer_than_it_may(ends_well: bool, caplog: pytest.LogCaptureFixture) -> None:
    """What is left then is raised, or noted where the block raised something itself, and logged."""
    async with hearing() as place:
        fault = place.sandbox.faults.add(kind="delay", route=DELETE, times=None)
        left: tuple[str, ...] = ()
        began = 0.0

        async def body() -> None:
            nonlocal left, began
            async with place.listen(COMPLETED, leave_within=4) as events:
                left = events.subscription_ids
                began = loop().time()
                if not ends_well:
                    raise Stop

        with pytest.raises(TimedOut if ends_well else Stop) as caught:
            await body()
        assert 4 <= loop().time() - began < 5
        told = str(caught.value) if ends_well else str(caught.value.__notes__)
        assert left
        assert left[0] in told
        assert left[0] in caplog.text
        assert_closed(place)
        fault.release()


@virtual
async def test_a_failed_deletion_is_raised_after_all_is_closed(caplog: pytest.LogCaptureFixture) -> None:
    """What is left is logged in one line; the next one at this URL takes it."""
    async with hearing() as place:
        place.sandbox.faults.add(kind="status", route=DELETE, times=15)
        with pytest.raises(ServerFault) as caught:
            async with place.listen(COMPLETED):
                pass
        assert place.own == [COMPLETED]
        (left,) = {*place.sandbox.state.subscriptions} - place.foreign
        assert left in str(caught.value.__notes__)
        (logged,) = [found.getMessage() for found in caplog.records if found.levelname == "ERROR"]
        assert str(caught.value) in logged
        assert f"what is left is deleted by the next listener at this URL: {left}" in logged
        assert_closed(place)
        async with place.listen(SURVEYS):
            assert place.own == [SURVEYS]
        place.assert_untouched()


@pytest.mark.parametrize("how", ["in time", "late", "late, in memory", "late, after a failure"])
@virtual
async def test_what_tasks_have_in_hand_at_the_end_is_told(
    how: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Where it comes again from an inbox after all went well: they should have been done with it."""
    async with hearing() as place:
        options: dict[str, Any] = {"shared_key": KEY}
        if "memory" not in how:
            options["inbox"] = tmp_path / "events.db"
        place.sandbox.faults.add(kind="delay", seconds=3, route=DELETE)
        taken = asyncio.Event()

        async def work(events: Any) -> None:
            async for _ in events:
                taken.set()
                await asyncio.sleep(2 if how == "in time" else 10)

        with suppress(Stop):
            async with place.listen(COMPLETED, **options) as events:
                await post(place)
                worker = asyncio.create_task(work(events))
                await taken.wait()
                if "failure" in how:
                    raise Stop
        told = [found.getMessage() for found in caplog.records if found.levelname == "WARNING"]
        again = f"1 events at {place.url} come again: tasks had them in hand when the block ended"
        assert told == ([again] if how == "late" else [])
        await worker
        async with place.listen(COMPLETED, **options) as events:
            assert events.waiting == (1 if how in ("late", "late, after a failure") else 0)


FAULTS: Any = [
    {"kind": "cut"},
    {"kind": "cut", "when": "after"},
    {"kind": "status"},
    {"kind": "status", "when": "after"},
    {"kind": "status", "status": 429},
    {"kind": "status", "status": 403},
    {"kind": "delay", "seconds": 1.5},
    {"kind": "delay", "seconds": 1.5, "when": "after"},
    {"kind": "truncated"},
]


@pytest.mark.parametrize("seed", range(30))
@virtual
async def test_whatever_happens_nothing_is_left(seed: int) -> None:
    """Random faults and random ends, also of a block that cannot subscribe or is cut off."""
    dice = random.Random(seed)
    async with hearing(Deliveries(first=0.1)) as place:
        state = place.sandbox.state
        for _ in range(dice.randrange(3)):
            state.add_subscription(dice.choice([COMPLETED, SURVEYS, "*"]), place.url)
        stale = set(state.subscriptions) - place.foreign
        for route in (CREATE, LIST):
            place.sandbox.faults.random(rate=0.4, kinds=FAULTS, seed=dice.randrange(10**6), route=route)
        repeated = [fault for fault in FAULTS if fault.get("status") != 403]
        place.sandbox.faults.random(rate=0.4, kinds=repeated, seed=dice.randrange(10**6), route=DELETE)

        async def body() -> None:
            async with place.listen(fetch=dice.random() < 0.3, leave_within=60) as events:
                for _ in range(3):
                    state.add_response(state.survey_id)
                    await anext(events)
                if dice.random() < 0.3:
                    raise Stop

        task = asyncio.create_task(body())
        for _ in range(dice.randrange(4)):
            await asyncio.sleep(dice.random() * 3)
            task.cancel()
        ended = (await asyncio.gather(task, return_exceptions=True))[0]
        assert ended is None or isinstance(ended, Stop | QualtricsError | asyncio.CancelledError)
        place.foreign |= stale & set(state.subscriptions)  # it did not come to them
        place.assert_untouched()
        assert_closed(place)
