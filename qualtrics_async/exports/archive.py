"""The archive of an export: its members as one stream of bytes, checked and bounded.

All of this is for a thread, unless it says that no disk is needed. The names of members come from the
survey's title and are only told, never used.
"""

from __future__ import annotations

import errno
import re
import zlib
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from io import SEEK_CUR, SEEK_END, SEEK_SET
from struct import error as StructError  # noqa: N812  (an exception)
from struct import unpack_from
from typing import BinaryIO, Final, cast
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from msgspec import Struct

from qualtrics_async.errors import DecodeError
from qualtrics_async.exports.headers import Header, without_mark
from qualtrics_async.exports.options import Expansion, ExportFormat

__all__ = ["Archive", "Member", "MemberStream"]

_BROKEN: Final = (
    *(BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, StructError),
    *(ValueError, OverflowError, LookupError),
)
"""What `zipfile` raises for what is no archive, or one that it cannot read."""

_FREE: Final = 64 * 1024**2
"""Bytes up to which the ratio does not matter."""

_BLOCK: Final = 512 * 1024
_AHEAD: Final = 4 * _BLOCK
"""Bytes of the archive that are read at a time."""

_MORE: Final = 64 * 1024
"""Bytes that `zipfile` may read for a block beyond the block's own size: what is packed may be larger."""

_LARGEST_DIRECTORY: Final = 16 * 1024**2
"""Bytes of a directory: `zipfile` holds all of it in memory."""

_MOST_MEMBERS: Final = 10_000
"""Exports have few: beyond it, a thread would be busy with the directory for seconds."""

_LOCAL, _CENTRAL = b"PK\x03\x04", b"PK\x01\x02"
_END, _LARGE_END = b"PK\x05\x06", b"PK\x06\x06"
_LOCAL_SIZE, _CENTRAL_SIZE, _END_SIZE, _LARGE_END_SIZE = 30, 46, 22, 56
_UTF_8: Final = 0x08
"""The flag, in the second of two bytes."""

_ENCRYPTED: Final = 0x41
_PLAIN: Final = "cp437"
_NAMING: Final = re.compile(r" for file | in directory |name=")
_JOINABLE: Final = frozenset({"csv", "tsv", "ndjson"})
_DELIMITERS: Final = {"csv": ",", "tsv": "\t"}


class Member(Struct, frozen=True):
    """One file of an archive: its name as it came, which is no path, and its size in bytes."""

    name: str
    size: int


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except _BROKEN as error:
        raise _broken(error) from error
    except OSError as error:
        if error.errno != errno.EINVAL:  # to seek before the beginning; the rest is about the disk
            raise
        raise _broken(error) from error


def _broken(error: Exception) -> DecodeError:
    failure = DecodeError(
        f"the file of the export is broken: {type(error).__name__}: {_told(error)}: export it again"
    )
    failure.transient = True
    return failure


def _told(error: Exception) -> str:
    """What an error says; not the name of the member, which is the survey's."""
    return _NAMING.split(str(error), maxsplit=1)[0][:200]


class Archive:
    """A zip on disk. Its directory is checked before anything is read from it.

    Raises:
        DecodeError: for what is no archive (`transient` is true: another download may be whole), and for one
            that expands too far, has too many members, or cannot be read: encrypted, or compressed in an
            unusual way.
    """

    def __init__(self, file: BinaryIO, form: ExportFormat, expansion: Expansion) -> None:
        self._form = form
        self._view = _View(file)
        with _explained():
            self._zip = self._view.opened()
        try:
            with _explained():
                found = self._zip.infolist()
                self._found = [info for info in found if info.file_size or not info.filename.endswith("/")]
                self.members = tuple(Member(_name(info), info.file_size) for info in self._found)
                _check_places(found, self._zip.start_dir)
                packed = file.seek(0, SEEK_END)
            self.size = sum(member.size for member in self.members)
            _check_size(self.size, packed, expansion)
            _check_readable(self._found)
        except BaseException:
            self._zip.close()
            raise

    def stream(self) -> MemberStream:
        """Read the members, one after the other.

        Raises:
            DecodeError: for several members of a format that cannot be put together.
        """
        if len(self._found) > 1 and self._form not in _JOINABLE:
            raise DecodeError(
                f"the export has {len(self._found)} files in the format {self._form}, which are not one "
                "stream: save the archive as a .zip, or export ndjson or csv"
            )
        return MemberStream(self._zip, self._view, self._found, delimiter=_DELIMITERS.get(self._form))

    def parts(self) -> MemberStream:
        """Read the members as they are, whatever their format: for the sake of their checksums."""
        return MemberStream(self._zip, self._view, self._found, delimiter=None)

    def close(self) -> None:
        """Let go of the archive; the file stays open."""
        self._zip.close()


