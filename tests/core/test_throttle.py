"""When requests may leave: the quota promise in every sliding window, the order of waiting, nothing leaks."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from steps import Steps
from virtual import loop, run, virtual

from qualtrics_async import Limits
from qualtrics_async._core.throttle import Throttle

A, B, C = "GET /a", "GET /b", "GET /c"


def free(**options: int) -> Throttle:
    return Throttle(Limits.unlimited(**options))


def limited(brand: int | None = None, **routes: int) -> Throttle:
    keys = {f"GET /{name}": rate for name, rate in routes.items()}
    return Throttle(Limits(brand_per_minute=brand, routes=keys))


def assert_idle(throttle: Throttle) -> None:
    assert throttle.quota().in_flight == 0
    assert not any(lane.turnstile.locked() for lane in throttle._lanes.values())


def windows(times: list[float]) -> list[int]:
    """Count what falls into each window of 60 s that begins with a departure: the fullest there are."""
    ordered = sorted(times)
    return [bisect_left(ordered, start + 60) - place for place, start in enumerate(ordered)]


async def send(throttle: Throttle, key: str, seconds: float = 0.0) -> float:
    departure = await throttle.admit(key)
    try:
        departure.leave()
        left_at = loop().time()
        if seconds:
            await asyncio.sleep(seconds)
    finally:
        departure.close()
    return left_at


async def traffic(
    throttle: Throttle, keys: list[str], seconds: float, *, workers: int, stalls: float = 0, seed: int = 0
) -> dict[str, list[float]]:
    """Send as fast as the throttle lets, with jitter on the way; return the arrivals of each route."""
    random = Random(seed)
    arrivals: dict[str, list[float]] = {key: [] for key in keys}

    async def work(key: str) -> None:
        while loop().time() < seconds:
            arrivals[key].append(await send(throttle, key, random.uniform(0, 0.02)) + random.uniform(0, 0.1))

    async def stall() -> None:
        while loop().time() < seconds:
            await asyncio.sleep(random.uniform(0.1, 2))
            loop().stall(stalls)

    tasks = [asyncio.create_task(work(key)) for key in keys for _ in range(workers)]
    if stalls:
        tasks.append(asyncio.create_task(stall()))
    await asyncio.sleep(seconds)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert_idle(throttle)
    return arrivals


@settings(max_examples=12)
@given(st.integers(1, 120), st.integers(0, 99))
def test_small_quotas_are_kept_exactly(quota: int, seed: int) -> None:
    """Up to 120 a minute no window of 60 s holds more than the quota, and each holds all of it in time."""
    arrivals = run(traffic(limited(a=quota), [A], 200, workers=3, seed=seed))[A]
    assert max(windows(arrivals)) <= quota
    assert len(arrivals) == quota * 4


@virtual
async def test_a_few_calls_of_a_slow_route_leave_at_once() -> None:
    """Whoever has the whole minute left need not take one of its parts after the other."""
    throttle = limited(a=100)
    before = loop().time()
    await asyncio.gather(*(send(throttle, A) for _ in range(100)))
    assert loop().time() - before < 1
    await send(throttle, A)
    assert loop().time() - before > 60


@pytest.mark.parametrize("quota", [1, 5, 60, 120])
def test_small_quotas_count_from_the_wire(quota: int) -> None:
    """A token that aged while it waited for a slot counts from the moment when its request left."""

    async def busy() -> list[float]:
        throttle = Throttle(Limits(None, routes={A: quota}, max_in_flight=1, published=False))
        held = await throttle.admit("GET /other")
        waiting = asyncio.create_task(send(throttle, A))
        await asyncio.sleep(59)
        held.leave()
        held.close()
        left = [await waiting]
        while loop().time() < 190:
            left.append(await send(throttle, A))
        return left

    assert max(windows(run(busy()))) <= quota


@settings(max_examples=12)
@given(st.integers(121, 1500) | st.sampled_from([121, 240, 300, 500, 3000]), st.integers(0, 99))
def test_large_quotas_are_kept_and_used(quota: int, seed: int) -> None:
    """Above 120 a minute no window holds more than the quota, and at least 97 % of it is used."""
    arrivals = run(traffic(limited(a=quota), [A], 130, workers=3, seed=seed))[A]
    full = [count for count, start in zip(windows(arrivals), sorted(arrivals), strict=True) if start < 69]
    assert max(full) <= quota
    assert min(full) >= int(0.97 * quota)


@settings(max_examples=8)
@given(st.sampled_from([120, 500, 3000]), st.sampled_from([0.05, 0.1, 0.5, 3.0]), st.integers(0, 99))
def test_stalls_of_the_loop_let_no_burst_through(quota: int, stalls: float, seed: int) -> None:
    """When the loop is blocked again and again, what piled up does not leave all at once."""
    arrivals = run(traffic(limited(a=quota), [A], 100, workers=3, stalls=stalls, seed=seed))[A]
    counts = windows(arrivals)
    assert max(counts) <= quota
    if stalls <= 0.1:
        assert counts[0] >= int(0.97 * quota) - 1


@settings(max_examples=6)
@given(st.integers(150, 900), st.integers(2, 8), st.integers(0, 99))
def test_routes_share_the_brand(quota: int, routes: int, seed: int) -> None:
    """Several routes together keep to the brand's quota and use it, and each gets its part."""
    keys = [f"GET /{number}" for number in range(routes)]
    arrivals = run(traffic(limited(quota), keys, 100, workers=3, seed=seed))
    together = windows([time for times in arrivals.values() for time in times])
    assert max(together) <= quota
    assert together[0] >= int(0.97 * quota)
    assert min(map(len, arrivals.values())) > 0.8 * quota / routes


