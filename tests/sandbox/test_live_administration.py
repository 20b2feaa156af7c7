"""Users, groups, the organization, erasure and imported data, from the client to the sandbox and back."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from speaking import asynchronous, speaking
from test_sandbox_shapes import keys

from qualtrics_async import (
    InvalidRequest,
    JobFailed,
    NotFound,
    OutcomeUnknown,
    Polling,
    Qualtrics,
    Unauthorized,
)
from qualtrics_async.models.imported_data_projects import ImportedDataExportCreate, ImportedDataFieldInput
from qualtrics_async.models.users import UserCreate, UserUpdate
from qualtrics_async.sandbox import ByPolls, Sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from qualtrics_async.sandbox import State

SAMPLES = Path(__file__).parent.parent / "samples"
AT_ONCE = Polling(first=0, longest=0)
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
COLUMNS = [
    ImportedDataFieldInput(name="branch", type="string"),
    ImportedDataFieldInput(name="opened", type="date-time"),
    ImportedDataFieldInput(name="note"),
]
REQUEST = "-----BEGIN CERTIFICATE REQUEST-----invented-----END CERTIFICATE REQUEST-----"


def client_of(sandbox: Sandbox) -> Qualtrics:
    """A client that waits for no job."""
    return Qualtrics(token=sandbox.token, base_url=sandbox.base_url, polling=AT_ONCE)


@asynccontextmanager
async def living(**options: Any) -> AsyncIterator[tuple[Qualtrics, Sandbox]]:
    """A client and its sandbox."""
    async with Sandbox(**options) as sandbox, client_of(sandbox) as client:
        yield client, sandbox


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
        await client.datasets.data.add(dataset_id, {"id": "42", "city": "Porto"})
        await client.datasets.data.add(dataset_id, {"city": "Faro"})
        await client.datasets.data.update(dataset_id, "42", {"city": "Braga"})
        assert await client.datasets.data.get(dataset_id, "42") == {"id": "42", "city": "Braga"}
        await client.datasets.data.delete(dataset_id, "42")
        assert [made["city"] for made in sandbox.state.shelf("dataset record")] == ["Faro"]
        with pytest.raises(NotFound):
            await client.datasets.data.get(dataset_id, "42")


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
async def test_an_imported_data_project_and_its_records() -> None:
    async with living() as (client, sandbox):
        projects = client.imported_data_projects
        made = await projects.create(name="Branches", unique_field="branch", fields=COLUMNS)
        source = made.idp_source_id
        await projects.add_columns(source, [ImportedDataFieldInput(name="tags", type="multi-answer")])
        schema = await projects.get(source)
        assert [(column.name, column.type) for column in schema.fields or ()] == [
            ("branch", "string"),
            ("opened", "date-time"),
            ("note", "open-text"),
            ("tags", "multi-answer"),
        ]
        added = await projects.records.add(source, [{"branch": "P-7", "note": "old"}, {"branch": "P-8"}])
        assert added.failed_rows is None
        await projects.records.add_one(source, {"branch": "P-9", "tags": ["quay", "new"]})
        await projects.records.update(source, "P-7", {"opened": "2021-01-02T00:00:00Z"})
        assert await projects.records.get(source, "P-7") == {
            "branch": "P-7",
            "note": "old",
            "opened": "2021-01-02T00:00:00Z",
        }
        await projects.records.update(source, "P-7", {"note": "new"}, non_destructive=False)
        assert await projects.records.get(source, "P-7") == {"branch": "P-7", "note": "new"}
        await projects.records.delete(source, "P-8")
        with pytest.raises(NotFound):
            await projects.records.get(source, "P-8")
        rows = sandbox.state.shelf("imported data record")
        assert [row["values"]["branch"] for row in rows] == ["P-7", "P-9"]


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("", {"fields": [{"name": "branch"}]}, "PLACEHOLDER_400"),
        ("", {"fields": [{"name": "new", "type": "blob"}]}, "PLACEHOLDER_400"),
        ("", {"fields": [{"type": "string"}]}, "RP_10"),
        ("/records", {"records": [{"branch": f"P-{index}"} for index in range(51)]}, "PLACEHOLDER_400"),
        ("/records", {"records": [{"branch": "P-1"}, {"note": "no key"}]}, "RP_10"),
        ("/records", {"records": [{"branch": "P-1", "unknown": 1}]}, "RP_9"),
        ("/record", {"branch": "P-1", "opened": "soon"}, "PLACEHOLDER_400"),
        ("/exports", {}, "RP_10"),
        ("/exports", {"format": "spss"}, "PLACEHOLDER_400"),
        ("/exports", {"format": "csv", "limit": -1}, "PLACEHOLDER_400"),
        ("/exports", {"format": "csv", "startDate": "soon"}, "PLACEHOLDER_400"),
        ("/exports", {"format": "csv", "fields": ["unknown"]}, "PLACEHOLDER_400"),
        ("/exports", {"format": "csv", "continuationToken": "x"}, "PLACEHOLDER_400"),
        (
            "/exports",
            {"format": "csv", "continuationToken": "1", "allowContinuation": True},
            "PLACEHOLDER_400",
        ),
    ],
)
def test_what_imported_data_may_not_be_is_refused(path: str, body: Any, code: str) -> None:
    async def attempt() -> None:
        async with speaking() as call:
            fields = [{"name": "branch", "type": "string"}, {"name": "opened", "type": "date-time"}]
            made = {"name": "A", "uniqueField": "branch", "fields": [*fields, {"name": "note"}]}
            source = (await call.post("/imported-data-projects", made)).result["idpSourceId"]
            answer = await call.post(f"/imported-data-projects/{source}{path}", body)
            assert (answer.status, answer.code) == (400, code)
            assert len(call.sandbox.state.shelf("imported data record")) == 0

    asyncio.run(attempt())


async def branches(client: Qualtrics) -> str:
    """A project with three records."""
    projects = client.imported_data_projects
    made = await projects.create(name="Branches", unique_field="branch", fields=COLUMNS)
    records = [{"branch": f"P-{index}", "note": "two\nlines"} for index in range(3)]
    await projects.records.add(made.idp_source_id, records)
    return made.idp_source_id


@asynchronous
async def test_an_export_of_imported_data_is_a_file() -> None:
    async with living(jobs=ByPolls(3)) as (client, sandbox):
        exports, source = client.imported_data_projects.exports, await branches(client)
        plain = ImportedDataExportCreate(
            format="tsv", compress=False, limit=2, fields=["branch", "note"], newline_replacement="|"
        )
        async with exports.run(source, plain) as download:
            assert await download.read(1_000) == b"branch\tnote\r\nP-0\ttwo|lines\r\nP-1\ttwo|lines\r\n"
        assert sandbox.calls["GET /imported-data-projects/{idpSourceId}/exports/{jobId}", 200] == 3
        async with exports.run(source, ImportedDataExportCreate()) as download:
            assert download.headers["Content-Type"] == "application/zip"
            packed = await download.read(10_000)
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            assert archive.namelist() == ["export.csv"]
            assert archive.read("export.csv").startswith(b"branch,opened,note\r\nP-0,,")


@asynchronous
async def test_an_export_goes_on_where_the_last_one_ended() -> None:
    async with living(jobs=ByPolls(0), clock=iter(range(1_000_000)).__next__) as (client, _):
        exports, source = client.imported_data_projects.exports, await branches(client)
        first = await exports.start(source, ImportedDataExportCreate(allow_continuation=True))
        token = (await exports.progress(source, first.job_id)).continuation_token
        assert token is not None
        await client.imported_data_projects.records.add_one(source, {"branch": "P-3", "note": "late"})
        later = ImportedDataExportCreate(continuation_token=token, compress=False, fields=["branch"])
        async with exports.run(source, later) as download:
            assert await download.read(1_000) == b"branch\r\nP-3\r\n"
        nothing = ImportedDataExportCreate(end_date="2020-01-01T00:00:00Z", compress=False)
        async with exports.run(source, nothing) as download:
            assert await download.read(1_000) == b"branch,opened,note\r\n"


@asynchronous
async def test_an_export_that_fails_leaves_no_file() -> None:
    async with living(jobs=ByPolls(1)) as (client, sandbox):
        source = await branches(client)
        sandbox.faults.add(route="POST /imported-data-projects/{idpSourceId}/exports", kind="failed_job")
        with pytest.raises(JobFailed):
            async with client.imported_data_projects.exports.run(source, ImportedDataExportCreate()):
                pytest.fail("there is no file")
        with pytest.raises(NotFound):
            async with client.imported_data_projects.exports.file(source, "no-file"):
                pytest.fail("there is no file")


SHAPES = [
    ("users", "/users"),
    ("user", "/users/{user}"),
    ("api_token", "/users/{user}/apitoken"),
    ("groups", "/groups"),
    ("group", "/groups/{group}"),
    ("users", "/groups/{group}/members"),
    ("organization", "/organizations/{brand}"),
    ("client_certificate_created", "/organizations/{brand}/clientcertificates/{certificate}"),
    ("erasure_requests", "/op-erase-personal-data"),
    ("erasure_request", "/op-erase-personal-data/{erasure}"),
    ("imported_data_project", "/imported-data-projects/{project}"),
    ("imported_data_export_finished", "/imported-data-projects/{project}/exports/{export}"),
]
OPEN = {".result.stats", ".result.permissions"}
"""Objects whose keys no source names."""


@pytest.mark.parametrize(("name", "template"), SHAPES, ids=[template for _, template in SHAPES])
def test_bodies_have_the_keys_of_the_samples(name: str, template: str) -> None:
    async def ask() -> Any:
        async with speaking(jobs=ByPolls(0)) as call, client_of(call.sandbox) as client:
            return (await call.get(template.format(**await arrange(client, call.sandbox)))).json

    sample = json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    assert closed(asyncio.run(ask())) == closed(sample)


def closed(body: Any) -> set[str]:
    """The paths of all keys but those that are open."""
    return {key for key in keys(body) if not any(key.startswith(f"{path}.") for path in OPEN)}


async def arrange(client: Qualtrics, sandbox: Sandbox) -> dict[str, str]:
    """One of everything, by the names that the paths above use."""
    state = sandbox.state
    group = await client.groups.create(name="Canteen", type="GT_1")
    await client.groups.members.add(group.id, state.user_id)
    issued = await client.client_certificates.create(state.brand_id, certificate_request=REQUEST)
    erasure = await client.erasure_requests.start(FORMER, search_only=True, confirm=True)
    project = await branches(client)
    again = ImportedDataExportCreate(allow_continuation=True)
    export = await client.imported_data_projects.exports.start(project, again)
    return {
        "user": state.user_id,
        "brand": state.brand_id,
        "group": group.id,
        "certificate": issued.id,
        "erasure": erasure.request_id,
        "project": project,
        "export": export.job_id,
    }


LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3)
NAMES = (
    *("username", "email", "divisionId", "status", "permissions", "type", "name", "userId"),
    *("divisionAdmins", "certificateRequest", "emails", "searchOnly", "id", "fields", "uniqueField"),
    *("records", "branch", "opened", "note", "format", "compress", "limit", "startDate", "endDate"),
    *("continuationToken", "newlineReplacement", "timeZone"),
)
WORDS = st.sampled_from(["csv", "tsv", "date-time", "branch", "2021-01-02", "9999-12-31T23:00:00-05:00", "7"])
BODIES = st.recursive(
    LEAVES | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=10,
)
WRITES = [
    *(("POST", "/users"), ("PUT", "/users/{user}"), ("POST", "/users/{user}/apitoken")),
    *(("POST", "/groups"), ("PUT", "/groups/{group}"), ("POST", "/groups/{group}/members")),
    *(("POST", "/divisions"), ("POST", "/organizations/{brand}/clientcertificates")),
    *(("POST", "/op-erase-personal-data"), ("POST", "/oauthtokens/access/delete"), ("POST", "/datasets")),
    *(("POST", "/imported-data-projects"), ("POST", "/imported-data-projects/{project}")),
    ("POST", "/imported-data-projects/{project}/records"),
    ("POST", "/imported-data-projects/{project}/record"),
    ("PUT", "/imported-data-projects/{project}/records/P-1"),
    ("POST", "/imported-data-projects/{project}/exports"),
]


@settings(max_examples=25)
@given(st.lists(st.tuples(st.sampled_from(WRITES), BODIES), max_size=12))
def test_no_body_breaks_what_is_there(requests: list[tuple[tuple[str, str], Any]]) -> None:
    """Whatever is written to something that exists, the answer is an envelope."""

    async def write() -> None:
        async with speaking(jobs=ByPolls(0)) as call, client_of(call.sandbox) as client:
            ids = await arrange(client, call.sandbox)
            for (method, template), body in requests:
                answer = await call(method, template.format(**ids), body)
                assert answer.status < 500, (method, template, body, answer.text)
                assert answer.json["meta"]

    asyncio.run(write())
