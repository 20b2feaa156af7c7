"""Whatever is sent around samples, segments, texts and Research Core, what is kept can be listed again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st
from speaking import speaking

from qualtrics_async.sandbox import ByPolls, Sandbox, routes
from qualtrics_async.sandbox.handlers.research_core import CONTACT, LIST

if TYPE_CHECKING:
    from qualtrics_async.sandbox import State

GROUPS = (
    *("/directories/{directoryId}/samples", "/directories/{directoryId}/segments", "/mailinglists"),
    *("/distributions/sms", "/distributions/whatsapp"),
)
WRITES = [
    (method, template)
    for method, template, _ in routes()
    if method in ("POST", "PUT") and template.startswith(GROUPS)
]
MAIL = {"simpleFilter": {"filterType": "email", "comparison": "eq", "value": "a@example.com"}}


def arrange(state: State) -> dict[str, str]:
    """One of everything; the same ids for every sandbox of one seed."""
    directory, list_id = state.default_directory_id, state.add_mailing_list("List")
    contact = state.add_contact(list_id, email="a@example.com", embedded_data={"a": "b"})
    definition = {"sampleDefinitionId": "SD_1", "sampleCriteria": MAIL}
    state.shelf("sample definition").put(directory, "SD_1", record=definition)
    for noun, key, made in (("sample", "sampleId", "SMPL_1"), ("segment", "segmentId", "SEG_1")):
        record = {key: made, "contactIds": [contact.id], "criteria": MAIL}
        state.shelf(noun).put(directory, made, record=record)
    state.shelf(LIST).put("ML_1", record={"id": "ML_1", "libraryId": "UR_1"})
    state.shelf(CONTACT).put("ML_1", "MLRP_1", record={"id": "MLRP_1"})
    return {
        "directoryId": directory,
        "mailingListId": "ML_1",
        "contactId": "MLRP_1",
        "sampleId": "SMPL_1",
        "sampleDefinitionId": "SD_1",
        "segmentId": "SEG_1",
        "list": list_id,
        "survey": state.survey_id,
    }


IDS = arrange(Sandbox().state)
POOL = f"/directories/{IDS['directoryId']}"
LISTINGS = (
    *(f"{POOL}/samples", f"{POOL}/samples/definitions", f"{POOL}/segments"),
    *(f"{POOL}/samples/SMPL_1/contacts", f"{POOL}/segments/SEG_1/contacts"),
    *("/mailinglists", "/mailinglists/ML_1/contacts"),
    *(f"/distributions/{way}?surveyId={IDS['survey']}" for way in ("sms", "whatsapp")),
)
KEYS = (
    *("name", "description", "criteria", "simpleFilter", "filterGroup", "sampleCriteria", "maxSampleSize"),
    *("samplePercentage", "sampleDefinitionId", "parentId", "hidden", "libraryId", "category", "contacts"),
    *("email", "embeddedData", "unsubscribed", "messageText", "messageId", "mailingListId", "contactId"),
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.sampled_from(["email", "eq", "and", "Invite", "Reminder", "Interactive", *IDS.values()])
    | st.text(max_size=3)
)
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=10,
)
SIMPLE = st.fixed_dictionaries(
    {"filterType": st.sampled_from(["email", "embeddedData", "inList"]) | ANYTHING, "comparison": LEAVES},
    optional={"value": ANYTHING, "field": ANYTHING, "mailingListId": ANYTHING},
)
CRITERIA = st.recursive(
    st.fixed_dictionaries({"simpleFilter": SIMPLE}) | st.just(MAIL) | ANYTHING,
    lambda inner: st.fixed_dictionaries(
        {
            "filterGroup": st.fixed_dictionaries(
                {"conjunction": st.sampled_from(["and", "or"]), "filters": st.lists(inner, max_size=3)}
            )
        }
    ),
    max_leaves=5,
)
BODIES = (
    ANYTHING
    | st.fixed_dictionaries({"name": st.just("Sweet"), "criteria": CRITERIA})
    | st.fixed_dictionaries(
        {"sampleCriteria": CRITERIA}, optional={"maxSampleSize": LEAVES, "samplePercentage": LEAVES}
    )
    | st.fixed_dictionaries({"sampleDefinitionId": st.just("SD_1")}, optional={"parentId": LEAVES})
    | st.fixed_dictionaries({"contacts": st.lists(ANYTHING, max_size=3)})
    | st.fixed_dictionaries(
        {
            "name": st.just("Menu"),
            "surveyId": st.just(IDS["survey"]),
            "sendDate": LEAVES,
            "method": st.sampled_from(["Invite", "Interactive", "Reminder"]) | LEAVES,
        },
        optional={
            "recipients": ANYTHING | st.just({"mailingListId": IDS["list"]}),
            "message": ANYTHING | st.just({"messageText": "Hi"}),
            "parentDistributionId": LEAVES,
        },
    )
)


async def write(requests: list[tuple[tuple[str, str], Any]]) -> None:
    async with speaking(jobs=ByPolls(0)) as call:
        assert arrange(call.sandbox.state) == IDS
        for (method, template), body in requests:
            answer = await call(method, template.format(**IDS), body)
            assert answer.status < 500, (method, template, body, answer.text)
        for path in LISTINGS:
            assert "elements" in (await call.get(path)).result


def test_there_is_something_to_write_to() -> None:
    assert len(WRITES) == 14


@settings(max_examples=25)
@given(st.lists(st.tuples(st.sampled_from(WRITES), BODIES), max_size=12))
def test_what_is_kept_can_be_listed(requests: list[tuple[tuple[str, str], Any]]) -> None:
    asyncio.run(write(requests))
