"""Responses that nobody keeps: made by their number whenever they are looked at."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cached_property, lru_cache
from time import gmtime, strftime
from typing import TYPE_CHECKING, Any

from qualtrics_async.sandbox.batches import Batch
from qualtrics_async.sandbox.records import Response

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from qualtrics_async.sandbox.response_fields import Field

__all__ = ["OWN", "Pool", "SeededResponses", "iso_text"]

OWN = ("startDate", "endDate", "recordedDate", "_recordId")
"""The values that are each response's own; all others come from pools."""
_SMALL, _MIDDLE, _LARGE = 11, 31, 61
"""Sizes of pools: primes, so that every step goes through all of a pool."""
_POOLED_TEXT = 4_000_000
"""Characters that the pool of one wide text may take."""
_SECOND, _DAY = 1000, 86_400
_WORDS = (
    *("the", "service", "was", "good", "slow", "friendly", "I", "would", "come", "back", "again", "never"),
    *("Käse", "Straße", "über", "été", "naïve", "Größe", "søndag", "mañana", "日本", "Ελλάδα", "👍", "🧀🎉"),
    *(
        "price",
        "quality",
        "staff",
        "waiting",
        "minutes",
        "3.5",
        "42",
        "50%",
        "e.g.",
        "(maybe)",
        "it's",
        "and",
    ),
    *("breakfast", "delivery", "late", "early", "morning", "colour", "size", "return", "refund", "phone"),
)
_MARKS = (" ", " ", " ", " ", " ", ", ", ". ", "; ", "\n", ' "quoted" ', "\r\n", "\t")
_PLACES = ("north", "south", "east", "Zürich, city", 'the "yard"', "Łódź")


@dataclass(frozen=True, slots=True)
class Pool:
    """The values that one key has in turn, None where it has none, with the label of each."""

    values: list[Any]
    labels: list[Any]
    step: int
    shift: int

    def place(self, index: int) -> int:
        """Which of them the response with this number has."""
        return (index * self.step + self.shift) % len(self.values)


