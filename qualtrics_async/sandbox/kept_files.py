"""Files of any size: made once, on a thread, into a temporary file that has no name."""

from __future__ import annotations

import asyncio
import tempfile
import threading
import zlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from qualtrics_async.sandbox.wire import file_headers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

__all__ = ["Interrupted", "Keeper", "Kept", "Sink", "Streamed"]

MAKERS = 2
"""Files that are made at the same time."""

KEPT = 8
"""Files that stay open besides those that are being sent: each takes a descriptor and its size on disk."""


class Interrupted(Exception):
    """The sandbox closes while a file is being made."""


class Sink:
    """What a file is written into. It ends the writing when the sandbox closes."""

    def __init__(self, file: IO[bytes], closing: threading.Event) -> None:
        self._file = file
        self._closing = closing
        self.checksum = 0

    def write(self, data: bytes) -> int:
        """Write; as files do."""
        if self._closing.is_set():
            raise Interrupted
        self.checksum = zlib.crc32(data, self.checksum)
        return self._file.write(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move; as files do."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """The position; as files do."""
        return self._file.tell()

    def read(self, size: int = -1) -> bytes:
        """Read; as files do."""
        return self._file.read(size)

    def flush(self) -> None:
        """Flush; as files do."""
        self._file.flush()


@dataclass(frozen=True, slots=True)
class Streamed:
    """An answer that is a file of any size, by its key; `write` makes it on a thread, once."""

    key: tuple[str, ...]
    write: Callable[[Sink], None]
    content_type: str
    name: str

    @property
    def headers(self) -> dict[str, str]:
        """As those of every file."""
        return file_headers(self.content_type, self.name)


class Kept:
    """A file that was made. `etag` is a strong validator: other content has another."""

    def __init__(self, made: Streamed, file: IO[bytes], size: int, etag: str) -> None:
        self.made = made
        self.size = size
        self.etag = etag
        self._file = file
        self._lock = threading.Lock()

    async def read(self, start: int, size: int) -> bytes:
        """So many bytes from there on, fewer at the end."""
        return await asyncio.to_thread(self.read_at, start, size)

    def close(self) -> None:
        """Give the room back; not in an event loop."""
        with self._lock:
            self._file.close()

    def read_at(self, start: int, size: int) -> bytes:
        """The same, not in an event loop."""
        with self._lock:
            self._file.seek(start)
            return self._file.read(size)


class Keeper:
    """The last few files of a sandbox, until it closes; one that is asked for later is made again."""

    def __init__(self) -> None:
        self._files: dict[tuple[str, ...], asyncio.Task[Kept]] = {}
        self._users: Counter[tuple[str, ...]] = Counter()
        self._closing = threading.Event()
        self._makers: ThreadPoolExecutor | None = None

    @asynccontextmanager
    async def lend(self, made: Streamed) -> AsyncIterator[Kept]:
        """The file, which is made where it is not there; it stays open at least until it is given back."""
        self._users[made.key] += 1
        try:
            yield await asyncio.shield(self._task(made))
        finally:
            self._users[made.key] -= 1
            self._drop_surplus()

    def interrupt(self) -> None:
        """End what is being made; whoever waits for it gets `Interrupted`."""
        self._closing.set()

    async def close(self) -> None:
        """End what is being made and give all files back."""
        self.interrupt()
        done = await asyncio.gather(*self._files.values(), return_exceptions=True)
        self._files.clear()
        for kept in done:
            if isinstance(kept, Kept):
                await asyncio.to_thread(kept.close)
        if self._makers is not None:
            await asyncio.to_thread(self._makers.shutdown)
            self._makers = None
        self._closing.clear()

    def _task(self, made: Streamed) -> asyncio.Task[Kept]:
        """What makes the file or has made it, which becomes the one that was asked for last."""
        task = self._files.pop(made.key, None)
        if task is None:
            task = asyncio.create_task(self._make(made))
            task.add_done_callback(lambda done: self._forget(made.key, done))
        self._files[made.key] = task
        return task

    async def _make(self, made: Streamed) -> Kept:
        if self._makers is None:
            self._makers = ThreadPoolExecutor(MAKERS, "qualtrics-sandbox-files")
        return await asyncio.get_running_loop().run_in_executor(self._makers, _write, made, self._closing)

    def _forget(self, key: tuple[str, ...], done: asyncio.Task[Kept]) -> None:
        """Let a file that could not be made be tried again; whoever asked for others may have gone."""
        if done.cancelled() or done.exception() is not None:
            self._files.pop(key, None)
        self._drop_surplus()

    def _drop_surplus(self) -> None:
        """Close the files that nobody has asked for the longest, on a thread; none that is in use."""
        self._users = +self._users
        idle = [key for key, task in self._files.items() if _is_made(task) and not self._users[key]]
        for key in idle[: max(0, len(idle) - KEPT)]:
            surplus = self._files.pop(key).result()
            if self._makers is not None:
                self._makers.submit(surplus.close)


def _is_made(task: asyncio.Task[Kept]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None


def _write(made: Streamed, closing: threading.Event) -> Kept:
    file = tempfile.TemporaryFile()  # noqa: SIM115  # lives as long as what is kept
    try:
        sink = Sink(file, closing)
        made.write(sink)
        size = file.seek(0, 2)
    except BaseException:
        file.close()
        raise
    return Kept(made, file, size, f'"{size:x}-{sink.checksum:08x}"')
