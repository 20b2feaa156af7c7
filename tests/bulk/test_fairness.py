"""Small lists finish first, and whoever is stuck, fails or waits for quota holds nobody up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from virtual import loop, virtual
from working import CREATE, IMPORT, PROGRESS, Scene, client_of, scene, take

from qualtrics_async import Limits, Polling
from qualtrics_async.sandbox import ByPolls

BIG, SMALL = 300, 3
PATIENT = {"polling": Polling(first=1, factor=1, longest=1, deadline=90)}


def uneven(s: Scene) -> tuple[list[dict[str, Any]], Callable[[Any], str]]:
    """Make rows of a large list, then of the small ones."""
    rows = s.rows(BIG + SMALL * (len(s.lists) - 1))

    def choose(row: Any) -> str:
        return s.lists[max(0, 1 + (int(row["extRef"][1:]) - BIG) // SMALL)]

    return rows, choose


def lists_of(s: Scene, route: str) -> list[str]:
    """The lists that requests of a route were about, in their order."""
    made = [record for record in s.sandbox.requests if f"{record.method} {record.route}" == route]
    return [record.path.split("/mailinglists/")[1].split("/")[0] for record in made]


def last(names: list[str], wanted: list[str]) -> int:
    """Where the last of these is."""
    return max(at for at, name in enumerate(names) if name in wanted)


@pytest.mark.parametrize("concurrency", [1, 2, 8])
@virtual
async def test_small_lists_are_imported_first(concurrency: int) -> None:
    """A list a hundred times larger, and read first, has hardly begun when the others are done."""
    async with scene(lists=6, clock=loop().time, jobs=ByPolls(2), client=PATIENT) as s:
        rows, choose = uneven(s)
        taken = await take(s.imports(rows, mailing_list=choose, concurrency=concurrency, chunk_rows=SMALL))
        assert taken.kinds == {"Ok": len(rows)}
        posts, small = lists_of(s, IMPORT), s.lists[1:]
        assert posts.count(s.lists[0]) == BIG // SMALL
        assert posts[: last(posts, small) + 1].count(s.lists[0]) <= 3
        delivered = [outcome.item.mailing_list_id for outcome in taken.outcomes]
        assert delivered[: last(delivered, small) + 1].count(s.lists[0]) <= BIG // 20


@pytest.mark.parametrize("concurrency", [1, 8, 64])
@virtual
async def test_small_lists_are_created_first(concurrency: int) -> None:
    """Single creates take turns as well: a few blocks of the large list at most come before."""
    async with scene(lists=6, clock=loop().time, latency=0.1) as s:
        rows, choose = uneven(s)
        taken = await take(s.creates(rows, mailing_list=choose, concurrency=concurrency))
        assert taken.kinds == {"Ok": len(rows)}
        posts = lists_of(s, CREATE)
        assert posts[: last(posts, s.lists[1:]) + 1].count(s.lists[0]) <= BIG // 3


@pytest.mark.parametrize("kind", ["stuck_job", "status", "cut"])
@pytest.mark.parametrize("concurrency", [1, 3])
@virtual
async def test_lists_in_trouble_hold_no_import_up(concurrency: int, kind: Any) -> None:
    """More lists than there are places are stuck, fail or got no answer: all others are done long before."""
    async with scene(lists=8, clock=loop().time, jobs=ByPolls(2), client=PATIENT, deduplicate=()) as s:
        bad, good = s.lists[:5], s.lists[5:]
        for name in bad:
            s.sandbox.faults.add(kind=kind, status=400, route=IMPORT, path=name, times=None)
        rows, ended = s.rows(80), dict[str, float]()
        async with s.imports(rows, concurrency=concurrency, reconcile_timeout=100) as outcomes:
            async for outcome in outcomes:
                ended[str(outcome.item.mailing_list_id)] = loop().time()
        assert outcomes.summary.ok >= 30
        assert ended.keys() == set(s.lists)
        assert max(ended[name] for name in good) < 30
        if kind != "status":
            assert min(ended[name] for name in bad) > 60


@virtual
async def test_waiting_for_quota_holds_no_outcome_up() -> None:
    """While a chunk waits for leave to go, others that have ended are delivered."""
    limits = Limits(brand_per_minute=None, routes={IMPORT: 1}, published=False)
    async with (
        scene(lists=4, clock=loop().time) as s,
        client_of(s.sandbox, limits=limits, **PATIENT) as client,
    ):
        began, when = loop().time(), list[float]()
        async with s.imports(s.rows(40), client=client, concurrency=1) as outcomes:
            async for _ in outcomes:
                when.append(loop().time() - began)
        assert [sum(60 * n <= at < 60 * n + 20 for at in when) for n in range(4)] == [10] * 4


@virtual
async def test_a_refused_route_holds_no_other_up() -> None:
    """While the service refuses progress calls for a minute, what needs none goes on."""
    async with scene(lists=2, clock=loop().time, client=PATIENT) as s:
        held = s.sandbox.faults.add(kind="status", status=429, retry_after=60, route=PROGRESS, times=1)
        taken = await take(s.imports(s.rows(20)))
        assert held.used == 1
        assert taken.kinds == {"Ok": 20}
        posts = [record.at for record in s.sandbox.requests if record.method == "POST"]
        assert max(posts) - min(posts) < 10
