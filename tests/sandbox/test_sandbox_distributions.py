"""Distributions, links, history; event subscriptions."""

from __future__ import annotations

from typing import Any

import pytest
from speaking import Caller, Clock, asynchronous, speaking

from qualtrics_async.sandbox import ByPolls, BySeconds

MESSAGE = {"messageText": "Hello: ${l://SurveyURL}"}
HEADER = {"fromName": "Team", "fromEmail": "a@example.com", "replyToEmail": "b@example.com", "subject": "Hi"}


def people(call: Caller, count: int = 3) -> str:
    list_id = call.sandbox.state.add_mailing_list("List")
    for n in range(count):
        call.sandbox.state.add_contact(list_id, email=f"a{n}@example.com", first_name=f"A{n}")
    return list_id


def link_body(call: Caller, list_id: str, **more: Any) -> dict[str, Any]:
    return {
        "surveyId": call.sandbox.state.survey_id,
        "linkType": "Individual",
        "description": "Spring",
        "action": "CreateDistribution",
        "expirationDate": "2030-07-01T00:00:00Z",
        "mailingListId": list_id,
    } | more


def email_body(call: Caller, list_id: str, **more: Any) -> dict[str, Any]:
    return {
        "message": MESSAGE,
        "recipients": {"mailingListId": list_id},
        "header": HEADER,
        "surveyLink": {"surveyId": call.sandbox.state.survey_id, "type": "Individual"},
        "embeddedData": {"wave": "1"},
        "sendDate": "2020-06-01T09:00:00Z",
    } | more


def without(body: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != key}


async def links_path(call: Caller, body: dict[str, Any]) -> str:
    made = (await call.post("/distributions", body)).result["id"]
    return f"/distributions/{made}/links?surveyId={body['surveyId']}"


@asynchronous
async def test_links_are_there_at_once_after_some_polls() -> None:
    async with speaking(jobs=ByPolls(2), page_size=2) as call:
        path = await links_path(call, link_body(call, people(call, 5)))
        assert await call.walk(path) == [[]]
        pages = await call.walk(path)
        assert [len(page) for page in pages] == [2, 2, 1]
        links = [link for page in pages for link in page]
        assert len({link["link"] for link in links}) == 5
        assert {link["status"] for link in links} == {"Email not sent"}
        (made,) = call.sandbox.state.distributions
        assert {link["contactId"]: link["link"] for link in links} == call.sandbox.state.links(made)


@asynchronous
async def test_links_grow() -> None:
    async with speaking(jobs=ByPolls(3), links="growing", page_size=2) as call:
        path = await links_path(call, link_body(call, people(call, 9)))
        assert [sum(map(len, await call.walk(path))) for _ in range(4)] == [3, 6, 9, 9]


@asynchronous
async def test_links_grow_with_the_clock() -> None:
    clock = Clock()
    async with speaking(jobs=BySeconds(10), links="growing", clock=clock) as call:
        path = await links_path(call, link_body(call, people(call, 10)))
        seen = []
        for _ in range(3):
            seen.append(len((await call.walk(path))[0]))
            clock.now += 5
        assert seen == [0, 5, 10]


@asynchronous
async def test_a_mail_to_a_transaction_batch() -> None:
    async with speaking() as call:
        list_id, state = people(call, 1), call.sandbox.state
        batch = state.add_transaction_batch()
        (contact,) = state.list_contacts(list_id)
        made = state.add_transaction(list_id, contact.id, batch)
        body = email_body(call, list_id, recipients={"transactionBatchId": batch})
        sent = (await call.post("/distributions", body)).result["id"]
        assert state.distributions[sent].transaction_ids == [made]
        mixed = {"transactionBatchId": batch, "contactId": "CGC_1"}
        assert (await call.post("/distributions", email_body(call, list_id, recipients=mixed))).code == "RP_9"


@asynchronous
async def test_links_of_a_stuck_distribution_never_come() -> None:
    async with speaking(jobs=ByPolls(0)) as call:
        call.sandbox.faults.add(kind="stuck_job", route="POST /distributions")
        path = await links_path(call, link_body(call, people(call)))
        for _ in range(3):
            assert await call.walk(path) == [[]]


@asynchronous
async def test_who_gets_a_link() -> None:
    async with speaking(jobs=ByPolls(0)) as call:
        list_id = people(call, 1)
        state = call.sandbox.state
        state.add_contact(list_id, email="b@example.com", unsubscribed=True)
        state.add_contact(list_id, email="c@example.com", list_unsubscribed=True)
        often = state.add_contact(list_id, email="d@example.com", phone="+1", exceeded_frequency=True)
        path = await links_path(call, link_body(call, list_id))
        (page,) = await call.walk(path)
        assert [link["email"] for link in page] == ["a0@example.com", "d@example.com"]
        assert page[1]["exceededContactFrequency"] is True
        assert (page[1]["contactId"], page[1]["phone"]) == (often.id, "+1")
        state.add_contact(list_id, email="late@example.com")
        assert len((await call.walk(path))[0]) == 2


