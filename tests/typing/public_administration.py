"""What users, erasure, imported data and their like are to a type checker. Never run: mypy reads it."""

from __future__ import annotations

from typing import Any, assert_type

from qualtrics_async import Download, Paged, Qualtrics
from qualtrics_async.models.client_certificates import ClientCertificateCreated
from qualtrics_async.models.common import Created
from qualtrics_async.models.directories import Directory
from qualtrics_async.models.erasure_requests import ErasureRequest, ErasureStarted
from qualtrics_async.models.groups import Group
from qualtrics_async.models.imported_data_projects import (
    ImportedDataExportOptions,
    ImportedDataExportProgress,
    ImportedDataExportStarted,
    ImportedDataFieldInput,
    ImportedDataProject,
    ImportedDataRecordsAdded,
)
from qualtrics_async.models.organizations import Organization
from qualtrics_async.models.users import ApiToken, User, UserCreate, UserSummary, UserUpdate


async def accounts(client: Qualtrics, user: UserCreate, change: UserUpdate) -> None:
    """Listings have less than single users; what answers nothing is None."""
    assert_type(client.users.list(), Paged[UserSummary])
    assert_type(await client.users.create(user), Created)
    assert_type(await client.users.get("UR_1"), User)
    assert_type(await client.users.update("UR_1", change), None)
    assert_type(await client.users.delete("UR_1"), None)
    assert_type(await client.users.api_token.get("UR_1"), ApiToken)
    assert_type(await client.users.api_token.create("UR_1", confirm=True), ApiToken)
    assert_type(client.groups.list(), Paged[Group])
    assert_type(await client.groups.create(name="Canteen", type="GT_1"), Created)
    assert_type(await client.groups.get("GR_1"), Group)
    assert_type(client.groups.members.list("GR_1"), Paged[UserSummary])
    assert_type(await client.groups.members.add("GR_1", "UR_1"), None)


async def brand(client: Qualtrics) -> None:
    """What no source shows is plain JSON."""
    assert_type(client.directories.list(), Paged[Directory])
    assert_type(await client.organizations.get("current"), Organization)
    assert_type(await client.divisions.create(name="South", division_admins=["UR_1"]), Created)
    assert_type(await client.divisions.get("DV_1"), dict[str, Any])
    certificates = client.client_certificates
    assert_type(certificates.list("acme"), Paged[dict[str, Any]])
    assert_type(await certificates.create("acme", certificate_request="..."), ClientCertificateCreated)
    assert_type(await certificates.get("acme", "1"), dict[str, Any])
    assert_type(client.oauth_tokens.list("access"), Paged[dict[str, Any]])
    assert_type(await client.oauth_tokens.delete("access", {"id": "1"}, confirm=True), None)
    assert_type(client.workflows.list(), Paged[dict[str, Any]])
    assert_type(await client.workflows.transfer("WS_1", "WF_1"), None)
    assert_type(await client.datasets.create({"name": "Branches"}), dict[str, Any])
    assert_type(await client.datasets.records.get("DS_1", "42"), dict[str, Any])
    assert_type(await client.datasets.records.update("DS_1", "42", {}), None)


async def data(client: Qualtrics, fields: list[ImportedDataFieldInput]) -> None:
    """Jobs end in their progress, or in a file that is entered."""
    requests = client.erasure_requests
    emails = ["former@example.com"]
    assert_type(requests.list(), Paged[ErasureRequest])
    assert_type(await requests.start(emails, search_only=True, confirm=True), ErasureStarted)
    assert_type(await requests.progress("OP-1"), ErasureRequest)
    assert_type(await requests.run(emails, search_only=True, confirm=True), ErasureRequest)
    projects = client.imported_data_projects
    made = await projects.create(name="Branches", unique_field="branch", fields=fields)
    assert_type(made, ImportedDataProject)
    assert_type(await projects.records.add("IDP_1", [{"branch": "P-7"}]), ImportedDataRecordsAdded)
    assert_type(await projects.records.get("IDP_1", "P-7"), dict[str, Any])
    export = ImportedDataExportOptions(format="tsv")
    assert_type(await projects.exports.start("IDP_1", export), ImportedDataExportStarted)
    assert_type(await projects.exports.progress("IDP_1", "JOB_1"), ImportedDataExportProgress)
    async with projects.exports.run("IDP_1", export) as file:
        assert_type(file, Download)
    async with projects.exports.file("IDP_1", "FILE_1") as file:
        assert_type(file, Download)


async def refused(client: Qualtrics) -> None:
    """What a checker must refuse; each ignored error is one that has to be there."""
    await client.erasure_requests.start(["a@example.com"], confirm=True)  # type: ignore[call-arg]  # must be an error
    await client.users.api_token.create("UR_1")  # type: ignore[call-arg]  # must be an error
    await client.users.create({"username": "x"})  # type: ignore[arg-type]  # must be an error
