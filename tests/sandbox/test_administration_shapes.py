"""Around users, erasure and imported data: the sandbox's keys are the samples'."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from arranging import REQUEST, branches
from living import client_of
from shapes import closed, sample
from speaking import speaking

from qualtrics_async.models.imported_data_projects import ImportedDataExportOptions
from qualtrics_async.sandbox import ByPolls

if TYPE_CHECKING:
    from qualtrics_async import Qualtrics
    from qualtrics_async.sandbox import Sandbox

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
OPEN = ("stats", "permissions")
"""Objects whose keys no source names."""


@pytest.mark.parametrize(("name", "template"), SHAPES, ids=[template for _, template in SHAPES])
def test_bodies_have_the_keys_of_the_samples(name: str, template: str) -> None:
    async def ask() -> Any:
        async with speaking(jobs=ByPolls(0)) as call, client_of(call.sandbox) as client:
            return (await call.get(template.format(**await arrange(client, call.sandbox)))).json

    assert closed(asyncio.run(ask()), *OPEN) == closed(sample(name), *OPEN)


async def arrange(client: Qualtrics, sandbox: Sandbox) -> dict[str, str]:
    """One of everything, by the names that the paths above use."""
    state = sandbox.state
    group = await client.groups.create(name="Canteen", type="GT_1")
    await client.groups.members.add(group.id, state.user_id)
    issued = await client.client_certificates.create(state.brand_id, certificate_request=REQUEST)
    erasure = await client.erasure_requests.start(["former@example.com"], search_only=True, confirm=True)
    project = await branches(client)
    again = ImportedDataExportOptions(allow_continuation=True)
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
