"""Events with their responses: read as they become readable, a few at a time, none held up by another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from talking import client_of
from virtual import loop, virtual
from webhook_hearing import COMPLETED, READ, Place, hearing, until
from webhook_making import DONE, FORM, flat

from qualtrics_async import (
    Forbidden,
    NotFound,
    Polling,
    Qualtrics,
    QualtricsError,
    ServerFault,
    Unauthorized,
    webhooks,
)
from qualtrics_async.sandbox import Deliveries, Sandbox
from qualtrics_async.webhooks import fetching as reading
from qualtrics_async.webhooks.fetching import Fetching

PACE = Polling(first=1, factor=2, longest=4)


class Desk:
    """A receiver that events are put into, and what reads their responses."""

    def __init__(self, sandbox: Sandbox, client: Qualtrics, receiver: webhooks.Receiver) -> None:
        self.sandbox = sandbox
        self.client = client
        self.receiver = receiver
        self.ids: list[str] = []

    async def complete(self, count: int = 1) -> None:
        """Let responses be given, and their events arrive."""
        state = self.sandbox.state
        for _ in range(count):
            response = state.add_response(state.survey_id)
            self.ids.append(response.id)
            fields = DONE | {"SurveyID": state.survey_id, "ResponseID": response.id}
            await self.put(flat(f"examplebrand.surveyengine.completedResponse.{state.survey_id}", fields))

    async def put(self, body: bytes) -> None:
        """Let an event arrive."""

        async def pieces() -> AsyncIterator[bytes]:
            yield body

        answer = await self.receiver.answer("POST", pieces(), content_type=FORM)
        assert answer.text == "ok"

    @property
    def reads(self) -> int:
        """How many requests for responses arrived."""
        return sum(seen.route == READ.removeprefix("GET ") for seen in self.sandbox.requests)


@asynccontextmanager
async def desk(latency: float = 0.0, **options: Any) -> AsyncIterator[tuple[Desk, Fetching]]:
    """Open a desk; what is read is asked for again after 1, 2, 4, 4, ... seconds."""
    async with (
        Sandbox(gzip=False, latency=latency) as sandbox,
        client_of(sandbox, polling=PACE) as client,
        webhooks.Receiver() as receiver,
    ):
        fetching = Fetching(receiver, client, **{"concurrency": 2, "patience": 60, **options})
        fetching.begin()
        try:
            yield Desk(sandbox, client, receiver), fetching
        finally:
            await fetching.end()
            assert await fetching.take() is None


async def next_of(fetching: Fetching) -> webhooks.EventWithResponse:
    """Take an event, which is handled then."""
    taken = await fetching.take()
    assert taken is not None
    await fetching.done(taken[0])
    return taken[1]


@virtual
async def test_an_event_comes_with_its_response() -> None:
    """Each with its own; what is about no response passes without one."""
    async with desk() as (at, fetching):
        await at.complete(5)
        await at.put(flat("examplebrand.threesixty.reportReady", {"BrandID": "examplebrand"}))
        found = [await next_of(fetching) for _ in range(6)]
        assert {one.response.response_id for one in found if one.response is not None} == {*at.ids}
        for one in found:
            assert one.error is None
            if isinstance(one.event, webhooks.ResponseEvent):
                assert one.response is not None
                assert one.response.response_id == one.event.response_id
            else:
                assert one.response is None
        assert fetching.waiting == 0


@virtual
async def test_what_is_not_readable_yet_is_asked_for_again() -> None:
    """With the pauses of the client's polling; meanwhile others pass, whatever their number."""
    async with desk() as (at, fetching):
        await at.complete(3)
        slow = at.ids[:3]
        for id_ in slow:
            at.sandbox.faults.add(kind="status", status=404, route=READ, path=id_, times=4)
        await until(lambda: at.reads == 3)
        await at.complete(20)
        quick = [await next_of(fetching) for _ in range(20)]
        assert loop().time() < 1
        assert {one.response.response_id for one in quick if one.response} == {*at.ids[3:]}
        late = [await next_of(fetching) for _ in range(3)]
        assert {one.response.response_id for one in late if one.response} == {*slow}
        assert 11 <= loop().time() < 12
        assert at.reads == 20 + 3 * 5


@virtual
async def test_what_never_becomes_readable_passes_in_the_end() -> None:
    """With the error in place of the response."""
    async with desk(patience=10) as (at, fetching):
        at.sandbox.faults.add(kind="status", status=404, route=READ, times=None)
        await at.complete()
        found = await next_of(fetching)
        assert found.response is None
        assert isinstance(found.error, NotFound)
        assert 7 <= loop().time() < 8, "a fifth one would come after the time"
        assert at.reads == 4


