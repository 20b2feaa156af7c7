"""Erasure of personal data, from the client to the sandbox and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from living import living
from speaking import asynchronous

from qualtrics_async import JobFailed, NotFound, OutcomeUnknown
from qualtrics_async.sandbox import ByPolls

if TYPE_CHECKING:
    from qualtrics_async.sandbox import State


def people(state: State) -> dict[str, str]:
    """One of everybody who can be erased, each with the same address in a spelling of its own."""
    mailing_list = state.add_mailing_list("List")
    contact = state.add_contact(mailing_list, email="Former@example.com")
    state.add_contact(mailing_list, email="stays@example.com")
    state.add_transaction(mailing_list, contact.id)
    state.add_participant("ex", "p-1", email="FORMER@example.com")
    state.add_response(state.survey_id, {"recipientEmail": "former@Example.com"})
    state.add_response(state.survey_id, {"recipientEmail": "stays@example.com"})
    return {"list": mailing_list, "user": state.add_user("former@example.com")}


def left(state: State) -> dict[str, int]:
    """How much there is of what can be erased."""
    return {
        "contacts": len(state.contacts),
        "transactions": len(state.transactions),
        "people": sum(map(len, state.participants.values())),
        "responses": len(state.responses),
        "users": len(state.shelf("user")),
        "members": sum(len(made.members) for made in state.mailing_lists.values()),
        "counted": sum(made.contact_count for made in state.directories.values()),
    }


BEFORE = {
    "contacts": 2,
    "transactions": 1,
    "people": 1,
    "responses": 2,
    "users": 2,
    "members": 2,
    "counted": 2,
}
AFTER = {
    "contacts": 1,
    "transactions": 0,
    "people": 0,
    "responses": 1,
    "users": 1,
    "members": 1,
    "counted": 1,
}
FORMER = ["former@example.com", "nobody@example.com"]


@asynchronous
async def test_a_search_erases_nothing() -> None:
    async with living() as (client, sandbox):
        people(sandbox.state)
        done = await client.erasure_requests.run(FORMER, search_only=True, confirm=True)
        assert (done.status, done.search_only, done.emails_not_found) == ("completed", True, FORMER[1:])
        assert left(sandbox.state) == BEFORE


@asynchronous
async def test_erasure_erases_and_tells() -> None:
    """While it is under way it is in the listing only."""
    async with living(jobs=ByPolls(3)) as (client, sandbox):
        made = people(sandbox.state)
        group = await client.groups.create(name="Canteen", type="GT_1")
        await client.groups.members.add(group.id, made["user"])
        started = await client.erasure_requests.start(FORMER, search_only=False, confirm=True)
        assert (started.user, started.request_id[:3]) == (sandbox.state.user_id, "OP-")
        with pytest.raises(NotFound):
            await client.erasure_requests.progress(started.request_id)
        (listed,) = await client.erasure_requests.list().collect()
        assert (listed.request_id, listed.is_finished) == (started.request_id, False)
        done = await client.erasure_requests.progress(started.request_id)
        assert (done.num_emails_requested, done.email_list) == (2, FORMER)
        assert (done.is_finished, done.is_failed, done.search_only) == (True, False, False)
        assert left(sandbox.state) == AFTER
        assert await client.groups.members.list(group.id).collect() == []
        assert (await client.users.whoami()).email == "api.user@example.com"


@asynchronous
async def test_erasure_is_waited_for() -> None:
    async with living(jobs=ByPolls(4)) as (client, sandbox):
        people(sandbox.state)
        done = await client.erasure_requests.run(FORMER, search_only=False, confirm=True)
        assert (done.is_finished, done.updated is not None) == (True, True)
        assert sandbox.calls["GET /op-erase-personal-data/{requestId}", 404] == 3
        assert left(sandbox.state) == AFTER


@asynchronous
async def test_erasure_that_fails_erases_nothing() -> None:
    async with living(jobs=ByPolls(0)) as (client, sandbox):
        people(sandbox.state)
        sandbox.faults.add(route="POST /op-erase-personal-data", kind="failed_job")
        with pytest.raises(JobFailed) as caught:
            await client.erasure_requests.run(FORMER, search_only=False, confirm=True)
        assert caught.value.status == "failed"
        assert left(sandbox.state) == BEFORE


@asynchronous
async def test_erasure_in_doubt_is_not_repeated() -> None:
    async with living() as (client, sandbox):
        people(sandbox.state)
        sandbox.faults.add(route="POST /op-erase-personal-data", kind="status", status=503, when="after")
        with pytest.raises(OutcomeUnknown):
            await client.erasure_requests.start(FORMER, search_only=False, confirm=True)
        assert sandbox.state.processed["POST /op-erase-personal-data"] == 1
        assert left(sandbox.state) == AFTER


@asynchronous
async def test_the_caller_is_not_erased() -> None:
    async with living(jobs=ByPolls(0)) as (client, sandbox):
        done = await client.erasure_requests.run(["api.user@example.com"], search_only=False, confirm=True)
        assert done.emails_not_found == []
        assert (await client.users.whoami()).user_id == sandbox.state.user_id


@asynchronous
async def test_who_is_erased_is_in_no_distribution_any_more() -> None:
    async with living() as (client, sandbox):
        state, links = sandbox.state, client.distributions.links
        list_id = state.add_mailing_list("List")
        batch_id = state.add_transaction_batch()
        for email in ("former@example.com", "stays@example.com"):
            state.add_transaction(list_id, state.add_contact(list_id, email=email).id, batch_id)
        survey_id = state.survey_id
        made = [
            await client.distributions.create_links(survey_id=survey_id, **target)
            for target in ({"mailing_list_id": list_id}, {"transaction_batch_id": batch_id})
        ]
        await client.erasure_requests.run(["former@example.com"], search_only=False, confirm=True)
        for one in made:
            await links(one.id, survey_id=survey_id).collect()
            (link,) = await links(one.id, survey_id=survey_id).collect()
            assert link.email == "stays@example.com"
            assert link.transaction_id in (None, *state.transactions)
            assert len(await client.distributions.history(one.id).collect()) == 1
