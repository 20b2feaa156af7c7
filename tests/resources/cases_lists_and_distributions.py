"""Calls around lists, their contacts, imports, distributions and subscriptions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from calling import NOON, Case

from qualtrics_async.models import ContactCreate, ContactUpdate, HeaderInput, MessageInput

LIST = "/directories/POOL_1/mailinglists/CG_1"
MESSAGE = MessageInput(library_id="UR_1", message_id="MS_1")
HEADER = HeaderInput(from_name="Canteen", from_email="canteen@example.com", subject="Lunch?")
MAIL = {
    "message": {"libraryId": "UR_1", "messageId": "MS_1"},
    "header": {"fromName": "Canteen", "fromEmail": "canteen@example.com", "subject": "Lunch?"},
    "sendDate": "2026-07-01T12:00:00Z",
}
TOKENS = {"useNewPaginationScheme": "true"}

ARGUMENTS: dict[str, dict[str, Any]] = {
    "mailing_list_contacts.update": {"contact": ContactUpdate()},
    "distributions.create_links": {"mailing_list_id": "MAILING_LIST"},
    "distributions.create_email": {"mailing_list_id": "MAILING_LIST"},
}
OWN_TESTS = {"contact_imports.start", "contact_imports.summary"}

CASES = [
    Case("users.whoami", lambda r: r.whoami(), "GET", "/whoami", "whoami"),
    Case("surveys.list", lambda r: r.list(), "GET", "/surveys", "surveys"),
    Case("surveys.get", lambda r: r.get("SV_1"), "GET", "/surveys/SV_1", "survey"),
    Case(
        "survey_definitions.get",
        lambda r: r.get("SV_1"),
        "GET",
        "/survey-definitions/SV_1",
        "survey_definition",
    ),
    Case(
        "survey_definitions.get qsf",
        lambda r: r.get("SV_1", format="qsf"),
        "GET",
        "/survey-definitions/SV_1",
        "survey_qsf",
        {"format": "qsf"},
    ),
    Case("directories.list", lambda r: r.list(), "GET", "/directories", "directories"),
    Case(
        "directories.list counted",
        lambda r: r.list(include_count=True, page_size=10),
        "GET",
        "/directories",
        "directories",
        {"includeCount": "true", "pageSize": "10"},
    ),
    Case("directories.default", lambda r: r.default(), "GET", "/directories", "directories"),
    Case(
        "mailing_lists.list",
        lambda r: r.list("POOL_1"),
        "GET",
        "/directories/POOL_1/mailinglists",
        "mailing_lists",
        TOKENS,
    ),
    Case(
        "mailing_lists.list by offset",
        lambda r: r.list("POOL_1", include_count=False, page_size=50, use_new_pagination_scheme=None),
        "GET",
        "/directories/POOL_1/mailinglists",
        "mailing_lists",
        {"includeCount": "false", "pageSize": "50"},
    ),
    Case(
        "mailing_lists.create",
        lambda r: r.create("POOL_1", name="North"),
        "POST",
        "/directories/POOL_1/mailinglists",
        "mailing_list_created",
        body={"name": "North"},
    ),
    Case(
        "mailing_lists.create with everything",
        lambda r: r.create("POOL_1", name="North", owner_id="UR_1", prioritize_list_metadata=True),
        "POST",
        "/directories/POOL_1/mailinglists",
        "mailing_list_created",
        body={"name": "North", "ownerId": "UR_1", "prioritizeListMetadata": True},
    ),
    Case("mailing_lists.get", lambda r: r.get("POOL_1", "CG_1"), "GET", LIST, "mailing_list"),
    Case(
        "mailing_lists.get counted",
        lambda r: r.get("POOL_1", "CG_1", include_count=True),
        "GET",
        LIST,
        "mailing_list",
        {"includeCount": "true"},
    ),
    Case(
        "mailing_lists.update",
        lambda r: r.update("POOL_1", "CG_1", name="South"),
        "PUT",
        LIST,
        body={"name": "South"},
    ),
    Case(
        "mailing_lists.update owner",
        lambda r: r.update("POOL_1", "CG_1", owner_id="UR_2"),
        "PUT",
        LIST,
        body={"ownerId": "UR_2"},
    ),
    Case("mailing_lists.delete", lambda r: r.delete("POOL_1", "CG_1"), "DELETE", LIST),
    Case(
        "mailing_list_contacts.list",
        lambda r: r.list("POOL_1", "CG_1"),
        "GET",
        f"{LIST}/contacts",
        "contacts",
        TOKENS,
    ),
    Case(
        "mailing_list_contacts.list with everything",
        lambda r: r.list(
            "POOL_1", "CG_1", include_embedded=True, page_size=50, use_new_pagination_scheme=False
        ),
        "GET",
        f"{LIST}/contacts",
        "contacts",
        {"includeEmbedded": "true", "pageSize": "50", "useNewPaginationScheme": "false"},
    ),
    Case(
        "mailing_list_contacts.create",
        lambda r: r.create("POOL_1", "CG_1", ContactCreate(email="noor@example.com", phone=None)),
        "POST",
        f"{LIST}/contacts",
        "contact_created",
        body={"email": "noor@example.com", "phone": None},
    ),
    Case(
        "mailing_list_contacts.get",
        lambda r: r.get("POOL_1", "CG_1", "CID_1"),
        "GET",
        f"{LIST}/contacts/CID_1",
        "contact",
    ),
    Case(
        "mailing_list_contacts.update",
        lambda r: r.update("POOL_1", "CG_1", "CID_1", ContactUpdate(unsubscribed=True)),
        "PUT",
        f"{LIST}/contacts/CID_1",
        body={"unsubscribed": True},
    ),
    Case(
        "mailing_list_contacts.delete",
        lambda r: r.delete("POOL_1", "CG_1", "CID_1"),
        "DELETE",
        f"{LIST}/contacts/CID_1",
    ),
    Case(
        "mailing_list_contacts.bounced",
        lambda r: r.bounced("POOL_1", "CG_1"),
        "GET",
        f"{LIST}/bouncedContacts",
        "contacts_unreachable",
    ),
    Case(
        "mailing_list_contacts.bounced since",
        lambda r: r.bounced("POOL_1", "CG_1", since=NOON, page_size=50),
        "GET",
        f"{LIST}/bouncedContacts",
        "contacts_unreachable",
        {"since": "2026-07-01T12:00:00Z", "pageSize": "50"},
    ),
    Case(
        "mailing_list_contacts.opted_out",
        lambda r: r.opted_out("POOL_1", "CG_1"),
        "GET",
        f"{LIST}/optedOutContacts",
        "contacts_unreachable",
    ),
    Case(
        "mailing_list_contacts.opted_out since",
        lambda r: r.opted_out("POOL_1", "CG_1", since="2026-07-01T12:00:00+00:00", page_size=50),
        "GET",
        f"{LIST}/optedOutContacts",
        "contacts_unreachable",
        {"since": "2026-07-01T12:00:00Z", "pageSize": "50"},
    ),
    Case(
        "mailing_list_contacts.history email",
        lambda r: r.history("POOL_1", "CG_1", "CID_1", type="email"),
        "GET",
        f"{LIST}/contacts/CID_1/history",
        "contact_history_email",
        {"type": "email"},
    ),
    Case(
        "mailing_list_contacts.history response",
        lambda r: r.history("POOL_1", "CG_1", "CID_1", type="response"),
        "GET",
        f"{LIST}/contacts/CID_1/history",
        "contact_history_response",
        {"type": "response"},
    ),
    Case(
        "contact_imports.progress",
        lambda r: r.progress("POOL_1", "CG_1", "PGRS_1"),
        "GET",
        f"{LIST}/transactioncontacts/PGRS_1",
        "contact_import_running",
    ),
    Case(
        "contact_imports.report",
        lambda r: r.report("POOL_1", "PGRS_1"),
        "GET",
        "/directories/POOL_1/imports/api-import/jobs/PGRS_1/report",
        "import_report_page2",
    ),
    Case(
        "distributions.list",
        lambda r: r.list("SV_1"),
        "GET",
        "/distributions",
        "distributions",
        {"surveyId": "SV_1", **TOKENS},
    ),
    Case(
        "distributions.list with everything",
        lambda r: r.list(
            "SV_1",
            distribution_request_type="GeneratedInvite",
            mailing_list_id="CG_1",
            send_start_date=NOON,
            send_end_date=datetime(2026, 8, 1, tzinfo=UTC),
            page_size=100,
            use_new_pagination_scheme=None,
        ),
        "GET",
        "/distributions",
        "distributions",
        {
            "surveyId": "SV_1",
            "distributionRequestType": "GeneratedInvite",
            "mailingListId": "CG_1",
            "sendStartDate": "2026-07-01T12:00:00Z",
            "sendEndDate": "2026-08-01T00:00:00Z",
            "pageSize": "100",
        },
    ),
    Case(
        "distributions.get",
        lambda r: r.get("EMD_1", survey_id="SV_1"),
        "GET",
        "/distributions/EMD_1",
        "distribution",
        {"surveyId": "SV_1"},
    ),
    Case(
        "distributions.create_links",
        lambda r: r.create_links(
            survey_id="SV_1", mailing_list_id="CG_1", description="Spring", expiration_date=NOON
        ),
        "POST",
        "/distributions",
        "distribution_created",
        body={
            "surveyId": "SV_1",
            "linkType": "Individual",
            "description": "Spring",
            "action": "CreateDistribution",
            "expirationDate": "2026-07-01T12:00:00Z",
            "mailingListId": "CG_1",
        },
    ),
    Case(
        "distributions.create_links batch",
        lambda r: r.create_links(survey_id="SV_1", transaction_batch_id="BT_1", link_type="Multiple"),
        "POST",
        "/distributions",
        "distribution_created",
        body={
            "surveyId": "SV_1",
            "linkType": "Multiple",
            "description": "Links generated by API",
            "action": "CreateTransactionBatchDistribution",
            "transactionBatchId": "BT_1",
        },
    ),
    Case(
        "distributions.create_email",
        lambda r: r.create_email(
            survey_id="SV_1",
            mailing_list_id="CG_1",
            contact_id="CGC_1",
            directory_id="POOL_1",
            message=MESSAGE,
            header=HEADER,
            send_date=NOON,
            expiration_date=NOON,
            embedded_data={"wave": "1"},
        ),
        "POST",
        "/distributions",
        "distribution_created",
        body={
            **MAIL,
            "recipients": {"mailingListId": "CG_1", "contactId": "CGC_1", "directoryId": "POOL_1"},
            "surveyLink": {
                "surveyId": "SV_1",
                "expirationDate": "2026-07-01T12:00:00Z",
                "type": "Individual",
            },
            "embeddedData": {"wave": "1"},
        },
    ),
    Case(
        "distributions.create_email batch",
        lambda r: r.create_email(
            survey_id="SV_1", transaction_batch_id="BT_1", message=MESSAGE, header=HEADER, send_date=NOON
        ),
        "POST",
        "/distributions",
        "distribution_created",
        body={
            **MAIL,
            "recipients": {"transactionBatchId": "BT_1"},
            "surveyLink": {"surveyId": "SV_1", "type": "Individual"},
        },
    ),
    Case(
        "distributions.links",
        lambda r: r.links("EMD_1", survey_id="SV_1"),
        "GET",
        "/distributions/EMD_1/links",
        "distribution_links_page1",
        {"surveyId": "SV_1"},
    ),
    Case(
        "distributions.links sized",
        lambda r: r.links("EMD_1", survey_id="SV_1", page_size=100),
        "GET",
        "/distributions/EMD_1/links",
        "distribution_links_page2",
        {"surveyId": "SV_1", "pageSize": "100"},
    ),
    Case(
        "distributions.history",
        lambda r: r.history("EMD_1"),
        "GET",
        "/distributions/EMD_1/history",
        "distribution_history",
    ),
    Case(
        "distributions.create_reminder",
        lambda r: r.create_reminder(
            "EMD_1", message=MESSAGE, header=HEADER, send_date=NOON, embedded_data={"wave": "2"}
        ),
        "POST",
        "/distributions/EMD_1/reminders",
        "reminder_created",
        body={**MAIL, "embeddedData": {"wave": "2"}},
    ),
    Case(
        "distributions.create_thank_you",
        lambda r: r.create_thank_you("EMD_1", message=MESSAGE, header=HEADER, send_date=NOON),
        "POST",
        "/distributions/EMD_1/thankyous",
        "reminder_created",
        body=MAIL,
    ),
    Case("distributions.delete", lambda r: r.delete("EMD_1"), "DELETE", "/distributions/EMD_1"),
    Case("event_subscriptions.list", lambda r: r.list(), "GET", "/eventsubscriptions", "event_subscriptions"),
    Case(
        "event_subscriptions.create",
        lambda r: r.create(
            topics="controlpanel.activateSurvey", publication_url="https://hooks.example.com/"
        ),
        "POST",
        "/eventsubscriptions",
        "event_subscription_created",
        body={
            "topics": "controlpanel.activateSurvey",
            "publicationUrl": "https://hooks.example.com/",
            "encrypt": False,
        },
    ),
    Case(
        "event_subscriptions.create signed",
        lambda r: r.create(
            topics="*", publication_url="https://hooks.example.com/", encrypt=True, shared_key="hush"
        ),
        "POST",
        "/eventsubscriptions",
        "event_subscription_created_nested",
        body={
            "topics": "*",
            "publicationUrl": "https://hooks.example.com/",
            "encrypt": True,
            "sharedKey": "hush",
        },
    ),
    Case(
        "event_subscriptions.get",
        lambda r: r.get("SUB_1"),
        "GET",
        "/eventsubscriptions/SUB_1",
        "event_subscription",
    ),
    Case(
        "event_subscriptions.get nested",
        lambda r: r.get("SUB_1"),
        "GET",
        "/eventsubscriptions/SUB_1",
        "event_subscription_nested",
    ),
    Case("event_subscriptions.delete", lambda r: r.delete("SUB_1"), "DELETE", "/eventsubscriptions/SUB_1"),
    Case(
        "event_subscriptions.delete_all",
        lambda r: r.delete_all(confirm=True),
        "DELETE",
        "/eventsubscriptions",
    ),
]
