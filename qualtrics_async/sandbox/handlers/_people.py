"""Contacts as listings have them, of a directory, of a list, of a segment or of a sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qualtrics_async.sandbox.state import iso

if TYPE_CHECKING:
    from qualtrics_async.sandbox.records import Contact
    from qualtrics_async.sandbox.wire import Body

__all__ = ["date", "opted_out", "person"]


def person(contact: Contact) -> Body:
    """What all of them have."""
    return {
        "contactId": contact.id,
        "firstName": contact.first_name,
        "lastName": contact.last_name,
        "email": contact.email,
        "phone": contact.phone,
        "extRef": contact.ext_ref,
        "language": contact.language,
    }


def opted_out(contact: Contact) -> Body:
    """A contact as listings of those who opted out have it. That dates are ISO 8601 is documented."""
    return person(contact) | {
        "directoryUnsubscribed": contact.unsubscribed,
        "directoryUnsubscribeDate": date(contact.unsubscribed_at),
    }


def date(milliseconds: int | None) -> str | None:
    """When somebody opted out, if at all."""
    return None if milliseconds is None else iso(milliseconds)
