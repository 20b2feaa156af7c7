"""Quotas, counted in a true sliding window."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from qualtrics_async.sandbox.handlers import OPERATIONS, check_route

__all__ = ["Quotas", "Window"]

WINDOW_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Quotas:
    """Requests a minute that are let through, for the brand and per route. None is no limit.

    The numbers of `real()` are documented; whether a 429 carries `Retry-After` is not, hence the switch.
    """

    brand_per_minute: int | None = 3000
    routes: Mapping[str, int] = field(default_factory=dict)
    retry_after: bool = False

    @classmethod
    def real(cls, *, retry_after: bool = False) -> Quotas:
        """A real brand's limits. Documented."""
        return cls(3000, _REAL, retry_after)


class Window:
    """What was let through in the last 60 seconds, of the brand and of each route."""

    def __init__(self, quotas: Quotas) -> None:
        for route in quotas.routes:
            check_route(route, exact=True)
        self._quotas = quotas
        self._let_through: dict[str, deque[float]] = {}

    def admit(self, route: str, now: float) -> float | None:
        """None when the request may pass, else the seconds until the next one may."""
        limits = ((route, self._quotas.routes.get(route)), ("*", self._quotas.brand_per_minute))
        counted: list[deque[float]] = []
        for name, limit in limits:
            if limit is None:
                continue
            times = self._let_through.setdefault(name, deque())
            while times and times[0] <= now - WINDOW_SECONDS:
                times.popleft()
            if len(times) >= limit:
                return times[0] + WINDOW_SECONDS - now if times else WINDOW_SECONDS
            counted.append(times)
        for times in counted:
            times.append(now)
        return None

    def retry_after(self, wait: float) -> dict[str, str]:
        """The header for a refused request, in whole seconds, if the quotas want one."""
        return {"Retry-After": str(max(1, math.ceil(wait)))} if self._quotas.retry_after else {}


_REAL = {made.route: made.per_minute for made in OPERATIONS if made.per_minute is not None}
