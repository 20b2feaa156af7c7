"""Calls around surveys, sessions, single responses, and jobs over responses."""

from __future__ import annotations

from typing import Any
from unittest.mock import ANY

from calling import NOON, Case

from qualtrics_async.models.response_jobs import ResponseUpdate
from qualtrics_async.models.surveys import EmbeddedDataField, SurveyPermissions

SURVEY = "/surveys/SV_1"
RESPONSE = "/surveys/SV_1/responses/R_1"
SESSION = "/surveys/SV_1/sessions"
NOTHING_ALLOWED: dict[str, Any] = {
    "surveyDefinitionManipulation": {
        "copySurveyQuestions": False,
        "editSurveyFlow": False,
        "useBlocks": False,
        "useSkipLogic": False,
        "useConjoint": False,
        "useTriggers": False,
        "useQuotas": False,
        "setSurveyOptions": False,
        "editQuestions": False,
        "deleteSurveyQuestions": False,
        "useTableOfContents": False,
        "useAdvancedQuotas": False,
    },
    "surveyManagement": {
        "editSurveys": False,
        "activateSurveys": False,
        "deactivateSurveys": False,
        "copySurveys": False,
        "distributeSurveys": False,
        "deleteSurveys": False,
        "translateSurveys": False,
    },
    "response": {
        "editSurveyResponses": False,
        "createResponseSets": False,
        "viewResponseId": False,
        "useCrossTabs": False,
        "useScreenouts": False,
    },
    "result": {
        "downloadSurveyResults": False,
        "viewSurveyResults": False,
        "filterSurveyResults": False,
        "viewPersonalData": False,
    },
}
ARGUMENTS: dict[str, dict[str, Any]] = {
    "surveys.import_survey": {"file": b"{}"},
    "surveys.share": {"permissions": {}, "user_id": "UR_1"},
    "surveys.insert_embedded_data_fields": {"fields": [EmbeddedDataField(key="shift")]},
    "responses.create": {"values": {}},
    "responses.update": {"embedded_data": {}},
    "response_updates.start": {"updates": [ResponseUpdate(response_id="R_1", embedded_data={})]},
    "response_deletions.start": {"response_ids": ["R_1"]},
    "response_edits.aggregate": {"options": {}},
    "response_edits.get_with_options": {"options": {}},
    "response_edits.start": {"edits": {"edits": []}},
}
A_FORM = ANY
"""`test_surveys_and_responses.py` looks into it."""

