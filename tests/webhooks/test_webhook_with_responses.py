"""Events of one's own server with their responses: handled as those of a receiver are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from talking import client_of
from virtual import virtual
from webhook_hearing import READ, until
from webhook_making import DONE, FORM, flat

from qualtrics_async import NotFound, Polling, UsageError, webhooks
from qualtrics_async.sandbox import Sandbox


async def give(sandbox: Sandbox, receiver: webhooks.Receiver, count: int) -> list[str]:
    """Let responses be given, and their events arrive."""
    made = [sandbox.state.add_response(sandbox.state.survey_id).id for _ in range(count)]
    for id_ in made:
        fields = DONE | {"SurveyID": sandbox.state.survey_id, "ResponseID": id_}
        body = flat(f"examplebrand.surveyengine.completedResponse.{sandbox.state.survey_id}", fields)
        assert (await receiver.answer("POST", body, content_type=FORM)).text == "ok"
    return made


@asynccontextmanager
async def reading(sandbox: Sandbox, path: Path, **options: Any) -> AsyncIterator[tuple[Any, Any]]:
    """Open a client, a durable receiver, and its events with their responses."""
    polling = Polling(first=1, factor=1)
    async with client_of(sandbox, polling=polling) as client, webhooks.Receiver(inbox=path) as receiver:
        options = {"concurrency": 1, **options}
        async with webhooks.with_responses(receiver, client, **options) as events:
            yield receiver, events


@virtual
async def test_each_comes_with_its_response_once(tmp_path: Path) -> None:
    """Handled when the next one is asked for, or when the block ends well; the rest comes the next time."""
    async with Sandbox(gzip=False) as sandbox:
        heard = []
        async with reading(sandbox, tmp_path / "events.db") as (receiver, events):
            made = await give(sandbox, receiver, 5)
            async for event, response, error in events:
                assert error is None
                assert event.response_id == response.response_id
                heard.append(event.response_id)
                if len(heard) == 2:
                    break
            heard.append((await anext(events)).event.response_id)
        async with reading(sandbox, tmp_path / "events.db") as (_, events):
            heard += [(await anext(events)).event.response_id for _ in range(2)]
        assert heard == made
        async with reading(sandbox, tmp_path / "events.db") as (receiver, events):
            assert receiver.waiting == 0
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(events), 1)


@virtual
async def test_what_a_block_that_fails_has_in_hand_comes_again(tmp_path: Path) -> None:
    """And nothing of what was being read, or not readable yet, is lost."""
    async with Sandbox(gzip=False) as sandbox:
        made: list[str] = []
        with suppress(KeyError):
            async with reading(sandbox, tmp_path / "events.db", concurrency=2) as (receiver, events):
                made = await give(sandbox, receiver, 4)
                sandbox.faults.add(kind="status", status=404, route=READ, path=made[3], times=None)
                await anext(events)
                await anext(events)
                raise KeyError
        async with reading(sandbox, tmp_path / "events.db", concurrency=2, deadline=3) as (_, events):
            found = [await anext(events) for _ in range(3)]
        assert {one.event.response_id for one in found} == {*made[1:]}
        assert isinstance(found[-1].error, NotFound)


@virtual
async def test_a_consumer_that_is_cancelled_has_not_handled_its_event(tmp_path: Path) -> None:
    """A task of its own, cancelled at shutdown, as beside a web framework."""
    async with Sandbox(gzip=False) as sandbox:
        heard: list[str] = []

        async def consume(events: Any) -> None:
            async for event, _, _ in events:
                heard.append(event.response_id)
                if len(heard) == 2:
                    await asyncio.Event().wait()

        async with reading(sandbox, tmp_path / "events.db") as (receiver, events):
            made = await give(sandbox, receiver, 3)
            consumer = asyncio.create_task(consume(events))
            await until(lambda: len(heard) == 2)
            consumer.cancel()
        await asyncio.wait({consumer})
        async with reading(sandbox, tmp_path / "events.db") as (_, events):
            again = [(await anext(events)).event.response_id for _ in range(2)]
        assert (heard, again) == (made[:2], made[1:])


@virtual
async def test_tasks_share_them(tmp_path: Path) -> None:
    """All end when the block does, those that wait among them."""
    async with Sandbox(gzip=False) as sandbox:
        heard: list[str] = []

        async def work(events: Any) -> None:
            async for event, _, _ in events:
                heard.append(event.response_id)
                await asyncio.sleep(1)

        async with reading(sandbox, tmp_path / "events.db", concurrency=4) as (receiver, events):
            workers = [asyncio.create_task(work(events)) for _ in range(3)]
            made = await give(sandbox, receiver, 9)
            await until(lambda: len(heard) == 9)
            await asyncio.sleep(2)
        await asyncio.gather(*workers)
        assert sorted(heard) == sorted(made)


@virtual
async def test_nothing_goes_on_after_the_block() -> None:
    """Neither reading nor taking; what comes then is the receiver's."""
    async with (
        Sandbox(gzip=False) as sandbox,
        client_of(sandbox) as client,
        webhooks.Receiver() as receiver,
    ):
        async with webhooks.with_responses(receiver, client) as events:
            fault = sandbox.faults.add(kind="delay", route=READ)
            await give(sandbox, receiver, 1)
            await fault.arrived()
        (made,) = await give(sandbox, receiver, 1)
        await asyncio.sleep(1)
        assert receiver.waiting == 1
        with pytest.raises(StopAsyncIteration):
            await anext(events)
        event = await anext(aiter(receiver))
        assert isinstance(event, webhooks.ResponseEvent)
        assert event.response_id == made


@virtual
async def test_it_is_entered_once() -> None:
    """What it had of the receiver is given back for good."""
    async with (
        Sandbox(gzip=False) as sandbox,
        client_of(sandbox) as client,
        webhooks.Receiver() as receiver,
    ):
        block = webhooks.with_responses(receiver, client)
        async with block as events:
            with pytest.raises(UsageError, match="entered once"):
                await block.__aenter__()
            (made,) = await give(sandbox, receiver, 1)
            event = (await anext(events)).event
            assert isinstance(event, webhooks.ResponseEvent)
            assert event.response_id == made
        with pytest.raises(UsageError, match="entered once"):
            await block.__aenter__()


@virtual
async def test_what_cannot_be_meant_is_refused() -> None:
    """At once, or on entering."""
    async with Sandbox(gzip=False) as sandbox, client_of(sandbox) as client:
        receiver = webhooks.Receiver()
        for wrong in ({"concurrency": 0}, {"deadline": -1}, {"deadline": float("nan")}):
            with pytest.raises(UsageError):
                webhooks.with_responses(receiver, client, **wrong)
        with pytest.raises(UsageError, match="not open"):
            async with webhooks.with_responses(receiver, client):
                pass
