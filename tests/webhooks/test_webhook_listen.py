"""Listening: served before subscribed, handed out once, and nothing left behind whatever ends it."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from talking import client_of
from virtual import loop, virtual
from webhook_hearing import (
    COMPLETED,
    CREATE,
    DELETE,
    KEY,
    LIST,
    READ,
    SURVEYS,
    assert_closed,
    hearing,
    post,
    until,
)

from qualtrics_async import (
    Forbidden,
    JournalError,
    NotFound,
    Polling,
    UsageError,
    webhooks,
)
from qualtrics_async.sandbox import Deliveries


@virtual
async def test_what_happens_is_heard() -> None:
    """Each event once, signed, from the moment the block begins; and nothing is left after it."""
    async with hearing(Deliveries(require_get=True)) as place:
        state = place.sandbox.state
        async with place.listen() as events:
            assert place.own == [COMPLETED, SURVEYS]
            assert events.url == place.url
            assert events.port == place.port
            assert [state.subscriptions[id_].topics for id_ in events.subscription_ids] == place.own
            made = [state.add_response(state.survey_id) for _ in range(5)]
            heard = [await anext(events) for _ in made]
            assert {event.response_id for event in heard} == {response.id for response in made}
            assert all(event.is_signed for event in heard)
            assert events.counts.accepted == 5
            assert events.waiting == 0
            await place.sandbox.delivered()
        place.assert_untouched()
        assert_closed(place)
        with pytest.raises(StopAsyncIteration):
            await anext(events)


@virtual
async def test_each_block_has_a_key_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    """It is long, nothing shows it, and what another key has signed is refused."""
    caplog.set_level(logging.DEBUG)
    refused: list[str] = []
    async with hearing() as place:
        keys: list[str] = []
        texts = ""
        for _ in range(2):
            async with place.listen(COMPLETED, on_refused=lambda error: refused.append(str(error))) as events:
                keys += [
                    found.shared_key
                    for found in place.sandbox.state.subscriptions.values()
                    if found.shared_key
                ]
                assert await post(place, key=keys[0]) == (200 if len(keys) == 1 else 401)
                texts += repr(events) + repr(events.counts) + caplog.text
        assert len({*keys}) == 2
        assert all(len(key) >= 32 for key in keys)
        assert len(refused) == 1
        assert not any(key in texts + str(refused) for key in keys)


@virtual
async def test_a_key_in_bytes_is_the_same_one() -> None:
    """What it subscribes with is what it verifies with."""
    async with hearing() as place:
        for key in (KEY, KEY.encode()):
            async with place.listen(COMPLETED, shared_key=key):
                (own,) = {*place.sandbox.state.subscriptions} - place.foreign
                assert place.sandbox.state.subscriptions[own].shared_key == KEY
                assert await post(place) == 200


@virtual
async def test_an_option_that_is_misspelt_is_told() -> None:
    """By the name of the function that was called."""
    async with hearing() as place:
        with pytest.raises(TypeError) as caught:
            place.listen(inbx="events.db")
        assert str(caught.value) == (
            "listen() got an unexpected keyword argument 'inbx'. Did you mean 'inbox'?"
        )
        with pytest.raises(TypeError, match=r"argument 'colour'$"):
            place.listen(colour="red")


@virtual
async def test_a_topic_that_is_not_known_is_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    """It may be a new one, so it is subscribed all the same."""
    async with hearing() as place:
        async with place.listen("controlpanel.activatesurvey", COMPLETED):
            assert place.own == ["controlpanel.activatesurvey", COMPLETED]
        (said,) = [found.getMessage() for found in caplog.records if found.levelname == "WARNING"]
        assert said == (
            "the topic controlpanel.activatesurvey is not known; perhaps controlpanel.activateSurvey is meant"
        )


@virtual
async def test_topics_that_overlap_bring_an_event_once() -> None:
    """An activation has no identity by which its second delivery could be known."""
    async with hearing() as place, place.listen("controlpanel.*", SURVEYS, "*", COMPLETED) as events:
        assert place.own == ["*"]
        place.sandbox.publish(SURVEYS, {"SurveyID": "SV_1", "Status": "Active"})
        place.sandbox.publish("threesixty.reportReady", {"ProjectID": "P_1"})
        heard = [type(await anext(events)).__name__ for _ in range(2)]
        await place.sandbox.delivered()
        assert sorted(heard) == ["SurveyActivated", "ThreeSixtyEvent"]
        assert events.waiting == 0


@virtual
async def test_how_responses_are_read_can_be_told() -> None:
    """How many at a time, and for how long."""
    async with hearing(polling=Polling(first=1, factor=2, longest=4)) as place:
        fault = place.sandbox.faults.add(kind="delay", seconds=1, route=READ, times=3)
        place.sandbox.faults.add(kind="status", status=404, route=READ, times=None)
        options: dict[str, Any] = {"shared_key": KEY, "fetch_concurrency": 3, "fetch_deadline": 10}
        async with place.listen(COMPLETED, fetch=True, **options) as events:
            for number in range(5):
                await post(place, number)
            await until(lambda: fault.used == 3)
            await asyncio.sleep(0.9)
            assert sum(seen.route == READ.removeprefix("GET ") for seen in place.sandbox.requests) == 3
            assert isinstance((await anext(events)).error, NotFound)
            assert 7 <= loop().time() < 10


@virtual
async def test_a_listener_is_entered_once() -> None:
    """What it had open is closed for good."""
    async with hearing() as place:
        listening = place.listen()
        async with listening:
            with pytest.raises(UsageError, match="entered once"):
                await listening.__aenter__()
            assert place.own == [COMPLETED, SURVEYS]
        with pytest.raises(UsageError, match="entered once"):
            await listening.__aenter__()
        place.assert_untouched()
        assert_closed(place)


@virtual
async def test_where_it_listens_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """The address here, and the one that is subscribed."""
    caplog.set_level(logging.INFO, "qualtrics_async")
    async with hearing() as place, place.listen():
        assert f"listening on 127.0.0.1 port {place.port} for {place.url}, 2 subscriptions" in caplog.text


@virtual
async def test_only_its_own_name_is_answered() -> None:
    """Whatever a proxy has left of the path before it."""
    async with (
        hearing() as place,
        place.listen(COMPLETED, shared_key=KEY) as events,
        ClientSession() as session,
    ):
        for path, status in {
            "/mine": 200,
            "/hooks/mine": 200,
            "/": 404,
            "/mine/": 404,
            "/mine-too": 404,
        }.items():
            for method in ("GET", "HEAD"):
                async with session.request(method, f"http://127.0.0.1:{place.port}{path}") as answer:
                    assert (method, path, answer.status) == (method, path, status)
        assert [await post(place, 1, path) for path in ("/x/y/mine?a=b", "/mine/x", "/hooks")] == [
            200,
            404,
            404,
        ]
        assert events.counts.accepted == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"public_url": "hooks"},
        {"name": "a/b"},
        *({"shared_key": key} for key in ("", " ", b" ", b"\xff", 7)),
        {"queue_size": 0},
        {"max_age": -1},
        {"fetch_concurrency": 0},
        {"fetch_deadline": -1},
        {"leave_within": 0},
        {"check_every": 0},
        {"port": -1},
        {"port": 65_536},
        {"topics": []},
    ],
)
@virtual
async def test_what_cannot_be_meant_is_refused_at_once(wrong: Any) -> None:
    """By the call itself, before anything is entered."""
    async with hearing() as place:
        options = {"topics": "*", "public_url": place.public_url, **wrong}
        with pytest.raises(UsageError):
            webhooks.listen(place.client, **options)
        assert not place.steps


@virtual
async def test_a_port_that_is_taken_is_told() -> None:
    """Nothing was asked of the service by then."""
    async with hearing() as place, place.listen(COMPLETED):
        asked = len(place.steps)
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1 port {place.port}"):
            async with place.listen(COMPLETED, name="other"):
                pass
        assert len(place.steps) == asked


@virtual
async def test_an_inbox_that_is_in_use_is_told(tmp_path: Path) -> None:
    """And what has it lives on."""
    async with hearing() as place, place.listen(COMPLETED, inbox=tmp_path / "events.db"):
        with pytest.raises(JournalError):
            async with place.listen(COMPLETED, name="other", port=0, inbox=tmp_path / "events.db"):
                pass
        assert place.own == [COMPLETED]


@virtual
async def test_a_client_that_is_not_open_is_told() -> None:
    """The server is closed again."""
    async with hearing() as place:
        with pytest.raises(UsageError, match="not open"):
            async with webhooks.listen(
                client_of(place.sandbox), "*", public_url=place.public_url, port=place.port
            ):
                pass
        place.assert_untouched()
        assert_closed(place)


@pytest.mark.parametrize(("route", "skip"), [(LIST, 0), (CREATE, 0), (CREATE, 1), (DELETE, 0)])
@virtual
async def test_who_may_not_subscribe_hears_why(route: str, skip: int) -> None:
    """The refusal leaves as itself, with who may, and nothing that was made by then stays."""
    async with hearing() as place:
        place.foreign.add(place.sandbox.state.add_subscription("stale", place.url))
        place.sandbox.faults.add(kind="status", status=403, route=route, skip=skip)
        with pytest.raises(Forbidden) as caught:
            async with place.listen():
                raise AssertionError
        assert caught.value.__notes__ == ["subscribing takes a brand administrator (documented)"]
        place.assert_untouched()
        assert_closed(place)


class Stop(Exception):
    """What a body raises."""


@virtual
async def test_a_successor_takes_over() -> None:
    """A rolling restart: the new process begins before the old one ends, under the same name and URL."""
    async with hearing() as place:
        old = place.listen()
        new = place.listen(port=0)
        await old.__aenter__()
        events = await new.__aenter__()
        await old.__aexit__(None, None, None)
        assert [*events.subscription_ids] == [
            id_ for id_ in place.sandbox.state.subscriptions if id_ not in place.foreign
        ]
        await new.__aexit__(None, None, None)
        place.assert_untouched()


@virtual
async def test_who_leaves_accepts_nothing_that_would_be_lost(caplog: pytest.LogCaptureFixture) -> None:
    """From then on deliveries are asked for again; what was accepted and not handed out is told."""
    async with hearing() as place:
        fault = place.sandbox.faults.add(kind="delay", seconds=3, route=DELETE)
        async with place.listen(COMPLETED, shared_key=KEY) as events:
            assert [await post(place, number) for number in (1, 2, 3)] == [200] * 3
            assert (await anext(events)).response_id == "R_1"
            late = asyncio.create_task(after(fault.arrived(), post(place, 4)))
        assert await late == 503
        assert events.counts.accepted == 3
        assert "2 accepted events" in caplog.text


async def after(first: Any, second: Any) -> Any:
    """Await one thing after the other."""
    await first
    return await second


@virtual
async def test_with_an_inbox_nothing_is_lost(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What comes while it leaves is kept too; what was in hand at the end of the block is handled."""
    async with hearing() as place:
        options: dict[str, Any] = {"shared_key": KEY, "inbox": tmp_path / "events.db"}
        fault = place.sandbox.faults.add(kind="delay", seconds=3, route=DELETE)
        async with place.listen(COMPLETED, **options) as events:
            assert [await post(place, number) for number in (1, 2, 3)] == [200] * 3
            assert [(await anext(events)).response_id for _ in range(2)] == ["R_1", "R_2"]
            late = asyncio.create_task(after(fault.arrived(), post(place, 4)))
        assert await late == 200
        assert "not handed out" not in caplog.text
        async with place.listen(COMPLETED, **options) as events:
            assert await post(place, 4) == 200, "known already"
            assert [(await anext(events)).response_id for _ in range(2)] == ["R_3", "R_4"]
            assert events.waiting == 0


