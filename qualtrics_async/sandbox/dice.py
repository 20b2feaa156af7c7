"""Faults that strike by chance, the same ones for the same seed."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

__all__ = ["Dice", "options_of"]

F = TypeVar("F")


class Dice(Generic[F]):
    """One seed's faults; with `times` the last one strikes so many in a row."""

    def __init__(
        self,
        seed: int,
        rate: float,
        kinds: Sequence[Mapping[str, Any]],
        weights: Sequence[float] | None,
        make: Callable[..., F],
    ) -> None:
        self._random = random.Random(seed)  # noqa: S311  # must be reproducible
        self._rate = rate
        self._kinds = kinds
        self._weights = weights
        self._make = make
        self._last: F | None = None
        self._left = 0

    def roll(self) -> F | None:
        """The fault for what comes next, if any; it takes its number whether or not one strikes."""
        struck, options = self._random.random() < self._rate, self._choose()
        if self._last is not None and self._left > 0:
            self._left -= 1
            return self._last
        if not struck:
            return None
        self._last = self._make(**options)
        self._left = options.get("times", 1) - 1
        return self._last

    def _choose(self) -> Mapping[str, Any]:
        if self._weights is None:
            return self._random.choice(self._kinds)
        return self._random.choices(self._kinds, self._weights)[0]


def options_of(
    kinds: Sequence[str | Mapping[str, Any]], weights: Sequence[float] | None, holding: Collection[str]
) -> list[dict[str, Any]]:
    """The keyword arguments of each kind.

    Raises:
        ValueError: for weights that do not fit the kinds, and for what would never end.
    """
    options = [{"kind": kind} if isinstance(kind, str) else dict(kind) for kind in kinds]
    if any(made["kind"] in holding and made.get("seconds") is None for made in options):
        raise ValueError("nobody can release a random fault: give it seconds")
    if any(made.get("times", 1) is None for made in options):
        raise ValueError("a random fault must end: give it a number of times")
    if weights is not None and len(weights) != len(options):
        raise ValueError(f"{len(options)} kinds need as many weights, not {len(weights)}")
    return options
