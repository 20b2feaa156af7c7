"""Divisions of the brand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qualtrics_async.sandbox.routing import Routes
from qualtrics_async.sandbox.wire import Refused, check_keys, check_texts, nested, result

if TYPE_CHECKING:
    from qualtrics_async.sandbox.wire import Body, Call

__all__ = ["routes"]

routes = Routes()


@routes("POST", "/divisions", "documented")
def create_division(call: Call) -> Body:
    """Documented: the keys, only the name is needed, and the id that comes back."""
    body = call.json()
    check_keys(body, ("name", "divisionAdmins", "permissions"), ("name",))
    check_texts(body, ("name",))
    made: dict[str, Any] = {
        "id": call.state.new_id("DV_"),
        "name": body["name"],
        "status": "Active",
        "divisionAdmins": _admins(body),
        "permissions": nested(body, "permissions"),
    }
    call.state.shelf("division").put(made["id"], record=made)
    return result({"id": made["id"]})


@routes("GET", "/divisions/{divisionId}", "assumed")
def get_division(call: Call) -> Body:
    """Assumed: what was written, with its id."""
    return result(call.state.shelf("division").find(call.ids[0]))


@routes("PUT", "/divisions/{divisionId}", "assumed")
def update_division(call: Call) -> Body:
    """Assumed: the keys are those that a client sends, and permissions are merged at their outermost."""
    division = call.state.shelf("division").find(call.ids[0])
    body = call.json()
    check_keys(body, ("name", "status", "permissions"))
    check_texts(body, ("name", "status"))
    permissions = division["permissions"] | nested(body, "permissions")
    division.update(body, permissions=permissions)
    return {}


def _admins(body: Body) -> list[str]:
    admins = body.get("divisionAdmins", [])
    if not isinstance(admins, list) or not all(isinstance(user_id, str) for user_id in admins):
        raise Refused(400, "PLACEHOLDER_400", "divisionAdmins must be a list of ids.")
    return admins
