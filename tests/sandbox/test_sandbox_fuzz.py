"""Whatever is sent, the sandbox answers with an envelope of its own and never breaks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st
from speaking import speaking

from qualtrics_async.sandbox import ByPolls, Sandbox, routes

if TYPE_CHECKING:
    from qualtrics_async.sandbox import State

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


def arrange(state: State) -> dict[str, str]:
    """Ids by their placeholders; the same for every sandbox of one seed."""
    list_id = state.add_mailing_list("List")
    contact = state.add_contact(list_id, email="a@example.com")
    return {
        "directoryId": state.default_directory_id,
        "mailingListId": list_id,
        "contactId": contact.id,
        "surveyId": state.survey_id,
        "distributionId": state.add_distribution(state.survey_id, list_id).id,
        "batchId": state.add_transaction_batch(),
    }


IDS = arrange(Sandbox().state)
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.sampled_from([*WORDS, *IDS.values()]) | st.text(max_size=3)
)
BODIES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=12,
)
DISTRIBUTIONS = st.fixed_dictionaries(
    dict.fromkeys(("surveyId", "linkType", "description", "mailingListId"), BODIES)
    | {"action": st.sampled_from(WORDS)}
) | st.fixed_dictionaries(
    dict.fromkeys(("message", "recipients", "header", "surveyLink", "sendDate"), BODIES)
)


async def write(requests: list[tuple[tuple[str, str], Any]]) -> None:
    async with speaking(jobs=ByPolls(0)) as call:
        assert arrange(call.sandbox.state) == IDS
        for (method, template), body in requests:
            path = template.format(**IDS)
            answer = await call(method, call.sandbox.origin + path if "oauth2" in path else path, body)
            assert answer.status < 500, (method, template, body, answer.text)
            assert answer.json.keys() & {"result", "meta", "error"}


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(WRITES), BODIES), max_size=10))
def test_no_body_breaks_the_sandbox(requests: list[tuple[tuple[str, str], Any]]) -> None:
    asyncio.run(write(requests))


@settings(max_examples=15, deadline=None)
@given(st.lists(DISTRIBUTIONS, max_size=5))
def test_no_distribution_breaks_the_sandbox(bodies: list[Any]) -> None:
    asyncio.run(write([(("POST", "/distributions"), body) for body in bodies]))
