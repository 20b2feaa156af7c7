"""Calls around exports and imports of responses, exports of contacts, the audit log and customer data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from calling import NOON, Case

from qualtrics_async.models.audits import AuditExportOptions
from qualtrics_async.models.contact_exports import ContactExportOptions
from qualtrics_async.models.contact_filters import ContactFilter
from qualtrics_async.models.legacy_response_exports import LegacyResponseExportOptions
from qualtrics_async.models.response_exports import ResponseExportOptions

EVENTS = AuditExportOptions(event_name="color_change", start_date=NOON, end_date="2026-07-02T12:00:00Z")
ARGUMENTS: dict[str, dict[str, Any]] = {
    "response_exports.start": {"options": ResponseExportOptions(format="csv")},
    "response_exports.v2.start": {"options": ResponseExportOptions(format="csv")},
    "legacy_response_exports.start": {"options": LegacyResponseExportOptions(format="csv")},
    "response_imports.start": {"file": b"Q1\n1\n"},
    "legacy_response_imports.start": {"file": b"Q1\n1\n"},
    "contact_exports.start": {"options": ContactExportOptions()},
    "segment_membership_exports.start": {"last_updated_date": NOON},
    "contact_imports.create_bulk": {"request": {}},
    "audits.exports.start": {"options": EVENTS},
    "customer_data_requests.start": {"request": {"email": "noor@example.com"}},
}
TABLE = ResponseExportOptions(
    format="tsv",
    compress=False,
    start_date=NOON,
    end_date="2026-08-01T00:00:00+00:00",
    limit=100,
    use_labels=True,
    question_ids=["QID1"],
    embedded_data_ids=("site",),
    survey_metadata_ids=["_recordId"],
    time_zone="Europe/Berlin",
    seen_unanswered_recode=-99,
    multiselect_seen_unanswered_recode=-98,
    include_display_order=True,
    export_responses_in_progress=False,
    breakout_sets=False,
    format_decimal_as_comma=True,
    newline_replacement=" ",
    sort_by_last_modified_date=True,
    allow_continuation=True,
    continuation_token="c2FtcGxl",
    include_wave_weights=True,
)


@dataclass(eq=False)
class Form:
    """A form as it is sent, whatever separates its parts; `--` stands for what does."""

    parts: str

    def __eq__(self, sent: object) -> bool:
        """Compare with the bytes that were sent."""
        assert isinstance(sent, bytes)
        boundary = sent.partition(b"\r\n")[0]
        return sent.replace(boundary, b"--").decode() == self.parts.replace("\n", "\r\n")

    __hash__ = None  # type: ignore[assignment]  # a mutable value


BY_EMAIL = ContactFilter(filter_type="email", comparison="eq", value="noor@example.com")
JOBS = "/directories/POOL_1/export-contacts"
MEMBERSHIPS = "/directories/POOL_1/export-contact-segment-memberships"
CASES = [
    Case(
        "response_exports.start",
        lambda r: r.start(
            "SV_1", ResponseExportOptions(format="csv", filter_id="F_1", include_label_columns=True)
        ),
        "POST",
        "/surveys/SV_1/export-responses",
        "response_export_started",
        body={"format": "csv", "filterId": "F_1", "includeLabelColumns": True},
    ),
    Case(
        "response_exports.start with everything",
        lambda r: r.start("SV_1", TABLE),
        "POST",
        "/surveys/SV_1/export-responses",
        "response_export_started",
        body={
            "format": "tsv",
            "compress": False,
            "startDate": "2026-07-01T12:00:00Z",
            "endDate": "2026-08-01T00:00:00Z",
            "limit": 100,
            "useLabels": True,
            "questionIds": ["QID1"],
            "embeddedDataIds": ["site"],
            "surveyMetadataIds": ["_recordId"],
            "timeZone": "Europe/Berlin",
            "seenUnansweredRecode": -99,
            "multiselectSeenUnansweredRecode": -98,
            "includeDisplayOrder": True,
            "exportResponsesInProgress": False,
            "breakoutSets": False,
            "formatDecimalAsComma": True,
            "newlineReplacement": " ",
            "sortByLastModifiedDate": True,
            "allowContinuation": True,
            "continuationToken": "c2FtcGxl",
            "includeWaveWeights": True,
        },
    ),
    Case(
        "response_exports.progress",
        lambda r: r.progress("SV_1", "ES_1"),
        "GET",
        "/surveys/SV_1/export-responses/ES_1",
        "response_export_running",
    ),
    Case(
        "response_exports.file",
        lambda r: r.file("SV_1", "1-def"),
        "GET",
        "/surveys/SV_1/export-responses/1-def/file",
        b"PK",
    ),
    Case(
        "response_exports.filters",
        lambda r: r.filters("SV_1"),
        "GET",
        "/surveys/SV_1/filters",
        "response_filters",
    ),
    Case(
        "response_exports.v2.start",
        lambda r: r.start("SV_1", ResponseExportOptions(format="json")),
        "POST",
        "/surveys/SV_1/v2-api-export-responses",
        "response_export_started",
        body={"format": "json"},
    ),
    Case(
        "response_exports.v2.progress",
        lambda r: r.progress("SV_1", "ES_1"),
        "GET",
        "/surveys/SV_1/v2-api-export-responses/ES_1",
        "response_export_finished",
    ),
    Case(
        "response_exports.v2.file",
        lambda r: r.file("SV_1", "1-def"),
        "GET",
        "/surveys/SV_1/v2-api-export-responses/1-def/file",
        b"PK",
    ),
    Case(
        "response_imports.start",
        lambda r: r.start(
            "SV_1",
            b"Q1\t1\n",
            format="tsv",
            charset="UTF-16",
            contact_resolution="true",
            idempotency_key="key-1",
        ),
        "POST",
        "/surveys/SV_1/import-responses",
        "response_import_started",
        body=b"Q1\t1\n",
        headers={
            "Idempotency-Key": "key-1",
            "Qualtrics-Contact-Resolution": "true",
            "charset": "UTF-16",
        },
    ),
    Case(
        "response_imports.start from an address",
        lambda r: r.start("SV_1", file_url="https://files.example.com/1.csv", idempotency_key="key-1"),
        "POST",
        "/surveys/SV_1/import-responses",
        "response_import_started",
        body={"format": "csv", "fileUrl": "https://files.example.com/1.csv", "charset": "UTF-8"},
        headers={"Idempotency-Key": "key-1"},
    ),
    Case(
        "response_imports.progress",
        lambda r: r.progress("SV_1", "1"),
        "GET",
        "/surveys/SV_1/import-responses/1",
        "response_import_finished",
    ),
    Case(
        "legacy_response_exports.start",
        lambda r: r.start(
            "SV_1",
            LegacyResponseExportOptions(
                format="csv",
                last_response_id="R_1",
                start_date=NOON,
                end_date="2026-08-01T00:00:00Z",
                limit=5,
                included_question_ids=["QID1"],
                use_labels=True,
                use_local_time=False,
                seen_unanswered_recode=-99,
            ),
        ),
        "POST",
        "/responseexports",
        "legacy_response_export_started",
        body={
            "surveyId": "SV_1",
            "format": "csv",
            "lastResponseId": "R_1",
            "startDate": "2026-07-01T12:00:00Z",
            "endDate": "2026-08-01T00:00:00Z",
            "limit": 5,
            "includedQuestionIds": ["QID1"],
            "useLabels": True,
            "useLocalTime": False,
            "seenUnansweredRecode": -99,
        },
    ),
    Case(
        "legacy_response_exports.progress",
        lambda r: r.progress("ES_1"),
        "GET",
        "/responseexports/ES_1",
        "legacy_response_export_finished",
    ),
    Case(
        "legacy_response_exports.file",
        lambda r: r.file("ES_1"),
        "GET",
        "/responseexports/ES_1/file",
        b"PK",
    ),
    Case(
        "legacy_response_imports.start",
        lambda r: r.start("SV_1", b"Q1", filename="old.tsv", content_type="text/tab-separated-values"),
        "POST",
        "/responseimports",
        "legacy_response_import_started",
        body=Form(
            '--\nContent-Disposition: form-data; name="surveyId"\n\nSV_1\n'
            '--\nContent-Disposition: form-data; name="file"; filename="old.tsv"\n'
            "Content-Type: text/tab-separated-values\n\nQ1\n----\n"
        ),
    ),
    Case(
        "legacy_response_imports.progress",
        lambda r: r.progress("IR_1"),
        "GET",
        "/responseimports/IR_1",
        "legacy_response_import_finished",
    ),
    Case(
        "contact_exports.start",
        lambda r: r.start("POOL_1", ContactExportOptions()),
        "POST",
        JOBS,
        "contact_export_started",
        body={"format": "csv", "embeddedData": []},
    ),
    Case(
        "contact_exports.start with everything",
        lambda r: r.start(
            "POOL_1",
            ContactExportOptions(
                format="tsv",
                embedded_data=["site"],
                contact_list_id="CG_1",
                filter=BY_EMAIL & ContactFilter(filter_type="lastModified", comparison="gt", value=NOON),
            ),
        ),
        "POST",
        JOBS,
        "contact_export_started",
        body={
            "format": "tsv",
            "embeddedData": ["site"],
            "contactListId": "CG_1",
            "filter": {
                "conjunction": "and",
                "contactFilterExpressions": [
                    {"filterType": "email", "comparison": "eq", "value": "noor@example.com"},
                    {"filterType": "lastModified", "comparison": "gt", "value": "2026-07-01 12:00:00"},
                ],
            },
        },
    ),
    Case(
        "contact_exports.start by one condition",
        lambda r: r.start("POOL_1", ContactExportOptions(filter=BY_EMAIL)),
        "POST",
        JOBS,
        "contact_export_started",
        body={
            "format": "csv",
            "embeddedData": [],
            "filter": {"filterType": "email", "comparison": "eq", "value": "noor@example.com"},
        },
    ),
    Case(
        "contact_exports.start by what it knows itself",
        lambda r: r.start("POOL_1", ContactExportOptions(filter={"filterType": "segment"})),
        "POST",
        JOBS,
        "contact_export_started",
        body={"format": "csv", "embeddedData": [], "filter": {"filterType": "segment"}},
    ),
    Case(
        "contact_exports.progress",
        lambda r: r.progress("POOL_1", "1"),
        "GET",
        f"{JOBS}/1/status",
        "contact_export_finished",
    ),
    Case(
        "contact_exports.file",
        lambda r: r.file("POOL_1", "1"),
        "GET",
        f"{JOBS}/1/file",
        "contact_export_file",
    ),
    Case(
        "segment_membership_exports.start",
        lambda r: r.start("POOL_1", last_updated_date=NOON),
        "POST",
        MEMBERSHIPS,
        "segment_membership_export_started",
        body={"format": "csv", "lastUpdatedDate": "2026-07-01T12:00:00Z"},
    ),
    Case(
        "segment_membership_exports.start as tsv",
        lambda r: r.start("POOL_1", last_updated_date="2026-07-01T12:00:00Z", format="tsv"),
        "POST",
        MEMBERSHIPS,
        "segment_membership_export_started",
        body={"format": "tsv", "lastUpdatedDate": "2026-07-01T12:00:00Z"},
    ),
    Case(
        "segment_membership_exports.progress",
        lambda r: r.progress("POOL_1", "1"),
        "GET",
        f"{MEMBERSHIPS}/1",
        "segment_membership_export_finished",
    ),
    Case(
        "segment_membership_exports.file",
        lambda r: r.file("POOL_1", "1"),
        "GET",
        f"{MEMBERSHIPS}/1/file",
        b"contactId\n",
    ),
    Case(
        "contact_imports.create_bulk",
        lambda r: r.create_bulk("POOL_1", {"contacts": []}),
        "POST",
        "/directories/POOL_1/imports",
        "bulk_import_created",
        body={"contacts": []},
    ),
    Case(
        "audits.activity_types",
        lambda r: r.activity_types(),
        "GET",
        "/logs/activitytypes",
        "audit_activity_types",
    ),
    Case(
        "audits.list",
        lambda r: r.list(activity_type="users"),
        "GET",
        "/logs",
        "audit_events",
        {"activityType": "users"},
    ),
    Case(
        "audits.list with everything",
        lambda r: r.list(
            activity_type="users",
            organization_id="examplebrand",
            user_id="UR_1",
            directory_id="POOL_1",
            group_id="GR_1",
            contact_id="CID_1",
            start_date=NOON,
            end_date="2026-07-02T12:00:00Z",
            order="dsc",
            page_size=1000,
        ),
        "GET",
        "/logs",
        "audit_events",
        {
            "activityType": "users",
            "organizationId": "examplebrand",
            "userId": "UR_1",
            "directoryId": "POOL_1",
            "groupId": "GR_1",
            "contactId": "CID_1",
            "startDate": "2026-07-01T12:00:00Z",
            "endDate": "2026-07-02T12:00:00Z",
            "order": "dsc",
            "pageSize": "1000",
        },
    ),
    Case("audits.event_types", lambda r: r.event_types(), "GET", "/audit-events", "audit_event_types"),
    Case(
        "audits.exports.start",
        lambda r: r.start(EVENTS),
        "POST",
        "/audit-exports",
        "audit_export_started",
        body={
            "eventName": "color_change",
            "startDate": "2026-07-01T12:00:00Z",
            "endDate": "2026-07-02T12:00:00Z",
        },
    ),
    Case(
        "audits.exports.start of one user",
        lambda r: r.start(
            AuditExportOptions(event_name="color_change", start_date=NOON, end_date=NOON, user_id="UR_1")
        ),
        "POST",
        "/audit-exports",
        "audit_export_started",
        body={
            "eventName": "color_change",
            "startDate": "2026-07-01T12:00:00Z",
            "endDate": "2026-07-01T12:00:00Z",
            "userId": "UR_1",
        },
    ),
    Case(
        "audits.exports.progress",
        lambda r: r.progress("8"),
        "GET",
        "/audit-exports/8",
        "audit_export_finished",
    ),
    Case(
        "audits.exports.file",
        lambda r: r.file("8", "9"),
        "GET",
        "/audit-exports/8/files/9",
        b"{}\n",
    ),
    Case(
        "customer_data_requests.start",
        lambda r: r.start({"email": "noor@example.com"}),
        "POST",
        "/customer-data-requests",
        "customer_data_request_started",
        body={"email": "noor@example.com"},
    ),
    Case(
        "customer_data_requests.progress",
        lambda r: r.progress("1"),
        "GET",
        "/customer-data-requests/1",
        "customer_data_request_finished",
    ),
    Case(
        "customer_data_requests.file",
        lambda r: r.file("1", "2"),
        "GET",
        "/customer-data-requests/1/files/2",
        b"{}",
    ),
]
