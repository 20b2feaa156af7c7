"""Samples of the models around users, groups, the organization, erasure and imported data."""

from __future__ import annotations

from qualtrics_async.models._base import Model
from qualtrics_async.models.client_certificates import ClientCertificateCreated
from qualtrics_async.models.erasure_requests import ErasureRequest, ErasureStarted
from qualtrics_async.models.groups import Group
from qualtrics_async.models.imported_data_projects import (
    ImportedDataExportProgress,
    ImportedDataExportStarted,
    ImportedDataField,
    ImportedDataProject,
    ImportedDataRecordsAdded,
)
from qualtrics_async.models.organizations import Organization
from qualtrics_async.models.users import ApiToken, User, UserSummary

SAMPLED: dict[type[Model], tuple[str, ...]] = {
    ApiToken: ("api_token",),
    ClientCertificateCreated: ("client_certificate_created",),
    ErasureRequest: ("erasure_request", "erasure_request_failed", "erasure_requests"),
    ErasureStarted: ("erasure_started",),
    Group: ("group", "groups"),
    ImportedDataExportProgress: (
        "imported_data_export_running",
        "imported_data_export_finished",
        "imported_data_export_failed",
    ),
    ImportedDataExportStarted: ("imported_data_export_started",),
    ImportedDataProject: ("imported_data_project",),
    Organization: ("organization",),
    User: ("user",),
    UserSummary: ("users",),
}
NESTED = {
    ImportedDataField,
    # Its body has no `result`: the tests of this area read it as a whole.
    ImportedDataRecordsAdded,
}
