"""Mailing lists and their contacts."""

from __future__ import annotations

import pytest
from speaking import Caller, Clock, asynchronous, speaking

ADA = {
    "firstName": "Ada",
    "lastName": "Example",
    "email": "ada@example.com",
    "phone": "+15550100001",
    "extRef": "1",
    "embeddedData": {"cohort": "2026"},
    "privateEmbeddedData": {"note": "x"},
    "language": "en",
    "unsubscribed": False,
}


def new_list(call: Caller, name: str = "List") -> tuple[str, str]:
    list_id = call.sandbox.state.add_mailing_list(name)
    return list_id, f"{call.lists}/{list_id}/contacts"


@asynchronous
async def test_a_mailing_list_lives_and_dies() -> None:
    async with speaking() as call:
        list_id = (await call.post(call.lists, {"name": "Spring"})).result["id"]
        path = f"{call.lists}/{list_id}"
        assert (await call.get(path, includeCount="true")).result["contactCount"] == 0
        assert "contactCount" not in (await call.get(path)).result
        updated = await call("PUT", path, {"name": "Autumn", "ownerId": "UR_other"})
        assert updated.json.keys() == {"meta"}
        (element,) = (await call.get(call.lists)).result["elements"]
        assert (element["name"], element["ownerId"]) == ("Autumn", "UR_other")
        assert "contactCount" not in element
        (element,) = (await call.get(call.lists, includeCount="true")).result["elements"]
        assert element["contactCount"] == 0
        assert (await call("DELETE", path)).json.keys() == {"meta"}
        gone = await call.get(path)
        assert (gone.status, gone.code, gone.json["meta"]["requestId"]) == (404, "PACC_6", None)


@asynchronous
async def test_mailing_lists_are_paged_and_dates_vary() -> None:
    async with speaking(page_size=2) as call:
        for name in "abcde":
            await call.post(call.lists, {"name": name})
        pages = await call.walk(call.lists)
        assert [[element["name"] for element in page] for page in pages] == [["a", "b"], ["c", "d"], ["e"]]
        assert {type(element["creationDate"]) for page in pages for element in page} == {int, str}
    async with speaking(quirks=False) as call:
        for name in "ab":
            await call.post(call.lists, {"name": name})
        assert all(
            isinstance(made["creationDate"], int) for (*page,) in await call.walk(call.lists) for made in page
        )


@pytest.mark.parametrize(
    ("body", "code", "named"),
    [
        ({"name": "a", "nme": "b"}, "RP_9", "nme"),
        ({}, "RP_10", "name"),
        ({"name": ""}, "PLACEHOLDER_400", "name"),
        ({"name": "x" * 101}, "PLACEHOLDER_400", "name"),
        ([], "PLACEHOLDER_400", "object"),
    ],
)
@asynchronous
async def test_bad_mailing_lists_are_refused(body: object, code: str, named: str) -> None:
    async with speaking() as call:
        refused = await call.post(call.lists, body)
        assert (refused.status, refused.code) == (400, code)
        assert named in refused.json["meta"]["error"]["errorMessage"]
        assert call.sandbox.state.mailing_lists == {}


@asynchronous
async def test_a_body_that_is_not_json_is_refused() -> None:
    async with speaking() as call:
        json_type = {"Content-Type": "application/json"}
        for data in (b"{", b'{"name": NaN}', b"[" * 100_000, b"\xff"):
            assert (await call("POST", call.lists, data=data, headers=json_type)).status == 400
        assert (await call("POST", call.lists, data=b'{"name": "a"}')).status == 415


@asynchronous
async def test_a_contact_lives_and_leaves_its_list() -> None:
    async with speaking() as call:
        _, path = new_list(call)
        created = (await call.post(path, ADA)).result
        contact = (await call.get(f"{path}/{created['id']}")).result
        assert contact["contactLookupId"] == created["contactLookupId"]
        assert contact["emailDomain"] == "example.com"
        assert contact["embeddedData"] == {"cohort": "2026"}
        assert contact["privateEmbeddedData"] == {"note": "x"}
        assert contact["mailingListUnsubscribed"] is False
        change = {"firstName": "Adele", "unsubscribed": True, "embeddedData": {"b": "2"}}
        assert (await call("PUT", f"{path}/{created['id']}", change)).json.keys() == {"meta"}
        contact = (await call.get(f"{path}/{created['contactLookupId']}")).result
        assert (contact["firstName"], contact["lastName"]) == ("Adele", "Example")
        assert contact["embeddedData"] == {"cohort": "2026", "b": "2"}
        assert isinstance(contact["mailingListUnsubscribeDate"], int)
        assert (await call("DELETE", f"{path}/{created['id']}")).json.keys() == {"meta"}
        assert (await call.get(f"{path}/{created['id']}")).status == 404
        assert created["id"] in call.sandbox.state.contacts


@asynchronous
async def test_listing_with_and_without_embedded_data() -> None:
    async with speaking(max_page_size=2) as call:
        list_id, path = new_list(call)
        for n in range(5):
            call.sandbox.state.add_contact(list_id, email=f"a{n}@example.com", embedded_data={"n": str(n)})
        pages = await call.walk(f"{path}?pageSize=50&includeEmbedded=true")
        assert [len(page) for page in pages] == [2, 2, 1]
        assert [element["embeddedData"]["n"] for page in pages for element in page] == list("01234")
        assert "embeddedData" not in (await call.get(path)).result["elements"][0]


