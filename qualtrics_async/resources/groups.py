"""Groups of users and their members."""

from __future__ import annotations

from qualtrics_async._core.paging import Paged
from qualtrics_async._core.request import DELETE, GET, POST, PUT
from qualtrics_async.models.common import Created
from qualtrics_async.models.groups import Group
from qualtrics_async.models.users import UserSummary
from qualtrics_async.resources._base import Resource, given, named

__all__ = ["GroupMembers", "Groups"]


class Groups(Resource):
    """Groups of users, which share projects and libraries.

    Group types are ids that no operation lists: read one from a group that exists.
    """

    __slots__ = ()

    @property
    def members(self) -> GroupMembers:
        """The users of a group."""
        return GroupMembers(self._executor)

    def list(self) -> Paged[Group]:
        """Every group of the brand."""
        return self._paged(GET("/groups"), Group)

    async def create(
        self,
        *,
        name: str,
        type: str,  # noqa: A002  (the wire's name)
        division_id: str | None = None,
    ) -> Created:
        """Create a group; `type` is the id of a group type."""
        body = {"type": named(type, "type"), "name": named(name, "name"), "divisionId": division_id}
        return await self._send(POST("/groups"), Created, body=given(body))

    async def get(self, group_id: str) -> Group:
        """One group."""
        return await self._send(GET("/groups/{groupId}", group_id), Group)

    async def update(
        self,
        group_id: str,
        *,
        name: str | None = None,
        type: str | None = None,  # noqa: A002  (the wire's name)
        division_id: str | None = None,
    ) -> None:
        """Change what is given of a group."""
        body = given({"type": type, "name": name, "divisionId": division_id})
        return await self._send(PUT("/groups/{groupId}", group_id), None, body=body)

    async def delete(self, group_id: str) -> None:
        """Delete a group; its users stay."""
        return await self._send(DELETE("/groups/{groupId}", group_id), None)


class GroupMembers(Resource):
    """The users of a group."""

    __slots__ = ()

    def list(self, group_id: str) -> Paged[UserSummary]:
        """Every user of a group."""
        return self._paged(GET("/groups/{groupId}/members", group_id), UserSummary)

    async def add(self, group_id: str, user_id: str) -> None:
        """Put a user into a group."""
        body = {"userId": named(user_id, "user_id")}
        return await self._send(POST("/groups/{groupId}/members", group_id), None, body=body)

    async def remove(self, group_id: str, user_id: str) -> None:
        """Take a user out of a group; the account stays."""
        return await self._send(DELETE("/groups/{groupId}/members/{userId}", group_id, user_id), None)
