"""Patience ends: by the clock for looks, by a number for repeats."""

from __future__ import annotations

import asyncio

import pytest
from virtual import loop, virtual

from qualtrics_async import Polling
from qualtrics_async.bulk.patience import Patience


@virtual
async def test_pauses_are_those_of_the_polling_and_the_last_look_is_at_the_end() -> None:
    """They grow, and the last one is as short as it has to be."""
    patience = Patience(Polling(first=1, factor=2, longest=10), 30)
    pauses = []
    while not patience.is_over:
        pauses.append(patience.pause())
        await asyncio.sleep(pauses[-1])
    assert pauses == [1, 2, 4, 8, 10, 5]
    assert loop().time() == pytest.approx(30)


@virtual
async def test_a_polling_without_pauses_is_no_busy_loop() -> None:
    """Looks within the time are bounded."""
    patience, looks = Patience(Polling(first=0, factor=1, longest=0), 600), 0
    while not patience.is_over:
        looks += 1
        await asyncio.sleep(patience.pause())
    assert 100 < looks <= 6_001


@virtual
async def test_repeats_are_bounded_by_number_and_by_time() -> None:
    """One is allowed in any case."""
    patience = Patience(Polling(first=0, factor=1, longest=0), 600)
    assert [patience.may_repeat() for _ in range(22)] == [True] * 20 + [False] * 2
    patience = Patience(Polling(), 0)
    assert patience.is_over
    assert [patience.may_repeat() for _ in range(2)] == [True, False]
