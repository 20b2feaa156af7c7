"""Distributions by WhatsApp."""

from __future__ import annotations

from qualtrics_async.models._base import Instant, Model
from qualtrics_async.models.distributions import DistributionMessage
from qualtrics_async.models.sms_distributions import TextMessageRecipients, TextMessageStats

__all__ = ["WhatsappDistribution"]


class WhatsappDistribution(Model, frozen=True, kw_only=True):
    """A distribution by WhatsApp, with the fields that a client reads; it resembles an SMS distribution."""

    id: str
    name: str | None = None
    survey_id: str | None = None
    owner_id: str | None = None
    organization_id: str | None = None
    request_status: str | None = None
    request_type: str | None = None
    send_date: Instant | None = None
    recipients: TextMessageRecipients | None = None
    message: DistributionMessage | None = None
    stats: TextMessageStats | None = None
