"""What operations take and answer: inert values that hold no client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qualtrics_async._lazy import lazy

if TYPE_CHECKING:
    from qualtrics_async.models.common import Created, JobProgress
    from qualtrics_async.models.contact_imports import (
        ContactImportProgress,
        ContactImportRow,
        ContactImportStarted,
        ImportReportEntry,
        TransactionMeta,
    )
    from qualtrics_async.models.contacts import (
        BounceInfo,
        Contact,
        ContactCreate,
        ContactCreated,
        ContactFields,
        ContactHistoryEntry,
        ContactUpdate,
        ListContact,
    )
    from qualtrics_async.models.directories import DeduplicationCriteria, Directory
    from qualtrics_async.models.distributions import (
        Distribution,
        DistributionHeaders,
        DistributionHistoryEntry,
        DistributionLink,
        DistributionMessage,
        DistributionRecipients,
        DistributionStats,
        DistributionSurveyLink,
        HeaderInput,
        MessageInput,
        MessageReference,
    )
    from qualtrics_async.models.event_subscriptions import EventSubscription
    from qualtrics_async.models.mailing_lists import MailingList
    from qualtrics_async.models.survey_definitions import (
        Block,
        Choice,
        FlowElement,
        QsfElement,
        Question,
        SurveyDefinition,
        SurveyOptions,
        SurveyQsf,
    )
    from qualtrics_async.models.surveys import ResponseCounts, Survey, SurveyExpiration, SurveySummary
    from qualtrics_async.models.users import WhoAmI

__all__ = [
    "Block",
    "BounceInfo",
    "Choice",
    "Contact",
    "ContactCreate",
    "ContactCreated",
    "ContactFields",
    "ContactHistoryEntry",
    "ContactImportProgress",
    "ContactImportRow",
    "ContactImportStarted",
    "ContactUpdate",
    "Created",
    "DeduplicationCriteria",
    "Directory",
    "Distribution",
    "DistributionHeaders",
    "DistributionHistoryEntry",
    "DistributionLink",
    "DistributionMessage",
    "DistributionRecipients",
    "DistributionStats",
    "DistributionSurveyLink",
    "EventSubscription",
    "FlowElement",
    "HeaderInput",
    "ImportReportEntry",
    "JobProgress",
    "ListContact",
    "MailingList",
    "MessageInput",
    "MessageReference",
    "QsfElement",
    "Question",
    "ResponseCounts",
    "Survey",
    "SurveyDefinition",
    "SurveyExpiration",
    "SurveyOptions",
    "SurveyQsf",
    "SurveySummary",
    "TransactionMeta",
    "WhoAmI",
]

_FILES = (
    "common",
    "contact_imports",
    "contacts",
    "directories",
    "distributions",
    "event_subscriptions",
    "mailing_lists",
    "survey_definitions",
    "surveys",
    "users",
)

if not TYPE_CHECKING:  # a checker that saw it would take any misspelt name for a model
    __getattr__ = lazy(__name__, __all__, _FILES)
