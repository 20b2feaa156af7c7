"""The organization (brand) itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qualtrics_async.sandbox.routing import Routes
from qualtrics_async.sandbox.wire import Refused, result

if TYPE_CHECKING:
    from qualtrics_async.sandbox.wire import Body, Call

__all__ = ["check_organization", "routes"]

routes = Routes()


@routes("GET", "/organizations/{organizationId}", "documented", per_minute=5)
def get_organization(call: Call) -> Body:
    """Documented; the values are invented. `current` for the caller's own is observed as a route."""
    check_organization(call)
    state = call.state
    return result(
        {
            "id": state.brand_id,
            "name": "Sandbox brand",
            "baseUrl": f"https://{state.brand_id}.{state.datacenter}.qualtrics.com",
            "type": None,
            "status": "Active",
            "creationDate": "2020-01-01T00:00:00Z",
            "expirationDate": None,
            "stats": {},
        }
    )


def check_organization(call: Call) -> None:
    """Refuse any organization in the path but the caller's own. Assumed."""
    if call.ids[0] not in ("current", call.state.brand_id):
        raise Refused(404, "PLACEHOLDER_404", "No such organization.")
