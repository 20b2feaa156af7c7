"""Traces of what was sent: which rows may be sent twice, and which can tell that they arrived."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Iterable, Mapping, Sequence
from enum import Enum, auto
from operator import attrgetter
from typing import Final, TypeVar

import msgspec

from qualtrics_async.bulk.finding import Finder, Found, Key, key_of
from qualtrics_async.bulk.journal import Journal
from qualtrics_async.bulk.rows import mark
from qualtrics_async.client import Qualtrics
from qualtrics_async.errors import (
    ApiError,
    ConnectFailed,
    JournalError,
    QualtricsError,
    RateLimited,
    ServerFault,
    Unauthorized,
)

__all__ = [
    "MOST_RESENT",
    "SAMPLES",
    "Criteria",
    "NoAnswer",
    "Trace",
    "Traces",
    "Who",
    "is_harmless",
    "read_rows",
    "spread",
]

MOST_RESENT: Final = 5
"""Times that something may be sent again in one run, where deduplication does not make it harmless."""

SAMPLES: Final = 3
"""Rows of a chunk that tell whether it arrived."""

_LOOKS: Final = 6
"""Searches that the choice of samples may take."""

_CANDIDATES: Final = 12
_STRIDE: Final = 4

_CRITERIA: Final = {
    "email": "email",
    "first_name": "first_name",
    "last_name": "last_name",
    "external_data_reference": "ext_ref",
    "phone": "phone",
}

P = TypeVar("P", bound=Hashable)

_ENDS: Final = (Unauthorized, ConnectFailed, RateLimited, JournalError)
"""What ends the job, whatever it was asked for."""


class Who(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """What of a row can identify its contact."""

    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    phone: str | None = None
    ext_ref: str | None = None
    language: str | None = None

    @property
    def keys(self) -> list[Key]:
        """Its external reference and its e-mail address, where it has them."""
        named = {"extRef": self.ext_ref, "email": self.email}
        return [key for field in named if (key := key_of({field: named[field]})) is not None]


read_rows = msgspec.json.Decoder(list[Who]).decode
"""Reads the body of a chunk."""


def is_harmless(rows: Sequence[Who], criteria: frozenset[str] | None) -> bool:
    """Whether the service makes nothing new of these rows when it gets them again.

    That takes a directory that deduplicates, and every active criterion in every row (documented: a match
    updates the contact). Rows with transaction data are never harmless; whoever asks knows of them.
    """
    if not criteria:
        return False
    return all(value and value.strip() for name in criteria for value in map(attrgetter(name), rows))


def spread(rows: Sequence[Who], count: int = _CANDIDATES) -> dict[int, Key]:
    """Choose rows that have a key, by position; any few of them from the first on are far from each other."""
    usable = [position for position, row in enumerate(rows) if row.ext_ref or row.email]
    even = [usable[at * len(usable) // count] for at in range(count)] if len(usable) > count else usable
    ordered = [position for first in range(_STRIDE) for position in even[first::_STRIDE]]
    return {position: keys[0] for position in ordered if (keys := rows[position].keys)}


class Criteria:
    """What makes two contacts of a directory one; it is asked for when it is first needed."""

    def __init__(self, client: Qualtrics, directory_id: str) -> None:
        self._client = client
        self._directory_id = directory_id
        self._asking = asyncio.Lock()
        self._known: frozenset[str] | None = None

    async def active(self) -> frozenset[str] | None:
        """Name the fields that count, as `Who` has them; none where duplicates are made, None if unknown."""
        async with self._asking:
            if self._known is None:
                self._known = await self._ask()
            return self._known

    async def _ask(self) -> frozenset[str] | None:
        try:
            async for directory in self._client.directories.list():
                if directory.id == self._directory_id:
                    criteria = directory.deduplication_criteria
                    if criteria is None:
                        return None
                    return frozenset(field for name, field in _CRITERIA.items() if getattr(criteria, name))
        except _ENDS:
            raise
        except QualtricsError:
            pass
        return None


class NoAnswer(Enum):
    """Why a search says nothing: there was no answer yet, or there will never be one."""

    YET = auto()
    EVER = auto()


class Trace(Enum):
    """What a look for some rows says: one is there, none is, there was no answer, or nothing can be told."""

    FOUND = auto()
    ABSENT = auto()
    UNKNOWN = auto()
    NONE = auto()


class Traces:
    """Looks for rows of one job in the mailing lists of its directory."""

    def __init__(self, client: Qualtrics, journal: Journal, directory_id: str) -> None:
        self._journal = journal
        self._finder = Finder(client, directory_id)

    async def unique(self, mailing_list_id: str, keys: Mapping[P, Key]) -> dict[P, Key]:
        """Leave out the keys that another row of the list has, as far as the job has read its input."""
        counts = await self._journal.counts(mailing_list_id, {_mark(key) for key in keys.values()})
        return {place: key for place, key in keys.items() if counts[_mark(key)] == 1}

    async def look(self, mailing_list_id: str, key: Key, *, lookup: bool = False) -> list[Found] | NoAnswer:
        """Find the contacts of a list that have a key.

        Raises:
            QualtricsError: what would end the job, whatever was asked.
        """
        try:
            return await self._finder.find(mailing_list_id, key, lookup=lookup)
        except _ENDS:
            raise
        except QualtricsError as error:
            passing = isinstance(error, ServerFault) or not isinstance(error, ApiError)
            return NoAnswer.YET if passing else NoAnswer.EVER

    async def of(self, mailing_list_id: str, keys: Iterable[Key]) -> Trace:
        """Tell whether one of these keys is in the list."""
        trace = Trace.NONE
        for key in keys:
            seen = await self.look(mailing_list_id, key)
            if seen is NoAnswer.EVER:
                return Trace.NONE
            if seen is NoAnswer.YET:
                trace = Trace.UNKNOWN
            elif seen:
                return Trace.FOUND
            elif trace is Trace.NONE:
                trace = Trace.ABSENT
        return trace

    async def choose(self, mailing_list_id: str, rows: Sequence[Who]) -> list[int]:
        """Choose the positions of a few rows whose key no other row has, nor any contact of the list yet."""
        samples: list[int] = []
        candidates = await self.unique(mailing_list_id, spread(rows))
        for position, key in list(candidates.items())[:_LOOKS]:
            seen = await self.look(mailing_list_id, key)
            if seen is NoAnswer.EVER:
                break
            if seen == []:
                samples.append(position)
            if len(samples) == SAMPLES:
                break
        return sorted(samples)


def _mark(key: Key) -> tuple[str, int]:
    return key.field, mark(key.value)
