"""Bodies that are streamed: one file as it is, or a form with files (`multipart/form-data`)."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import ExitStack, asynccontextmanager, suppress
from io import SEEK_END, BytesIO
from typing import BinaryIO, Final, Self, TypeAlias

import anyio.to_thread
from msgspec import Struct

from qualtrics_async._core.tasks import to_its_end
from qualtrics_async.errors import UsageError

__all__ = ["FilePart", "OpenUpload", "Source", "Upload", "filename_of"]

Source: TypeAlias = bytes | os.PathLike[str] | BinaryIO
"""What is uploaded: bytes, the path of a file, or an open binary file that can be rewound."""

_Piece: TypeAlias = tuple[BinaryIO, int, int]
"""A file, where to read on in it, and how many bytes."""

CHUNK: Final = 256 * 1024
"""Bytes that are read at a time."""

_ESCAPES: Final = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})
_TYPE: Final = re.compile(r"[\x20-\x7e]+")


class FilePart(Struct, frozen=True):
    """One file of a form: its content, and the name and type that the service is told."""

    content: Source
    filename: str
    content_type: str = "application/octet-stream"

    def __repr__(self) -> str:
        return f"<FilePart {self.content_type}>"


class Upload(Struct, frozen=True):
    """A body that is read while it is sent: pieces in order, each with the position where it begins.

    It is opened anew each time that it is sent, because a 429 or a refused connection repeats it. An open
    file serves one upload at a time, which moves in it.
    """

    content_type: str
    pieces: tuple[tuple[Source, int], ...]

    def __repr__(self) -> str:
        return f"<Upload {self.content_type.partition(';')[0]}>"

    @classmethod
    def file(cls, content: Source, content_type: str) -> Self:
        """Send one file as it is.

        Raises:
            UsageError: for anything but bytes, a path or an open binary file that can be rewound, and for a
                type that no header can carry.
        """
        return cls(_type(content_type), (_piece(content),))

    @classmethod
    def form(cls, parts: Mapping[str, FilePart | str | bytes], *, boundary: str | None = None) -> Self:
        """Send a form: files, texts, and bytes, which are JSON that is encoded already.

        Raises:
            UsageError: for a file that is neither bytes, a path nor an open binary file, and for names, types
                and texts that cannot be written.
        """
        boundary = boundary or os.urandom(16).hex()
        pieces: list[tuple[Source, int]] = []
        for name, part in parts.items():
            head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name.translate(_ESCAPES)}"'
            if isinstance(part, FilePart):
                head += f'; filename="{part.filename.translate(_ESCAPES)}"\r\n'
                head += f"Content-Type: {_type(part.content_type)}"
                content = _piece(part.content)
            elif isinstance(part, bytes):
                head += "\r\nContent-Type: application/json"
                content = part, 0
            else:
                content = _encoded(part, name), 0
            pieces += [(_encoded(f"{head}\r\n\r\n", name), 0), content, (b"\r\n", 0)]
        pieces.append((f"--{boundary}--\r\n".encode(), 0))
        return cls(f"multipart/form-data; boundary={boundary}", tuple(pieces))

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[OpenUpload]:
        """Open and measure what is sent, and close at the end what was opened here.

        Raises:
            OSError: for a file that cannot be read; nothing was sent then.
        """
        opened, upload = ExitStack(), OpenUpload(self.content_type)
        try:
            upload.send(await to_its_end(anyio.to_thread.run_sync(self._open, opened)))
            yield upload
        finally:
            # On a thread, because a read that was given up may still hold the file.
            await to_its_end(anyio.to_thread.run_sync(upload.end, opened))

    def _open(self, opened: ExitStack) -> list[_Piece]:
        found: list[_Piece] = []
        for source, start in self.pieces:
            if isinstance(source, bytes):
                file: BinaryIO = BytesIO(source)
            elif isinstance(source, os.PathLike):
                file = opened.enter_context(open(source, "rb"))  # noqa: PTH123, SIM115  (any path-like)
            else:
                file = source
            size = file.seek(0, SEEK_END) - start
            if size < 0:
                raise OSError("the file became shorter before it was sent")
            if size:
                found.append((file, start, size))
        return found


class OpenUpload:
    """The bytes of an upload, once, and how many they are; `on_chunk` is called before each piece of them.

    `failure` is set where a file could not be read to its end: what was sent is no whole request then.
    """

    __slots__ = ("_left", "_reading", "content_type", "failure", "length", "on_chunk")

    def __init__(self, content_type: str) -> None:
        self.content_type = content_type
        self.length = 0
        self.failure: Exception | None = None
        self.on_chunk: Callable[[], object] = lambda: None
        self._left: list[_Piece] = []
        self._reading = threading.Lock()

    def send(self, pieces: list[_Piece]) -> None:
        """Take what there is to send."""
        self.length = sum(size for _, _, size in pieces)
        self._left = pieces

    def end(self, opened: ExitStack) -> None:
        """Read nothing any more, and close what was opened."""
        with self._reading:
            self._left = []
        opened.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if not self._left:
            raise StopAsyncIteration
        self.on_chunk()
        try:
            return await anyio.to_thread.run_sync(self._read)
        except Exception as failure:
            self.failure = failure
            raise

    def _read(self) -> bytes:
        read: list[bytes] = []
        room = CHUNK
        with self._reading:
            while self._left and room:
                file, place, size = self._left[0]
                file.seek(place)  # another part of the form may be of the same file
                chunk = file.read(min(size, room))
                if not chunk:
                    raise OSError("the file became shorter while it was sent")
                read.append(chunk)
                room -= len(chunk)
                if len(chunk) == size:
                    del self._left[0]
                else:
                    self._left[0] = file, place + len(chunk), size - len(chunk)
        return b"".join(read)


def filename_of(content: Source, given: str | None = None, *, parameter: str = "filename") -> str:
    """Find the name that the service is told: the one that is given as `parameter`, else the file's own.

    Raises:
        UsageError: for content that has no name.
    """
    own = content if isinstance(content, os.PathLike) else getattr(content, "name", None)
    name = given or (os.path.basename(own) if isinstance(own, str | os.PathLike) else "")  # noqa: PTH119  (any path-like)
    if not name.strip():
        raise UsageError(f"what is uploaded has no name of its own: give it one as {parameter}")
    return name


def _piece(content: Source) -> tuple[Source, int]:
    if isinstance(content, bytes | os.PathLike):
        return content, 0
    if not hasattr(content, "encoding"):  # a text file has one
        with suppress(AttributeError, OSError, ValueError):
            if content.seekable():
                return content, content.tell()
    raise UsageError(
        f"a file is given as bytes, a pathlib.Path or an open binary file, got {type(content).__name__}"
    )


def _type(content_type: str) -> str:
    if not _TYPE.fullmatch(content_type):
        raise UsageError(f"this is no content type: {content_type!r:.60}")
    return content_type


def _encoded(text: str, name: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise UsageError(f"the part {name!a:.60} of a form is not valid Unicode") from None