class _View:
    """A file as `zipfile` sees it: read ahead, and with the names of members in no encoding.

    The service says UTF-8 of names that it may have cut in the middle of a character.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._ahead = b""
        self._begin = 0
        self._at = 0
        self._is_open = False
        self._count = 0
        self._failure: OSError | None = None

    def opened(self) -> ZipFile:
        """Read the directory, and count what is in it: one wrong length hides the members that follow.

        Raises:
            BadZipFile: for what is no archive.
            OSError: when the disk cannot be read; `zipfile` would say that this is no archive.
        """
        try:
            archive = ZipFile(cast("BinaryIO", self))
        except BadZipFile:
            if self._failure is not None:
                raise self._failure from None
            raise
        self._is_open = True
        if len(archive.infolist()) != self._count:
            archive.close()
            raise BadZipFile("the directory has another number of members than it says")
        return archive

    def seekable(self) -> bool:
        """Whether it can be read anywhere."""
        return True

    def seek(self, offset: int, whence: int = SEEK_SET) -> int:
        """Go to a place."""
        if whence == SEEK_END or not self._is_open:
            self._at = self._file.seek(offset, whence)
        else:
            self._at = offset + (self._at if whence == SEEK_CUR else 0)
        return self._at

    def tell(self) -> int:
        """Tell the place."""
        return self._at if self._is_open else self._file.tell()

    def has(self, size: int) -> bool:
        """Whether the next bytes, so many of them, can be read without the disk."""
        return self._begin <= self._at <= self._begin + len(self._ahead) - size

    def read(self, size: int = -1) -> bytes:
        """Read, with the flag for UTF-8 taken away from what describes a member."""
        if self._is_open:
            if not self.has(size):
                self._file.seek(self._at)
                self._ahead, self._begin = self._file.read(max(size, _AHEAD)), self._at
            start = self._at - self._begin
            piece = self._ahead[start : start + size]
            self._at += len(piece)
            if size == _LOCAL_SIZE and piece.startswith(_LOCAL):
                return piece[:7] + bytes([piece[7] & ~_UTF_8]) + piece[8:]
            return piece
        if size > _LARGEST_DIRECTORY:
            raise BadZipFile("the directory of the archive is too large")
        try:
            piece = self._file.read(size)
        except OSError as error:
            self._failure = error
            raise
        self._note(piece)
        return _without_names(piece) if piece.startswith(_CENTRAL) else piece

    def _note(self, piece: bytes) -> None:
        """Keep the number of members that an end of the directory tells."""
        if piece.startswith(_CENTRAL):
            return
        end = piece.rfind(_END)
        if end >= 0 and len(piece) >= end + _END_SIZE:
            (self._count,) = unpack_from("<H", piece, end + 10)
        elif piece.startswith(_LARGE_END) and len(piece) == _LARGE_END_SIZE:
            (self._count,) = unpack_from("<Q", piece, 32)


def _without_names(directory: bytes) -> bytes:
    """Take the flag for UTF-8 away from each entry of a directory.

    Raises:
        DecodeError: when there are too many.
    """
    changed = bytearray(directory)
    at = count = 0
    while changed.startswith(_CENTRAL, at) and len(changed) >= at + _CENTRAL_SIZE:
        count += 1
        if count > _MOST_MEMBERS:
            raise DecodeError(
                f"the archive of the export has more than {_MOST_MEMBERS} files, which no export has: "
                "ask for less, or for another format"
            )
        changed[at + 9] &= ~_UTF_8
        at += _CENTRAL_SIZE + sum(unpack_from("<3H", changed, at + 28))
    return bytes(changed)


def _name(info: ZipInfo) -> str:
    return info.filename.encode(_PLAIN).decode("utf-8", "replace")


def _check_places(found: Sequence[ZipInfo], end: int) -> None:
    """Refuse members that share bytes: that is how a small archive expands to a large one."""
    for info in sorted(found, key=lambda info: info.header_offset, reverse=True):
        if info.header_offset < 0 or info.header_offset + _LOCAL_SIZE + info.compress_size > end:
            raise BadZipFile("members overlap, or are not where the directory says")
        end = info.header_offset


def _check_size(size: int, packed: int, expansion: Expansion) -> None:
    if size > expansion.max_bytes:
        raise DecodeError(
            f"the export expands to {size} bytes, more than the {expansion.max_bytes} that are allowed: "
            "ask for less, or raise expansion.max_bytes"
        )
    if size > _FREE and size > packed * expansion.max_ratio:
        raise DecodeError(
            f"the export expands from {packed} to {size} bytes, more than {expansion.max_ratio:g} fold: "
            "this is no table, unless expansion.max_ratio is raised"
        )


def _check_readable(found: Sequence[ZipInfo]) -> None:
    if not found:
        raise DecodeError("the archive of the export has no file in it: export it again")
    for info in found:
        if info.flag_bits & _ENCRYPTED:
            raise DecodeError("the archive of the export is encrypted: save the .zip and open it elsewhere")
        if info.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
            raise DecodeError(
                f"the archive of the export is compressed by method {info.compress_type}, not by deflate: "
                "save the .zip and open it elsewhere"
            )


class MemberStream:
    """The members of an archive as one stream.

    Each begins on a line of its own. In tables, the header rows of a later member are left out if they equal
    those of the first; a later member without them is taken as it is (neither is documented). `done` is how
    many bytes of the members have been read, those that are left out as well: `Archive.size` at the end.
    """

    def __init__(
        self, archive: ZipFile, view: _View, found: Sequence[ZipInfo], *, delimiter: str | None
    ) -> None:
        self.done = 0
        self._zip = archive
        self._view = view
        self._found = found
        self._is_inside = False
        self._header = Header(delimiter) if delimiter and len(found) > 1 else None
        self._pieces = self._read()

    def take(self) -> bytes:
        """Read the next bytes, up to half a megabyte or a header; nothing at the end.

        Raises:
            DecodeError: for a member that is broken: its checksum, its length, its compression.
        """
        with _explained():
            return next(self._pieces, b"")

    @property
    def is_at_hand(self) -> bool:
        """Whether the next bytes need no disk: they take half a millisecond then, and no thread."""
        return self._is_inside and self._view.has(_BLOCK + _MORE)

    def close(self) -> None:
        """Let go of the member that is open."""
        self._pieces.close()

    def _read(self) -> Generator[bytes]:
        last = b"\n"
        for number, info in enumerate(self._found):
            begins = number > 0
            with closing(self._member(info)) as member:
                for piece in member if self._header is None else self._header.once(member):
                    part = without_mark(piece) if begins and self._header is None else piece
                    if not part:
                        continue
                    if begins and last != b"\n":
                        yield b"\n"
                    begins = False
                    last = part[-1:]
                    yield part

    def _member(self, info: ZipInfo) -> Generator[bytes]:
        count = 0
        with self._zip.open(info) as member:
            while piece := member.read(_BLOCK):
                count += len(piece)
                self.done += len(piece)
                self._is_inside = count < info.file_size
                yield piece
            self._is_inside = False
        if count != info.file_size:
            raise BadZipFile(f"a member has {count} bytes, not {info.file_size}")
