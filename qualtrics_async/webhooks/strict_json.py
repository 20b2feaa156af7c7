"""JSON from strangers: read strictly and in linear time, so that it can be kept and written again."""

from __future__ import annotations

import json
from typing import Any, Final, NoReturn

from qualtrics_async.errors import DeliveryMalformed

__all__ = ["MOST_LEVELS", "MOST_VALUES", "read_json"]

MOST_LEVELS: Final = 32
"""How deep values may be nested; genuine ones are flat (observed)."""

MOST_VALUES: Final = 1000
"""How many values there may be, since each takes up to some hundred bytes; genuine ones have about ten."""

_INTEGERS: Final = range(-(2**63), 2**64)
_LONGEST_NUMBER: Final = 400
"""In characters: beyond the longest sensible double; reading a number takes more than linear time."""


def read_json(data: bytes | str, what: str, most_values: int = MOST_VALUES) -> Any:
    """Read a JSON document; `what` names it in errors.

    Raises:
        DeliveryMalformed: for bytes that are not UTF-8, for what is no JSON, and for what two readers may
            read differently or cannot write again: doubled keys, NaN, infinities, integers beyond 64 bits,
            lone surrogates, more than `MOST_LEVELS` levels, and more than `most_values` values.
    """
    try:
        text = (data.encode() if isinstance(data, str) else data).decode()
        value = _decode(text)
        # What has neither an escape of the kind nor so many brackets and commas need not be walked through.
        opened = text.count("[") + text.count("{")
        if "\\u" in text or opened > MOST_LEVELS or opened + text.count(",") >= most_values:
            _check(value, most_values)
    except UnicodeError:
        raise DeliveryMalformed(f"{what} is not valid Unicode") from None
    except RecursionError:
        raise DeliveryMalformed(f"{what} is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise DeliveryMalformed(f"{what} is no JSON: {error.msg} at character {error.pos}") from None
    except ValueError as error:
        raise DeliveryMalformed(f"{what} {error}") from None
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("has a key twice")
    return made


def _integer(text: str) -> int:
    if len(text) > _LONGEST_NUMBER or (value := int(text)) not in _INTEGERS:
        raise ValueError("has an integer beyond 64 bits")
    return value


def _float(text: str) -> float:
    if len(text) > _LONGEST_NUMBER or (value := float(text)) - value != 0:
        raise ValueError("has a number that is too long or too large")
    return value


def _constant(text: str) -> NoReturn:
    raise ValueError(f"has a {text}, which JSON does not know")


_decode: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant
).decode


def _check(value: object, most_values: int) -> None:
    """Refuse lone surrogates, which only escapes can bring in, deep nesting, and too many values."""
    level: list[object] = [value]
    levels, values = 0, 1
    while level:
        below: list[object] = []
        containers = False
        for item in level:
            if isinstance(item, str):
                if not item.isascii():
                    item.encode()
            elif isinstance(item, dict | list):
                containers = True
                values += len(item)
                below += item
                if isinstance(item, dict):
                    below += item.values()
        levels += containers
        if levels > MOST_LEVELS:
            raise ValueError(f"is nested more than {MOST_LEVELS} levels deep")
        if values > most_values:
            raise ValueError(f"has more than {most_values} values")
        level = below
