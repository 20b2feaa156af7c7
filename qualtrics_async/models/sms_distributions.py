"""Distributions by text message."""

from __future__ import annotations

from qualtrics_async.models._base import Instant, Model
from qualtrics_async.models.distributions import (
    DistributionMessage,
    DistributionRecipients,
    DistributionSurveyLink,
)

__all__ = ["SmsDistribution", "TextMessageRecipients", "TextMessageStats"]


class TextMessageRecipients(DistributionRecipients, frozen=True, kw_only=True):
    """Who it is for; `contact_id` is a lookup id (used by a client)."""

    transaction_id: str | None = None
    transaction_batch_id: str | None = None


class TextMessageStats(Model, frozen=True, kw_only=True):
    """How many messages had which fate, and what they cost: credits, and parts that a text was cut into."""

    sent: int | None = None
    failed: int | None = None
    started: int | None = None
    finished: int | None = None
    credits: int | None = None
    segments: int | None = None


class SmsDistribution(Model, frozen=True, kw_only=True):
    """A distribution by SMS (used by clients). `request_status` and `request_type` are open vocabularies."""

    id: str
    name: str | None = None
    survey_id: str | None = None
    parent_distribution_id: str | None = None
    owner_id: str | None = None
    organization_id: str | None = None
    request_status: str | None = None
    request_type: str | None = None
    send_date: Instant | None = None
    created_date: Instant | None = None
    modified_date: Instant | None = None
    recipients: TextMessageRecipients | None = None
    message: DistributionMessage | None = None
    survey_link: DistributionSurveyLink | None = None
    stats: TextMessageStats | None = None
