"""What a listener has open, and how all of it is closed."""

from __future__ import annotations

import asyncio
import logging
import os
from asyncio import CancelledError
from collections.abc import Callable
from ssl import SSLContext
from types import TracebackType
from typing import Any, Final

from qualtrics_async._core.tasks import to_its_end
from qualtrics_async.client import Qualtrics
from qualtrics_async.errors import DeliveryError, QualtricsError, TimedOut, UsageError
from qualtrics_async.webhooks.fetching import Fetching
from qualtrics_async.webhooks.hearing import Events
from qualtrics_async.webhooks.receiver import Receiver
from qualtrics_async.webhooks.serving import OwnServer
from qualtrics_async.webhooks.subscribing import Subscriptions
from qualtrics_async.webhooks.walking import Walk, Walks
from qualtrics_async.webhooks.watching import Watched

__all__ = ["CHECK_EVERY", "Block"]

CHECK_EVERY: Final = 300.0
"""Seconds between looks at the listing."""

_log = logging.getLogger("qualtrics_async")


class Block:
    """What is open inside of its `async with`, and how all of it is closed; it can be entered once.

    Not a generator: one that is abandoned is closed while it runs, and this is what others close last.
    """

    def __init__(
        self,
        client: Qualtrics,
        subscriptions: Subscriptions,
        shared_key: str,
        name: str,
        *,
        host: str,
        port: int,
        fetch: bool,
        ssl: SSLContext | None = None,
        inbox: str | os.PathLike[str] | None = None,
        queue_size: int = 10_000,
        max_age: float | None = None,
        on_refused: Callable[[DeliveryError], object] | None = None,
        fetch_concurrency: int = 8,
        fetch_deadline: float = 120.0,
        check_every: float | None = None,
        leave_within: float = 10.0,
    ) -> None:
        if fetch_concurrency < 1 or not fetch_deadline >= 0:
            raise UsageError("fetch_concurrency and fetch_deadline are positive numbers")
        check_every = CHECK_EVERY if check_every is None else check_every
        if not check_every > 0 or not leave_within > 0:
            raise UsageError("check_every and leave_within are positive numbers of seconds")
        self._subscriptions = subscriptions
        self._receiver = Receiver(
            shared_key=shared_key, inbox=inbox, queue_size=queue_size, max_age=max_age, on_refused=on_refused
        )
        self._server = OwnServer(self._receiver, name)
        self._fetching = (
            Fetching(
                self._receiver,
                client,
                concurrency=fetch_concurrency,
                patience=fetch_deadline,
                most_parked=queue_size,
            )
            if fetch
            else None
        )
        self._where = (host, port, ssl)
        self._is_durable = inbox is not None
        self._leave_within = leave_within
        self._check_every = check_every
        self._watched: Watched[Any] = Watched(self._fetching or self._receiver, self._waiting)
        self._walks: Walks[Any] = Walks(self._watched)
        self._watch: asyncio.Task[None] | None = None
        self._is_entered = False
        self._has_failed = False
        self._own: Walk[Any] | None = None
        self._handled: list[int] = []
        self._until = 0.0
        self._to_do = [self._let_go, self._look_no_more, self._read_no_more, self._settle, self._unsubscribe]
        self._to_do += [self._server.close, self._close_receiver]
        self._problems: list[Exception] = []

    async def __aenter__(self) -> Events[Any]:
        """Hand out what comes from now on.

        Raises:
            UsageError: when it was entered before.
        """
        if self._is_entered:
            raise UsageError("a listener is entered once: call `listen()` again")
        self._is_entered = True
        try:
            await self._enter()
        except BaseException as ended:
            await self._leave(ended)
            raise
        return Events(self._walks, self._receiver, self._subscriptions, self._server)

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Undo all of it, whatever the block ended with."""
        await self._leave(exc)

    async def _enter(self) -> None:
        """Serve first, since the service asks the URL; then subscribe."""
        await self._receiver.__aenter__()
        await self._server.start(*self._where)
        if self._fetching is not None:
            self._fetching.begin()
        await self._subscriptions.begin()
        self._walks.is_open = True
        self._watch = asyncio.get_running_loop().create_task(self._look())
        subscriptions = self._subscriptions
        _log.info(
            "listening on %s port %d for %s, %d subscriptions",
            self._where[0],
            self._server.port,
            subscriptions.url,
            len(subscriptions.ids),
        )

    async def _leave(self, ended: BaseException | None) -> None:
        """Undo all of it, whoever cancels meanwhile."""
        if not self._is_durable:
            self._server.refuse()
        self._walks.is_open = False
        self._until = asyncio.get_running_loop().time() + self._leave_within
        self._has_failed = ended is not None
        self._own = self._walks.here()
        cancellation: CancelledError | None = None
        while self._to_do:
            try:
                # Who cancels every task of the loop cancels this one as well: it goes on where it was.
                await to_its_end(self._undo())
            except CancelledError as error:
                cancellation = error
        leaves = ended or cancellation
        for problem in self._problems:
            # Logged whether or not it is raised: who cleans up by hand needs to know what is left.
            notes = getattr(problem, "__notes__", [])
            told = f"on leaving {self._subscriptions.url}: {'; '.join([str(problem), *notes])}"
            _log.error("%s", told)
            if leaves is not None:
                leaves.add_note(told)
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

    async def _look(self) -> None:
        """Look from time to time whether the subscriptions are there: a deaf listener is of no use."""
        url = self._subscriptions.url
        while True:
            await asyncio.sleep(self._check_every)
            try:
                loss = await self._subscriptions.loss()
            except Exception as error:  # noqa: BLE001  (whatever it is, deliveries may come all the same)
                _log.warning("could not look for the subscriptions of %s: %s", url, error)
                continue
            if loss is not None:
                _log.warning("%s", loss)
                return self._watched.lose(loss)

    async def _let_go(self) -> None:
        """Find what the task that leaves has handled, if it leaves without an error."""
        if self._own is not None and not self._has_failed:
            self._handled = self._own.let_go(None)

    async def _look_no_more(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait({self._watch})

    async def _read_no_more(self) -> None:
        if self._fetching is not None:
            await self._fetching.end()

    async def _settle(self) -> None:
        for number in self._handled:
            await self._watched.done(number)

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

    def _waiting(self) -> int:
        return self._receiver.waiting + (0 if self._fetching is None else self._fetching.waiting)

    async def _close_receiver(self) -> None:
        lost, in_hand, url = self._waiting(), self._watched.in_hand, self._subscriptions.url
        if lost and not self._is_durable:
            _log.warning(
                "%d accepted events at %s were not handed out; with `inbox` they would be kept", lost, url
            )
        if in_hand and self._is_durable and not self._has_failed:
            _log.warning(
                "%d events at %s come again: tasks had them in hand when the block ended", in_hand, url
            )
        await self._receiver.__aexit__(None, None, None)
