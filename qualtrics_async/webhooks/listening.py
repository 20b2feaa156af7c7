"""Events as they happen: a server, its subscriptions and what comes in, in one block."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
from asyncio import CancelledError
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from ssl import SSLContext
from typing import Any, Final, Literal, TypedDict, Unpack, overload

from qualtrics_async._core.tasks import to_its_end
from qualtrics_async.client import Qualtrics
from qualtrics_async.errors import DeliveryError, QualtricsError, TimedOut, UsageError
from qualtrics_async.webhooks.events import Event
from qualtrics_async.webhooks.fetching import EventWithResponse, Fetching
from qualtrics_async.webhooks.hearing import Events
from qualtrics_async.webhooks.receiver import Receiver
from qualtrics_async.webhooks.serving import OwnServer
from qualtrics_async.webhooks.subscribing import Subscriptions, checked_topics, own_url
from qualtrics_async.webhooks.walking import Walks

__all__ = ["ListenOptions", "listen"]

_log = logging.getLogger("qualtrics_async")

_KEY_BYTES: Final = 24
"""32 characters as text."""

_PORTS: Final = range(65_536)


class ListenOptions(TypedDict, total=False):
    """What a listener can be told besides where it is.

    Keys:
        ssl: a server-side context, where no proxy does it.
        inbox: a file that keeps accepted events, see `Receiver`; none by default.
        queue_size: events that may wait; 10 000 by default. A delivery beyond is answered 503.
        max_age: seconds; refuses older events. Off by default: genuine redeliveries are old.
        on_refused: is told of each delivery that is refused; on the event loop, so it must not block.
        fetch_concurrency: how many responses are read at a time; 8 by default.
        fetch_deadline: seconds for which an unreadable response is asked for again; 120 by default.
        leave_within: seconds for unsubscribing; 10 by default.
    """

    ssl: SSLContext | None
    inbox: str | os.PathLike[str] | None
    queue_size: int
    max_age: float | None
    on_refused: Callable[[DeliveryError], object] | None
    fetch_concurrency: int
    fetch_deadline: float
    leave_within: float


@overload
def listen(
    client: Qualtrics,
    topics: str | Iterable[str],
    *,
    public_url: str,
    host: str = "127.0.0.1",
    port: int = 8080,
    shared_key: str | None = None,
    name: str = "qualtrics-async",
    fetch: Literal[False] = False,
    **options: Unpack[ListenOptions],
) -> AbstractAsyncContextManager[Events[Event]]: ...


@overload
def listen(
    client: Qualtrics,
    topics: str | Iterable[str],
    *,
    public_url: str,
    host: str = "127.0.0.1",
    port: int = 8080,
    shared_key: str | None = None,
    name: str = "qualtrics-async",
    fetch: Literal[True],
    **options: Unpack[ListenOptions],
) -> AbstractAsyncContextManager[Events[EventWithResponse]]: ...


@overload
def listen(
    client: Qualtrics,
    topics: str | Iterable[str],
    *,
    public_url: str,
    host: str = "127.0.0.1",
    port: int = 8080,
    shared_key: str | None = None,
    name: str = "qualtrics-async",
    fetch: bool,
    **options: Unpack[ListenOptions],
) -> AbstractAsyncContextManager[Events[Event] | Events[EventWithResponse]]: ...


def listen(
    client: Qualtrics,
    topics: str | Iterable[str],
    *,
    public_url: str,
    host: str = "127.0.0.1",
    port: int = 8080,
    shared_key: str | None = None,
    name: str = "qualtrics-async",
    fetch: bool = False,
    **options: Unpack[ListenOptions],
) -> AbstractAsyncContextManager[Any]:
    """Hear of events: serve, subscribe, hand out what is delivered, and unsubscribe on the way out.

    ```python
    async with webhooks.listen(client, topics.ALL, public_url="https://hooks.example.com") as events:
        async for event in events: ...
    ```

    Subscribing takes a brand administrator (documented). Subscriptions of other URLs are left alone, so that
    processes under other names live beside this one; those of exactly this URL, which a crash left, are
    replaced. A successor under the same name takes over from a process that still runs.

    Leaving deletes the subscriptions whatever ends the block, however often the task is cancelled. From then
    on deliveries are answered 503; with an `inbox` they are kept until the server is closed. What was
    accepted and not handed out is in the inbox for the next time, or lost, which is logged.

    Args:
        client: which subscribes; open for longer than this block.
        topics: one or several, see `webhooks.topics`; each is a subscription.
        public_url: where the service reaches `host` and `port`, usually a proxy or a tunnel. Subscribed is
            `name` below it; a proxy may take away what stands before the name.
        host: where to listen.
        port: 0 takes a free one.
        shared_key: signs events; a random one by default, with which deliveries of events from before a
            restart are refused: name one in production.
        name: letters, digits, `-` and `_`. One process at a time can have it.
        fetch: hands out each event with the response that it is about, read through the client, as they
            become readable: not in the order of the events.
        options: see `ListenOptions`.

    Raises:
        UsageError: at once, for arguments that cannot be meant.
        OSError: on entering, when it cannot listen; nothing was subscribed then.
        JournalError: on entering, when the inbox cannot be used.
        QualtricsError: on entering, when it cannot subscribe; on leaving, when it cannot unsubscribe. Where
            the block raised something itself, that leaves, with a note.
    """
    if shared_key is not None and not shared_key.strip():
        raise UsageError("a blank shared key protects nothing; leave it out for a random one")
    if port not in _PORTS:
        raise UsageError(f"a port is a number from 0 to {_PORTS[-1]}, got {port!r:.40}")
    url = own_url(public_url, name)
    key = shared_key or secrets.token_urlsafe(_KEY_BYTES)
    subscriptions = Subscriptions(client, url, checked_topics(topics), key)
    return _listening(_Block(client, subscriptions, key, name, fetch=fetch, **options), host, port)


@asynccontextmanager
async def _listening(block: _Block, host: str, port: int) -> AsyncGenerator[Any]:
    try:
        await block.enter(host, port)
        yield block.events()
    except BaseException as ended:
        await block.leave(ended)
        raise
    else:
        await block.leave(None)


class _Block:
    """What is open inside of the `async with`, and how all of it is closed."""

    def __init__(
        self,
        client: Qualtrics,
        subscriptions: Subscriptions,
        shared_key: str,
        name: str,
        *,
        fetch: bool,
        ssl: SSLContext | None = None,
        inbox: str | os.PathLike[str] | None = None,
        queue_size: int = 10_000,
        max_age: float | None = None,
        on_refused: Callable[[DeliveryError], object] | None = None,
        fetch_concurrency: int = 8,
        fetch_deadline: float = 120.0,
        leave_within: float = 10.0,
    ) -> None:
        if fetch_concurrency < 1 or not fetch_deadline >= 0 or not leave_within > 0:
            raise UsageError("fetch_concurrency, fetch_deadline and leave_within are positive numbers")
        self._subscriptions = subscriptions
        self._receiver = Receiver(
            shared_key=shared_key, inbox=inbox, queue_size=queue_size, max_age=max_age, on_refused=on_refused
        )
        self._server = OwnServer(self._receiver, name)
        self._fetching = (
            Fetching(self._receiver, client, concurrency=fetch_concurrency, patience=fetch_deadline)
            if fetch
            else None
        )
        self._ssl = ssl
        self._is_durable = inbox is not None
        self._leave_within = leave_within
        self._walks: Walks[Any] = Walks(self._fetching or self._receiver)
        self._handled: list[int] = []
        self._until = 0.0
        self._to_do = [self._settle, self._unsubscribe, self._server.close, self._close_receiver]
        self._problems: list[Exception] = []

    async def enter(self, host: str, port: int) -> None:
        """Serve first, since the service asks the URL; then subscribe."""
        await to_its_end(self._receiver.__aenter__())
        await self._server.start(host, port, self._ssl)
        if self._fetching is not None:
            self._fetching.begin()
        await self._subscriptions.begin()
        self._walks.is_open = True
        _log.info("listening at %s, %d subscriptions", self._subscriptions.url, len(self._subscriptions.ids))

    def events(self) -> Events[Any]:
        """What the block hands out."""
        return Events(self._walks, self._receiver, self._subscriptions, self._server)

    async def leave(self, ended: BaseException | None) -> None:
        """Undo all of it, whoever cancels meanwhile."""
        if not self._is_durable:
            self._server.refuse()
        self._walks.is_open = False
        self._until = asyncio.get_running_loop().time() + self._leave_within
        if ended is None:
            self._handled = self._walks.let_go()
        cancellation: CancelledError | None = None
        while self._to_do:
            try:
                # Who cancels every task of the loop cancels this one as well: it goes on where it was.
                await to_its_end(self._undo())
            except CancelledError as error:
                cancellation = error
        leaves = ended or cancellation
        for problem in self._problems:
            _log.error("on leaving %s: %s", self._subscriptions.url, problem)
            if leaves is not None:
                leaves.add_note(f"on leaving {self._subscriptions.url}: {problem}")
        if cancellation is not None and not isinstance(ended, CancelledError):
            raise cancellation
        if leaves is None and self._problems:
            raise self._problems[0]

    async def _undo(self) -> None:
        while self._to_do:
            try:
                await self._to_do[0]()
            except Exception as error:  # noqa: BLE001  (the rest is undone all the same)
                self._problems.append(error)
            del self._to_do[0]

    async def _settle(self) -> None:
        if self._fetching is not None:
            await self._fetching.end()
        for number in self._handled:
            await self._receiver.done(number)

    async def _unsubscribe(self) -> None:
        try:
            async with asyncio.timeout_at(self._until):
                await self._subscriptions.end(self._leave_within)
        except TimeoutError as error:
            raise TimedOut(
                f"could not unsubscribe within {self._leave_within:g} s: {self._left()}",
                method="DELETE",
                template="/eventsubscriptions/{subscriptionId}",
            ) from error
        except QualtricsError as error:
            error.add_note(self._left())
            raise

    def _left(self) -> str:
        ids, doubtful = self._subscriptions.ids, self._subscriptions.doubtful
        left = [*ids, *(f"perhaps one of {topic}" for topic in doubtful)]
        return f"what is left is deleted by the next listener at this URL: {', '.join(left)}"

    async def _close_receiver(self) -> None:
        lost = self._receiver.waiting + (0 if self._fetching is None else self._fetching.waiting)
        if lost and not self._is_durable:
            _log.warning(
                "%d accepted events at %s were not handed out; with `inbox` they would be kept",
                lost,
                self._subscriptions.url,
            )
        await self._receiver.__aexit__(None, None, None)
