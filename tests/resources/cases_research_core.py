"""Calls of Research Core, which is retired."""

from __future__ import annotations

from typing import Any

from calling import Case

from qualtrics_async.models.research_core import ResearchCoreContactFields

LISTS = "/mailinglists"
LIST = f"{LISTS}/ML_1"
CONTACT = f"{LIST}/contacts/MLRP_1"
ADA = ResearchCoreContactFields(
    first_name="Ada",
    last_name="Example",
    email="ada@example.com",
    external_data_ref="guest-1",
    embedded_data={"table": "4"},
    language="EN",
    unsubscribed=False,
)
ADA_WIRE = {
    "firstName": "Ada",
    "lastName": "Example",
    "email": "ada@example.com",
    "externalDataRef": "guest-1",
    "embeddedData": {"table": "4"},
    "language": "EN",
    "unsubscribed": False,
}

ARGUMENTS: dict[str, dict[str, Any]] = {
    "research_core.contacts.create": {"contact": ADA},
    "research_core.contacts.update": {"contact": ADA},
}

CASES = [
    Case(
        "research_core.mailing_lists.list",
        lambda r: r.list(),
        "GET",
        LISTS,
        "research_core_mailing_lists",
    ),
    Case(
        "research_core.mailing_lists.create",
        lambda r: r.create(library_id="UR_1", name="Guests"),
        "POST",
        LISTS,
        "research_core_mailing_list_created",
        body={"libraryId": "UR_1", "name": "Guests"},
    ),
    Case(
        "research_core.mailing_lists.create in a category",
        lambda r: r.create(library_id="UR_1", name="Guests", category="Canteen"),
        "POST",
        LISTS,
        "research_core_mailing_list_created",
        body={"libraryId": "UR_1", "name": "Guests", "category": "Canteen"},
    ),
    Case(
        "research_core.mailing_lists.get",
        lambda r: r.get("ML_1"),
        "GET",
        LIST,
        "research_core_mailing_list",
    ),
    Case(
        "research_core.mailing_lists.update",
        lambda r: r.update("ML_1", name="Old guests"),
        "PUT",
        LIST,
        body={"name": "Old guests"},
    ),
    Case(
        "research_core.mailing_lists.update the rest",
        lambda r: r.update("ML_1", library_id="UR_2", category="Archive"),
        "PUT",
        LIST,
        body={"libraryId": "UR_2", "category": "Archive"},
    ),
    Case("research_core.mailing_lists.delete", lambda r: r.delete("ML_1"), "DELETE", LIST),
    Case(
        "research_core.contacts.list",
        lambda r: r.list("ML_1"),
        "GET",
        f"{LIST}/contacts",
        "research_core_contacts",
    ),
    Case(
        "research_core.contacts.create",
        lambda r: r.create("ML_1", ADA),
        "POST",
        f"{LIST}/contacts",
        "research_core_contact_created",
        body=ADA_WIRE,
    ),
    Case(
        "research_core.contacts.get",
        lambda r: r.get("ML_1", "MLRP_1"),
        "GET",
        CONTACT,
        "research_core_contact",
    ),
    Case(
        "research_core.contacts.update",
        lambda r: r.update("ML_1", "MLRP_1", ResearchCoreContactFields(unsubscribed=True)),
        "PUT",
        CONTACT,
        body={"unsubscribed": True},
    ),
    Case("research_core.contacts.delete", lambda r: r.delete("ML_1", "MLRP_1"), "DELETE", CONTACT),
    Case(
        "research_core.contact_imports.start",
        lambda r: r.start("ML_1", [ADA, ResearchCoreContactFields(email="bram@example.com")]),
        "POST",
        f"{LIST}/contactimports",
        "research_core_import_started",
        body={"contacts": [ADA_WIRE, {"email": "bram@example.com"}]},
    ),
    Case(
        "research_core.contact_imports.progress",
        lambda r: r.progress("ML_1", "PGRS_1"),
        "GET",
        f"{LIST}/contactimports/PGRS_1",
        "research_core_import_running",
    ),
    Case(
        "research_core.contact_imports.summary",
        lambda r: r.summary("ML_1", "PGRS_1"),
        "GET",
        f"{LIST}/contactimports/PGRS_1/summary",
        "research_core_import_summary",
    ),
    Case(
        "research_core.samples.list",
        lambda r: r.list("ML_1"),
        "GET",
        f"{LIST}/samples",
        "research_core_samples",
    ),
    Case(
        "research_core.samples.get",
        lambda r: r.get("ML_1", "PL_1"),
        "GET",
        f"{LIST}/samples/PL_1",
        "research_core_contacts",
    ),
]
