"""Samples of the models of exports and imports, the audit log and customer data requests."""

from __future__ import annotations

from qualtrics_async.models._base import Model
from qualtrics_async.models.audits import AuditEvent, AuditEventType, AuditExportProgress
from qualtrics_async.models.contact_exports import (
    ContactExportProgress,
    ContactExportStarted,
    ExportFileAddress,
    SegmentMembershipExportProgress,
    SegmentMembershipExportStarted,
)
from qualtrics_async.models.customer_data_requests import CustomerDataRequestProgress
from qualtrics_async.models.legacy_response_exports import LegacyResponseExportProgress
from qualtrics_async.models.response_exports import (
    ResponseExportProgress,
    ResponseExportStarted,
    ResponseFilter,
)
from qualtrics_async.models.response_imports import ResponseImportStarted

SAMPLED: dict[type[Model], tuple[str, ...]] = {
    AuditEvent: ("audit_events",),
    AuditEventType: ("audit_activity_types", "audit_event_types"),
    AuditExportProgress: ("audit_export_finished",),
    ContactExportProgress: ("contact_export_running", "contact_export_finished", "contact_export_timed_out"),
    ContactExportStarted: ("contact_export_started",),
    CustomerDataRequestProgress: ("customer_data_request_finished",),
    ExportFileAddress: ("contact_export_file",),
    LegacyResponseExportProgress: ("legacy_response_export_running", "legacy_response_export_finished"),
    ResponseExportProgress: (
        "response_export_running",
        "response_export_finished",
        "response_export_without_file",
        "response_export_without_status",
        "response_export_failed",
    ),
    ResponseExportStarted: ("response_export_started",),
    ResponseFilter: ("response_filters",),
    ResponseImportStarted: ("response_import_started",),
    SegmentMembershipExportProgress: ("segment_membership_export_finished",),
    SegmentMembershipExportStarted: ("segment_membership_export_started",),
}
NESTED: set[type[Model]] = set()
