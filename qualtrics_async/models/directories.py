"""Directories: the pools that contacts live in."""

from __future__ import annotations

from qualtrics_async.models._base import Flag, Model

__all__ = ["DeduplicationCriteria", "Directory"]


class DeduplicationCriteria(Model, frozen=True, kw_only=True):
    """What makes two contacts of a directory the same one."""

    email: Flag | None = None
    first_name: Flag | None = None
    last_name: Flag | None = None
    external_data_reference: Flag | None = None
    phone: Flag | None = None

    @property
    def active(self) -> bool:
        """Whether the directory deduplicates: then creating a contact twice updates the first one."""
        return any((self.email, self.first_name, self.last_name, self.external_data_reference, self.phone))


class Directory(Model, frozen=True, kw_only=True):
    """A directory (observed); `contact_count` only where the listing was asked to count (assumed)."""

    directory_id: str
    name: str | None = None
    contact_count: int | None = None
    is_default: Flag | None = None
    deduplication_criteria: DeduplicationCriteria | None = None

    @property
    def id(self) -> str:
        """The same as `directory_id`."""
        return self.directory_id
