"""Transactions, their batches, and frequency rules, from the client to the sandbox and back."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from living import living
from shapes import keys, sample
from speaking import asynchronous, speaking

from qualtrics_async import InvalidRequest, NotFound
from qualtrics_async.models.contact_imports import ContactImportRow, TransactionMeta
from qualtrics_async.models.frequency_rules import (
    FrequencyRuleCreate,
    FrequencyRuleLimit,
    FrequencyRuleLimitInput,
    FrequencyRuleUpdate,
)
from qualtrics_async.models.transactions import ContactTransactionCreate, ContactTransactionUpdate
from qualtrics_async.sandbox import ByPolls

if TYPE_CHECKING:
    from qualtrics_async.sandbox.state import State

JUNE = datetime(2026, 6, 1, 9, 30, tzinfo=UTC)


def member(state: State, email: str = "noor@example.com", list_id: str | None = None) -> tuple[str, str]:
    """A list, new unless one is named, and a contact in it."""
    list_id = list_id or state.add_mailing_list("Customers")
    return list_id, state.add_contact(list_id, email=email).id


def sale(list_id: str, contact_id: str, **data: Any) -> ContactTransactionCreate:
    return ContactTransactionCreate(
        contact_id=contact_id, mailing_list_id=list_id, transaction_date=JUNE, data=data
    )


@asynchronous
async def test_a_transaction_lives_and_dies() -> None:
    async with living() as (client, sandbox):
        pool = sandbox.state.default_directory_id
        state = sandbox.state
        list_id, contact_id = member(state)
        made = await client.transactions.create(pool, {"till": sale(list_id, contact_id, store="Harbour")})
        assert made.ids.keys() == {"till"}
        assert made.errors == {}
        transaction_id = made.ids["till"]
        assert state.transactions[transaction_id].data == {"store": "Harbour"}
        found = await client.transactions.get(pool, transaction_id)
        assert (found.contact_id, found.mailing_list_id, found.transaction_date, found.data) == (
            contact_id,
            list_id,
            JUNE,
            {"store": "Harbour"},
        )
        await client.transactions.append(pool, transaction_id, ContactTransactionUpdate(data={"total": 12}))
        assert state.transactions[transaction_id].data == {"store": "Harbour", "total": 12}
        later = ContactTransactionUpdate(transaction_date=JUNE + timedelta(hours=1), data={"total": 13})
        await client.transactions.update(pool, transaction_id, later)
        (listed,) = await client.transactions.list(pool, contact_id).collect()
        assert (listed.data, listed.transaction_date) == ({"total": 13}, JUNE + timedelta(hours=1))
        await client.transactions.delete(pool, transaction_id)
        assert state.transactions == {}
        with pytest.raises(NotFound):
            await client.transactions.get(pool, transaction_id)
        assert await client.transactions.list(pool, contact_id).collect() == []


@asynchronous
async def test_each_of_many_transactions_has_its_own_fate() -> None:
    async with living() as (client, sandbox):
        pool = sandbox.state.default_directory_id
        state = sandbox.state
        list_id, contact_id = member(state)
        other_list, outsider = member(state, "lin@example.com")
        made = await client.transactions.create(
            pool,
            {
                "good": sale(list_id, contact_id),
                "not in the list": sale(list_id, outsider),
                "no contact": sale(list_id, "CID_none"),
                "no list": sale("CG_none", contact_id),
                "plain": {
                    "contactId": outsider,
                    "mailingListId": other_list,
                    "transactionDate": "2026-06-01T11:30:00+02:00",
                },
            },
        )
        assert made.ids.keys() == {"good", "plain"}
        assert made.errors.keys() == {"not in the list", "no contact", "no list"}
        assert list(state.transactions) == list(made.ids.values())
        assert (await client.transactions.get(pool, made.ids["plain"])).transaction_date == JUNE


@asynchronous
async def test_a_contact_has_its_transactions_page_by_page() -> None:
    async with living() as (client, sandbox):
        pool = sandbox.state.default_directory_id
        state = sandbox.state
        list_id, contact_id = member(state)
        other = member(state, "lin@example.com", list_id)[1]
        await client.transactions.create(
            pool, {str(n): sale(list_id, other if n == 3 else contact_id, n=n) for n in range(7)}
        )
        listed = client.transactions.list(pool, contact_id, page_size=2)
        assert [(made.data or {})["n"] async for made in listed] == [0, 1, 2, 4, 5, 6]
        assert [len(page.elements) async for page in listed.pages()] == [2, 2, 2]


@asynchronous
async def test_a_transaction_can_move_to_another_contact() -> None:
    async with living() as (client, sandbox):
        pool = sandbox.state.default_directory_id
        state = sandbox.state
        list_id, contact_id = member(state)
        transaction_id = state.add_transaction(list_id, contact_id, data={"store": "Harbour"})
        other_list, other = member(state, "lin@example.com")
        move = ContactTransactionUpdate(contact_id=other, mailing_list_id=other_list)
        await client.transactions.update(pool, transaction_id, move)
        assert await client.transactions.list(pool, contact_id).collect() == []
        (moved,) = await client.transactions.list(pool, other).collect()
        assert (moved.transaction_id, moved.mailing_list_id, moved.data) == (
            transaction_id,
            other_list,
            {"store": "Harbour"},
        )
        with pytest.raises(InvalidRequest):
            await client.transactions.update(pool, transaction_id, {"contactId": contact_id})


@asynchronous
async def test_a_batch_lives_and_dies() -> None:
    async with living() as (client, sandbox):
        pool = sandbox.state.default_directory_id
        state = sandbox.state
        list_id, contact_id = member(state)
        first, second, third = (state.add_transaction(list_id, contact_id) for _ in range(3))
        made = await client.transaction_batches.create(pool, transaction_ids=[first], creation_date=JUNE)
        await client.transaction_batches.transactions.add(pool, made.id, [second, first, third])
        assert set(state.transaction_batches[made.id]) == {first, second, third}
        inside = client.transaction_batches.transactions.list(pool, made.id, page_size=2)
        assert {element["transactionId"] async for element in inside} == {first, second, third}
        await client.transaction_batches.transactions.remove(pool, made.id, second)
        assert set(state.transaction_batches[made.id]) == {first, third}
        assert second in state.transactions
        await client.transactions.delete(pool, third)
        assert list(state.transaction_batches[made.id]) == [first]
        batch = await client.transaction_batches.get(pool, made.id)
        assert (batch.id, batch.creation_date) == (made.id, JUNE)
        empty = await client.transaction_batches.create(pool)
        listed = await client.transaction_batches.list(pool, page_size=1).collect()
        assert [found.id for found in listed] == [made.id, empty.id]
        await client.transaction_batches.delete(pool, made.id)
        assert list(state.transaction_batches) == [empty.id]
        assert first in state.transactions
        with pytest.raises(NotFound):
            await client.transaction_batches.get(pool, made.id)


@asynchronous
async def test_links_for_a_batch_after_a_sale() -> None:
    """The whole way: sales, a batch of them, links for it, each with its transaction."""
    async with living(jobs=ByPolls(0)) as (client, sandbox):
        pool = sandbox.state.default_directory_id
        state = sandbox.state
        list_id, noor = member(state)
        lin = member(state, "lin@example.com", list_id)[1]
        sold = await client.transactions.create(
            pool, {"noor": sale(list_id, noor), "lin": sale(list_id, lin), "more": sale(list_id, noor)}
        )
        batch = await client.transaction_batches.create(pool, transaction_ids=list(sold.ids.values()))
        made = await client.distributions.create_links(
            survey_id=state.survey_id, transaction_batch_id=batch.id
        )
        links = await client.distributions.links(made.id, survey_id=state.survey_id).collect()
        assert [(link.contact_id, link.transaction_id) for link in links] == [
            (noor, sold.ids["noor"]),
            (lin, sold.ids["lin"]),
            (noor, sold.ids["more"]),
        ]
        await client.contacts.delete(pool, noor)
        assert list(state.transactions) == [sold.ids["lin"]]
        assert list(state.transaction_batches[batch.id]) == [sold.ids["lin"]]


@asynchronous
async def test_what_an_import_records_can_be_read() -> None:
    async with living() as (client, sandbox):
        pool = sandbox.state.default_directory_id
        state = sandbox.state
        list_id = state.add_mailing_list("Customers")
        batch_id = state.add_transaction_batch()
        await client.contact_imports.run(
            pool,
            list_id,
            [ContactImportRow(email="noor@example.com", transaction_data={"store": "Hill"})],
            transaction_meta=TransactionMeta(batch_id=batch_id, fields=["store"]),
        )
        (element,) = await client.transaction_batches.transactions.list(pool, batch_id).collect()
        made = await client.transactions.get(pool, element["transactionId"])
        assert (made.mailing_list_id, made.data) == (list_id, {"store": "Hill"})
        assert made.transaction_date is not None
        assert abs(made.transaction_date.timestamp() * 1000 - state.now()) < 60_000


@asynchronous
async def test_directories_do_not_mix() -> None:
    async with living() as (client, sandbox):
        pool = sandbox.state.default_directory_id
        state = sandbox.state
        list_id, contact_id = member(state)
        transaction_id = state.add_transaction(list_id, contact_id)
        batch_id = state.add_transaction_batch()
        other = state.add_directory("Other")
        elsewhere = state.add_transaction_batch(directory_id=other)
        with pytest.raises(NotFound):
            await client.transactions.get(other, transaction_id)
        with pytest.raises(NotFound):
            await client.transactions.list(other, contact_id).collect()
        with pytest.raises(NotFound):
            await client.transaction_batches.get(other, batch_id)
        with pytest.raises(NotFound):
            await client.transaction_batches.transactions.add(other, elsewhere, [transaction_id])
        with pytest.raises(NotFound):
            await client.transaction_batches.transactions.remove(pool, batch_id, transaction_id)
        assert [batch.id for batch in await client.transaction_batches.list(other).collect()] == [elsewhere]
        sold = await client.transactions.create(other, {"x": sale(list_id, contact_id)})
        assert sold.ids == {}
        assert sold.errors.keys() == {"x"}
        assert list(state.transactions) == [transaction_id]


@asynchronous
async def test_a_frequency_rule_lives_and_dies() -> None:
    async with living() as (client, sandbox):
        pool = sandbox.state.default_directory_id
        state = sandbox.state
        list_id = state.add_mailing_list("Customers")
        rule = FrequencyRuleCreate(
            target_type="mailingList",
            target_id=list_id,
            days_between=7,
            time_period_limit=FrequencyRuleLimitInput(period="month", num_messages=2),
        )
        rule_id = (await client.frequency_rules.create(pool, rule))["id"]
        assert rule_id.startswith("CFR_")
        found = await client.frequency_rules.get(pool, rule_id)
        assert (found.rule_id, found.target_id, found.days_between) == (rule_id, list_id, 7)
        assert found.time_period_limit == FrequencyRuleLimit(period="month", num_messages=2)
        change = FrequencyRuleUpdate(days_between=None, always_send=True)
        await client.frequency_rules.update(pool, rule_id, change)
        (listed,) = await client.frequency_rules.list(pool).collect()
        assert (listed.days_between, listed.always_send, listed.target_id) == (None, True, list_id)
        assert state.shelf("frequency rule").find(pool, rule_id)["alwaysSend"] is True
        other = state.add_directory("Other")
        assert await client.frequency_rules.list(other).collect() == []
        with pytest.raises(NotFound):
            await client.frequency_rules.get(other, rule_id)
        await client.frequency_rules.delete(pool, rule_id)
        assert await client.frequency_rules.list(pool).collect() == []
        with pytest.raises(NotFound):
            await client.frequency_rules.delete(pool, rule_id)


GOOD = {"contactId": "{contact}", "mailingListId": "{list}", "transactionDate": "2026-06-01 09:30:00"}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/transactions", {"x": []}),
        ("POST", "/transactions", {"x": {}}),
        ("POST", "/transactions", {"x": GOOD | {"transactionDate": "soon"}}),
        ("POST", "/transactions", {"x": GOOD | {"data": []}}),
        ("POST", "/transactions", {"x": GOOD | {"batchId": "BT_1"}}),
        ("POST", "/transactions", {"good": GOOD, "x": GOOD | {"contactId": 5}}),
        ("POST", "/transactions/{transaction}", {"id": "CTR_1"}),
        ("PUT", "/transactions/{transaction}", {"data": None}),
        ("PUT", "/transactions/{transaction}", {"transactionDate": 5}),
        ("PUT", "/transactions/{transaction}", {"mailingListId": "CG_none"}),
        ("POST", "/transactionbatches", {}),
        ("POST", "/transactionbatches", {"transactionIds": "CTR_1"}),
        ("POST", "/transactionbatches", {"transactionIds": [5]}),
        ("POST", "/transactionbatches", {"transactionIds": [], "creationDate": "soon"}),
        ("POST", "/transactionbatches", {"transactionIds": [], "createdDate": "2026-06-01"}),
        ("POST", "/transactionbatches/{batch}/transactions", {}),
        ("POST", "/transactionbatches/{batch}/transactions", {"transactionIds": {}}),
        ("POST", "/frequencyrules", {"ruleId": "CFR_1"}),
        ("POST", "/frequencyrules", {"daysBetween": True}),
        ("POST", "/frequencyrules", {"targetType": 5}),
        ("POST", "/frequencyrules", {"timePeriodLimit": {"days": 3}}),
    ],
)
@asynchronous
async def test_bad_bodies_are_refused_and_change_nothing(
    method: str, path: str, body: dict[str, Any]
) -> None:
    async with speaking() as call:
        state = call.sandbox.state
        list_id, contact_id = member(state)
        transaction_id = state.add_transaction(list_id, contact_id, data={"store": "Hill"})
        batch_id = state.add_transaction_batch()
        path = path.format(transaction=transaction_id, batch=batch_id)
        wire = json.loads(json.dumps(body).replace("{contact}", contact_id).replace("{list}", list_id))
        answer = await call(method, f"/directories/{state.default_directory_id}{path}", wire)
        assert answer.status == 400, answer.text
        assert list(state.transactions) == [transaction_id]
        assert state.transactions[transaction_id].data == {"store": "Hill"}
        assert {key: list(batch) for key, batch in state.transaction_batches.items()} == {batch_id: []}
        assert len(state.shelf("frequency rule")) == 0


CALLS = [
    ("contact_transaction", "/transactions/{transaction}"),
    ("contact_transactions", "/contacts/{contact}/transactions"),
    ("transaction_batch", "/transactionbatches/{batch}"),
    ("transaction_batches", "/transactionbatches"),
    ("batch_transactions", "/transactionbatches/{batch}/transactions"),
    ("frequency_rule", "/frequencyrules/{rule}"),
    ("frequency_rules", "/frequencyrules"),
]


@pytest.mark.parametrize(("name", "path"), CALLS)
def test_bodies_have_the_keys_of_the_samples(name: str, path: str) -> None:

    async def ask() -> Any:
        async with speaking() as call:
            state = call.sandbox.state
            root = f"/directories/{state.default_directory_id}"
            list_id, contact_id = member(state)
            batch_id = state.add_transaction_batch()
            data = {"store": "Hill", "total": "3"}
            transaction_id = state.add_transaction(list_id, contact_id, batch_id, data=data)
            limit = {"period": "month", "numMessages": 2}
            rule = (await call.post(f"{root}/frequencyrules", {"timePeriodLimit": limit})).result["id"]
            ids = {"contact": contact_id, "transaction": transaction_id, "batch": batch_id, "rule": rule}
            return (await call.get(root + path.format(**ids))).json

    assert keys(asyncio.run(ask())) == keys(sample(name))
