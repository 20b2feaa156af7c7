"""Distributions by SMS."""

from __future__ import annotations

from datetime import datetime

from qualtrics_async._core.paging import Paged
from qualtrics_async._core.request import DELETE, GET, POST
from qualtrics_async.errors import UsageError
from qualtrics_async.models.common import AnyCreated, Created
from qualtrics_async.models.distributions import MessageInput
from qualtrics_async.models.sms_distributions import SmsDistribution
from qualtrics_async.resources._base import Resource, exactly_one, named
from qualtrics_async.resources._text_messages import list_recipients, text_message

__all__ = ["SmsDistributions"]


class SmsDistributions(Resource):
    """Surveys sent by SMS: as a link (`Invite`) or question by question (`Interactive`)."""

    __slots__ = ()

    def list(self, survey_id: str, *, page_size: int | None = None) -> Paged[SmsDistribution]:
        """Every SMS distribution of a survey."""
        query = {"surveyId": named(survey_id, "survey_id"), "pageSize": page_size}
        return self._paged(GET("/distributions/sms"), SmsDistribution, query=query)

    async def create(
        self,
        *,
        name: str,
        survey_id: str,
        send_date: datetime | str,
        method: str = "Invite",
        message: MessageInput | None = None,
        mailing_list_id: str | None = None,
        contact_id: str | None = None,
        transaction_batch_id: str | None = None,
        parent_distribution_id: str | None = None,
        survey_link_expiration_date: datetime | str | None = None,
    ) -> Created:
        """Send an SMS to a mailing list, one contact of it, or a transaction batch; it is never sent twice.

        `contact_id` is the contact's *lookup id* in the list (`CGC_...`, used by a client). The methods
        `Reminder` and `Thankyou` take a `parent_distribution_id` and no list (used by clients). Every method
        but `Interactive` needs a message (documented).

        Raises:
            UsageError: unless exactly one of list, batch and parent is given; for a contact without its
                list, and where the message is missing.
        """
        body = text_message(
            name=name,
            survey_id=survey_id,
            send_date=send_date,
            method=method,
            message=message,
            expires=survey_link_expiration_date,
        )
        target = _target(mailing_list_id, contact_id, transaction_batch_id, parent_distribution_id)
        return await self._send(POST("/distributions/sms"), AnyCreated, body=body | target)

    async def get(self, sms_distribution_id: str, *, survey_id: str) -> SmsDistribution:
        """One SMS distribution, with the fates of its messages in `.stats`."""
        route = GET("/distributions/sms/{smsDistributionId}", sms_distribution_id)
        return await self._send(route, SmsDistribution, query={"surveyId": named(survey_id, "survey_id")})

    async def delete(self, sms_distribution_id: str, *, survey_id: str) -> None:
        """Delete an SMS distribution; that what is scheduled is not sent is assumed."""
        route = DELETE("/distributions/sms/{smsDistributionId}", sms_distribution_id)
        return await self._send(route, None, query={"surveyId": named(survey_id, "survey_id")})


def _target(
    mailing_list_id: str | None,
    contact_id: str | None,
    transaction_batch_id: str | None,
    parent_distribution_id: str | None,
) -> dict[str, object]:
    exactly_one(
        mailing_list_id=mailing_list_id,
        transaction_batch_id=transaction_batch_id,
        parent_distribution_id=parent_distribution_id,
    )
    if mailing_list_id is not None:
        return {"recipients": list_recipients(mailing_list_id, contact_id)}
    if contact_id is not None:
        raise UsageError("contact_id goes with mailing_list_id, not with a batch or a parent")
    if transaction_batch_id is not None:
        return {"recipients": {"transactionBatchId": named(transaction_batch_id, "transaction_batch_id")}}
    return {"parentDistributionId": named(parent_distribution_id, "parent_distribution_id")}
