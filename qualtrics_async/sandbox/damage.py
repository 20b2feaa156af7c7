"""Archives that are not what they seem."""

from __future__ import annotations

import zipfile
from typing import IO, TYPE_CHECKING, cast

from qualtrics_async.sandbox.kept_files import Streamed
from qualtrics_async.sandbox.spoil import HTML

if TYPE_CHECKING:
    from collections.abc import Callable

    from qualtrics_async.sandbox.faults import Fault
    from qualtrics_async.sandbox.kept_files import Kept, Sink

__all__ = ["damaged"]

_PIECE = 1 << 20
_CHECKSUM, _SIZE = 16, 24
"""Where an entry of the directory has them: four bytes each, the lowest first."""


def damaged(kept: Kept, fault: Fault) -> Streamed:
    """What is sent in place of a kept file."""

    def write(sink: Sink) -> None:
        match fault.damage:
            case "bomb":
                _bomb(sink, fault.size)
            case "not_zip":
                sink.write(HTML.encode())
            case "liar":
                _copy(kept, sink)
                _patch(sink, _SIZE, lambda size: max(0, size + fault.by))
            case "checksum":
                _copy(kept, sink)
                _patch(sink, _CHECKSUM, lambda checksum: checksum ^ 0xFFFF_FFFF)

    mark = f"{fault.damage} {fault.by} {fault.size}"
    return Streamed((*kept.made.key, kept.etag, mark), write, kept.made.content_type, kept.made.name)


def _bomb(sink: Sink, size: int) -> None:
    nothing = bytes(_PIECE)
    with (
        zipfile.ZipFile(cast("IO[bytes]", sink), "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("bomb.csv", "w", force_zip64=True) as member,
    ):
        for start in range(0, size, _PIECE):
            member.write(nothing[: size - start])


def _copy(kept: Kept, sink: Sink) -> None:
    for start in range(0, kept.size, _PIECE):
        sink.write(kept.read_at(start, _PIECE))


def _patch(sink: Sink, offset: int, change: Callable[[int], int]) -> None:
    """Change a number in the first entry of the directory; a file that is no archive stays as it is."""
    end = sink.seek(0, 2)
    sink.seek(max(0, end - 22))
    tail = sink.read(22)
    if not tail.startswith(b"PK\x05\x06"):
        return
    place = int.from_bytes(tail[16:20], "little") + offset
    sink.seek(place)
    number = int.from_bytes(sink.read(4), "little")
    sink.seek(place)
    sink.write(change(number).to_bytes(4, "little"))
    sink.seek(0, 2)
