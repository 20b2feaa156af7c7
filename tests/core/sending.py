"""Servers that take uploads, and clients that send them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from wires import OK, Reader, Writer, answered

from qualtrics_async import Limits, Qualtrics, RetryPolicy
from qualtrics_async._core.uploads import FilePart, Source, Upload

MEBIBYTE = 1024 * 1024
CONTENT = bytes(range(256)) * 5 * 1024  # 1.25 MiB, more than one read
THINGS = "/things"
REFUSED = answered(OK, "429 Too Many Requests", "Retry-After: 1")
FAILED = answered(OK, "500 Internal Server Error")
DONE = answered(b'{"result":{"id":"X_1"},"meta":{}}')


class Taker:
    """Reads uploads whole and gives each its answer, the last one again and again; b"" hangs up instead.

    `bodies` and `heads` have what came; `pace` is how many seconds pass after each mebibyte.
    """

    def __init__(self, *answers: bytes, pace: float = 0.0, keep: bool = True) -> None:
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []
        self.received = 0
        self._answers = list(answers) or [DONE]
        self._pace = pace
        self._keep = keep

    async def __call__(self, reader: Reader, writer: Writer) -> None:
        """Serve one connection."""
        while True:
            try:
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))
            except asyncio.IncompleteReadError:
                return
            self.bodies.append(await self._body(reader))
            answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
            if not answer:
                return
            writer.write(answer)
            await writer.drain()

    async def _body(self, reader: Reader) -> bytes:
        left, parts, turn = length_of(self.heads[-1]), [], 0
        while left:
            part = await reader.read(min(left, 65536))
            if not part:
                raise ConnectionError
            left -= len(part)
            turn += len(part)
            self.received += len(part)
            if self._keep:
                parts.append(part)
            if self._pace and turn >= MEBIBYTE:
                turn -= MEBIBYTE
                await asyncio.sleep(self._pace)
        return b"".join(parts)


def length_of(head: bytes) -> int:
    """The `Content-Length` of a request, which must be there."""
    return int(value_of(head, b"content-length"))


def value_of(head: bytes, name: bytes) -> bytes:
    """The value of a header, which must be there once."""
    (value,) = (
        line.partition(b":")[2] for line in head.split(b"\r\n") if line.lower().startswith(name + b":")
    )
    return value.strip()


def client_at(port: int, **options: Any) -> Qualtrics:
    """Make a client of a server of raw bytes."""
    return Qualtrics(
        **{
            "token": "t",
            "base_url": f"http://127.0.0.1:{port}",
            "retry": RetryPolicy(base=0.01),
            "limits": Limits.unlimited(),
            **options,
        }
    )


def sparse(path: Path, size: int) -> Path:
    """Make a file of zeros that takes no space."""
    with path.open("wb") as file:
        file.truncate(size)
    return path


def open_below(folder: Path) -> list[str]:
    """Tell which files of a folder this process has open."""
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        try:
            found.append(str(entry.readlink()))
        except OSError:  # the directory's own descriptor is gone by now
            continue
    return [name for name in found if name.startswith(str(folder))]


def upload_of(content: Source) -> Upload:
    """A form of one file."""
    return Upload.form({"file": FilePart(content, "data.bin")}, boundary="limit")


def framed(content: bytes) -> bytes:
    """What a form of one file looks like, written by hand."""
    return (
        b'--limit\r\nContent-Disposition: form-data; name="file"; filename="data.bin"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n" + content + b"\r\n--limit--\r\n"
    )


async def post(client: Qualtrics, upload: Upload, method: str = "POST") -> Any:
    """Send an upload."""
    return await client.request(method, THINGS, body=upload)
