"""Faults: scripted ones and random ones.

```text
kind          what happens                                        options
status        an answer with that status                          status, code, message, retry_after, body
delay         nothing for a while                                 seconds, or held until released
cut           the connection is closed, or at a byte              reset (RST in place of FIN), at
truncated     the body ends in the middle, or at a byte           at, reset
stalled       the body stops there for a while                    at, seconds, or held until released
malformed     the body is not JSON
html          an HTML page with status 200
content_type  the right body under another content type           content_type
empty         status 200 without a body
error_in_200  an error envelope with status 200                   status, code, message
no_result     the envelope without its result
nested        JSON nested too deep to be read                     depth
surrogates    lone surrogates in every string of the result
huge          a body of that many bytes                           size
redirect      another location                                    location
slow          a pause after every piece of the body               size of a piece, seconds
corrupt       four bytes in the middle are others                 at
wrong_length  a Content-Length that is so much larger or smaller  by
no_range      Range is ignored: 200 and the whole file
etag          the file has another ETag than before
archive       the zip of an export is another                     damage, by, size
stuck_job     the job or the links that it starts never get on
failed_job    the job that it starts fails at 100 %
zero_job      the job that it starts ends with all counts 0
gone_job      the job that it starts is not found after polls     polls
no_file       the export that it starts ends without a fileId
short_page    half a page, with a nextPage
empty_page    no elements, with a nextPage
repeat_page   a nextPage that leads to the same page
next_page     a nextPage of your choice                           next_page
```

Bytes are counted from the beginning of the file, in what is sent from a byte on too; `by` may be negative,
and a smaller Content-Length ends the body there. `damage` is `bomb` (a member of `size` bytes that are all
alike), `liar` (the directory says that the first member is `by` bytes larger), `not_zip` (HTML in place of
it) or `checksum` (the directory has a wrong one). Only files of exports know no_range, etag and archive.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack, get_args

from qualtrics_async.sandbox.dice import Dice, options_of
from qualtrics_async.sandbox.handlers import check_route
from qualtrics_async.sandbox.holding import Holding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qualtrics_async.sandbox.records import RequestRecord

__all__ = ["Fault", "FaultKind", "FaultOptions", "Faults", "StatusBody", "When"]

FaultKind = Literal[
    "status",
    "delay",
    "cut",
    "truncated",
    "stalled",
    "malformed",
    "html",
    "content_type",
    "empty",
    "error_in_200",
    "no_result",
    "nested",
    "surrogates",
    "huge",
    "redirect",
    "slow",
    "corrupt",
    "wrong_length",
    "no_range",
    "etag",
    "archive",
    "stuck_job",
    "failed_job",
    "zero_job",
    "gone_job",
    "no_file",
    "short_page",
    "empty_page",
    "repeat_page",
    "next_page",
]
Damage = Literal["bomb", "liar", "not_zip", "checksum"]
When = Literal["before", "after"]
StatusBody = Literal["envelope", "html", "empty", "meta_null", "no_request_id"]

_BEFORE = frozenset(("status", "delay", "cut", "redirect"))
_HOLDING = frozenset(("delay", "stalled"))
_HANDLED = frozenset(
    (
        *("stuck_job", "failed_job", "zero_job", "gone_job", "no_file"),
        *("short_page", "empty_page", "repeat_page", "next_page"),
    )
)
_OF_FILES = frozenset(
    (
        *("truncated", "stalled", "content_type", "slow", "corrupt"),
        *("wrong_length", "no_range", "etag", "archive"),
    )
)
FLIPPED = 4
"""Bytes that a corrupt body has wrong."""


class FaultOptions(TypedDict, total=False):
    """What a fault can be told besides its kind and route; the table above says which kind reads which."""

    skip: int
    path: str
    status: int
    code: str
    message: str
    retry_after: float | str
    body: StatusBody
    seconds: float
    reset: bool
    content_type: str
    depth: int
    size: int
    location: str
    next_page: str | None
    at: int | None
    by: int
    polls: int
    damage: Damage


@dataclass(slots=True, eq=False)
class Fault(Holding):
    """One scripted fault, and the handle on it. `used` counts the requests that drew it."""

    kind: FaultKind
    route: str = "*"
    times: int | None = 1
    when: When = "before"
    skip: int = 0
    path: str | None = None
    status: int = 503
    code: str | None = None
    message: str = "Placeholder text: the server could not complete the request."
    retry_after: float | str | None = None
    body: StatusBody = "envelope"
    seconds: float | None = None
    reset: bool = False
    content_type: str = "text/plain"
    depth: int = 100_000
    size: int = 10_000_000
    location: str = "https://elsewhere.example.com/"
    next_page: str | None = "https://elsewhere.example.com/API/v3/surveys?offset=1"
    at: int | None = None
    by: int = 1000
    polls: int = 0
    damage: Damage = "not_zip"
    used: int = 0
    _released: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    _arrived: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    _loop: asyncio.AbstractEventLoop | None = field(default=None, repr=False)

    @property
    def spoils(self) -> bool:
        """It acts on the answer or the connection, not inside a handler."""
        return self.kind not in _HANDLED

    @property
    def passes(self) -> bool:
        """A file of an export is sent all the same, in another way."""
        return self.kind in _OF_FILES or self.cuts_inside

    @property
    def cuts_inside(self) -> bool:
        """The connection is closed after a part of the body."""
        return self.kind == "cut" and self.at is not None

    def flip(self, piece: bytes, start: int, whole: int) -> bytes:
        """A piece of a body that begins at byte `start` of so many, with what is wrong in it."""
        first = whole // 2 if self.at is None else self.at
        wrong = bytearray(piece)
        for position in range(max(first, start), min(first + FLIPPED, start + len(piece))):
            wrong[position - start] ^= 0xFF
        return bytes(wrong)

    def draw(self, record: RequestRecord) -> bool:
        """Whether this request gets the fault; counts it if so."""
        if self.times is not None and self.used >= self.times:
            return False
        if not _covers(self.route, record):
            return False
        if self.path is not None and self.path not in f"{record.path}?{record.query}":
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.used += 1
        self._arrived.set()
        return True


class Faults:
    """What goes wrong in a sandbox. `log` has the faults that were drawn, in order."""

    def __init__(self) -> None:
        self.log: list[Fault] = []
        self._scripted: list[Fault] = []
        self._dice: list[tuple[str, Dice[Fault]]] = []
        self._closed = False

    def add(
        self,
        *,
        kind: FaultKind,
        route: str = "*",
        times: int | None = 1,
        when: When | None = None,
        **options: Unpack[FaultOptions],
    ) -> Fault:
        """Let requests of a route go wrong; several faults are used up one after the other.

        `route` is `POST /distributions`, `/distributions`, `POST *` or `*`. `times` None is for ever;
        `skip` lets so many requests pass first; `path` picks requests whose path and query contain it. `when`
        is before or after the work is done: by default before for status, delay, cut (unless at a byte) and
        redirect, else after. The other options are listed with the kinds, above.
        """
        if kind not in get_args(FaultKind):
            raise ValueError(f"no such kind of fault: {kind!r}; choose from {', '.join(get_args(FaultKind))}")
        check_route(route, exact=False)
        before = kind in _BEFORE and options.get("at") is None
        when = when or ("before" if before else "after")
        fault = Fault(kind=kind, route=route, times=times, when=when, **options)
        self._scripted.append(fault)
        return fault

    def random(
        self,
        *,
        rate: float,
        kinds: Sequence[FaultKind | Mapping[str, Any]],
        weights: Sequence[float] | None = None,
        seed: int = 0,
        route: str = "*",
    ) -> None:
        """Let a share of the requests go wrong; a kind is a name or the keyword arguments of `add`.

        `weights` says how often each kind is meant, all alike without them. With `times` a fault strikes that
        many requests in a row. Several calls add up, each with its own rate; the first to strike a request
        has it. Each request that a route covers takes the next number of its seed, so the same requests in
        the same order meet the same faults.

        Raises:
            ValueError: for weights that do not fit the kinds, and for what would never end.
        """
        check_route(route, exact=False)
        options = options_of(kinds, weights, _HOLDING)
        self._dice.append((route, Dice(seed, rate, options, weights, _struck)))

    def clear(self) -> None:
        """Forget all faults and let go what they hold; the log stays."""
        for fault in (*self._scripted, *self.log):
            fault.release()
        self._scripted.clear()
        self._dice.clear()

    def take(self, record: RequestRecord) -> Fault | None:
        """The fault for this request, if any."""
        fault = next((fault for fault in self._scripted if fault.draw(record)), None)
        for route, dice in self._dice:
            # Each takes its number, so that none disturbs another.
            rolled = dice.roll() if _covers(route, record) else None
            if fault is None and rolled is not None:
                fault = rolled
                fault.used += 1
        if fault is not None:
            record.fault = fault.kind
            self.log.append(fault)
        return fault


def _struck(**options: Any) -> Fault:
    before = options["kind"] in _BEFORE
    return Fault(**({"when": "before" if before else "after"} | options))


def _covers(route: str, record: RequestRecord) -> bool:
    return route in ("*", record.route, f"{record.method} *", f"{record.method} {record.route}")
