"""Subscriptions to events."""

from __future__ import annotations

from msgspec import UNSET

from qualtrics_async._core.paging import Paged
from qualtrics_async._core.request import DELETE, GET, POST
from qualtrics_async.errors import UsageError
from qualtrics_async.models.common import AnyCreated, Created
from qualtrics_async.models.event_subscriptions import (
    AnyEventSubscription,
    EventSubscription,
    EventSubscriptionCreate,
)
from qualtrics_async.resources._base import Resource, confirmed, named

__all__ = ["EventSubscriptions"]


class EventSubscriptions(Resource):
    """What the service publishes to addresses of yours; for brand administrators (documented).

    There is no update: create the new one, then delete the old. Duplicates are allowed (observed).
    """

    __slots__ = ()

    def list(self) -> Paged[EventSubscription]:
        """Every subscription of the brand."""
        return self._paged(GET("/eventsubscriptions"), EventSubscription)

    async def create(
        self, *, topics: str, publication_url: str, encrypt: bool = False, shared_key: str | None = None
    ) -> Created:
        """Subscribe to one topic, exact or with `*`: `surveyengine.completedResponse.SV_...`.

        With `shared_key` events are signed with HMAC-SHA512 (observed). How `encrypt` works is not
        documented, so nothing here can read such events.

        Raises:
            UsageError: before anything is sent; for a shared key that is no text, too, which would be another
                one when it is written.
        """
        body = EventSubscriptionCreate(
            topics=named(topics, "topics"),
            publication_url=named(publication_url, "publication_url"),
            encrypt=encrypt,
            shared_key=UNSET if shared_key is None else _key(shared_key),
        )
        return await self._send(POST("/eventsubscriptions"), AnyCreated, body=body)

    async def get(self, subscription_id: str) -> EventSubscription:
        """One subscription, with the number of its successful calls."""
        route = GET("/eventsubscriptions/{subscriptionId}", subscription_id)
        return await self._send(route, AnyEventSubscription)

    async def delete(self, subscription_id: str) -> None:
        """Delete one subscription."""
        return await self._send(DELETE("/eventsubscriptions/{subscriptionId}", subscription_id), None)

    async def delete_all(self, *, confirm: bool) -> None:
        """Delete every subscription of the brand, those of other programs too (observed).

        Raises:
            UsageError: unless `confirm` is literally `True`.
        """
        confirmed(confirm, "deletes every subscription of the brand")
        return await self._send(DELETE("/eventsubscriptions"), None, idempotent=False)


def _key(shared_key: object) -> str:
    """Refuse a key that would be written as another one, without quoting it."""
    if not isinstance(shared_key, str) or not shared_key.strip():
        raise UsageError("shared_key must be text that is not blank; bytes are to be decoded before")
    return shared_key
