"""Samples of the models around samples, segments, text messages and Research Core."""

from __future__ import annotations

from qualtrics_async.models._base import Model
from qualtrics_async.models.common import JobProgress
from qualtrics_async.models.research_core import (
    ResearchCoreContact,
    ResearchCoreMailingList,
    ResearchCoreSample,
)
from qualtrics_async.models.sample_definitions import SampleDefinition
from qualtrics_async.models.samples import Sample, SampleCreationProgress, SampleCreationStarted
from qualtrics_async.models.segments import Segment, SegmentContact, SegmentRefreshStarted
from qualtrics_async.models.sms_distributions import SmsDistribution, TextMessageRecipients, TextMessageStats
from qualtrics_async.models.whatsapp_distributions import WhatsappDistribution

SAMPLED: dict[type[Model], tuple[str, ...]] = {
    JobProgress: ("segment_refresh_running", "segment_refresh_finished", "segment_refresh_failed"),
    ResearchCoreContact: ("research_core_contact", "research_core_contacts"),
    ResearchCoreMailingList: ("research_core_mailing_list", "research_core_mailing_lists"),
    ResearchCoreSample: ("research_core_samples",),
    Sample: ("sample", "samples"),
    SampleCreationProgress: ("sample_creation_running", "sample_creation_finished", "sample_creation_failed"),
    SampleCreationStarted: ("sample_creation_started",),
    SampleDefinition: ("sample_definition", "sample_definitions"),
    Segment: ("segment", "segments"),
    SegmentContact: ("segment_contact", "segment_contacts"),
    SegmentRefreshStarted: ("segment_refresh_started",),
    SmsDistribution: ("sms_distribution", "sms_distributions"),
    WhatsappDistribution: ("whatsapp_distribution", "whatsapp_distributions"),
}
NESTED: set[type[Model]] = {TextMessageRecipients, TextMessageStats}
