"""Transaction batches as a bulk job meets them: imported, listed, distributed, linked, told."""

from __future__ import annotations

from typing import Any

import pytest
from speaking import Caller, asynchronous, speaking

from qualtrics_async.sandbox import ByPolls


def arrange(call: Caller, *counts: int) -> tuple[str, dict[str, list[str]]]:
    """A batch, and for each contact, with so many transactions of its own, their ids in the batch."""
    state = call.sandbox.state
    list_id, batch_id = state.add_mailing_list("List"), state.add_transaction_batch()
    contacts = [state.add_contact(list_id, ext_ref=str(n)).id for n in range(len(counts))]
    made: dict[str, list[str]] = {contact_id: [] for contact_id in contacts}
    for turn in range(max(counts)):
        for contact_id, count in zip(contacts, counts, strict=True):
            if turn < count:
                made[contact_id].append(state.add_transaction(list_id, contact_id, batch_id))
    return batch_id, made


async def distribute(call: Caller, batch_id: str, **more: str) -> str:
    body = {
        "surveyId": call.sandbox.state.survey_id,
        "linkType": "Individual",
        "description": "d",
        "action": "CreateTransactionBatchDistribution",
        "transactionBatchId": batch_id,
    }
    made: str = (await call.post("/distributions", body | more)).result["id"]
    return made


async def walk(call: Caller, path: str) -> list[dict[str, Any]]:
    return [element for page in await call.walk(path) for element in page]


@asynchronous
async def test_each_transaction_of_a_batch_has_its_link() -> None:
    async with speaking(jobs=ByPolls(0), page_size=2) as call:
        state = call.sandbox.state
        batch_id, made = arrange(call, 1, 3, 2)
        path = f"/distributions/{await distribute(call, batch_id)}/links?surveyId={state.survey_id}"
        assert [len(page) for page in await call.walk(path)] == [2, 2, 2]
        links = await walk(call, path)
        assert [link["transactionId"] for link in links] == list(state.transaction_batches[batch_id])
        for contact_id, transaction_ids in made.items():
            own = [link["transactionId"] for link in links if link["contactId"] == contact_id]
            assert own == transaction_ids


@asynchronous
async def test_links_of_a_list_name_no_transaction() -> None:
    async with speaking(jobs=ByPolls(0)) as call:
        state = call.sandbox.state
        arrange(call, 1)
        (list_id,) = state.mailing_lists
        made = state.add_distribution(state.survey_id, list_id).id
        (link,) = await walk(call, f"/distributions/{made}/links?surveyId={state.survey_id}")
        assert link["transactionId"] is None


@asynchronous
async def test_the_transactions_of_a_batch_are_listed_in_pages() -> None:
    async with speaking(page_size=2) as call:
        state = call.sandbox.state
        batch_id, made = arrange(call, 2, 3)
        other = state.add_transaction_batch()
        path = f"/directories/{state.default_directory_id}/transactionbatches"
        assert [len(page) for page in await call.walk(f"{path}/{batch_id}/transactions")] == [2, 2, 1]
        listed = await walk(call, f"{path}/{batch_id}/transactions")
        expected = sorted(each for ids in made.values() for each in ids)
        assert sorted(element["transactionId"] for element in listed) == expected
        assert await walk(call, f"{path}/{other}/transactions") == []
        one = await call.get(f"/directories/{state.default_directory_id}/transactions/{expected[0]}")
        assert one.result["contactId"] in made


@asynchronous
async def test_a_distribution_keeps_the_batch_as_it_was() -> None:
    """Who opted out gets no link, and what joins the batch later neither."""
    async with speaking(jobs=ByPolls(0)) as call:
        state = call.sandbox.state
        batch_id, made = arrange(call, 1, 1, 1)
        list_id = next(iter(state.mailing_lists))
        first, second, third = made
        state.contacts[second].unsubscribed_at = state.now()
        sent = await distribute(call, batch_id)
        state.add_transaction(list_id, first, batch_id)
        links = await walk(call, f"/distributions/{sent}/links?surveyId={state.survey_id}")
        assert [link["transactionId"] for link in links] == made[first] + made[third]


@asynchronous
async def test_the_history_of_a_batch_distribution() -> None:
    async with speaking(page_size=2) as call:
        batch_id, made = arrange(call, 2, 1)
        sent = await distribute(call, batch_id)
        told = await walk(call, f"/distributions/{sent}/history")
        expected = [contact_id for contact_id in made for _ in made[contact_id]]
        assert sorted(entry["contactId"] for entry in told) == sorted(expected)
        assert {entry["status"] for entry in told} == {"Pending"}
        assert {entry["distributionId"] for entry in told} == {sent}


@asynchronous
async def test_the_listing_finds_a_distribution_by_its_batch() -> None:
    """With the expiry, as the one of a list."""
    async with speaking() as call:
        state = call.sandbox.state
        batch_id, _ = arrange(call, 1)
        other = state.add_transaction_batch()
        sent = await distribute(call, batch_id, expirationDate="2030-07-01T00:00:00Z")
        query = {"surveyId": state.survey_id, "distributionRequestType": "GeneratedInvite"}
        (listed,) = (await call.get("/distributions", **query, mailingListId=batch_id)).result["elements"]
        assert (listed["id"], listed["recipients"]["mailingListId"]) == (sent, batch_id)
        assert listed["surveyLink"]["expirationDate"] == "2030-07-01T00:00:00Z"
        for target in (other, next(iter(state.mailing_lists))):
            assert (await call.get("/distributions", **query, mailingListId=target)).result["elements"] == []


@pytest.mark.parametrize("polls", [0, 1])
@asynchronous
async def test_a_batch_is_filled_as_its_import_gets_on(polls: int) -> None:
    async with speaking(jobs=ByPolls(1)) as call:
        state = call.sandbox.state
        list_id, batch_id = state.add_mailing_list("List"), state.add_transaction_batch()
        rows = [{"extRef": str(n), "transactionData": {"order": str(n)}} for n in range(3)]
        meta = {"batchId": batch_id, "fields": ["order"]}
        path = f"{call.lists}/{list_id}/transactioncontacts"
        url = (await call.post(path, {"transactionMeta": meta, "contacts": rows})).result["tracking"]["url"]
        for _ in range(polls):
            assert (await call.get(url)).result["transactions"]["count"] == {"created": 3}
        batches = f"/directories/{state.default_directory_id}/transactionbatches"
        listed = await walk(call, f"{batches}/{batch_id}/transactions")
        assert [each["transactionId"] for each in listed] == list(state.transactions)
        assert [made.data["order"] for made in state.transactions.values()] == ["0", "1", "2"][: 3 * polls]
