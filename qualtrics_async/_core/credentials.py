"""Who is calling: an API token, or OAuth client credentials with a token that renews itself."""

from __future__ import annotations

import asyncio
import base64
import copy
import time
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from typing import Final, Protocol, TypeAlias

from msgspec import Struct

from qualtrics_async._core.request import POST, Request
from qualtrics_async.errors import QualtricsError
from qualtrics_async.models._base import Number

__all__ = ["ClientCredentials", "Credential", "TokenGrant", "api_token", "basic_auth", "nobody"]

_TOKEN_ROUTE: Final = POST("/oauth2/token", base="")
_MARGIN: Final = 60.0


class TokenGrant(Struct):
    """What `POST /oauth2/token` answers, without an envelope; `expires_in` in seconds."""

    access_token: str
    expires_in: Number
    token_type: str = "Bearer"  # noqa: S105  (the name of a scheme)
    scope: str | None = None


Fetch: TypeAlias = Callable[[Request[TokenGrant]], Awaitable[TokenGrant]]
"""Executes the token request, with `BasicAuth`, outside of the brand's limits."""


class Credential(Protocol):
    """What the engine needs to know of a credential."""

    @property
    def identity(self) -> str:
        """A name that tells credentials apart and gives nothing away."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be seen."""

    @property
    def header(self) -> tuple[str, str]:
        """The header that proves the identity; the same object until it changes."""

    @property
    def renewable(self) -> bool:
        """Whether `renew()` can help against a 401."""

    async def ensure(self) -> None:
        """Make `header` valid; returns at once when it is."""

    async def renew(self, refused: tuple[str, str]) -> None:
        """Replace the header that was refused, unless somebody has done so already."""

    async def aclose(self) -> None:
        """End what runs in the background."""


def _identity(secret: str) -> str:
    return blake2b(secret.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


class FixedHeader:
    """A credential that is one header, sent as it is."""

    renewable = False

    def __init__(self, header: tuple[str, str], *secrets: str) -> None:
        self.header = header
        self.secrets = secrets
        self.identity = _identity(secrets[0])

    def __repr__(self) -> str:
        return "<FixedHeader>"

    async def ensure(self) -> None:
        """Do nothing: the header is always there."""

    async def renew(self, refused: tuple[str, str]) -> None:
        """Do nothing: only a person can replace it."""

    async def aclose(self) -> None:
        """Do nothing: nothing runs."""


def api_token(token: str) -> FixedHeader:
    """Make the credential of an API token, which does not expire until its user makes a new one."""
    return FixedHeader(("X-API-TOKEN", token), token)


def basic_auth(client_id: str, client_secret: str) -> FixedHeader:
    """Make the credential with which OAuth tokens are asked for."""
    encoded = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
    return FixedHeader(("Authorization", f"Basic {encoded}"), client_secret, encoded)


def nobody() -> FixedHeader:
    """Make the credential of requests that must carry none: all that they say is that any type will do."""
    credential = FixedHeader(("Accept", "*/*"), "nobody")
    credential.secrets = ()
    return credential


class ClientCredentials:
    """OAuth 2.0 client credentials: one token for everybody, fetched once however many wait for it.

    The token is renewed a minute before it ends (or after nine tenths of a life shorter than ten minutes).
    """

    renewable = True

    def __init__(
        self,
        client_id: str,
        scopes: tuple[str, ...],
        fetch: Fetch,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.identity = _identity(client_id)
        self.secrets: tuple[str, ...] = ()
        self.header = ("Authorization", "Bearer")
        self._form = {"grant_type": "client_credentials"}
        if scopes:
            self._form["scope"] = " ".join(scopes)
        self._fetch = fetch
        self._clock = clock
        self._renew_at = float("-inf")
        self._flight: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return "<ClientCredentials>"

    async def ensure(self) -> None:
        """Fetch a token if there is none or if it is about to end."""
        if self._clock() >= self._renew_at:
            await self._single_flight()

    async def renew(self, refused: tuple[str, str]) -> None:
        """Fetch another token, unless the one that was refused has been replaced already."""
        if self.header is refused:
            await self._single_flight()

    async def aclose(self) -> None:
        """Cancel a fetch that nobody waits for any more."""
        flight = self._flight
        if flight is not None:
            flight.cancel()
            await asyncio.wait({flight})

    async def _single_flight(self) -> None:
        if self._flight is None:
            self._flight = asyncio.get_running_loop().create_task(self._renew())
            self._flight.add_done_callback(self._landed)
        # A waiter that is cancelled must not take the token away from the others.
        try:
            await asyncio.shield(self._flight)
        except QualtricsError as error:
            # Each waiter's error has a cursor and a traceback of its own.
            raise copy.copy(error) from error

    def _landed(self, flight: asyncio.Task[None]) -> None:
        self._flight = None
        if not flight.cancelled():
            flight.exception()

    async def _renew(self) -> None:
        asked = self._clock()
        grant = await self._fetch(
            Request(_TOKEN_ROUTE, TokenGrant, body=self._form, whole=True, form=True, private=True)
        )
        self.header = ("Authorization", f"Bearer {grant.access_token}")
        # An answer to a request with the token before may still be on its way.
        self.secrets = (grant.access_token, *self.secrets[:1])
        self._renew_at = asked + grant.expires_in - min(_MARGIN, grant.expires_in / 10)
