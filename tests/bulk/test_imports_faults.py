"""Imports under faults: nothing is sent twice, nothing is lost, and a doubt is called one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from working import (
    GET_LIST,
    IMPORT,
    PROGRESS,
    REPORT,
    SEARCH,
    asynchronous,
    client_of,
    never_twice,
    scene,
    settle,
    take,
)

from qualtrics_async import (
    ConnectFailed,
    Forbidden,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    RetryPolicy,
    Timeouts,
    Unauthorized,
    bulk,
)

DOUBTFUL: list[dict[str, Any]] = [
    {"kind": "cut"},
    {"kind": "cut", "when": "after"},
    {"kind": "cut", "when": "after", "reset": True},
    {"kind": "truncated"},
    {"kind": "malformed"},
    {"kind": "html"},
    {"kind": "empty"},
    {"kind": "no_result"},
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 500, "when": "after"},
    {"kind": "status", "status": 503, "body": "html"},
    {"kind": "status", "status": 504, "when": "after", "body": "empty"},
]


@pytest.mark.parametrize("fault", DOUBTFUL, ids=str)
@asynchronous
async def test_a_lost_reply_is_doubt_and_is_not_sent_again(fault: dict[str, Any]) -> None:
    """Nothing can tell whether the chunk arrived: its rows are in doubt, and the rest of the job goes on."""
    async with scene(lists=2, deduplicate=()) as s:
        s.sandbox.faults.add(kind="status", status=403, route=SEARCH, times=None)
        s.sandbox.faults.add(route=IMPORT, **fault)
        rows = s.rows(40)
        taken = await take(s.imports(rows))
        settle(s.sandbox, rows, taken.outcomes)
        assert taken.error is None
        assert taken.kinds == {"Ok": 30, "InDoubt": 10}
        assert taken.reasons == {"lost reply": 10}
        assert s.count(IMPORT) == 4
        doubts = [outcome for outcome in taken.outcomes if isinstance(outcome, bulk.InDoubt)]
        assert all(isinstance(doubt.error, OutcomeUnknown) for doubt in doubts)
        assert all("@" not in str(doubt.error) for doubt in doubts)


@pytest.mark.parametrize("deduplicate", [("email",), ()])
@asynchronous
async def test_a_reply_that_takes_too_long_is_doubt(deduplicate: tuple[str, ...]) -> None:
    """A time limit after sending tells nothing about what the service did; its contacts do."""
    async with scene(deduplicate=deduplicate, client={"timeouts": Timeouts(attempt=0.2)}) as s:
        s.sandbox.faults.add(kind="delay", route=IMPORT, when="after", seconds=2)
        rows = s.rows(20)
        taken = await take(s.imports(rows))
        settle(s.sandbox, rows, taken.outcomes)
        assert taken.kinds == {"Ok": 20}
        assert s.count(IMPORT) == (3 if deduplicate else 2)


@asynchronous
async def test_a_refusal_for_the_rate_is_repeated() -> None:
    """After a 429 nothing has happened yet: the same chunk is sent again."""
    async with scene() as s:
        s.sandbox.faults.add(kind="status", route=IMPORT, status=429, times=3)
        rows = s.rows(20)
        taken = await take(s.imports(rows))
        settle(s.sandbox, rows, taken.outcomes)
        assert taken.kinds == {"Ok": 20}
        assert s.count(IMPORT) == 5


@pytest.mark.parametrize("status", [400, 409, 413, 422])
@asynchronous
async def test_a_refused_chunk_leaves_the_others_intact(status: int) -> None:
    """Its rows are `Failed`, and nobody else's."""
    async with scene(lists=2) as s:
        s.sandbox.faults.add(kind="status", route=IMPORT, status=status, path=s.lists[1])
        rows = s.rows(40)
        taken = await take(s.imports(rows))
        settle(s.sandbox, rows, taken.outcomes)
        assert taken.kinds == {"Ok": 30, "Failed": 10}
        assert taken.reasons == {"refused": 10}


STOPS = [(401, Unauthorized), (403, Forbidden), (404, NotFound), (429, RateLimited)]


@pytest.mark.parametrize(
    ("status", "error", "route"),
    # A list that is not there is the trouble of its own rows.
    [(*stop, route) for stop in STOPS for route in (IMPORT, GET_LIST) if (stop[0], route) != (404, GET_LIST)],
)
@asynchronous
async def test_what_would_fail_every_row_stops_the_job(
    status: int, error: type[Exception], route: str, tmp_path: Path
) -> None:
    """The error is raised as itself; the same call afterwards imports every row exactly once."""
    async with scene(lists=2, client={"retry": RetryPolicy(base=0, refusals=1)}) as s:
        s.sandbox.faults.add(kind="status", route=route, status=status, skip=1, times=None)
        rows, journal = s.rows(40), tmp_path / "j.db"
        first = await take(s.imports(rows, journal=journal))
        assert type(first.error) is error
        s.sandbox.faults.clear()
        second = await take(s.imports(rows, journal=journal))
        settle(s.sandbox, rows, first.outcomes + second.outcomes)
        assert second.summary.items == second.summary.ok == 40 - len(first.outcomes)


