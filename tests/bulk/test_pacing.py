"""The pace of rows: it holds in any sliding minute, for all lists together, and is used up."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from math import ceil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from virtual import loop, run, virtual
from working import CREATE, IMPORT, Scene, scene, settle, take

from qualtrics_async import UsageError, bulk
from qualtrics_async.bulk.pacing import Pace
from qualtrics_async.sandbox import ByPolls

Left = list[tuple[float, int]]


def most(left: Left, *, window: float = 60.0 - 1e-6) -> int:
    """The most rows that left within any window that ends with a departure, rounding left out."""
    return max((sum(rows for at, rows in left if end - window < at <= end) for end, _ in left), default=0)


async def depart(limit: float, units: list[tuple[int, float, float, float]]) -> Left:
    """Let units of rows leave: each asks at a moment, waits before it leaves, and takes some time."""
    pace, left = Pace(limit), Left()

    async def one(rows: int, asks: float, waits: float, takes: float) -> None:
        await asyncio.sleep(asks)
        async with pace.leave(rows):
            await asyncio.sleep(waits)
            left.append((loop().time(), rows))
            await asyncio.sleep(takes)

    async with asyncio.TaskGroup() as tasks:
        for unit in units:
            tasks.create_task(one(*unit))
    return sorted(left)


seconds = st.floats(0, 90).map(lambda number: round(number, 1))
units = st.lists(st.tuples(st.integers(1, 40), seconds, seconds, seconds), max_size=20)


@settings(max_examples=60)
@given(units=units, limit=st.integers(40, 100))
def test_no_minute_has_more(units: list[tuple[int, float, float, float]], limit: int) -> None:
    """Whatever asks when, and however long it is on its way: no sliding minute has more than the limit."""
    left = run(depart(limit, units))
    assert sorted(rows for _, rows in left) == sorted(rows for rows, *_ in units)
    assert most(left) <= limit


@pytest.mark.parametrize(("limit", "chunk"), [(600, 1), (1000, 250), (15_000, 10_000), (12_000, 10_000)])
def test_the_pace_is_used_up(limit: int, chunk: int) -> None:
    """With chunks of the share that it names, hardly less than the limit leaves in a minute."""
    rows = Pace(limit).share(chunk)
    count = ceil(3 * limit / rows)
    left = run(depart(limit, [(rows, 0, 0, 0)] * count))
    assert rows <= chunk
    assert most(left) <= limit
    assert left[-1][0] <= 3 * 60 + 1


def test_rows_are_spread_over_the_minute() -> None:
    """A minute does not begin with all its rows."""
    left = run(depart(60, [(1, 0, 0, 0)] * 90))
    assert most(left, window=10) <= 11


def test_what_is_larger_than_a_minute_leaves_alone() -> None:
    """A chunk of an earlier, faster run does not wait for ever."""
    left = run(depart(10, [(5, 0, 0, 0), (25, 0, 0, 0), (5, 0, 0, 0)]))
    assert [rows for _, rows in left] == [5, 25, 5]
    assert all(later - sooner >= 60 for (sooner, _), (later, _) in pairwise(left))


def test_order_is_that_of_asking() -> None:
    """A small one does not overtake a large one that waits."""
    left = run(depart(10, [(8, 0, 0, 0), (9, 1, 0, 0), (1, 2, 0, 0)]))
    assert [rows for _, rows in left] == [8, 9, 1]


def test_a_cancelled_wait_holds_nobody_up() -> None:
    """Who is cancelled while it waits has used nothing, and the next one gets its turn."""

    async def go() -> None:
        pace = Pace(10)
        await pace.take(10)
        waiting = asyncio.create_task(pace.take(10))
        behind = asyncio.create_task(pace.take(10))
        await asyncio.sleep(1)
        waiting.cancel()
        await behind
        assert 60 <= loop().time() < 62

    run(go())


def departures(s: Scene, route: str) -> Left:
    """When rows of a route arrived."""
    sizes = iter(job.size for job in s.sandbox.state.imports.values())
    arrived = [record for record in s.sandbox.requests if f"{record.method} {record.route}" == route]
    return [(record.at, next(sizes) if route == IMPORT else 1) for record in arrived]


@pytest.mark.parametrize(("count", "limit", "lists"), [(190, 60, 3), (300, 25, 1), (12, 60, 3)])
@virtual
async def test_imports_keep_the_pace(count: int, limit: int, lists: int) -> None:
    """All lists together, chunks of at most a minute's rows; it takes about the minutes that it should."""
    async with scene(lists=lists, clock=loop().time, jobs=ByPolls(1), deduplicate=()) as s:
        began = loop().time()
        s.sandbox.faults.add(kind="delay", route=IMPORT, seconds=25, times=None, path=s.lists[0])
        options = {"limit_rows_per_minute": limit, "chunk_rows": 1000}
        taken = await take(s.imports(s.rows(count), **options))
        settle(s.sandbox, s.rows(count), taken.outcomes)
        left = departures(s, IMPORT)
        assert sum(rows for _, rows in left) == count
        assert max(rows for _, rows in left) <= limit
        assert most(left) <= limit
        assert (count / limit - 1) * 60 <= loop().time() - began < (count / limit + 1) * 90 + 60


@virtual
async def test_creates_keep_the_pace() -> None:
    """Single rows too; and a plan says how long it takes."""
    async with scene(lists=2, clock=loop().time) as s:
        began, rows = loop().time(), s.rows(150)
        taken = await take(s.creates(rows, limit_rows_per_minute=40))
        settle(s.sandbox, rows, taken.outcomes)
        assert most(departures(s, CREATE)) <= 40
        planned = await bulk.plan_import(
            s.client, rows, mailing_list=s.spread, creates=True, limit_rows_per_minute=40
        )
        assert loop().time() - began == pytest.approx(60 * planned.minutes, rel=0.1)


@virtual
async def test_another_pace_goes_on_with_the_same_journal(tmp_path: Path) -> None:
    """A slower or faster second call is the same job."""
    async with scene(clock=loop().time) as s:
        rows, journal = s.rows(100), tmp_path / "j.db"
        await take(s.imports(rows, journal=journal, limit_rows_per_minute=5), 20)
        await take(s.imports(rows, journal=journal, limit_rows_per_minute=600))
        whole = await take(s.imports(rows, journal=journal, replay=True))
        assert whole.error is None
        settle(s.sandbox, rows, whole.outcomes)


@pytest.mark.parametrize("limit", [0, -1, float("nan")])
@virtual
async def test_a_pace_that_cannot_be_meant(limit: float) -> None:
    """It is refused before anything is read."""
    async with scene() as s:
        with pytest.raises(UsageError):
            async with s.imports(s.rows(1), limit_rows_per_minute=limit):
                pass
