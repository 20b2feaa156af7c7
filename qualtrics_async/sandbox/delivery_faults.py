"""What goes wrong with deliveries, on the service's side: scripted and random.

```text
kind             what happens                                          options
repeat           posted again although it was answered with 2xx        copies, seconds before each
wrong_signature  another HMAC first; the right one in the next attempt
delay            nothing for a while, then it is posted                seconds, or held until released
reorder          posted after `by` later ones were answered            by, seconds that it waits at most
cut              the connection is closed in the form, or at a byte    at, reset (RST in place of FIN)
                 with `when="after"` its answer is lost
```

A form that was cut is posted again as after any failure. `wrong_signature` strikes only deliveries that have
a signature; the right one follows whatever the wrong one was answered. What a receiver does wrong itself
shows in the records of deliveries.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack, get_args

from qualtrics_async.sandbox.dice import Dice, options_of
from qualtrics_async.sandbox.holding import Holding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qualtrics_async.sandbox.records import Subscription

__all__ = ["DeliveryFault", "DeliveryFaultKind", "DeliveryFaults", "covers"]

DeliveryFaultKind = Literal["repeat", "wrong_signature", "delay", "reorder", "cut"]

_HOLDING = frozenset(("delay",))
_REORDER_SECONDS = 1.0


class DeliveryFaultOptions(TypedDict, total=False):
    """What a fault can be told besides its kind and topic; the table above says which kind reads which."""

    skip: int
    when: Literal["before", "after"]
    seconds: float
    copies: int
    by: int
    at: int | None
    reset: bool


@dataclass(slots=True, eq=False)
class DeliveryFault(Holding):
    """One scripted fault, and the handle on it. `used` counts the deliveries that drew it."""

    kind: DeliveryFaultKind
    topic: str = "*"
    subscription: str | None = None
    times: int | None = 1
    when: Literal["before", "after"] = "before"
    skip: int = 0
    seconds: float | None = None
    copies: int = 1
    by: int = 1
    at: int | None = None
    reset: bool = False
    used: int = 0
    _released: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    _arrived: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    _loop: asyncio.AbstractEventLoop | None = field(default=None, repr=False)

    @property
    def patience(self) -> float:
        """Seconds that it waits at most for others to overtake it, or before a copy."""
        if self.seconds is not None:
            return self.seconds
        return _REORDER_SECONDS if self.kind == "reorder" else 0.0

    def strikes(self, topic: str, subscription: Subscription) -> bool:
        """Whether a delivery is among those that it can go wrong with."""
        if self.kind == "wrong_signature" and not subscription.shared_key:
            return False
        return covers(self.topic, topic) and self.subscription in (None, subscription.id)

    def draw(self, topic: str, subscription: Subscription) -> bool:
        """Whether this delivery gets the fault; counts it if so."""
        if self.times is not None and self.used >= self.times:
            return False
        if not self.strikes(topic, subscription):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.count()
        return True

    def count(self) -> None:
        """Note that a delivery drew it."""
        self.used += 1
        self._arrived.set()


class DeliveryFaults:
    """What goes wrong with deliveries. `log` has the faults that were drawn, in order."""

    def __init__(self) -> None:
        self.log: list[DeliveryFault] = []
        self._scripted: list[DeliveryFault] = []
        self._dice: list[tuple[str, Dice[DeliveryFault]]] = []

    def add(
        self,
        *,
        kind: DeliveryFaultKind,
        topic: str = "*",
        subscription: str | None = None,
        times: int | None = 1,
        **options: Unpack[DeliveryFaultOptions],
    ) -> DeliveryFault:
        """Let deliveries go wrong; several faults are used up one after the other, in the order of events.

        `topic` is without the brand and matches as those of subscriptions do, `subscription` is an id;
        `times` None is for ever, `skip` lets so many pass first. The other options are listed with the kinds,
        above.
        """
        _check(kind)
        fault = DeliveryFault(kind, topic, subscription, times, **options)
        self._scripted.append(fault)
        return fault

    def random(
        self,
        *,
        rate: float,
        kinds: Sequence[DeliveryFaultKind | Mapping[str, Any]],
        weights: Sequence[float] | None = None,
        seed: int = 0,
        topic: str = "*",
    ) -> None:
        """Let a share of the deliveries go wrong; a kind is a name or the keyword arguments of `add`.

        Each delivery whose topic matches takes the next number of the seed, so the same events in the same
        order meet the same faults. The rest is as in `Faults.random`.

        Raises:
            ValueError: for weights that do not fit the kinds, and for what would never end.
        """
        options = options_of(kinds, weights, _HOLDING)
        for made in options:
            _check(made["kind"])
        self._dice.append((topic, Dice(seed, rate, options, weights, DeliveryFault)))

    def clear(self) -> None:
        """Forget all faults and let go what they hold; the log stays."""
        for fault in (*self._scripted, *self.log):
            fault.release()
        self._scripted.clear()
        self._dice.clear()

    def take(self, topic: str, subscription: Subscription) -> DeliveryFault | None:
        """The fault for this delivery, if any."""
        fault = next((fault for fault in self._scripted if fault.draw(topic, subscription)), None)
        for asked, dice in self._dice:
            # Each takes its number, so that none disturbs another.
            rolled = dice.roll() if covers(asked, topic) else None
            if fault is None and rolled is not None and rolled.strikes(topic, subscription):
                fault = rolled
                fault.count()
        if fault is not None:
            self.log.append(fault)
        return fault


def covers(topics: str, topic: str) -> bool:
    """Whether a subscription's topics have this one: exactly, or by a `*` in place of the rest."""
    return topic.startswith(topics[:-1]) if topics.endswith("*") else topics == topic


def _check(kind: str) -> None:
    if kind not in get_args(DeliveryFaultKind):
        known = ", ".join(get_args(DeliveryFaultKind))
        raise ValueError(f"no such kind of fault: {kind!r}; choose from {known}")
