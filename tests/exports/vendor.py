"""The part of the service that exports, as raw bytes: it sends exactly what a test says, whole or not."""

from __future__ import annotations

import asyncio
import json
import re
import struct
import zipfile
import zlib
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

from sending import client_at
from wires import Reader, Writer, answered, head_of, serving

from qualtrics_async import Polling, Qualtrics

SURVEY = "SV_0aB1cD2eF3gH4iJ"
DONE = {"fileId": "F_1", "percentComplete": 100.0, "status": "complete"}
_PIECE = 16 * 1024
_FILES = re.compile(r".*\(deleted\)|.*/qualtrics-[^/]*")


@dataclass(frozen=True)
class Turn:
    """How one request for the file is answered; by default whole, or from the byte that is asked for.

    `stop` is the byte of the file at which the connection ends, after `silence` seconds; `only` bytes at most
    are in a partial answer. `start` is the first byte of a partial answer, whatever was asked for.
    """

    stop: int | None = None
    silence: float = 0.1
    ranges: bool = True
    status: int | None = None
    content: bytes | None = None
    etag: str | None = '"one"'
    checks: bool = True
    total: int | str | None = None
    only: int | None = None
    start: int | None = None
    length: int | None = None
    headers: tuple[str, ...] = ()


class Service:
    """One export; `turns` are how requests for its file are answered, the last one again and again.

    `ranges` has the first bytes that were asked for, `validators` the `If-Range` headers, `sent` the bytes of
    files, `states` the answers to questions for the progress.
    """

    def __init__(
        self, content: bytes, *turns: Turn, states: Sequence[dict[str, Any]] = (DONE,), hangs_up: bool = False
    ) -> None:
        self.ranges: list[int] = []
        self.validators: list[str | None] = []
        self.encodings: list[str | None] = []
        self.sent = 0
        self.starts = 0
        self._content = content
        self._turns = list(turns) or [Turn()]
        self._states = list(states)
        self._hangs_up = hangs_up

    async def __call__(self, reader: Reader, writer: Writer) -> None:
        """Serve one connection."""
        while head := await head_of(reader):
            line, *lines = head.decode().split("\r\n")
            if line.split()[1].endswith("/file"):
                headers = {
                    name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)
                }
                if not await self._give(headers, writer):
                    return
            else:
                writer.write(_result(self._state(line)))
            await writer.drain()

    def _state(self, line: str) -> dict[str, Any]:
        if line.startswith("POST"):
            self.starts += 1
            return {"progressId": "ES_1", "percentComplete": 0.0, "status": "inProgress"}
        return self._states.pop(0) if len(self._states) > 1 else self._states[0]

    async def _give(self, headers: dict[str, str], writer: Writer) -> bool:
        """Answer a request for the file; False if the connection ends with it."""
        turn = self._turns.pop(0) if len(self._turns) > 1 else self._turns[0]
        found = re.fullmatch(r"bytes=(\d+)-", headers.get("range", "bytes=0-"))
        assert found is not None
        asked = int(found[1])
        self.ranges.append(asked)
        self.validators.append(headers.get("if-range"))
        self.encodings.append(headers.get("accept-encoding"))
        if self._hangs_up:
            return False
        if turn.status is not None:
            writer.write(answered(b"{}", f"{turn.status} Refused"))
            return True
        content = self._content if turn.content is None else turn.content
        same = not turn.checks or headers.get("if-range") in (None, turn.etag)
        partial = asked > 0 and turn.ranges and same
        first = (asked if turn.start is None else turn.start) if partial else 0
        end = len(content) if turn.only is None else min(len(content), first + turn.only)
        writer.write(_head(turn, first, end, len(content), partial=partial))
        stop = end if turn.stop is None else max(first, min(end, turn.stop))
        for position in range(first, stop, _PIECE):
            piece = content[position : min(position + _PIECE, stop)]
            self.sent += len(piece)
            writer.write(piece)
            await writer.drain()
        if turn.stop is None and turn.length is None:
            return True
        await asyncio.sleep(turn.silence)  # what was sent arrives before the end
        return False


