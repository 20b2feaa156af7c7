"""Rows of an import that arrived and has no report: there with their ids, refused, or in doubt."""

from __future__ import annotations

from typing import Any

import pytest
from between import between
from doubting import members
from working import IMPORT, asynchronous, scene, settle, take

from qualtrics_async import Polling
from qualtrics_async.bulk import InDoubt


@asynchronous
async def test_rows_without_a_key_in_a_chunk_that_arrived() -> None:
    """Their chunk was accepted, but nobody can say it of them; the others have their ids."""
    async with scene(deduplicate=()) as s:
        rows = s.rows(20)
        rows[3] = {"phone": "3"}
        rows[4] = {"extRef": "r5", "firstName": "double"}
        rows[6] = {"extRef": "r5", "email": "own@example.com"}
        s.sandbox.faults.add(kind="cut", when="after", route=IMPORT)
        taken = await take(s.imports(rows, mailing_list=s.lists[0]))
        by_row = {outcome.item.index: outcome for outcome in taken.outcomes}
        assert {n for n, outcome in by_row.items() if isinstance(outcome, InDoubt)} == {3, 4}
        assert taken.reasons == {"no key": 2}
        assert by_row[6].value.contact_id
        assert by_row[5].value.contact_id
        assert members(s) == 20


def worsen(body: Any) -> None:
    """Spoil one address on its way."""
    for row in body["contacts"]:
        if row["extRef"] == "r4":
            row["email"] = "impossible"


@pytest.mark.parametrize("last", [False, True])
@asynchronous
async def test_a_row_that_the_import_refused(last: bool) -> None:
    """It failed if a later import has ended since; else it may yet come, and is in doubt."""
    async with scene(deduplicate=()) as s, between(s, request={IMPORT: worsen}) as client:
        s.sandbox.faults.add(kind="cut", when="after", route=IMPORT)
        rows = s.rows(10 if last else 20)
        taken = await take(s.imports(rows, client=client, reconcile_timeout=0.2))
        outcomes = settle(s.sandbox, rows, taken.outcomes)
        assert taken.kinds == {"Ok": len(rows) - 1, "InDoubt" if last else "Failed": 1}
        assert outcomes[4].reason == ("lost reply" if last else "refused by the import")


@pytest.mark.parametrize("criteria", [(), ("email",)])
@pytest.mark.parametrize("last", [False, True])
@asynchronous
async def test_an_older_contact_with_the_key_of_a_refused_row_is_another(
    criteria: tuple[str, ...], last: bool
) -> None:
    """The row is in doubt; the contact of a row that came is told from the older one with its key."""
    async with (
        scene(deduplicate=criteria) as s,
        between(s, request={IMPORT: worsen}) as client,
    ):
        for n in (3, 4):
            s.sandbox.state.add_contact(s.lists[0], ext_ref=f"r{n}", email=f"older{n}@example.com")
        s.sandbox.faults.add(kind="cut", when="after", route=IMPORT)
        rows = s.rows(10 if last else 20)
        rows[9]["transactionData"] = {"visit": "1"}  # so that deduplication does not make it harmless
        taken = await take(s.imports(rows, client=client, reconcile_timeout=0.2))
        outcomes = settle(s.sandbox, rows, taken.outcomes)
        assert taken.reasons == {"lost reply": 1}
        assert isinstance(outcomes[4], InDoubt)
        assert s.sandbox.state.contacts[outcomes[3].value.contact_id].email == rows[3]["email"]


@asynchronous
async def test_a_later_import_whose_end_nobody_saw_says_nothing_of_a_missing_row() -> None:
    """The row may be refused or yet to come, whatever number the later import has."""
    polling = Polling(first=0.01, factor=1, longest=0.01, deadline=0.2)
    async with scene(deduplicate=()) as s, between(s, request={IMPORT: worsen}) as other:
        client = other.with_options(polling=polling)
        s.sandbox.faults.add(kind="cut", when="after", route=IMPORT)
        s.sandbox.faults.add(kind="stuck_job", route=IMPORT)
        rows = s.rows(20)
        taken = await take(s.imports(rows, client=client, reconcile_timeout=0.5))
        outcomes = settle(s.sandbox, rows, taken.outcomes)
        assert taken.kinds == {"Ok": 9, "InDoubt": 11}
        assert (outcomes[4].reason, outcomes[14].reason) == ("lost reply", "no end in sight")
