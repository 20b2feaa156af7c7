"""Users as the wire has them."""

from __future__ import annotations

from typing import Any

__all__ = ["account"]


def account(
    user_id: str,
    brand_id: str,
    created: str,
    *,
    username: str,
    email: str,
    first_name: str,
    last_name: str,
    user_type: str,
    division_id: str | None = None,
    language: str = "en",
    time_zone: str | None = None,
    expires: str | None = None,
) -> dict[str, Any]:
    """Return a user who has never logged in, in the shape of the clients that read users."""
    return {
        "id": user_id,
        "username": username,
        "firstName": first_name,
        "lastName": last_name,
        "userType": user_type,
        "organizationId": brand_id,
        "divisionId": division_id,
        "language": language,
        "accountStatus": "active",
        "email": email,
        "unsubscribed": False,
        "accountCreationDate": created,
        "accountExpirationDate": expires,
        "passwordLastChangedDate": None,
        "passwordExpirationDate": None,
        "lastLoginDate": None,
        "timeZone": time_zone,
        "responseCounts": {"auditable": 0, "generated": 0, "deleted": 0},
        "permissions": {"controlPanel": {}},
        "identityProvider": None,
    }
