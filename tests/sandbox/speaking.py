"""Bare aiohttp to a sandbox: what a client without our library would see."""

from __future__ import annotations

import asyncio
import functools
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import aiohttp

from qualtrics_async.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Mapping


class Clock:
    """A clock that a test moves, in seconds."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """The time."""
        return self.now


@dataclass
class Answer:
    """Status, headers and text of an answer."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.text)

    @property
    def result(self) -> Any:
        """The result of a call that must have gone well."""
        assert self.status == 200, self.text
        return self.json["result"]

    @property
    def code(self) -> str | None:
        """The vendor's code of a refusal."""
        code: str | None = self.json["meta"]["error"].get("errorCode")
        return code


@dataclass
class Caller:
    """A session with a sandbox's token."""

    sandbox: Sandbox
    session: aiohttp.ClientSession

    async def __call__(self, method: str, path: str, body: Any = None, **options: Any) -> Answer:
        """Send a JSON body, if any, to a path of the API or a whole URL."""
        url = path if path.startswith("http") else self.sandbox.base_url + path
        if body is not None:
            options["data"] = BytesIO(json.dumps(body).encode())
            options["headers"] = {"Content-Type": "application/json"}
        async with self.session.request(method, url, allow_redirects=False, **options) as response:
            return Answer(response.status, response.headers, await response.text())

    async def get(self, path: str, **query: str) -> Answer:
        """Read."""
        return await self("GET", path, params=query or None)

    async def post(self, path: str, body: Any) -> Answer:
        """Write."""
        return await self("POST", path, body)

    async def walk(self, path: str, limit: int = 1000) -> list[list[Any]]:
        """The elements of each page of a listing."""
        pages: list[list[Any]] = []
        following: str | None = path
        while following is not None and len(pages) < limit:
            result = (await self.get(following)).result
            pages.append(result["elements"])
            following = result["nextPage"]
        return pages

    @property
    def lists(self) -> str:
        """The path of the default directory's mailing lists."""
        return f"/directories/{self.sandbox.state.default_directory_id}/mailinglists"


async def until(condition: Callable[[], object]) -> None:
    """Let the server work until something is so."""
    while not condition():  # noqa: ASYNC110  # the state of a sandbox raises no events
        await asyncio.sleep(0)


@asynccontextmanager
async def speaking_to(sandbox: Sandbox) -> AsyncIterator[Caller]:
    """A session with the token of a sandbox that runs."""
    async with aiohttp.ClientSession(headers={"X-API-TOKEN": sandbox.token}) as session:
        yield Caller(sandbox, session)


@asynccontextmanager
async def speaking(**options: Any) -> AsyncIterator[Caller]:
    """A sandbox and a session with its token."""
    async with Sandbox(**options) as sandbox, speaking_to(sandbox) as call:
        yield call


def asynchronous(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run an async test in a loop of its own, ten seconds at most."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(10):
                await test(*args, **kwargs)

        asyncio.run(bounded())

    return run
