"""Groups of users and their members."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qualtrics_async.sandbox.handlers.users import summary
from qualtrics_async.sandbox.routing import Routes
from qualtrics_async.sandbox.state import iso
from qualtrics_async.sandbox.wire import check_keys, check_texts, result

if TYPE_CHECKING:
    from qualtrics_async.sandbox.wire import Body, Call

__all__ = ["routes"]

routes = Routes()

_KEYS = ("type", "name", "divisionId")
_MEMBERS = "group member"


@routes("GET", "/groups", "documented", per_minute=600)
def list_groups(call: Call) -> Body:
    """Documented: pages by offset; the keys are those that clients read."""
    return call.page(list(call.state.shelf("group")), dict, cursor="offset")


@routes("POST", "/groups", "documented", per_minute=600)
def create_group(call: Call) -> Body:
    """Documented: answers the id. The keys are those that a client sends, which are needed is assumed."""
    body = call.json()
    check_keys(body, _KEYS, ("type", "name"))
    check_texts(body, _KEYS)
    state = call.state
    made = {
        "id": state.new_id("GR_"),
        "type": body["type"],
        "divisionId": body.get("divisionId"),
        "name": body["name"],
        "autoMembership": False,
        "creationDate": iso(state.now()),
        "creatorId": state.user_id,
    }
    state.shelf("group").put(made["id"], record=made)
    return result({"id": made["id"]})


@routes("GET", "/groups/{groupId}", "documented", per_minute=600)
def get_group(call: Call) -> Body:
    """Documented; the keys are those that clients read."""
    return result(_find(call))


@routes("PUT", "/groups/{groupId}", "documented", per_minute=600)
def update_group(call: Call) -> Body:
    """Documented: answers meta only. The keys are those that a client sends."""
    group = _find(call)
    body = call.json()
    check_keys(body, _KEYS)
    check_texts(body, _KEYS)
    group.update(body)
    return {}


@routes("DELETE", "/groups/{groupId}", "documented", per_minute=600)
def delete_group(call: Call) -> Body:
    """Documented: answers meta only. That the members' accounts stay is assumed."""
    group_id = _find(call)["id"]
    call.state.shelf("group").remove(group_id)
    for made in call.state.shelf(_MEMBERS).under(group_id):
        call.state.shelf(_MEMBERS).remove(group_id, made["userId"])
    return {}


@routes("GET", "/groups/{groupId}/members", "documented", per_minute=1000)
def list_members(call: Call) -> Body:
    """Documented: users as in their own listing."""
    members = call.state.shelf(_MEMBERS).under(_find(call)["id"])
    users = [call.state.shelf("user").find(made["userId"]) for made in members]
    return call.page(users, summary, cursor="offset")


@routes("POST", "/groups/{groupId}/members", "documented", per_minute=600)
def add_member(call: Call) -> Body:
    """Documented: answers meta only. That a user who is there already is no mistake is assumed."""
    group_id = _find(call)["id"]
    body = call.json()
    check_keys(body, ("userId",), ("userId",))
    check_texts(body, ("userId",))
    user_id = call.state.shelf("user").find(body["userId"])["id"]
    call.state.shelf(_MEMBERS).put(group_id, user_id, record={"groupId": group_id, "userId": user_id})
    return {}


@routes("DELETE", "/groups/{groupId}/members/{userId}", "documented")
def remove_member(call: Call) -> Body:
    """Documented: answers meta only."""
    call.state.shelf(_MEMBERS).remove(*call.ids)
    return {}


def _find(call: Call) -> Body:
    return call.state.shelf("group").find(call.ids[0])
