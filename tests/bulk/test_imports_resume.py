"""Imports that were interrupted: the same call goes on, nothing is sent twice, a replay is whole."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from working import (
    IMPORT,
    PROGRESS,
    REPORT,
    Scene,
    Taken,
    asynchronous,
    client_of,
    compare,
    never_twice,
    scene,
    settle,
    take,
)

from qualtrics_async import JournalError, Limits
from qualtrics_async.bulk import BrokenRow, Ok

JOBS = ["imports", "creates"]


class Halted(Exception):
    """What a body raises of its own."""


def job(s: Scene, kind: str) -> Callable[..., Any]:
    """Find a job by its name."""
    return s.imports if kind == "imports" else s.creates


def settle_parts(s: Scene, rows: list[Any], *parts: Taken) -> None:
    """Check several runs: together every row, doubles only around a cut and then equal."""
    known: dict[int, str] = {}
    for part in parts:
        indexes = [outcome.item.index for outcome in part.outcomes]
        assert len(set(indexes)) == len(indexes)
        for outcome in part.outcomes:
            index = outcome.item.index
            assert known.setdefault(index, type(outcome).__name__) == type(outcome).__name__
            compare(s.sandbox, rows[index], outcome)
    assert sorted(known) == list(range(len(rows)))
    never_twice(s.sandbox)


@pytest.mark.parametrize("kind", JOBS)
@pytest.mark.parametrize("most", [0, 1, 10, 25, 60])
@asynchronous
async def test_leaving_the_body_anywhere(most: int, kind: str, tmp_path: Path) -> None:
    """A body that stops after any number of outcomes loses no row and doubles none."""
    async with scene(lists=2) as s:
        rows, journal = s.rows(60), tmp_path / "j.db"
        first = await take(job(s, kind)(rows, journal=journal), most)
        second = await take(job(s, kind)(rows, journal=journal))
        settle_parts(s, rows, first, second)
        third = await take(job(s, kind)(rows, journal=journal))
        assert third.outcomes == []
        assert third.summary.items == 0
        whole = await take(job(s, kind)(rows, journal=journal, replay=True))
        settle(s.sandbox, rows, whole.outcomes)
        assert whole.summary.items == whole.summary.outcomes == 60


@pytest.mark.parametrize("kind", JOBS)
@asynchronous
async def test_a_body_that_raises_again_and_again(kind: str, tmp_path: Path) -> None:
    """Its exception leaves as itself each time, and the job comes to its end nevertheless."""
    async with scene(lists=3) as s:
        rows, journal, parts = s.rows(50), tmp_path / "j.db", []
        for patience in range(1, 100):
            part = Taken()
            try:
                async with job(s, kind)(rows, journal=journal) as outcomes:
                    async for outcome in outcomes:
                        part.outcomes.append(outcome)
                        if len(part.outcomes) > patience:
                            raise Halted  # noqa: TRY301  (as a user's own code would)
                break
            except Halted:
                continue
            finally:
                parts.append(part)
        settle_parts(s, rows, *parts)
        assert len(parts) > 2


@pytest.mark.parametrize("route", [IMPORT, PROGRESS, REPORT])
@pytest.mark.parametrize("skip", [0, 2])
@asynchronous
async def test_cancelled_while_a_request_is_under_way(route: str, skip: int, tmp_path: Path) -> None:
    """A write that has left is confirmed first; a cancelled job goes on without doubt."""
    async with scene(lists=2) as s:
        rows, journal, first = s.rows(60), tmp_path / "j.db", Taken()

        async def run() -> None:
            async with s.imports(rows, journal=journal) as outcomes:
                async for outcome in outcomes:
                    first.outcomes.append(outcome)

        held = s.sandbox.faults.add(kind="delay", route=route, when="after", skip=skip)
        task = asyncio.create_task(run())
        await held.arrived()
        task.cancel()
        await asyncio.sleep(0)
        held.release()
        with pytest.raises(asyncio.CancelledError):
            await task
        second = await take(s.imports(rows, journal=journal))
        settle_parts(s, rows, first, second)
        assert second.kinds["InDoubt"] == 0
        assert s.count(IMPORT) == 6


@asynchronous
async def test_a_journal_of_another_service_is_refused(tmp_path: Path) -> None:
    """What was sent to one service is not known at another."""
    journal = tmp_path / "j.db"
    async with scene() as s:
        await take(s.imports(s.rows(5), journal=journal))
    async with scene() as s:
        taken = await take(s.imports(s.rows(5), journal=journal))
        assert isinstance(taken.error, JournalError)
        assert "service" in str(taken.error)


@asynchronous
async def test_waiting_for_quota_ends_at_once_when_cancelled(tmp_path: Path) -> None:
    """A cancelled job does not sit out its grace for a request that has not left."""
    limits = Limits(brand_per_minute=3000, routes={IMPORT: 1})
    async with scene(lists=2) as s:
        rows, journal, first = s.rows(40), tmp_path / "j.db", Taken()
        loop = asyncio.get_running_loop()
        async with client_of(s.sandbox, limits=limits) as slow:

            async def run() -> None:
                async with s.imports(rows, journal=journal, client=slow) as outcomes:
                    async for outcome in outcomes:
                        first.outcomes.append(outcome)

            task = asyncio.create_task(run())
            await asyncio.sleep(0.3)
            assert len(first.outcomes) == 10
            began = loop.time()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert loop.time() - began < 1
        second = await take(s.imports(rows, journal=journal))
        settle_parts(s, rows, first, second)
        assert second.kinds["InDoubt"] == 0


@pytest.mark.parametrize(
    ("cut", "kind"), [(n, "imports") for n in (0, 1, 249, 250, 251, 300)] + [(n, "creates") for n in (1, 251)]
)
@asynchronous
async def test_a_source_that_breaks_off(cut: int, kind: str, tmp_path: Path) -> None:
    """What had been spooled stays; the whole input afterwards completes it, each row once."""
    async with scene(lists=2) as s:
        rows, journal, first = s.rows(310), tmp_path / "j.db", Taken()

        def breaking() -> Iterator[Any]:
            yield from rows[:cut]
            raise Halted

        with pytest.raises(Halted):  # noqa: PT012  (the body is the point)
            async with job(s, kind)(breaking(), journal=journal) as outcomes:
                async for outcome in outcomes:
                    first.outcomes.append(outcome)
        second = await take(job(s, kind)(rows, journal=journal))
        settle_parts(s, rows, first, second)
        assert second.kinds["InDoubt"] == 0


@asynchronous
async def test_refused_rows_are_replayed_too(tmp_path: Path) -> None:
    """A row that was never sent has its outcome again in a replay, with line, reason and error."""
    async with scene() as s:
        rows: list[Any] = [*s.rows(3), BrokenRow(5, "a,b", "a quote is never closed"), {"Color": "red"}]
        options = {"journal": tmp_path / "j.db", "mailing_list": s.lists[0]}
        first = await take(s.imports(rows, **options))
        again = await take(s.imports(rows, **options, replay=True))
        for taken in (first, again):
            outcomes = settle(s.sandbox, rows, taken.outcomes)
            assert outcomes[3].item.line == 5
            assert outcomes[3].reason == "broken line"
            assert str(outcomes[3].error) == "a quote is never closed"
        assert {outcome.item.index: outcome.item.contact for outcome in again.outcomes}[0] == {}


@asynchronous
async def test_a_stream_that_cannot_be_read_twice(tmp_path: Path) -> None:
    """Once the journal has it whole, an empty source is enough to go on."""
    async with scene() as s:
        rows, journal = s.rows(30), tmp_path / "j.db"
        first = await take(s.imports(iter(rows), journal=journal), 5)
        second = await take(s.imports(iter(()), journal=journal))
        settle_parts(s, rows, first, second)


def edited(rows: list[Any], how: str) -> Iterable[Any]:
    """Change an input."""
    match how:
        case "changed":
            return [*rows[:7], rows[7] | {"firstName": "Another"}, *rows[8:]]
        case "shorter":
            return rows[:-1]
        case "longer":
            return [*rows, {"extRef": "r1000", "phone": "1"}]
        case "reordered":
            return rows[::-1]
    raise AssertionError(how)


@pytest.mark.parametrize("how", ["changed", "shorter", "longer", "reordered"])
@asynchronous
async def test_a_changed_input_is_refused(how: str, tmp_path: Path) -> None:
    """The journal knows its rows by place and content; nothing of another input is sent."""
    async with scene() as s:
        rows, journal = s.rows(30), tmp_path / "j.db"
        await take(s.imports(rows, journal=journal))
        before = s.count(IMPORT)
        taken = await take(s.imports(edited(rows, how), journal=journal))
        assert isinstance(taken.error, JournalError)
        assert taken.error.reason == "input changed"
        assert "same input" in str(taken.error)
        assert s.count(IMPORT) == before


OTHER: list[tuple[dict[str, Any], str]] = [
    ({"chunk_rows": 11}, "chunks"),
    ({"clear_empty": True}, "empty cells"),
    ({"mailing_list": "CG_other"}, "mailing list"),
    ({"batch_id": "BT_1"}, "batch"),
]


@pytest.mark.parametrize(("options", "named"), OTHER)
@asynchronous
async def test_a_journal_of_another_job_is_refused(options: Any, named: str, tmp_path: Path) -> None:
    """The refusal names what differs and what to do; a create job cannot go on with an import's journal."""
    async with scene() as s:
        rows, journal = s.rows(10), tmp_path / "j.db"
        await take(s.imports(rows, journal=journal))
        taken = await take(s.imports(rows, journal=journal, **options))
        assert isinstance(taken.error, JournalError)
        assert taken.error.reason == "another job"
        assert named in str(taken.error)
        assert "another journal" in str(taken.error)
        taken = await take(s.creates(rows, journal=journal))
        assert isinstance(taken.error, JournalError)
        assert s.count(IMPORT) == 1