class SeededResponses(Batch):
    """Responses that suit a survey; the same seed and number has the same answers."""

    def __init__(
        self,
        survey_id: str,
        count: int,
        found: Iterable[Field],
        embedded: Mapping[str, str],
        *,
        seed: int,
        text_size: int | None,
        **when: Any,
    ) -> None:
        super().__init__(survey_id, count, **when)
        self._fields = tuple(found)
        self._embedded = dict(embedded)
        self._seed = seed
        self._text_size = text_size

    @cached_property
    def pools(self) -> dict[str, Pool]:
        """The pools by key, made when they are first needed: that takes a while for wide text."""
        made = {key: self._pool(key, values) for key, values in _METADATA.items()}
        for found in self._fields:
            labels = {"choice": found.label, "choices": found.label}.get(found.kind)
            made[found.key] = self._pool(found.key, self._answers(found), labels)
        for name, kind in self._embedded.items():
            made.setdefault(name, self._pool(name, self._data(name, kind)))
        return made

    @property
    def keys(self) -> Iterable[str]:
        """The keys that their values have."""
        return self.pools

    def own(self, index: int) -> tuple[int, int]:
        """When it was started, and when it was ended and recorded, in milliseconds."""
        recorded, pool = self.recorded(index), self.pools["duration"]
        return recorded - pool.values[pool.place(index)] * _SECOND, recorded

    def at(self, index: int) -> Response:
        """The response with this number as it was made."""
        response_id, (started, recorded) = self.id_of(index), self.own(index)
        values: dict[str, Any] = {
            "startDate": f"{iso_text(started)}Z",
            "endDate": f"{iso_text(recorded)}Z",
            "recordedDate": f"{iso_text(recorded)}.{recorded % _SECOND:03}Z",
            "_recordId": response_id,
        }
        labels: dict[str, Any] = {}
        for key, pool in self.pools.items():
            place = pool.place(index)
            if pool.values[place] is not None:
                values[key] = pool.values[place]
            if pool.labels[place] is not None:
                labels[key] = pool.labels[place]
        number = self.first + index
        return Response(
            *(response_id, self.survey_id, values, labels, recorded),
            arrival=number,
            change=number,
            arrived=self.arrived,
            modified=self.arrived,
        )

    def _pool(self, key: str, values: list[Any], label: Any = None) -> Pool:
        dice = random.Random(f"{self._seed} {key} order")  # noqa: S311  # must be reproducible
        if label is None:
            known = _LABELS.get(key, {})
            label = known.get
        labels = [None if value is None else label(value) for value in values]
        size = len(values)
        return Pool(values, labels, dice.randrange(1, size) if size > 1 else 1, dice.randrange(size))

    def _answers(self, found: Field) -> list[Any]:
        dice = random.Random(f"{self._seed} {found.key}")  # noqa: S311  # must be reproducible
        codes = list(found.labels) or ["1", "2", "3"]
        if found.kind == "choice":
            return [None, *(_code(dice.choice(codes)) for _ in range(_SMALL - 1))]
        if found.kind == "choices":
            return [_some(dice, codes) for _ in range(_MIDDLE)]
        if found.numeric:
            return [None, *(_number(dice) for _ in range(_MIDDLE - 1))]
        if self._text_size is None:
            return [None, *(_text(dice, dice.randrange(1, 160)) for _ in range(_LARGE - 1))]
        count = max(_SMALL, min(_LARGE, _POOLED_TEXT // max(1, self._text_size)))
        # A prime again, of whatever is left.
        size = next(prime for prime in (_LARGE, _MIDDLE, _SMALL) if prime <= count)
        return [_text(dice, self._text_size) for _ in range(size)]

    def _data(self, name: str, kind: str) -> list[Any]:
        dice = random.Random(f"{self._seed} {name}")  # noqa: S311  # must be reproducible
        if kind in ("Number", "Scale"):
            return [None, *(_number(dice) for _ in range(_MIDDLE - 1))]
        return [None, *(f"{dice.choice(_PLACES)} {dice.randrange(100)}" for _ in range(_MIDDLE - 1))]


_MINUTES = [f"{minute // 60:02}:{minute % 60:02}:" for minute in range(24 * 60)]
_SECONDS = [f"{second:02}" for second in range(60)]


@lru_cache(maxsize=512)
def _day(number: int) -> str:
    return strftime("%Y-%m-%d", gmtime(number * _DAY))


def iso_text(milliseconds: int, between: str = "T") -> str:
    """`2026-06-01T09:00:00`, fast for many moments of few days."""
    day, second = divmod(milliseconds // _SECOND, _DAY)
    minute, second = divmod(second, 60)
    return _day(day) + between + _MINUTES[minute] + _SECONDS[second]


def _code(code: str) -> int | str:
    return int(code) if code.isdecimal() else code


def _some(dice: random.Random, codes: list[str]) -> list[str] | None:
    picked = [code for code in codes if dice.random() < 0.4]  # noqa: PLR2004  # some, not most
    return picked or None


def _number(dice: random.Random) -> str:
    return str(dice.choice((dice.randrange(-5, 1000), round(dice.uniform(0, 100), 2))))


def _text(dice: random.Random, size: int) -> str:
    """Text of about so many characters, which a table must quote."""
    count = size // 7 + 1
    words, marks = dice.choices(_WORDS, k=count), dice.choices(_MARKS, k=count)
    return "".join(part for pair in zip(words, marks, strict=True) for part in pair)[:size].strip() or "no"


_METADATA: dict[str, list[Any]] = {
    "status": [0],
    "ipAddress": [f"192.0.2.{number}" for number in range(1, _LARGE + 1)],
    "progress": [100],
    "duration": [20 + 37 * number for number in range(_LARGE)],
    "finished": [1],
    "locationLatitude": [f"{47 + number / 8:.4f}" for number in range(_MIDDLE)],
    "locationLongitude": [f"{8 + number / 8:.4f}" for number in range(_MIDDLE)],
    "distributionChannel": ["anonymous", "email", "gl"],
    "userLanguage": ["EN", "DE", "FR"],
}
_LABELS: dict[str, dict[int, str]] = {"status": {0: "IP Address"}, "finished": {1: "True"}}
