"""The dry run: it changes nothing, and what it foretells is what the job does."""

from __future__ import annotations

import sys
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from working import CREATE, GET_LIST, IMPORT, Scene, asynchronous, client_of, scene, take

from qualtrics_async import Limits, NotFound, Qualtrics, UsageError, bulk
from qualtrics_async.bulk import BrokenRow, SourceRow
from qualtrics_async.bulk.plan import Plan
from qualtrics_async.models.directories import DeduplicationCriteria
from qualtrics_async.sandbox import ByPolls

BY_EMAIL = DeduplicationCriteria(email=True)
NEVER = DeduplicationCriteria()


def made(s: Scene) -> Counter[str]:
    """Count the requests that arrived by route."""
    return Counter(f"{record.method} {record.route}" for record in s.sandbox.requests)


def about(plan: Plan, real: Counter[str], *, extra: int = 3) -> None:
    """Check that a plan is at most a tenth and a few requests beside what happened."""
    assert abs(plan.requests - real.total()) <= real.total() / 10 + extra, (plan.routes, real)


async def plan(s: Scene, rows: Any, **options: Any) -> Plan:
    """Plan an import into the lists in turn, ten rows a chunk, and see that nothing was asked for it."""
    before = len(s.sandbox.requests)
    made = await bulk.plan_import(s.client, rows, **{"mailing_list": s.spread, "chunk_rows": 10, **options})
    assert len(s.sandbox.requests) == before
    return made


@pytest.mark.parametrize(
    ("count", "chunk_rows", "lists"), [(0, 10, 1), (7, 10, 1), (95, 10, 3), (900, 300, 2)]
)
@pytest.mark.parametrize("criteria", [BY_EMAIL, NEVER], ids=["deduplicated", "not"])
@asynchronous
async def test_an_import_takes_the_requests_that_were_planned(
    criteria: DeduplicationCriteria, count: int, chunk_rows: int, lists: int
) -> None:
    """Chunks are exactly those of the job, requests about as many; nothing was sent before."""
    on = ("email",) if criteria.active else ()
    async with scene(lists=lists, deduplicate=on, jobs=ByPolls(1)) as s:
        foretold = await plan(s, s.rows(count), deduplication=criteria, chunk_rows=chunk_rows)
        taken = await take(s.imports(s.rows(count), chunk_rows=chunk_rows))
        assert taken.kinds.total() == foretold.rows == foretold.valid == count
        real = made(s)
        assert foretold.chunks == foretold.routes.get(IMPORT, 0) == real[IMPORT]
        assert sum(foretold.lists.values()) == count
        assert not foretold.at_least
        about(foretold, real)


@pytest.mark.parametrize("criteria", [BY_EMAIL, NEVER], ids=["deduplicated", "not"])
@asynchronous
async def test_creates_take_the_requests_that_were_planned(criteria: DeduplicationCriteria) -> None:
    """One request a row, and what is asked before each that cannot be repeated."""
    on = ("email",) if criteria.active else ()
    async with scene(lists=2, deduplicate=on) as s:
        rows = s.rows(60)
        foretold = await plan(s, rows, creates=True, deduplication=criteria)
        await take(s.creates(rows))
        assert foretold.routes[CREATE] == made(s)[CREATE] == 60
        about(foretold, made(s))


@pytest.mark.parametrize("sizes", [(25,), (250, 0, 130), (99, 101)])
@asynchronous
async def test_links_take_the_requests_that_were_planned(sizes: tuple[int, ...]) -> None:
    """It asks for the size of each list, and for nothing else."""
    async with scene(lists=len(sizes), jobs=ByPolls(1)) as s:
        s.fill(*sizes)
        foretold = await bulk.plan_links(s.client, s.lists, directory_id=s.directory)
        assert made(s) == {GET_LIST: len(sizes)}
        assert foretold.lists == dict(zip(s.lists, sizes, strict=True))
        assert foretold.rows == sum(sizes)
        s.sandbox.requests.clear()
        await take(s.links())
        about(foretold, made(s))


@asynchronous
async def test_a_list_that_is_not_there_cannot_be_planned() -> None:
    """The error is the service's own."""
    async with scene() as s:
        with pytest.raises(NotFound):
            await bulk.plan_links(s.client, [*s.lists, "CG_never"], directory_id=s.directory)


