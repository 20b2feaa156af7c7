"""Calls around a directory's contacts, their transactions and the rules about them."""

from __future__ import annotations

from typing import Any

from calling import NOON, Case

from qualtrics_async.models.contact_filters import ContactFilter
from qualtrics_async.models.directory_contacts import DirectoryContactCreate, DirectoryContactUpdate
from qualtrics_async.models.frequency_rules import (
    FrequencyRuleCreate,
    FrequencyRuleLimitInput,
    FrequencyRuleUpdate,
)
from qualtrics_async.models.transactions import ContactTransactionCreate, ContactTransactionUpdate

POOL = "/directories/POOL_1"
CONTACT = f"{POOL}/contacts/CID_1"
BATCH = f"{POOL}/transactionbatches/BT_1"
LAST_NAME = ContactFilter(filter_type="lastName", comparison="eq", value="Sample")
LISTED = ContactFilter(filter_type="inList", comparison=True, mailing_list_id="CG_1")
SALE = ContactTransactionCreate(
    contact_id="CID_1", mailing_list_id="CG_1", transaction_date=NOON, data={"store": "Harbour"}
)
SOLD = {
    "contactId": "CID_1",
    "mailingListId": "CG_1",
    "transactionDate": "2026-07-01 12:00:00",
    "data": {"store": "Harbour"},
}

ARGUMENTS: dict[str, dict[str, Any]] = {
    "contacts.create": {"contact": DirectoryContactCreate()},
    "contacts.search": {"filter": LAST_NAME},
    "contacts.update": {"contact": DirectoryContactUpdate()},
    "frequency_rules.create": {"rule": FrequencyRuleCreate()},
    "frequency_rules.update": {"rule": FrequencyRuleUpdate()},
    "transactions.append": {"transaction": ContactTransactionUpdate()},
    "transactions.create": {"transactions": {"till": SALE}},
    "transactions.update": {"transaction": ContactTransactionUpdate()},
    "transaction_batches.transactions.add": {"transaction_ids": ["CTR_1"]},
}

