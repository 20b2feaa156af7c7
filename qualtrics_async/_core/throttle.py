"""When a request may leave: turnstiles, retry-after deadlines, buckets and in-flight slots of one brand."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import Final

from aiolimiter import AsyncLimiter
from msgspec import Struct

from qualtrics_async._core.limits import Limits
from qualtrics_async._core.tasks import Grace

__all__ = ["Departure", "Quota", "RateState", "Throttle"]

WINDOW: Final = 60.0
"""Seconds over which the service counts."""

_MARGIN: Final = 0.01
_EXACT_UP_TO: Final = 120
_BURST: Final = 0.002


class RateState(Struct, frozen=True):
    """One limit now: `limit` and `used` in requests within the last 60 s, `paused` in seconds to come."""

    limit: int | None
    used: int
    paused: float

    @property
    def available(self) -> int | None:
        """What is left of the limit at this moment, None where there is none."""
        return None if self.limit is None else max(0, self.limit - self.used)


class Quota(Struct, frozen=True):
    """What `client.quota()` tells: the brand's state, that of each route used so far, requests in flight."""

    brand: RateState
    routes: dict[str, RateState]
    in_flight: int
    max_in_flight: int


class Rate:
    """A limit that holds in any sliding window of 60 s.

    Above 120 a minute it is a leaky bucket: one of capacity c that leaks r a second lets c + 60 r through
    in 60 s, so r = (0.99 quota - c) / 60; the 1 % covers what the network adds. The capacity lets a stall
    of the loop of 100 ms be caught up. Up to 120 the departures themselves are counted, so that a few calls
    of a slow route, such as starts of exports, need not wait for one another.
    """

    __slots__ = ("_bucket", "_span", "departures", "limit")

    def __init__(self, limit: int | None) -> None:
        self.limit = limit
        self.departures: deque[float] = deque()
        self._bucket: AsyncLimiter | None = None
        self._span = WINDOW * (1 + _MARGIN)
        if limit is not None and limit > _EXACT_UP_TO:
            capacity = max(1.0, limit * _BURST)
            rate = ((1 - _MARGIN) * limit - capacity) / WINDOW
            self._bucket = AsyncLimiter(capacity, capacity / rate)

    @property
    def exact(self) -> bool:
        """Whether departures are counted one by one."""
        return self.limit is not None and self._bucket is None

    def restamp(self, taken: float, now: float) -> None:
        """Count a departure from the moment when it left, and not from when its token was taken."""
        with suppress(ValueError):
            self.departures.remove(taken)
        self.departures.append(now)

    async def take(self) -> float:
        """Wait for a token; the moment at which it was taken."""
        if self._bucket is not None:
            await self._bucket.acquire()
        elif self.limit is not None:
            await self._wait_for_room(self.limit)
        now = asyncio.get_running_loop().time()
        self.departures.append(now)
        if self.departures[0] < now - self._span:
            self._forget(now)
        return now

    async def _wait_for_room(self, limit: int) -> None:
        loop = asyncio.get_running_loop()
        while True:
            now = loop.time()
            self._forget(now)
            if len(self.departures) < limit:
                return
            await asyncio.sleep(self.departures[0] + self._span - now)

    def _forget(self, now: float) -> None:
        oldest = now - self._span
        while self.departures and self.departures[0] <= oldest:
            self.departures.popleft()

    def state(self, now: float, resume_at: float) -> RateState:
        """Describe the limit at this moment."""
        used = sum(1 for moment in self.departures if moment > now - WINDOW)
        return RateState(self.limit, used, max(0.0, resume_at - now))


class Lane:
    """One route of the brand: its turnstile, its rate, and the moment before which nothing may leave."""

    __slots__ = ("rate", "resume_at", "turnstile")

    def __init__(self, limit: int | None) -> None:
        self.turnstile = asyncio.Lock()
        self.rate = Rate(limit)
        self.resume_at = 0.0


