"""Distributions: e-mails and individual links."""

from __future__ import annotations

import re
from datetime import datetime
from urllib.parse import unquote

from msgspec import UNSET, UnsetType, field

from qualtrics_async.errors import UsageError
from qualtrics_async.models._base import Input, Instant, JsonObject, Model, understood_flag

__all__ = [
    "Distribution",
    "DistributionHeaders",
    "DistributionHistoryEntry",
    "DistributionLink",
    "DistributionMessage",
    "DistributionRecipients",
    "DistributionStats",
    "DistributionSurveyLink",
    "HeaderInput",
    "MessageInput",
    "MessageReference",
]

_LOOKUP_ID = re.compile(r"[?&]Q_DL=[^_&#]+_[^&#]+_([^_&#]+_[^_&#]+)")


class MessageInput(Input, kw_only=True):
    """The text of an e-mail: a message of a library, or the text itself.

    Raises:
        UsageError: for both or neither of `message_id` and `message_text`, and for a message without
            its library.
    """

    library_id: str | UnsetType = UNSET
    message_id: str | UnsetType = UNSET
    message_text: str | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Refuse a message that cannot be meant."""
        if (self.message_id is UNSET) == (self.message_text is UNSET):
            raise UsageError("a message takes exactly one of message_id and message_text")
        if (self.library_id is UNSET) != (self.message_id is UNSET):
            raise UsageError("library_id and message_id belong together")


class HeaderInput(Input, kw_only=True):
    """The envelope of an e-mail."""

    from_name: str | UnsetType = UNSET
    from_email: str | UnsetType = UNSET
    reply_to_email: str | UnsetType = UNSET
    subject: str | UnsetType = UNSET


class MessageReference(Model, frozen=True, kw_only=True):
    """A message of a library."""

    library_id: str | None = None
    message_id: str | None = None


class DistributionHeaders(Model, frozen=True, kw_only=True):
    """The envelope of a distribution's e-mails; all `None` for links."""

    from_email: str | None = None
    from_name: str | None = None
    reply_to_email: str | None = None
    subject: str | None = None
    subject_message: MessageReference | None = None


class DistributionRecipients(Model, frozen=True, kw_only=True):
    """Who it is for. `mailing_list_id` may hold the id of a transaction batch (documented)."""

    mailing_list_id: str | None = None
    contact_id: str | None = None
    library_id: str | None = None
    sample_id: str | None = None


class DistributionMessage(Model, frozen=True, kw_only=True):
    """What it says; listings leave out `message_text` (documented)."""

    library_id: str | None = None
    message_id: str | None = None
    message_type: str | None = None
    message_text: str | None = None


class DistributionSurveyLink(Model, frozen=True, kw_only=True):
    """Where its links lead."""

    survey_id: str | None = None
    expiration_date: Instant | None = None
    link_type: str | None = None


class DistributionStats(Model, frozen=True, kw_only=True):
    """How many e-mails had which fate."""

    sent: int | None = None
    failed: int | None = None
    started: int | None = None
    bounced: int | None = None
    opened: int | None = None
    skipped: int | None = None
    finished: int | None = None
    complaints: int | None = None
    blocked: int | None = None


class Distribution(Model, frozen=True, kw_only=True):
    """A distribution (observed).

    `request_status` (`Pending`, `Done`, `Generated`) and `request_type` (`Invite`, `GeneratedInvite`, ...)
    are open vocabularies. `modified_date` may lie before `created_date` (documented). `embedded_data` is
    `None` in listings when several distributions share it.
    """

    id: str
    parent_distribution_id: str | None = None
    owner_id: str | None = None
    organization_id: str | None = None
    request_status: str | None = None
    request_type: str | None = None
    send_date: Instant | None = None
    created_date: Instant | None = None
    modified_date: Instant | None = None
    custom_headers: JsonObject | None = None
    headers: DistributionHeaders | None = None
    recipients: DistributionRecipients | None = None
    message: DistributionMessage | None = None
    survey_link: DistributionSurveyLink | None = None
    embedded_data: JsonObject | None = None
    stats: DistributionStats | None = None


class DistributionLink(Model, frozen=True, kw_only=True, gc=False):
    """The link of one contact (observed).

    `status` stays `"Email not sent"` for links that nobody sent; what became of them is in the history.
    """

    contact_id: str
    link: str
    transaction_id: str | None = None
    exceeded_contact_frequency: bool | None = None
    link_expiration: datetime | None = None
    status: str | None = None
    last_name: str | None = None
    first_name: str | None = None
    external_data_reference: str | None = None
    email: str | None = None
    phone: str | None = None
    unsubscribed_raw: bool | int | str | None = field(name="unsubscribed", default=None)

    @property
    def unsubscribed(self) -> bool | None:
        """Whether the contact opted out; older lists answer `"0"` and `"1"` (in a client's test data)."""
        return understood_flag(self.unsubscribed_raw)

    @property
    def contact_lookup_id(self) -> str | None:
        """The contact's membership in the list (`CGC_...`), read from the link's `Q_DL` parameter.

        Its form is `<distribution>_<survey without SV_>_<lookup id>`, the distribution with or without its
        `EMD_` (both observed).
        """
        found = _LOOKUP_ID.search(unquote(self.link))
        return found[1] if found else None


class DistributionHistoryEntry(Model, frozen=True, kw_only=True):
    """What became of one contact's e-mail (observed).

    `status` is an open vocabulary; `response_id` may be `"Anonymous"`, `contact_frequency_rule_id`
    `"RULE_DELETED"`.
    """

    contact_id: str | None = None
    contact_lookup_id: str | None = None
    distribution_id: str | None = None
    status: str | None = None
    survey_link: str | None = None
    contact_frequency_rule_id: str | None = None
    response_id: str | None = None
    response_completed_at: Instant | None = None
    sent_at: Instant | None = None
    opened_at: Instant | None = None
    response_started_at: Instant | None = None
    survey_session_id: str | None = None
