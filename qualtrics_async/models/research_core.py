"""Research Core: contacts and mailing lists before XM Directory, retired on 2026-06-30."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET, UnsetType, field

from qualtrics_async.models._base import Flag, Input, JsonList, JsonObject, Model

__all__ = [
    "ResearchCoreContact",
    "ResearchCoreContactFields",
    "ResearchCoreMailingList",
    "ResearchCoreSample",
]


class ResearchCoreMailingList(Model, frozen=True, kw_only=True):
    """A mailing list of a library (`ML_...`, observed)."""

    id: str
    library_id: str | None = None
    name: str | None = None
    category: str | None = None
    folder: str | None = None


class ResearchCoreContactFields(Input, kw_only=True):
    """What is written of a contact (used by clients); what is not set stays away.

    What was read as `external_data_reference` is written as `external_data_ref`.
    """

    first_name: str | UnsetType = UNSET
    last_name: str | UnsetType = UNSET
    email: str | UnsetType = UNSET
    external_data_ref: str | UnsetType = UNSET
    embedded_data: Mapping[str, Any] | UnsetType = UNSET
    language: str | UnsetType = UNSET
    unsubscribed: bool | UnsetType = UNSET


class ResearchCoreContact(Model, frozen=True, kw_only=True):
    """A contact of a mailing list (`MLRP_...`, observed). No source types the entries of the histories."""

    id: str
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    external_data_reference: str | None = None
    embedded_data: JsonObject | None = None
    language_raw: str | None = field(name="language", default=None)
    unsubscribed: Flag | None = None
    response_history: JsonList | None = None
    email_history: JsonList | None = None

    @property
    def language(self) -> str | None:
        """The contact's language; the wire may say `"null"` as text for none (observed)."""
        return None if self.language_raw == "null" else self.language_raw


class ResearchCoreSample(Model, frozen=True, kw_only=True):
    """A sample of a mailing list, in a listing (used by a client)."""

    id: str
    name: str | None = None
