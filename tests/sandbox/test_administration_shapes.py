"""Around users, erasure and imported data: the sandbox's keys are the samples'."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from arranging import REQUEST, branches
from living import client_of
from speaking import speaking
from test_sandbox_shapes import keys

from qualtrics_async.models.imported_data_projects import ImportedDataExportOptions
from qualtrics_async.sandbox import ByPolls

if TYPE_CHECKING:
    from qualtrics_async import Qualtrics
    from qualtrics_async.sandbox import Sandbox

SAMPLES = Path(__file__).parent.parent / "samples"
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
