"""Responses that came together and are made by their number when somebody looks."""

from __future__ import annotations

import json
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from qualtrics_async.sandbox.records import Response

__all__ = ["Batch", "ImportedResponses", "Packed"]

_DIGITS = 9
_BLOCK = 256
"""Rows that are packed together."""


class Batch:
    """So many responses to one survey, in order.

    `arrived` is when all of them came in, in milliseconds; they were recorded `interval` milliseconds apart,
    the last one then. `first` is the number of the first in the order in which things came to the survey.
    `changed` has those that are no longer as they were made, None for one that is gone.
    """

    def __init__(
        self, survey_id: str, count: int, *, mark: str, arrived: int, first: int, interval: int = 0
    ) -> None:
        self.survey_id = survey_id
        self.count = count
        self.arrived = arrived
        self.first = first
        self.changed: dict[int, Response | None] = {}
        self._mark = mark
        self._interval = interval

    @property
    def keys(self) -> Iterable[str]:
        """The keys that their values have."""
        raise NotImplementedError

    def at(self, index: int) -> Response:
        """The response with this number as it was made."""
        raise NotImplementedError

    def id_of(self, index: int) -> str:
        """The id of the response with this number."""
        return f"R_{self._mark}{index:0{_DIGITS}}"

    def index_of(self, response_id: str) -> int | None:
        """The number of the response with this id, if it is one of these."""
        prefix, digits = response_id[:-_DIGITS], response_id[-_DIGITS:]
        if prefix != f"R_{self._mark}" or not (digits.isascii() and digits.isdecimal()):
            return None
        index = int(digits)
        return index if index < self.count else None

    def recorded(self, index: int) -> int:
        """When it was recorded, in milliseconds."""
        return self.arrived - (self.count - 1 - index) * self._interval

    def recorded_before(self, moment: int) -> int:
        """How many were recorded before then."""
        if moment > self.arrived:
            return self.count
        if self._interval <= 0:
            return 0
        after = (self.arrived - moment) // self._interval + 1
        return max(0, self.count - after)


class Packed:
    """Rows of an import, packed: they take less room than their file."""

    def __init__(self) -> None:
        self.keys: dict[str, None] = {}
        self.count = 0
        self._blocks: list[bytes] = []
        self._open: list[dict[str, Any]] = []

    def add(self, values: dict[str, Any]) -> None:
        """Append a row."""
        self.keys |= dict.fromkeys(values)
        self.count += 1
        self._open.append(values)
        if len(self._open) == _BLOCK:
            self._blocks.append(zlib.compress(json.dumps(self._open).encode(), 1))
            self._open = []

    def row(self, index: int) -> dict[str, Any]:
        """The row with this number, not to be changed."""
        block, place = divmod(index, _BLOCK)
        rows: list[dict[str, Any]] = (
            _unpacked(self._blocks[block]) if block < len(self._blocks) else self._open
        )
        return rows[place]


class ImportedResponses(Batch):
    """The responses of one large import; `make` makes one of its id and its row."""

    def __init__(
        self, survey_id: str, rows: Packed, make: Callable[[str, dict[str, Any]], Response], **when: Any
    ) -> None:
        super().__init__(survey_id, rows.count, **when)
        self._rows = rows
        self._make = make

    @property
    def keys(self) -> Iterable[str]:
        """The keys that their values have."""
        return self._rows.keys

    def at(self, index: int) -> Response:
        """The response with this number as it was made."""
        made = self._make(self.id_of(index), self._rows.row(index))
        made.arrival = made.change = self.first + index
        made.arrived = made.modified = self.arrived
        return made


@lru_cache(maxsize=8)
def _unpacked(block: bytes) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(zlib.decompress(block))
    return found