@pytest.mark.parametrize("fetch", [True, False])
@virtual
async def test_what_a_body_that_fails_has_in_hand_comes_again(tmp_path: Path, fetch: bool) -> None:
    """And what was handled before it does not."""
    async with hearing() as place:
        options: dict[str, Any] = {"shared_key": KEY, "inbox": tmp_path / "events.db", "fetch": fetch}
        place.sandbox.faults.add(kind="status", status=403, route="GET *", path="/responses/", times=None)
        heard = []
        for number in (1, 2, 3):
            with suppress(Stop):
                async with place.listen(COMPLETED, **options) as events:
                    await post(place, number)
                    for _ in range(2):
                        got = await anext(events)
                        heard.append((got.event if fetch else got).response_id)
                        if number == 1:
                            break
                    if number < 3:
                        raise Stop
        assert heard == ["R_1", "R_1", "R_2", "R_2", "R_3"]
        async with place.listen(COMPLETED, **options) as events:
            assert events.waiting == 0
        place.assert_untouched()


@virtual
async def test_tasks_share_the_events() -> None:
    """Each event comes to one of them, and all of them end with the block."""
    async with hearing() as place:
        heard: list[str] = []

        async def work(events: Any) -> None:
            async for event in events:
                await asyncio.sleep(1)
                heard.append(event.response_id)

        async with place.listen(COMPLETED, shared_key=KEY) as events:
            workers = [asyncio.create_task(work(events)) for _ in range(4)]
            for number in range(8):
                await post(place, number)
            await until(lambda: len(heard) == 8)
        await asyncio.gather(*workers)
        assert sorted(heard) == [f"R_{number}" for number in range(8)]
        assert loop().time() < 4


