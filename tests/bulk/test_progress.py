"""What a job tells while it runs and when it stops: exact at the end, and never after it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from copy import copy
from pathlib import Path
from typing import Any

import pytest
from virtual import loop, virtual
from working import CREATE, IMPORT, Scene, asynchronous, scene, settle, take

from qualtrics_async import JobFailed, Limits, UsageError
from qualtrics_async.bulk import Failed, Summary
from qualtrics_async.sandbox import ByPolls

JOBS = ["imports", "creates", "links"]


def job(s: Scene, kind: str, count: int = 60, **options: Any) -> Any:
    """Make a job of a kind over so many rows or contacts."""
    if kind == "links":
        return s.links(**options)
    return (s.imports if kind == "imports" else s.creates)(s.rows(count), **options)


class Watch:
    """Keeps what a job tells of itself."""

    def __init__(self) -> None:
        self.seen: list[Summary] = []

    def __call__(self, summary: Summary) -> None:
        """Keep how it stands now."""
        self.seen.append(copy(summary))

    def of(self, name: str) -> list[Any]:
        """All values of a field."""
        return [getattr(summary, name) for summary in self.seen]


@pytest.mark.parametrize("kind", JOBS)
@virtual
async def test_a_summary_is_exact_at_the_end(kind: str) -> None:
    """Items are outcomes, requests are those of the sandbox's record, seconds those of the clock."""
    limits = Limits(brand_per_minute=600, published=False)
    async with scene(lists=2, clock=loop().time, jobs=ByPolls(2), client={"limits": limits}) as s:
        s.fill(30, 30)
        s.sandbox.faults.add(kind="status", status=503, route="GET *", times=3, skip=1)
        began, watch = loop().time(), Watch()
        async with job(s, kind, on_progress=watch) as outcomes:
            count = len([outcome async for outcome in outcomes])
        summary = outcomes.summary
        assert summary.items == summary.outcomes == summary.ok == count == 60
        assert summary.requests == len(s.sandbox.requests)
        assert summary.seconds == pytest.approx(loop().time() - began, abs=0.2)
        assert summary.quota_used == pytest.approx(summary.requests / (10 * summary.seconds), rel=0.01)
        assert summary.failed == summary.in_doubt == summary.decided.total() == 0
        last = watch.seen[-1]
        assert (last.outcomes, last.requests, last.items) == (60, summary.requests, 60)


@virtual
async def test_it_tells_of_reading_sending_and_delivering() -> None:
    """Each step is seen on the way, and nothing ever goes back."""
    async with scene(lists=3, clock=loop().time) as s:
        watch = Watch()
        await take(s.imports(s.rows(90), on_progress=watch))
        for name in ("items", "sent", "outcomes", "requests", "seconds"):
            values = watch.of(name)
            assert values == sorted(values)
            assert len(set(values)) > 2 or name == "items"
        assert any(seen.items and not seen.sent for seen in watch.seen)
        assert any(seen.sent > seen.outcomes for seen in watch.seen)
        assert all(seen.outcomes <= seen.sent <= seen.items for seen in watch.seen)


@asynchronous
async def test_it_tells_of_decisions() -> None:
    """What was decided on a doubt is told at once."""
    async with scene(deduplicate=("email",)) as s:
        watch = Watch()
        s.sandbox.faults.add(kind="cut", route=IMPORT, when="after")
        taken = await take(s.imports(s.rows(20), on_progress=watch))
        decided = taken.summary.decided.total()
        assert decided == sum(taken.summary.decided.values()) == len(taken.summary.decisions) > 0
        assert any(seen.decisions or seen.decided for seen in watch.seen)


@pytest.mark.parametrize("most", [0, 1, 7, 60])
@pytest.mark.parametrize("kind", JOBS)
@asynchronous
async def test_nothing_is_told_after_the_job_has_been_left(kind: str, most: int, tmp_path: Path) -> None:
    """Whoever leaves early hears no more of it."""
    async with scene(lists=2) as s:
        s.fill(30, 30)
        left = False
        late: list[Summary] = []

        def told(summary: Summary) -> None:
            if left:
                late.append(summary)

        await take(job(s, kind, on_progress=told, journal=tmp_path / "j.db"), most)
        left = True
        for _ in range(50):
            await asyncio.sleep(0)
        assert not late


