"""The subscriptions of one URL: made, found again when a reply was lost, deleted on the way out."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

import anyio
from msgspec import Struct

from qualtrics_async._core.tasks import finish_within, is_in_doubt
from qualtrics_async.client import Qualtrics
from qualtrics_async.errors import (
    Forbidden,
    NotFound,
    OutcomeUnknown,
    QualtricsError,
    RateLimited,
    ServerFault,
    TransportError,
    UsageError,
)
from qualtrics_async.webhooks.topics import covers

__all__ = ["Subscriptions", "checked_topics", "own_url"]

_log = logging.getLogger("qualtrics_async")

_GRACE: Final = 5.0
"""Seconds in which a creation that has left may be confirmed although it is cancelled."""

_PAUSES: Final = (0.5, 1.0, 2.0, 4.0)
"""Seconds before a creation whose reply was lost is looked for, and made again where it is not found."""

_LATE: Final = 5.0
"""Seconds after which a creation whose reply was lost is not looked for any more (assumed)."""

_LOOK_EVERY: Final = 0.5

_ROUNDS: Final = 3
"""How often a deletion is begun, each with its share of the time: one that hangs must not take all of it."""

_NAME: Final = re.compile(r"[A-Za-z0-9_-]+")
_MORE: Final = frozenset("?#")
_VISIBLE: Final = re.compile(r"[!-~]+")


def checked_topics(topics: object) -> tuple[str, ...]:
    """Refuse blank topics, or none at all; drop those that come twice, or whose events another one brings."""
    checked: dict[str, None] = {}
    given = topics if isinstance(topics, Iterable) and not isinstance(topics, str) else (topics,)
    for topic in given:
        if not isinstance(topic, str) or topic.split() != [topic]:
            raise UsageError(f"a topic is text without spaces, see `webhooks.topics`; got {topic!r:.60}")
        checked[topic] = None
    if not checked:
        raise UsageError("no topics: name at least one, `webhooks.topics.ALL` means everything")
    kept = [topic for topic in checked if not any(covers(by, topic) for by in checked if by != topic)]
    for topic in checked:
        if topic not in kept:
            by = next(by for by in kept if covers(by, topic))
            _log.info("no subscription of its own for %s: its events come as those of %s", topic, by)
    return tuple(kept)


def own_url(public_url: object, name: object) -> str:
    """The URL that is subscribed: `name` below the public one.

    Raises:
        UsageError: for a public URL that is not absolute or says more than where, and for other names than
            letters, digits, `-` and `_`.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise UsageError(f"a name has letters, digits, - and _; got {name!r:.60}")
    if not isinstance(public_url, str) or not _is_address(public_url):
        raise UsageError("public_url is an absolute one, like https://hooks.example.com/events")
    if _MORE & {*public_url} or "@" in urlsplit(public_url).netloc:
        raise UsageError("public_url has no user, query or fragment: a subscription shows them to everybody")
    return f"{public_url.rstrip('/')}/{name}"


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        is_whole = bool(parts.hostname) and parts.scheme in ("http", "https") and parts.port != 0
    except ValueError:
        return False
    return is_whole and _VISIBLE.fullmatch(url) is not None


class _Doubt(Struct, eq=False):
    """A creation that has left and was not answered; `since` when, by the loop's clock, that was certain."""

    topic: str
    since: float = 0.0