def _head(turn: Turn, first: int, end: int, size: int, *, partial: bool) -> bytes:
    lines = [f"HTTP/1.1 {'206 Partial' if partial else '200 OK'}", "Content-Type: application/zip"]
    lines.append(f"Content-Length: {end - first if turn.length is None else turn.length}")
    if partial and turn.total != "none":
        lines.append(f"Content-Range: bytes {first}-{end - 1}/{size if turn.total is None else turn.total}")
    if turn.etag is not None:
        lines.append(f"ETag: {turn.etag}")
    return "\r\n".join([*lines, *turn.headers, "", ""]).encode()


def _result(result: dict[str, Any]) -> bytes:
    meta = {"httpStatus": "200 - OK", "requestId": "REQ_7"}
    error = result.get("error")
    body = {"meta": meta | {"error": error}} if error else {"result": result, "meta": meta}
    return answered(json.dumps(body).encode())


@asynccontextmanager
async def at(service: Service, **options: Any) -> AsyncGenerator[Qualtrics]:
    """Open a client of such a service, which asks for progress without waiting."""
    defaults = {
        "token": "token-for-tests",
        "polling": Polling(first=0, factor=1, longest=0, deadline=5),
        "random": Random(7),
    }
    async with serving(service) as port, client_at(port, **{**defaults, **options}) as client:
        yield client


def temporary() -> list[str]:
    """Which temporary files of exports are open."""
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        try:
            found.append(str(entry.readlink()))
        except OSError:  # the directory's own descriptor is gone by now
            continue
    return [name for name in found if _FILES.fullmatch(name) and name not in _OTHERS]


_OTHERS: frozenset[str] = frozenset()
_OTHERS = frozenset(temporary())
"""Those that pytest has open."""


def zipped(*members: bytes, form: str = "csv", method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An archive of these members."""
    return named(
        *((f"Survey_{number}.{form}", member) for number, member in enumerate(members)), method=method
    )


def named(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An archive of members of these names."""
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content, method)
    return packed.getvalue()


@dataclass(frozen=True)
class Entry:
    """A member as it is written by hand; what is None is what it should be."""

    name: bytes = b"a.csv"
    content: bytes = b"x"
    method: int = 8
    flags: int = 0
    size: int | None = None
    packed_size: int | None = None
    checksum: int | None = None
    offset: int | None = None
    packed: bytes | None = None


def by_hand(*entries: Entry, start: int | None = None) -> bytes:
    """An archive that says what it is told to say."""
    data, directory = bytearray(), bytearray()
    for entry in entries:
        packed = _packed(entry)
        sizes = (
            zlib.crc32(entry.content) if entry.checksum is None else entry.checksum,
            len(packed) if entry.packed_size is None else entry.packed_size,
            len(entry.content) if entry.size is None else entry.size,
            len(entry.name),
            0,
        )
        said = (20, entry.flags, entry.method, 0, 33, *sizes)
        offset = len(data) if entry.offset is None else entry.offset
        data += struct.pack("<4s5H3L2H", b"PK\3\4", *said) + entry.name + packed
        directory += struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, *said, 0, 0, 0, 0, offset) + entry.name
    place = len(data) if start is None else start
    count = len(entries)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(directory), place, 0)
    return bytes(data + directory + end)


def _packed(entry: Entry) -> bytes:
    if entry.packed is not None:
        return entry.packed
    if entry.method != zipfile.ZIP_DEFLATED:
        return entry.content
    deflate = zlib.compressobj(6, zlib.DEFLATED, -15)
    return deflate.compress(entry.content) + deflate.flush()


def noise(size: int, seed: int = 1) -> bytes:
    """Bytes that hardly shrink."""
    return Random(seed).randbytes(size)


HEADER = b'Q1,Q2\n"What, ""exactly""\nis it?",Why\n"{""ImportId"":""QID1""}","{""ImportId"":""QID2""}"\n'
"""Three header rows with a line end, commas and quotes inside of quotes."""


def split(rows: Sequence[bytes], cuts: Sequence[int], header: Callable[[int], bytes]) -> list[bytes]:
    """Members of a table that was cut before these rows; `header` says what the n-th begins with."""
    places = [0, *sorted(cuts), len(rows)]
    return [
        header(number) + b"".join(rows[begin:end]) for number, (begin, end) in enumerate(pairwise(places))
    ]
