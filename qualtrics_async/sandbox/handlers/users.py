"""Users, their API tokens, and who is asking."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qualtrics_async.sandbox.accounts import account
from qualtrics_async.sandbox.routing import Routes
from qualtrics_async.sandbox.state import iso
from qualtrics_async.sandbox.wire import Refused, check_keys, check_texts, nested, result

if TYPE_CHECKING:
    from qualtrics_async.sandbox.state import State
    from qualtrics_async.sandbox.wire import Body, Call

__all__ = ["remove_user", "routes", "summary"]

routes = Routes()

_NEEDED = ("username", "firstName", "lastName", "userType", "email")
_NULLABLE = ("timeZone", "divisionId", "accountExpirationDate")
_CHANGEABLE = (*_NEEDED, *_NULLABLE, "language")
_SUMMARY = (*("id", "divisionId", "username", "firstName", "lastName", "userType", "email", "accountStatus"),)
_TOKENS = "API token"


@routes("GET", "/whoami", "observed")
def who_am_i(call: Call) -> Body:
    """Observed."""
    state = call.state
    user = state.shelf("user").find(state.user_id)
    return result(
        {
            "brandId": state.brand_id,
            "userId": user["id"],
            "userName": user["username"],
            "accountType": user["userType"],
            "firstName": user["firstName"],
            "lastName": user["lastName"],
            "email": user["email"],
            "datacenter": state.datacenter,
        }
    )


@routes("GET", "/users", "documented")
def list_users(call: Call) -> Body:
    """Documented: pages by offset; the keys are those that clients read."""
    return call.page(list(call.state.shelf("user")), summary, cursor="offset")


@routes("POST", "/users", "documented")
def create_user(call: Call) -> Body:
    """Documented: answers the id. The keys are those that clients send, which are needed is assumed."""
    body = call.json()
    check_keys(body, (*_CHANGEABLE, "password"), _NEEDED)
    _check(body)
    state = call.state
    user_id = state.new_id("UR_")
    record = account(
        user_id,
        state.brand_id,
        iso(state.now()),
        username=body["username"],
        email=body["email"],
        first_name=body["firstName"],
        last_name=body["lastName"],
        user_type=body["userType"],
        division_id=body.get("divisionId"),
        language=body.get("language", "en"),
        time_zone=body.get("timeZone"),
        expires=body.get("accountExpirationDate"),
    )
    state.shelf("user").put(user_id, record=record)
    return result({"id": user_id})


@routes("GET", "/users/{userId}", "documented")
def get_user(call: Call) -> Body:
    """Documented; the keys are those that clients read."""
    return result(call.state.shelf("user").find(call.ids[0]))


@routes("PUT", "/users/{userId}", "documented")
def update_user(call: Call) -> Body:
    """Documented: answers meta only. The keys are those that clients send; `status` reads otherwise."""
    user = call.state.shelf("user").find(call.ids[0])
    body = call.json()
    check_keys(body, (*_CHANGEABLE, "status", "permissions"))
    _check(body)
    permissions = nested(body, "permissions")
    user.update({key: body[key] for key in _CHANGEABLE if key in body})
    user["accountStatus"] = body.get("status", user["accountStatus"])
    user["permissions"] = user["permissions"] | permissions
    return {}


@routes("DELETE", "/users/{userId}", "documented")
def delete_user(call: Call) -> Body:
    """Documented: answers meta only. The user who asks cannot be deleted, which is assumed."""
    state = call.state
    user_id = state.shelf("user").find(call.ids[0])["id"]
    if user_id == state.user_id:
        raise Refused(400, "PLACEHOLDER_400", "Nobody can delete their own account.")
    remove_user(state, user_id)
    return {}


@routes("GET", "/users/{userId}/apitoken", "documented")
def get_api_token(call: Call) -> Body:
    """Documented; that a user without a token is refused is assumed."""
    user_id = call.state.shelf("user").find(call.ids[0])["id"]
    if user_id == call.state.user_id:
        return result({"apiToken": call.credentials.current})
    return result(call.state.shelf(_TOKENS).find(user_id))


@routes("POST", "/users/{userId}/apitoken", "documented")
def create_api_token(call: Call) -> Body:
    """Documented: the new token replaces the one before at once.

    Unlike at the vendor's, `sandbox.token` stays good when the sandbox's own user gets a new one, so that
    nothing that was given it is cut off; the new one is accepted until the next. Tokens of other users are
    kept, but nobody can ask with them.
    """
    user_id = call.state.shelf("user").find(call.ids[0])["id"]
    if user_id == call.state.user_id:
        return result({"apiToken": call.credentials.renew()})
    made = {"apiToken": call.credentials.new_token()}
    call.state.shelf(_TOKENS).put(user_id, record=made)
    return result(made)


def summary(user: Body) -> Body:
    """A user as listings have it."""
    return {key: user[key] for key in _SUMMARY}


def remove_user(state: State, user_id: str) -> None:
    """Forget a user, in every group too."""
    state.shelf("user").remove(user_id)
    for membership in [made for made in state.shelf("group member") if made["userId"] == user_id]:
        state.shelf("group member").remove(membership["groupId"], user_id)


def _check(body: Body) -> None:
    """Refuse anything but text, or null where a client sends it."""
    given = {key: value for key, value in body.items() if value is not None or key not in _NULLABLE}
    check_texts(given, (*_CHANGEABLE, "status", "password"))
