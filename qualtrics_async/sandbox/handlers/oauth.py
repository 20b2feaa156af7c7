"""Bearer tokens for client credentials, and the listing of tokens.

Nothing makes listed tokens but `state.shelf("OAuth token").put(token_type, id, record={"id": id})`.
"""

from __future__ import annotations

from email.parser import BytesParser
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from qualtrics_async.sandbox.routing import Routes
from qualtrics_async.sandbox.wire import Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from qualtrics_async.sandbox.wire import Body, Call

__all__ = ["routes"]

routes = Routes()


class _OAuthRefused(Refused):
    """A refusal in the form of RFC 6749, which is assumed."""

    def body(self, new_request_id: Callable[[], str]) -> Body:  # noqa: ARG002
        return {"error": self.code, "error_description": self.message}


@routes("POST", "/oauth2/token", "documented", bare=True, base="")
def issue_token(call: Call) -> Body:
    """Documented: Basic credentials and a form, no envelope. How it refuses is assumed."""
    credentials = call.credentials
    if not credentials.check_client(call.headers):
        raise _OAuthRefused(401, "invalid_client", "The client is not known.")
    form = _form(call)
    if form.get("grant_type") != "client_credentials":
        raise _OAuthRefused(400, "unsupported_grant_type", "grant_type must be client_credentials.")
    return {
        "access_token": credentials.issue(),
        "token_type": "Bearer",
        "expires_in": int(credentials.lifetime),
        "scope": form.get("scope", ""),
    }


@routes("GET", "/oauthtokens/{tokenType}", "assumed", per_minute=500)
def list_tokens(call: Call) -> Body:
    """Assumed: pages of what was put there."""
    return call.page(call.state.shelf("OAuth token").under(call.ids[0]), dict)


@routes("POST", "/oauthtokens/{tokenType}/delete", "assumed")
def delete_tokens(call: Call) -> Body:
    """Assumed: tokens that have every key and value of the body go; an empty one is refused."""
    body = call.json()
    if not body:
        raise Refused(400, "PLACEHOLDER_400", "The body says of no token that it should go.")
    token_type, tokens = call.ids[0], call.state.shelf("OAuth token")
    for token in tokens.under(token_type):
        if all(token.get(key) == value for key, value in body.items()):
            tokens.remove(token_type, token["id"])
    return {}


def _form(call: Call) -> dict[str, str]:
    content_type = call.headers.get("Content-Type", "")
    if not content_type.startswith("multipart/"):
        return dict(parse_qsl(call.payload.decode("utf-8", "replace")))
    message = BytesParser().parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode() + call.payload)
    return {
        str(part.get_param("name", header="Content-Disposition")): str(part.get_payload()).strip()
        for part in message.walk()
        if not part.is_multipart()
    }
