"""Calls around samples, sample definitions, segments and text messages."""

from __future__ import annotations

from typing import Any

from calling import NOON, Case

from qualtrics_async.models.contact_filters import ContactFilter
from qualtrics_async.models.distributions import MessageInput

SAMPLES = "/directories/POOL_1/samples"
DEFINITIONS = f"{SAMPLES}/definitions"
SEGMENTS = "/directories/POOL_1/segments"
SWEET = ContactFilter(filter_type="embeddedData", comparison="eq", field="taste", value="sweet")
SWEET_WIRE = {
    "simpleFilter": {
        "filterType": "embeddedData",
        "comparison": "eq",
        "field": "taste",
        "value": "sweet",
    }
}
EITHER = {"filterGroup": {"conjunction": "or", "filters": [SWEET_WIRE]}}
"""A criterion in the vendor's own form."""
LISTED = ContactFilter(filter_type="inList", comparison=True, mailing_list_id="CG_1")
LISTED_WIRE = {"simpleFilter": {"filterType": "inList", "comparison": True, "mailingListId": "CG_1"}}
NOOR = ContactFilter(filter_type="email", comparison="eq", value="noor@example.com")
NOOR_WIRE = {"simpleFilter": {"filterType": "email", "comparison": "eq", "value": "noor@example.com"}}
TEXT = MessageInput(message_text="Tell us: ${l://SurveyURL}")
TEMPLATE = MessageInput(library_id="UR_1", message_id="MS_1")
SMS = {"name": "Menu", "surveyId": "SV_1", "sendDate": "2026-07-01T12:00:00Z", "method": "Invite"}
TEXTED = {"message": {"messageText": "Tell us: ${l://SurveyURL}"}}

ARGUMENTS: dict[str, dict[str, Any]] = {
    "samples.update": {"changes": {"name": "Spring"}},
    "sample_definitions.create": {"sample_criteria": SWEET},
    "segments.create": {"criteria": SWEET},
    "sms_distributions.create": {"mailing_list_id": "MAILING_LIST", "message": TEXT},
    "whatsapp_distributions.create": {"message": TEMPLATE},
}

