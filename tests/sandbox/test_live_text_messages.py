"""Distributions by SMS and WhatsApp, from the client to the sandbox and back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from living import living
from shapes import keys, sample
from speaking import asynchronous, speaking

from qualtrics_async import InvalidRequest, NotFound, OutcomeUnknown, UsageError
from qualtrics_async.models.distributions import MessageInput

if TYPE_CHECKING:
    from qualtrics_async.sandbox import State

NOON = "2026-07-01T12:00:00Z"
TEXT = MessageInput(message_text="Tell us: ${l://SurveyURL}")
LONG = MessageInput(message_text="Tell us. " * 20)
TEMPLATE = MessageInput(library_id="UR_1", message_id="MS_1")
SMS, WHATSAPP = "SMS distribution", "WhatsApp distribution"


def arrange(state: State) -> str:
    """A list of two with a telephone, one without and one who opted out."""
    list_id = state.add_mailing_list("North")
    for n in range(2):
        state.add_contact(list_id, email=f"guest{n}@example.com", phone=f"+1555010000{n}")
    state.add_contact(list_id, email="quiet@example.com")
    state.add_contact(list_id, email="away@example.com", phone="+15550100009", list_unsubscribed=True)
    return list_id


def lookup_id(state: State, list_id: str, index: int) -> str:
    """The lookup id of a member."""
    return state.mailing_lists[list_id].members[index].lookup_id


@asynchronous
async def test_a_list_is_asked_by_text_and_reminded() -> None:
    async with living() as (client, sandbox):
        state, texts = sandbox.state, client.sms_distributions
        list_id = arrange(state)
        made = await texts.create(
            name="Menu",
            survey_id=state.survey_id,
            send_date=NOON,
            mailing_list_id=list_id,
            message=LONG,
            survey_link_expiration_date="2026-08-01T00:00:00Z",
        )
        sent = await texts.get(made.id, survey_id=state.survey_id)
        assert (sent.name, sent.request_type, sent.survey_id) == ("Menu", "Invite", state.survey_id)
        assert sent.recipients is not None
        assert (sent.recipients.mailing_list_id, sent.recipients.contact_id) == (list_id, None)
        assert sent.message is not None
        assert (sent.message.message_type, sent.message.message_text) == ("Inline", LONG.message_text)
        assert sent.survey_link is not None
        assert sent.survey_link.expiration_date is not None
        assert sent.stats is not None
        assert (sent.stats.sent, sent.stats.failed, sent.stats.segments) == (2, 1, 4)
        reminder = await texts.create(
            name="Menu?",
            survey_id=state.survey_id,
            send_date=NOON,
            method="Reminder",
            parent_distribution_id=made.id,
            message=TEMPLATE,
        )
        listed = await texts.list(state.survey_id, page_size=1).collect()
        assert [text.id for text in listed] == [made.id, reminder.id]
        assert [text.parent_distribution_id for text in listed] == [None, made.id]
        assert [text.message.message_type for text in listed if text.message] == ["Inline", "Library"]
        assert all(text.message and text.message.message_text is None for text in listed)
        await texts.delete(made.id, survey_id=state.survey_id)
        assert [text["id"] for text in state.shelf(SMS)] == [reminder.id]


@asynchronous
async def test_a_text_to_one_contact_reaches_nobody_else() -> None:
    async with living() as (client, sandbox):
        state = sandbox.state
        list_id = arrange(state)
        what: dict[str, Any] = {"name": "One", "survey_id": state.survey_id, "send_date": NOON}
        to_one = {"mailing_list_id": list_id, "contact_id": lookup_id(state, list_id, 0)}
        for group, message in ((client.sms_distributions, TEXT), (client.whatsapp_distributions, TEMPLATE)):
            made = await group.create(**what, **to_one, message=message)
            sent = await group.get(made.id, survey_id=state.survey_id)
            assert sent.stats is not None
            assert (sent.stats.sent, sent.stats.failed) == (1, 0)
            with pytest.raises(InvalidRequest, match="lookup id"):
                await group.create(**what, mailing_list_id=list_id, contact_id="CGC_0", message=message)
            with pytest.raises(UsageError):
                await group.create(**what, mailing_list_id=list_id, contact_id="", message=message)
        assert len(state.shelf(SMS)) == len(state.shelf(WHATSAPP)) == 1


@asynchronous
async def test_a_batch_is_asked_question_by_question() -> None:
    async with living() as (client, sandbox):
        state = sandbox.state
        list_id, batch_id = arrange(state), state.add_transaction_batch()
        for contact in state.list_contacts(list_id)[:2]:
            state.add_transaction(list_id, contact.id, batch_id)
        made = await client.sms_distributions.create(
            name="Orders",
            survey_id=state.survey_id,
            send_date=NOON,
            method="Interactive",
            transaction_batch_id=batch_id,
        )
        sent = await client.sms_distributions.get(made.id, survey_id=state.survey_id)
        assert sent.recipients is not None
        assert (sent.recipients.mailing_list_id, sent.recipients.transaction_batch_id) == (None, batch_id)
        assert sent.stats is not None
        assert (sent.stats.sent, sent.request_type) == (2, "Interactive")
        with pytest.raises(InvalidRequest, match="batch"):
            await client.sms_distributions.create(
                name="Orders",
                survey_id=state.survey_id,
                send_date=NOON,
                transaction_batch_id="BT_0",
                message=TEXT,
            )


@asynchronous
async def test_a_list_is_asked_by_chat() -> None:
    async with living() as (client, sandbox):
        state, chats = sandbox.state, client.whatsapp_distributions
        list_id = arrange(state)
        made = await chats.create(
            name="Menu",
            survey_id=state.survey_id,
            send_date=NOON,
            mailing_list_id=list_id,
            message=TEMPLATE,
            survey_link_expiration_date=NOON,
        )
        (sent,) = await chats.list(state.survey_id, page_size=10).collect()
        assert sent == await chats.get(made.id, survey_id=state.survey_id)
        assert sent.recipients is not None
        assert sent.recipients.mailing_list_id == list_id
        assert sent.message is not None
        assert (sent.message.library_id, sent.message.message_id) == ("UR_1", "MS_1")
        assert sent.stats is not None
        assert (sent.stats.sent, sent.stats.credits) == (2, 2)
        await chats.delete(made.id, survey_id=state.survey_id)
        assert len(state.shelf(WHATSAPP)) == 0


@pytest.mark.parametrize("route", ["/distributions/sms", "/distributions/whatsapp"])
def test_a_text_in_doubt_is_sent_once(route: str) -> None:
    async def attempt() -> None:
        async with living() as (client, sandbox):
            state = sandbox.state
            list_id = arrange(state)
            group = client.sms_distributions if route.endswith("sms") else client.whatsapp_distributions
            sandbox.faults.add(kind="cut", route=f"POST {route}", when="after")
            with pytest.raises(OutcomeUnknown):
                await group.create(
                    name="Menu",
                    survey_id=state.survey_id,
                    send_date=NOON,
                    mailing_list_id=list_id,
                    message=TEXT,
                )
            assert state.processed[f"POST {route}"] == 1
            assert len(await group.list(state.survey_id).collect()) == 1

    asyncio.run(attempt())


@asynchronous
async def test_what_cannot_be_texted_is_refused() -> None:
    async with living() as (client, sandbox):
        state = sandbox.state
        list_id, other = arrange(state), state.add_survey("Other")
        closed = state.add_survey("Closed", active=False)
        create = client.sms_distributions.create
        what: dict[str, Any] = {"name": "Menu", "send_date": NOON, "message": TEXT}
        made = await create(survey_id=state.survey_id, mailing_list_id=list_id, **what)
        attempts: list[tuple[type[Exception], dict[str, Any]]] = [
            (InvalidRequest, {"survey_id": closed, "mailing_list_id": list_id}),
            (InvalidRequest, {"survey_id": other, "mailing_list_id": list_id, "method": "Telegram"}),
            (NotFound, {"survey_id": other, "mailing_list_id": "CG_0"}),
            (NotFound, {"survey_id": other, "method": "Thankyou", "parent_distribution_id": "SMSD_0"}),
        ]
        for refused, options in attempts:
            with pytest.raises(refused):
                await create(**what, **options)
        with pytest.raises(NotFound):
            await client.sms_distributions.get(made.id, survey_id=other)
        with pytest.raises(NotFound):
            await client.sms_distributions.delete(made.id, survey_id=other)
        assert await client.sms_distributions.list(other).collect() == []
        assert len(state.shelf(SMS)) == 1


@asynchronous
async def test_the_wire_is_strict() -> None:
    async with speaking() as call:
        list_id = arrange(call.sandbox.state)
        (one, *_) = call.sandbox.state.mailing_lists[list_id].members
        body = {
            "name": "Menu",
            "surveyId": call.sandbox.state.survey_id,
            "sendDate": NOON,
            "method": "Invite",
        }
        told = body | {"message": {"messageText": "Hi"}, "recipients": {"mailingListId": list_id}}
        for refused, code in (
            (told | {"colour": "red"}, "RP_9"),
            (told | {"parentDistributionId": "SMSD_1"}, "RP_9"),
            (body | {"message": {"messageText": "Hi"}}, "RP_10"),
            (told | {"message": {"text": "Hi"}}, "RP_9"),
            (told | {"method": "Reminder"}, "RP_9"),
            (body | {"method": "Reminder", "message": {"messageText": "Hi"}}, "RP_10"),
            (told | {"message": {}}, "PLACEHOLDER_400"),
            (told | {"recipients": {}}, "PLACEHOLDER_400"),
            (told | {"sendDate": "soon"}, "PLACEHOLDER_400"),
            (told | {"surveyLinkExpirationDate": "later"}, "PLACEHOLDER_400"),
            (
                told | {"recipients": {"mailingListId": list_id, "contactId": one.contact.id}},
                "PLACEHOLDER_400",
            ),
        ):
            answer = await call.post("/distributions/sms", refused)
            assert (answer.status, answer.code) == (400, code), refused
        assert (await call.get("/distributions/sms")).code == "RP_10"
        assert len(call.sandbox.state.shelf(SMS)) == 0


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("sms_distribution", "/distributions/sms/{id}"),
        ("sms_distributions", "/distributions/sms"),
        ("whatsapp_distribution", "/distributions/whatsapp/{id}"),
        ("whatsapp_distributions", "/distributions/whatsapp"),
    ],
)
def test_bodies_have_the_keys_of_the_samples(name: str, path: str) -> None:
    async def ask() -> Any:
        async with speaking() as call:
            state = call.sandbox.state
            body = {
                "name": "Menu",
                "surveyId": state.survey_id,
                "sendDate": NOON,
                "method": "Invite",
                "message": {"messageText": "Hi"},
                "recipients": {"mailingListId": arrange(state)},
            }
            made = (await call.post(path.removesuffix("/{id}"), body)).result
            return (await call.get(path.format(**made), surveyId=state.survey_id)).json

    assert keys(asyncio.run(ask())) == keys(sample(name))
