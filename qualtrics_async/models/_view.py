"""`View`: typed attributes over JSON that stays as it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, ClassVar, Self, TypeVar

from qualtrics_async.models._base import read_instant, read_list, read_number, read_object, understood_flag

__all__ = ["View", "views"]

_V = TypeVar("_V", bound="View")


class View:
    """A JSON object with typed attributes; equal and printed by what it views."""

    __slots__ = ("raw",)
    _title: ClassVar[str] = ""

    raw: dict[str, Any]

    def __init__(self, raw: dict[str, Any]) -> None:
        self.raw = raw

    @classmethod
    def convert(cls, value: object) -> Self:
        """View a decoded JSON object; what every decoder calls."""
        return cls(read_object(value))

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self.raw == other.raw

    __hash__ = None  # type: ignore[assignment]  # what is viewed can change

    def __repr__(self) -> str:
        title = f" {self.raw.get(self._title)}" if self._title else ""
        return f"<{type(self).__name__}{title}>"

    def _text(self, key: str) -> str | None:
        value = self.raw.get(key)
        return None if value is None or isinstance(value, dict | list) else str(value)

    def _flag(self, key: str) -> bool | None:
        return understood_flag(self.raw.get(key))

    def _integer(self, key: str) -> int | None:
        try:
            return int(read_number(self.raw[key]))
        except (KeyError, ValueError, OverflowError):
            return None

    def _instant(self, key: str) -> datetime | None:
        try:
            return read_instant(self.raw[key])
        except (KeyError, ValueError):
            return None

    def _mapping(self, key: str) -> dict[str, Any]:
        value = self.raw.get(key)
        return read_object(value) if isinstance(value, dict | list) else {}

    def _objects(self, key: str) -> Iterator[dict[str, Any]]:
        value = self.raw.get(key)
        if isinstance(value, dict | list):
            yield from (item for item in read_list(value) if isinstance(item, dict))


def views(cls: type[_V], items: dict[str, Any]) -> dict[str, _V]:
    """View each object of a mapping."""
    return {key: cls(read_object(item)) for key, item in items.items() if isinstance(item, dict | list)}
