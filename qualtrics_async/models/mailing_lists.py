"""Mailing lists of a directory."""

from __future__ import annotations

from msgspec.structs import force_setattr

from qualtrics_async.models._base import Instant, Model

__all__ = ["MailingList"]


class MailingList(Model, frozen=True, kw_only=True):
    """A mailing list. `contact_count` is approximate, and only there when it was asked for (observed).

    The wire calls the id `mailingListId` (observed) or `id` (documented in one place); both attributes
    always have it.
    """

    id: str = ""
    mailing_list_id: str = ""
    name: str | None = None
    owner_id: str | None = None
    creation_date: Instant | None = None
    last_modified_date: Instant | None = None
    contact_count: int | None = None

    def __post_init__(self) -> None:
        """Give both names of the id the one value that came."""
        found = self.mailing_list_id or self.id
        if not found:
            raise ValueError("expected `mailingListId` or `id`")
        force_setattr(self, "id", found)
        force_setattr(self, "mailing_list_id", found)
