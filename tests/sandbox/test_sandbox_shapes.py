"""The sandbox's bodies have the keys of the sample bodies: two independent statements of the wire format."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from shapes import keys, sample
from speaking import Caller, speaking

from qualtrics_async.sandbox import ByPolls

LISTS = "/directories/{directory}/mailinglists"
CALLS = [
    ("whoami", "/whoami"),
    ("surveys", "/surveys"),
    ("survey_definition", "/survey-definitions/{survey}"),
    ("directories", "/directories"),
    ("mailing_lists", LISTS + "?includeCount=true"),
    ("mailing_list", LISTS + "/{list}"),
    ("contacts", LISTS + "/{list}/contacts"),
    ("contact", LISTS + "/{list}/contacts/{contact}"),
    ("contacts_unreachable", LISTS + "/{list}/optedOutContacts"),
    ("contacts_unreachable", LISTS + "/{list}/bouncedContacts"),
    ("contact_history_email", LISTS + "/{list}/contacts/{contact}/history?type=email"),
    ("contact_import_finished", LISTS + "/{list}/transactioncontacts/{import}"),
    ("import_report_page1", "/directories/{directory}/imports/api-import/jobs/{import}/report"),
    ("distributions", "/distributions?surveyId={survey}"),
    ("distribution", "/distributions/{mail}?surveyId={survey}"),
    ("distribution_history", "/distributions/{mail}/history"),
    ("distribution_links_page1", "/distributions/{links}/links?surveyId={survey}"),
    ("event_subscriptions", "/eventsubscriptions"),
    ("event_subscription", "/eventsubscriptions/{subscription}"),
]


async def arrange(call: Caller) -> dict[str, str]:
    """One of everything, by the names that the paths above use."""
    state = call.sandbox.state
    list_id = state.add_mailing_list("List")
    contact = state.add_contact(list_id, email="a@example.com", embedded_data={"a": "b"})
    state.add_contact(list_id, email="c@example.com", list_unsubscribed=True, bounced=True)
    message = {"messageText": "Hello"}
    imports = f"{call.lists}/{list_id}/transactioncontacts"
    started = await call.post(imports, {"contacts": [{"email": "b@example.com"}]})
    return {
        "survey": state.survey_id,
        "directory": state.default_directory_id,
        "list": list_id,
        "contact": contact.id,
        "import": started.result["id"],
        "mail": state.add_distribution(state.survey_id, list_id, request_type="Invite", message=message).id,
        "links": state.add_distribution(state.survey_id, list_id).id,
        "subscription": state.add_subscription("*", "https://hooks.example.com"),
    }


async def ask(template: str) -> Any:
    async with speaking(jobs=ByPolls(0)) as call:
        return (await call.get(template.format(**await arrange(call)))).json


@pytest.mark.parametrize(("name", "template"), CALLS)
def test_bodies_have_the_keys_of_the_samples(name: str, template: str) -> None:
    claimed_only = {".result.language"} if name == "whoami" else set()
    assert keys(asyncio.run(ask(template))) == keys(sample(name)) - claimed_only
