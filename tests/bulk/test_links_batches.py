"""Links of transaction batches: one for each transaction, told apart where a contact has several."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from between import between
from settling import DOUBTFUL, LISTED
from working import DISTRIBUTE, LINKS, Scene, Taken, asynchronous, scene, take

from qualtrics_async import NotFound
from qualtrics_async.bulk import Ok

TRANSACTIONS = "GET /directories/{directoryId}/transactionbatches/{batchId}/transactions"


def fill_batch(s: Scene, count: int, *, twice: int = 0) -> str:
    """Make a batch with a transaction for each of new contacts, and a second one for the first few."""
    state = s.sandbox.state
    batch = state.add_transaction_batch()
    for n in range(count):
        contact = state.add_contact(s.lists[0], email=f"{n}@{batch.lower()}.example.com", ext_ref=f"b{n}")
        for _ in range(2 if n < twice else 1):
            state.add_transaction(s.lists[0], contact.id, batch)
    return batch


def settle_batch(s: Scene, batch: str, taken: Taken, missing: dict[str, int] | None = None) -> None:
    """Check that each transaction of a batch has one outcome, with the link that the sandbox made."""
    state = s.sandbox.state
    [made] = state.distributions_of(batch)
    mine = [o for o in taken.outcomes if o.item.transaction_batch_id == batch]
    seen = Counter(o.item.transaction_id for o in mine)
    assert seen == Counter(dict.fromkeys(state.transaction_batches[batch].added, 1))
    for outcome in mine:
        member = state.transactions[outcome.item.transaction_id].member
        assert outcome.item.mailing_list_id is None
        assert outcome.item.distribution_id == made.id
        if isinstance(outcome, Ok):
            assert outcome.item.contact_id == member.contact.id
            assert outcome.value.link == state.link(made, member)
    assert Counter(o.reason for o in mine if not isinstance(o, Ok)) == (missing or {})


@pytest.mark.parametrize("lists", [0, 2])
@asynchronous
async def test_every_transaction_has_its_link(lists: int, tmp_path: Path) -> None:
    """Also those of one contact, each with its own; mixed with lists, and again as a replay."""
    async with scene(lists=3, page_size=10) as s:
        batches = [fill_batch(s, 25, twice=5), fill_batch(s, 3)]
        empty = s.sandbox.state.add_transaction_batch()
        for name in s.lists[1:]:
            s.sandbox.state.add_contact(name, email="someone@example.com")
        options: dict[str, Any] = {
            "lists": s.lists[1 : 1 + lists],
            "transaction_batches": [*batches, empty],
            "journal": tmp_path / "j.db",
        }
        for replay in (False, True):
            taken = await take(s.links(**options, replay=replay))
            assert taken.error is None
            for batch in batches:
                settle_batch(s, batch, taken)
            assert taken.kinds == {"Ok": 33 + lists}
            assert taken.summary.items == 33 + lists
        assert s.count(DISTRIBUTE) == 2 + lists


@asynchronous
async def test_a_batch_that_does_not_exist_stops_the_job() -> None:
    """Before a distribution is made for anything else."""
    async with scene() as s:
        batch = fill_batch(s, 3)
        taken = await take(s.links(lists=[], transaction_batches=[batch, "BT_nowhere"]))
        assert isinstance(taken.error, NotFound)
        assert s.count(DISTRIBUTE) == 0


@pytest.mark.parametrize("fault", DOUBTFUL, ids=str)
@asynchronous
async def test_a_batch_in_doubt(fault: dict[str, Any]) -> None:
    """As with lists: adopted or made again, among others' distributions of the survey."""
    async with scene() as s:
        batches = [fill_batch(s, 4), fill_batch(s, 4)]
        for n in range(3):
            s.sandbox.state.add_distribution(s.sandbox.state.survey_id, s.lists[0], link_type=f"{n}")
        s.sandbox.faults.add(route=DISTRIBUTE, **fault)
        taken = await take(s.links(lists=[], transaction_batches=batches, reconcile_timeout=0.1))
        for batch in batches:
            settle_batch(s, batch, taken)
        assert taken.summary.decided.total() == 1
        asked = [r.query for r in s.sandbox.requests if f"{r.method} {r.route}" == LISTED]
        assert asked
        assert all("mailingListId" not in query for query in asked)


@pytest.mark.parametrize("gone", [False, True])
@asynchronous
async def test_why_a_transaction_has_no_link(gone: bool) -> None:
    """Its contact opted out, or it is no longer there: said before the deadline, with the contact."""
    async with scene() as s:
        batch = fill_batch(s, 6)
        state = s.sandbox.state
        last = list(state.transaction_batches[batch].added)[-1]
        member = state.transactions[last].member
        member.unsubscribed_at = 1
        held = s.sandbox.faults.add(kind="delay", route=LINKS)
        job = asyncio.create_task(take(s.links(lists=[], transaction_batches=[batch], deadline=600)))
        await held.arrived()
        await asyncio.sleep(0.05)
        if gone:
            del state.transactions[last]
        held.release()
        taken = await job
        assert taken.reasons == {"left" if gone else "opted out": 1}
        [one] = [o for o in taken.outcomes if not isinstance(o, Ok)]
        assert one.item.transaction_id == last
        if not gone:
            settle_batch(s, batch, taken, {"opted out": 1})
            assert (one.item.contact_id, one.item.email) == (member.contact.id, member.contact.email)


@asynchronous
async def test_links_that_name_no_transaction_are_matched_by_contact() -> None:
    """A service whose links lack the transaction: the contact tells, where the transaction names it."""

    def forget(answer: Any) -> None:
        for element in answer["result"]["elements"]:
            element["transactionId"] = None

    async with scene() as s, between(s, answer={LINKS: forget}) as client:
        batch = fill_batch(s, 6)
        s.client = client
        taken = await take(s.links(lists=[], transaction_batches=[batch], deadline=600))
        assert taken.error is None
        contacts = {state.member.contact.id for state in s.sandbox.state.transactions.values()}
        assert {o.item.contact_id for o in taken.outcomes} == contacts
        assert taken.kinds == {"Ok": 6}
        assert taken.summary.items == 6


@asynchronous
async def test_transactions_that_name_their_contact() -> None:
    """Then a link without a transaction is its transaction's from the start, one for each of two."""

    def forget(answer: Any) -> None:
        for element in answer["result"]["elements"]:
            element["transactionId"] = None

    async with scene() as s:
        batch = fill_batch(s, 6, twice=1)
        transactions = s.sandbox.state.transactions

        def name(answer: Any) -> None:
            for element in answer["result"]["elements"]:
                element["contactId"] = transactions[element["transactionId"]].member.contact.id

        held = s.sandbox.faults.add(kind="delay", route=LINKS)
        async with between(s, answer={LINKS: forget, TRANSACTIONS: name}) as client:
            s.client = client
            job = asyncio.create_task(take(s.links(lists=[], transaction_batches=[batch], deadline=600)))
            await held.arrived()
            await asyncio.sleep(0.05)
            held.release()
            taken = await job
        assert taken.kinds == {"Ok": 7}
        assert taken.summary.items == 7
