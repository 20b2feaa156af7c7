"""Users, groups, the organization and what belongs to it, from the client to the sandbox and back."""

from __future__ import annotations

import pytest
from arranging import REQUEST
from living import living
from speaking import asynchronous

from qualtrics_async import InvalidRequest, NotFound, OutcomeUnknown, Qualtrics, Unauthorized
from qualtrics_async.models.users import UserCreate, UserUpdate

MONA = UserCreate(
    username="mona@example.com#examplebrand",
    first_name="Mona",
    last_name="Quill",
    user_type="UT_1",
    email="mona@example.com",
    password="open sesame",
    language="fr",
    time_zone="Europe/Lisbon",
    division_id=None,
    account_expiration_date="2027-12-31T00:00:00Z",
)


@asynchronous
async def test_a_user_comes_changes_and_goes() -> None:
    async with living() as (client, sandbox):
        caller = await client.users.whoami()
        made = await client.users.create(MONA)
        assert made.id.startswith("UR_")
        assert "open sesame" not in str(list(sandbox.state.shelf("user")))
        user = await client.users.get(made.id)
        assert (user.username, user.language, user.account_status) == (MONA.username, "fr", "active")
        assert user.account_expiration_date is not None
        change = UserUpdate(
            status="disabled", last_name="Quint", time_zone=None, permissions={"controlPanel": {"a": 1}}
        )
        await client.users.update(made.id, change)
        user = await client.users.get(made.id)
        assert (user.account_status, user.last_name, user.time_zone) == ("disabled", "Quint", None)
        assert user.permissions == {"controlPanel": {"a": 1}}
        listed = await client.users.list().collect()
        assert [entry.id for entry in listed] == [caller.user_id, made.id]
        assert listed[1].account_status == "disabled"
        await client.users.delete(made.id)
        with pytest.raises(NotFound):
            await client.users.get(made.id)
        assert [record["id"] for record in sandbox.state.shelf("user")] == [caller.user_id]


@asynchronous
async def test_users_come_in_pages() -> None:
    async with living(page_size=2) as (client, sandbox):
        ids = [sandbox.state.add_user(f"{name}@example.com") for name in "abcd"]
        assert [user.id for user in await client.users.list().collect()][1:] == ids
        assert sandbox.calls["GET /users", 200] == 3


@asynchronous
async def test_what_is_no_user_is_refused() -> None:
    async with living() as (client, sandbox):
        made = sandbox.state.add_user("old@example.com")
        with pytest.raises(InvalidRequest, match="RP_9"):
            await client.request("POST", "/users", body={"userName": "x"}, returns=None)
        with pytest.raises(InvalidRequest, match="RP_10"):
            await client.request("POST", "/users", body={"username": "x"}, returns=None)
        with pytest.raises(InvalidRequest, match="text"):
            await client.request("PUT", "/users/{userId}", made, body={"email": None}, returns=None)
        with pytest.raises(InvalidRequest, match="own account"):
            await client.users.delete(sandbox.state.user_id)
        with pytest.raises(NotFound):
            await client.users.update("UR_nobody", UserUpdate(language="pt"))


@asynchronous
async def test_a_new_api_token_replaces_the_one_before() -> None:
    """The sandbox's own token stays good, so that nothing that was given it is cut off."""
    async with living() as (client, sandbox):
        own = sandbox.state.user_id
        assert (await client.users.api_token.get(own)).api_token == sandbox.token
        first = await client.users.api_token.create(own, confirm=True)
        second = await client.users.api_token.create(own, confirm=True)
        assert await client.users.api_token.get(own) == second
        assert len({sandbox.token, first.api_token, second.api_token}) == 3
        async with (
            Qualtrics(token=first.api_token, base_url=sandbox.base_url) as late,
            Qualtrics(token=second.api_token, base_url=sandbox.base_url) as fresh,
        ):
            with pytest.raises(Unauthorized):
                await late.users.whoami()
            assert (await fresh.users.whoami()).user_id == own


@asynchronous
async def test_other_users_have_tokens_of_their_own() -> None:
    async with living() as (client, sandbox):
        other = sandbox.state.add_user("other@example.com")
        with pytest.raises(NotFound):
            await client.users.api_token.get(other)
        made = await client.users.api_token.create(other, confirm=True)
        assert await client.users.api_token.get(other) == made
        assert made.api_token != sandbox.token
        with pytest.raises(NotFound):
            await client.users.api_token.create("UR_nobody", confirm=True)


@asynchronous
async def test_a_token_that_may_exist_is_in_doubt() -> None:
    """A second one would end the life of the first."""
    async with living() as (client, sandbox):
        sandbox.faults.add(route="POST /users/{userId}/apitoken", kind="cut", when="after")
        with pytest.raises(OutcomeUnknown):
            await client.users.api_token.create(sandbox.state.user_id, confirm=True)
        assert sandbox.state.processed["POST /users/{userId}/apitoken"] == 1