@pytest.mark.parametrize(
    ("status", "error", "times"), [(401, Unauthorized, 1), (403, Forbidden, 1), (400, QualtricsError, 1)]
)
@virtual
async def test_what_no_patience_helps_against_passes_at_once(status: int, error: Any, times: int) -> None:
    """There is one request, and no waiting."""
    async with desk() as (at, fetching):
        at.sandbox.faults.add(kind="status", status=status, route=READ, times=None)
        await at.complete()
        found = await next_of(fetching)
        assert isinstance(found.error, error)
        assert found.response is None
        assert at.reads == times
        assert loop().time() < 1


@pytest.mark.parametrize("kind", ["status", "cut", "truncated", "html"])
@virtual
async def test_what_may_pass_is_asked_for_again(kind: Any) -> None:
    """A service that is down for a while costs no response."""
    async with desk() as (at, fetching):
        at.sandbox.faults.add(kind=kind, route=READ, times=12)
        await at.complete()
        found = await next_of(fetching)
        assert found.response is not None
        assert at.reads == 13


@virtual
async def test_a_service_that_stays_down_is_told() -> None:
    """When the patience is over."""
    async with desk(patience=3) as (at, fetching):
        at.sandbox.faults.add(kind="status", route=READ, times=None)
        await at.complete()
        assert isinstance((await next_of(fetching)).error, ServerFault)


@virtual
async def test_so_many_are_read_at_a_time() -> None:
    """As many as was asked for, no more."""
    async with desk(latency=1, concurrency=3) as (at, fetching):
        for _ in range(6):  # which are not read, so they take no turns and give none
            await at.put(flat("examplebrand.threesixty.reportReady", {"BrandID": "examplebrand"}))
            await next_of(fetching)
        await at.complete(9)
        began = loop().time()
        for _ in range(9):
            await next_of(fetching)
        assert 3 <= loop().time() - began < 3.5


@virtual
async def test_one_that_hangs_holds_up_no_other() -> None:
    """The others take the slots that are left."""
    async with desk() as (at, fetching):
        fault = at.sandbox.faults.add(kind="delay", route=READ)
        await at.complete()
        await fault.arrived()
        await at.complete(10)
        for _ in range(10):
            await next_of(fetching)
        assert loop().time() < 1
        fault.release()
        assert (await next_of(fetching)).response is not None


@virtual
async def test_who_takes_nothing_is_not_read_for() -> None:
    """So many responses are in memory as are read at a time, and events up to a bound; the rest waits."""
    async with desk() as (at, fetching):
        await at.complete(400)
        await until(lambda: at.reads == 2)
        await asyncio.sleep(60)
        assert at.reads == 2
        assert fetching.waiting == 256
        assert at.receiver.waiting == 400 - 256
        for _ in range(400):
            await next_of(fetching)
        assert at.reads == 400


@virtual
async def test_who_is_cancelled_while_waiting_loses_nothing() -> None:
    """The next one gets it."""
    async with desk(latency=1) as (at, fetching):
        await at.complete()
        for _ in range(20):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(fetching.take(), 0.05)
        assert (await next_of(fetching)).response is not None


@virtual
async def test_several_take_in_turn() -> None:
    """Each event goes to one of them; all end together."""
    async with desk() as (at, fetching):
        taken: list[str] = []

        async def work() -> None:
            while (found := await fetching.take()) is not None:
                assert found[1].response is not None
                taken.append(found[1].response.response_id)

        workers = [asyncio.create_task(work()) for _ in range(3)]
        await at.complete(10)
        await until(lambda: len(taken) == 10)
        assert sorted(taken) == sorted(at.ids)
        await fetching.end()
        await asyncio.gather(*workers)


@virtual
async def test_who_waits_hears_when_nothing_is_read_any_more() -> None:
    """A reader that was cancelled, or that fell over, must not keep anybody waiting for ever."""
    async with desk() as (_, fetching):
        waiting = asyncio.create_task(fetching.take())
        await asyncio.sleep(0)
        for task in fetching._tasks:
            task.cancel()
        with pytest.raises(QualtricsError, match="cancelled"):
            await waiting


