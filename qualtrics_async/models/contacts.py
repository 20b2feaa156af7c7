"""Contacts of a mailing list.

A contact has two ids: `contact_id` (`CID_...`) names the person in the directory, `contact_lookup_id`
(`CGC_...`) the membership in one list.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET, UnsetType

from qualtrics_async.models._base import Flag, Input, Instant, JsonObject, Model

__all__ = [
    "BounceInfo",
    "Contact",
    "ContactCreate",
    "ContactCreated",
    "ContactFields",
    "ContactHistoryEntry",
    "ContactUpdate",
    "ListContact",
]


class ContactFields(Input, kw_only=True):
    """What every operation that writes a contact takes."""

    first_name: str | UnsetType | None = UNSET
    last_name: str | UnsetType | None = UNSET
    email: str | UnsetType | None = UNSET
    phone: str | UnsetType | None = UNSET
    ext_ref: str | UnsetType | None = UNSET
    embedded_data: Mapping[str, Any] | UnsetType | None = UNSET
    language: str | UnsetType | None = UNSET
    unsubscribed: bool | UnsetType | None = UNSET


class ContactCreate(ContactFields, kw_only=True):
    """A contact to create; what is not set stays away, `None` is sent as null.

    `unsubscribed` means this list, not the directory (documented). Embedded data: names up to 200
    characters, `Points` is reserved (documented).
    """

    private_embedded_data: Mapping[str, Any] | UnsetType | None = UNSET


class ContactUpdate(ContactFields, kw_only=True):
    """The fields of a contact to change; what is not set stays as it is, `None` is sent as null."""

    private_embedded_data: Mapping[str, Any] | UnsetType | None = UNSET


class ContactCreated(Model, frozen=True, kw_only=True):
    """The ids of a contact that was created, or of the duplicate that was updated instead (documented)."""

    id: str
    contact_lookup_id: str | None = None

    @property
    def contact_id(self) -> str:
        """The same as `id`, under the name that contacts have elsewhere."""
        return self.id


class ListContact(Model, frozen=True, kw_only=True, gc=False):
    """A contact in a listing (observed); `embedded_data` only where the listing was asked for it."""

    contact_id: str
    contact_lookup_id: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    phone: str | None = None
    ext_ref: str | None = None
    language: str | None = None
    unsubscribed: bool | None = None
    mailing_list_unsubscribed: bool | None = None
    embedded_data: JsonObject | None = None


class Contact(Model, frozen=True, kw_only=True):
    """A contact of a mailing list with everything known about it (documented)."""

    contact_id: str
    contact_lookup_id: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    email_domain: str | None = None
    phone: str | None = None
    ext_ref: str | None = None
    language: str | None = None
    creation_date: Instant | None = None
    last_modified: Instant | None = None
    embedded_data: JsonObject | None = None
    private_embedded_data: JsonObject | None = None
    directory_unsubscribed: Flag | None = None
    directory_unsubscribe_date: Instant | None = None
    mailing_list_unsubscribed: Flag | None = None
    mailing_list_unsubscribe_date: Instant | None = None
    stats: JsonObject | None = None


class BounceInfo(Model, frozen=True, kw_only=True):
    """Why an e-mail came back (documented); all but `type` only in the history of a list's contact."""

    type: str | None = None
    status_code: str | None = None
    reason: str | None = None
    blacklisted: Flag | None = None


class ContactHistoryEntry(Model, frozen=True, kw_only=True):
    """One e-mail or one response of a contact (documented); which fields are there depends on the type.

    The dates of a response are `date_started` and `date_completed` for a contact of the directory,
    `survey_started_date` and `survey_completed_date` for one of a mailing list.
    """

    distribution_id: str | None = None
    survey_id: str | None = None
    lookup_id: str | None = None
    date: Instant | None = None
    type: str | None = None
    result: str | None = None
    bounce_info: BounceInfo | None = None
    read: Flag | None = None
    response_id: str | None = None
    date_started: Instant | None = None
    date_completed: Instant | None = None
    survey_started_date: Instant | None = None
    survey_completed_date: Instant | None = None
    survey_finished: Flag | None = None
