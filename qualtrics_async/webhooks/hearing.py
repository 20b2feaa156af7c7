"""What a listener hands out."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Generic, TypeVar

from qualtrics_async.webhooks.receiver import Counts, Receiver
from qualtrics_async.webhooks.serving import OwnServer
from qualtrics_async.webhooks.subscribing import Subscriptions
from qualtrics_async.webhooks.walking import Walk, Walks

__all__ = ["Events"]

T = TypeVar("T")


class Events(Generic[T]):
    """The events of a listener, until its `async with` ends; then each loop over them ends as well.

    Any number of tasks share them, each event comes out once, and what counts as handled is what does so with
    a `Receiver`. `await anext(events)` gives a single one.
    """

    def __init__(
        self, walks: Walks[T], receiver: Receiver, subscriptions: Subscriptions, server: OwnServer
    ) -> None:
        self._walks = walks
        self._receiver = receiver
        self._subscriptions = subscriptions
        self._server = server

    def __repr__(self) -> str:
        state = f"{len(self.subscription_ids)} subscriptions" if self._walks.is_open else "left"
        return f"<Events at {self.url}: {state}, {self.counts.accepted} accepted>"

    @property
    def url(self) -> str:
        """What is subscribed."""
        return self._subscriptions.url

    @property
    def port(self) -> int:
        """Where the server listens."""
        return self._server.port

    @property
    def subscription_ids(self) -> tuple[str, ...]:
        """The subscriptions, one for each topic that no other covers."""
        return self._subscriptions.ids

    @property
    def counts(self) -> Counts:
        """What became of the deliveries so far."""
        return self._receiver.counts

    @property
    def waiting(self) -> int:
        """How many events were accepted and not yet taken; with `fetch`, beside those that are being read."""
        return self._receiver.waiting

    def __aiter__(self) -> Walk[T]:
        return self._walks.here()

    def __anext__(self) -> Coroutine[Any, Any, T]:
        # The walk is chosen at once: what is returned may be awaited in another task, see `Walk`.
        return self._walks.here().__anext__()
