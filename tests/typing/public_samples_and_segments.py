"""What samples, segments, text messages and Research Core are to a type checker. Never run: mypy reads it."""

from __future__ import annotations

from typing import Any, assert_type

from qualtrics_async import Paged, Qualtrics
from qualtrics_async.models.common import Created, JobProgress
from qualtrics_async.models.contact_filters import ContactFilter
from qualtrics_async.models.contact_imports import FinishedContactImport
from qualtrics_async.models.contacts import ContactCreate, ListContact
from qualtrics_async.models.research_core import (
    ResearchCoreContact,
    ResearchCoreContactFields,
    ResearchCoreMailingList,
    ResearchCoreSample,
)
from qualtrics_async.models.sample_definitions import SampleDefinition
from qualtrics_async.models.samples import Sample, SampleCreationProgress, SampleCreationStarted
from qualtrics_async.models.segments import Segment, SegmentContact, SegmentRefreshStarted
from qualtrics_async.models.sms_distributions import SmsDistribution
from qualtrics_async.models.whatsapp_distributions import WhatsappDistribution


async def samples(client: Qualtrics, condition: ContactFilter) -> None:
    """A job's `run` gives the sample itself."""
    assert_type(client.samples.list("POOL_1"), Paged[Sample])
    assert_type(await client.samples.get("POOL_1", "SMPL_1"), Sample)
    assert_type(await client.samples.update("POOL_1", "SMPL_1", {"name": "Spring"}), None)
    assert_type(client.samples.contacts("POOL_1", "SMPL_1"), Paged[ListContact])
    creations = client.samples.creations
    assert_type(await creations.start("POOL_1", sample_definition_id="SD_1"), SampleCreationStarted)
    assert_type(await creations.progress("POOL_1", "PGRS_1"), SampleCreationProgress)
    assert_type(await creations.run("POOL_1", sample_definition_id="SD_1"), Sample)
    definitions = client.sample_definitions
    assert_type(definitions.list("POOL_1"), Paged[SampleDefinition])
    assert_type(await definitions.create("POOL_1", sample_criteria=condition), Created)
    assert_type(await definitions.get("POOL_1", "SD_1"), SampleDefinition)
    assert_type(await definitions.delete("POOL_1", "SD_1"), None)


async def segments(client: Qualtrics, condition: ContactFilter) -> None:
    """Criteria are filters, alone or combined, or the wire's object."""
    assert_type(client.segments.list("POOL_1"), Paged[Segment])
    assert_type(await client.segments.create("POOL_1", name="Sweet", criteria=condition), Created)
    both = condition & condition
    assert_type(await client.segments.create("POOL_1", name="Sweet", criteria=both), Created)
    assert_type(await client.segments.get("POOL_1", "SEG_1"), Segment)
    assert_type(await client.segments.update("POOL_1", "SEG_1", criteria={"filterGroup": {}}), None)
    refreshes = client.segments.refreshes
    assert_type(await refreshes.start("POOL_1", "SEG_1"), SegmentRefreshStarted)
    assert_type(await refreshes.progress("POOL_1", "SEG_1", "PGRS_1"), JobProgress)
    assert_type(await refreshes.run("POOL_1", "SEG_1"), JobProgress)
    assert_type(client.segment_contacts.list("POOL_1", "SEG_1"), Paged[SegmentContact])
    assert_type(await client.segment_contacts.get("POOL_1", "SEG_1", "CID_1"), SegmentContact)


async def text_messages(client: Qualtrics, when: str) -> None:
    """By SMS and by WhatsApp."""
    texts, chats = client.sms_distributions, client.whatsapp_distributions
    assert_type(texts.list("SV_1"), Paged[SmsDistribution])
    assert_type(await texts.create(name="Menu", survey_id="SV_1", send_date=when), Created)
    assert_type(await texts.get("SMSD_1", survey_id="SV_1"), SmsDistribution)
    assert_type(await texts.delete("SMSD_1", survey_id="SV_1"), None)
    assert_type(chats.list("SV_1"), Paged[WhatsappDistribution])
    made = await chats.create(name="Menu", survey_id="SV_1", send_date=when, mailing_list_id="CG_1")
    assert_type(made, Created)
    assert_type(await chats.get("WAD_1", survey_id="SV_1"), WhatsappDistribution)
    assert_type(await chats.delete("WAD_1", survey_id="SV_1"), None)


async def research_core(client: Qualtrics, contact: ResearchCoreContactFields) -> None:
    """Retired, and typed nevertheless."""
    old = client.research_core
    assert_type(old.mailing_lists.list(), Paged[ResearchCoreMailingList])
    assert_type(await old.mailing_lists.create(library_id="UR_1", name="Guests"), Created)
    assert_type(await old.mailing_lists.get("ML_1"), ResearchCoreMailingList)
    assert_type(old.contacts.list("ML_1"), Paged[ResearchCoreContact])
    assert_type(await old.contacts.create("ML_1", contact), Created)
    assert_type(await old.contacts.update("ML_1", "MLRP_1", contact), None)
    assert_type(await old.contact_imports.start("ML_1", [contact]), Created)
    assert_type(await old.contact_imports.run("ML_1", [contact]), JobProgress)
    assert_type(await old.contact_imports.summary("ML_1", "PGRS_1"), dict[str, Any])
    assert_type(old.samples.list("ML_1"), Paged[ResearchCoreSample])
    assert_type(old.samples.get("ML_1", "PL_1"), Paged[ResearchCoreContact])


async def imports(client: Qualtrics, contact: ContactCreate) -> None:
    """The whole of an import gives its last progress."""
    assert_type(await client.contact_imports.run("POOL_1", "CG_1", [contact]), FinishedContactImport)


def refused(client: Qualtrics, condition: ContactFilter) -> None:
    """What a checker must refuse; each ignored error is one that has to be there."""
    client.segments.create("POOL_1", "Sweet", condition)  # type: ignore[call-arg, unused-coroutine]  # must be an error
    client.segments.create("POOL_1", name="Sweet", criteria="email")  # type: ignore[arg-type, unused-coroutine]  # must be an error
    client.whatsapp_distributions.create(name="Menu", survey_id="SV_1", send_date="")  # type: ignore[call-arg, unused-coroutine]  # must be an error