CASES = [
    Case("samples.list", lambda r: r.list("POOL_1"), "GET", SAMPLES, "samples"),
    Case(
        "samples.list sized",
        lambda r: r.list("POOL_1", page_size=10),
        "GET",
        SAMPLES,
        "samples",
        {"pageSize": "10"},
    ),
    Case("samples.get", lambda r: r.get("POOL_1", "SMPL_1"), "GET", f"{SAMPLES}/SMPL_1", "sample"),
    Case(
        "samples.update",
        lambda r: r.update("POOL_1", "SMPL_1", {"name": "Spring"}),
        "PUT",
        f"{SAMPLES}/SMPL_1",
        body={"name": "Spring"},
    ),
    Case("samples.delete", lambda r: r.delete("POOL_1", "SMPL_1"), "DELETE", f"{SAMPLES}/SMPL_1"),
    Case(
        "samples.contacts",
        lambda r: r.contacts("POOL_1", "SMPL_1", page_size=50),
        "GET",
        f"{SAMPLES}/SMPL_1/contacts",
        "sample_contacts",
        {"pageSize": "50"},
    ),
    Case(
        "samples.creations.start",
        lambda r: r.start("POOL_1", sample_definition_id="SD_1"),
        "POST",
        SAMPLES,
        "sample_creation_started",
        body={"sampleDefinitionId": "SD_1"},
    ),
    Case(
        "samples.creations.start from another",
        lambda r: r.start("POOL_1", sample_definition_id="SD_1", parent_id="SMPL_0"),
        "POST",
        SAMPLES,
        "sample_creation_started_sample",
        body={"sampleDefinitionId": "SD_1", "parentId": "SMPL_0"},
    ),
    Case(
        "samples.creations.progress",
        lambda r: r.progress("POOL_1", "PGRS_1"),
        "GET",
        f"{SAMPLES}/progress/PGRS_1",
        "sample_creation_running",
    ),
    Case(
        "sample_definitions.list",
        lambda r: r.list("POOL_1", page_size=10),
        "GET",
        DEFINITIONS,
        "sample_definitions",
        {"pageSize": "10"},
    ),
    Case(
        "sample_definitions.create",
        lambda r: r.create("POOL_1", sample_criteria=SWEET),
        "POST",
        DEFINITIONS,
        "sample_definition_created",
        body={"sampleCriteria": SWEET_WIRE},
    ),
    Case(
        "sample_definitions.create with everything",
        lambda r: r.create("POOL_1", sample_criteria=EITHER, max_sample_size=1400, sample_percentage=0),
        "POST",
        DEFINITIONS,
        "sample_definition_created",
        body={"sampleCriteria": EITHER, "maxSampleSize": 1400, "samplePercentage": 0},
    ),
    Case(
        "sample_definitions.get",
        lambda r: r.get("POOL_1", "SD_1"),
        "GET",
        f"{DEFINITIONS}/SD_1",
        "sample_definition",
    ),
    Case(
        "sample_definitions.update",
        lambda r: r.update("POOL_1", "SD_1", max_sample_size=10),
        "PUT",
        f"{DEFINITIONS}/SD_1",
        body={"maxSampleSize": 10},
    ),
    Case(
        "sample_definitions.update everything",
        lambda r: r.update(
            "POOL_1", "SD_1", sample_criteria=SWEET, max_sample_size=10, sample_percentage=2.5
        ),
        "PUT",
        f"{DEFINITIONS}/SD_1",
        body={"sampleCriteria": SWEET_WIRE, "maxSampleSize": 10, "samplePercentage": 2.5},
    ),
    Case(
        "sample_definitions.delete",
        lambda r: r.delete("POOL_1", "SD_1"),
        "DELETE",
        f"{DEFINITIONS}/SD_1",
    ),
    Case(
        "segments.list",
        lambda r: r.list("POOL_1", page_size=10),
        "GET",
        SEGMENTS,
        "segments",
        {"pageSize": "10"},
    ),
    Case(
        "segments.create",
        lambda r: r.create("POOL_1", name="Sweet teeth", criteria=SWEET),
        "POST",
        SEGMENTS,
        "segment_created",
        body={"name": "Sweet teeth", "criteria": SWEET_WIRE},
    ),
    Case(
        "segments.create with everything",
        lambda r: r.create("POOL_1", name="Sweet teeth", criteria=EITHER, description="Who takes dessert"),
        "POST",
        SEGMENTS,
        "segment_created",
        body={"name": "Sweet teeth", "criteria": EITHER, "description": "Who takes dessert"},
    ),
    Case(
        "segments.create combined",
        lambda r: r.create("POOL_1", name="North or sweet", criteria=LISTED | (SWEET & NOOR)),
        "POST",
        SEGMENTS,
        "segment_created",
        body={
            "name": "North or sweet",
            "criteria": {
                "filterGroup": {
                    "conjunction": "or",
                    "filters": [
                        LISTED_WIRE,
                        {"filterGroup": {"conjunction": "and", "filters": [SWEET_WIRE, NOOR_WIRE]}},
                    ],
                }
            },
        },
    ),
    Case("segments.get", lambda r: r.get("POOL_1", "SEG_1"), "GET", f"{SEGMENTS}/SEG_1", "segment"),
    Case(
        "segments.update",
        lambda r: r.update("POOL_1", "SEG_1", name="Sweets"),
        "PUT",
        f"{SEGMENTS}/SEG_1",
        body={"name": "Sweets"},
    ),
    Case(
        "segments.update the rest",
        lambda r: r.update("POOL_1", "SEG_1", criteria=LISTED, description="North"),
        "PUT",
        f"{SEGMENTS}/SEG_1",
        body={
            "criteria": LISTED_WIRE,
            "description": "North",
        },
    ),
    Case("segments.delete", lambda r: r.delete("POOL_1", "SEG_1"), "DELETE", f"{SEGMENTS}/SEG_1"),
    Case(
        "segments.refreshes.start",
        lambda r: r.start("POOL_1", "SEG_1"),
        "POST",
        f"{SEGMENTS}/SEG_1/refresh-jobs",
        "segment_refresh_started",
    ),
    Case(
        "segments.refreshes.progress",
        lambda r: r.progress("POOL_1", "SEG_1", "PGRS_1"),
        "GET",
        f"{SEGMENTS}/SEG_1/refresh-jobs/PGRS_1",
        "segment_refresh_running",
    ),
    Case(
        "segment_contacts.list",
        lambda r: r.list("POOL_1", "SEG_1", page_size=50),
        "GET",
        f"{SEGMENTS}/SEG_1/contacts",
        "segment_contacts",
        {"pageSize": "50"},
    ),
    Case(
        "segment_contacts.get",
        lambda r: r.get("POOL_1", "SEG_1", "CID_1"),
        "GET",
        f"{SEGMENTS}/SEG_1/contacts/CID_1",
        "segment_contact",
    ),
    Case(
        "sms_distributions.list",
        lambda r: r.list("SV_1", page_size=100),
        "GET",
        "/distributions/sms",
        "sms_distributions",
        {"surveyId": "SV_1", "pageSize": "100"},
    ),
    Case(
        "sms_distributions.create",
        lambda r: r.create(
            name="Menu", survey_id="SV_1", send_date=NOON, mailing_list_id="CG_1", message=TEXT
        ),
        "POST",
        "/distributions/sms",
        "sms_distribution_created",
        body={**SMS, **TEXTED, "recipients": {"mailingListId": "CG_1"}},
    ),
    Case(
        "sms_distributions.create for one contact",
        lambda r: r.create(
            name="Menu",
            survey_id="SV_1",
            send_date=NOON,
            mailing_list_id="CG_1",
            contact_id="CGC_1",
            message=TEMPLATE,
            survey_link_expiration_date=NOON,
        ),
        "POST",
        "/distributions/sms",
        "sms_distribution_created",
        body={
            **SMS,
            "message": {"libraryId": "UR_1", "messageId": "MS_1"},
            "recipients": {"mailingListId": "CG_1", "contactId": "CGC_1"},
            "surveyLinkExpirationDate": "2026-07-01T12:00:00Z",
        },
    ),
    Case(
        "sms_distributions.create question by question",
        lambda r: r.create(
            name="Menu",
            survey_id="SV_1",
            send_date=NOON,
            method="Interactive",
            transaction_batch_id="BT_1",
        ),
        "POST",
        "/distributions/sms",
        "sms_distribution_created",
        body={**SMS, "method": "Interactive", "recipients": {"transactionBatchId": "BT_1"}},
    ),
    Case(
        "sms_distributions.create reminder",
        lambda r: r.create(
            name="Menu",
            survey_id="SV_1",
            send_date=NOON,
            method="Reminder",
            parent_distribution_id="SMSD_1",
            message=TEXT,
        ),
        "POST",
        "/distributions/sms",
        "sms_distribution_created",
        body={**SMS, **TEXTED, "method": "Reminder", "parentDistributionId": "SMSD_1"},
    ),
    Case(
        "sms_distributions.get",
        lambda r: r.get("SMSD_1", survey_id="SV_1"),
        "GET",
        "/distributions/sms/SMSD_1",
        "sms_distribution",
        {"surveyId": "SV_1"},
    ),
    Case(
        "sms_distributions.delete",
        lambda r: r.delete("SMSD_1", survey_id="SV_1"),
        "DELETE",
        "/distributions/sms/SMSD_1",
        query={"surveyId": "SV_1"},
    ),
    Case(
        "whatsapp_distributions.list",
        lambda r: r.list("SV_1", page_size=100),
        "GET",
        "/distributions/whatsapp",
        "whatsapp_distributions",
        {"surveyId": "SV_1", "pageSize": "100"},
    ),
    Case(
        "whatsapp_distributions.create",
        lambda r: r.create(
            name="Menu", survey_id="SV_1", send_date=NOON, mailing_list_id="CG_1", message=TEMPLATE
        ),
        "POST",
        "/distributions/whatsapp",
        "whatsapp_distribution_created",
        body={
            **SMS,
            "message": {"libraryId": "UR_1", "messageId": "MS_1"},
            "recipients": {"mailingListId": "CG_1"},
        },
    ),
    Case(
        "whatsapp_distributions.create for one contact",
        lambda r: r.create(
            name="Menu",
            survey_id="SV_1",
            send_date=NOON,
            mailing_list_id="CG_1",
            contact_id="CGC_1",
            method="Interactive",
            survey_link_expiration_date=NOON,
        ),
        "POST",
        "/distributions/whatsapp",
        "whatsapp_distribution_created",
        body={
            **SMS,
            "method": "Interactive",
            "recipients": {"mailingListId": "CG_1", "contactId": "CGC_1"},
            "surveyLinkExpirationDate": "2026-07-01T12:00:00Z",
        },
    ),
    Case(
        "whatsapp_distributions.get",
        lambda r: r.get("WAD_1", survey_id="SV_1"),
        "GET",
        "/distributions/whatsapp/WAD_1",
        "whatsapp_distribution",
        {"surveyId": "SV_1"},
    ),
    Case(
        "whatsapp_distributions.delete",
        lambda r: r.delete("WAD_1", survey_id="SV_1"),
        "DELETE",
        "/distributions/whatsapp/WAD_1",
        query={"surveyId": "SV_1"},
    ),
]
