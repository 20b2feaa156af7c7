"""The groups of operations as attributes of the client, each imported when it is first asked for."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from qualtrics_async.resources._base import Executor

if TYPE_CHECKING:
    from qualtrics_async.resources.audits import Audits
    from qualtrics_async.resources.automations import Automations
    from qualtrics_async.resources.client_certificates import ClientCertificates
    from qualtrics_async.resources.contact_exports import ContactExports
    from qualtrics_async.resources.contact_imports import ContactImports
    from qualtrics_async.resources.contacts import Contacts
    from qualtrics_async.resources.customer_data_requests import CustomerDataRequests
    from qualtrics_async.resources.datasets import Datasets
    from qualtrics_async.resources.directories import Directories
    from qualtrics_async.resources.directory_participants import DirectoryParticipants
    from qualtrics_async.resources.distributions import Distributions
    from qualtrics_async.resources.divisions import Divisions
    from qualtrics_async.resources.erasure_requests import ErasureRequests
    from qualtrics_async.resources.event_subscriptions import EventSubscriptions
    from qualtrics_async.resources.frequency_rules import FrequencyRules
    from qualtrics_async.resources.groups import Groups
    from qualtrics_async.resources.imported_data_projects import ImportedDataProjects
    from qualtrics_async.resources.legacy_response_exports import LegacyResponseExports
    from qualtrics_async.resources.legacy_response_imports import LegacyResponseImports
    from qualtrics_async.resources.libraries import Libraries
    from qualtrics_async.resources.mailing_list_contacts import MailingListContacts
    from qualtrics_async.resources.mailing_lists import MailingLists
    from qualtrics_async.resources.oauth_tokens import OauthTokens
    from qualtrics_async.resources.organizations import Organizations
    from qualtrics_async.resources.project_participants import ProjectParticipants
    from qualtrics_async.resources.research_core import ResearchCore
    from qualtrics_async.resources.response_deletions import ResponseDeletions
    from qualtrics_async.resources.response_edits import ResponseEdits
    from qualtrics_async.resources.response_exports import ResponseExports
    from qualtrics_async.resources.response_imports import ResponseImports
    from qualtrics_async.resources.response_updates import ResponseUpdates
    from qualtrics_async.resources.responses import Responses
    from qualtrics_async.resources.sample_definitions import SampleDefinitions
    from qualtrics_async.resources.samples import Samples
    from qualtrics_async.resources.segment_contacts import SegmentContacts
    from qualtrics_async.resources.segment_membership_exports import SegmentMembershipExports
    from qualtrics_async.resources.segments import Segments
    from qualtrics_async.resources.sessions import Sessions
    from qualtrics_async.resources.sms_distributions import SmsDistributions
    from qualtrics_async.resources.survey_definitions import SurveyDefinitions
    from qualtrics_async.resources.surveys import Surveys
    from qualtrics_async.resources.tickets import Tickets
    from qualtrics_async.resources.transaction_batches import TransactionBatches
    from qualtrics_async.resources.transactions import Transactions
    from qualtrics_async.resources.users import Users
    from qualtrics_async.resources.whatsapp_distributions import WhatsappDistributions
    from qualtrics_async.resources.workflows import Workflows

__all__ = ["ResourceGroups"]


class ResourceGroups(Executor):
    """One attribute a group, in the vendor's grouping, so that importing the client imports none of them."""

    @cached_property
    def audits(self) -> Audits:
        """The audit log: who did what, and exports of it."""
        from qualtrics_async.resources.audits import Audits

        return Audits(self)

    @cached_property
    def automations(self) -> Automations:
        """Automations and the files that they take (the automations file service)."""
        from qualtrics_async.resources.automations import Automations

        return Automations(self)

    @cached_property
    def client_certificates(self) -> ClientCertificates:
        """Client certificates of an organization, for mutual TLS."""
        from qualtrics_async.resources.client_certificates import ClientCertificates

        return ClientCertificates(self)

    @cached_property
    def contact_exports(self) -> ContactExports:
        """Exports of a directory's contacts, as jobs."""
        from qualtrics_async.resources.contact_exports import ContactExports

        return ContactExports(self)

    @cached_property
    def contact_imports(self) -> ContactImports:
        """Bulk imports of contacts into a mailing list, as jobs."""
        from qualtrics_async.resources.contact_imports import ContactImports

        return ContactImports(self)

    @cached_property
    def contacts(self) -> Contacts:
        """Contacts of a directory, and the search among them."""
        from qualtrics_async.resources.contacts import Contacts

        return Contacts(self)

    @cached_property
    def customer_data_requests(self) -> CustomerDataRequests:
        """What the brand knows of a customer (CCPA), as jobs."""
        from qualtrics_async.resources.customer_data_requests import CustomerDataRequests

        return CustomerDataRequests(self)

    @cached_property
    def datasets(self) -> Datasets:
        """Datasets and their records."""
        from qualtrics_async.resources.datasets import Datasets

        return Datasets(self)

    @cached_property
    def directories(self) -> Directories:
        """XM directories of the brand."""
        from qualtrics_async.resources.directories import Directories

        return Directories(self)

    @cached_property
    def directory_participants(self) -> DirectoryParticipants:
        """Participants of an employee directory."""
        from qualtrics_async.resources.directory_participants import DirectoryParticipants

        return DirectoryParticipants(self)

    @cached_property
    def distributions(self) -> Distributions:
        """Distributions: survey links and e-mails, reminders, thank-yous, history."""
        from qualtrics_async.resources.distributions import Distributions

        return Distributions(self)

    @cached_property
    def divisions(self) -> Divisions:
        """Divisions of the brand."""
        from qualtrics_async.resources.divisions import Divisions

        return Divisions(self)

    @cached_property
    def erasure_requests(self) -> ErasureRequests:
        """Erasure of personal data, which nothing brings back."""
        from qualtrics_async.resources.erasure_requests import ErasureRequests

        return ErasureRequests(self)

    @cached_property
    def event_subscriptions(self) -> EventSubscriptions:
        """Webhook subscriptions of the brand."""
        from qualtrics_async.resources.event_subscriptions import EventSubscriptions

        return EventSubscriptions(self)

    @cached_property
    def frequency_rules(self) -> FrequencyRules:
        """How often a contact of a directory may be asked."""
        from qualtrics_async.resources.frequency_rules import FrequencyRules

        return FrequencyRules(self)

    @cached_property
    def groups(self) -> Groups:
        """Groups of users and their members."""
        from qualtrics_async.resources.groups import Groups

        return Groups(self)

    @cached_property
    def imported_data_projects(self) -> ImportedDataProjects:
        """Imported data projects, their records and exports."""
        from qualtrics_async.resources.imported_data_projects import ImportedDataProjects

        return ImportedDataProjects(self)

    @cached_property
    def legacy_response_exports(self) -> LegacyResponseExports:
        """Deprecated: exports in the form before `response_exports`."""
        from qualtrics_async.resources.legacy_response_exports import LegacyResponseExports

        return LegacyResponseExports(self)

    @cached_property
    def legacy_response_imports(self) -> LegacyResponseImports:
        """Deprecated: imports in the form before `response_imports`."""
        from qualtrics_async.resources.legacy_response_imports import LegacyResponseImports

        return LegacyResponseImports(self)

    @cached_property
    def libraries(self) -> Libraries:
        """Libraries: messages, graphics, surveys, questions, blocks."""
        from qualtrics_async.resources.libraries import Libraries

        return Libraries(self)

    @cached_property
    def mailing_list_contacts(self) -> MailingListContacts:
        """Contacts of a mailing list."""
        from qualtrics_async.resources.mailing_list_contacts import MailingListContacts

        return MailingListContacts(self)

    @cached_property
    def mailing_lists(self) -> MailingLists:
        """Mailing lists of a directory."""
        from qualtrics_async.resources.mailing_lists import MailingLists

        return MailingLists(self)

    @cached_property
    def oauth_tokens(self) -> OauthTokens:
        """OAuth tokens that were given out."""
        from qualtrics_async.resources.oauth_tokens import OauthTokens

        return OauthTokens(self)

    @cached_property
    def organizations(self) -> Organizations:
        """The organization (brand) itself."""
        from qualtrics_async.resources.organizations import Organizations

        return Organizations(self)

    @cached_property
    def project_participants(self) -> ProjectParticipants:
        """Participants of an EX project."""
        from qualtrics_async.resources.project_participants import ProjectParticipants

        return ProjectParticipants(self)

    @cached_property
    def research_core(self) -> ResearchCore:
        """Retired: contacts and mailing lists before XM Directory."""
        from qualtrics_async.resources.research_core import ResearchCore

        return ResearchCore(self)

    @cached_property
    def response_deletions(self) -> ResponseDeletions:
        """Deletion of many responses, as jobs."""
        from qualtrics_async.resources.response_deletions import ResponseDeletions

        return ResponseDeletions(self)

    @cached_property
    def response_edits(self) -> ResponseEdits:
        """Edits of single answers, as jobs, and what was edited."""
        from qualtrics_async.resources.response_edits import ResponseEdits

        return ResponseEdits(self)

    @cached_property
    def response_exports(self) -> ResponseExports:
        """Exports of a survey's responses, as jobs, and the filters for them."""
        from qualtrics_async.resources.response_exports import ResponseExports

        return ResponseExports(self)

    @cached_property
    def response_imports(self) -> ResponseImports:
        """Imports of responses into a survey, as jobs."""
        from qualtrics_async.resources.response_imports import ResponseImports

        return ResponseImports(self)

    @cached_property
    def response_updates(self) -> ResponseUpdates:
        """Updates of the embedded data of many responses, as jobs."""
        from qualtrics_async.resources.response_updates import ResponseUpdates

        return ResponseUpdates(self)

    @cached_property
    def responses(self) -> Responses:
        """Single responses and the files in them."""
        from qualtrics_async.resources.responses import Responses

        return Responses(self)

    @cached_property
    def sample_definitions(self) -> SampleDefinitions:
        """How samples are drawn."""
        from qualtrics_async.resources.sample_definitions import SampleDefinitions

        return SampleDefinitions(self)

    @cached_property
    def samples(self) -> Samples:
        """Samples of a directory's contacts."""
        from qualtrics_async.resources.samples import Samples

        return Samples(self)

    @cached_property
    def segment_contacts(self) -> SegmentContacts:
        """Contacts of a segment."""
        from qualtrics_async.resources.segment_contacts import SegmentContacts

        return SegmentContacts(self)

    @cached_property
    def segment_membership_exports(self) -> SegmentMembershipExports:
        """Exports of which contacts came into segments and left them, as jobs."""
        from qualtrics_async.resources.segment_membership_exports import SegmentMembershipExports

        return SegmentMembershipExports(self)

    @cached_property
    def segments(self) -> Segments:
        """Segments of a directory, and their refreshes."""
        from qualtrics_async.resources.segments import Segments

        return Segments(self)

    @cached_property
    def sessions(self) -> Sessions:
        """Survey sessions: taking a survey page by page."""
        from qualtrics_async.resources.sessions import Sessions

        return Sessions(self)

    @cached_property
    def sms_distributions(self) -> SmsDistributions:
        """Distributions by SMS."""
        from qualtrics_async.resources.sms_distributions import SmsDistributions

        return SmsDistributions(self)

    @cached_property
    def survey_definitions(self) -> SurveyDefinitions:
        """Definitions of surveys: questions, blocks, flow, options, quotas, translations."""
        from qualtrics_async.resources.survey_definitions import SurveyDefinitions

        return SurveyDefinitions(self)

    @cached_property
    def surveys(self) -> Surveys:
        """Surveys as objects."""
        from qualtrics_async.resources.surveys import Surveys

        return Surveys(self)

    @cached_property
    def tickets(self) -> Tickets:
        """Tickets: their events, statuses and root causes."""
        from qualtrics_async.resources.tickets import Tickets

        return Tickets(self)

    @cached_property
    def transaction_batches(self) -> TransactionBatches:
        """Batches of transactions, which distributions can be sent to."""
        from qualtrics_async.resources.transaction_batches import TransactionBatches

        return TransactionBatches(self)

    @cached_property
    def transactions(self) -> Transactions:
        """Transactions of contacts."""
        from qualtrics_async.resources.transactions import Transactions

        return Transactions(self)

    @cached_property
    def users(self) -> Users:
        """Users of the brand, and who is calling."""
        from qualtrics_async.resources.users import Users

        return Users(self)

    @cached_property
    def whatsapp_distributions(self) -> WhatsappDistributions:
        """Distributions by WhatsApp."""
        from qualtrics_async.resources.whatsapp_distributions import WhatsappDistributions

        return WhatsappDistributions(self)

    @cached_property
    def workflows(self) -> Workflows:
        """Workflows: summaries, transfer to another workspace."""
        from qualtrics_async.resources.workflows import Workflows

        return Workflows(self)
