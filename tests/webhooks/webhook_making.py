"""Deliveries as the service posts them, made with the standard library alone."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import quote_from_bytes

FORM: Final = "application/x-www-form-urlencoded"
JSON: Final = "application/json"
KEY: Final = "sandbox-shared-key"
TOPIC: Final = "examplebrand.surveyengine.completedResponse.SV_1"
DONE: Final[dict[str, Any]] = {
    "Status": "Complete",
    "SurveyID": "SV_1",
    "ResponseID": "R_1",
    "CompletedDate": "2026-05-02 08:03:20",
    "BrandID": "examplebrand",
}


def signature(message: bytes, key: bytes | str = KEY) -> str:
    """HMAC-SHA512 in lower-case hex."""
    return hmac.new(key if isinstance(key, bytes) else key.encode(), message, hashlib.sha512).hexdigest()


def encoded(pairs: Iterable[tuple[str | bytes, str | bytes]]) -> bytes:
    """A form, percent-encoded, a space as `+`."""
    return "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in pairs).encode()


def _quoted(text: str | bytes) -> str:
    return quote_from_bytes(text if isinstance(text, bytes) else text.encode(), safe=" ").replace(" ", "+")


def flat(topic: str = TOPIC, fields: dict[str, Any] = DONE) -> bytes:
    """A delivery without a shared key."""
    return encoded([("Topic", topic), *fields.items()])


def signed(message: bytes | dict[str, Any], topic: str = TOPIC, key: bytes | str = KEY) -> bytes:
    """A delivery of a subscription with a shared key."""
    message = message if isinstance(message, bytes) else json.dumps(message).encode()
    return encoded([("Topic", topic), ("MSG", message), ("HMAC", signature(message, key))])


def listed(pairs: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    """The same as keys and values, as the specification has them."""
    return [{"key": key, "value": value} for key, value in pairs]