@virtual
async def test_tasks_are_handed_nothing_more_while_it_leaves(caplog: pytest.LogCaptureFixture) -> None:
    """Their loops end at once, however long it takes to unsubscribe."""
    async with hearing() as place:
        place.sandbox.faults.add(kind="delay", seconds=5, route=DELETE)
        heard: list[str] = []
        inside = asyncio.Event()

        async def work(events: Any) -> None:
            async for event in events:
                heard.append(event.response_id)
                inside.set()
                await asyncio.sleep(1)

        async with place.listen(COMPLETED, shared_key=KEY) as events:
            for number in range(3):
                await post(place, number)
            worker = asyncio.create_task(work(events))
            await inside.wait()
        await worker
        assert heard == ["R_0"]
        assert "2 accepted events" in caplog.text


@virtual
async def test_who_leaves_waits_for_no_response(caplog: pytest.LogCaptureFixture) -> None:
    """What is still being read is given up, and counts as not handed out."""
    async with hearing() as place:
        place.sandbox.faults.add(kind="status", status=404, route=READ, times=None)
        async with place.listen(COMPLETED, shared_key=KEY, fetch=True):
            for number in range(3):
                await post(place, number)
        assert loop().time() < 1
        assert "3 accepted events" in caplog.text


@virtual
async def test_what_cannot_be_read_yet_does_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A queue's worth waits for another attempt, one before that, and what is in hand."""
    monkeypatch.setattr("qualtrics_async.webhooks.fetching._IN_HAND", 2)
    async with hearing() as place:
        place.sandbox.faults.add(kind="status", status=404, route=READ, times=None)
        async with place.listen(COMPLETED, shared_key=KEY, fetch=True, queue_size=3) as events:
            answers = []
            for number in range(15):
                answers.append(await post(place, number))
                await asyncio.sleep(0.1)
            assert 3 + 3 <= answers.count(200) <= 3 + 3 + 2
            assert answers[-1] == 503
            assert events.counts.full == answers.count(503)
