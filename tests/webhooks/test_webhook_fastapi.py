"""The receiver in a FastAPI application: the one of the README, and what Starlette does with paths."""

from __future__ import annotations

import asyncio
import re
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

README = Path(__file__).parents[2] / "README.md"

Printed: TypeAlias = list[str]


def snippet() -> str:
    """The block of the README that makes a FastAPI application."""
    found = re.findall(
        r"^```python\n(.*?)^```$", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    (block,) = [text for text in found if "FastAPI(" in text]
    return str(block)


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
    """Make what runs the README's block as a module: gives its application, and the lines that it prints."""
    text = snippet()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SHARED_KEY", KEY)

    def started(sandbox: Sandbox) -> tuple[FastAPI, Printed]:
        monkeypatch.setenv("QUALTRICS_API_TOKEN", sandbox.token)
        monkeypatch.setenv("QUALTRICS_BASE_URL", sandbox.base_url)
        printed: Printed = []
        module: dict[str, Any] = {
            "__name__": "app",
            "print": lambda *shown: printed.append(" ".join(map(str, shown))),
        }
        exec(compile(text, "app.py", "exec"), module)
        return module["app"], printed

    return started


async def until(printed: Printed, *shown: str) -> None:
    """Wait until a line begins with each of these; what cannot be read may be asked for again meanwhile."""
    for _ in range(600):
        if all(any(line.startswith(part) for line in printed) for part in shown):
            return
        await asyncio.sleep(1)
    raise AssertionError(printed)


@virtual
async def test_the_application_of_the_readme_hears_and_reads(
    start: Callable[[Sandbox], tuple[FastAPI, Printed]],
) -> None:
    """Once each, what is not signed not at all; and what cannot be read does not end it."""
    async with Sandbox() as sandbox:
        survey = sandbox.state.add_survey("Exit survey")
        one, two = [
            sandbox.state.add_response(survey, {"recordedDate": f"2026-05-02T08:03:2{digit}Z"})
            for digit in range(2)
        ]
        app, printed = start(sandbox)
        async with running(app) as client:
            answer = await deliver(client, "/qualtrics", signed(one.id, survey))
            assert (answer.status_code, answer.text) == (200, "ok")
            await until(printed, one.id)
            assert (await deliver(client, "/qualtrics", signed(one.id, survey))).status_code == 200
            assert (await deliver(client, "/qualtrics", signed("R_2", key="no"))).status_code == 401
            unreadable = "R_000000000000009"
            for id_ in (unreadable, two.id):
                assert (await deliver(client, "/qualtrics", signed(id_, survey))).status_code == 200
            await until(printed, unreadable, two.id)
        lines = {line.split()[0]: line for line in printed}
        assert len(printed) == len(lines) == 3
        assert "2026-05-02T08:03:20Z" in lines[one.id]
        assert "2026-05-02T08:03:21Z" in lines[two.id]
        assert "404" in lines[unreadable]


@virtual
async def test_what_waits_when_the_application_ends_comes_at_its_next_start(
    start: Callable[[Sandbox], tuple[FastAPI, Printed]],
) -> None:
    async with Sandbox() as sandbox:
        survey = sandbox.state.add_survey("Exit survey")
        ids = [sandbox.state.add_response(survey).id for _ in range(3)]
        app, printed = start(sandbox)
        async with running(app) as client:
            for id_ in ids:
                assert (await deliver(client, "/qualtrics", signed(id_, survey))).status_code == 200
        before = len(printed)
        assert before < 3
        app, later = start(sandbox)
        async with running(app):
            await until(later, *(id_ for id_ in ids if not any(line.startswith(id_) for line in printed)))
        assert sorted(line.split()[0] for line in printed + later) == sorted(ids)


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
