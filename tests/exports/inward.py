"""A sandbox, a client of it that waits for nothing, and what an import left in the sandbox."""

from __future__ import annotations

import asyncio
import functools
from contextlib import asynccontextmanager
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

from qualtrics_async import Limits, Polling, Qualtrics, RetryPolicy
from qualtrics_async.sandbox import Sandbox
from qualtrics_async.sandbox.questions import embed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine

    from qualtrics_async._core.request import Request

T = TypeVar("T")

START = "POST /surveys/{surveyId}/import-responses"
PROGRESS = "GET /surveys/{surveyId}/import-responses/{importProgressId}"

METADATA = frozenset(
    (
        "startDate",
        "endDate",
        "status",
        "ipAddress",
        "progress",
        "duration",
        "finished",
        "recordedDate",
        "_recordId",
        "locationLatitude",
        "locationLongitude",
        "distributionChannel",
        "userLanguage",
    )
)
"""What the sandbox says of each response by itself."""


def taking(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run an async test in a loop of its own, twenty seconds at most; it must leave no task."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(20):
                await test(*args, **kwargs)
            for _ in range(5):
                await asyncio.sleep(0)
            left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            own = [task for task in left if "sandbox" not in repr(task) and "aiohttp" not in repr(task)]
            assert not own, own

        asyncio.run(bounded())

    return run


class Watching(Qualtrics):
    """A client that remembers its requests."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.sent: list[Request[Any]] = []

    def send(self, request: Request[T], /) -> Awaitable[T]:
        """Remember and send."""
        self.sent.append(request)
        return super().send(request)


class Place:
    """A survey in a sandbox, and a client that imports into it."""

    def __init__(self, client: Watching, sandbox: Sandbox) -> None:
        self.client = client
        self.sandbox = sandbox
        self.survey_id = sandbox.state.survey_id

    @property
    def values(self) -> list[dict[str, Any]]:
        """What each response holds, metadata too."""
        return [response.values for response in self.sandbox.state.responses_of(self.survey_id)]

    @property
    def answers(self) -> list[dict[str, Any]]:
        """What each response holds besides metadata."""
        return [
            {key: value for key, value in values.items() if key not in METADATA} for values in self.values
        ]

    def bodies(self, route: str = START) -> list[bytes]:
        """What was sent to a route; the sandbox must keep it."""
        return [record.body or b"" for record in self._records(route)]

    def headers(self, route: str = START) -> list[dict[str, str]]:
        """The headers of each call of a route; a repeat by the client itself is no other call."""
        return [dict(request.headers) for request in self.client.sent if request.route.key == route]

    def count(self, route: str) -> int:
        """How many requests of a route arrived."""
        return len(self._records(route))

    def _records(self, route: str) -> list[Any]:
        return [record for record in self.sandbox.requests if f"{record.method} {record.route}" == route]


FIELDS = ("campaign", "note", "a", "b")
"""The embedded data of surveys that imports go into: columns of which none is the survey's are refused."""


@asynccontextmanager
async def place(*, polling: Polling | None = None, **options: Any) -> AsyncIterator[Place]:
    """A survey and its client; the options are those of the sandbox."""
    async with Sandbox(**{"record_bodies": True, **options}) as sandbox:
        embed(sandbox.state.surveys[sandbox.state.survey_id].definition, FIELDS)
        client = Watching(
            token=sandbox.token,
            base_url=sandbox.base_url,
            limits=Limits.unlimited(),
            polling=polling or Polling(first=0, longest=0, deadline=5),
            retry=RetryPolicy(base=0),
            random=Random(7),
        )
        async with client:
            yield Place(client, sandbox)
