"""Around users, erasure and imported data: the sandbox's keys are the samples', and no body breaks it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from arranging import REQUEST, branches
from hypothesis import given, settings
from hypothesis import strategies as st
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
