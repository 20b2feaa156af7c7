"""Answers to decode, and the check that what fails shows nothing private."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from qualtrics_async import (
    QualtricsError,
)
from qualtrics_async._core.codec import decode
from qualtrics_async._core.request import GET, POST, Request
from qualtrics_async.models._base import Instant, Model

SECRET = "0123456789abcdef0123456789abcdef01234567"
PRIVATE = "Jane jane.doe@example.com https://fra1.qualtrics.com/jfe/form/SV_1?Q_DL=xyz " + SECRET
JSON = {"Content-Type": "application/json"}


class Thing(Model, frozen=True, kw_only=True):
    """A result as models have them."""

    id: str
    count: int | None = None
    seen: Instant | None = None


READ: Request[Any] = Request(GET("/things/{thingId}", "T_1"), Thing)
WRITE: Request[Any] = Request(POST("/things"), None, idempotent=False)


def answer(
    body: object, status: int = 200, headers: Mapping[str, str] = JSON, request: Request[Any] = READ
) -> Any:
    """Decode a body."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return decode(request, status, headers, raw, secrets=(SECRET,))


def refused(
    body: object, status: int = 200, headers: Mapping[str, str] = JSON, request: Request[Any] = READ
) -> Any:
    """Decode what must fail; the error holds nothing private, whatever the body held."""
    with pytest.raises(QualtricsError) as caught:
        answer(body, status, headers, request)
    error = caught.value
    seen = f"{error} {getattr(error, 'excerpt', '')} {getattr(error, 'message', '')} {error!r}"
    assert SECRET not in seen
    assert SECRET[:16] not in seen
    assert "jane.doe" not in seen
    assert "jfe/form" not in seen
    assert "\n" not in str(error)
    return error


def envelope(
    code: str | None = "E_1", message: str | None = "It went wrong.", **meta: object
) -> dict[str, Any]:
    """Write an error as the service does."""
    return {"meta": {"requestId": "r1", "error": {"errorCode": code, "errorMessage": message}, **meta}}
