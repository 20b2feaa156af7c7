"""What distributions by SMS and by WhatsApp have in common."""

from __future__ import annotations

from datetime import datetime

from qualtrics_async._core.request import instant
from qualtrics_async.errors import UsageError
from qualtrics_async.models.distributions import MessageInput
from qualtrics_async.resources._base import given, named, optional

__all__ = ["list_recipients", "text_message"]


def text_message(
    *,
    name: str,
    survey_id: str,
    send_date: datetime | str,
    method: str,
    message: MessageInput | None,
    expires: datetime | str | None,
) -> dict[str, object]:
    """The body without its recipients. Only the questions themselves go without a message (documented)."""
    if message is None and method != "Interactive":
        raise UsageError(f"the method {method!r:.40} needs a message")
    body = {
        "name": named(name, "name"),
        "surveyId": named(survey_id, "survey_id"),
        "sendDate": instant(send_date, "send_date"),
        "method": named(method, "method"),
        "message": message,
        "surveyLinkExpirationDate": optional(instant, expires, "survey_link_expiration_date"),
    }
    return given(body)


def list_recipients(mailing_list_id: str, contact_id: str | None) -> dict[str, object]:
    """A mailing list, or one contact of it."""
    recipients = {
        "mailingListId": named(mailing_list_id, "mailing_list_id"),
        # A blank contact must not turn a message to one person into one to the whole list.
        "contactId": optional(named, contact_id, "contact_id"),
    }
    return given(recipients)