@asynchronous
async def test_an_anonymous_link_is_the_same_for_all() -> None:
    async with speaking(jobs=ByPolls(0)) as call:
        (page,) = await call.walk(await links_path(call, link_body(call, people(call), linkType="Anonymous")))
        assert len({link["link"] for link in page}) == 1


@asynchronous
async def test_links_of_a_transaction_batch() -> None:
    async with speaking(jobs=ByPolls(0)) as call:
        list_id, state = people(call, 2), call.sandbox.state
        batch = state.add_transaction_batch()
        ids = [state.add_transaction(list_id, contact.id, batch) for contact in state.list_contacts(list_id)]
        body = without(link_body(call, list_id), "mailingListId") | {
            "action": "CreateTransactionBatchdistribution",
            "transactionBatchId": batch,
        }
        (page,) = await call.walk(await links_path(call, body))
        assert [link["transactionId"] for link in page] == ids
        (element,) = (await call.get("/distributions", surveyId=state.survey_id)).result["elements"]
        assert element["recipients"]["mailingListId"] == batch


@asynchronous
async def test_the_two_families_do_not_mix() -> None:
    async with speaking() as call:
        list_id = people(call)
        links, email = link_body(call, list_id), email_body(call, list_id)
        cases = [
            (links | {"sendDate": "2030-06-01T09:00:00Z"}, "RP_9", "sendDate"),
            (without(links, "mailingListId"), "RP_10", "mailingListId"),
            (without(links, "action"), "RP_9", "surveyId"),
            (without(email, "sendDate"), "RP_10", "sendDate"),
            (email | {"headers": {}}, "RP_9", "headers"),
            (email | {"header": {"from": "x"}}, "RP_9", "from"),
            (email | {"recipients": {}}, "RP_10", "mailingListId"),
            (links | {"linkType": "individual"}, "PLACEHOLDER_400", "linkType"),
            (links | {"action": "Create"}, "PLACEHOLDER_400", "action"),
            (email | {"message": {**MESSAGE, "messageId": "MS_1"}}, "PLACEHOLDER_400", "either"),
            (email | {"message": "Hello"}, "PLACEHOLDER_400", "message"),
            (links | {"expirationDate": "in a month"}, "PLACEHOLDER_400", "expirationDate"),
            (email | {"sendDate": "0001-01-01T00:00:00+14:00"}, "PLACEHOLDER_400", "sendDate"),
        ]
        for body, code, named in cases:
            refused = await call.post("/distributions", body)
            assert (refused.status, refused.code) == (400, code), body
            assert named in refused.json["meta"]["error"]["errorMessage"]
        assert call.sandbox.state.distributions == {}


@asynchronous
async def test_dates_come_in_two_forms_and_are_read_in_one() -> None:
    async with speaking(jobs=ByPolls(0)) as call:
        list_id = people(call)
        plain = link_body(call, list_id, expirationDate="2030-07-01 00:00:00")
        ((link, *_),) = await call.walk(await links_path(call, plain))
        assert link["linkExpiration"] == "2030-07-01T00:00:00Z"
        mail = email_body(call, list_id, sendDate="2030-06-01T11:00:00.250+02:00")
        made = (await call.post("/distributions", mail)).result["id"]
        path = f"/distributions/{made}?surveyId={plain['surveyId']}"
        assert (await call.get(path)).result["sendDate"] == "2030-06-01T09:00:00Z"
        survey_id = plain["surveyId"]
        for bounds, count in (
            ({"sendStartDate": "2030-06-01T09:00:00Z"}, 1),
            ({"sendEndDate": "2030-06-01T08:59:59Z"}, 1),
            ({"sendStartDate": "2030-06-01T09:00:01Z"}, 0),
            ({"sendEndDate": "2030-06-01T11:00:00+02:00"}, 2),
        ):
            page = await call.get("/distributions", surveyId=survey_id, **bounds)
            assert len(page.result["elements"]) == count, bounds
        assert (await call.get("/distributions", surveyId=survey_id, sendEndDate="x")).status == 400


@asynchronous
async def test_one_recipient_is_named_by_the_lookup_id_alone() -> None:
    async with speaking() as call:
        list_id = people(call)
        (member, *_) = call.sandbox.state.mailing_lists[list_id].members
        for contact_id, status in ((member.contact.id, 400), ("CGC_none", 400), (member.lookup_id, 200)):
            recipients = {"mailingListId": list_id, "contactId": contact_id}
            body = email_body(call, list_id, recipients=recipients)
            assert (await call.post("/distributions", body)).status == status, contact_id


@asynchronous
async def test_what_a_distribution_refers_to_must_exist() -> None:
    async with speaking() as call:
        list_id = people(call)
        closed = call.sandbox.state.add_survey("Closed", active=False)
        for body, status in (
            (link_body(call, "CG_none"), 404),
            (link_body(call, list_id, surveyId="SV_none"), 404),
            (link_body(call, list_id, surveyId=closed), 400),
            (email_body(call, list_id, recipients={"transactionBatchId": "BT_none"}), 404),
            (email_body(call, list_id, recipients={"mailingListId": list_id, "contactId": "CGC_none"}), 400),
        ):
            assert (await call.post("/distributions", body)).status == status


