"""What a journal keeps of chunks, rows and errors, and how it packs them to write them down.

A piece is a run of rows of one chunk. Its parts are blobs of their own, because they live for different
times: the payloads until they are done, places and results as long as the journal.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from functools import partial
from itertools import count, repeat
from typing import Any, Final, TypeAlias, TypeVar
from zlib import crc32

import msgspec

from qualtrics_async.bulk.rows import Prepared
from qualtrics_async.errors import (
    ApiError,
    JobFailed,
    JournalError,
    OutcomeUnknown,
    QualtricsError,
    UsageError,
    api_error_class,
)

__all__ = [
    "REFUSED",
    "ChunkRecord",
    "ChunkState",
    "Kind",
    "Note",
    "Piece",
    "Places",
    "Result",
    "RowRecord",
    "all_went_well",
    "bodies_of",
    "kinds_of",
    "marks_of",
    "pack",
    "pack_results",
    "read_error",
    "records_of",
    "unpack",
    "unpack_results",
    "write_error",
]

T = TypeVar("T")

REFUSED: Final = 0
"""The chunk of the rows that were refused before anything was sent."""


class ChunkState(StrEnum):
    """Where a chunk is; `SENDING` is durable before its POST leaves, so after a crash it means doubt."""

    FILLING = "filling"
    PLANNED = "planned"
    SENDING = "sending"
    ACCEPTED = "accepted"
    DONE = "done"


class Kind(IntEnum):
    """What is known of a row."""

    OPEN = 0
    SENDING = 1
    OK = 2
    FAILED = 3
    IN_DOUBT = 4


class Result(msgspec.Struct, frozen=True):
    """What became of the row at a position of its chunk."""

    position: int
    kind: Kind
    reason: str | None = None
    error: QualtricsError | None = None
    contact_id: str | None = None
    contact_lookup_id: str | None = None


class Note(msgspec.Struct, omit_defaults=True):
    """What a chunk's worker remembers over a crash.

    `unread` are the rows that the service did not take into the import, `sent` counts the POSTs that left,
    `samples` are the positions of the rows that can tell whether the last one arrived, and `overtaken` says
    that a later import into the same list has ended since. `turn` numbers the POSTs of a job in the order in
    which they left; the last one of the chunk counts. `arrived` says that one of them did, so that the next
    may do nothing that must be done once.
    """

    unread: list[int] = []
    sent: int = 0
    samples: list[int] = []
    overtaken: bool = False
    turn: int = 0
    arrived: bool = False


@dataclass(slots=True)
class ChunkRecord:
    """A chunk as it stands in the journal; `job` is the id that the service gave it."""

    number: int
    mailing_list_id: str
    state: ChunkState
    job: str | None = None
    count: int = 0
    size: int = 0
    fields: tuple[str, ...] = ()
    note: Note = field(default_factory=Note)


class RowRecord(msgspec.Struct, frozen=True, gc=False):
    """A row as it stands in the journal; nothing that it holds leads back to it."""

    position: int
    index: int
    line: int | None
    mailing_list_id: str | None
    payload: bytes | None
    kind: Kind = Kind.OPEN
    reason: str | None = None
    error: QualtricsError | None = None
    contact_id: str | None = None
    contact_lookup_id: str | None = None


class Places(msgspec.Struct, array_like=True):
    """Where the rows of a piece come from; `lists` only where a piece has rows of several lists."""

    numbers: list[int]
    lines: list[int | None]
    lists: list[str | None] | None = None


class _Results(msgspec.Struct, array_like=True):
    """The results of a piece: a column each, and the reasons and errors once, however many share them."""

    kinds: bytes
    contacts: list[str | None]
    lookups: list[str | None]
    whys: list[tuple[str | None, str | None]]
    which: list[int]


@dataclass(slots=True)
class Piece:
    """Rows of one chunk that follow each other, from the position `first` on.

    `references` and `addresses` are marks of external references and e-mail addresses (see `rows.mark()`).
    """

    chunk: int
    first: int
    numbers: list[int] = field(default_factory=list)
    lines: list[int | None] = field(default_factory=list)
    lists: list[str | None] = field(default_factory=list)
    payloads: list[bytes] = field(default_factory=list)
    references: array[int] = field(default_factory=partial(array, "I"))
    addresses: array[int] = field(default_factory=partial(array, "I"))
    results: list[Result] = field(default_factory=list)

    def add(self, row: Prepared) -> None:
        """Add a row."""
        self.numbers.append(row.index)
        self.lines.append(row.line)
        self.lists.append(row.mailing_list_id)
        self.payloads.append(row.payload)
        self.references.append(row.reference)
        self.addresses.append(row.address)

    @property
    def values(self) -> tuple[Any, ...]:
        """What the table of pieces takes; the payloads are in a table of their own."""
        lists = self.lists if self.chunk == REFUSED else None
        places = pack(Places(self.numbers, self.lines, lists))
        results = pack_results(self.results) if self.results else None
        marks = pack(self.references.tobytes()), pack(self.addresses.tobytes())
        return self.chunk, self.first, len(self.numbers), places, *marks, results


_encode = msgspec.msgpack.Encoder().encode
_places = msgspec.msgpack.Decoder(Places).decode
_payloads = msgspec.msgpack.Decoder(list[bytes | None]).decode
_marks = msgspec.msgpack.Decoder(bytes).decode
_results = msgspec.msgpack.Decoder(_Results).decode

_SUM: Final = 4
"""Bytes of the checksum before what is packed; for the 5 MB of a chunk it takes less than a millisecond."""


def pack(part: Any) -> bytes:
    """Write a part of a piece down, so that it is noticed when it is no longer as it was written."""
    data = _encode(part)
    return crc32(data).to_bytes(_SUM, "big") + data


def unpack(decode: Callable[[memoryview], T], blob: bytes) -> T:
    """Read again what was packed.

    Raises:
        JournalError: when it is not as it was written.
    """
    data = memoryview(blob)[_SUM:]
    if crc32(data) != int.from_bytes(blob[:_SUM], "big"):
        raise JournalError("a part of it is not as it was written", reason="damaged")
    return decode(data)


def pack_results(results: Sequence[Result]) -> bytes:
    """Write results down, in the order in which they are given."""
    whys: dict[tuple[str | None, int], int] = {}
    texts: list[tuple[str | None, str | None]] = [(None, None)]
    which = []
    kinds = bytes([result.kind for result in results])
    for result in () if all_went_well(kinds) else results:
        if result.reason is None and result.error is None:
            which.append(0)
            continue
        key = (result.reason, id(result.error))  # thousands of rows share one error
        if key not in whys:
            whys[key] = len(texts)
            texts.append((result.reason, None if result.error is None else write_error(result.error)))
        which.append(whys[key])
    contacts = [result.contact_id for result in results]
    lookups = [result.contact_lookup_id for result in results]
    return pack(_Results(kinds, contacts, lookups, texts, which if len(texts) > 1 else []))


def _columns(blob: bytes | None) -> _Columns:
    """Read what is known of each row: kinds, reasons, errors, contact ids, lookup ids."""
    if blob is None:
        return repeat(Kind.OPEN), _NOTHING, _NOTHING, _NOTHING, _NOTHING
    known = unpack(_results, blob)
    ok = all_went_well(known.kinds)
    kinds = repeat(Kind.OK) if ok else map(_KINDS.__getitem__, known.kinds)
    if not known.which:
        return kinds, _NOTHING, _NOTHING, known.contacts, known.lookups
    reasons = [reason for reason, _ in known.whys]
    errors = [None if text is None else read_error(text) for _, text in known.whys]
    return (
        kinds,
        map(reasons.__getitem__, known.which),
        map(errors.__getitem__, known.which),
        known.contacts,
        known.lookups,
    )


_Columns: TypeAlias = tuple[
    Iterable[Kind],
    Iterable[str | None],
    Iterable[QualtricsError | None],
    Iterable[str | None],
    Iterable[str | None],
]
_KINDS: Final = tuple(Kind)
_NOTHING: Final = repeat(None)


def all_went_well(kinds: bytes) -> bool:
    """Whether none of these kinds is another than `OK`."""
    return kinds.count(Kind.OK) == len(kinds)


def kinds_of(blob: bytes) -> bytes:
    """Read the kinds of results, a byte each."""
    return unpack(_results, blob).kinds


def marks_of(blob: bytes) -> array[int]:
    """Read the marks of the rows of a piece."""
    return array("I", unpack(_marks, blob))


def unpack_results(blob: bytes, first: int) -> list[Result]:
    """Read results again; the first is that of the position `first`."""
    return list(map(Result, count(first), *_columns(blob)))


def records_of(
    name: str, first: int, places: bytes, payloads: bytes | None, results: bytes | None
) -> list[RowRecord]:
    """Read the rows of a piece."""
    where = unpack(_places, places)
    bodies = _NOTHING if payloads is None else bodies_of(payloads)
    lists = where.lists or repeat(name)
    columns = (count(first), where.numbers, where.lines, lists, bodies, *_columns(results))
    records = list(map(RowRecord, *columns))
    if len(records) < len(where.numbers):
        raise JournalError("a part of its rows is missing", reason="damaged")
    return records


def bodies_of(payloads: bytes) -> list[bytes | None]:
    """Read the payloads of a piece; those that were erased are None."""
    return unpack(_payloads, payloads)


def write_error(error: QualtricsError) -> str:
    """Write what a later process needs of an error to act on it."""
    names = ("status", "error_code", "message", "request_id", "job_id", "method", "template", "attempts")
    details = {name: value for name in names if isinstance(value := getattr(error, name, None), str | int)}
    return json.dumps({"class": type(error).__name__, "text": str(error), **details})


def read_error(text: str) -> QualtricsError:
    """Read an error again: of the same class, saying the same."""
    details: dict[str, Any] = json.loads(text)
    name, said = details.pop("class"), details.pop("text")
    if name == UsageError.__name__:
        return UsageError(said)
    if name == JobFailed.__name__:
        return JobFailed(said, job_id=details.get("job_id", ""), status=str(details.get("status", "")))
    if "message" in details and isinstance(details.get("status"), int):
        known: ApiError = api_error_class(details["status"], details.get("error_code"))(said, **details)
        return known
    doubt = OutcomeUnknown(said)
    doubt.status, doubt.request_id = details.get("status"), details.get("request_id")
    return doubt
