"""Instants in bodies that are structs, where several endpoints refuse fractions of a second."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

from msgspec.structs import replace

from qualtrics_async._core.request import instant
from qualtrics_async.models._base import Input

__all__ = ["with_instants"]

InputT = TypeVar("InputT", bound=Input)


def with_instants(body: InputT, *names: str) -> InputT:
    """Return the body with these fields, where they are set, as the service takes instants.

    Raises:
        UsageError: for a naive `datetime` or a text without an offset, which name no instant.
    """
    given = {name: getattr(body, name) for name in names}
    return replace(
        body,
        **{name: instant(value, name) for name, value in given.items() if isinstance(value, datetime | str)},
    )