@asynchronous
async def test_a_mail_and_what_follows_it() -> None:
    async with speaking() as call:
        list_id, state = people(call, 2), call.sandbox.state
        state.add_contact(list_id, email="gone@example.com", list_unsubscribed=True)
        state.add_contact(list_id, email="bounced@example.com", bounced=True)
        made = (await call.post("/distributions", email_body(call, list_id))).result["id"]
        path, survey = f"/distributions/{made}", {"surveyId": state.survey_id}
        one = (await call.get(path, **survey)).result
        assert (one["message"]["messageType"], one["message"]["messageText"]) == (
            "Inline",
            MESSAGE["messageText"],
        )
        assert one["embeddedData"] == {"wave": "1"}
        assert one["stats"]["sent"], one["stats"]["skipped"] == (3, 1)
        history = (await call.get(path + "/history")).result["elements"]
        assert [entry["status"] for entry in history] == ["Success", "Success", "Skipped", "HardBounce"]
        links = await call.get(path + "/links", **survey)
        assert links.status == 500
        body = {"message": MESSAGE, "header": HEADER, "sendDate": "2020-06-08T09:00:00Z"}
        for verb, kind in (("reminders", "Reminder"), ("thankyous", "ThankYou")):
            follow = (await call.post(f"{path}/{verb}", body)).result
            assert follow.keys() == {"distributionId"}
            assert state.distributions[follow["distributionId"]].request_type == kind
            assert (await call.post(f"{path}/{verb}", without(body, "header"))).code == "RP_10"
        listed = (await call.get("/distributions", **survey)).result["elements"]
        assert [element["parentDistributionId"] for element in listed] == [None, made, made]
        assert "messageText" not in listed[0]["message"]
        (reminder,) = (await call.get("/distributions", **survey, distributionRequestType="Reminder")).result[
            "elements"
        ]
        assert reminder["requestType"] == "Reminder"
        assert (await call("DELETE", path)).json.keys() == {"meta"}
        assert (await call.get(path, **survey)).status == 404


@asynchronous
async def test_a_mail_to_one_contact() -> None:
    async with speaking() as call:
        list_id, state = people(call), call.sandbox.state
        member = state.mailing_lists[list_id].members[1]
        recipients = {"mailingListId": list_id, "contactId": member.lookup_id}
        made = (await call.post("/distributions", email_body(call, list_id, recipients=recipients))).result[
            "id"
        ]
        assert state.distributions[made].members == [member]


@asynchronous
async def test_the_survey_must_be_named() -> None:
    async with speaking() as call:
        list_id, state = people(call), call.sandbox.state
        made = state.add_distribution(state.survey_id, list_id)
        for path in ("/distributions", f"/distributions/{made.id}", f"/distributions/{made.id}/links"):
            refused = await call.get(path)
            assert (refused.status, refused.code) == (400, "RP_10")
        assert (await call.get(f"/distributions/{made.id}/links", surveyId="SV_other")).status == 404


@asynchronous
async def test_test_sends_have_no_history() -> None:
    async with speaking() as call:
        state = call.sandbox.state
        made = state.add_distribution(state.survey_id, people(call), request_type="TestEmail")
        refused = await call.get(f"/distributions/{made.id}/history")
        assert (refused.status, refused.code) == (400, "CP_TD_GER_NP")


@asynchronous
async def test_a_subscription_lives_and_dies() -> None:
    async with speaking() as call:
        body = {
            "topics": "*",
            "publicationUrl": "https://hooks.example.com",
            "encrypt": False,
            "sharedKey": "k",
        }
        made = (await call.post("/eventsubscriptions", body)).result["id"]
        path = f"/eventsubscriptions/{made}"
        one = (await call.get(path)).result
        assert (one["id"], one["encrypted"], one["scope"]) == (made, False, call.sandbox.state.brand_id)
        assert call.sandbox.state.subscriptions[made].shared_key == "k"
        assert (await call("DELETE", path)).json.keys() == {"meta"}
        gone = await call.get(path)
        assert (gone.status, gone.code, gone.json["meta"]["requestId"]) == (404, "ESSG_2", None)


@asynchronous
async def test_the_bare_path_deletes_all_subscriptions() -> None:
    async with speaking(page_size=2) as call:
        state = call.sandbox.state
        made = [state.add_subscription("*", "https://hooks.example.com") for _ in range(3)]
        pages = await call.walk("/eventsubscriptions")
        assert [element["id"] for page in pages for element in page] == made
        assert (await call("DELETE", "/eventsubscriptions/")).json.keys() == {"meta"}
        assert state.subscriptions == {}
        assert state.deleted_all_subscriptions == [tuple(made)]


@pytest.mark.parametrize(("body", "code"), [({"topics": "*"}, "RP_10"), ({"topic": "*"}, "RP_9")])
@asynchronous
async def test_bad_subscriptions_are_refused(body: dict[str, str], code: str) -> None:
    async with speaking() as call:
        assert (await call.post("/eventsubscriptions", body)).code == code
