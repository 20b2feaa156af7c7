"""Who may ask: one user with an API token, and bearer tokens with a lifetime."""

from __future__ import annotations

import secrets
from base64 import b64encode
from random import Random
from typing import TYPE_CHECKING

from qualtrics_async.sandbox.wire import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Credentials"]

_HEX = "0123456789abcdef"


class Credentials:
    """The credentials that a sandbox accepts. `lifetime` is in seconds of the sandbox's clock."""

    def __init__(self, seed: int, clock: Callable[[], float], lifetime: float) -> None:
        self._random = Random(seed)  # noqa: S311  # the same token for the same seed
        self._clock = clock
        self._expiry: dict[str, float] = {}
        self.lifetime = lifetime
        self.token = self.new_token()
        self._renewed: str | None = None
        self.client_id = self._new(32)
        self.client_secret = self._new(64)

    @property
    def current(self) -> str:
        """The API token that the user was given last."""
        return self._renewed or self.token

    def renew(self) -> str:
        """A new API token for the user; it ends the life of the one before, but never that of `token`."""
        self._renewed = self.new_token()
        return self._renewed

    def new_token(self) -> str:
        """What a token looks like."""
        return self._new(40)

    def issue(self) -> str:
        """A new bearer token."""
        token = self.new_token()
        self._expiry[token] = self._clock() + self.lifetime
        return token

    def expire(self) -> None:
        """End the life of every bearer token now."""
        self._expiry = dict.fromkeys(self._expiry, self._clock())

    def check_client(self, headers: Mapping[str, str]) -> bool:
        """Whether the Basic header names the client and its secret."""
        expected = b64encode(f"{self.client_id}:{self.client_secret}".encode()).decode()
        return _same(headers.get("Authorization", ""), f"Basic {expected}")

    def check(self, headers: Mapping[str, str]) -> None:
        """Refuse a request without valid credentials.

        The refusals of a missing header and of an unknown token are observed, of bearer tokens documented.
        """
        token = headers.get("X-API-TOKEN")
        if token is not None:
            if not (_same(token, self.token) or _same(token, self.current)):
                raise Refused(401, "DCD_7", "Unrecognized X-API-TOKEN.")
            return
        scheme, _, bearer = headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise Refused(400, "ATP_2", "No credentials were sent.")
        expiry = self._expiry.get(bearer)
        if expiry is None:
            raise Refused(401, "DCD_7", "The access token is not known in this datacenter.", request_id="")
        if self._clock() >= expiry:
            raise Refused(401, "AUTH_6.0", "The access token has expired.")

    def _new(self, length: int) -> str:
        return "".join(self._random.choices(_HEX, k=length))


def _same(given: str, expected: str) -> bool:
    return secrets.compare_digest(given.encode(), expected.encode())
