"""Imported data projects with their records and exports, from the client to the sandbox and back."""

from __future__ import annotations

import asyncio
import io
import zipfile
from typing import Any

import pytest
from arranging import COLUMNS, branches
from living import living
from speaking import asynchronous, speaking

from qualtrics_async import JobFailed, NotFound
from qualtrics_async.models.imported_data_projects import ImportedDataExportOptions, ImportedDataFieldInput
from qualtrics_async.sandbox import ByPolls


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


@asynchronous
async def test_an_export_of_imported_data_is_a_file() -> None:
    async with living(jobs=ByPolls(3)) as (client, sandbox):
        exports, source = client.imported_data_projects.exports, await branches(client)
        plain = ImportedDataExportOptions(
            format="tsv", compress=False, limit=2, fields=["branch", "note"], newline_replacement="|"
        )
        async with exports.run(source, plain) as download:
            assert await download.read(1_000) == b"branch\tnote\r\nP-0\ttwo|lines\r\nP-1\ttwo|lines\r\n"
        assert sandbox.calls["GET /imported-data-projects/{idpSourceId}/exports/{jobId}", 200] == 3
        async with exports.run(source, ImportedDataExportOptions()) as download:
            assert download.headers["Content-Type"] == "application/zip"
            packed = await download.read(10_000)
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            assert archive.namelist() == ["export.csv"]
            assert archive.read("export.csv").startswith(b"branch,opened,note\r\nP-0,,")


@asynchronous
async def test_exports_belong_to_their_project() -> None:
    async with living(jobs=ByPolls(0)) as (client, _):
        exports = client.imported_data_projects.exports
        first, second = await branches(client), await branches(client)
        job_id = (await exports.start(first, ImportedDataExportOptions())).job_id
        with pytest.raises(NotFound):
            await exports.progress(second, job_id)
        file_id = (await exports.progress(first, job_id)).file_id
        assert file_id is not None
        with pytest.raises(NotFound):
            async with exports.file(second, file_id):
                pytest.fail("it is the other project's")


@asynchronous
async def test_an_export_goes_on_where_the_last_one_ended() -> None:
    async with living(jobs=ByPolls(0), clock=iter(range(1_000_000)).__next__) as (client, _):
        exports, source = client.imported_data_projects.exports, await branches(client)
        first = await exports.start(source, ImportedDataExportOptions(allow_continuation=True))
        token = (await exports.progress(source, first.job_id)).continuation_token
        assert token is not None
        await client.imported_data_projects.records.add_one(source, {"branch": "P-3", "note": "late"})
        later = ImportedDataExportOptions(continuation_token=token, compress=False, fields=["branch"])
        async with exports.run(source, later) as download:
            assert await download.read(1_000) == b"branch\r\nP-3\r\n"
        nothing = ImportedDataExportOptions(end_date="2020-01-01T00:00:00Z", compress=False)
        async with exports.run(source, nothing) as download:
            assert await download.read(1_000) == b"branch,opened,note\r\n"


@asynchronous
async def test_an_export_that_fails_leaves_no_file() -> None:
    async with living(jobs=ByPolls(1)) as (client, sandbox):
        source = await branches(client)
        sandbox.faults.add(route="POST /imported-data-projects/{idpSourceId}/exports", kind="failed_job")
        with pytest.raises(JobFailed):
            async with client.imported_data_projects.exports.run(source, ImportedDataExportOptions()):
                pytest.fail("there is no file")
        with pytest.raises(NotFound):
            async with client.imported_data_projects.exports.file(source, "no-file"):
                pytest.fail("there is no file")
