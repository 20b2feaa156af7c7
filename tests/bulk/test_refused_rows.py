"""Rows that are not sent come back as they were given, and can be given again."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from working import DISTRIBUTE, asynchronous, scene, take

from qualtrics_async import NotFound, UsageError
from qualtrics_async.bulk import Failed, SourceRow
from qualtrics_async.bulk.rows import NOTES

CELLS = {"Email": "bad", "First Name": "B", "Segment": "s2", "Unsubscribed": "maybe", "n": "1"}


@asynchronous
async def test_a_refused_row_keeps_its_cells() -> None:
    """Also those that could not be understood, by the names that they had."""
    async with scene() as s:
        taken = await take(s.imports([SourceRow(2, CELLS)], mailing_list=s.lists[0]))
        assert [outcome.item.contact for outcome in taken.outcomes] == [CELLS]


@asynchronous
async def test_notes_are_never_sent() -> None:
    """A corrected failures file is imported without what the failures file says of it."""
    async with scene() as s:
        notes = dict.fromkeys(NOTES, "x")
        taken = await take(
            s.imports(
                [{**CELLS, "Email": "b@example.com", "Unsubscribed": "yes", **notes}], mailing_list=s.lists[0]
            )
        )
        assert taken.error is None
        (contact,) = s.sandbox.state.list_contacts(s.lists[0])
        assert contact.embedded_data == {"Segment": "s2", "n": "1"}


@asynchronous
async def test_a_replay_says_whom_a_failure_concerns(tmp_path: Path) -> None:
    """Until the job is over, rows that failed are kept; then nothing is left of anybody."""
    rows = [CELLS, *({"email": f"p{n}@example.com"} for n in range(40))]
    journal = tmp_path / "j.db"
    async with scene() as s:
        await take(s.imports(rows, journal=journal, mailing_list=s.lists[0]), most=5)
        taken = await take(s.imports(rows, journal=journal, mailing_list=s.lists[0], replay=True))
        assert [o.item.contact for o in taken.outcomes if o.item.index == 0] == [CELLS]
        assert len({o.item.index for o in taken.outcomes}) == len(rows)
    kept = await asyncio.to_thread(journal.read_bytes)
    assert b"p7@example.com" not in kept
    assert b"Segment" not in kept


@pytest.mark.parametrize("rows", ["contacts.csv", b"x", Path("contacts.csv"), {"email": "a@example.com"}, 3])
@asynchronous
async def test_what_is_no_source_of_rows_is_refused(rows: Any) -> None:
    """A path or a single row would be taken letter by letter."""
    async with scene() as s:
        taken = await take(s.imports(rows))
        assert isinstance(taken.error, UsageError)
        assert len(s.sandbox.requests) == 0


@asynchronous
async def test_a_list_that_is_missing_ends_the_job_before_any_distribution() -> None:
    """So that the corrected call makes no second distribution for the others."""
    async with scene(lists=12) as s:
        s.fill(*([2] * 12))
        taken = await take(s.links(lists=[*s.lists, "CG_nowhere"]))
        assert isinstance(taken.error, NotFound)
        assert s.count(DISTRIBUTE) == 0


@asynchronous
async def test_links_that_would_be_dead_are_not_made() -> None:
    """An expiry in the past is a slip."""
    async with scene() as s:
        s.fill(1)
        taken = await take(s.links(expires=datetime.now(UTC) - timedelta(minutes=1)))
        assert isinstance(taken.error, UsageError)
        assert s.count(DISTRIBUTE) == 0


@asynchronous
async def test_a_row_in_doubt_is_not_imported_as_the_failures_file_has_it() -> None:
    """It may be in the list already; whoever has looked empties the note."""
    async with scene() as s:
        rows: list[Any] = [{**row, "_outcome": "in doubt", "_reason": "lost reply"} for row in s.rows(2)]
        rows[1]["_outcome"] = ""
        taken = await take(s.imports(rows))
        assert taken.reasons == {"in doubt": 1}
        [refused] = [o for o in taken.outcomes if isinstance(o, Failed)]
        assert "empty _outcome" in str(refused.error)
        assert (s.sandbox.state.accepted_rows["r0"], s.sandbox.state.accepted_rows["r1"]) == (0, 1)


@pytest.mark.parametrize("kind", ["imports", "creates"])
@asynchronous
async def test_a_list_that_is_not_there_fails_the_rows_that_chose_it(kind: str) -> None:
    """Where rows choose among lists; the only list of a job ends it."""
    async with scene(lists=2) as s:
        rows, lists = s.rows(30), [*s.lists, "CG_typo"]
        job = s.imports if kind == "imports" else s.creates
        taken = await take(job(rows, mailing_list=lambda row: lists[int(row["extRef"][1:]) % 3]))
        assert taken.error is None
        assert taken.kinds == {"Ok": 20, "Failed": 10}
        assert taken.reasons == {"no such mailing list": 10}
        assert {o.item.mailing_list_id for o in taken.outcomes if isinstance(o, Failed)} == {"CG_typo"}
        only = await take(job(rows, mailing_list="CG_typo"))
        assert isinstance(only.error, NotFound)


@asynchronous
async def test_a_row_without_a_link_is_not_imported_again() -> None:
    """It is in the list, and a directory without deduplication would have it twice."""
    async with scene(deduplicate=()) as s:
        rows: list[Any] = [{**row, "_outcome": "no link", "_reason": "pending"} for row in s.rows(2)]
        rows[1]["_outcome"] = None
        taken = await take(s.imports(rows))
        assert taken.reasons == {"no link": 1}
        [refused] = [o for o in taken.outcomes if isinstance(o, Failed)]
        assert "`links generate`" in str(refused.error)
        assert (s.sandbox.state.accepted_rows["r0"], s.sandbox.state.accepted_rows["r1"]) == (0, 1)
