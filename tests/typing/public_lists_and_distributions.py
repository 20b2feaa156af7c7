"""What lists, distributions and subscriptions are to a type checker. Never run: mypy reads it."""

from __future__ import annotations

from typing import assert_type

from qualtrics_async import Paged, Qualtrics
from qualtrics_async.models import (
    Contact,
    ContactCreate,
    ContactCreated,
    ContactUpdate,
    Created,
    Directory,
    Distribution,
    DistributionHistoryEntry,
    DistributionLink,
    EventSubscription,
    ImportReportEntry,
    MailingList,
)


async def lists(client: Qualtrics, new: ContactCreate, changed: ContactUpdate) -> None:
    """Lists of a directory, and who is in them."""
    assert_type(await client.directories.default(), Directory)
    found = client.mailing_lists
    assert_type(found.list("POOL_1"), Paged[MailingList])
    assert_type(await found.create("POOL_1", name="Guests"), Created)
    assert_type(await found.get("POOL_1", "CG_1"), MailingList)
    assert_type(await found.update("POOL_1", "CG_1", name="Friends"), None)
    assert_type(await found.delete("POOL_1", "CG_1"), None)
    contacts = client.mailing_list_contacts
    assert_type(await contacts.create("POOL_1", "CG_1", new), ContactCreated)
    assert_type(await contacts.get("POOL_1", "CG_1", "CID_1"), Contact)
    assert_type(await contacts.update("POOL_1", "CG_1", "CID_1", changed), None)
    assert_type(await contacts.delete("POOL_1", "CG_1", "CID_1"), None)
    assert_type(client.contact_imports.report("POOL_1", "PGRS_1"), Paged[ImportReportEntry])


async def distributions(client: Qualtrics) -> None:
    """What was sent, to whom, and the links."""
    sent = client.distributions
    assert_type(sent.list("SV_1"), Paged[Distribution])
    assert_type(await sent.get("EMD_1", survey_id="SV_1"), Distribution)
    assert_type(await sent.delete("EMD_1"), None)
    assert_type(sent.links("EMD_1", survey_id="SV_1"), Paged[DistributionLink])
    assert_type(sent.history("EMD_1"), Paged[DistributionHistoryEntry])


async def subscriptions(client: Qualtrics) -> None:
    """One at a time, or all of them with consent."""
    events = client.event_subscriptions
    assert_type(events.list(), Paged[EventSubscription])
    assert_type(await events.create(topics="*", publication_url="https://example.com/"), Created)
    assert_type(await events.get("SUB_1"), EventSubscription)
    assert_type(await events.delete("SUB_1"), None)
    assert_type(await events.delete_all(confirm=True), None)
