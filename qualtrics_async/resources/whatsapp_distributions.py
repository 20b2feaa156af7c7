"""Distributions by WhatsApp."""

from __future__ import annotations

from datetime import datetime

from qualtrics_async._core.paging import Paged
from qualtrics_async._core.request import DELETE, GET, POST
from qualtrics_async.models.common import AnyCreated, Created
from qualtrics_async.models.distributions import MessageInput
from qualtrics_async.models.whatsapp_distributions import WhatsappDistribution
from qualtrics_async.resources._base import Resource, named
from qualtrics_async.resources._text_messages import list_recipients, text_message

__all__ = ["WhatsappDistributions"]


class WhatsappDistributions(Resource):
    """Surveys sent by WhatsApp. What is sent is assumed to be as for SMS; what is read, a client reads."""

    __slots__ = ()

    def list(self, survey_id: str, *, page_size: int | None = None) -> Paged[WhatsappDistribution]:
        """Every WhatsApp distribution of a survey."""
        query = {"surveyId": named(survey_id, "survey_id"), "pageSize": page_size}
        return self._paged(GET("/distributions/whatsapp"), WhatsappDistribution, query=query)

    async def create(
        self,
        *,
        name: str,
        survey_id: str,
        send_date: datetime | str,
        mailing_list_id: str,
        method: str = "Invite",
        message: MessageInput | None = None,
        contact_id: str | None = None,
        survey_link_expiration_date: datetime | str | None = None,
    ) -> Created:
        """Send a WhatsApp message to a mailing list or one contact of it; it is never sent twice.

        Assumed to be as for SMS: `contact_id` is the contact's *lookup id* in the list (`CGC_...`), and every
        method but `Interactive` needs a message.

        Raises:
            UsageError: where the message is missing, and for ids that are blank.
        """
        body = text_message(
            name=name,
            survey_id=survey_id,
            send_date=send_date,
            method=method,
            message=message,
            expires=survey_link_expiration_date,
        )
        target = {"recipients": list_recipients(mailing_list_id, contact_id)}
        return await self._send(POST("/distributions/whatsapp"), AnyCreated, body=body | target)

    async def get(self, whatsapp_distribution_id: str, *, survey_id: str) -> WhatsappDistribution:
        """One WhatsApp distribution, with the fates of its messages in `.stats`."""
        route = GET("/distributions/whatsapp/{whatsAppDistributionId}", whatsapp_distribution_id)
        return await self._send(
            route, WhatsappDistribution, query={"surveyId": named(survey_id, "survey_id")}
        )

    async def delete(self, whatsapp_distribution_id: str, *, survey_id: str) -> None:
        """Delete a WhatsApp distribution; that what is scheduled is not sent is assumed."""
        route = DELETE("/distributions/whatsapp/{whatsAppDistributionId}", whatsapp_distribution_id)
        return await self._send(route, None, query={"surveyId": named(survey_id, "survey_id")})