@asynchronous
async def test_a_lost_reply_stays_in_doubt_on_every_replay(tmp_path: Path) -> None:
    """Doubt that was reported is written down: a later run neither sends again nor calls it otherwise."""
    async with scene(deduplicate=()) as s:
        rows, journal = s.rows(20), tmp_path / "j.db"
        s.sandbox.faults.add(kind="cut", route=IMPORT, skip=1)
        first = await take(s.imports(rows, journal=journal, reconcile_timeout=0))
        again = await take(s.imports(rows, journal=journal, replay=True))
        for taken in (first, again):
            settle(s.sandbox, rows, taken.outcomes)
            assert taken.kinds == {"Ok": 10, "InDoubt": 10}
            assert [decision.decision for decision in taken.summary.decisions] == ["in doubt"]
        assert s.count(IMPORT) == 2
        assert next(o for o in again.outcomes if isinstance(o, Ok)).value.contact_id


@asynchronous
async def test_a_long_resume_lets_the_loop_turn(tmp_path: Path) -> None:
    """Reading the known rows again does not hold the event loop."""
    async with scene() as s:
        rows, journal = s.rows(3000), tmp_path / "j.db"
        await take(s.imports(rows, journal=journal, chunk_rows=1000))
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        counting = asyncio.create_task(count())
        async with s.imports(rows, journal=journal, chunk_rows=1000) as outcomes:
            before = turns
            assert [outcome async for outcome in outcomes] == []
        counting.cancel()
        assert turns - before >= 3000 // 250
