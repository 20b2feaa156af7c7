"""Events as they happen: a server, its subscriptions and what comes in, in one block."""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from difflib import get_close_matches
from ssl import SSLContext
from typing import Any, Final, Literal, TypedDict, Unpack, overload

from qualtrics_async.client import Qualtrics
from qualtrics_async.errors import DeliveryError, UsageError
from qualtrics_async.webhooks.blocks import Block
from qualtrics_async.webhooks.events import Event
from qualtrics_async.webhooks.fetching import EventWithResponse
from qualtrics_async.webhooks.hearing import Events
from qualtrics_async.webhooks.subscribing import Subscriptions, checked_topics, own_url
from qualtrics_async.webhooks.topics import doubt_about

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
        check_every: seconds after which it is looked again whether the subscriptions are still there; 300
            by default.
        leave_within: seconds for unsubscribing; 10 by default.
    """

    ssl: SSLContext | None
    inbox: str | os.PathLike[str] | None
    queue_size: int
    max_age: float | None
    on_refused: Callable[[DeliveryError], object] | None
    fetch_concurrency: int
    fetch_deadline: float
    check_every: float
    leave_within: float


@overload
def listen(
    client: Qualtrics,
    topics: str | Iterable[str],
    *,
    public_url: str,
    host: str = "127.0.0.1",
    port: int = 8080,
    shared_key: str | bytes | None = None,
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
    shared_key: str | bytes | None = None,
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
    shared_key: str | bytes | None = None,
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
    shared_key: str | bytes | None = None,
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
    replaced. So one process has a name, and an inbox: a successor under the same name takes over from one
    that still runs. Where the subscriptions of a running one are replaced or deleted, it hands out what it
    has and then raises, within some minutes.

    To see that the service can get through: `curl PUBLIC_URL/NAME` must answer "a receiver of events".

    Leaving deletes the subscriptions whatever ends the block, however often the task is cancelled. From
    then on deliveries are answered 503; with an `inbox` they are kept until the server is closed. What was
    accepted and not handed out is in the inbox for the next time, or lost, which is logged. What happens
    while nobody is subscribed is not delivered later: `exports.follow` catches up on responses. SIGTERM ends
    a process without any of this, unless the program makes it a cancellation, as the README does.

    Several tasks may share the events, see `Receiver`. They should end before the block does: what they have
    in hand when it ends comes again from an inbox, and is logged.

    Args:
        client: which subscribes; open for longer than this block.
        topics: one or several, see `webhooks.topics`; each is a subscription, but for one that another given
            one covers (`controlpanel.*` all that begin so), since its events would come twice. One that is
            not known is subscribed too, with a warning in the log.
        public_url: where the service reaches `host` and `port`, usually a proxy or a tunnel. Subscribed is
            `name` below it; a proxy may take away what stands before the name.
        host: where to listen.
        port: 0 takes a free one.
        shared_key: signs events; bytes are UTF-8. A random one by default, with which deliveries of events
            from before a restart are refused: name one in production.
        name: letters, digits, `-` and `_`. One process at a time can have it.
        fetch: hands out each event with the response that it is about, read through the client, as they
            become readable: not in the order of the events.
        options: see `ListenOptions`.

    Raises:
        UsageError: at once, for arguments that cannot be meant.
        OSError: on entering, when it cannot listen; nothing was subscribed then.
        JournalError: on entering, when the inbox cannot be used.
        QualtricsError: on entering, when it cannot subscribe; on leaving, when it cannot unsubscribe. Where
            the block raised something itself, that leaves, with a note. From the iteration, when events do
            not come any more: the subscriptions are gone.
    """
    for option in options.keys() - ListenOptions.__optional_keys__:
        raise TypeError(f"listen() got an unexpected keyword argument {option!r}{_like(option)}")
    key = secrets.token_urlsafe(_KEY_BYTES) if shared_key is None else _text(shared_key)
    if port not in _PORTS:
        raise UsageError(f"a port is a number from 0 to {_PORTS[-1]}, got {port!r:.40}")
    url = own_url(public_url, name)
    checked = checked_topics(topics)
    subscriptions = Subscriptions(client, url, checked, key)
    block = Block(client, subscriptions, key, name, host=host, port=port, fetch=fetch, **options)
    for topic in checked:
        if doubt := doubt_about(topic):
            _log.warning("%s", doubt)
    return block


def _text(shared_key: object) -> str:
    """Write the key as it is given to the service, which takes text."""
    try:
        text = shared_key.decode() if isinstance(shared_key, bytes) else shared_key
    except UnicodeDecodeError:
        raise UsageError("a shared key in bytes is UTF-8, since the service takes text") from None
    if not isinstance(text, str) or not text.strip():
        raise UsageError("a shared key is text, not blank; leave it out for a random one")
    return text


def _like(option: str) -> str:
    found = get_close_matches(option, ListenOptions.__optional_keys__, n=1)
    return f". Did you mean {found[0]!r}?" if found else ""