@asynchronous
async def test_refused_rows_are_counted_and_shown() -> None:
    """Each reason is counted, the first few are shown with line and text, and none of them is sent."""
    async with scene() as s:
        bad: list[Any] = [
            BrokenRow(2, "a,b", "a quote is never closed"),
            *(SourceRow(n, {"email": f"person{n}@"}) for n in range(3, 20)),
            {"Color": "red"},
            {"email": "a@example.com", "note": "x" * 40_000},
        ]
        rows = [*s.rows(4), *bad]
        foretold = await plan(s, rows, mailing_list=s.lists[0], chunk_bytes=2 * 16_384)
        assert (foretold.rows, foretold.valid, foretold.refused) == (24, 4, 20)
        expected = {"broken line": 1, "invalid e-mail": 17, "no contact field": 1, "too large": 1}
        assert foretold.reasons == expected
        taken = await take(s.imports(rows, mailing_list=s.lists[0], chunk_bytes=2 * 16_384))
        assert taken.reasons == expected
        assert [(p.index, p.line, p.reason) for p in foretold.problems[:2]] == [
            (4, 2, "broken line"),
            (5, 3, "invalid e-mail"),
        ]
        assert foretold.problems[0].message == "a quote is never closed"
        assert len(foretold.problems) == 5


MINUTES: list[tuple[Limits, dict[str, Any], float]] = [
    (Limits.unlimited(), {}, 0),
    (Limits.unlimited(), {"limit_rows_per_minute": 200}, 5),
    (Limits(brand_per_minute=10, published=False), {}, 7.1),
    (Limits(brand_per_minute=None, routes={CREATE: 50}), {"creates": True}, 20),
    (Limits(brand_per_minute=3000), {"creates": True}, 2),
]


@pytest.mark.parametrize(("limits", "options", "minutes"), MINUTES)
@asynchronous
async def test_minutes_are_those_of_the_tightest_limit(
    limits: Limits, options: dict[str, Any], minutes: float
) -> None:
    """Brand, route or rows: whichever takes longest."""
    async with scene() as s, client_of(s.sandbox, limits=limits) as client:
        given = {"mailing_list": "CG_1", "chunk_rows": 50, "deduplication": BY_EMAIL, **options}
        foretold = await bulk.plan_import(client, s.rows(1000), **given)
        assert foretold.minutes == pytest.approx(minutes, rel=0.15)


@asynchronous
async def test_a_pause_is_waited_for() -> None:
    """What the service has refused for a while comes on top."""
    async with scene(client={"limits": Limits()}) as s:
        before = await bulk.plan_import(s.client, s.rows(10), mailing_list="CG_1")
        s.client._engine._opened()[1].refuse("GET /whoami", 120)
        s.client._engine._opened()[1].refuse("GET /surveys", 120)
        after = await bulk.plan_import(s.client, s.rows(10), mailing_list="CG_1")
        assert after.minutes - before.minutes == pytest.approx(2, abs=0.1)


@asynchronous
async def test_what_nobody_said_is_said() -> None:
    """Without the criteria there may be more requests; with transaction data and empty keys there are."""
    async with scene() as s:
        unknown = await plan(s, s.rows(20))
        harmless = await plan(s, s.rows(20), deduplication=BY_EMAIL)
        with_data = await plan(s, s.rows(20, transactionData={"a": "1"}), deduplication=BY_EMAIL)
        without = [{"extRef": "r0"}, *s.rows(20)[1:]]
        one_lacks = await plan(s, without, deduplication=BY_EMAIL)
        assert unknown.at_least
        assert not harmless.at_least
        assert unknown.requests == harmless.requests
        assert with_data.requests == harmless.requests + 2 * 3
        assert one_lacks.requests == harmless.requests + 3


@pytest.mark.parametrize(
    "options", [{"mailing_list": ""}, {"mailing_list": "a/b"}, {"limit_rows_per_minute": 0}]
)
@asynchronous
async def test_arguments_that_cannot_be_meant(options: dict[str, Any]) -> None:
    """They are refused before a row is read."""

    def never() -> Iterator[Any]:
        pytest.fail("read")
        yield

    async with scene() as s:
        with pytest.raises(UsageError):
            await plan(s, never(), **options)


@asynchronous
async def test_memory_does_not_grow_with_the_input() -> None:
    """Ten times the rows need no more memory."""

    async def peak(client: Qualtrics, count: int) -> int:
        rows = ({"extRef": f"r{n}", "email": f"{n}@example.com"} for n in range(count))
        tracemalloc.start()
        try:
            foretold = await bulk.plan_import(client, rows, mailing_list="CG_1", deduplication=BY_EMAIL)
            assert foretold.valid == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    async with scene() as s:
        await peak(s.client, 1000)
        small, large = await peak(s.client, 2000), await peak(s.client, 20_000)
        assert large - small < 200 * sys.getsizeof({})
