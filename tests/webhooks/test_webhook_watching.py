"""A listener whose subscriptions are gone: it hands out what it has, and then says that it is deaf."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest
from virtual import loop, virtual
from webhook_hearing import COMPLETED, KEY, LIST, assert_closed, hearing, post, until

from qualtrics_async import QualtricsError

DEAF = "replaced 1 of 1 subscriptions"


@virtual
async def test_who_is_displaced_hears_of_it(caplog: pytest.LogCaptureFixture) -> None:
    """At the next look, from the iteration, and in the log; the successor is left alone."""
    async with hearing() as place, place.listen(COMPLETED, port=0, check_every=60) as first:
        await asyncio.sleep(130)
        async with place.listen(COMPLETED, shared_key=KEY) as second:
            with pytest.raises(QualtricsError, match=DEAF):
                await asyncio.wait_for(anext(first), 1000)
            assert loop().time() == pytest.approx(180, abs=1)
            assert [found.levelno for found in caplog.records if DEAF in found.getMessage()] == [
                logging.WARNING
            ]
            with pytest.raises(QualtricsError, match=DEAF):
                await anext(aiter(first))
            assert await post(place) == 200
            assert (await anext(second)).response_id == "R_1"


@virtual
async def test_it_raises_out_of_the_block() -> None:
    """Which then is closed as always."""
    async with hearing() as place:

        async def hear() -> None:
            async with place.listen() as events:
                for id_ in events.subscription_ids:
                    await place.client.event_subscriptions.delete(id_)
                async for _ in events:
                    raise AssertionError

        with pytest.raises(QualtricsError, match="somebody has deleted 2 of 2") as caught:
            await hear()
        assert 299 < loop().time() < 302
        assert not hasattr(caught.value, "__notes__")
        place.assert_untouched()
        assert_closed(place)


@pytest.mark.parametrize("fetch", [False, True])
@virtual
async def test_what_was_accepted_is_handed_out_first(fetch: bool, tmp_path: Path) -> None:
    """To whoever asks; then all who wait are told."""
    async with hearing() as place:
        options: dict[str, Any] = {"shared_key": KEY, "check_every": 10, "fetch": fetch}
        heard: list[str] = []

        async def work(events: Any) -> None:
            async for one in events:
                heard.append((one.event if fetch else one).response_id)
                await asyncio.sleep(10)

        async with place.listen(COMPLETED, inbox=tmp_path / "events.db", **options) as events:
            await place.client.event_subscriptions.delete(events.subscription_ids[0])
            for number in range(5):
                assert await post(place, number) == 200
            await asyncio.sleep(15)
            workers = [asyncio.create_task(work(events)) for _ in range(3)]
            ended = await asyncio.gather(*workers, return_exceptions=True)
            assert [type(error) for error in ended] == [QualtricsError] * 3
            assert sorted(heard) == [f"R_{number}" for number in range(5)]
            assert events.waiting == 0


@virtual
async def test_those_who_wait_are_told_when_the_last_event_has_gone() -> None:
    """One event is left, and it can be read only later: several wait for it."""
    async with hearing() as place:
        place.sandbox.faults.add(kind="status", status=404, route="GET *", path="/responses/", times=None)
        options: dict[str, Any] = {"shared_key": KEY, "check_every": 10, "fetch": True}
        async with place.listen(COMPLETED, **options, fetch_deadline=30) as events:
            await place.client.event_subscriptions.delete(events.subscription_ids[0])
            await post(place)
            waiting = [asyncio.create_task(events.__anext__()) for _ in range(3)]
            ended = await asyncio.gather(*waiting, return_exceptions=True)
            assert 15 < loop().time() < 40
            assert sum(isinstance(one, QualtricsError) for one in ended) == 2


@virtual
async def test_a_look_that_fails_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged, and the next one is made."""
    async with hearing() as place:
        async with place.listen(COMPLETED, shared_key=KEY, check_every=10) as events:
            fault = place.sandbox.faults.add(kind="status", status=403, route=LIST, times=2)
            await asyncio.sleep(25)
            assert fault.used == 2
            assert caplog.text.count("could not look for the subscriptions") == 2
            await post(place)
            assert (await anext(events)).response_id == "R_1"
            before = place.steps.count("GET")
            await asyncio.sleep(20)
            assert place.steps.count("GET") == before + 2
        place.assert_untouched()


@virtual
async def test_who_leaves_while_it_looks_does_not_wait() -> None:
    """A look that hangs is given up."""
    async with hearing() as place:
        async with place.listen(COMPLETED, check_every=10):
            fault = place.sandbox.faults.add(kind="delay", route=LIST)
            await until(lambda: fault.used)
            began = loop().time()
        assert loop().time() - began < 1
        place.assert_untouched()
