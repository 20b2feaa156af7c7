"""One delivery, from its bytes to what happened."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any, Final

from qualtrics_async.errors import (
    DeliveryEncrypted,
    DeliveryExpired,
    DeliveryMalformed,
    DeliveryTooLarge,
    SignatureMismatch,
    UsageError,
)
from qualtrics_async.webhooks.events import Event, ResponseEvent, StartedRecipientSession, event_of
from qualtrics_async.webhooks.forms import read_form
from qualtrics_async.webhooks.signatures import is_signed_with, signing_key
from qualtrics_async.webhooks.strict_json import read_json

__all__ = ["MAX_SIZE", "Decrypt", "parse"]

MAX_SIZE: Final = 65_536
"""In bytes: a hundred times a delivery of the length that is recorded."""

Decrypt = Callable[[str], bytes | str]
"""Makes the JSON of an event from `MSG` as it was delivered."""

_ENVELOPE: Final = (b"Topic", b"MSG", b"HMAC")
_DATED: Final = (ResponseEvent, StartedRecipientSession)
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/_ \r\n-]{22,}+={0,2}")
"""At least one block of AES; an unescaped `+` arrives as a space."""


def parse(
    body: bytes | bytearray | memoryview,
    content_type: str | None,
    shared_key: str | bytes | None = None,
    *,
    max_size: int = MAX_SIZE,
    max_age: float | None = None,
    now: Callable[[], float] = time.time,
    decrypt: Decrypt | None = None,
) -> Event:
    """Read one delivery and tell what happened.

    `body` is what was posted, byte for byte. Each call is for itself: which deliveries are repeated is for
    the caller to see, by `event.identity` (a `Receiver` does). The errors of deliveries are importable from
    `qualtrics_async`, each a `DeliveryError`; `error.status` is what to answer.

    With a `shared_key` only deliveries that are signed with it are taken; type, ids and dates then come from
    what is signed. With None, as from an environment variable that is not set, nothing is verified, and a
    signed form is read all the same.

    `max_age` in seconds refuses older events by the date that they carry themselves, and those of a type with
    a date that lack it. Events of types that never have a date (activations, 360 events, unknown ones) always
    pass, also when somebody sends a signed one again that he has seen: there is nothing to judge them by.
    Off by default, since genuine redeliveries are old.

    `decrypt` gets a `MSG` that is Base64 and no JSON, as delivered, and gives the JSON. Neither the cipher's
    mode nor what the signature of an encrypted delivery covers is documented; that it covers `MSG` as
    delivered is assumed. An unencrypted `MSG` is read as it is.

    Raises:
        DeliveryTooLarge: more than `max_size` bytes; nothing else is looked at.
        DeliveryTypeRefused: no form, and no list of keys and values.
        DeliveryMalformed: it cannot be read, lacks fields, or has one twice.
        SignatureMismatch: not signed, or not with this key.
        DeliveryEncrypted: it is encrypted, and there is no `decrypt`, or that raised: `__cause__`.
        TopicMismatch: its topic, which no signature covers, names something else than its message.
        DeliveryExpired: it is older than `max_age`.
        UsageError: for an empty key, a `max_age` that is no age, a `body` that is not bytes, a `decrypt` that
            gives no text.
    """
    key = signing_key(shared_key)
    if max_age is not None and not max_age >= 0:
        raise UsageError(f"max_age is a number of seconds, not {max_age!r}")
    if not isinstance(body, bytes):
        body = _bytes(body)
    if len(body) > max_size:
        raise DeliveryTooLarge(f"a delivery of {len(body)} bytes; at most {max_size} are taken")
    form = _unambiguous(read_form(body, content_type))
    topic, message = form.get(b"Topic"), form.get(b"MSG")
    if not topic:
        raise _nameless(body)
    if key is not None:
        _verify(key, message, form.get(b"HMAC"))
    if message is not None:
        fields = _read(message, decrypt)
    elif b"HMAC" in form:
        raise DeliveryMalformed("a delivery with an HMAC and without a MSG")
    else:
        fields = {_text(name): _text(value) for name, value in form.items() if name != b"Topic"}
    event = event_of(_text(topic), fields, is_signed=key is not None)
    if max_age is not None:
        _refuse_old(event, max_age, now())
    return event


def _bytes(body: object) -> bytes:
    if isinstance(body, bytearray | memoryview):
        return bytes(body)
    raise UsageError(f"the body is the bytes as they were posted, not {type(body).__name__}")


def _nameless(body: bytes) -> DeliveryMalformed:
    if not body:
        return DeliveryMalformed("the body is empty: was it read before?")
    return DeliveryMalformed("a delivery without a Topic: is the body as posted, no headers, BOM or Base64?")


def _unambiguous(pairs: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Refuse a field that is read and comes twice: whoever looks at the other one is deceived."""
    form = dict(pairs)
    if len(form) != len(pairs):
        seen: set[bytes] = set()
        for name, _ in pairs:
            if name in seen and (name in _ENVELOPE or b"MSG" not in form):
                raise DeliveryMalformed(f"the delivery has two fields {name!r:.40}")
            seen.add(name)
    return form


def _verify(key: bytes, message: bytes | None, signature: bytes | None) -> None:
    if message is None or not signature:
        raise SignatureMismatch("the delivery is not signed: was the subscription made without a shared key?")
    if not is_signed_with(key, message, signature):
        hint = "; it seems to be encrypted" if _BASE64.fullmatch(message.strip()) else ""
        raise SignatureMismatch(f"the delivery is not signed with this key, or was changed on its way{hint}")


def _read(message: bytes, decrypt: Decrypt | None) -> dict[str, Any]:
    plain: bytes | str = message
    what = "the MSG of the delivery"
    if _BASE64.fullmatch(message.strip()):
        if decrypt is None:
            raise DeliveryEncrypted(
                "the delivery seems to be encrypted, and how is not documented: subscribe with encrypt=False"
                " and a shared key (signed, over https), or give a function as decrypt"
            )
        what = "the decrypted MSG of the delivery"
        try:
            plain = decrypt(_text(message))
        except Exception as error:
            raise DeliveryEncrypted(f"decrypt raised {type(error).__name__}") from error
        if not isinstance(plain, bytes | str):
            raise UsageError(f"decrypt gives bytes or text, not {type(plain).__name__}")
    found = read_json(plain, what)
    if not isinstance(found, dict):
        raise DeliveryMalformed(f"{what} is no JSON object")
    return found


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise DeliveryMalformed("a field of the delivery is not UTF-8") from None


def _refuse_old(event: Event, max_age: float, now: float) -> None:
    if not isinstance(event, _DATED):
        return
    if event.occurred is None:
        raise DeliveryExpired("the event has no date that can be read, so it may be of any age")
    age = now - event.occurred.timestamp()
    if age > max_age:
        raise DeliveryExpired(f"the event is {age:.0f} s old; at most {max_age:g} s are taken")
