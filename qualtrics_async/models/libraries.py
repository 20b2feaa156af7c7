"""Libraries and their messages."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import UNSET, UnsetType

from qualtrics_async.errors import UsageError
from qualtrics_async.models._base import Input, JsonObject, Model

__all__ = [
    "Library",
    "LibraryMessage",
    "LibraryMessageCreate",
    "LibraryMessageSummary",
    "LibraryMessageUpdate",
]


class LibraryMessageCreate(Input, kw_only=True):
    """A message to create. `messages` has a text, or HTML, by language: `{"en": "Hello"}`.

    Categories that clients use: invite, inactiveSurvey, reminder, thankYou, endOfSurvey, general, validation,
    lookAndFeel, emailSubject, smsInvite.

    Raises:
        UsageError: for a message without a text in any language.
    """

    description: str
    category: str
    messages: Mapping[str, str]

    def __post_init__(self) -> None:
        """Refuse a message that says nothing."""
        if not self.messages:
            raise UsageError("a message has a text in at least one language")


class LibraryMessageUpdate(Input, kw_only=True):
    """What to change of a message; what is not set stays as it is (assumed).

    Raises:
        UsageError: for a change of nothing, and for a message without a text in any language.
    """

    description: str | UnsetType = UNSET
    category: str | UnsetType = UNSET
    messages: Mapping[str, str] | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Refuse a change that cannot be meant."""
        if self.description is UNSET and self.category is UNSET and not self.messages:
            raise UsageError("a change of a message names at least one thing that changes")
        if self.messages is not UNSET and not self.messages:
            raise UsageError("a message has a text in at least one language")


class Library(Model, frozen=True, kw_only=True):
    """A library: of a user (`UR_...`, `URH_...`), or shared by a group (`GR_...`)."""

    library_id: str
    library_name: str | None = None

    @property
    def id(self) -> str:
        """The same as `library_id`, under the name that ids have elsewhere."""
        return self.library_id


class LibraryMessageSummary(Model, frozen=True, kw_only=True):
    """A message in a listing, without its texts."""

    id: str
    description: str | None = None
    category: str | None = None


class LibraryMessage(Model, frozen=True, kw_only=True):
    """A message with its texts by language."""

    id: str | None = None
    description: str | None = None
    category: str | None = None
    messages: JsonObject | None = None