@asynchronous
async def test_a_group_and_its_members() -> None:
    async with living() as (client, sandbox):
        mona, otto = (sandbox.state.add_user(f"{name}@example.com") for name in ("mona", "otto"))
        made = await client.groups.create(name="Canteen", type="GT_1")
        for user_id in (mona, otto, mona):
            await client.groups.members.add(made.id, user_id)
        assert [user.id for user in await client.groups.members.list(made.id).collect()] == [mona, otto]
        await client.groups.members.remove(made.id, mona)
        assert [user.email for user in await client.groups.members.list(made.id).collect()] == [
            "otto@example.com"
        ]
        with pytest.raises(NotFound):
            await client.groups.members.remove(made.id, mona)
        with pytest.raises(NotFound):
            await client.groups.members.add(made.id, "UR_nobody")
        await client.users.delete(otto)
        assert await client.groups.members.list(made.id).collect() == []
        await client.groups.update(made.id, name="Kitchen", division_id="DV_1")
        group = await client.groups.get(made.id)
        assert (group.name, group.type, group.division_id) == ("Kitchen", "GT_1", "DV_1")
        assert (group.creator_id, group.auto_membership) == (sandbox.state.user_id, False)
        await client.groups.members.add(made.id, mona)
        await client.groups.delete(made.id)
        assert await client.groups.list().collect() == []
        assert len(sandbox.state.shelf("group member")) == 0
        with pytest.raises(InvalidRequest, match="RP_9"):
            await client.request("POST", "/groups", body={"members": []}, returns=None)


@asynchronous
async def test_a_division_is_kept_as_it_was_written() -> None:
    async with living() as (client, sandbox):
        made = await client.divisions.create(name="South", division_admins=[sandbox.state.user_id])
        assert made.id.startswith("DV_")
        await client.divisions.update(made.id, name="Deep South", permissions={"controlPanel": {}})
        assert await client.divisions.get(made.id) == {
            "id": made.id,
            "name": "Deep South",
            "status": "Active",
            "divisionAdmins": [sandbox.state.user_id],
            "permissions": {"controlPanel": {}},
        }
        with pytest.raises(InvalidRequest, match="list of ids"):
            await client.divisions.create(name="West", division_admins={"UR_1": 1})  # type: ignore[arg-type]  # the point


@asynchronous
async def test_the_organization_is_the_brand() -> None:
    async with living() as (client, _):
        brand = (await client.users.whoami()).brand_id
        organization = await client.organizations.get(brand)
        assert (organization.id, organization.status) == (brand, "Active")
        assert await client.organizations.get("current") == organization
        with pytest.raises(NotFound):
            await client.organizations.get("elsewhere")


@asynchronous
async def test_ten_certificates_and_no_more() -> None:
    async with living() as (client, sandbox):
        brand = sandbox.state.brand_id
        made = [
            await client.client_certificates.create(brand, certificate_request=REQUEST) for _ in range(10)
        ]
        assert all("BEGIN CERTIFICATE" in (issued.certificate or "") for issued in made)
        with pytest.raises(InvalidRequest, match="10"):
            await client.client_certificates.create(brand, certificate_request=REQUEST)
        await client.client_certificates.delete(brand, made[0].id)
        listed = await client.client_certificates.list(brand).collect()
        assert [found["id"] for found in listed] == [issued.id for issued in made[1:]]
        assert (await client.client_certificates.get(brand, made[1].id))["id"] == made[1].id
        with pytest.raises(NotFound):
            await client.client_certificates.get(brand, made[0].id)
        with pytest.raises(InvalidRequest, match="PEM"):
            await client.client_certificates.create(brand, certificate_request="please")


@asynchronous
async def test_chosen_oauth_tokens_go() -> None:
    async with living() as (client, sandbox):
        shelf = sandbox.state.shelf("OAuth token")
        for kind, token in (("access", "1"), ("access", "2"), ("refresh", "1")):
            shelf.put(kind, token, record={"id": token, "client": f"client {token}"})
        assert [found["id"] for found in await client.oauth_tokens.list("access").collect()] == ["1", "2"]
        await client.oauth_tokens.delete("access", {"client": "client 1"}, confirm=True)
        assert [found["id"] for found in await client.oauth_tokens.list("access").collect()] == ["2"]
        assert len(shelf) == 2
        with pytest.raises(InvalidRequest):
            await client.request("POST", "/oauthtokens/{tokenType}/delete", "access", body={}, returns=None)


@asynchronous
async def test_a_workflow_moves() -> None:
    async with living() as (client, sandbox):
        shelf = sandbox.state.shelf("workflow")
        shelf.put("WF_1", record={"id": "WF_1", "workspaceId": "WS_1"})
        await client.workflows.transfer("WS_2", "WF_1")
        assert await client.workflows.list().collect() == [{"id": "WF_1", "workspaceId": "WS_2"}]
        await client.workflows.transfer("WS_3", "WF_1", {"ownerId": "UR_1"})
        assert shelf.find("WF_1") == {"id": "WF_1", "workspaceId": "WS_3", "ownerId": "UR_1"}
        with pytest.raises(NotFound):
            await client.workflows.transfer("WS_2", "WF_2")


@asynchronous
async def test_a_dataset_and_its_records() -> None:
    async with living() as (client, sandbox):
        dataset = await client.datasets.create({"name": "Branches"})
        dataset_id = dataset["id"]
        assert await client.datasets.get(dataset_id) == {"id": dataset_id, "name": "Branches"}
        await client.datasets.records.add(dataset_id, {"id": "42", "city": "Porto"})
        await client.datasets.records.add(dataset_id, {"city": "Faro"})
        await client.datasets.records.update(dataset_id, "42", {"city": "Braga"})
        assert await client.datasets.records.get(dataset_id, "42") == {"id": "42", "city": "Braga"}
        await client.datasets.records.delete(dataset_id, "42")
        assert [made["city"] for made in sandbox.state.shelf("dataset record")] == ["Faro"]
        with pytest.raises(NotFound):
            await client.datasets.records.get(dataset_id, "42")
