"""An executor that records requests and answers with samples."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from qualtrics_async._core.codec import decode, encode_body
from qualtrics_async._core.request import Request

T = TypeVar("T")

# Read here, because nothing may read files while a loop runs.
SAMPLES = {path.stem: path.read_bytes() for path in (Path(__file__).parents[1] / "samples").glob("*.json")}


class Recorder:
    """Answers the n-th request with the n-th sample, decoded by the client's own codec.

    An answer is a sample's name, an exception to raise, or a function that is awaited for the name.
    """

    def __init__(self, *answers: str | Exception | Callable[[], Awaitable[str]]) -> None:
        self.requests: list[Request[Any]] = []
        self._answers = list(answers)

    async def send(self, request: Request[T], /) -> T:
        """Record the request, and answer it."""
        self.requests.append(request)
        answer = self._answers.pop(0) if self._answers else "nothing"
        if isinstance(answer, Exception):
            raise answer
        name = answer if isinstance(answer, str) else await answer()
        value: T = decode(request, 200, {"Content-Type": "application/json"}, SAMPLES[name]).value
        return value

    @property
    def request(self) -> Request[Any]:
        """The only request."""
        (request,) = self.requests
        return request

    @property
    def sent(self) -> Any:
        """The body of the only request, as the wire has it; None where it has none."""
        encoded = encode_body(self.request)
        return None if encoded is None else json.loads(encoded[1])

    @property
    def query(self) -> dict[str, str]:
        """The query of the only request."""
        return dict(self.request.query)


def raw(value: object) -> msgspec.Raw:
    """A value that is encoded already."""
    return msgspec.Raw(msgspec.json.encode(value))
