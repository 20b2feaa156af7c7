"""Each operation builds exactly the request that the vendor documents, and decodes its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from recorder import Recorder

from qualtrics_async._core.paging import Paged
from qualtrics_async.models import ContactCreate, ContactUpdate, HeaderInput, MessageInput
from qualtrics_async.resources._base import Resource
from qualtrics_async.resources.contact_imports import ContactImports
from qualtrics_async.resources.contacts import Contacts
from qualtrics_async.resources.directories import Directories
from qualtrics_async.resources.distributions import Distributions
from qualtrics_async.resources.event_subscriptions import EventSubscriptions
from qualtrics_async.resources.mailing_lists import MailingLists
from qualtrics_async.resources.survey_definitions import SurveyDefinitions
from qualtrics_async.resources.surveys import Surveys
from qualtrics_async.resources.users import Users

LIST = "/directories/POOL_1/mailinglists/CG_1"
NOON = datetime(2026, 7, 1, 14, 0, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
MESSAGE = MessageInput(library_id="UR_1", message_id="MS_1")
HEADER = HeaderInput(from_name="Canteen", from_email="canteen@example.com", subject="Lunch?")
MAIL = {
    "message": {"libraryId": "UR_1", "messageId": "MS_1"},
    "header": {"fromName": "Canteen", "fromEmail": "canteen@example.com", "subject": "Lunch?"},
    "sendDate": "2026-07-01T12:00:00Z",
}
GROUPS: dict[str, type[Resource]] = {
    kind.__name__: kind
    for kind in (
        ContactImports,
        Contacts,
        Directories,
        Distributions,
        EventSubscriptions,
        MailingLists,
        SurveyDefinitions,
        Surveys,
        Users,
    )
}
TOKENS = {"useNewPaginationScheme": "true"}


@dataclass
class Case:
    """A call, the request that it should make, and the sample that answers it."""

    name: str
    call: Callable[[Any], Any]
    method: str
    path: str
    answer: str = "nothing"
    query: dict[str, str] = field(default_factory=dict)
    body: Any = None
    id: str | None = None


CASES = [
    Case("Users.whoami", lambda r: r.whoami(), "GET", "/whoami", "whoami"),
    Case("Surveys.list", lambda r: r.list(), "GET", "/surveys", "surveys"),
    Case("Surveys.get", lambda r: r.get("SV_1"), "GET", "/surveys/SV_1", "survey"),
    Case(
        "SurveyDefinitions.get",
        lambda r: r.get("SV_1"),
        "GET",
        "/survey-definitions/SV_1",
        "survey_definition",
    ),
    Case(
        "SurveyDefinitions.get qsf",
        lambda r: r.get("SV_1", format="qsf"),
        "GET",
        "/survey-definitions/SV_1",
        "survey_qsf",
        {"format": "qsf"},
    ),
    Case("Directories.list", lambda r: r.list(), "GET", "/directories", "directories"),
    Case(
        "Directories.list counted",
        lambda r: r.list(include_count=True, page_size=10),
        "GET",
        "/directories",
        "directories",
        {"includeCount": "true", "pageSize": "10"},
    ),
    Case("Directories.default", lambda r: r.default(), "GET", "/directories", "directories"),
    Case(
        "MailingLists.list",
        lambda r: r.list("POOL_1"),
        "GET",
        "/directories/POOL_1/mailinglists",
        "mailing_lists",
        TOKENS,
    ),
    Case(
        "MailingLists.list by offset",
        lambda r: r.list("POOL_1", include_count=False, page_size=50, use_new_pagination_scheme=None),
        "GET",
        "/directories/POOL_1/mailinglists",
        "mailing_lists",
        {"includeCount": "false", "pageSize": "50"},
    ),
    Case(
        "MailingLists.create",
        lambda r: r.create("POOL_1", name="North"),
        "POST",
        "/directories/POOL_1/mailinglists",
        "mailing_list_created",
        body={"name": "North"},
    ),
    Case(
        "MailingLists.create with everything",
        lambda r: r.create("POOL_1", name="North", owner_id="UR_1", prioritize_list_metadata=True),
        "POST",
        "/directories/POOL_1/mailinglists",
        "mailing_list_created",
        body={"name": "North", "ownerId": "UR_1", "prioritizeListMetadata": True},
    ),
    Case("MailingLists.get", lambda r: r.get("POOL_1", "CG_1"), "GET", LIST, "mailing_list"),
    Case(
        "MailingLists.get counted",
        lambda r: r.get("POOL_1", "CG_1", include_count=True),
        "GET",
        LIST,
        "mailing_list",
        {"includeCount": "true"},
    ),
    Case(
        "MailingLists.update",
        lambda r: r.update("POOL_1", "CG_1", name="South"),
        "PUT",
        LIST,
        body={"name": "South"},
    ),
    Case(
        "MailingLists.update owner",
        lambda r: r.update("POOL_1", "CG_1", owner_id="UR_2"),
        "PUT",
        LIST,
        body={"ownerId": "UR_2"},
    ),
    Case("MailingLists.delete", lambda r: r.delete("POOL_1", "CG_1"), "DELETE", LIST),
    Case("Contacts.list", lambda r: r.list("POOL_1", "CG_1"), "GET", f"{LIST}/contacts", "contacts", TOKENS),
    Case(
        "Contacts.list with everything",
        lambda r: r.list(
            "POOL_1", "CG_1", include_embedded=True, page_size=50, use_new_pagination_scheme=False
        ),
        "GET",
        f"{LIST}/contacts",
        "contacts",
        {"includeEmbedded": "true", "pageSize": "50", "useNewPaginationScheme": "false"},
    ),
    Case(
        "Contacts.create",
        lambda r: r.create("POOL_1", "CG_1", ContactCreate(email="noor@example.com", phone=None)),
        "POST",
        f"{LIST}/contacts",
        "contact_created",
        body={"email": "noor@example.com", "phone": None},
    ),
    Case(
        "Contacts.get", lambda r: r.get("POOL_1", "CG_1", "CID_1"), "GET", f"{LIST}/contacts/CID_1", "contact"
    ),
    Case(
        "Contacts.update",
        lambda r: r.update("POOL_1", "CG_1", "CID_1", ContactUpdate(unsubscribed=True)),
        "PUT",
        f"{LIST}/contacts/CID_1",
        body={"unsubscribed": True},
    ),
    Case(
        "Contacts.delete", lambda r: r.delete("POOL_1", "CG_1", "CID_1"), "DELETE", f"{LIST}/contacts/CID_1"
    ),
    Case(
        "Contacts.bounced",
        lambda r: r.bounced("POOL_1", "CG_1"),
        "GET",
        f"{LIST}/bouncedContacts",
        "contacts",
    ),
    Case(
        "Contacts.bounced since",
        lambda r: r.bounced("POOL_1", "CG_1", since=NOON, page_size=50),
        "GET",
        f"{LIST}/bouncedContacts",
        "contacts",
        {"since": "2026-07-01T12:00:00Z", "pageSize": "50"},
    ),
    Case(
        "Contacts.opted_out",
        lambda r: r.opted_out("POOL_1", "CG_1"),
        "GET",
        f"{LIST}/optedOutContacts",
        "contacts",
    ),
    Case(
        "Contacts.opted_out since",
        lambda r: r.opted_out("POOL_1", "CG_1", since="2026-07-01T12:00:00+00:00", page_size=50),
        "GET",
        f"{LIST}/optedOutContacts",
        "contacts",
        {"since": "2026-07-01T12:00:00Z", "pageSize": "50"},
    ),
    Case(
        "Contacts.history email",
        lambda r: r.history("POOL_1", "CG_1", "CID_1", type="email"),
        "GET",
        f"{LIST}/contacts/CID_1/history",
        "contact_history_email",
        {"type": "email"},
    ),
    Case(
        "Contacts.history response",
        lambda r: r.history("POOL_1", "CG_1", "CID_1", type="response"),
        "GET",
        f"{LIST}/contacts/CID_1/history",
        "contact_history_response",
        {"type": "response"},
    ),
    Case(
        "ContactImports.progress",
        lambda r: r.progress("POOL_1", "CG_1", "PGRS_1"),
        "GET",
        f"{LIST}/transactioncontacts/PGRS_1",
        "contact_import_running",
    ),
    Case(
        "ContactImports.report",
        lambda r: r.report("POOL_1", "PGRS_1"),
        "GET",
        "/directories/POOL_1/imports/api-import/jobs/PGRS_1/report",
        "import_report_page2",
    ),
    Case(
        "Distributions.list",
        lambda r: r.list("SV_1"),
        "GET",
        "/distributions",
        "distributions",
        {"surveyId": "SV_1", **TOKENS},
    ),
    Case(
        "Distributions.list with everything",
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
        "Distributions.get",
        lambda r: r.get("EMD_1", survey_id="SV_1"),
        "GET",
        "/distributions/EMD_1",
        "distribution",
        {"surveyId": "SV_1"},
    ),
    Case(
        "Distributions.create_links",
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
        "Distributions.create_links batch",
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
        "Distributions.create_email",
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
        "Distributions.create_email batch",
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
        "Distributions.links",
        lambda r: r.links("EMD_1", survey_id="SV_1"),
        "GET",
        "/distributions/EMD_1/links",
        "distribution_links_page1",
        {"surveyId": "SV_1"},
    ),
    Case(
        "Distributions.links sized",
        lambda r: r.links("EMD_1", survey_id="SV_1", page_size=100),
        "GET",
        "/distributions/EMD_1/links",
        "distribution_links_page2",
        {"surveyId": "SV_1", "pageSize": "100"},
    ),
    Case(
        "Distributions.history",
        lambda r: r.history("EMD_1"),
        "GET",
        "/distributions/EMD_1/history",
        "distribution_history",
    ),
    Case(
        "Distributions.create_reminder",
        lambda r: r.create_reminder(
            "EMD_1", message=MESSAGE, header=HEADER, send_date=NOON, embedded_data={"wave": "2"}
        ),
        "POST",
        "/distributions/EMD_1/reminders",
        "reminder_created",
        body={**MAIL, "embeddedData": {"wave": "2"}},
    ),
    Case(
        "Distributions.create_thank_you",
        lambda r: r.create_thank_you("EMD_1", message=MESSAGE, header=HEADER, send_date=NOON),
        "POST",
        "/distributions/EMD_1/thankyous",
        "reminder_created",
        body=MAIL,
    ),
    Case("Distributions.delete", lambda r: r.delete("EMD_1"), "DELETE", "/distributions/EMD_1"),
    Case("EventSubscriptions.list", lambda r: r.list(), "GET", "/eventsubscriptions", "event_subscriptions"),
    Case(
        "EventSubscriptions.create",
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
        "EventSubscriptions.create signed",
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
        "EventSubscriptions.get",
        lambda r: r.get("SUB_1"),
        "GET",
        "/eventsubscriptions/SUB_1",
        "event_subscription",
    ),
    Case(
        "EventSubscriptions.get nested",
        lambda r: r.get("SUB_1"),
        "GET",
        "/eventsubscriptions/SUB_1",
        "event_subscription_nested",
    ),
    Case("EventSubscriptions.delete", lambda r: r.delete("SUB_1"), "DELETE", "/eventsubscriptions/SUB_1"),
    Case(
        "EventSubscriptions.delete_all", lambda r: r.delete_all(confirm=True), "DELETE", "/eventsubscriptions"
    ),
]


async def run(call: Callable[[Any], Any], resource: object) -> Any:
    """Await a single call, fetch the first page of a listing."""
    made = call(resource)
    return await made.first_page() if isinstance(made, Paged) else await made


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_request_is_the_documented_one(case: Case) -> None:
    """Method, path, query and body are exactly these, and the answer decodes to a result."""
    recorder = Recorder(case.answer)
    resource = GROUPS[case.name.partition(".")[0]](recorder)
    result = asyncio.run(run(case.call, resource))
    assert (recorder.request.route.method, recorder.request.route.path) == (case.method, case.path)
    assert recorder.query == case.query
    assert recorder.sent == case.body
    assert (result is None) == (case.answer == "nothing")


def test_text_in_ids_is_quoted() -> None:
    """An id is one segment of the path, whatever it holds."""
    recorder = Recorder("survey")
    asyncio.run(Surveys(recorder).get("SV 1?x=ü"))
    assert recorder.request.route.path == "/surveys/SV%201%3Fx%3D%C3%BC"