@virtual
async def test_what_nobody_can_read_yet_stands_in_nobodys_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither events of other kinds nor responses that can be read, however many wait for another attempt."""
    monkeypatch.setattr(reading, "_IN_HAND", 4)
    async with desk(patience=12) as (at, fetching):
        refuse = at.sandbox.faults.add
        await at.complete(20)
        dead = set(at.ids)
        for id_ in dead:
            refuse(kind="status", status=404, route=READ, path=id_, times=None)
        await until(lambda: at.reads >= 20)
        await at.complete(20)
        await at.put(flat("examplebrand.threesixty.reportReady", {"BrandID": "examplebrand"}))
        began = loop().time()
        passed = [await next_of(fetching) for _ in range(21)]
        assert loop().time() - began < 0.1
        assert not {one.response.response_id for one in passed if one.response} & dead
        assert fetching.waiting == 20
        found = [await next_of(fetching) for _ in dead]
        assert {one.event.response_id for one in found} == dead  # type: ignore[attr-defined]
        assert all(isinstance(one.error, NotFound) for one in found)


class Slow:
    """Reads for a second each, and never finds the first 40 responses; counts both kinds."""

    def __init__(self) -> None:
        self.polling = PACE
        self.responses = self
        self.now = self.most = 0
        self.order: list[bool] = []

    async def get(self, survey_id: str, response_id: str) -> Any:
        """Read one."""
        is_dead = int(response_id.removeprefix("R_")) < 40
        self.order.append(is_dead)
        self.now += is_dead
        self.most = max(self.most, self.now)
        await asyncio.sleep(1)
        self.now -= is_dead
        if is_dead:
            raise NotFound("not there", status=404)


@pytest.mark.parametrize(("concurrency", "most", "seconds"), [(1, 1, 40), (5, 2, 8), (8, 4, 6)])
@virtual
async def test_repeats_have_their_share(concurrency: int, most: int, seconds: int) -> None:
    """Half of what is read at a time; of a single slot every second turn, while others wait."""
    async with webhooks.Receiver() as receiver:
        client: Any = Slow()
        fetching = Fetching(receiver, client, concurrency=concurrency, patience=500)
        fetching.begin()

        async def complete(*numbers: int) -> None:
            for number in numbers:
                await receiver.answer(
                    "POST", flat(fields=DONE | {"ResponseID": f"R_{number}"}), content_type=FORM
                )

        await complete(*range(40))
        await asyncio.sleep(140)
        client.most, began = 0, loop().time()
        client.order.clear()
        await complete(*range(40, 60))
        for _ in range(20):
            event = (await next_of(fetching)).event
            assert isinstance(event, webhooks.ResponseEvent)
            assert int(event.response_id.removeprefix("R_")) >= 40
        assert loop().time() - began <= seconds
        assert client.most == most
        assert any(client.order)
        await fetching.end()


@virtual
async def test_so_many_wait_for_another_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then nothing more is taken until one of them is through."""
    monkeypatch.setattr(reading, "_IN_HAND", 4)
    async with desk(most_parked=10, patience=6) as (at, fetching):
        at.sandbox.faults.add(kind="status", status=404, route=READ, times=None)
        await at.complete(30)
        await until(lambda: fetching.waiting >= 10)
        await asyncio.sleep(2.5)
        assert 10 <= fetching.waiting <= 10 + 4
        assert at.receiver.waiting == 30 - fetching.waiting
        for _ in range(30):
            assert isinstance((await next_of(fetching)).error, NotFound)


@virtual
async def test_an_accident_is_raised_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before what is ready, to all who ask; nothing is read or taken any more."""
    async with desk() as (at, fetching):
        await at.complete(2)
        await until(lambda: at.reads == 2)
        await next_of(fetching)

        async def fall(*_: object) -> None:
            raise RuntimeError

        monkeypatch.setattr(type(at.client.responses), "get", fall)
        await at.complete(3)
        await asyncio.sleep(1)
        assert fetching._ready
        await at.put(flat("examplebrand.threesixty.reportReady", {"BrandID": "examplebrand"}))
        await asyncio.sleep(1)
        for _ in range(2):
            with pytest.raises(RuntimeError):
                await fetching.take()
        assert at.receiver.waiting == 1
        assert not fetching._tasks


@virtual
async def test_the_end_of_the_receiver_is_the_end() -> None:
    """Who waits for an event is told that there is none."""
    async with desk() as (at, fetching):
        waiting = asyncio.create_task(fetching.take())
        await asyncio.sleep(1)
        await at.receiver.__aexit__(None, None, None)
        assert await waiting is None


@virtual
async def test_all_of_it_end_to_end() -> None:
    """Thirty responses, half of them not readable yet, through a server and a client that stumble."""

    async def heard(place: Place, events: Any) -> list[webhooks.EventWithResponse]:
        made = [place.sandbox.state.add_response(place.sandbox.state.survey_id) for _ in range(30)]
        for response in made[::2]:
            place.sandbox.faults.add(kind="status", status=404, route=READ, path=response.id, times=2)
        found = [await anext(events) for _ in made]
        assert {one.event.response_id for one in found} == {response.id for response in made}
        return found

    async with hearing(Deliveries(first=0.1), polling=PACE) as place:
        place.sandbox.faults.random(rate=0.2, kinds=["cut", "status"], seed=3, route=READ)
        place.sandbox.deliveries.random(rate=0.3, kinds=["repeat", "cut", "wrong_signature"], seed=4)
        async with place.listen(COMPLETED, fetch=True) as events:
            for one in await heard(place, events):
                assert one.response is not None
                assert one.response.response_id == one.event.response_id  # type: ignore[attr-defined]
            await place.sandbox.delivered()
            assert events.waiting == 0
            assert events.counts.accepted == 30
        place.assert_untouched()
