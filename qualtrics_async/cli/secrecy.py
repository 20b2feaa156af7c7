"""Secrets: where those come from that are no settings, and that no message shows any of them."""

from __future__ import annotations

import os
import re
from typing import Final

from qualtrics_async.config import ENVIRONMENT
from qualtrics_async.errors import UsageError

__all__ = ["masked", "shared_key"]

_VARIABLE: Final = re.compile(r"[A-Z_][A-Z0-9_]{0,63}")
"""What is surely the name of a variable, not a key that was given in its place."""

_keys: Final[set[str]] = set()


def shared_key(variable: str) -> str:
    """Return the shared key of a subscription from the environment variable of this name.

    Raises:
        UsageError: when it is not set, or empty.
    """
    key = os.environ.get(variable, "") if variable and "\0" not in variable else ""
    if not key:
        named = variable if _VARIABLE.fullmatch(variable) else "what it names (a variable, never a key)"
        raise UsageError(f"--shared-key-env: {named} is not set, or empty")
    _keys.add(key)
    return key


def masked(text: str) -> str:
    """Keep every secret out of a text that others wrote."""
    secrets = {os.environ.get(ENVIRONMENT[name]) or "" for name in ("token", "client_secret")}
    for secret in sorted(_keys | secrets, key=len, reverse=True):
        text = text.replace(secret, "<secret>") if secret else text
    return text
