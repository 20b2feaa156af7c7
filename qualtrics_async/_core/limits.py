"""The service's limits as data: what the published table says, and what the caller says instead."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from msgspec import Struct, field

from qualtrics_async._core.published_limits import PUBLISHED
from qualtrics_async.errors import ConfigError

__all__ = ["Limits", "match_template"]

BRAND_PER_MINUTE: Final = 3000
"""Requests a minute that one brand may send over all routes (documented)."""

MAX_IN_FLIGHT: Final = 250
"""Requests under way at once: 3000 a minute at five seconds each."""

_ROUTE = re.compile(r"[A-Z]+ /\S*")


class Limits(Struct, frozen=True):
    """How fast a brand is called; the client keeps to it before the service has to refuse.

    `brand_per_minute` counts every request of the brand, `routes` maps `"METHOD /path/{template}"` to
    requests a minute and overrides the published table route by route; `None` means no limit.
    `max_in_flight` bounds the requests under way at once.
    """

    brand_per_minute: int | None = BRAND_PER_MINUTE
    routes: Mapping[str, int | None] = field(default_factory=dict)
    max_in_flight: int = MAX_IN_FLIGHT
    published: bool = True

    def __post_init__(self) -> None:
        for name, rate in (("brand_per_minute", self.brand_per_minute), *self.routes.items()):
            if rate is not None and (type(rate) is not int or rate < 1):
                raise ConfigError(
                    f"the limit of {name} must be a whole number from 1 up or None, got {rate!r}"
                )
        if type(self.max_in_flight) is not int or self.max_in_flight < 1:
            raise ConfigError(f"max_in_flight must be a whole number from 1 up, got {self.max_in_flight!r}")
        for key in self.routes:
            if not _ROUTE.fullmatch(key):
                raise ConfigError(f'a route is named like "GET /surveys/{{surveyId}}", got {key!r}')

    @classmethod
    def unlimited(cls, *, max_in_flight: int = MAX_IN_FLIGHT) -> Limits:
        """Switch client-side limits off: the service's own refusals are all that slows a caller down."""
        return cls(brand_per_minute=None, max_in_flight=max_in_flight, published=False)

    def of_route(self, key: str) -> int | None:
        """Return the requests a minute of a route, None where only the brand's limit counts."""
        if key in self.routes:
            return self.routes[key]
        return PUBLISHED.get(key) if self.published else None


@lru_cache(maxsize=1)
def _shapes() -> dict[str, re.Pattern[str]]:
    return {key: re.compile(re.sub(r"\{\w+\}", "[^/]+", key)) for key in PUBLISHED}


@lru_cache(maxsize=1024)
def match_template(method: str, path: str) -> str:
    """Find the published template that a concrete path belongs to; `/*` stands for all others.

    So requests to paths that no operation models count against the right limit, and share few lanes.
    """
    key = f"{method} {path}"
    for known, shape in _shapes().items():
        if shape.fullmatch(key):
            return known.partition(" ")[2]
    return "/*"
