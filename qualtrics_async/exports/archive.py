"""The archive of an export: its members as one stream of bytes, checked and bounded.

All of this is for a thread. The names of members come from the survey's title and are only told, never used.
"""

from __future__ import annotations

import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from io import SEEK_END
from struct import error as StructError  # noqa: N812  (an exception)
from typing import BinaryIO, Final
from zipfile import BadZipFile, ZipFile, ZipInfo

from msgspec import Struct

from qualtrics_async.errors import DecodeError
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
_LONGEST_HEADER: Final = 64 * 1024**2
_HEADER_ROWS: Final = 3
_MARK: Final = b"\xef\xbb\xbf"
_IMPORT_ID: Final = b"ImportId"
_JOINABLE: Final = frozenset({"csv", "tsv", "ndjson"})
_TABLES: Final = frozenset({"csv", "tsv"})


class Member(Struct, frozen=True):
    """One file of an archive: its name as it came, which is no path, and its size in bytes."""

    name: str
    size: int


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except _BROKEN as error:
        failure = DecodeError(f"the file of the export is broken: {type(error).__name__}: {error}"[:300])
        failure.transient = True
        raise failure from error


class Archive:
    """A zip on disk. Its directory is checked before anything is read from it.

    Raises:
        DecodeError: for what is no archive (`transient` is true: another download may be whole), and for one
            that expands too far.
    """

    def __init__(self, file: BinaryIO, form: ExportFormat, expansion: Expansion) -> None:
        self._form = form
        with _explained():
            self._zip = ZipFile(file)
        self._found = [found for found in self._zip.infolist() if not found.is_dir()]
        self.members = tuple(Member(found.filename, found.file_size) for found in self._found)
        self.size = sum(member.size for member in self.members)
        try:
            _check(self.members, file.seek(0, SEEK_END), expansion)
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
        return MemberStream(self._zip, self._found, has_header=self._form in _TABLES)

    def close(self) -> None:
        """Let go of the archive; the file stays open."""
        self._zip.close()


def _check(members: tuple[Member, ...], packed: int, expansion: Expansion) -> None:
    if not members:
        raise DecodeError("the archive of the export has no file in it")
    size = sum(member.size for member in members)
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


class MemberStream:
    """The members of an archive as one stream.

    Each begins on a line of its own. In tables, the header rows of a later member are left out if they equal
    those of the first; a later member without them is taken as it is (neither is documented).
    """

    def __init__(self, archive: ZipFile, found: list[ZipInfo], *, has_header: bool) -> None:
        self._zip = archive
        self._found = found
        self._header = _Header() if has_header and len(found) > 1 else None
        self._pieces = self._read()

    def take(self) -> bytes:
        """Read the next bytes, up to half a megabyte or a header; nothing at the end.

        Raises:
            DecodeError: for a member that is broken: its checksum, its length, its compression.
        """
        with _explained():
            return next(self._pieces, b"")

    def close(self) -> None:
        """Let go of the member that is open."""
        self._pieces.close()

    def _read(self) -> Generator[bytes]:
        last = b"\n"
        for number, info in enumerate(self._found):
            with self._zip.open(info) as member:
                piece = member.read(max(_BLOCK, 0 if self._header is None else self._header.size))
                count = len(piece)
                if number:
                    piece = piece.removeprefix(_MARK) if self._header is None else self._header.cut(piece)
                    if piece and last != b"\n":
                        yield b"\n"
                while piece or count < info.file_size:
                    if not number and self._header is not None:
                        self._header.learn(piece)
                    if piece:
                        last = piece[-1:]
                        yield piece
                    piece = member.read(_BLOCK)
                    count += len(piece)
                    if not piece:
                        break
                if count != info.file_size:
                    raise BadZipFile(f"a member has {count} bytes, not {info.file_size}")


class _Header:
    """The header rows of the first member, and those of the others without them."""

    def __init__(self) -> None:
        self._begun = bytearray()
        self._whole: bytes | None = None

    @property
    def size(self) -> int:
        """Bytes that have to be read of a member to compare its header."""
        return len(self._begun) + len(_MARK)

    def learn(self, piece: bytes) -> None:
        """Read on in the first member, until its header is known."""
        if self._whole is None and len(self._begun) < _LONGEST_HEADER:
            self._begun += piece
            end = _end_of_rows(self._begun, _HEADER_ROWS)
            if end is not None:
                self._whole = bytes(self._begun[:end]).removeprefix(_MARK)
                self._begun = bytearray(self._whole)

    def cut(self, piece: bytes) -> bytes:
        """What follows the header in the beginning of a later member.

        Raises:
            DecodeError: when it has a header of its own.
        """
        piece = piece.removeprefix(_MARK)
        if self._whole is None:
            return piece
        if piece.startswith(self._whole):
            return piece[len(self._whole) :]
        own = _end_of_rows(piece, _HEADER_ROWS)
        if own is not None and _IMPORT_ID in piece[:own]:
            raise DecodeError(
                "the files of the export have different columns: export ndjson, or save the .zip"
            )
        return piece


def _end_of_rows(data: bytes | bytearray, rows: int) -> int | None:
    """Where so many rows of a table have ended; line ends within quotes are text."""
    start, quotes, after = 0, 0, 0
    while rows:
        after = data.find(b"\n", start) + 1
        if not after:
            return None
        quotes += data.count(b'"', start, after)
        rows -= quotes % 2 == 0
        start = after
    return after
