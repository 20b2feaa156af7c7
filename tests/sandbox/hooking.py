"""A receiver of events that shares nothing with the package: aiohttp.web and the standard library's hmac."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from aiohttp import web
from speaking import Caller, speaking_to

from qualtrics_async.sandbox import Deliveries, Sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from ssl import SSLContext

KEY = "an example key"
DAY = 86_400
"""Seconds."""


async def soon(condition: Callable[[], object]) -> None:
    """Let both ends work until something is so, which it must be before any timer is due."""
    for _ in range(100_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it did not come")


@dataclass
class Post:
    """What arrived, and when by the loop's clock."""

    body: bytes
    at: float
    path: str
    headers: dict[str, str]

    @property
    def form(self) -> list[tuple[str, str]]:
        """The fields in their order."""
        return parse_qsl(self.body.decode("ascii"), keep_blank_values=True, strict_parsing=True)

    @property
    def fields(self) -> dict[str, str]:
        """The fields."""
        return dict(self.form)

    @property
    def topic(self) -> str:
        """The delivered topic."""
        return self.fields["Topic"]

    @property
    def event(self) -> dict[str, Any]:
        """The message of a signed one, else the fields."""
        fields = self.fields
        if "MSG" not in fields:
            return fields
        told: dict[str, Any] = json.loads(fields["MSG"])
        return told

    def is_signed(self, key: str = KEY) -> bool:
        """Whether the signature is right."""
        made = hmac.new(key.encode(), self.fields["MSG"].encode(), hashlib.sha512)
        return self.fields["HMAC"] == made.hexdigest()


@dataclass
class Hook:
    """The receiver: `statuses` answers the next posts, then 200; it hangs while `gate` is not set.

    `broken` has the paths of the posts that ended in the middle.
    """

    url: str = ""
    posts: list[Post] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    gets: int = 0
    get_status: int = 200
    statuses: list[int] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    under_way: int = 0
    most: int = 0

    async def handle(self, request: web.BaseRequest) -> web.Response:
        """Answer a request."""
        if request.method == "GET":
            self.gets += 1
            return web.Response(status=self.get_status)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            return await self._take(request)
        finally:
            self.under_way -= 1

    async def _take(self, request: web.BaseRequest) -> web.Response:
        try:
            body = await request.read()
        except ConnectionResetError:
            self.broken.append(request.path_qs)
            return web.Response(status=400)
        now = asyncio.get_running_loop().time()
        self.posts.append(Post(body, now, request.path_qs, dict(request.headers)))
        await self.gate.wait()
        status = self.statuses.pop(0) if self.statuses else 200
        return web.Response(status=status, headers={"Location": self.url})

    def events(self, key: str) -> list[Any]:
        """This field of each event."""
        return [post.event[key] for post in self.posts]


@asynccontextmanager
async def receiving(ssl: SSLContext | None = None) -> AsyncIterator[Hook]:
    """A receiver that is not asked anything yet; after a day of the loop's time the block fails."""
    hook = Hook()
    hook.gate.set()
    runner = web.ServerRunner(web.Server(hook.handle, access_log=None), shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=ssl).start()
        hook.url = f"http{'s' if ssl else ''}://127.0.0.1:{runner.addresses[0][1]}/hook?of=tests"
        async with asyncio.timeout(DAY):
            yield hook
    finally:
        hook.gate.set()
        await runner.cleanup()


@dataclass
class Scene:
    """A sandbox, a receiver, and a subscription of the receiver's."""

    call: Caller
    hook: Hook
    subscription_id: str

    @property
    def sandbox(self) -> Sandbox:
        """The sandbox."""
        return self.call.sandbox

    def respond(self, **values: Any) -> str:
        """Let a response be given, and return its id."""
        state = self.sandbox.state
        return state.add_response(state.survey_id, values).id

    def respond_often(self, count: int) -> list[str]:
        """The same, so many times."""
        return [self.respond() for _ in range(count)]

    @property
    def attempts(self) -> list[tuple[int, int, int]]:
        """Delivery, attempt and status of each record."""
        return [(made.delivery, made.attempt, made.status) for made in self.sandbox.deliveries.records]


@asynccontextmanager
async def delivering(
    topics: str = "*", *, key: str | None = KEY, deliveries: Deliveries | None = None, **options: Any
) -> AsyncIterator[Scene]:
    """A scene; the sandbox takes the other options."""
    async with (
        receiving() as hook,
        Sandbox(deliveries=deliveries, **options) as sandbox,
        speaking_to(sandbox) as call,
    ):
        yield Scene(call, hook, sandbox.state.add_subscription(topics, hook.url, shared_key=key))
