"""The base structs, and the types for values that the service spells in several ways."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

import msgspec

__all__ = [
    "Flag",
    "Input",
    "Instant",
    "JsonList",
    "JsonObject",
    "Model",
    "Number",
    "PascalInput",
    "PascalModel",
    "convert_wire",
    "lenient",
    "read_flag",
    "read_instant",
    "read_list",
    "read_number",
    "read_object",
    "understood_flag",
]

_T = TypeVar("_T")


class Model(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What the service answers; unknown fields are ignored, nothing holds a client."""


class PascalModel(Model, frozen=True, kw_only=True, rename="pascal"):
    """What the survey-definition endpoints answer, where keys are PascalCase."""


class Input(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What is sent. `UNSET` keys stay away: the service refuses keys that it does not expect.

    Operations take the wire's own mapping as well where a struct may lack keys, or assumes some of them, and
    where what was read is sent back.
    """


class PascalInput(Input, kw_only=True, rename="pascal"):
    """What is sent to the survey-definition endpoints, where keys are PascalCase."""


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ZERO_DATE = "0000-00-00"
_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0", ""})


def read_instant(value: object) -> datetime | None:
    """Milliseconds since the epoch (number or string), ISO 8601, or `YYYY-MM-DD HH:MM:SS` in UTC."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"expected an instant, got {type(value).__name__}")
    if isinstance(value, str):
        text = value.strip()
        if text.startswith(_ZERO_DATE):
            return None
        if not text.lstrip("-").isdecimal():
            return _in_utc(datetime.fromisoformat(text))
        value = int(text)
    try:
        return _EPOCH + timedelta(milliseconds=value)
    except OverflowError:
        raise ValueError("expected milliseconds since the epoch, got a number out of range") from None


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError:
        raise ValueError("expected an instant, got one out of range") from None


def read_object(value: object) -> dict[str, Any]:
    """A JSON object; PHP writes an empty one as `[]` and numbered keys as a list."""
    if isinstance(value, dict):
        return value
    if isinstance(value, list):
        return {str(index): item for index, item in enumerate(value)}
    raise ValueError(f"expected an object, got {type(value).__name__}")


def read_list(value: object) -> list[Any]:
    """A JSON array; PHP writes one with gaps as an object with numbered keys."""
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        return list(value.values())
    raise ValueError(f"expected an array, got {type(value).__name__}")


def read_flag(value: object) -> bool:
    """A boolean in any of the backend's vocabularies: `true`, `"true"`, `"Yes"`, `"ON"`, `1`."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower() if isinstance(value, str | int) else ""
    if word in _TRUE:
        return True
    if word in _FALSE and isinstance(value, str | int):
        return False
    raise ValueError(f"expected a flag, got {value!r:.40}")


def understood_flag(value: object) -> bool | None:
    """A boolean where the word is understood, else `None`."""
    try:
        return read_flag(value)
    except ValueError:
        return None


def read_number(value: object) -> float:
    """A number, or a number written as a string (`percentComplete: "100"`)."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"expected a number, got {type(value).__name__}")
    return float(value)


class _Lenient(type):
    """A type that msgspec does not know, so that it asks `convert_wire`, and accepts what comes back."""

    result: type[Any]

    def __instancecheck__(cls, value: object) -> bool:
        return value is None or isinstance(value, cls.result)


def lenient(result: type[_T], convert: Callable[[object], _T]) -> type[_T]:
    """A type for decoders: a `result` that the wire has in several shapes, which `convert` reads."""
    members = {"__doc__": convert.__doc__, "result": result, "convert": staticmethod(convert)}
    return cast("type[_T]", _Lenient(f"Any{result.__name__}", (), members))


if TYPE_CHECKING:
    Instant: TypeAlias = datetime
    JsonList: TypeAlias = list[Any]
    JsonObject: TypeAlias = dict[str, Any]
    Flag: TypeAlias = bool
    Number: TypeAlias = float
else:

    class Instant(metaclass=_Lenient):
        """An aware `datetime`, however the wire spells it."""

        result = datetime
        convert = staticmethod(read_instant)

    class JsonObject(metaclass=_Lenient):
        """A `dict`, also where the wire has `[]` for an empty one."""

        result = dict
        convert = staticmethod(read_object)

    class JsonList(metaclass=_Lenient):
        """A `list`, also where the wire has an object with numbered keys."""

        result = list
        convert = staticmethod(read_list)

    class Flag(metaclass=_Lenient):
        """A `bool`, in any of the backend's vocabularies."""

        result = bool
        convert = staticmethod(read_flag)

    class Number(metaclass=_Lenient):
        """A `float`, also where the wire has a string."""

        result = float
        convert = staticmethod(read_number)


def convert_wire(kind: type[Any], value: Any) -> Any:
    """Convert what msgspec has no rule for; the `dec_hook` of every decoder."""
    convert: Callable[[Any], Any] | None = getattr(kind, "convert", None)
    if convert is None:
        raise NotImplementedError(f"no conversion to {kind!r}")
    try:
        return convert(value)
    except OverflowError:
        raise ValueError("expected a value within the range of its type") from None