@pytest.mark.parametrize("route", [PROGRESS, REPORT])
@pytest.mark.parametrize("fault", [*DOUBTFUL, {"kind": "status", "status": 500, "times": 7}], ids=str)
@asynchronous
async def test_reading_again_is_harmless(route: str, fault: dict[str, Any]) -> None:
    """Faults of the progress and the report are outlived, beyond the retries of a single call."""
    async with scene() as s:
        s.sandbox.faults.add(route=route, **fault)
        rows = s.rows(20)
        taken = await take(s.imports(rows))
        settle(s.sandbox, rows, taken.outcomes)
        assert taken.kinds == {"Ok": 20}
        assert all(outcome.value.contact_id for outcome in taken.outcomes)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 500, "times": None},
        {"kind": "status", "status": 403, "times": None},
        {"kind": "status", "status": 404, "times": None},
        {"kind": "status", "status": 400, "times": None},
        {"kind": "repeat_page", "times": None},
    ],
    ids=str,
)
@asynchronous
async def test_without_a_report_the_counts_decide(fault: dict[str, Any]) -> None:
    """A report that cannot be read costs the contact ids at most, never an outcome."""
    async with scene(page_size=4) as s:
        s.sandbox.faults.add(route=REPORT, **fault)
        rows = s.rows(20)
        taken = await take(s.imports(rows))
        settle(s.sandbox, rows, taken.outcomes)
        assert taken.kinds == {"Ok": 20}


@pytest.mark.parametrize("kind", ["short_page", "empty_page"])
@asynchronous
async def test_a_report_of_odd_pages_is_read_whole(kind: Any) -> None:
    """Short and empty pages of the report are pages."""
    async with scene(page_size=4) as s:
        s.sandbox.faults.add(kind=kind, route=REPORT)
        rows = s.rows(20)
        taken = await take(s.imports(rows))
        settle(s.sandbox, rows, taken.outcomes)
        assert all(outcome.value.contact_id for outcome in taken.outcomes)


@pytest.mark.parametrize("status", [404, 400])
@asynchronous
async def test_a_job_that_the_service_does_not_know(status: int) -> None:
    """Without its progress, the report still says who was taken; without both, there is doubt."""
    async with scene(lists=2) as s:
        s.sandbox.faults.add(kind="status", route=PROGRESS, status=status, times=1)
        rows = s.rows(20)
        taken = await take(s.imports(rows))
        settle(s.sandbox, rows, taken.outcomes)
        assert taken.kinds == {"Ok": 10, "InDoubt": 10}
        assert taken.reasons == {"no end in sight": 10}


@pytest.mark.parametrize(
    "fault", [{"kind": "status", "status": 500, "times": None}, {"kind": "html", "times": None}]
)
@asynchronous
async def test_a_list_that_cannot_be_asked_for_is_imported_unchecked(fault: dict[str, Any]) -> None:
    """The check of the list is a help: when it breaks, the import itself tells the truth."""
    async with scene() as s:
        s.sandbox.faults.add(route=GET_LIST, **fault)
        rows = s.rows(10)
        taken = await take(s.imports(rows))
        settle(s.sandbox, rows, taken.outcomes)
        assert taken.kinds == {"Ok": 10}


@asynchronous
async def test_no_network_stops_and_leaves_the_chunk_planned(tmp_path: Path) -> None:
    """A refused connection sent nothing: once the service is back, the same call sends everything once."""
    async with scene(lists=2) as s:
        rows, journal = s.rows(40), tmp_path / "j.db"
        await s.sandbox.close()
        first = await take(s.imports(rows, journal=journal))
        assert isinstance(first.error, ConnectFailed)
        assert first.outcomes == []
        await s.sandbox.start()
        async with client_of(s.sandbox) as client:
            second = await take(s.imports(rows, journal=journal, client=client))
        settle(s.sandbox, rows, second.outcomes)
        assert second.kinds == {"Ok": 40}


MIXED: list[Any] = [
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 503, "when": "after"},
    {"kind": "status", "status": 429},
    {"kind": "cut"},
    {"kind": "cut", "when": "after"},
    "truncated",
    "html",
    "failed_job",
]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("deduplicate", [("email",), ()])
@asynchronous
async def test_random_faults(seed: int, deduplicate: tuple[str, ...]) -> None:
    """Whatever goes wrong in a fifth of all requests, each row has one outcome and that is the truth."""
    async with scene(lists=3, seed=seed, deduplicate=deduplicate) as s:
        s.sandbox.faults.random(rate=0.2, kinds=MIXED, seed=seed)
        rows = s.rows(150)
        taken = await take(s.imports(rows, reconcile_timeout=0.2))
        assert taken.error is None
        settle(s.sandbox, rows, taken.outcomes)
        never_twice(s.sandbox)
        assert deduplicate or s.sandbox.state.processed[IMPORT] <= 15


@pytest.mark.parametrize(("late", "asked"), [(1, 3), (2, 4), (9, 4)])
@asynchronous
async def test_a_report_that_comes_late_is_waited_for_a_little(late: int, asked: int) -> None:
    """A 404 right after the end of an import proves nothing; three of them are taken for "no report"."""
    async with scene() as s:
        rows = s.rows(20)
        s.sandbox.faults.add(kind="status", status=404, route=REPORT, times=late)
        taken = await take(s.imports(rows))
        outcomes = settle(s.sandbox, rows, taken.outcomes)
        named = sum(outcome.value.contact_id is not None for outcome in outcomes.values())
        assert named == (0 if late > 3 else 20)
        assert s.count(REPORT) == asked
