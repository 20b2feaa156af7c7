"""What exports, imports, the audit log and customer data are to a type checker. Never run: mypy reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, assert_type

from qualtrics_async import Download, Paged, Qualtrics
from qualtrics_async.models.audits import AuditEvent, AuditEventType, AuditExportOptions, AuditExportProgress
from qualtrics_async.models.common import Created, JobProgress
from qualtrics_async.models.contact_exports import (
    ContactExportOptions,
    ContactExportProgress,
    ContactExportStarted,
    SegmentMembershipExportProgress,
    SegmentMembershipExportStarted,
)
from qualtrics_async.models.customer_data_requests import CustomerDataRequestProgress
from qualtrics_async.models.legacy_response_exports import (
    LegacyResponseExportOptions,
    LegacyResponseExportProgress,
)
from qualtrics_async.models.response_exports import (
    ResponseExportOptions,
    ResponseExportProgress,
    ResponseExportStarted,
    ResponseFilter,
)
from qualtrics_async.models.response_imports import ResponseImportStarted


async def responses(client: Qualtrics) -> None:
    """Exports are entered as a whole, imports are awaited; a file may be bytes, a path or an open file."""
    exports, options = client.response_exports, ResponseExportOptions(format="csv")
    assert_type(await exports.start("SV_1", options), ResponseExportStarted)
    assert_type(await exports.progress("SV_1", "ES_1"), ResponseExportProgress)
    assert_type(exports.filters("SV_1"), Paged[ResponseFilter])
    async with exports.run("SV_1", options) as file, exports.file("SV_1", "1") as other:
        assert_type(file, Download)
        assert_type(other, Download)
    imports = client.response_imports
    assert_type(await imports.start("SV_1", b"Q1"), ResponseImportStarted)
    assert_type(await imports.progress("SV_1", "1"), JobProgress)
    assert_type(await imports.run("SV_1", Path("responses.csv")), JobProgress)


async def older_responses(client: Qualtrics) -> None:
    """The older families look alike."""
    v2, options = client.response_exports.v2, ResponseExportOptions(format="csv")
    assert_type(await v2.start("SV_1", options), ResponseExportStarted)
    assert_type(await v2.progress("SV_1", "ES_1"), ResponseExportProgress)
    async with v2.run("SV_1", options) as file, v2.file("SV_1", "1"):
        assert_type(file, Download)
    exports, legacy = client.legacy_response_exports, LegacyResponseExportOptions(format="csv")
    assert_type(await exports.start("SV_1", legacy), Created)
    assert_type(await exports.progress("ES_1"), LegacyResponseExportProgress)
    async with exports.run("SV_1", legacy) as file, exports.file("ES_1"):
        assert_type(file, Download)
    assert_type(await client.legacy_response_imports.start("SV_1", b"Q1"), Created)
    assert_type(await client.legacy_response_imports.progress("1"), JobProgress)
    assert_type(await client.legacy_response_imports.run("SV_1", b"Q1"), JobProgress)


async def contacts(client: Qualtrics) -> None:
    """A file that takes two requests is entered as any other."""
    exports, options = client.contact_exports, ContactExportOptions()
    assert_type(await exports.start("POOL_1", options), ContactExportStarted)
    assert_type(await exports.progress("POOL_1", "1"), ContactExportProgress)
    async with exports.run("POOL_1", options) as file, exports.file("POOL_1", "1") as other:
        assert_type(file, Download)
        assert_type(other, Download)
    segments, since = client.segment_membership_exports, "2026-07-01T00:00:00Z"
    assert_type(await segments.start("POOL_1", last_updated_date=since), SegmentMembershipExportStarted)
    assert_type(await segments.progress("POOL_1", "1"), SegmentMembershipExportProgress)
    async with segments.run("POOL_1", last_updated_date=since) as file, segments.file("POOL_1", "1"):
        assert_type(file, Download)
    assert_type(await client.contact_imports.create_bulk("POOL_1", {}), dict[str, Any])


async def audits(client: Qualtrics, options: AuditExportOptions) -> None:
    """The log is listed, the newer audit exported."""
    assert_type(client.audits.activity_types(), Paged[AuditEventType])
    assert_type(client.audits.list(activity_type="users"), Paged[AuditEvent])
    assert_type(client.audits.event_types(), Paged[AuditEventType])
    assert_type(await client.audits.exports.start(options), Created)
    assert_type(await client.audits.exports.progress("1"), AuditExportProgress)
    async with client.audits.exports.run(options) as file, client.audits.exports.file("1", "2"):
        assert_type(file, Download)


async def customers(client: Qualtrics) -> None:
    """What no source shows is a plain object."""
    requests = client.customer_data_requests
    assert_type(await requests.start({}), dict[str, Any])
    assert_type(await requests.progress("1"), CustomerDataRequestProgress)
    async with requests.run({}) as file, requests.file("1", "2"):
        assert_type(file, Download)


async def refused(client: Qualtrics) -> None:
    """What a checker must refuse; each ignored error is one that has to be there."""
    await client.response_exports.start("SV_1", format="csv")  # type: ignore[call-arg]  # must be an error
    await client.response_imports.start("SV_1", "responses.csv")  # type: ignore[arg-type]  # must be an error
    ResponseExportOptions(format="csv", questions=["QID1"])  # type: ignore[call-arg]  # must be an error
