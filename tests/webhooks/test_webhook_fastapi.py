"""The receiver in a FastAPI application: the one of the README, and what Starlette does with paths."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from starlette.applications import Starlette
from virtual import virtual
from webhook_talk import FORM, KEY, signed

from qualtrics_async import webhooks
from qualtrics_async.sandbox import Sandbox
from qualtrics_async.webhooks import Receiver

SNIPPET = """\
import asyncio
import os
from contextlib import asynccontextmanager

from fastapi import FastAPI

from qualtrics_async import Qualtrics, QualtricsError, webhooks

receiver = webhooks.Receiver(shared_key=os.environ["WEBHOOK_KEY"], inbox="events.db")


async def consume(client):
    async for event in receiver:
        if isinstance(event, webhooks.CompletedResponse):
            try:
                response = await client.responses.get(event.survey_id, event.response_id)
                print(event.response_id, response.values)
            except QualtricsError as error:
                print(event.response_id, "could not be read:", error)


@asynccontextmanager
async def lifespan(app):
    async with Qualtrics.from_env() as client, receiver, asyncio.TaskGroup() as tasks:
        consumer = tasks.create_task(consume(client))
        yield
        consumer.cancel()  # what it has in hand comes again at the next start


app = FastAPI(lifespan=lifespan)
app.add_route("/qualtrics", webhooks.asgi_app(receiver))
"""

Printed: TypeAlias = list[tuple[Any, ...]]


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Start an application as a server does, and speak with it."""
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://example.com") as client,
    ):
        yield client


async def deliver(client: httpx.AsyncClient, path: str, data: bytes) -> httpx.Response:
    return await client.post(path, content=data, headers={"Content-Type": FORM})


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Sandbox], tuple[FastAPI, Printed]]:
    """Make what runs the snippet as a module: gives its application, and what it prints."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WEBHOOK_KEY", KEY)

    def started(sandbox: Sandbox) -> tuple[FastAPI, Printed]:
        monkeypatch.setenv("QUALTRICS_API_TOKEN", sandbox.token)
        monkeypatch.setenv("QUALTRICS_BASE_URL", sandbox.base_url)
        printed: Printed = []
        module: dict[str, Any] = {"__name__": "app", "print": lambda *shown: printed.append(shown)}
        exec(compile(SNIPPET, "app.py", "exec"), module)
        return module["app"], printed

    return started


async def until(printed: Printed, count: int) -> None:
    for _ in range(1000):
        if len(printed) >= count:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{len(printed)} of {count}")


@virtual
async def test_the_application_of_the_readme_hears_and_reads(
    start: Callable[[Sandbox], tuple[FastAPI, Printed]],
) -> None:
    async with Sandbox() as sandbox:
        survey = sandbox.state.add_survey("Exit survey")
        response = sandbox.state.add_response(survey, {"QID1": "well"})
        app, printed = start(sandbox)
        async with running(app) as client:
            answer = await deliver(client, "/qualtrics", signed(response.id, survey))
            assert (answer.status_code, answer.text) == (200, "ok")
            await until(printed, 1)
            assert (await deliver(client, "/qualtrics", signed(response.id, survey))).status_code == 200
            assert (await deliver(client, "/qualtrics", signed("R_2", key="no"))).status_code == 401
            assert (
                await deliver(client, "/qualtrics", signed("R_000000000000002", survey))
            ).status_code == 200
            await until(printed, 2)
        (first, values), (second, *why) = printed
        assert (first, values["QID1"]) == (response.id, "well")
        assert (second, why[0]) == ("R_000000000000002", "could not be read:")


@virtual
async def test_what_waits_when_the_application_ends_comes_at_its_next_start(
    start: Callable[[Sandbox], tuple[FastAPI, Printed]],
) -> None:
    async with Sandbox() as sandbox:
        survey = sandbox.state.add_survey("Exit survey")
        made_responses = [sandbox.state.add_response(survey) for _ in range(3)]
        app, printed = start(sandbox)
        async with running(app) as client:
            for response in made_responses:
                assert (await deliver(client, "/qualtrics", signed(response.id, survey))).status_code == 200
        before = len(printed)
        assert before < 3
        app, later = start(sandbox)
        async with running(app):
            await until(later, 3 - before)
        assert [shown[0] for shown in printed + later] == [response.id for response in made_responses]


@virtual
async def test_a_route_takes_deliveries_at_its_very_path() -> None:
    app, router = FastAPI(), APIRouter()
    async with Receiver() as receiver, running(app) as client:
        app.add_route("/qualtrics", webhooks.asgi_app(receiver))
        router.add_route("/qualtrics", webhooks.asgi_app(receiver))
        app.include_router(router, prefix="/hooks")
        for number, path in enumerate(["/qualtrics", "/hooks/qualtrics"]):
            answer = await deliver(client, path, signed(f"R_{number}"))
            assert (answer.status_code, answer.text) == (200, "ok")
            assert (await client.get(path)).text == "a receiver of events"
            empty = await client.head(path)
            assert (empty.status_code, empty.content) == (200, b"")
            assert (await client.put(path)).status_code == 405
        assert receiver.waiting == 2


@virtual
async def test_a_mount_redirects_unless_the_address_ends_in_a_slash() -> None:
    """So says the docstring of `asgi_app`, and why a route is the better way."""
    app = Starlette()
    async with Receiver() as receiver:
        app.mount("/qualtrics", webhooks.asgi_app(receiver))
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://example.com") as client:
            assert (await deliver(client, "/qualtrics/", signed("R_1"))).status_code == 200
            assert (await deliver(client, "/qualtrics", signed("R_2"))).status_code == 307
        assert receiver.counts.accepted == 1


@virtual
async def test_an_application_that_does_not_open_the_receiver_answers_503() -> None:
    app = FastAPI()
    app.add_route("/qualtrics", webhooks.asgi_app(Receiver()))
    async with running(app) as client:
        assert (await deliver(client, "/qualtrics", signed("R_1"))).status_code == 503