CASES = [
    Case(
        "contacts.list",
        lambda r: r.list("POOL_1"),
        "GET",
        f"{POOL}/contacts",
        "directory_contacts",
        {"useNewPaginationScheme": "true"},
    ),
    Case(
        "contacts.list by offset",
        lambda r: r.list("POOL_1", page_size=1000, use_new_pagination_scheme=None),
        "GET",
        f"{POOL}/contacts",
        "directory_contacts",
        {"pageSize": "1000"},
    ),
    Case(
        "contacts.create",
        lambda r: r.create(
            "POOL_1",
            DirectoryContactCreate(
                first_name="Noor",
                last_name="Sample",
                email="noor@example.com",
                phone="+15550109999",
                ext_ref="p-1",
                embedded_data={"site": "north"},
                language="nl",
                unsubscribed=False,
            ),
        ),
        "POST",
        f"{POOL}/contacts",
        "directory_contact_created",
        body={
            "firstName": "Noor",
            "lastName": "Sample",
            "email": "noor@example.com",
            "phone": "+15550109999",
            "extRef": "p-1",
            "embeddedData": {"site": "north"},
            "language": "nl",
            "unsubscribed": False,
        },
    ),
    Case("contacts.get", lambda r: r.get("POOL_1", "CID_1"), "GET", CONTACT, "directory_contact"),
    Case(
        "contacts.get with segments",
        lambda r: r.get("POOL_1", "CID_1", include_segments=True),
        "GET",
        CONTACT,
        "directory_contact",
        {"includeSegments": "true"},
    ),
    Case(
        "contacts.update",
        lambda r: r.update("POOL_1", "CID_1", DirectoryContactUpdate(unsubscribed=True, phone=None)),
        "PUT",
        CONTACT,
        body={"unsubscribed": True, "phone": None},
    ),
    Case("contacts.delete", lambda r: r.delete("POOL_1", "CID_1"), "DELETE", CONTACT),
    Case(
        "contacts.search",
        lambda r: r.search("POOL_1", LAST_NAME),
        "POST",
        f"{POOL}/contacts/search",
        "contact_search_page1",
        body={"filter": {"filterType": "lastName", "comparison": "eq", "value": "Sample"}},
    ),
    Case(
        "contacts.search with everything",
        lambda r: r.search(
            "POOL_1", LAST_NAME & LISTED, include_embedded=True, include_segments=False, page_size=5
        ),
        "POST",
        f"{POOL}/contacts/search",
        "contact_search_page2",
        {"includeEmbedded": "true", "includeSegments": "false", "pageSize": "5"},
        body={
            "filter": {
                "conjunction": "and",
                "filters": [
                    {"filterType": "lastName", "comparison": "eq", "value": "Sample"},
                    {"filterType": "inList", "comparison": True, "mailingListId": "CG_1"},
                ],
            }
        },
    ),
    Case(
        "contacts.search in plain JSON",
        lambda r: r.search("POOL_1", {"filterType": "extRef", "comparison": "neq", "value": "p-1"}),
        "POST",
        f"{POOL}/contacts/search",
        "contact_search_page2",
        body={"filter": {"filterType": "extRef", "comparison": "neq", "value": "p-1"}},
    ),
    Case(
        "contacts.opted_out",
        lambda r: r.opted_out("POOL_1"),
        "GET",
        f"{POOL}/contacts/optedOutContacts",
        "directory_contacts_opted_out",
    ),
    Case(
        "contacts.opted_out since",
        lambda r: r.opted_out("POOL_1", since=NOON, page_size=50),
        "GET",
        f"{POOL}/contacts/optedOutContacts",
        "directory_contacts_opted_out",
        {"since": "2026-07-01T12:00:00Z", "pageSize": "50"},
    ),
    Case(
        "contacts.history email",
        lambda r: r.history("POOL_1", "CID_1", type="email"),
        "GET",
        f"{CONTACT}/history",
        "contact_history_email",
        {"type": "email"},
    ),
    Case(
        "contacts.history response",
        lambda r: r.history("POOL_1", "CID_1", type="response", page_size=100),
        "GET",
        f"{CONTACT}/history",
        "contact_history_response",
        {"type": "response", "pageSize": "100"},
    ),
    Case(
        "transactions.list",
        lambda r: r.list("POOL_1", "CID_1", page_size=200),
        "GET",
        f"{CONTACT}/transactions",
        "contact_transactions",
        {"pageSize": "200"},
    ),
    Case(
        "transactions.create",
        lambda r: r.create("POOL_1", {"till": SALE, "web": {**SOLD, "contactId": "CID_2"}}),
        "POST",
        f"{POOL}/transactions",
        "contact_transactions_created",
        body={"till": SOLD, "web": {**SOLD, "contactId": "CID_2"}},
    ),
    Case(
        "transactions.get",
        lambda r: r.get("POOL_1", "CTR_1"),
        "GET",
        f"{POOL}/transactions/CTR_1",
        "contact_transaction",
    ),
    Case(
        "transactions.append",
        lambda r: r.append("POOL_1", "CTR_1", ContactTransactionUpdate(data={"total": "12.50"})),
        "POST",
        f"{POOL}/transactions/CTR_1",
        body={"data": {"total": "12.50"}},
    ),
    Case(
        "transactions.update",
        lambda r: r.update(
            "POOL_1",
            "CTR_1",
            ContactTransactionUpdate(
                contact_id="CID_2", mailing_list_id="CG_2", transaction_date=NOON, data={}
            ),
        ),
        "PUT",
        f"{POOL}/transactions/CTR_1",
        body={
            "contactId": "CID_2",
            "mailingListId": "CG_2",
            "transactionDate": "2026-07-01 12:00:00",
            "data": {},
        },
    ),
    Case(
        "transactions.update in plain JSON",
        lambda r: r.update("POOL_1", "CTR_1", {"data": {"store": "Hill"}}),
        "PUT",
        f"{POOL}/transactions/CTR_1",
        body={"data": {"store": "Hill"}},
    ),
    Case(
        "transactions.delete", lambda r: r.delete("POOL_1", "CTR_1"), "DELETE", f"{POOL}/transactions/CTR_1"
    ),
    Case(
        "transaction_batches.list",
        lambda r: r.list("POOL_1", page_size=200),
        "GET",
        f"{POOL}/transactionbatches",
        "transaction_batches",
        {"pageSize": "200"},
    ),
    Case(
        "transaction_batches.create",
        lambda r: r.create("POOL_1"),
        "POST",
        f"{POOL}/transactionbatches",
        "transaction_batch_created",
        body={"transactionIds": []},
    ),
    Case(
        "transaction_batches.create with everything",
        lambda r: r.create("POOL_1", transaction_ids=("CTR_1", "CTR_2"), creation_date=NOON),
        "POST",
        f"{POOL}/transactionbatches",
        "transaction_batch_created",
        body={"transactionIds": ["CTR_1", "CTR_2"], "creationDate": "2026-07-01T12:00:00Z"},
    ),
    Case("transaction_batches.get", lambda r: r.get("POOL_1", "BT_1"), "GET", BATCH, "transaction_batch"),
    Case("transaction_batches.delete", lambda r: r.delete("POOL_1", "BT_1"), "DELETE", BATCH),
    Case(
        "transaction_batches.transactions.list",
        lambda r: r.list("POOL_1", "BT_1", page_size=200),
        "GET",
        f"{BATCH}/transactions",
        "batch_transactions",
        {"pageSize": "200"},
    ),
    Case(
        "transaction_batches.transactions.add",
        lambda r: r.add("POOL_1", "BT_1", ["CTR_1"]),
        "POST",
        f"{BATCH}/transactions",
        body={"transactionIds": ["CTR_1"]},
    ),
    Case(
        "transaction_batches.transactions.remove",
        lambda r: r.remove("POOL_1", "BT_1", "CTR_1"),
        "DELETE",
        f"{BATCH}/transactions/CTR_1",
    ),
    Case(
        "frequency_rules.list",
        lambda r: r.list("POOL_1", page_size=50),
        "GET",
        f"{POOL}/frequencyrules",
        "frequency_rules",
        {"pageSize": "50"},
    ),
    Case(
        "frequency_rules.create",
        lambda r: r.create(
            "POOL_1",
            FrequencyRuleCreate(
                target_type="mailingList",
                target_id="CG_1",
                target_ids=["CG_1"],
                email_type="invite",
                days_between=7,
                time_period_limit=FrequencyRuleLimitInput(period="month", num_messages=2),
                always_send=False,
                mutually_exclusive=True,
            ),
        ),
        "POST",
        f"{POOL}/frequencyrules",
        "frequency_rule_created",
        body={
            "targetType": "mailingList",
            "targetId": "CG_1",
            "targetIds": ["CG_1"],
            "emailType": "invite",
            "daysBetween": 7,
            "timePeriodLimit": {"period": "month", "numMessages": 2},
            "alwaysSend": False,
            "mutuallyExclusive": True,
        },
    ),
    Case(
        "frequency_rules.get",
        lambda r: r.get("POOL_1", "CFR_1"),
        "GET",
        f"{POOL}/frequencyrules/CFR_1",
        "frequency_rule",
    ),
    Case(
        "frequency_rules.update",
        lambda r: r.update("POOL_1", "CFR_1", FrequencyRuleUpdate(days_between=14)),
        "PUT",
        f"{POOL}/frequencyrules/CFR_1",
        body={"daysBetween": 14},
    ),
    Case(
        "frequency_rules.update in plain JSON",
        lambda r: r.update("POOL_1", "CFR_1", {"alwaysSend": True}),
        "PUT",
        f"{POOL}/frequencyrules/CFR_1",
        body={"alwaysSend": True},
    ),
    Case(
        "frequency_rules.delete",
        lambda r: r.delete("POOL_1", "CFR_1"),
        "DELETE",
        f"{POOL}/frequencyrules/CFR_1",
    ),
]
