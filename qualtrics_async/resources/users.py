"""Accounts."""

from __future__ import annotations

from qualtrics_async._core.paging import Paged
from qualtrics_async._core.request import DELETE, GET, POST, PUT
from qualtrics_async.models.common import Created
from qualtrics_async.models.users import ApiToken, User, UserCreate, UserSummary, UserUpdate, WhoAmI
from qualtrics_async.resources._base import Resource, confirmed, dated

__all__ = ["UserApiToken", "Users"]


class Users(Resource):
    """The accounts of the brand; all but `whoami` is for brand administrators."""

    __slots__ = ()

    @property
    def api_token(self) -> UserApiToken:
        """The API tokens of users."""
        return UserApiToken(self._executor)

    def list(self) -> Paged[UserSummary]:
        """Every user of the brand."""
        return self._paged(GET("/users"), UserSummary)

    async def create(self, user: UserCreate) -> Created:
        """Create a user; it is never sent twice by itself."""
        return await self._send(POST("/users"), Created, body=dated(user, "account_expiration_date"))

    async def get(self, user_id: str) -> User:
        """One user with permissions and counts of responses."""
        return await self._send(GET("/users/{userId}", user_id), User)

    async def update(self, user_id: str, user: UserUpdate) -> None:
        """Change the fields of a user that are set."""
        return await self._send(
            PUT("/users/{userId}", user_id), None, body=dated(user, "account_expiration_date")
        )

    async def delete(self, user_id: str) -> None:
        """Delete a user."""
        return await self._send(DELETE("/users/{userId}", user_id), None)

    async def whoami(self) -> WhoAmI:
        """The account that the credential belongs to; the cheapest test of a credential."""
        return await self._send(GET("/whoami"), WhoAmI)


class UserApiToken(Resource):
    """The API token of a user: each has one at most (documented)."""

    __slots__ = ()

    async def create(self, user_id: str, *, confirm: bool) -> ApiToken:
        """Give a user a new API token, which ends the life of the one before at once (documented).

        For the caller's own user that is the token which this client goes on sending: make a new client.

        Raises:
            UsageError: unless `confirm` is literally `True`.
        """
        confirmed(confirm, "ends the life of the user's API token at once")
        return await self._send(POST("/users/{userId}/apitoken", user_id), ApiToken, private=True)

    async def get(self, user_id: str) -> ApiToken:
        """Read the API token of a user: a secret, in `.api_token`, that `repr` does not show."""
        return await self._send(GET("/users/{userId}/apitoken", user_id), ApiToken, private=True)
