"""Leaving a listener: whatever ends it, nothing is left behind, and what others have is not touched."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import pytest
from talking import cancelled_everywhere
from virtual import loop, virtual
from webhook_hearing import (
    COMPLETED,
    CREATE,
    DELETE,
    KEY,
    LIST,
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
)
from qualtrics_async.sandbox import Deliveries


class Stop(Exception):
    """What a body raises."""


@pytest.mark.parametrize("way", ["break", "raise", "cancel", "scope", "timeout", "all", "return"])
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
                    if way == "raise":
                        raise Stop
                    if way == "return":
                        return "returned"
                    inside.set()
            return "ended"

        task: asyncio.Task[Any]
        if way == "scope":
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
            expected = {"break": str, "raise": Stop, "return": str}
            assert type(ended) is expected.get(way, asyncio.CancelledError)
        if way != "all":  # the sandbox was cancelled as well
            place.assert_untouched()
        assert_closed(place)


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("fetch", [True, False])
@virtual
async def test_a_cancellation_at_any_await_leaves_nothing(at_once: bool, fetch: bool) -> None:
    """While it starts, inside, and while it leaves."""
    async with hearing() as place:
        place.foreign |= {place.sandbox.state.add_subscription("stale", f"{place.public_url}/theirs")}

        async def block() -> None:
            async with place.listen(COMPLETED, fetch=fetch):
                await asyncio.sleep(0.1)

        async def check() -> None:
            place.assert_untouched()
            assert_closed(place)

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
