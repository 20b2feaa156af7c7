"""The operations, one class a group."""

from qualtrics_async.resources.contact_imports import ContactImports
from qualtrics_async.resources.contacts import Contacts
from qualtrics_async.resources.directories import Directories
from qualtrics_async.resources.distributions import Distributions
from qualtrics_async.resources.event_subscriptions import EventSubscriptions
from qualtrics_async.resources.mailing_lists import MailingLists
from qualtrics_async.resources.survey_definitions import SurveyDefinitions
from qualtrics_async.resources.surveys import Surveys
from qualtrics_async.resources.users import Users

__all__ = [
    "ContactImports",
    "Contacts",
    "Directories",
    "Distributions",
    "EventSubscriptions",
    "MailingLists",
    "SurveyDefinitions",
    "Surveys",
    "Users",
]
