"""Who uses the service."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import UNSET, UnsetType

from qualtrics_async.models._base import Flag, Input, Instant, JsonObject, Model
from qualtrics_async.models.surveys import ResponseCounts

__all__ = ["ApiToken", "User", "UserCreate", "UserSummary", "UserUpdate", "WhoAmI"]


class WhoAmI(Model, frozen=True, kw_only=True):
    """The account that a credential belongs to (observed)."""

    brand_id: str
    user_id: str
    user_name: str | None = None
    account_type: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    datacenter: str | None = None
    language: str | None = None


class UserSummary(Model, frozen=True, kw_only=True):
    """A user in a listing, of the brand or of a group (used by clients)."""

    id: str
    division_id: str | None = None
    username: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    user_type: str | None = None
    email: str | None = None
    account_status: str | None = None


class User(Model, frozen=True, kw_only=True):
    """A user with everything known about the account (used by clients).

    `permissions` is a tree of switches whose names are documented nowhere.
    """

    id: str
    username: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    user_type: str | None = None
    organization_id: str | None = None
    division_id: str | None = None
    language: str | None = None
    account_status: str | None = None
    email: str | None = None
    unsubscribed: Flag | None = None
    account_creation_date: Instant | None = None
    account_expiration_date: Instant | None = None
    password_last_changed_date: Instant | None = None
    password_expiration_date: Instant | None = None
    last_login_date: Instant | None = None
    time_zone: str | None = None
    response_counts: ResponseCounts | None = None
    permissions: JsonObject | None = None
    identity_provider: str | None = None


class UserCreate(Input, kw_only=True):
    """A user to create. The first five are what every client sends; what is not set stays away.

    `account_expiration_date` is an aware `datetime` or ISO text. The password is not shown when this is
    printed.
    """

    username: str
    first_name: str
    last_name: str
    user_type: str
    email: str
    password: str | UnsetType = UNSET
    language: str | UnsetType = UNSET
    time_zone: str | UnsetType | None = UNSET
    division_id: str | UnsetType | None = UNSET
    account_expiration_date: datetime | str | UnsetType | None = UNSET

    def __repr__(self) -> str:
        return f"<UserCreate of type {self.user_type}>"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Show as little as `repr` does."""
        return [("user_type", self.user_type)]


class UserUpdate(Input, kw_only=True):
    """The fields of a user to change; what is not set stays as it is.

    `status` is what reads as `account_status` (`"Enabled"`, used by a client).
    """

    username: str | UnsetType = UNSET
    first_name: str | UnsetType = UNSET
    last_name: str | UnsetType = UNSET
    user_type: str | UnsetType = UNSET
    email: str | UnsetType = UNSET
    language: str | UnsetType = UNSET
    time_zone: str | UnsetType | None = UNSET
    division_id: str | UnsetType | None = UNSET
    account_expiration_date: datetime | str | UnsetType | None = UNSET
    status: str | UnsetType = UNSET
    permissions: Mapping[str, Any] | UnsetType = UNSET


class ApiToken(Model, frozen=True, kw_only=True):
    """The API token of a user: a secret, which is not shown when this is printed."""

    api_token: str

    def __repr__(self) -> str:
        return "<ApiToken>"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Show as little as `repr` does."""
        return []