CASES = [
    Case(
        "surveys.import_survey",
        lambda r: r.import_survey(b"{}", name="Lunch"),
        "POST",
        "/surveys",
        "survey_imported",
        body=A_FORM,
    ),
    Case(
        "surveys.update",
        lambda r: r.update(
            "SV_1",
            name="Lunch",
            is_active=False,
            start_date=NOON,
            end_date="2026-08-01T00:00:00+00:00",
            owner_id="UR_2",
        ),
        "PUT",
        SURVEY,
        body={
            "name": "Lunch",
            "isActive": False,
            "expiration": {"startDate": "2026-07-01T12:00:00Z", "endDate": "2026-08-01T00:00:00Z"},
            "ownerId": "UR_2",
        },
    ),
    Case(
        "surveys.update in part",
        lambda r: r.update("SV_1", is_active=True),
        "PUT",
        SURVEY,
        body={"isActive": True},
    ),
    Case("surveys.delete", lambda r: r.delete("SV_1"), "DELETE", SURVEY),
    Case(
        "surveys.share",
        lambda r: r.share("SV_1", SurveyPermissions(), user_id="UR_1"),
        "POST",
        f"{SURVEY}/permissions/collaborations",
        body={"userId": "UR_1", "permissions": NOTHING_ALLOWED},
    ),
    Case(
        "surveys.share as a mapping",
        lambda r: r.share("SV_1", {"result": {"viewSurveyResults": True}}, recipient_id="UR_1"),
        "POST",
        f"{SURVEY}/permissions/collaborations",
        body={"recipientId": "UR_1", "permissions": {"result": {"viewSurveyResults": True}}},
    ),
    Case(
        "surveys.insert_embedded_data_fields",
        lambda r: r.insert_embedded_data_fields(
            "SV_1",
            [EmbeddedDataField(key="shift"), EmbeddedDataField(key="year", value="2026", type="number")],
        ),
        "POST",
        f"{SURVEY}/embeddeddatafields",
        body={"embeddedDataFields": [{"key": "shift"}, {"key": "year", "value": "2026", "type": "number"}]},
    ),
    Case("surveys.quotas", lambda r: r.quotas("SV_1"), "GET", f"{SURVEY}/quotas", "survey_quotas"),
    Case("sessions.start", lambda r: r.start("SV_1"), "POST", SESSION, "survey_session", body={}),
    Case(
        "sessions.start for a contact",
        lambda r: r.start(
            "SV_1",
            language="FR",
            embedded_data={"shift": "day"},
            recipient_id="CGC_1",
            distribution_id="EMD_1",
        ),
        "POST",
        SESSION,
        "survey_session",
        body={
            "language": "FR",
            "embeddedData": {"shift": "day"},
            "recipientId": "CGC_1",
            "distributionId": "EMD_1",
        },
    ),
    Case("sessions.get", lambda r: r.get("SV_1", "FS_1"), "GET", f"{SESSION}/FS_1", "survey_session"),
    Case(
        "sessions.update",
        lambda r: r.update(
            "SV_1",
            "FS_1",
            {"QID7": "Soup", "QID8": {"1": {"selected": True}}},
            embedded_data={"shift": "night"},
            advance=True,
        ),
        "POST",
        f"{SESSION}/FS_1",
        "survey_session",
        body={
            "responses": {"QID7": "Soup", "QID8": {"1": {"selected": True}}},
            "embeddedData": {"shift": "night"},
            "advance": True,
        },
    ),
    Case(
        "sessions.update to the end",
        lambda r: r.update("SV_1", "FS_1", close=True),
        "POST",
        f"{SESSION}/FS_1",
        "survey_session_finished",
        body={"close": True},
    ),
    Case("sessions.delete", lambda r: r.delete("SV_1", "FS_1"), "DELETE", f"{SESSION}/FS_1"),
    Case("responses.get", lambda r: r.get("SV_1", "R_1"), "GET", RESPONSE, "response"),
    Case(
        "responses.schema", lambda r: r.schema("SV_1"), "GET", f"{SURVEY}/response-schema", "response_schema"
    ),
    Case(
        "responses.create",
        lambda r: r.create("SV_1", {"QID8": 1, "shift": "day"}),
        "POST",
        f"{SURVEY}/responses",
        "response_created",
        body={"values": {"QID8": 1, "shift": "day"}},
    ),
    Case(
        "responses.update",
        lambda r: r.update("R_1", {"shift": "night"}, survey_id="SV_1"),
        "PUT",
        "/responses/R_1",
        body={"surveyId": "SV_1", "embeddedData": {"shift": "night"}},
    ),
    Case(
        "responses.update without a new date",
        lambda r: r.update("R_1", {"shift": "night"}, survey_id="SV_1", reset_recorded_date=False),
        "PUT",
        "/responses/R_1",
        body={"surveyId": "SV_1", "embeddedData": {"shift": "night"}, "resetRecordedDate": False},
    ),
    Case("responses.delete", lambda r: r.delete("SV_1", "R_1"), "DELETE", RESPONSE),
    Case(
        "responses.delete from quotas",
        lambda r: r.delete("SV_1", "R_1", decrement_quotas=True),
        "DELETE",
        RESPONSE,
        query={"decrementQuotas": "true"},
    ),
    Case(
        "responses.uploaded_file",
        lambda r: r.uploaded_file("SV_1", "R_1", "F_1"),
        "GET",
        f"{RESPONSE}/uploaded-files/F_1",
        b"%PDF-",
    ),
    Case(
        "response_updates.start",
        lambda r: r.start(
            "SV_1",
            [
                ResponseUpdate(response_id="R_1", embedded_data={"shift": "day"}, reset_recorded_date=False),
                ResponseUpdate(response_id="R_2", embedded_data={"shift": "night"}),
            ],
            remove_edits=False,
            ignore_missing_responses=True,
        ),
        "POST",
        f"{SURVEY}/update-responses",
        "response_job_started",
        body={
            "updates": [
                {"responseId": "R_1", "embeddedData": {"shift": "day"}, "resetRecordedDate": False},
                {"responseId": "R_2", "embeddedData": {"shift": "night"}},
            ],
            "removeEdits": False,
            "ignoreMissingResponses": True,
        },
    ),
    Case(
        "response_updates.start from a file",
        lambda r: r.start("SV_1", file_url="https://files.example.com/updates.json"),
        "POST",
        f"{SURVEY}/update-responses",
        "response_job_started",
        body={"fileUrl": "https://files.example.com/updates.json"},
    ),
    Case(
        "response_updates.progress",
        lambda r: r.progress("SV_1", "PR_1"),
        "GET",
        f"{SURVEY}/update-responses/PR_1",
        "response_job_running",
    ),
    Case(
        "response_deletions.start",
        lambda r: r.start("SV_1", ["R_1", "R_2"], confirm=True),
        "POST",
        f"{SURVEY}/delete-responses",
        "response_job_started",
        body={"deletes": [{"responseId": "R_1"}, {"responseId": "R_2"}]},
    ),
    Case(
        "response_deletions.start from quotas",
        lambda r: r.start(
            "SV_1", ("R_1",), confirm=True, decrement_quotas=True, ignore_missing_responses=True
        ),
        "POST",
        f"{SURVEY}/delete-responses",
        "response_job_started",
        body={"deletes": [{"responseId": "R_1", "decrementQuotas": True}], "ignoreMissingResponses": True},
    ),
    Case(
        "response_deletions.progress",
        lambda r: r.progress("SV_1", "PR_1"),
        "GET",
        f"{SURVEY}/delete-responses/PR_1",
        "response_job_finished",
    ),
    Case(
        "response_edits.get",
        lambda r: r.get("SV_1", "R_1"),
        "GET",
        f"{RESPONSE}/edits",
        "response_edits",
    ),
    Case(
        "response_edits.aggregate",
        lambda r: r.aggregate("SV_1", {"a": [1]}),
        "POST",
        f"{SURVEY}/responses/op-aggregate",
        "response_aggregate",
        body={"a": [1]},
    ),
    Case(
        "response_edits.get_with_options",
        lambda r: r.get_with_options("SV_1", {"a": [1]}),
        "POST",
        f"{SURVEY}/responses/op-get-with-options",
        "response_aggregate",
        body={"a": [1]},
    ),
    Case(
        "response_edits.start",
        lambda r: r.start("SV_1", {"a": [1]}),
        "PATCH",
        f"{SURVEY}/responses",
        "response_job_started",
        body={"a": [1]},
    ),
    Case(
        "response_edits.progress",
        lambda r: r.progress("SV_1", "PR_1"),
        "GET",
        f"{SURVEY}/responses-edit-progresses/PR_1",
        "response_job_queued",
    ),
]