@settings(max_examples=6)
@given(st.integers(0, 99))
def test_each_limit_holds_beside_the_others(seed: int) -> None:
    """Small, large and unlimited routes under one brand: every window of each and of all is within bounds."""
    throttle = limited(400, a=30, b=120)
    arrivals = run(traffic(throttle, [A, B, C], 130, workers=2, seed=seed))
    assert max(windows(arrivals[A])) <= 30
    assert max(windows(arrivals[B])) <= 120
    assert max(windows([time for times in arrivals.values() for time in times])) <= 400
    assert len(arrivals[A]) >= 60
    assert len(arrivals[B]) > 2 * 0.9 * 120


@virtual
async def test_a_route_limit_above_the_brands_does_not_count() -> None:
    """A route that may do more than its brand is bound by the brand alone."""
    throttle = limited(100, a=100, b=3000)
    await send(throttle, A)
    await send(throttle, B)
    assert [throttle.quota().routes[key].limit for key in (A, B)] == [None, None]
    assert throttle.quota().brand.available == 98


@virtual
async def test_no_limits_mean_no_waiting() -> None:
    """Without limits a thousand requests leave at once."""
    throttle = free()
    times = await asyncio.gather(*(send(throttle, A) for _ in range(1000)))
    assert set(times) == {0}


@virtual
async def test_the_turnstile_admits_one_at_a_time() -> None:
    """The next of a route comes through when the one before has left, not before; other routes pass by."""
    throttle = free()
    first = await throttle.admit(A)
    second = asyncio.create_task(throttle.admit(A))
    other = await throttle.admit(B)
    await asyncio.sleep(100)
    assert not second.done()
    assert throttle.quota().in_flight == 2
    first.leave()
    (await second).close()
    first.close()
    other.close()
    assert_idle(throttle)


@pytest.mark.parametrize("opens", ["leave", "let_next", "close"])
@virtual
async def test_the_turnstile_opens_once_whatever_opens_it(opens: str) -> None:
    """Leaving, letting by and closing each open the turnstile, and a second time they do nothing."""
    throttle = free()
    departure = await throttle.admit(A)
    waiting = [asyncio.create_task(throttle.admit(A)) for _ in range(2)]
    getattr(departure, opens)()
    await asyncio.sleep(1)
    assert [task.done() for task in waiting] == [True, False]
    if opens != "close":
        departure.close()
    assert departure.left is (opens == "leave")
    (await waiting[0]).close()
    (await waiting[1]).close()
    assert_idle(throttle)


