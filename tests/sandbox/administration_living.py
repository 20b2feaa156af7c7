"""A client and its sandbox, for the tests around users, erasure and imported data."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from qualtrics_async import Limits, Polling, Qualtrics
from qualtrics_async.models.imported_data_projects import ImportedDataFieldInput
from qualtrics_async.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

AT_ONCE = Polling(first=0, longest=0)
COLUMNS = [
    ImportedDataFieldInput(name="branch", type="string"),
    ImportedDataFieldInput(name="opened", type="date-time"),
    ImportedDataFieldInput(name="note"),
]
REQUEST = "-----BEGIN CERTIFICATE REQUEST-----invented-----END CERTIFICATE REQUEST-----"


def client_of(sandbox: Sandbox) -> Qualtrics:
    """A client that waits for no job and no quota."""
    return Qualtrics(
        token=sandbox.token, base_url=sandbox.base_url, polling=AT_ONCE, limits=Limits.unlimited()
    )


@asynccontextmanager
async def living(**options: Any) -> AsyncIterator[tuple[Qualtrics, Sandbox]]:
    """A client and its sandbox."""
    async with Sandbox(**options) as sandbox, client_of(sandbox) as client:
        yield client, sandbox


async def branches(client: Qualtrics) -> str:
    """A project with three records."""
    projects = client.imported_data_projects
    made = await projects.create(name="Branches", unique_field="branch", fields=COLUMNS)
    records = [{"branch": f"P-{index}", "note": "two\nlines"} for index in range(3)]
    await projects.records.add(made.idp_source_id, records)
    return made.idp_source_id
