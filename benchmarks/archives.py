"""Archives of responses of any size, made of one block over and over, which is packed once.

A gigabyte of real answers would take a minute to pack. What is repeated are whole blocks of several
megabytes, which is further than deflate looks back, so they expand as answers do.
"""

from __future__ import annotations

import csv
import io
import json
import struct
import zlib
from collections.abc import Iterator
from functools import cache
from random import Random
from typing import Any, Final, NamedTuple

__all__ = ["FORMATS", "Block", "archive", "block"]

FORMATS: Final = ("csv", "ndjson")
BLOCK: Final = 4_000_000
METADATA: Final = (
    *("startDate", "endDate", "status", "ipAddress", "progress", "duration", "finished", "recordedDate"),
    *("_recordId", "locationLatitude", "locationLongitude", "distributionChannel", "userLanguage"),
)
CODES: Final = tuple(f"QID{number}" for number in range(1, 21))
TEXTS: Final = tuple(f"QID{number}_TEXT" for number in range(21, 24))

_LOCAL: Final = struct.Struct("<4s5H3L2H")
_CENTRAL: Final = struct.Struct("<4s6H3L5H2L")
_END: Final = struct.Struct("<4s4H2LH")
_DEFLATED: Final = 8
_VERSION: Final = 20


class Block(NamedTuple):
    """A few thousand responses: as they are, and packed so that copies may follow one another."""

    plain: bytes
    packed: bytes


@cache
def block(form: str) -> Block:
    """Make the block of a format; the same in every process."""
    random = Random(5)
    words = [
        "".join(random.choices("abcdefghijklmnopqrstuvwxyz", k=random.randint(2, 10))) for _ in range(3000)
    ]
    lines = _rows(random, words) if form == "csv" else _objects(random, words)
    plain = io.BytesIO()
    while plain.tell() < BLOCK:
        plain.write(next(lines))
    return Block(plain.getvalue(), _packed(plain.getvalue()))


def archive(form: str, megabytes: int) -> tuple[bytes, int]:
    """Make a zip with one member of about that size, and tell its length in bytes."""
    found = block(form)
    head = _header() if form == "csv" else b""
    count = max(1, megabytes * 1_000_000 // len(found.plain))
    checksum = zlib.crc32(head)
    for _ in range(count):
        checksum = zlib.crc32(found.plain, checksum)
    size = len(head) + count * len(found.plain)
    body = [_packed(head), *[found.packed] * count, zlib.compressobj(wbits=-zlib.MAX_WBITS).flush()]
    name = f"Benchmark.{form}".encode()
    packed = sum(map(len, body))
    sizes = (_DEFLATED, 0, 0x21, checksum, packed, size, len(name), 0)
    local = _LOCAL.pack(b"PK\x03\x04", _VERSION, 0, *sizes) + name
    central = _CENTRAL.pack(b"PK\x01\x02", _VERSION, _VERSION, 0, *sizes, 0, 0, 0, 0, 0) + name
    end = _END.pack(b"PK\x05\x06", 0, 0, 1, 1, len(central), len(local) + packed, 0)
    return b"".join((local, *body, central, end)), size


def _packed(plain: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(plain) + packer.flush(zlib.Z_FULL_FLUSH)


def _values(random: Random, words: list[str]) -> Iterator[dict[str, Any]]:
    number = 0
    while True:
        number += 1
        values: dict[str, Any] = {
            "startDate": f"2026-05-02T08:00:{number % 60:02}Z",
            "endDate": "2026-05-02T08:03:20Z",
            "status": 0,
            "ipAddress": f"192.0.2.{number % 250}",
            "progress": 100,
            "duration": random.randint(10, 900),
            "finished": 1,
            "recordedDate": "2026-05-02T08:03:21.456Z",
            "_recordId": f"R_{number:015}",
            "locationLatitude": "0",
            "locationLongitude": "0",
            "distributionChannel": "gl",
            "userLanguage": "EN",
        }
        values |= {question: random.randint(1, 7) for question in CODES}
        yield values | {text: " ".join(random.choices(words, k=random.randint(3, 20))) for text in TEXTS}


def _objects(random: Random, words: list[str]) -> Iterator[bytes]:
    for values in _values(random, words):
        labels = {"status": "IP Address", "finished": "True"} | dict.fromkeys(CODES, "Agree")
        record = {
            "responseId": values["_recordId"],
            "values": values,
            "labels": labels,
            "displayedFields": [*CODES, *TEXTS],
            "displayedValues": {},
        }
        yield json.dumps(record, separators=(",", ":")).encode() + b"\n"


def _rows(random: Random, words: list[str]) -> Iterator[bytes]:
    for values in _values(random, words):
        dates = {
            name: values[name][:19].replace("T", " ") for name in ("startDate", "endDate", "recordedDate")
        }
        yield _line((values | dates).values())


def _header() -> bytes:
    keys = (*METADATA, *CODES, *TEXTS)
    tags = [key.replace("QID", "Q") for key in keys]
    return b"".join(_line(row) for row in (tags, tags, [json.dumps({"ImportId": key}) for key in keys]))


def _line(cells: Any) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue().encode()
