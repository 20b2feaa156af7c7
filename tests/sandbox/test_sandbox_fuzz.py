"""Whatever is sent, the sandbox answers with an envelope of its own and never breaks."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from speaking import Caller, speaking

from qualtrics_async.sandbox import ByPolls, routes

KEYS = (
    "name",
    "ownerId",
    "email",
    "phone",
    "firstName",
    "extRef",
    "id",
    "embeddedData",
    "unsubscribed",
    "contacts",
    "transactionMeta",
    "batchId",
    "fields",
    "transactionData",
    "action",
    "surveyId",
    "linkType",
    "description",
    "mailingListId",
    "transactionBatchId",
    "message",
    "recipients",
    "header",
    "surveyLink",
    "sendDate",
    "messageText",
    "messageId",
    "contactId",
    "topics",
    "publicationUrl",
    "encrypt",
    "sharedKey",
    "expirationDate",
)
WORDS = ("CreateDistribution", "CreateTransactionBatchDistribution", "Individual", "a@example.com", "")
WRITES = [(method, template) for method, template, _ in routes() if method in ("POST", "PUT")]


def bodies(known: list[str]) -> st.SearchStrategy[Any]:
    leaves = (
        st.none() | st.booleans() | st.integers() | st.sampled_from([*WORDS, *known]) | st.text(max_size=3)
    )
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
        max_leaves=12,
    )


async def write_everything(data: st.DataObject) -> None:
    async with speaking(jobs=ByPolls(0)) as call:
        ids = known_ids(call)
        for method, template in WRITES:
            body = data.draw(bodies(list(ids.values())))
            path = template.format(**ids)
            answer = await call(method, call.sandbox.origin + path if "oauth2" in path else path, body)
            assert answer.status < 500, (method, template, body, answer.text)
            assert "result" in answer.json or "meta" in answer.json or "error" in answer.json


def known_ids(call: Caller) -> dict[str, str]:
    state = call.sandbox.state
    list_id = state.add_mailing_list("List")
    contact = state.add_contact(list_id, email="a@example.com")
    distribution = state.add_distribution(state.survey_id, list_id)
    return {
        "directoryId": state.default_directory_id,
        "mailingListId": list_id,
        "contactId": contact.id,
        "surveyId": state.survey_id,
        "distributionId": distribution.id,
        "batchId": state.add_transaction_batch(),
    }


@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_no_body_breaks_the_sandbox(data: st.DataObject) -> None:
    asyncio.run(write_everything(data))


FORMS: dict[str, dict[str, Any]] = {
    "links": dict.fromkeys(("surveyId", "linkType", "description", "action", "mailingListId")),
    "email": dict.fromkeys(("message", "recipients", "header", "surveyLink", "sendDate", "embeddedData")),
}


async def distribute(data: st.DataObject) -> None:
    async with speaking() as call:
        ids = known_ids(call)
        for form in FORMS.values():
            body = {key: data.draw(bodies(list(ids.values()))) for key in form}
            if "action" in body:
                body["action"] = data.draw(st.sampled_from(WORDS))
            answer = await call.post("/distributions", body)
            assert answer.status < 500, (body, answer.text)


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_no_distribution_breaks_the_sandbox(data: st.DataObject) -> None:
    asyncio.run(distribute(data))