@pytest.mark.parametrize("rate", [5, 300])
@virtual
async def test_a_route_is_served_in_order(rate: int) -> None:
    """First come, first served, with an exact limit and with a bucket."""
    throttle, served = limited(a=rate), []

    async def one(number: int) -> None:
        await send(throttle, A)
        served.append(number)

    await asyncio.gather(*map(one, range(30)))
    assert served == list(range(30))


@virtual
async def test_slots_are_given_in_order_and_back() -> None:
    """At most so many are in flight; who waits for a slot has not taken the brand's token yet."""
    throttle = Throttle(Limits(brand_per_minute=1000, max_in_flight=2, published=False))
    first, second = await throttle.admit(A), await throttle.admit(B)
    third = asyncio.create_task(throttle.admit(C))
    await asyncio.sleep(10)
    assert not third.done()
    assert throttle.quota().brand.used == 2
    first.close()
    departure = await third
    assert (throttle.quota().brand.used, throttle.quota().in_flight) == (3, 2)
    second.close()
    departure.close()
    assert_idle(throttle)


@virtual
async def test_the_routes_token_comes_before_the_slot() -> None:
    """A route that has spent its minute holds no slot while it waits."""
    throttle = Throttle(Limits(brand_per_minute=None, routes={A: 1}, max_in_flight=1))
    await send(throttle, A)
    waiting = asyncio.create_task(send(throttle, A))
    await asyncio.sleep(5)
    assert throttle.quota().in_flight == 0
    assert await send(throttle, B) == 5
    assert await waiting > 60


@virtual
async def test_a_deadline_is_seen_by_every_waiter() -> None:
    """Nothing of the route leaves before the deadline, whoever waits and whoever finishes first."""
    throttle = free()
    slow = await throttle.admit(A)
    slow.leave()
    waiting = [asyncio.create_task(send(throttle, A)) for _ in range(5)]
    throttle.refuse(A, 10)
    late = [asyncio.create_task(send(throttle, A)) for _ in range(5)]
    await asyncio.sleep(3)
    slow.close()
    times = await asyncio.gather(*waiting, *late)
    assert min(times[1:]) >= 10
    assert await send(throttle, B) == loop().time()


@virtual
async def test_a_later_refusal_extends_and_never_shortens() -> None:
    """The farthest deadline counts, also for those who wait already."""
    throttle = free()
    throttle.refuse(A, 10)
    waiting = asyncio.create_task(send(throttle, A))
    await asyncio.sleep(5)
    throttle.refuse(A, 1)
    await asyncio.sleep(1)
    throttle.refuse(A, 20)
    assert await waiting == 26
    throttle.refuse(A, 10)
    throttle.refuse(A, 1)
    assert await send(throttle, A) == 36
    throttle.refuse(B, 10)
    throttle.refuse(C, 20)
    throttle.refuse(B, 1)
    assert await send(throttle, A) == 56


@virtual
async def test_a_refusal_while_one_waits_for_its_token_counts() -> None:
    """Deadlines are looked at once more after the tokens, at the last moment."""
    throttle = limited(60)
    await asyncio.gather(*(send(throttle, A) for _ in range(60)))
    waiting = asyncio.create_task(send(throttle, A))
    await asyncio.sleep(50)
    throttle.refuse(A, 30)
    assert await waiting >= 80
    assert_idle(throttle)


@virtual
async def test_a_second_refused_route_pauses_the_brand() -> None:
    """One refused route is the route's limit, a second one meanwhile the brand's."""
    throttle = free()
    assert throttle.refuse(A, 10) is False
    assert throttle.refuse(A, 12) is False
    assert await send(throttle, C) == 0
    assert throttle.refuse(B, 20) is True
    assert throttle.quota().brand.paused == 20
    assert await send(throttle, C) == 20
    assert throttle.refuse(C, 5) is False
    assert throttle.quota().brand.paused == 0