class Subscriptions:
    """What one URL is subscribed to.

    `begin()` and `end()` touch no subscription of any other URL. What `begin()` has not finished, `end()`
    undoes. Other than that, a name belongs to one process at a time: who begins deletes what was there.
    """

    def __init__(self, client: Qualtrics, url: str, topics: tuple[str, ...], shared_key: str) -> None:
        self.url = url
        self._client = client
        self._topics = topics
        self._shared_key = shared_key
        self._own: dict[str, str] = {}
        self._before: frozenset[str] = frozenset()
        self._doubts: list[_Doubt] = []
        self._begun: set[str] = set()
        self._is_taken_over = True

    def __repr__(self) -> str:
        return f"<Subscriptions of {self.url}: {len(self._own)}>"

    @property
    def ids(self) -> tuple[str, ...]:
        """Those that this object made and has not deleted."""
        return tuple(self._own)

    @property
    def doubtful(self) -> tuple[str, ...]:
        """The topics of which one may have been made that nobody has seen."""
        return tuple(doubt.topic for doubt in self._doubts)

    async def begin(self) -> None:
        """Make one for each topic, then delete what was there before: so there is no gap.

        Raises:
            QualtricsError: when it cannot be done; `end()` deletes what was made by then.
        """
        try:
            await self._begin()
        except Forbidden as error:
            error.add_note("subscribing takes a brand administrator (documented)")
            raise

    async def _begin(self) -> None:
        self._before = frozenset([id_ for id_, _ in await self._listed(self._client)])
        for topic in self._topics:
            await self._create(topic)
        for id_ in self._before:
            await self._delete(self._client, id_)
        if self._doubts:
            await self._sweep(self._client)

    async def loss(self) -> str | None:
        """Say why events do not come any more; None while each subscription is there.

        Raises:
            QualtricsError: when that cannot be told now.
        """
        listed = {id_ for id_, _ in await self._listed(self._client)}
        # One that has slipped from one page of the listing to another is there all the same.
        gone = [id_ for id_ in self.ids if id_ not in listed and await self._is_gone(id_)]
        if not gone:
            return None
        is_replaced = bool(listed - {*self.ids})
        who = "another listener of this name has replaced" if is_replaced else "somebody has deleted"
        return f"{who} {len(gone)} of {len(self.ids)} subscriptions of {self.url}: their events do not come"

    async def _is_gone(self, id_: str) -> bool:
        try:
            await self._client.event_subscriptions.get(id_)
        except NotFound:
            return True
        return False

    async def end(self, seconds: float) -> None:
        """Delete what was made, also what may have been made; can be called again when it was interrupted.

        Where others have deleted all of it, a successor has taken over: what is there now is left to it.

        Raises:
            QualtricsError: for the first one that cannot be deleted, when all were tried.
        """
        client = self._client.with_options(deadline=max(seconds / _ROUNDS, 0.001))
        failures: list[QualtricsError] = []
        had = self.ids

        async def delete(id_: str) -> None:
            try:
                await self._delete_own(client, id_)
            except QualtricsError as error:
                failures.append(error)

        async with anyio.create_task_group() as group:
            for id_ in had:
                group.start_soon(delete, id_)
        if had and self._is_taken_over and not failures:
            self._doubts.clear()
        try:
            await self._sweep_patiently(client)
        except QualtricsError as error:
            failures.append(error)
        if failures:
            raise failures[0]

    async def _create(self, topic: str) -> None:
        pauses = iter(_PAUSES)
        while True:
            try:
                return await finish_within(_GRACE, self._create_once(topic))
            except OutcomeUnknown:
                pause = next(pauses, None)
                if pause is None:
                    raise
            await asyncio.sleep(pause)
            for id_, of in await self._unseen(self._client):
                if of == topic:
                    self._own[id_] = of
                    self._settle(of)
            if topic in self._own.values():
                return None

    async def _create_once(self, topic: str) -> None:
        # Whatever ends this between leaving and the answer leaves the doubt behind.
        doubt = _Doubt(topic)
        self._doubts.append(doubt)
        try:
            made = await self._client.event_subscriptions.create(
                topics=topic, publication_url=self.url, shared_key=self._shared_key
            )
        except BaseException as error:
            doubt.since = asyncio.get_running_loop().time()
            if not (isinstance(error, OutcomeUnknown) or is_in_doubt(error)):
                self._doubts.remove(doubt)
            raise
        self._own[made.id] = topic
        self._doubts.remove(doubt)

    def _settle(self, topic: str) -> None:
        """Strike out one doubt about a topic: one that was in doubt was found."""
        for doubt in self._doubts:
            if doubt.topic == topic:
                self._doubts.remove(doubt)
                return

    async def _listed(self, client: Qualtrics) -> list[tuple[str, str | None]]:
        """The id and the topic of each subscription of exactly this URL."""
        return [
            (found.id, found.topics)
            async for found in client.event_subscriptions.list()
            if found.publication_url == self.url
        ]

    async def _unseen(self, client: Qualtrics) -> list[tuple[str, str]]:
        """Those of the topics in doubt that were not there before and are not known as ours."""
        return [
            (id_, topic)
            for id_, topic in await self._listed(client)
            if topic in self.doubtful and id_ not in self._before and id_ not in self._own
        ]

    async def _sweep(self, client: Qualtrics) -> None:
        """Delete what creations in doubt have made after all."""
        for id_, topic in await self._unseen(client):
            await self._delete(client, id_)
            self._settle(topic)

    async def _sweep_patiently(self, client: Qualtrics) -> None:
        clock = asyncio.get_running_loop().time
        until = clock() + _LATE
        while self._doubts:
            try:
                await self._sweep(client)
            except QualtricsError:
                if clock() >= until:
                    raise
            else:
                self._give_up()
            if self._doubts:
                await asyncio.sleep(_LOOK_EVERY)

    def _give_up(self) -> None:
        """Drop the doubts that are old enough: what was not carried out by now never will be (assumed)."""
        oldest = asyncio.get_running_loop().time() - _LATE
        for doubt in [doubt for doubt in self._doubts if doubt.since <= oldest]:
            self._doubts.remove(doubt)
            _log.warning(
                "the reply to a subscription of %s was lost and it is not listed; should it show later, "
                "the next listener at %s deletes it",
                doubt.topic,
                self.url,
            )

    async def _delete_own(self, client: Qualtrics, id_: str) -> None:
        rounds = 0
        while True:
            rounds += 1
            is_first = id_ not in self._begun
            self._begun.add(id_)
            try:
                was_there = await self._delete(client, id_)
            except (TransportError, ServerFault, RateLimited):
                if rounds == _ROUNDS:
                    raise
                continue
            # One that is gone by the second time was deleted by the first, whose reply was lost.
            self._is_taken_over &= is_first and not was_there
            del self._own[id_]
            return

    async def _delete(self, client: Qualtrics, id_: str) -> bool:
        """Delete one; False when it was gone already."""
        try:
            await client.event_subscriptions.delete(id_)
        except NotFound:
            return False
        return True
