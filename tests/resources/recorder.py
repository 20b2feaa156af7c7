"""An executor that records requests and answers with samples."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from qualtrics_async._core.codec import decode, encode_body
from qualtrics_async._core.downloads import Download
from qualtrics_async._core.jobs import P, Polling, poll
from qualtrics_async._core.request import Request
from qualtrics_async._core.uploads import Upload

T = TypeVar("T")

# Read here, because nothing may read files while a loop runs.
SAMPLES = {path.stem: path.read_bytes() for path in (Path(__file__).parents[1] / "samples").glob("*.json")}
AT_ONCE = Polling(first=0, longest=0)


class Content(Download):
    """A download that has arrived already."""

    __slots__ = ("_content",)

    def __init__(self, content: bytes) -> None:
        super().__init__(200, {})
        self._content = content

    async def chunks(self) -> AsyncGenerator[bytes]:
        """Yield everything."""
        yield self._content

    async def read(self, limit: int) -> bytes:
        """Return everything, up to the limit."""
        return self._content[:limit]


class Recorder:
    """Answers the n-th request with the n-th sample, decoded by the client's own codec.

    An answer is a sample's name, an exception to raise, or a function that is awaited for the name; the
    answer to a download is its content. `elsewhere` has the requests that carry no credential.
    """

    def __init__(self, *answers: str | bytes | Exception | Callable[[], Awaitable[str]]) -> None:
        self.requests: list[Request[Any]] = []
        self.elsewhere: list[Request[Any]] = []
        self._answers = list(answers)

    async def send(self, request: Request[T], /) -> T:
        """Record the request, and answer it."""
        self.requests.append(request)
        answer = self._answers.pop(0) if self._answers else "nothing"
        if isinstance(answer, Exception):
            raise answer
        assert not isinstance(answer, bytes)
        name = answer if isinstance(answer, str) else await answer()
        value: T = decode(request, 200, {"Content-Type": "application/json"}, SAMPLES[name]).value
        return value

    @asynccontextmanager
    async def download(
        self, request: Request[Any], /, *, elsewhere: bool = False
    ) -> AsyncGenerator[Download]:
        """Record the request, and hand out the content."""
        (self.elsewhere if elsewhere else self.requests).append(request)
        answer = self._answers.pop(0) if self._answers else b""
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, bytes)
        yield Content(answer)

    async def wait(self, job_id: str, progress: Callable[[], Awaitable[P]], /) -> P:
        """Poll without a pause."""
        return await poll(job_id, progress, AT_ONCE)

    @property
    def request(self) -> Request[Any]:
        """The only request."""
        (request,) = self.requests
        return request

    @property
    def sent(self) -> Any:
        """The body of the only request: what the JSON says, or the bytes of an upload; None without one."""
        if isinstance(self.request.body, Upload):
            return uploaded(self.request.body)
        encoded = encode_body(self.request)
        return None if encoded is None else json.loads(encoded[1])

    @property
    def query(self) -> dict[str, str]:
        """The query of the only request."""
        return dict(self.request.query)


def uploaded(upload: Upload) -> bytes:
    """All that an upload of bytes sends."""
    return b"".join(source for source, _ in upload.pieces if isinstance(source, bytes))


def raw(value: object) -> msgspec.Raw:
    """A value that is encoded already."""
    return msgspec.Raw(msgspec.json.encode(value))
