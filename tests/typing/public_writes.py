"""What changes and deletes, and steps of jobs, are to a type checker. Never run: mypy reads it."""

from __future__ import annotations

from typing import Any, assert_type

from qualtrics_async import Paged, Qualtrics
from qualtrics_async.models import ParticipantJobProgress, QuotaGroup


async def content(client: Qualtrics, body: dict[str, Any]) -> None:
    """Of definitions of surveys, and of sessions."""
    definitions = client.survey_definitions
    assert_type(await definitions.delete("SV_1"), None)
    assert_type(await definitions.languages.update("SV_1", ["EN"]), None)
    assert_type(await definitions.metadata.update("SV_1", survey_status="Active"), None)
    assert_type(await definitions.options.update("SV_1", body), None)
    assert_type(await definitions.questions.update("SV_1", "QID1", body), None)
    assert_type(definitions.quota_groups.list("SV_1"), Paged[QuotaGroup])
    assert_type(await definitions.quota_groups.update("SV_1", "QG_1", body), None)
    assert_type(await definitions.quotas.delete("SV_1", "QO_1"), None)
    assert_type(await definitions.translations.update("SV_1", "FR", body), None)
    assert_type(await client.sessions.delete("SV_1", "FS_1"), None)


async def administration(client: Qualtrics, record: dict[str, Any]) -> None:
    """Of brands and their data."""
    assert_type(await client.client_certificates.delete("brand", "CERT_1"), None)
    assert_type(await client.divisions.update("DV_1", name="North"), None)
    assert_type(await client.groups.delete("GR_1"), None)
    projects = client.imported_data_projects
    assert_type(await projects.add_columns("IDP_1", []), None)
    assert_type(await projects.records.update("IDP_1", "7", record), None)
    assert_type(await client.transaction_batches.delete("POOL_1", "BT_1"), None)
    assert_type(await client.research_core.mailing_lists.delete("ML_1"), None)


async def progress(client: Qualtrics) -> None:
    """What exports of participants say on their way to the file."""
    exports = client.directory_participants.exports
    assert_type(await exports.progress("ex", "JOB_1"), ParticipantJobProgress)
    of_project = client.project_participants.exports
    assert_type(await of_project.progress("EX_1", "JOB_1"), ParticipantJobProgress)
