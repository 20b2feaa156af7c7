"""Samples of the models around lists, their contacts, imports, distributions and subscriptions."""

from __future__ import annotations

from qualtrics_async import models
from qualtrics_async.models._base import Model

SAMPLED: dict[type[Model], tuple[str, ...]] = {
    models.Contact: ("contact",),
    models.ContactCreated: ("contact_created",),
    models.ContactHistoryEntry: ("contact_history_email", "contact_history_response"),
    models.ContactImportProgress: (
        "contact_import_running",
        "contact_import_finished",
        "contact_import_failed",
    ),
    models.ContactImportStarted: ("contact_import_started",),
    models.Created: ("mailing_list_created", "distribution_created", "event_subscription_created"),
    models.Directory: ("directories",),
    models.Distribution: ("distribution", "distributions"),
    models.DistributionHistoryEntry: ("distribution_history",),
    models.DistributionLink: ("distribution_links_page1", "distribution_links_page2"),
    models.EventSubscription: ("event_subscription", "event_subscriptions"),
    models.ListContact: ("contacts",),
    models.MailingList: ("mailing_list", "mailing_list_documented", "mailing_lists"),
    models.Survey: ("survey",),
    models.SurveySummary: ("surveys",),
    models.WhoAmI: ("whoami",),
}
NESTED = {
    models.BounceInfo,
    models.DeduplicationCriteria,
    models.DistributionHeaders,
    models.DistributionMessage,
    models.DistributionRecipients,
    models.DistributionStats,
    models.DistributionSurveyLink,
    models.FinishedContactImport,
    models.ImportReportEntry,
    models.MessageReference,
    models.ResponseCounts,
    models.SurveyExpiration,
}
