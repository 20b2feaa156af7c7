"""JSON from strangers: read strictly and in linear time, so that it can be kept and written again."""

from __future__ import annotations

import json
from typing import Any, Final, NoReturn

from qualtrics_async.errors import DeliveryMalformed

__all__ = ["MOST_LEVELS", "read_json"]

MOST_LEVELS: Final = 32
"""How deep values may be nested; genuine ones are flat (observed)."""

_INTEGERS: Final = range(-(2**63), 2**64)
_LONGEST_NUMBER: Final = 400
"""In characters: beyond the longest sensible double; reading a number takes more than linear time."""


def read_json(data: bytes | str, what: str) -> Any:
    """Read a JSON document; `what` names it in errors.

    Raises:
        DeliveryMalformed: for bytes that are not UTF-8, for what is no JSON, and for what two readers may
            read differently or cannot write again: doubled keys, NaN, infinities, integers beyond 64 bits,
            lone surrogates, and more than `MOST_LEVELS` levels.
    """
    try:
        text = (data.encode() if isinstance(data, str) else data).decode()
        value = _decode(text)
        # What has neither an escape of the kind nor so many brackets need not be walked through.
        if "\\u" in text or text.count("[") + text.count("{") > MOST_LEVELS:
            _check(value)
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


def _check(value: object) -> None:
    """Refuse lone surrogates, which only escapes can bring in, and deep nesting."""
    level: list[object] = [value]
    levels = 0
    while level:
        below: list[object] = []
        containers = False
        for item in level:
            if isinstance(item, str):
                if not item.isascii():
                    item.encode()
            elif isinstance(item, dict | list):
                containers = True
                below += item
                if isinstance(item, dict):
                    below += item.values()
        levels += containers
        if levels > MOST_LEVELS:
            raise ValueError(f"is nested more than {MOST_LEVELS} levels deep")
        level = below
