"""What the groups around a directory's contacts are to a type checker. Never run: mypy reads it."""

from __future__ import annotations

from typing import Any, assert_type

from qualtrics_async import Paged, Qualtrics
from qualtrics_async.models.common import Created
from qualtrics_async.models.contact_filters import ContactFilter, ContactFilterGroup
from qualtrics_async.models.contacts import ContactCreate, ContactHistoryEntry
from qualtrics_async.models.directory_contacts import (
    ContactMembership,
    ContactSearchResult,
    DirectoryContact,
    DirectoryContactCreate,
    DirectoryContactDetails,
    DirectoryContactUpdate,
    OptedOutContact,
    UnreachableContact,
)
from qualtrics_async.models.frequency_rules import FrequencyRule, FrequencyRuleCreate, FrequencyRuleUpdate
from qualtrics_async.models.transaction_batches import TransactionBatch
from qualtrics_async.models.transactions import (
    ContactTransaction,
    ContactTransactionCreate,
    ContactTransactionsCreated,
    ContactTransactionUpdate,
)


async def contacts(client: Qualtrics) -> None:
    """Listings and searches are of different elements."""
    assert_type(client.contacts.list("POOL_1"), Paged[DirectoryContact])
    assert_type(await client.contacts.create("POOL_1", DirectoryContactCreate()), Created)
    details = await client.contacts.get("POOL_1", "CID_1")
    assert_type(details, DirectoryContactDetails)
    assert_type(details.mailing_lists, dict[str, ContactMembership])
    await client.contacts.update("POOL_1", "CID_1", DirectoryContactUpdate())
    await client.contacts.delete("POOL_1", "CID_1")
    assert_type(client.contacts.opted_out("POOL_1"), Paged[OptedOutContact])
    assert_type(client.mailing_list_contacts.opted_out("POOL_1", "CG_1"), Paged[UnreachableContact])
    assert_type(client.contacts.history("POOL_1", "CID_1", type="email"), Paged[ContactHistoryEntry])


async def search(client: Qualtrics) -> None:
    """A filter, a group of filters, and plain JSON will do."""
    email = ContactFilter(filter_type="email", comparison="eq", value="noor@example.com")
    both = email & email
    assert_type(both, ContactFilterGroup)
    assert_type(both | email, ContactFilterGroup)
    assert_type(client.contacts.search("POOL_1", email), Paged[ContactSearchResult])
    assert_type(client.contacts.search("POOL_1", both), Paged[ContactSearchResult])
    assert_type(client.contacts.search("POOL_1", {"filterType": "email"}), Paged[ContactSearchResult])


async def transactions(client: Qualtrics) -> None:
    """Transactions are created under names, and batches have a group of their own for theirs."""
    sale = ContactTransactionCreate(
        contact_id="CID_1", mailing_list_id="CG_1", transaction_date="2026-07-01 12:00:00"
    )
    made = await client.transactions.create("POOL_1", {"till": sale})
    assert_type(made, ContactTransactionsCreated)
    assert_type(made.ids, dict[str, str])
    assert_type(await client.transactions.get("POOL_1", "CTR_1"), ContactTransaction)
    assert_type(client.transactions.list("POOL_1", "CID_1"), Paged[ContactTransaction])
    await client.transactions.append("POOL_1", "CTR_1", ContactTransactionUpdate(data={}))
    await client.transactions.update("POOL_1", "CTR_1", {"data": {}})
    assert_type(await client.transaction_batches.create("POOL_1"), Created)
    assert_type(await client.transaction_batches.get("POOL_1", "BT_1"), TransactionBatch)
    assert_type(client.transaction_batches.list("POOL_1"), Paged[TransactionBatch])
    assert_type(client.transaction_batches.transactions.list("POOL_1", "BT_1"), Paged[dict[str, Any]])
    await client.transaction_batches.transactions.add("POOL_1", "BT_1", ["CTR_1"])


async def frequency_rules(client: Qualtrics) -> None:
    """What the creation of a rule answers is not known."""
    assert_type(await client.frequency_rules.create("POOL_1", FrequencyRuleCreate()), dict[str, Any])
    assert_type(await client.frequency_rules.get("POOL_1", "CFR_1"), FrequencyRule)
    assert_type(client.frequency_rules.list("POOL_1"), Paged[FrequencyRule])
    await client.frequency_rules.update("POOL_1", "CFR_1", FrequencyRuleUpdate())


def refused(client: Qualtrics) -> None:
    """What a checker must refuse; each ignored error is one that has to be there."""
    client.contacts.search("POOL_1")  # type: ignore[call-arg]  # must be an error
    client.contacts.create("POOL_1", ContactCreate())  # type: ignore[arg-type, unused-coroutine]  # must be an error
    client.contacts.history("POOL_1", "CID_1")  # type: ignore[call-arg]  # must be an error
