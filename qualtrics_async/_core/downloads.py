"""What is read piece by piece, and how it becomes a file."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from pathlib import Path
from typing import BinaryIO

import anyio.to_thread

from qualtrics_async._core.tasks import to_its_end
from qualtrics_async.errors import UsageError

__all__ = ["Download"]


class Download(ABC):
    """The body of an answer, read once and piece by piece; `status` and `headers` are there at once."""

    __slots__ = ("_begun", "headers", "status")

    def __init__(self, status: int, headers: Mapping[str, str]) -> None:
        self.status = status
        self.headers = headers
        self._begun = False

    def _begin(self) -> None:
        """Refuse to read a second time: what is left would pass for the whole."""
        if self._begun:
            raise UsageError("this download was read already, or its `async with` has ended: ask for it anew")
        self._begun = True

    @abstractmethod
    def chunks(self) -> AsyncGenerator[bytes]:
        """Yield the body as it arrives; each piece has the time that a whole attempt has elsewhere.

        Raises:
            TransportError: when the connection breaks or falls silent; what was yielded is incomplete.
            UsageError: when it was read before, in whole or in part, or its `async with` has ended.
        """

    @abstractmethod
    async def read(self, limit: int) -> bytes:
        """Read the whole body, up to `limit` bytes.

        Raises:
            DecodeError: for a body above the limit.
            TransportError: when the connection breaks or falls silent.
            UsageError: as `chunks()` does.
        """

    async def save(self, path: str | os.PathLike[str]) -> int:
        """Write the body to a file as it arrives, and return its length in bytes.

        The file has its name only when it is complete: what breaks off leaves nothing behind, and whatever
        was there before stays.

        Raises:
            TransportError, UsageError: as `chunks()` does.
            OSError: for a file that cannot be written.
        """
        target = Path(path)
        part = target.with_name(f".{target.name}.{os.urandom(4).hex()}.part")
        opened: list[BinaryIO] = []
        length = 0
        try:
            await to_its_end(anyio.to_thread.run_sync(_create, opened, part))
            async with aclosing(self.chunks()) as chunks:
                async for chunk in chunks:
                    length += await to_its_end(anyio.to_thread.run_sync(opened[0].write, chunk))
        except BaseException:
            await to_its_end(anyio.to_thread.run_sync(_give_up, opened, part))
            raise
        await to_its_end(anyio.to_thread.run_sync(_finish, opened[0], part, target))
        return length


def _create(opened: list[BinaryIO], part: Path) -> None:
    opened.append(part.open("xb"))


def _give_up(opened: list[BinaryIO], part: Path) -> None:
    for file in opened:
        with suppress(OSError):  # what could not be written need not be
            file.close()
        part.unlink(missing_ok=True)


def _finish(file: BinaryIO, part: Path, target: Path) -> None:
    try:
        file.close()
        part.replace(target)
    except OSError:
        part.unlink(missing_ok=True)
        raise