class Departure:
    """The leave to send one request now.

    It holds the lane's turnstile until the request has left (`left`), and a slot until it is over. `waiting`
    is true while the turnstile is held. A `patient` one holds it however long the connection takes. `grace`
    is what a write may still take when its caller is cancelled, None for what nothing is lost by.
    """

    __slots__ = ("_lane", "_slots", "_stamps", "grace", "left", "patient", "waiting")

    def __init__(
        self,
        lane: Lane,
        slots: asyncio.Semaphore,
        *,
        patient: bool,
        stamps: tuple[tuple[Rate, float], ...] = (),
    ) -> None:
        self._lane = lane
        self._slots = slots
        self._stamps = stamps
        self.patient = patient
        self.left = False
        self.waiting = True
        self.grace: Grace | None = None

    def let_next(self) -> None:
        """Open the turnstile for the next request of the lane."""
        if self.waiting:
            self.waiting = False
            self._lane.turnstile.release()

    def leave(self) -> None:
        """Say that the request goes on the wire now."""
        self.left = True
        for rate, taken in self._stamps:
            rate.restamp(taken, asyncio.get_running_loop().time())
        self.let_next()

    def close(self) -> None:
        """Give everything back; the request is over, whether it left or not."""
        self.let_next()
        self._slots.release()


class Throttle:
    """All that paces one brand.

    The order of waiting: the route's turnstile, retry-after deadlines, the route's token, an in-flight
    slot, the brand's token, deadlines once more. At most one task of a route stands between its token and
    the wire: tokens that age in a queue come out as a burst.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._lanes: dict[str, Lane] = {}
        self._brand = Rate(limits.brand_per_minute)
        self._resume_at = 0.0
        self._slots = asyncio.Semaphore(limits.max_in_flight)

    async def admit(self, key: str, *, patient: bool = False) -> Departure:
        """Wait until a request of this route may leave, at once."""
        lane = self._lane(key)
        await lane.turnstile.acquire()
        try:
            stamps = await self._pass(lane)
        except BaseException:
            lane.turnstile.release()
            raise
        # Of a small quota no token is given up: it would be a good part of all.
        return Departure(lane, self._slots, patient=patient or bool(stamps), stamps=stamps)

    async def _pass(self, lane: Lane) -> tuple[tuple[Rate, float], ...]:
        """Wait in the order of waiting; what comes back are the tokens of exact rates."""
        loop = asyncio.get_running_loop()
        while True:
            # A deadline, not an event: whoever finishes first must not open it for all.
            while (wait := max(lane.resume_at, self._resume_at) - loop.time()) > 0:  # noqa: ASYNC110
                await asyncio.sleep(wait)
            taken = await lane.rate.take()
            await self._slots.acquire()
            try:
                of_brand = await self._brand.take()
            except BaseException:
                self._slots.release()
                raise
            if max(lane.resume_at, self._resume_at) <= loop.time():
                if not (lane.rate.exact or self._brand.exact):
                    return ()
                stamps = ((lane.rate, taken), (self._brand, of_brand))
                return tuple((rate, moment) for rate, moment in stamps if rate.exact)
            self._slots.release()

    def refuse(self, key: str, seconds: float) -> bool:
        """Keep a route shut for this long after a 429; True when that pauses the whole brand.

        A second route refused while another is shut means that it is the brand's limit that is spent.
        """
        now = asyncio.get_running_loop().time()
        until = now + seconds
        lane = self._lane(key)
        lane.resume_at = max(lane.resume_at, until)
        others = any(other.resume_at > now for other in self._lanes.values() if other is not lane)
        if others:
            self._resume_at = max(self._resume_at, until)
        return others

    def quota(self) -> Quota:
        """Describe the present state; it waits for nothing."""
        now = asyncio.get_running_loop().time()
        limit = self.limits.max_in_flight
        return Quota(
            brand=self._brand.state(now, self._resume_at),
            routes={key: lane.rate.state(now, lane.resume_at) for key, lane in self._lanes.items()},
            in_flight=limit - self._slots._value,  # noqa: SLF001  (the semaphore has no public count)
            max_in_flight=limit,
        )

    def _lane(self, key: str) -> Lane:
        lane = self._lanes.get(key)
        if lane is None:
            limit, brand = self.limits.of_route(key), self.limits.brand_per_minute
            if limit is not None and brand is not None and limit >= brand:
                limit = None
            lane = self._lanes[key] = Lane(limit)
        return lane
