"""Distributions: generated links and e-mails."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from qualtrics_async._core.paging import Paged
from qualtrics_async._core.request import DELETE, GET, POST, instant
from qualtrics_async.errors import UsageError
from qualtrics_async.models.common import AnyCreated, Created
from qualtrics_async.models.distributions import (
    Distribution,
    DistributionHistoryEntry,
    DistributionLink,
    HeaderInput,
    MessageInput,
)
from qualtrics_async.resources._base import Resource, given, named

__all__ = ["Distributions"]


class Distributions(Resource):
    """What was, or will be, sent to contacts about a survey. Instants are aware `datetime`s or ISO text."""

    __slots__ = ()

    def list(
        self,
        survey_id: str,
        *,
        distribution_request_type: str | None = None,
        mailing_list_id: str | None = None,
        send_start_date: datetime | str | None = None,
        send_end_date: datetime | str | None = None,
        page_size: int | None = None,
        use_new_pagination_scheme: bool | None = True,
    ) -> Paged[Distribution]:
        """Every distribution of a survey; `page_size` from 1 to 100 (documented).

        The token scheme is asked for by default: offsets are deprecated (documented).
        """
        query = {
            "surveyId": named(survey_id, "survey_id"),
            "distributionRequestType": distribution_request_type,
            "mailingListId": mailing_list_id,
            "sendStartDate": _optional(send_start_date, "send_start_date"),
            "sendEndDate": _optional(send_end_date, "send_end_date"),
            "pageSize": page_size,
            "useNewPaginationScheme": use_new_pagination_scheme,
        }
        return self._paged(GET("/distributions"), Distribution, query=query)

    async def get(self, distribution_id: str, *, survey_id: str) -> Distribution:
        """One distribution."""
        route = GET("/distributions/{distributionId}", distribution_id)
        return await self._send(route, Distribution, query={"surveyId": named(survey_id, "survey_id")})

    async def create_links(
        self,
        *,
        survey_id: str,
        mailing_list_id: str | None = None,
        transaction_batch_id: str | None = None,
        link_type: str = "Individual",
        description: str | None = None,
        expiration_date: datetime | str | None = None,
    ) -> Created:
        """Generate a link for every contact of a mailing list or transaction batch, and send nothing.

        `link_type` is `Individual`, `Multiple` or `Anonymous`. The survey must be active. The links come
        from `links()`, where those of a large list appear bit by bit.

        Raises:
            UsageError: unless exactly one of `mailing_list_id` and `transaction_batch_id` is given.
        """
        target = _one_of(mailing_list_id=mailing_list_id, transaction_batch_id=transaction_batch_id)
        batch = "TransactionBatch" if transaction_batch_id is not None else ""
        body = given(
            {
                "surveyId": named(survey_id, "survey_id"),
                "linkType": link_type,
                "description": description,
                "action": f"Create{batch}Distribution",
                "expirationDate": _optional(expiration_date, "expiration_date"),
            }
        )
        return await self._send(POST("/distributions"), AnyCreated, body=body | target)

    async def create_email(
        self,
        *,
        survey_id: str,
        message: MessageInput,
        header: HeaderInput,
        send_date: datetime | str,
        mailing_list_id: str | None = None,
        contact_id: str | None = None,
        transaction_batch_id: str | None = None,
        link_type: str = "Individual",
        expiration_date: datetime | str | None = None,
        embedded_data: Mapping[str, Any] | None = None,
    ) -> Created:
        """Send an e-mail with a link to a mailing list, one contact of it, or a transaction batch.

        `contact_id` is the contact's *lookup id* in the list (`CGC_...`, used by clients). `embedded_data`
        has up to 10 pairs (documented).

        Raises:
            UsageError: unless exactly one of `mailing_list_id` and `transaction_batch_id` is given; for
                one contact of a transaction batch, which the service cannot do.
        """
        recipients = _one_of(mailing_list_id=mailing_list_id, transaction_batch_id=transaction_batch_id)
        if contact_id is not None:
            if mailing_list_id is None:
                raise UsageError("contact_id needs the mailing_list_id that the contact is in")
            recipients["contactId"] = named(contact_id, "contact_id")
        link = {
            "surveyId": named(survey_id, "survey_id"),
            "expirationDate": _optional(expiration_date, "expiration_date"),
            "type": link_type,
        }
        mail = _mail(message, header, send_date, embedded_data)
        body = {**mail, "recipients": recipients, "surveyLink": given(link)}
        return await self._send(POST("/distributions"), AnyCreated, body=body)

    def links(
        self, distribution_id: str, *, survey_id: str, page_size: int | None = None
    ) -> Paged[DistributionLink]:
        """The link of every contact; empty or incomplete while the links are being generated.

        A distribution that generated no links answers with a fault, status 500 (used by a client). The
        largest `page_size` is documented nowhere.
        """
        query = {"surveyId": named(survey_id, "survey_id"), "pageSize": page_size}
        route = GET("/distributions/{distributionId}/links", distribution_id)
        return self._paged(route, DistributionLink, query=query)

    def history(
        self, distribution_id: str, *, page_size: int | None = None
    ) -> Paged[DistributionHistoryEntry]:
        """What became of the e-mail of every contact; refused for test e-mails (`CP_TD_GER_NP`, observed)."""
        route = GET("/distributions/{distributionId}/history", distribution_id)
        return self._paged(route, DistributionHistoryEntry, query={"pageSize": page_size})

    async def create_reminder(
        self,
        distribution_id: str,
        *,
        message: MessageInput,
        header: HeaderInput,
        send_date: datetime | str,
        embedded_data: Mapping[str, Any] | None = None,
    ) -> Created:
        """Send a reminder to those who have not answered; a distribution of its own."""
        route = POST("/distributions/{distributionId}/reminders", distribution_id)
        return await self._send(route, AnyCreated, body=_mail(message, header, send_date, embedded_data))

    async def create_thank_you(
        self,
        distribution_id: str,
        *,
        message: MessageInput,
        header: HeaderInput,
        send_date: datetime | str,
        embedded_data: Mapping[str, Any] | None = None,
    ) -> Created:
        """Thank those who have answered; a distribution of its own."""
        route = POST("/distributions/{distributionId}/thankyous", distribution_id)
        return await self._send(route, AnyCreated, body=_mail(message, header, send_date, embedded_data))

    async def delete(self, distribution_id: str) -> None:
        """Delete a distribution; what is scheduled is not sent."""
        return await self._send(DELETE("/distributions/{distributionId}", distribution_id), None)


def _optional(value: datetime | str | None, name: str) -> str | None:
    return None if value is None else instant(value, name)


def _one_of(*, mailing_list_id: str | None, transaction_batch_id: str | None) -> dict[str, object]:
    if (mailing_list_id is None) == (transaction_batch_id is None):
        raise UsageError("give exactly one of mailing_list_id and transaction_batch_id")
    if mailing_list_id is not None:
        return {"mailingListId": named(mailing_list_id, "mailing_list_id")}
    return {"transactionBatchId": named(transaction_batch_id or "", "transaction_batch_id")}


def _mail(
    message: MessageInput,
    header: HeaderInput,
    send_date: datetime | str,
    embedded_data: Mapping[str, Any] | None,
) -> dict[str, object]:
    mail = {
        "message": message,
        "header": header,
        "embeddedData": embedded_data,
        "sendDate": instant(send_date, "send_date"),
    }
    return given(mail)
