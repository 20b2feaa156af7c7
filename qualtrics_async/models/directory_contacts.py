"""Contacts of a directory, and what a search among them finds."""

from __future__ import annotations

from datetime import datetime

from qualtrics_async.models._base import Flag, Instant, JsonObject, Model
from qualtrics_async.models._view import View, views
from qualtrics_async.models.contacts import ContactFields

__all__ = [
    "ContactMembership",
    "ContactSearchResult",
    "DirectoryContact",
    "DirectoryContactCreate",
    "DirectoryContactDetails",
    "DirectoryContactUpdate",
    "OptedOutContact",
    "Person",
    "UnreachableContact",
]


class DirectoryContactCreate(ContactFields, kw_only=True):
    """A contact to create in the directory; what is not set stays away, `None` is sent as null.

    `unsubscribed` means the whole directory (assumed).
    """


class DirectoryContactUpdate(ContactFields, kw_only=True):
    """The fields of a contact to change; what is not set stays as it is, `None` is sent as null."""


class Person(Model, frozen=True, kw_only=True, gc=False):
    """What the listings of a directory have in common of a contact."""

    contact_id: str
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    phone: str | None = None
    ext_ref: str | None = None
    language: str | None = None


class DirectoryContact(Person, frozen=True, kw_only=True, gc=False):
    """A contact in a listing of the directory (documented)."""

    unsubscribed: Flag | None = None


class OptedOutContact(Person, frozen=True, kw_only=True, gc=False):
    """A contact that opted out of the directory, and when (documented)."""

    directory_unsubscribed: Flag | None = None
    directory_unsubscribe_date: Instant | None = None


class UnreachableContact(OptedOutContact, frozen=True, kw_only=True, gc=False):
    """A contact that opted out of a mailing list, or whose e-mails came back (documented).

    What is of the list, and when the contact was changed last, one client reads. The lookup id is not there.
    """

    mailing_list_unsubscribed: Flag | None = None
    mailing_list_unsubscribe_date: Instant | None = None
    last_modified_date: Instant | None = None


class ContactMembership(View):
    """A contact's place in a mailing list or a segment."""

    __slots__ = ()
    _title = "name"

    @property
    def contact_lookup_id(self) -> str | None:
        """The id of the contact in this list, which distributions to one contact want."""
        return self._text("contactLookupId")

    @property
    def name(self) -> str | None:
        """The name of the list or the segment."""
        return self._text("name")

    @property
    def owner_id(self) -> str | None:
        """The user whose it is."""
        return self._text("ownerId")

    @property
    def unsubscribed(self) -> bool | None:
        """Whether the contact opted out of it."""
        return self._flag("unsubscribed")

    @property
    def unsubscribe_date(self) -> datetime | None:
        """When the contact opted out; lists and segments call it by different names (documented)."""
        return self._instant("unsubscribeDate") or self._instant("unsubscribedDate")


class DirectoryContactDetails(Model, frozen=True, kw_only=True):
    """A contact of the directory with everything known about it (documented).

    `mailing_lists` and `segments` read the memberships; segments are there when they were asked for.
    """

    contact_id: str
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
    transaction_data: JsonObject | None = None
    directory_unsubscribed: Flag | None = None
    directory_unsubscribe_date: Instant | None = None
    mailing_list_membership: JsonObject | None = None
    segment_membership: JsonObject | None = None
    stats: JsonObject | None = None
    skipped: Flag | None = None
    write_blanks: Flag | None = None

    @property
    def mailing_lists(self) -> dict[str, ContactMembership]:
        """The contact's places in mailing lists, by the id of the list."""
        return views(ContactMembership, self.mailing_list_membership or {})

    @property
    def segments(self) -> dict[str, ContactMembership]:
        """The contact's places in segments, by the id of the segment."""
        return views(ContactMembership, self.segment_membership or {})


class ContactSearchResult(Model, frozen=True, kw_only=True):
    """A contact that a search found; several fields have other names than elsewhere (documented).

    `stats` by month are no longer updated (documented).
    """

    id: str
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    phone_number: str | None = None
    external_data_reference: str | None = None
    language: str | None = None
    creation_date: Instant | None = None
    last_modified: Instant | None = None
    unsubscribed: Flag | None = None
    unsubscribe_date: Instant | None = None
    embedded_data: JsonObject | None = None
    segment_membership: JsonObject | None = None
    stats: JsonObject | None = None

    @property
    def contact_id(self) -> str:
        """The same as `id`, under the name that contacts have elsewhere."""
        return self.id

    @property
    def phone(self) -> str | None:
        """The same as `phone_number`, under the name that contacts have elsewhere."""
        return self.phone_number

    @property
    def ext_ref(self) -> str | None:
        """The same as `external_data_reference`, under the name that contacts have elsewhere."""
        return self.external_data_reference

    @property
    def segments(self) -> dict[str, ContactMembership]:
        """The contact's places in segments, by the id of the segment."""
        return views(ContactMembership, self.segment_membership or {})
