"""Whether a failed attempt is repeated, and after how long: a pure function of what happened."""

from __future__ import annotations

from random import Random

from msgspec import Struct
from msgspec.structs import replace

from qualtrics_async._core.request import Request
from qualtrics_async.errors import (
    ConfigError,
    ConnectFailed,
    DecodeError,
    QualtricsError,
    RateLimited,
    ServerFault,
    TransportError,
)

__all__ = ["RetryPolicy", "Tally", "decide", "is_doubtful"]

_NOT_IMPLEMENTED = 501


class RetryPolicy(Struct, frozen=True):
    """How often and how long.

    `retries` bounds the repeats after faults of the network or the server, `refusals` those after a 429.
    The n-th repeat after a fault waits between 0 and `base * 2**(n-1)` seconds ("full jitter"); after a 429
    without `Retry-After` between half of `2 * base * 2**(n-1)` and all of it; never more than `cap`. With the
    defaults four repeats wait at most 0.5 + 1 + 2 + 4 s. `Retry-After` is honoured up to `patience` seconds.
    """

    retries: int = 4
    refusals: int = 20
    base: float = 0.5
    cap: float = 60.0
    patience: float = 600.0

    def __post_init__(self) -> None:
        numbers = (self.retries, self.refusals, self.base, self.cap, self.patience)
        if not all(number >= 0 for number in numbers):
            raise ConfigError(f"a retry policy has no negative numbers: {self}")

    def longest_wait(self, fault: int) -> float:
        """Seconds to wait at most after the n-th fault in a row."""
        return min(self.cap, self.base * 2.0 ** min(fault - 1, 30))

    def repeating(self, retries: int | None) -> RetryPolicy:
        """The same with another number of repeats after faults; the same altogether for None."""
        return self if retries is None else replace(self, retries=retries)


class Tally(Struct):
    """What one call has been through: attempts in all, faults and refusals among them."""

    attempts: int = 0
    faults: int = 0
    refusals: int = 0


def is_doubtful(failure: QualtricsError) -> bool:
    """Whether the service may have carried out what was asked, although this is what came back."""
    match failure:
        case ConnectFailed():
            return False
        case ServerFault():
            return failure.status != _NOT_IMPLEMENTED
        case DecodeError():
            return True
        case TransportError():
            return True
        case _:
            return False


def decide(
    policy: RetryPolicy, request: Request[object], failure: QualtricsError, tally: Tally, random: Random
) -> float | None:
    """Return the seconds until the next attempt, or None when this failure is final.

    `tally` counts the failure already. A 429 was refused before anything happened, so any request is
    repeated; so is one that never left. Everything else is repeated only if the request is idempotent.
    """
    match failure:
        case RateLimited():
            if tally.refusals > policy.refusals:
                return None
            if failure.retry_after is not None:
                return min(failure.retry_after, policy.patience)
            longest = min(policy.cap, 2 * policy.base * 2 ** min(tally.refusals - 1, 30))
            return random.uniform(longest / 2, longest)
        case ConnectFailed():
            repeatable = not failure.permanent
        case ServerFault():
            repeatable = request.idempotent and failure.status != _NOT_IMPLEMENTED
        case TransportError():
            repeatable = request.idempotent
        case DecodeError():
            repeatable = request.idempotent and failure.transient
        case _:
            repeatable = False
    if not repeatable or tally.faults > policy.retries:
        return None
    return random.uniform(0, policy.longest_wait(tally.faults))
