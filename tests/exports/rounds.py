"""A survey that is followed in virtual time, and what is known of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

from qualtrics_async import Limits, Polling, Qualtrics, RetryPolicy, exports
from qualtrics_async.exports import FollowFile, FollowState
from qualtrics_async.models.responses import Response
from qualtrics_async.sandbox import ByPolls, Exports, Sandbox

__all__ = ["DAY", "FILE", "START", "Answer", "Survey", "answer", "surveyed"]

Answer: TypeAlias = tuple[str, str]
State: TypeAlias = FollowState | FollowFile | str | Path | None

START = "POST /surveys/{surveyId}/export-responses"
FILE = "GET /surveys/{surveyId}/export-responses/{fileId}/file"
DAY = 86_400.0


class Clock:
    """The loop's time, and whatever a test lets pass at once."""

    def __init__(self) -> None:
        self.passed = 0.0
        self._time = asyncio.get_running_loop().time

    def __call__(self) -> float:
        """The seconds."""
        return self._time() + self.passed


@dataclass
class Survey:
    """A survey of a sandbox, whose responses are one answer each."""

    sandbox: Sandbox
    client: Qualtrics
    clock: Clock
    ids: list[str] = field(default_factory=list)

    @property
    def id(self) -> str:
        """Its id."""
        return self.sandbox.state.survey_id

    @property
    def starts(self) -> list[dict[str, Any]]:
        """What the exports were started with, those that were refused as well."""
        asked = [record for record in self.sandbox.requests if f"{record.method} {record.route}" == START]
        return [json.loads(record.body or b"") for record in asked]

    def arrive(self, answer: str) -> str:
        """Let a response arrive."""
        made = self.sandbox.state.add_response(self.id, {"QID1_TEXT": answer})
        self.ids.append(made.id)
        return made.id

    def change(self, response_id: str, answer: str) -> None:
        """Change a response."""
        response = self.sandbox.state.responses[response_id]
        response.values["QID1_TEXT"] = answer
        self.sandbox.state.touch(response)

    def truth(self) -> dict[str, str]:
        """The answer of each response."""
        kept = self.sandbox.state.responses.values()
        return {response.id: response.values["QID1_TEXT"] for response in kept}

    def told(self) -> datetime:
        """The service's time."""
        return datetime.fromtimestamp(self.sandbox.state.now() / 1000, UTC)

    def follow(self, state: State = None, **options: Any) -> Any:
        """Follow it by the sandbox's clock."""
        return exports.follow(self.client, self.id, state=state, **{"clock": self.told, **options})

    async def once(self, state: State = None, **options: Any) -> tuple[list[Answer], FollowState]:
        """Go one round, and return the answers and the state."""
        async with self.follow(state, **options) as responses:
            found = [answer(response) async for response in responses]
            assert responses.state is not None
            return found, responses.state


def answer(response: Response) -> Answer:
    """The id of a response, and its answer."""
    return response.response_id, response.values["QID1_TEXT"]


@asynccontextmanager
async def surveyed(*, lag: float = 0.0, **options: Any) -> AsyncGenerator[Survey]:
    """Serve a survey whose clock is the loop's, to a client that waits for nothing but what it must."""
    given: dict[str, Any] = {"jobs": ByPolls(0), "record_bodies": True, "exports": Exports(lag=lag)}
    given["clock"] = clock = Clock()
    async with (
        Sandbox(**{**given, **options}) as sandbox,
        Qualtrics(
            token=sandbox.token,
            base_url=sandbox.base_url,
            limits=Limits.unlimited(),
            polling=Polling(first=0),
            retry=RetryPolicy(base=0, retries=1),
        ) as client,
    ):
        yield Survey(sandbox, client, clock)
