"""Deliveries of events to those who subscribed: attempts, pauses, repeats, and the record of them."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from qualtrics_async.sandbox.delivery_faults import DeliveryFault, DeliveryFaults
from qualtrics_async.sandbox.forms import NONCE, form_of
from qualtrics_async.sandbox.posting import Poster
from qualtrics_async.sandbox.records import DeliveryRecord, Subscription

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Mapping, MutableSequence

    from qualtrics_async.sandbox.settings import Deliveries

__all__ = ["Asked", "Publisher"]

STRAY_EVERY = 3
"""Signed deliveries until the next with the stray field; how often it comes at the service is not known."""


class Asked(NamedTuple):
    """A URL that was asked by GET; `under_way` is None where that is over already."""

    record: DeliveryRecord
    under_way: asyncio.Task[None] | None


@dataclass(frozen=True, slots=True, eq=False)
class _Delivery:
    """An event on its way to one subscription; every attempt has the same body."""

    number: int
    subscription: Subscription
    topic: str
    body: bytes
    forged: Callable[[], bytes]


@dataclass(slots=True, eq=False)
class _Overtaken:
    """A delivery that waits until `left` of those with higher numbers were answered."""

    number: int
    left: int
    enough: asyncio.Event


@dataclass(slots=True, eq=False)
class _Lane:
    """The way to one subscription: `idle` has the tasks that wait for their turn or for time to pass."""

    slots: asyncio.Semaphore
    idle: set[asyncio.Task[Any]] = field(default_factory=set)
    overtaken: list[_Overtaken] = field(default_factory=list)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Whatever waits in here ends when the subscription is gone."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # deliveries are tasks
        self.idle.add(task)
        try:
            yield
        finally:
            self.idle.discard(task)

    def give_up(self) -> None:
        """End what waits; an attempt under way ends by itself."""
        for task in self.idle:
            task.cancel()

    async def be_overtaken(self, number: int, by: int, seconds: float) -> None:
        """Wait until so many of those with higher numbers were answered, so many seconds at most."""
        waiting = _Overtaken(number, by, asyncio.Event())
        self.overtaken.append(waiting)
        with self.waiting(), suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await waiting.enough.wait()
        self.overtaken.remove(waiting)

    def note(self, number: int) -> None:
        """A delivery was answered with 2xx: those before it that wait to be overtaken hear of it."""
        for waiting in self.overtaken:
            if waiting.number < number:
                waiting.left -= 1
                if waiting.left <= 0:
                    waiting.enough.set()


class Publisher(DeliveryFaults):
    """Delivers events, each to each subscription that covers its topic, and keeps a record of every attempt.

    What goes wrong on the way can be scripted and random; see `add()` and `random()`.
    """

    def __init__(
        self,
        settings: Deliveries,
        subscriptions: Mapping[str, Subscription],
        brand_of: Callable[[], str],
        clock: Callable[[], float],
        *,
        stray_fields: bool,
        record: bool | int,
    ) -> None:
        super().__init__()
        self.records: MutableSequence[DeliveryRecord] = [] if record is True else deque(maxlen=int(record))
        self._settings = settings
        self._subscriptions = subscriptions
        self._brand_of = brand_of
        self._clock = clock
        self._stray_fields = stray_fields
        self._poster = Poster(settings)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._settled = threading.Condition()
        self._numbered = 0
        self._unsettled = 0
        self._arrived: deque[_Delivery] = deque()
        self._lanes: dict[str, _Lane] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiters: list[asyncio.Future[None]] = []

    def put(self, subscription: Subscription, topic: str, fields: Mapping[str, Any]) -> None:
        """Deliver an event as soon as it runs. Safe from any thread."""
        with self._settled:
            self._numbered += 1
            self._arrived.append(self._delivery(self._numbered, subscription, topic, fields))
            self._unsettled += 1
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._begin)

    def give_up(self, subscription_id: str) -> None:
        """Make no further attempts for a subscription that is gone. Safe from any thread."""
        lane = self._lanes.pop(subscription_id, None)
        with self._settled:
            if lane is not None and self._loop is not None:
                self._loop.call_soon_threadsafe(lane.give_up)

    def ask(self, subscription: Subscription) -> Asked:
        """Ask the URL of a new subscription by GET."""
        url = subscription.publication_url
        record = DeliveryRecord(self._clock(), subscription.id, "", url, "GET")
        self.records.append(record)
        if self._loop is None or not self._may_send(record):
            return Asked(record, None)
        with self._settled:
            self._unsettled += 1
        return Asked(record, self._start_task(self._poster.send(record)))

    async def delivered(self) -> None:
        """Wait until nothing is under way or waiting, in the sandbox's own loop."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            raise RuntimeError("delivered() is for the loop of a sandbox that runs, else wait_delivered()")
        while self._unsettled:
            settled = loop.create_future()
            self._waiters.append(settled)
            await settled

    def wait_delivered(self, timeout: float) -> None:
        """The same from another thread.

        Raises:
            RuntimeError: in the sandbox's own loop, which would stand still.
            TimeoutError: after so many seconds.
        """
        if self._loop is not None and self._loop is _running_loop():
            raise RuntimeError("wait_delivered() would stop the sandbox's own loop: await delivered()")
        with self._settled:
            if not self._settled.wait_for(lambda: not self._unsettled, timeout):
                raise TimeoutError(f"{self._unsettled} deliveries are not settled after {timeout:g} s")

    def start(self) -> None:
        """Deliver from now on, what was published before too."""
        with self._settled:
            self._loop = asyncio.get_running_loop()
        self._begin()

    async def close(self) -> None:
        """End what is under way, and forget what waits and what was scripted."""
        with self._settled:
            self._loop = None
            dropped = len(self._arrived)
            self._arrived.clear()
        self.clear()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._settle(dropped)
        self._lanes.clear()
        await self._poster.close()

    def _delivery(
        self, number: int, subscription: Subscription, topic: str, fields: Mapping[str, Any]
    ) -> _Delivery:
        def body(signed_by: str | None = None) -> bytes:
            return form_of(
                f"{self._brand_of()}.{topic}",
                fields,
                shared_key=subscription.shared_key,
                encrypted=subscription.encrypted,
                nonce=number.to_bytes(NONCE, "big"),
                is_stray=self._stray_fields and number % STRAY_EVERY == 0,
                signed_by=signed_by,
            )

        return _Delivery(number, subscription, topic, body(), lambda: body(f"not {subscription.shared_key}"))

    def _begin(self) -> None:
        while self._loop is not None and self._arrived:
            delivery = self._arrived.popleft()
            if self._is_wanted(delivery) and self._is_reached(delivery):
                fault = self.take(delivery.topic, delivery.subscription)
                self._start_task(self._deliver(delivery, fault, self._lane(delivery.subscription)))
            else:
                self._settle(1)

    def _is_reached(self, delivery: _Delivery) -> bool:
        record = self._record(delivery, 1, None)
        if self._may_send(record):
            return True
        self.records.append(record)
        return False

    async def _deliver(self, delivery: _Delivery, fault: DeliveryFault | None, lane: _Lane) -> None:
        kind = None if fault is None else fault.kind
        if fault is not None and kind == "delay":
            with lane.waiting():
                await fault.hold()
        elif fault is not None and kind == "reorder":
            await lane.be_overtaken(delivery.number, fault.by, fault.patience)
        forged, pause, attempt = kind == "wrong_signature", self._settings.first, 1
        while not await self._attempt(delivery, fault, lane, attempt):
            if attempt >= self._settings.attempts + forged or not self._is_wanted(delivery):
                return
            with lane.waiting():
                await asyncio.sleep(pause)
            pause, attempt = pause * self._settings.factor, attempt + 1
        lane.note(delivery.number)
        if fault is None or kind != "repeat":
            return
        for copy in range(1, fault.copies + 1):
            with lane.waiting():
                await asyncio.sleep(fault.patience)
            await self._attempt(delivery, fault, lane, attempt + copy)

    async def _attempt(
        self, delivery: _Delivery, fault: DeliveryFault | None, lane: _Lane, attempt: int
    ) -> bool:
        """Post once: whether there is nothing more to be done for this delivery."""
        with lane.waiting():
            await lane.slots.acquire()
        try:
            if not self._is_wanted(delivery):
                return True
            record = self._record(delivery, attempt, fault)
            self.records.append(record)
            spoilt = fault if attempt == 1 else None
            is_forged = spoilt is not None and spoilt.kind == "wrong_signature"
            if is_forged:
                record.body = delivery.forged()
            await self._poster.send(record, spoilt if spoilt is not None and spoilt.kind == "cut" else None)
        finally:
            lane.slots.release()
        if record.is_taken:
            delivery.subscription.successful_calls += 1
        return record.is_taken and not is_forged

    def _record(self, delivery: _Delivery, attempt: int, fault: DeliveryFault | None) -> DeliveryRecord:
        subscription = delivery.subscription
        return DeliveryRecord(
            self._clock(),
            subscription.id,
            delivery.topic,
            subscription.publication_url,
            body=delivery.body,
            delivery=delivery.number,
            attempt=attempt,
            fault=None if fault is None else fault.kind,
        )

    def _may_send(self, record: DeliveryRecord) -> bool:
        if not self._poster.reaches(record.url):
            record.error = "not sent: not a loopback address, see `anywhere` of Deliveries"
            return False
        return True

    def _is_wanted(self, delivery: _Delivery) -> bool:
        return delivery.subscription.id in self._subscriptions

    def _lane(self, subscription: Subscription) -> _Lane:
        if subscription.id not in self._lanes:
            self._lanes[subscription.id] = _Lane(asyncio.Semaphore(self._settings.at_once))
        return self._lanes[subscription.id]

    def _start_task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._settle(1)

    def _settle(self, count: int) -> None:
        with self._settled:
            self._unsettled -= count
            if self._unsettled:
                return
            self._settled.notify_all()
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    with suppress(RuntimeError):
        return asyncio.get_running_loop()
    return None
