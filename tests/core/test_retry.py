"""The decision whether a failed attempt is repeated, as a table, and the bounds of the delays."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qualtrics_async import (
    ConfigError,
    Conflict,
    ConnectFailed,
    DecodeError,
    Forbidden,
    InvalidRequest,
    NotFound,
    QualtricsError,
    RateLimited,
    RetryPolicy,
    ServerFault,
    TimedOut,
    TransportError,
    Unauthorized,
    UnexpectedStatus,
)
from qualtrics_async._core.request import GET, POST, Request
from qualtrics_async._core.retry import Tally, decide, is_doubtful

READ: Request[Any] = Request(GET("/things"), dict)
WRITE: Request[Any] = Request(POST("/things"), dict, idempotent=False)


def status(cls: type[Any], code: int) -> QualtricsError:
    failure: QualtricsError = cls("x", status=code)
    return failure


def permanent() -> ConnectFailed:
    failure = ConnectFailed("x")
    failure.permanent = True
    return failure


def broken(*, transient: bool) -> DecodeError:
    failure = DecodeError("x")
    failure.transient = transient
    return failure


TABLE = [
    # failure, repeated if idempotent, repeated if not, doubtful
    (status(RateLimited, 429), True, True, False),
    (ConnectFailed("x"), True, True, False),
    (permanent(), False, False, False),
    (status(ServerFault, 500), True, False, True),
    (status(ServerFault, 502), True, False, True),
    (status(ServerFault, 503), True, False, True),
    (status(ServerFault, 504), True, False, True),
    (status(ServerFault, 501), False, False, False),
    (TimedOut("x"), True, False, True),
    (TransportError("x"), True, False, True),
    (broken(transient=True), True, False, True),
    (broken(transient=False), False, False, True),
    (status(InvalidRequest, 400), False, False, False),
    (status(Unauthorized, 401), False, False, False),
    (status(Forbidden, 403), False, False, False),
    (status(NotFound, 404), False, False, False),
    (status(Conflict, 409), False, False, False),
    (status(UnexpectedStatus, 302), False, False, False),
    (status(UnexpectedStatus, 200), False, False, False),
]


@pytest.mark.parametrize(
    ("failure", "idempotent", "other", "doubtful"),
    TABLE,
    ids=lambda value: (
        f"{type(value).__name__}{getattr(value, 'status', '')}"
        if isinstance(value, Exception)
        else str(value)
    ),
)
def test_the_table(failure: QualtricsError, *, idempotent: bool, other: bool, doubtful: bool) -> None:
    """429 and what never left always, the server's faults only where a repeat is harmless, the rest never."""
    once = Tally(attempts=1, faults=1, refusals=1)
    for request, expected in ((READ, idempotent), (WRITE, other)):
        delay = decide(RetryPolicy(), request, failure, once, Random(1))
        assert (delay is not None) is expected
    assert is_doubtful(failure) is doubtful


policies = st.builds(
    RetryPolicy,
    retries=st.integers(0, 50),
    refusals=st.integers(0, 50),
    base=st.floats(0, 1e6),
    cap=st.floats(0, 1e6),
)


@given(policies, st.integers(1, 10_000), st.integers(0, 99))
def test_a_delay_after_a_fault_is_full_jitter_under_the_cap(policy: RetryPolicy, n: int, seed: int) -> None:
    """The n-th repeat waits from 0 to `base * 2**(n-1)`, at most the cap; beyond the budget there is none."""
    delay = decide(policy, READ, status(ServerFault, 503), Tally(n, faults=n), Random(seed))
    if n > policy.retries:
        assert delay is None
        return
    assert delay is not None
    assert 0 <= delay <= min(policy.cap, policy.base * 2 ** (n - 1))


@given(policies, st.integers(1, 10_000), st.integers(0, 99))
def test_a_delay_after_a_refusal_is_at_least_half_of_its_most(policy: RetryPolicy, n: int, seed: int) -> None:
    """A 429 without `Retry-After` waits between half and all of twice a fault's most, never above the cap."""
    delay = decide(policy, WRITE, status(RateLimited, 429), Tally(n, refusals=n), Random(seed))
    if n > policy.refusals:
        assert delay is None
        return
    assert delay is not None
    most = min(policy.cap, 2 * policy.base * 2 ** min(n - 1, 30))
    assert most / 2 <= delay <= most


@given(st.floats(0, 1e4), st.integers(1, 20))
def test_retry_after_is_obeyed_to_the_second(seconds: float, n: int) -> None:
    """What the service asks for is what is waited, up to the policy's patience."""
    refusal = RateLimited("x", status=429)
    refusal.retry_after = seconds
    assert decide(RetryPolicy(), WRITE, refusal, Tally(n, refusals=n), Random(0)) == min(seconds, 600)


def test_the_defaults_are_what_their_docstring_says() -> None:
    """Four repeats that wait at most 0.5, 1, 2 and 4 seconds, then none."""

    class Longest(Random):
        def uniform(self, a: float, b: float) -> float:
            return b

    delays = [
        decide(RetryPolicy(), READ, status(ServerFault, 503), Tally(n, faults=n), Longest())
        for n in range(1, 6)
    ]
    assert delays == [0.5, 1, 2, 4, None]


def test_jitter_spreads() -> None:
    """Two clients that fail together do not come back together."""
    failure, tally = status(ServerFault, 503), Tally(1, faults=1)
    delays = {decide(RetryPolicy(), READ, failure, tally, Random(seed)) for seed in range(20)}
    assert len(delays) == 20


def test_the_same_seed_gives_the_same_delays() -> None:
    """Randomness is a parameter."""
    failure, tally = status(ServerFault, 503), Tally(1, faults=1)
    assert decide(RetryPolicy(), READ, failure, tally, Random(3)) == decide(
        RetryPolicy(), READ, failure, tally, Random(3)
    )


@pytest.mark.parametrize("options", [{"retries": -1}, {"refusals": -1}, {"base": -0.1}, {"cap": -1}])
def test_a_policy_has_no_negative_numbers(options: dict[str, Any]) -> None:
    """Nonsense is refused when it is written, not when it is used."""
    with pytest.raises(ConfigError, match="negative"):
        RetryPolicy(**options)
