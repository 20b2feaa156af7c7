"""Events as bytes: in a file, and in memory where many wait."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from qualtrics_async.errors import DeliveryError
from qualtrics_async.webhooks.events import Event, event_of

__all__ = ["MOST_UNPACKED", "is_signed", "pack", "unpacked"]

MOST_UNPACKED: Final = 1000
"""How many events may wait before those that follow wait packed, in a fraction of the memory."""


class _Packed(msgspec.Struct, array_like=True, frozen=True):
    """What an event is made of; its type follows from it."""

    topic: str
    brand_id: str | None
    fields: dict[str, Any]
    is_signed: bool


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(_Packed)


def pack(event: Event) -> bytes:
    """Write an event."""
    return _ENCODER.encode(_Packed(event.topic, event.brand_id, event.fields, event.is_signed))


def is_signed(packed: bytes) -> bool:
    """Whether its signature was verified when it was accepted.

    Raises:
        msgspec.DecodeError: when these are not the bytes of an event.
    """
    return _DECODER.decode(packed).is_signed


def unpacked(packed: bytes) -> Event:
    """Read an event."""
    told = _DECODER.decode(packed)
    delivered = told.topic if told.brand_id is None else f"{told.brand_id}.{told.topic}"
    try:
        return event_of(delivered, told.fields, is_signed=told.is_signed)
    except DeliveryError:
        # Another release accepted it: what was accepted is handed out, if need be without its type.
        return Event(topic=told.topic, brand_id=told.brand_id, fields=told.fields, is_signed=told.is_signed)
