"""A sandbox with responses, a client of it that waits for nothing, and what a folder holds."""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import anyio.to_thread

from qualtrics_async import Limits, Polling, Qualtrics, RetryPolicy, exports
from qualtrics_async.sandbox import ByPolls, Sandbox

START = "POST /surveys/{surveyId}/export-responses"
PROGRESS = "GET /surveys/{surveyId}/export-responses/{exportProgressId}"
FILE = "GET /surveys/{surveyId}/export-responses/{fileId}/file"

FORMATS = ("csv", "tsv", "json", "ndjson", "xml")
"""The formats that the sandbox makes."""

ODD_NAMES = ("../../evil", "a:b/c", "\"quoted\" 'twice'", "smile \N{GRINNING FACE}", "C:\\evil", ".", "\n")
"""Names of surveys that are no names of files."""


def asynchronous(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run an async test in a loop of its own, twenty seconds at most; it must leave no task."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(20):
                await test(*args, **kwargs)
            await settled()

        asyncio.run(bounded())

    return run


async def settled() -> None:
    """Fail if a task of ours is left after a few turns of the loop."""
    for _ in range(5):
        await asyncio.sleep(0)
    left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    own = [task for task in left if "sandbox" not in repr(task) and "aiohttp" not in repr(task)]
    assert not own, own


@dataclass
class Scene:
    """A sandbox, a client of it, and a survey with three responses."""

    sandbox: Sandbox
    client: Qualtrics

    @property
    def survey_id(self) -> str:
        """The survey that every sandbox has."""
        return self.sandbox.state.survey_id

    def survey(self, responses: int = 2, *, name: str = "Another") -> str:
        """Make a survey with so many responses."""
        survey_id = self.sandbox.state.add_survey(name)
        self.answer(survey_id, responses)
        return survey_id

    def answer(self, survey_id: str, responses: int) -> None:
        """Add responses."""
        for number in range(responses):
            text = f'Zoë {number}, "so",\nand on'
            self.sandbox.state.add_response(survey_id, {"QID1": number % 5, "QID2_TEXT": text})

    def count(self, route: str) -> int:
        """How many requests of a route arrived."""
        return sum(f"{record.method} {record.route}" == route for record in self.sandbox.requests)

    async def streamed(self, survey_id: str, form: Any = "csv", **options: Any) -> bytes:
        """What `stream()` gives."""
        async with exports.stream(self.client, survey_id, format=form, **options) as chunks:
            return b"".join([chunk async for chunk in chunks])


@asynccontextmanager
async def scene(*, client: dict[str, Any] | None = None, **options: Any) -> AsyncGenerator[Scene]:
    """Open a sandbox and a client of it."""
    async with Sandbox(**{"jobs": ByPolls(1), **options}) as sandbox:
        made = Qualtrics(**{**defaults(sandbox), **(client or {})})
        async with made:
            found = Scene(sandbox, made)
            found.answer(found.survey_id, 3)
            yield found


def defaults(sandbox: Sandbox) -> dict[str, Any]:
    """The settings of a client that waits for nothing."""
    return {
        "token": sandbox.token,
        "base_url": sandbox.base_url,
        "limits": Limits.unlimited(),
        "polling": Polling(first=0, factor=1, longest=0, deadline=5),
        "retry": RetryPolicy(base=0),
        "random": Random(7),
    }


async def inside(folder: Path) -> list[str]:
    """What a folder and those below it hold."""
    return await anyio.to_thread.run_sync(_inside, folder)


def _inside(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


async def content(path: Path) -> bytes:
    """What a file holds."""
    return await anyio.to_thread.run_sync(path.read_bytes)


async def write(path: Path, data: bytes) -> None:
    """Write a file."""
    await anyio.to_thread.run_sync(path.write_bytes, data)


async def mode(path: Path) -> int:
    """Who may read a file."""
    return (await anyio.to_thread.run_sync(os.stat, path)).st_mode & 0o777
