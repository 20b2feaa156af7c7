"""What is known between two rounds of following a survey, and how the next one asks; no I/O."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import blake2b
from itertools import groupby
from typing import Final, Literal, Self, TypeAlias

import msgspec
from msgspec import Struct

from qualtrics_async.errors import JournalError, UsageError
from qualtrics_async.exports.options import StartOptions
from qualtrics_async.models.responses import Response

__all__ = ["FollowState", "FollowedBy", "Handed", "Memory", "Way", "ways"]

FollowedBy: TypeAlias = Literal["everything", "token", "date"]

_VERSION: Final = 1
_EARLIEST: Final = 2000
_TOKEN_LIVES: Final = timedelta(days=7, hours=-1)
"""The documented lifetime, less what clocks may differ by."""

_MARK: Final = 8
_REMEMBERED: Final = 2_000
"""Responses: with 16 bytes each, a state stays under 50 kB."""


class Handed(Struct, frozen=True, forbid_unknown_fields=True):
    """What was handed out in one round, over by `until`: 8 bytes for each id, and 8 for its content."""

    until: datetime
    marks: bytes

    def __post_init__(self) -> None:
        if self.until.tzinfo is None or len(self.marks) % (2 * _MARK):
            raise UsageError(
                "the marks are 16 bytes for each response, and their round ended at an aware datetime"
            )


class FollowState(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far a survey has been followed: small, and all that the next round needs.

    `since` is when the last complete round began, and `token` the service's continuation token of its end, if
    it gave one. `recent` has digests of what was handed out lately, of at most 2000 responses; nobody can
    read an answer from them.

    Raises:
        UsageError: for a survey without an id, a `datetime` without an offset or before the year 2000.
    """

    survey_id: str
    since: datetime
    token: str | None = None
    recent: tuple[Handed, ...] = ()
    version: int = _VERSION

    def __post_init__(self) -> None:
        if not self.survey_id.strip() or self.since.tzinfo is None or self.since.year < _EARLIEST:
            raise UsageError("a state has the id of its survey and an aware datetime of this century")

    def __repr__(self) -> str:
        # The token is between the service and the client, and the digests are thousands of bytes.
        return f"<FollowState {self.survey_id!r} since={self.since.isoformat()}>"

    def forget(self) -> Self:
        """Leave out what was handed out lately: for a consumer that may have taken more since, or less.

        The next round by date then also has the unchanged responses of the overlap. None is left out that was
        taken with another answer meanwhile, and has its earlier answer again.
        """
        return msgspec.structs.replace(self, recent=())

    def to_json(self) -> bytes:
        """Write the state as JSON, for a file or a column of a database."""
        return msgspec.json.encode(self)

    @classmethod
    def from_json(cls, text: bytes | str) -> Self:
        """Read what `to_json()` has written.

        Raises:
            JournalError: when it is damaged or no state at all (`reason` is `"damaged"`), and when another
                release has written it in a way that this one does not know (`"version"`).
        """
        try:
            found = msgspec.json.decode(text, type=_Versioned).version
            if found != _VERSION:
                raise JournalError(
                    f"the state was written in format {found}, this release reads {_VERSION}: use the "
                    "release that wrote it, or begin without a state",
                    reason="version",
                )
            return msgspec.json.decode(text, type=cls)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise JournalError(
                "this is not the state of a followed survey, or it is damaged: restore it, or begin "
                "without a state",
                reason="damaged",
            ) from error


class _Versioned(Struct):
    version: int


class _Marks:
    """The content that each response had last, by digests: 16 bytes a response, however many there are.

    Marks with the same first bits are side by side in one of 4096 arrays: a search takes microseconds among a
    million, and none is ever moved, as a dictionary's entries are when it grows.
    """

    def __init__(self) -> None:
        self._arrays: dict[int, bytearray] = {}

    def change(self, name: bytes, content: bytes) -> bytes | None:
        """Keep the content of a response, and return what was kept of it before, if there was anything."""
        marks = self._arrays.setdefault(name[0] << 4 | name[1] >> 4, bytearray())
        at = marks.find(name)
        while at > 0 and at % (2 * _MARK):
            at = marks.find(name, at + 1)
        if at < 0:
            marks += name + content
            return None
        middle = slice(at + _MARK, at + 2 * _MARK)
        before, marks[middle] = bytes(marks[middle]), content
        return before


class Memory:
    """The responses that were handed out lately, each as it was handed out last.

    Those of the round under way are all known, so that a round that is repeated hands out nothing twice.
    """

    def __init__(self, recent: Iterable[Handed]) -> None:
        # In the order in which they were handed out; of a round that is not over, None is when it was.
        self._known: dict[bytes, tuple[bytes, datetime | None]] = {}
        self._round = _Marks()
        for handed in recent:
            for at in range(0, len(handed.marks), 2 * _MARK):
                middle = at + _MARK
                known = handed.marks[middle : middle + _MARK], handed.until
                self._known[handed.marks[at:middle]] = known

    def is_new(self, response: Response, *, repeated: bool) -> bool:
        """Whether a response is not known exactly like this; it is from then on.

        Only a round that is known to have `repeated` what is older is compared with more than itself.
        """
        name, content = _digest(response.response_id.encode()), _content(response)
        known, _ = self._known.get(name, (b"", None))
        if repeated and known == content:
            self._known[name] = self._known.pop(name)
            return False
        if self._round.change(name, content) == content:
            return False
        self._known.pop(name, None)
        self._known[name] = content, None
        if len(self._known) > _REMEMBERED:
            del self._known[next(iter(self._known))]
        return True

    def end_round(self, now: datetime, horizon: datetime) -> tuple[Handed, ...]:
        """End the round, and return what was handed out in rounds that ended at `horizon` or later."""
        self._round = _Marks()
        self._known = {
            name: (content, until or now)
            for name, (content, until) in self._known.items()
            if (until or now) >= horizon
        }
        return tuple(
            Handed(until, b"".join(name + content for until, name, content in group))
            for until, group in groupby(
                ((until or now, name, content) for name, (content, until) in self._known.items()),
                key=lambda entry: entry[0],
            )
        )


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=_MARK).digest()


def _content(response: Response) -> bytes:
    # Sorted, because the order of an object's keys is no content.
    return _digest(msgspec.json.encode(response, order="deterministic"))


class Way(Struct, frozen=True):
    """One way to ask for a round; `options` are those of its export."""

    by: FollowedBy
    options: StartOptions


def ways(
    state: FollowState | None, now: datetime, overlap: timedelta, start_date: datetime | str | None
) -> list[Way]:
    """How the next round may ask, the best first; the next one when the service refuses it.

    Whether `allowContinuation` may be combined with `sortByLastModifiedDate` is not documented: it is tried,
    and left out when it is refused.
    """
    if state is None:
        first = StartOptions() if start_date is None else StartOptions(start_date=start_date)
        return _with_and_without_token("everything", first)
    since = (state.since - overlap).replace(microsecond=0)
    found = _with_and_without_token("date", StartOptions(start_date=since, sort_by_last_modified_date=True))
    if state.token is not None and now - state.since < _TOKEN_LIVES:
        token = StartOptions(continuation_token=state.token, allow_continuation=True)
        found.insert(0, Way("token", token))
    return found


def _with_and_without_token(by: FollowedBy, options: StartOptions) -> list[Way]:
    return [Way(by, {**options, "allow_continuation": True}), Way(by, options)]
