"""What operations on a directory's contacts do beyond building one request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from calling import check_refused
from recorder import Recorder

from qualtrics_async.models.contact_filters import ContactFilter
from qualtrics_async.resources.contacts import Contacts
from qualtrics_async.resources.transaction_batches import TransactionBatches
from qualtrics_async.resources.transactions import Transactions

NAIVE = datetime(2026, 7, 1)  # noqa: DTZ001  (the mistake that is tested)
LAST_NAME = ContactFilter(filter_type="lastName", comparison="eq", value="Sample")

REFUSED: list[tuple[str, Callable[[Recorder], Any]]] = [
    ("history type empty", lambda r: Contacts(r).history("POOL_1", "CID_1", type="")),
    ("since naive", lambda r: Contacts(r).opted_out("POOL_1", since=NAIVE)),
    ("no transactions", lambda r: Transactions(r).create("POOL_1", {})),
    ("one text for ids", lambda r: TransactionBatches(r).create("POOL_1", transaction_ids="CTR_1")),
    ("a blank among ids", lambda r: TransactionBatches(r).create("POOL_1", transaction_ids=["CTR_1", " "])),
    ("a batch of no instant", lambda r: TransactionBatches(r).create("POOL_1", creation_date=NAIVE)),
    ("nothing to add", lambda r: TransactionBatches(r).transactions.add("POOL_1", "BT_1", [])),
    ("one text to add", lambda r: TransactionBatches(r).transactions.add("POOL_1", "BT_1", "CTR_1")),
]


@pytest.mark.parametrize(("name", "call"), REFUSED, ids=[name for name, _ in REFUSED])
def test_what_cannot_be_meant_is_refused_before_any_request(
    name: str, call: Callable[[Recorder], Any]
) -> None:
    """The error is a UsageError and a ValueError, and nothing was sent."""
    assert isinstance(check_refused(call), ValueError)


def test_a_search_pages_by_token() -> None:
    """The token of a page goes into the query of the next, beside what was asked for; the body stays."""
    recorder = Recorder("contact_search_page1", "contact_search_page2")
    found = asyncio.run(Contacts(recorder).search("POOL_1", LAST_NAME, page_size=1).collect())
    assert [contact.contact_id for contact in found] == ["CID_8cOnTaCtOne001", "CID_8cOnTaCtTwo002"]
    assert [dict(request.query) for request in recorder.requests] == [
        {"pageSize": "1"},
        {"pageSize": "1", "skipToken": "MQ=="},
    ]
    assert [request.body for request in recorder.requests] == [{"filter": LAST_NAME}] * 2


def test_a_search_only_reads() -> None:
    """It is a POST that may be sent again, and that leaves nothing in doubt."""
    recorder = Recorder("contact_search_page2")
    asyncio.run(Contacts(recorder).search("POOL_1", LAST_NAME).first_page())
    assert recorder.request.idempotent
    assert recorder.request.safe
