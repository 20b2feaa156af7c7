"""The forms in which events are posted."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["NONCE", "decrypt", "encrypt", "form_of", "signature_of"]

NONCE = 16
"""Bytes that make two encryptions of one text differ."""

_TAG = 64
_BLOCK = hashlib.sha512().digest_size


def form_of(
    topic: str,
    fields: Mapping[str, Any],
    *,
    shared_key: str | None,
    encrypted: bool,
    nonce: bytes,
    is_stray: bool,
    signed_by: str | None = None,
) -> bytes:
    """The body: flat fields without a key, else topic, message and its signature (observed).

    `signed_by` signs with another key than the subscription's; `is_stray` adds the empty field `undefined`
    that was observed now and then. Its place is assumed, and that an encrypted message is signed as it is
    sent.
    """
    if not shared_key:
        return urlencode({"Topic": topic} | {key: _text(value) for key, value in fields.items()}).encode()
    message = json.dumps({**fields})
    if encrypted:
        message = encrypt(message, shared_key, nonce)
    form = {"Topic": topic, "MSG": message, "HMAC": signature_of(message, signed_by or shared_key)}
    return urlencode(form | ({"undefined": ""} if is_stray else {})).encode()


def signature_of(message: str, shared_key: str) -> str:
    """HMAC-SHA512 in lower-case hex over the message as it is before it is put into a form: observed."""
    return hmac.new(shared_key.encode(), message.encode(), hashlib.sha512).hexdigest()


def encrypt(message: str, shared_key: str, nonce: bytes) -> str:
    """Encrypt a message, in Base64 (documented). The cipher is the sandbox's own."""
    content = nonce + _masked(message.encode(), shared_key, nonce)
    return base64.b64encode(_tag(content, shared_key) + content).decode()


def decrypt(text: str, shared_key: str) -> str:
    """Open what `encrypt` made.

    Raises:
        ValueError: for anything else, or with another key.
    """
    try:
        sealed = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("an encrypted message of the sandbox is Base64") from None
    tag, content = sealed[:_TAG], sealed[_TAG:]
    if not hmac.compare_digest(tag, _tag(content, shared_key)):
        raise ValueError("not a message of the sandbox, or another key")
    return _masked(content[NONCE:], shared_key, content[:NONCE]).decode()


def _tag(content: bytes, shared_key: str) -> bytes:
    return hmac.digest(shared_key.encode(), content, "sha512")


def _masked(content: bytes, shared_key: str, nonce: bytes) -> bytes:
    key = shared_key.encode()
    blocks = range(-(-len(content) // _BLOCK))
    stream = b"".join(hmac.digest(key, nonce + block.to_bytes(8, "big"), "sha512") for block in blocks)
    return bytes(mine ^ mask for mine, mask in zip(content, stream, strict=False))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
