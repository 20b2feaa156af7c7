"""What a file of rows is: its size, the hash of its content as it is read, and how it is written."""

from __future__ import annotations

import os
import stat
from collections.abc import AsyncGenerator, Coroutine
from dataclasses import dataclass
from hashlib import blake2b
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Any, Final, TypeAlias

import anyio.to_thread

from qualtrics_async.bulk.rows import BrokenRow, SourceRow

__all__ = ["FileRows", "HashedFile", "Identity", "Layout", "Row"]

Row: TypeAlias = SourceRow | BrokenRow

_DIGEST_SIZE: Final = 16


class Identity:
    """What makes a file the same one, whatever it is called and whenever it was written.

    `size` is in bytes: None until the file is opened (`measure()` asks before), of a pipe until it is read.
    `digest` is the BLAKE2b hash of its content, 32 hexadecimal digits: None until the whole file was read,
    which for CSV and JSON lines is with the last row, and for Parquet, not read in order, before the first.
    """

    __slots__ = ("_hash", "_path", "_read", "digest", "size")

    def __init__(self, path: Path) -> None:
        self._path = path
        self._hash = blake2b(digest_size=_DIGEST_SIZE)
        self._read = 0
        self.size: int | None = None
        self.digest: str | None = None

    async def measure(self) -> int | None:
        """Ask for the size before the file is read; None for what has none, like a pipe.

        Raises:
            OSError: when the file is not there.
        """
        if self.size is None:
            self.see(await anyio.to_thread.run_sync(os.stat, self._path))
        return self.size

    def see(self, status: os.stat_result) -> None:
        """Take the size from what the system says of the file."""
        if stat.S_ISREG(status.st_mode):
            self.size = status.st_size

    def add(self, data: memoryview) -> None:
        """Hash the next bytes of the file; no bytes are its end."""
        if self.digest is not None:
            return
        if data:
            self._hash.update(data)
            self._read += len(data)
        else:
            self.size, self.digest = self._read, self._hash.hexdigest()


class HashedFile(FileIO):
    """A file that is hashed as it is read; what is read beyond its end is not."""

    def __init__(self, path: Path, identity: Identity) -> None:
        super().__init__(path)
        self._identity = identity
        identity.see(os.fstat(self.fileno()))

    def readinto(self, buffer: Any, /) -> int:
        """Read into a buffer, and hash it."""
        count = super().readinto(buffer) or 0
        self._identity.add(memoryview(buffer)[:count])
        return count


@dataclass(slots=True)
class Layout:
    """How a file is written, as far as it was read: what its copy needs to look like it.

    `columns` are those of the header, none for JSON lines; `encoding` says whether UTF-8 has a mark.
    """

    form: str
    columns: tuple[str, ...] = ()
    delimiter: str = ","
    encoding: str = "utf-8"


class FileRows(AsyncGenerator[Row, None]):
    """The rows of a file, and what file it is. Close it as any async generator, with `aclosing`."""

    __slots__ = ("_rows", "identity", "layout")

    def __init__(self, rows: AsyncGenerator[Row], identity: Identity, layout: Layout) -> None:
        self._rows = rows
        self.identity = identity
        self.layout = layout

    def __anext__(self) -> Coroutine[Any, Any, Row]:
        return self._rows.__anext__()

    def asend(self, value: None, /) -> Coroutine[Any, Any, Row]:
        """Read the next row."""
        return self._rows.asend(value)

    def athrow(
        self,
        kind: type[BaseException] | BaseException,
        value: BaseException | object = None,
        traceback: TracebackType | None = None,
        /,
    ) -> Coroutine[Any, Any, Row]:
        """Raise an exception where the reading stands."""
        error = (
            kind if isinstance(kind, BaseException) else value if isinstance(value, BaseException) else kind()
        )
        return self._rows.athrow(error.with_traceback(traceback) if traceback else error)

    def aclose(self) -> Coroutine[Any, Any, None]:
        """Close the file."""
        return self._rows.aclose()
