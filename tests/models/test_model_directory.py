"""What the models around a directory's contacts mean beyond their fields."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from reading import read, rows

from qualtrics_async.errors import UsageError
from qualtrics_async.models.contact_filters import ContactFilter, ContactFilterGroup
from qualtrics_async.models.directory_contacts import ContactSearchResult, DirectoryContactDetails
from qualtrics_async.models.transaction_batches import TransactionBatch
from qualtrics_async.models.transactions import (
    ContactTransactionCreate,
    ContactTransactionsCreated,
    ContactTransactionUpdate,
)

OPTED_OUT = datetime(2026, 3, 2, 11, 22, 33, tzinfo=UTC)
NAIVE = datetime(2026, 3, 2)  # noqa: DTZ001  (the mistake that is tested)
BEFORE_TIME = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1)))
EMAIL = ContactFilter(filter_type="email", comparison="eq", value="noor@example.com")
LISTED = ContactFilter(filter_type="inList", comparison=True, mailing_list_id="CG_1")
NAMELESS = ContactFilter(filter_type="infoFieldState", comparison="empty", field="lastName")


def wire(value: object) -> Any:
    """What is sent."""
    return json.loads(msgspec.json.encode(value))


def test_memberships_are_read_whatever_they_call_their_date() -> None:
    """Lists and segments spell the date of an opt-out differently; both are instants."""
    contact = read(DirectoryContactDetails, rows("directory_contact")[0])
    north, south = contact.mailing_lists.values()
    assert (north.contact_lookup_id, north.name, north.owner_id) == (
        "CGC_1lOoKuPoNe0001",
        "North",
        "UR_2uSeRoFtEsT001",
    )
    assert (north.unsubscribed, north.unsubscribe_date) == (True, OPTED_OUT)
    assert (south.unsubscribed, south.unsubscribe_date) == (False, None)
    (segment,) = contact.segments.values()
    assert (segment.unsubscribed, segment.unsubscribe_date) == (True, OPTED_OUT)
    assert contact.segments.keys() == {"SG_3sEgMeNtOfT0001"}


def test_no_memberships_are_an_empty_mapping() -> None:
    """`[]` and null mean none."""
    contact = read(DirectoryContactDetails, rows("directory_contact_sparse")[0])
    assert (contact.mailing_lists, contact.segments) == ({}, {})


def test_what_is_found_has_the_usual_names_too() -> None:
    """A program that knows contacts from a listing need not learn other names."""
    found = read(ContactSearchResult, rows("contact_search_page1")[0])
    assert (found.contact_id, found.phone, found.ext_ref) == ("CID_8cOnTaCtOne001", "+15550109999", "p-1")
    assert [segment.name for segment in found.segments.values()] == ["Regulars"]
    assert read(ContactSearchResult, rows("contact_search_page2")[0]).segments == {}


def test_created_transactions_are_told_from_refused_ones() -> None:
    """Ids and reasons are under the names of the caller."""
    mixed = read(ContactTransactionsCreated, rows("contact_transactions_created")[0])
    assert mixed.ids == {"till": "CTR_7tRaNsAcTiOn01"}
    assert mixed.errors == {"web": "no such contact"}
    well = read(ContactTransactionsCreated, rows("contact_transactions_all_created")[0])
    assert (well.ids, well.errors) == ({"till": "CTR_7tRaNsAcTiOn01"}, {})


@pytest.mark.parametrize(
    ("why", "said"), [({"error": "E_1"}, "E_1"), ("late", "late"), ({}, "{}"), ({"x": 1}, "{'x': 1}")]
)
def test_a_reason_of_another_form_is_kept(why: object, said: str) -> None:
    """The form of refusals is only known from a client, so nothing is lost when it differs."""
    assert read(ContactTransactionsCreated, {"unprocessedTransactions": {"a": why}}).errors == {"a": said}


def test_batches_have_the_usual_name_of_an_id() -> None:
    """Distributions ask for it by another name."""
    assert read(TransactionBatch, rows("transaction_batch")[0]).id == "BT_6bAtChOfTeSt001"


def test_instants_lose_their_zone_in_utc() -> None:
    """Dates of transactions, and values of filters, are written in UTC without a zone and in seconds."""
    noon = datetime(2026, 7, 1, 14, 0, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
    made = ContactTransactionCreate(contact_id="CID_1", mailing_list_id="CG_1", transaction_date=noon)
    assert wire(made) == {
        "contactId": "CID_1",
        "mailingListId": "CG_1",
        "transactionDate": "2026-07-01 12:00:00",
    }
    assert wire(ContactTransactionUpdate(transaction_date=noon)) == {"transactionDate": "2026-07-01 12:00:00"}
    assert wire(ContactFilter(filter_type="created", comparison="gt", value=noon))["value"] == (
        "2026-07-01 12:00:00"
    )
    day = ContactFilter(filter_type="created", comparison="eq", value="2026-07-01")
    assert wire(day)["value"] == "2026-07-01"


@pytest.mark.parametrize("moment", [NAIVE, BEFORE_TIME])
def test_what_names_no_instant_is_refused(moment: datetime) -> None:
    """A naive date could mean any zone, and one before the calendar none."""
    with pytest.raises(UsageError, match="transaction_date"):
        ContactTransactionUpdate(transaction_date=moment)
    with pytest.raises(UsageError, match="value"):
        ContactFilter(filter_type="created", comparison="gt", value=moment)


def test_conditions_combine() -> None:
    """`&` and `|` make groups, and a group of the same kind grows instead of nesting."""
    three = EMAIL & LISTED & NAMELESS
    assert wire(three) == {
        "conjunction": "and",
        "filters": [
            {"filterType": "email", "comparison": "eq", "value": "noor@example.com"},
            {"filterType": "inList", "comparison": True, "mailingListId": "CG_1"},
            {"filterType": "infoFieldState", "comparison": "empty", "field": "lastName"},
        ],
    }
    assert three == EMAIL & (LISTED & NAMELESS)
    either = three | EMAIL
    assert wire(either) == {"conjunction": "or", "filters": [wire(three), wire(EMAIL)]}
    assert ContactFilterGroup(filters=[EMAIL, LISTED]) == EMAIL & LISTED


def test_no_condition_is_not_every_contact() -> None:
    """An empty group cannot be meant."""
    with pytest.raises(UsageError):
        ContactFilterGroup(filters=[])
