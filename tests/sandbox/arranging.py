"""What tests around users, erasure and imported data begin with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qualtrics_async.models.imported_data_projects import ImportedDataFieldInput

if TYPE_CHECKING:
    from qualtrics_async import Qualtrics

COLUMNS = [
    ImportedDataFieldInput(name="branch", type="string"),
    ImportedDataFieldInput(name="opened", type="date-time"),
    ImportedDataFieldInput(name="note"),
]
REQUEST = "-----BEGIN CERTIFICATE REQUEST-----invented-----END CERTIFICATE REQUEST-----"


async def branches(client: Qualtrics) -> str:
    """A project with three records."""
    projects = client.imported_data_projects
    made = await projects.create(name="Branches", unique_field="branch", fields=COLUMNS)
    records = [{"branch": f"P-{index}", "note": "two\nlines"} for index in range(3)]
    await projects.records.add(made.idp_source_id, records)
    return made.idp_source_id