@virtual
async def test_a_paused_route_holds_nothing() -> None:
    """Whoever waits for a deadline has no token and no slot."""
    throttle = limited(100, a=50)
    throttle.refuse(A, 10)
    waiting = asyncio.create_task(send(throttle, A))
    await asyncio.sleep(1)
    quota = throttle.quota()
    assert (quota.in_flight, quota.brand.used, quota.routes[A].used) == (0, 0, 0)
    assert (quota.routes[A].paused, quota.routes[A].available) == (9, 50)
    await waiting


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("step", range(1, 8))
@virtual
async def test_cancelled_anywhere_nothing_is_kept(step: int, *, at_once: bool) -> None:
    """Cancelled at turnstile, deadline, token, slot or brand: all is given back, and the next one passes."""
    throttle = Throttle(Limits(brand_per_minute=5, routes={A: 3}, max_in_flight=1))
    for key in (A, A, A, B, B):
        await send(throttle, key)
    other = await throttle.admit(C) if step % 2 else None
    throttle.refuse(A, 2)
    steps = Steps(throttle.admit(A), step, at_once=at_once)
    task = asyncio.create_task(steps)
    behind = asyncio.create_task(send(throttle, A))
    await asyncio.sleep(30)
    if other is not None:
        other.close()
    await asyncio.wait({task})
    if not task.cancelled():
        assert steps.count < step
        task.result().close()
    await behind
    assert_idle(throttle)


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(st.sampled_from([A, B, C]), st.floats(0, 90), st.none() | st.floats(0, 90)), max_size=25
    ),
    st.lists(st.tuples(st.sampled_from([A, B, C]), st.floats(0, 90), st.floats(0, 30)), max_size=4),
)
def test_no_schedule_of_cancellations_leaks(
    calls: list[tuple[str, float, float | None]], refusals: list[tuple[str, float, float]]
) -> None:
    """Calls that come, are refused and are cancelled at any time leave the throttle as it was."""

    async def main() -> None:
        throttle = Throttle(Limits(brand_per_minute=8, routes={A: 3, B: 5}, max_in_flight=2))

        async def call(key: str, start: float, cancel: float | None) -> None:
            await asyncio.sleep(start)
            task = asyncio.create_task(send(throttle, key, 1.0))
            if cancel is not None:
                await asyncio.sleep(cancel)
                task.cancel()
            await asyncio.wait({task})
            assert task.cancelled() == (cancel is not None and task.cancelled())

        async def refuse(key: str, start: float, seconds: float) -> None:
            await asyncio.sleep(start)
            throttle.refuse(key, seconds)

        await asyncio.gather(*(call(*given) for given in calls), *(refuse(*given) for given in refusals))
        assert_idle(throttle)
        before = loop().time()
        await asyncio.gather(*(send(throttle, key) for key in (A, B, C)))
        assert loop().time() - before < 125

    run(main())


@virtual
async def test_cancelled_waiters_use_no_tokens() -> None:
    """A hundred who gave up at the bucket do not delay the one who stays."""
    throttle = limited(240)
    while loop().time() == 0:
        await send(throttle, A)
    began = loop().time()
    waiting = [asyncio.create_task(throttle.admit(f"GET /{number}")) for number in range(100)]
    await asyncio.sleep(0)
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)
    assert await send(throttle, A) - began < 1.1 * 60 / 236
    assert_idle(throttle)


@virtual
async def test_waking_up_is_no_stampede() -> None:
    """A thousand waiters of one route wake one by one: the work does not grow with their number squared."""
    turns = 0

    async def counted(number: int) -> None:
        nonlocal turns
        steps = Steps(send(throttle, A), 0, at_once=False)
        await asyncio.create_task(steps)
        turns += steps.count

    throttle = limited(a=3000)
    await asyncio.gather(*map(counted, range(1000)))
    assert turns < 5000


@virtual
async def test_the_memory_of_a_limit_is_bounded() -> None:
    """Departures older than a minute are forgotten, with a limit and without one."""
    for throttle in (free(), limited(3000), limited(a=99)):
        for _ in range(5):
            for _ in range(80):
                await send(throttle, A)
            await asyncio.sleep(70)
        await send(throttle, A)
        assert len(throttle._brand.departures) <= 81
        assert len(throttle._lane(A).rate.departures) <= 81
