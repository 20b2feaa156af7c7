"""Bodies that are streamed: one file as it is, or a form with files (`multipart/form-data`)."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import ExitStack, asynccontextmanager, suppress
from io import SEEK_END, BytesIO, TextIOBase
from typing import BinaryIO, Final, Self, TypeAlias

import anyio.to_thread
from msgspec import Struct

from qualtrics_async._core.tasks import to_its_end
from qualtrics_async.errors import UsageError

__all__ = ["FilePart", "OpenUpload", "Source", "Upload", "filename_of"]

Source: TypeAlias = bytes | os.PathLike[str] | BinaryIO
"""What is uploaded: bytes, the path of a file, or an open binary file that can be rewound."""

CHUNK: Final = 256 * 1024
"""Bytes that are read at a time."""

_ESCAPES: Final = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})


class FilePart(Struct, frozen=True):
    """One file of a form: its content, and the name and type that the service is told."""

    content: Source
    filename: str
    content_type: str = "application/octet-stream"


class Upload(Struct, frozen=True):
    """A body that is read while it is sent: pieces in order, each with the position where it begins.

    It is opened anew each time that it is sent, because a 429 or a refused connection repeats it.
    """

    content_type: str
    pieces: tuple[tuple[Source, int], ...]

    @classmethod
    def file(cls, content: Source, content_type: str) -> Self:
        """Send one file as it is.

        Raises:
            UsageError: for anything but bytes, a path or an open binary file that can be rewound.
        """
        return cls(content_type, (_piece(content),))

    @classmethod
    def form(cls, parts: Mapping[str, FilePart | str | bytes], *, boundary: str | None = None) -> Self:
        """Send a form: files, texts, and bytes, which are JSON that is encoded already.

        Raises:
            UsageError: for a file that is neither bytes, a path nor an open binary file.
        """
        boundary = boundary or os.urandom(16).hex()
        pieces: list[tuple[Source, int]] = []
        for name, part in parts.items():
            head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name.translate(_ESCAPES)}"'
            if isinstance(part, FilePart):
                head += f'; filename="{part.filename.translate(_ESCAPES)}"\r\n'
                head += f"Content-Type: {part.content_type}"
                content = _piece(part.content)
            elif isinstance(part, bytes):
                head += "\r\nContent-Type: application/json"
                content = part, 0
            else:
                content = part.encode(), 0
            pieces += [(f"{head}\r\n\r\n".encode(), 0), content, (b"\r\n", 0)]
        pieces.append((f"--{boundary}--\r\n".encode(), 0))
        return cls(f"multipart/form-data; boundary={boundary}", tuple(pieces))

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[OpenUpload]:
        """Open and measure what is sent, and close at the end what was opened here.

        Raises:
            OSError: for a file that cannot be read; nothing was sent then.
        """
        opened = ExitStack()
        try:
            pieces = await to_its_end(anyio.to_thread.run_sync(self._open, opened))
            yield OpenUpload(self.content_type, pieces)
        finally:
            # On a thread, because a read that was given up may still hold the file.
            await to_its_end(anyio.to_thread.run_sync(opened.close))

    def _open(self, opened: ExitStack) -> list[tuple[BinaryIO, int]]:
        found: list[tuple[BinaryIO, int]] = []
        for source, start in self.pieces:
            if isinstance(source, bytes):
                file: BinaryIO = BytesIO(source)
            elif isinstance(source, os.PathLike):
                file = opened.enter_context(open(source, "rb"))  # noqa: PTH123, SIM115  (any path-like)
            else:
                file = source
            found.append((file, file.seek(0, SEEK_END) - start))
            file.seek(start)
        return found


class OpenUpload:
    """The bytes of an upload, once, and how many they are; `on_chunk` is called before each piece of them."""

    __slots__ = ("_left", "content_type", "length", "on_chunk")

    def __init__(self, content_type: str, pieces: list[tuple[BinaryIO, int]]) -> None:
        self.content_type = content_type
        self.length = sum(size for _, size in pieces)
        self.on_chunk: Callable[[], object] = lambda: None
        self._left = pieces

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        while self._left and not self._left[0][1]:
            del self._left[0]
        if not self._left:
            raise StopAsyncIteration
        file, size = self._left[0]
        self.on_chunk()
        chunk = await anyio.to_thread.run_sync(file.read, min(size, CHUNK))
        if not chunk:
            raise OSError("the file became shorter while it was sent")
        self._left[0] = file, size - len(chunk)
        return chunk


def filename_of(content: Source, given: str | None = None) -> str:
    """Find the name that the service is told: the one that is given, else the file's own.

    Raises:
        UsageError: for content that has no name.
    """
    own = content if isinstance(content, os.PathLike) else getattr(content, "name", None)
    name = given or (os.path.basename(own) if isinstance(own, str | os.PathLike) else "")  # noqa: PTH119  (any path-like)
    if not name.strip():
        raise UsageError("a file that has no name of its own is given one")
    return name


def _piece(content: Source) -> tuple[Source, int]:
    if isinstance(content, bytes | os.PathLike):
        return content, 0
    if not isinstance(content, TextIOBase):
        with suppress(AttributeError, OSError, ValueError):
            if content.seekable():
                return content, content.tell()
    raise UsageError(
        f"a file is given as bytes, a pathlib.Path or an open binary file, got {type(content).__name__}"
    )
