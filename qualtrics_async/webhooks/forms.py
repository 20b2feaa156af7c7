"""The forms in which deliveries come: names and values as bytes, since a signature covers bytes."""

from __future__ import annotations

import binascii
import re
from contextlib import suppress
from typing import Any, Final

from qualtrics_async.errors import DeliveryMalformed, DeliveryTypeRefused
from qualtrics_async.webhooks.strict_json import read_json

__all__ = ["MOST_FIELDS", "read_form"]

MOST_FIELDS: Final = 1000
"""How many fields one delivery may have; genuine ones have about twenty (observed)."""

_FORM: Final = "application/x-www-form-urlencoded"
_JSON: Final = "application/json"
_BROKEN_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def read_form(body: bytes, content_type: str | None) -> list[tuple[bytes, bytes]]:
    """Read the fields of a delivery, decoded, in their order, doubled ones too.

    A form as the service posts it (observed), or the specification's list of keys and values, as JSON.

    Raises:
        DeliveryTypeRefused: for another content type, or none.
        DeliveryMalformed: when it cannot be read, or has more than `MOST_FIELDS` fields.
    """
    if _media_type(content_type) == _JSON:
        return _listed(read_json(body, "the delivery", 4 * MOST_FIELDS))
    return _urlencoded(body)


def _media_type(content_type: object) -> str:
    """Give one of the two types that are taken.

    Its parameters are not looked at: percent-encoding yields bytes, which are UTF-8 (observed) and covered by
    the signature whatever charset a sender's library writes beside them; JSON is UTF-8 anyway.
    """
    if not isinstance(content_type, str):
        raise DeliveryTypeRefused("a delivery without a content type")
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type not in (_FORM, _JSON):
        raise DeliveryTypeRefused(f"a delivery is a form, not {media_type!r:.80}")
    return media_type


def _urlencoded(body: bytes) -> list[tuple[bytes, bytes]]:
    """Split and decode a form; `+` is a space (observed).

    A `%` without two hex digits behind it is refused: no encoder writes one, and readers differ about it.
    """
    if body.count(b"&") >= MOST_FIELDS:
        raise _too_many()
    if _BROKEN_ESCAPE.search(body):
        raise DeliveryMalformed("the form has a % without two hexadecimal digits")
    pairs = (part.partition(b"=") for part in body.replace(b"+", b" ").split(b"&") if part)
    return [(_unquoted(name), _unquoted(value)) for name, _, value in pairs]


def _unquoted(value: bytes) -> bytes:
    """Decode what has two digits behind each `%`: as quoted-printable, which C code reads in one go."""
    return binascii.a2b_qp(value.replace(b"=", b"=3D").replace(b"%", b"=")) if b"%" in value else value


def _listed(found: Any) -> list[tuple[bytes, bytes]]:
    """Read `[{"key": ..., "value": ...}]`, by itself or as the `$formdata` of the specification's object.

    Without `$formdata`, `$content` is the form: in Base64, as flows hand it on (documented for those, not
    for this service), or as plain text (assumed). No form with a value is valid Base64: it has a `=` inside.
    """
    if isinstance(found, dict):
        declared = found.get("$content-type", _FORM)
        if _media_type(declared) != _FORM:
            raise DeliveryTypeRefused("the content of the delivery is no form")
        if found.get("$formdata") is None:
            return _contained(found.get("$content"))
        found = found["$formdata"]
    if not isinstance(found, list):
        raise DeliveryMalformed("the delivery has no list of keys and values")
    if len(found) > MOST_FIELDS:
        raise _too_many()
    return [_entry(entry) for entry in found]


def _contained(content: object) -> list[tuple[bytes, bytes]]:
    if not isinstance(content, str):
        raise DeliveryMalformed("the delivery has neither $formdata nor $content")
    body = content.encode()
    with suppress(binascii.Error):
        body = binascii.a2b_base64(body, strict_mode=True)
    return _urlencoded(body)


def _entry(entry: Any) -> tuple[bytes, bytes]:
    key, value = (entry.get("key"), entry.get("value")) if isinstance(entry, dict) else (None, None)
    if not isinstance(key, str) or not isinstance(value, str):
        raise DeliveryMalformed("a field of the delivery is no key and value of text")
    return key.encode(), value.encode()


def _too_many() -> DeliveryMalformed:
    return DeliveryMalformed(f"the delivery has more than {MOST_FIELDS} fields")