@pytest.mark.parametrize(
    "query",
    [{"pageSize": "0"}, {"pageSize": "x"}, {"skipToken": "!"}, {"skipToken": "eA=="}, {"skipToken": "LTU="}],
)
@asynchronous
async def test_impossible_pages_are_refused(query: dict[str, str]) -> None:
    async with speaking() as call:
        assert (await call.get(new_list(call)[1], **query)).status == 400


@asynchronous
async def test_with_deduplication_a_duplicate_updates() -> None:
    async with speaking() as call:
        _, first = new_list(call)
        _, second = new_list(call)
        made = [
            (await call.post(path, body)).result
            for path, body in (
                (first, {"email": "ada@example.com", "firstName": "A"}),
                (first, {"email": "ADA@example.com", "firstName": "B"}),
                (second, {"email": "ada@example.com"}),
            )
        ]
        assert len({one["id"] for one in made}) == 1
        assert made[0]["contactLookupId"] == made[1]["contactLookupId"] != made[2]["contactLookupId"]
        (contact,) = call.sandbox.state.contacts.values()
        assert (contact.first_name, contact.accepted) == ("B", 3)
        assert call.sandbox.state.accepted_rows == {"ada@example.com": 2, "ADA@example.com": 1}


@asynchronous
async def test_without_deduplication_a_duplicate_is_made() -> None:
    async with speaking(deduplicate=()) as call:
        list_id, path = new_list(call)
        made = [(await call.post(path, {"email": "ada@example.com"})).result["id"] for _ in range(2)]
        assert made == [contact.id for contact in call.sandbox.state.list_contacts(list_id)]
        assert len(set(made)) == 2


@asynchronous
async def test_a_missing_criterion_makes_a_contact_of_its_own() -> None:
    async with speaking(deduplicate=("email", "externalDataReference")) as call:
        _, path = new_list(call)
        for body in (
            {"email": "a@example.com"},
            {"email": "a@example.com"},
            *[{"email": "a@example.com", "extRef": "1"}] * 2,
        ):
            await call.post(path, body)
        assert len(call.sandbox.state.contacts) == 3


@pytest.mark.parametrize(
    "body", [{"mail": "x"}, {"email": None}, {"email": 1}, {"embeddedData": []}, {"unsubscribed": "true"}]
)
@asynchronous
async def test_bad_contacts_are_refused(body: dict[str, object]) -> None:
    async with speaking() as call:
        assert (await call.post(new_list(call)[1], body)).status == 400
        assert call.sandbox.state.contacts == {}


@asynchronous
async def test_opted_out_and_bounced_contacts() -> None:
    clock = Clock()
    async with speaking(clock=clock) as call:
        list_id, path = new_list(call)
        state = call.sandbox.state
        gone = state.add_contact(list_id, email="a@example.com", list_unsubscribed=True)
        state.add_contact(list_id, email="b@example.com", unsubscribed=True)
        bounced = state.add_contact(list_id, email="c@example.com", bounced=True)
        root = path.removesuffix("contacts")
        (element,) = (await call.get(root + "optedOutContacts")).result["elements"]
        assert (element["contactId"], element["mailingListUnsubscribed"]) == (gone.id, True)
        assert (await call.get(root + "optedOutContacts", since="2999-01-01T00:00:00Z")).result[
            "elements"
        ] == []
        assert (await call.get(root + "optedOutContacts", since="x")).status == 400
        (element,) = (await call.get(root + "bouncedContacts")).result["elements"]
        assert element["contactId"] == bounced.id
        assert (element["mailingListUnsubscribed"], element["mailingListUnsubscribeDate"]) == (False, None)


@asynchronous
async def test_empty_objects_come_in_every_shape() -> None:
    async with speaking() as call:
        list_id, path = new_list(call)
        for n in range(30):
            call.sandbox.state.add_contact(list_id, ext_ref=str(n))
        (page,) = await call.walk(f"{path}?includeEmbedded=true")
        assert {repr(element["embeddedData"]) for element in page} == {"{}", "[]", "None"}


@asynchronous
async def test_history_wants_a_type_and_knows_the_mails() -> None:
    async with speaking() as call:
        list_id, path = new_list(call)
        state = call.sandbox.state
        contact = state.add_contact(list_id, email="a@example.com")
        state.add_distribution(state.survey_id, list_id)
        sent = state.add_distribution(state.survey_id, list_id, request_type="Invite")
        history = f"{path}/{contact.id}/history"
        assert (await call.get(history)).code == "RP_10"
        assert (await call.get(history, type="x")).status == 400
        assert (await call.get(history, type="response")).result["elements"] == []
        (mail,) = (await call.get(history, type="email")).result["elements"]
        assert mail["distributionId"] == sent.id


@asynchronous
async def test_ids_of_another_place_are_not_found() -> None:
    async with speaking() as call:
        list_id, path = new_list(call)
        other = call.sandbox.state.add_directory("Other")
        assert (await call.get(path.replace(call.sandbox.state.default_directory_id, other))).status == 404
        assert (await call.get(f"/directories/POOL_none/mailinglists/{list_id}")).status == 404
