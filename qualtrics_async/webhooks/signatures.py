"""The signature of a delivery: HMAC-SHA512 over the value of `MSG`, in lower-case hex (observed)."""

from __future__ import annotations

import hmac

from qualtrics_async.errors import UsageError

__all__ = ["is_signed_with", "signing_key"]


def signing_key(shared_key: str | bytes | None) -> bytes | None:
    """Give the bytes of a shared key, UTF-8 and as given: nothing is stripped, decoded or padded (observed).

    Raises:
        UsageError: for an empty key, with which anybody can sign, or one that UTF-8 cannot write.
    """
    if shared_key is None:
        return None
    try:
        key = shared_key if isinstance(shared_key, bytes) else shared_key.encode()
    except UnicodeEncodeError:
        raise UsageError("the shared key is not valid Unicode") from None
    if not key:
        raise UsageError("the shared key is empty; give None where deliveries are not signed")
    return key


def is_signed_with(key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether this is the signature of exactly these bytes; compared in constant time, any bytes may come."""
    return hmac.compare_digest(hmac.digest(key, message, "sha512").hex().encode(), signature)
