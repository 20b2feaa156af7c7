"""Who uses the service."""

from __future__ import annotations

from qualtrics_async.models._base import Model

__all__ = ["WhoAmI"]


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
