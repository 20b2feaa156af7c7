"""A sandbox, a client of it and an address to listen at, all in one virtual loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from aiohttp import ClientSession
from talking import client_of
from webhook_making import FORM, signed

from qualtrics_async import Qualtrics, webhooks
from qualtrics_async.sandbox import Deliveries, Sandbox

CREATE = "POST /eventsubscriptions"
LIST = "GET /eventsubscriptions"
DELETE = "DELETE /eventsubscriptions/{subscriptionId}"
READ = "GET /surveys/{surveyId}/responses/{responseId}"
KEY = "a key of ours"
SURVEYS = webhooks.topics.SURVEY_ACTIVATED
COMPLETED = webhooks.topics.completed_response()


def free_port() -> int:
    """Find a port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


class Place:
    """Where a test listens, and what the sandbox has of it."""

    def __init__(self, sandbox: Sandbox, client: Qualtrics) -> None:
        self.sandbox = sandbox
        self.client = client
        self.port = free_port()
        self.public_url = f"http://127.0.0.1:{self.port}/hooks"
        self.url = f"{self.public_url}/mine"
        urls = [f"{self.url}-too", f"{self.url}/", self.public_url, self.url.upper(), f"{self.url}?x=1"]
        self.foreign = {sandbox.state.add_subscription(COMPLETED, url) for url in urls}

    def listen(self, *topics: str, **options: Any) -> AbstractAsyncContextManager[Any]:
        """Listen here."""
        defaults = {"public_url": self.public_url, "port": self.port, "name": "mine"}
        return webhooks.listen(self.client, topics or (COMPLETED, SURVEYS), **{**defaults, **options})

    @property
    def own(self) -> list[str]:
        """The topics of the subscriptions of the URL, in the order in which they were made."""
        made = self.sandbox.state.subscriptions.values()
        return [found.topics for found in made if found.publication_url == self.url]

    @property
    def steps(self) -> list[str]:
        """What arrived about subscriptions: `POST`, `GET`, `DELETE`."""
        return [seen.method for seen in self.sandbox.requests if "eventsubscriptions" in (seen.route or "")]

    def assert_untouched(self) -> None:
        """Fail if a foreign subscription is gone, or one of ours is left."""
        assert set(self.sandbox.state.subscriptions) == self.foreign
        assert not self.sandbox.state.deleted_all_subscriptions


@asynccontextmanager
async def hearing(
    deliveries: Deliveries | None = None, latency: float = 0.0, **options: Any
) -> AsyncIterator[Place]:
    """Open a sandbox that has subscriptions of others, and a client."""
    async with (
        Sandbox(gzip=False, deliveries=deliveries or Deliveries(), latency=latency) as sandbox,
        client_of(sandbox, **options) as client,
    ):
        yield Place(sandbox, client)


async def until(is_so: Callable[[], object]) -> None:
    """Let time pass until something is so."""
    for _ in range(2000):
        if is_so():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came to it")


def message(number: int) -> dict[str, Any]:
    """Write the event of a response."""
    return {
        "Status": "Complete",
        "SurveyID": "SV_1",
        "ResponseID": f"R_{number}",
        "CompletedDate": "2026-05-02 08:03:20",
        "BrandID": "examplebrand",
    }


async def post(place: Place, number: int = 1, path: str = "/mine", key: str = KEY) -> int:
    """Deliver an event by hand, as a service that is slow to notice that nobody is subscribed."""
    async with ClientSession() as session:
        address = f"http://127.0.0.1:{place.port}{path}"
        body = signed(message(number), key=key)
        async with session.post(address, data=body, headers={"Content-Type": FORM}) as answer:
            return answer.status


def assert_closed(place: Place) -> None:
    """Fail if somebody still listens."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", place.port))