WHEN: dict[str, Callable[[Summary], bool]] = {
    "reading": lambda summary: summary.items > 0,
    "sending": lambda summary: summary.sent > 0,
    "delivering": lambda summary: summary.outcomes > 0,
}


@pytest.mark.parametrize("kind", JOBS)
@pytest.mark.parametrize("when", WHEN)
@asynchronous
async def test_what_the_hook_raises_leaves_as_itself(when: str, kind: str, tmp_path: Path) -> None:
    """A bug of the caller's ends the job; the same call without it goes on, and nothing is done twice."""
    if kind == "links" and when == "sending":
        when = "delivering"
    async with scene(lists=2) as s:
        s.fill(30, 30)
        first: list[Any] = []

        def broken(summary: Summary) -> None:
            if WHEN[when](summary):
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):  # noqa: PT012  (the body is the point)
            async with job(s, kind, on_progress=broken, journal=tmp_path / "j.db") as outcomes:
                async for outcome in outcomes:
                    first.append(outcome)  # noqa: PERF401  (a comprehension would lose them)
        again = await take(job(s, kind, journal=tmp_path / "j.db", replay=True))
        assert again.kinds == {"Ok": 60}
        if kind != "links":
            settle(s.sandbox, s.rows(60), again.outcomes)


def broken_rows(s: Scene, good: int, **bad: int) -> list[Any]:
    """Make rows of which some will be refused, for several reasons."""
    rows: list[Any] = s.rows(good)
    rows += [{"email": f"no{n}@"} for n in range(bad.get("email", 0))]
    return rows + [{"Color": "red"} for _ in range(bad.get("fields", 0))]


@pytest.mark.parametrize("kind", ["imports", "creates"])
@asynchronous
async def test_too_many_failures_stop_a_job(kind: str, tmp_path: Path) -> None:
    """The error says how many and why; what was delivered before comes first, and the same call goes on."""
    async with scene() as s:
        rows = broken_rows(s, 30, email=6, fields=3)
        start, journal = getattr(s, kind), tmp_path / "j.db"
        options: dict[str, Any] = {"mailing_list": s.lists[0], "journal": journal}
        first = await take(start(rows, **options, max_failures=8))
        assert isinstance(first.error, JobFailed)
        message = str(first.error)
        assert "9 items failed (6 for 'invalid e-mail', 3 for 'no contact field')" in message
        assert "max_failures allows 8" in message
        assert first.error.detail == Counter({"invalid e-mail": 6, "no contact field": 3})
        assert first.kinds["Failed"] == first.summary.failed == first.summary.reasons.total() == 9
        second = await take(start(rows, **options, max_failures=9))
        assert second.error is None
        whole = await take(start(rows, **options, replay=True))
        settle(s.sandbox, rows, whole.outcomes)
        assert whole.kinds == {"Ok": 30, "Failed": 9}


@asynchronous
async def test_as_many_failures_as_allowed_do_not_stop_it() -> None:
    """The limit is what is allowed, and zero is none."""
    async with scene() as s:
        rows = broken_rows(s, 10, email=3)
        taken = await take(s.imports(rows, mailing_list=s.lists[0], max_failures=3))
        assert taken.error is None
        stopped = await take(s.imports(rows, mailing_list=s.lists[0], max_failures=0))
        assert isinstance(stopped.error, JobFailed)
        fine = await take(s.imports(rows[:10], mailing_list=s.lists[0], max_failures=0))
        assert fine.error is None


@asynchronous
async def test_a_stopped_job_sends_little_more() -> None:
    """A job that is clearly wrong ends long before its last row was sent."""
    async with scene() as s:
        s.sandbox.faults.add(kind="status", status=400, route=CREATE, times=None)
        taken = await take(s.creates(s.rows(1000), max_failures=20))
        assert isinstance(taken.error, JobFailed)
        assert s.count(CREATE) < 300
        assert all(isinstance(outcome, Failed) for outcome in taken.outcomes)


@pytest.mark.parametrize("options", [{"max_failures": -1}, {"on_doubt": "hope"}, {"reconcile_timeout": -1}])
@asynchronous
async def test_options_that_cannot_be_meant(options: dict[str, Any]) -> None:
    """They are refused before anything is read."""
    async with scene() as s:
        with pytest.raises(UsageError):
            async with s.imports(s.rows(1), **options):
                pass
