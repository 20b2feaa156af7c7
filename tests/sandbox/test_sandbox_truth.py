"""What a sandbox tells proofs, and what it hides from clients for a while."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from speaking import Caller, Clock, asynchronous, speaking, speaking_to

from qualtrics_async.sandbox import ByPolls, BySeconds, Sandbox

LINKS = {"linkType": "Individual", "description": "d", "action": "CreateDistribution"}
EXPIRES = "2030-07-01T00:00:00Z"


async def create(call: Caller, list_id: str, **body: str) -> str:
    made: str = (await call.post(f"{call.lists}/{list_id}/contacts", body)).result["id"]
    return made


async def found(call: Caller, kind: str, value: str) -> list[str]:
    directory = call.sandbox.state.default_directory_id
    body = {"filter": {"filterType": kind, "comparison": "eq", "value": value}}
    answer = (await call.post(f"/directories/{directory}/contacts/search", body)).result
    return [element["id"] for element in answer["elements"]]


async def distribute(call: Caller, list_id: str) -> str:
    body = {"surveyId": call.sandbox.state.survey_id, "mailingListId": list_id, "expirationDate": EXPIRES}
    made: str = (await call.post("/distributions", body | LINKS)).result["id"]
    return made


async def listed(call: Caller, target: str, **query: str) -> list[dict[str, Any]]:
    query |= {"surveyId": call.sandbox.state.survey_id, "mailingListId": target}
    path = "/distributions"
    elements = (await call.get(path, distributionRequestType="GeneratedInvite", **query)).result["elements"]
    return list(elements)


@asynchronous
async def test_members_are_counted_by_reference_and_by_address() -> None:
    async with speaking(deduplicate=()) as call:
        state = call.sandbox.state
        first, second = (state.add_mailing_list(name) for name in ("First", "Second"))
        twice = [await create(call, first, extRef="1", email="a@example.com") for _ in range(2)]
        await create(call, first, extRef="2", email="a@example.com")
        await create(call, second, extRef="1")
        assert state.count_members(first) == 3
        assert [state.count_members(name, ext_ref="1") for name in (first, second)] == [2, 1]
        assert state.count_members(first, email="a@example.com") == 3
        assert state.count_members(first, ext_ref="2", email="other@example.com") == 1
        assert state.count_members(first, ext_ref="none") == 0
        await call("PUT", f"{call.lists}/{first}/contacts/{twice[0]}", {"extRef": "3"})
        assert [state.count_members(first, ext_ref=ref) for ref in "13"] == [1, 1]
        await call("DELETE", f"{call.lists}/{first}/contacts/{twice[1]}")
        assert (state.count_members(first, ext_ref="1"), state.count_members(first)) == (0, 2)
        state.add_contact(first, ext_ref="4")
        assert state.count_members(first, ext_ref="4") == 1
        with pytest.raises(KeyError):
            state.count_members("CG_none")


@asynchronous
async def test_each_acceptance_counts_a_harmless_one_too() -> None:
    async with speaking(deduplicate=("email",), jobs=ByPolls(0)) as call:
        state = call.sandbox.state
        list_id = state.add_mailing_list("List")
        row = {"email": "a@example.com", "extRef": "1"}
        for _ in range(2):
            await call.post(f"{call.lists}/{list_id}/transactioncontacts", {"contacts": [row]})
        await create(call, list_id, **row)
        assert state.accepted_rows == {"1": 3}
        assert state.count_members(list_id, ext_ref="1") == 1


def test_counting_notices_an_import_that_is_due_from_another_thread() -> None:
    clock = Clock()
    with Sandbox.in_thread(jobs=BySeconds(5), clock=clock) as sandbox:
        list_id = sandbox.state.add_mailing_list("List")

        async def start() -> None:
            async with speaking_to(sandbox) as call:
                path = f"{call.lists}/{list_id}/transactioncontacts"
                await call.post(path, {"contacts": [{"extRef": "1", "email": "a@example.com"}]})

        asyncio.run(start())
        assert sandbox.state.count_members(list_id, ext_ref="1") == 0
        clock.now += 5
        assert sandbox.state.count_members(list_id, ext_ref="1") == 1


@asynchronous
async def test_distributions_of_a_list_and_of_a_batch() -> None:
    async with speaking() as call:
        state = call.sandbox.state
        list_id, other = (state.add_mailing_list(name) for name in ("List", "Other"))
        batch_id = state.add_transaction_batch()
        made = [await distribute(call, list_id) for _ in range(2)]
        body = {"surveyId": state.survey_id, "transactionBatchId": batch_id}
        action = {"action": "CreateTransactionBatchDistribution"}
        of_batch = (await call.post("/distributions", LINKS | body | action)).result["id"]
        mail = state.add_distribution(state.survey_id, list_id, request_type="Invite").id
        assert [each.id for each in state.distributions_of(list_id)] == [*made, mail]
        assert [each.id for each in state.distributions_of(list_id, request_type="Invite")] == [mail]
        assert state.distributions_of(list_id, survey_id="SV_other") == []
        assert state.distributions_of(other) == []
        assert [each.id for each in state.distributions_of(batch_id)] == [of_batch]
        assert [element["id"] for element in await listed(call, list_id)] == made
        (element,) = await listed(call, batch_id)
        assert (element["id"], element["recipients"]["mailingListId"]) == (of_batch, batch_id)


@asynchronous
async def test_a_search_finds_a_new_contact_after_some_searches() -> None:
    async with speaking(search_lag=ByPolls(3)) as call:
        state = call.sandbox.state
        list_id = state.add_mailing_list("List")
        old = state.add_contact(list_id, ext_ref="old")
        new = await create(call, list_id, extRef="new")
        page = (await call.get(f"{call.lists}/{list_id}/contacts")).result["elements"]
        assert [element["contactId"] for element in page] == [old.id, new]
        assert await found(call, "extRef", "old") == [old.id]
        later = await create(call, list_id, extRef="later")
        assert [await found(call, "extRef", "new") for _ in range(2)] == [[], [new]]
        assert await found(call, "extRef", "later") == [later]


@asynchronous
async def test_a_search_finds_a_new_contact_after_some_seconds() -> None:
    clock = Clock()
    async with speaking(search_lag=BySeconds(30), clock=clock, deduplicate=("email",)) as call:
        list_id = call.sandbox.state.add_mailing_list("List")
        new = await create(call, list_id, email="a@example.com")
        clock.now += 29
        assert await found(call, "email", "a@example.com") == []
        await create(call, list_id, email="a@example.com", firstName="Again")
        clock.now += 1
        assert await found(call, "email", "a@example.com") == [new]


@asynchronous
async def test_the_pages_of_one_search_are_one_look() -> None:
    async with speaking(search_lag=ByPolls(2), page_size=1) as call:
        state = call.sandbox.state
        list_id = state.add_mailing_list("List")
        for _ in range(3):
            state.add_contact(list_id, first_name="Ann")
        await create(call, list_id, firstName="Ann")
        path = f"/directories/{state.default_directory_id}/contacts/search"
        body = {"filter": {"filterType": "firstName", "comparison": "eq", "value": "Ann"}}
        pages, query = [], ""
        while (answer := (await call.post(path + query, body)).result).get("skipToken"):
            pages.append(len(answer["elements"]))
            query = f"?skipToken={answer['skipToken']}"
        assert pages == [1, 1, 1]


@asynchronous
async def test_searches_can_be_refused() -> None:
    async with speaking() as call:
        route = "POST /directories/{directoryId}/contacts/search"
        call.sandbox.faults.add(kind="status", route=route, status=403, code="AuthZ_2.0", times=None)
        path = f"/directories/{call.sandbox.state.default_directory_id}/contacts/search"
        refused = await call.post(path, {"filter": {}})
        assert (refused.status, refused.code) == (403, "AuthZ_2.0")
        assert (await call.get(call.lists)).status == 200


@pytest.mark.parametrize("lag", [ByPolls(2), BySeconds(10)])
@asynchronous
async def test_a_new_distribution_is_listed_later(lag: ByPolls | BySeconds) -> None:
    clock = Clock()
    async with speaking(listing_lag=lag, clock=clock) as call:
        state = call.sandbox.state
        list_id = state.add_mailing_list("List")
        old = state.add_distribution(state.survey_id, list_id).id
        call.sandbox.faults.add(kind="status", status=504, when="after", route="POST /distributions")
        body = {"surveyId": state.survey_id, "mailingListId": list_id, "expirationDate": EXPIRES}
        assert (await call.post("/distributions", body | LINKS)).status == 504
        assert [element["id"] for element in await listed(call, list_id)] == [old]
        clock.now += 10
        new = state.distributions_of(list_id)[1].id
        later = await listed(call, list_id)
        assert [element["id"] for element in later] == [old, new]
        assert later[1]["surveyLink"]["expirationDate"] == EXPIRES
        assert (await call.get(f"/distributions/{new}", surveyId=state.survey_id)).status == 200


@asynchronous
async def test_the_pages_of_one_listing_are_one_look() -> None:
    async with speaking(listing_lag=ByPolls(2), page_size=1) as call:
        state = call.sandbox.state
        list_id = state.add_mailing_list("List")
        for _ in range(3):
            state.add_distribution(state.survey_id, list_id)
        await distribute(call, list_id)
        path = f"/distributions?surveyId={state.survey_id}"
        assert [len(await call.walk(path)) for _ in range(2)] == [3, 4]


@asynchronous
async def test_a_listing_of_another_survey_is_no_look() -> None:
    async with speaking(listing_lag=ByPolls(2)) as call:
        state = call.sandbox.state
        list_id = state.add_mailing_list("List")
        other = state.add_survey("Other")
        made = await distribute(call, list_id)
        for _ in range(3):
            await call.get("/distributions", surveyId=other)
        assert [len(await listed(call, list_id)) for _ in range(2)] == [0, 1]
        assert (await listed(call, list_id))[0]["id"] == made
