"""The vendor's envelope, refusals, key rules and pages."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl, urlencode

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from qualtrics_async.sandbox.credentials import Credentials
    from qualtrics_async.sandbox.faults import Fault
    from qualtrics_async.sandbox.routing import Operation
    from qualtrics_async.sandbox.settings import Settings
    from qualtrics_async.sandbox.state import State

__all__ = [
    "ABSENT",
    "Body",
    "Call",
    "Refused",
    "check_keys",
    "check_texts",
    "dump",
    "http_status",
    "nested",
    "result",
]

Body = dict[str, Any]
Item = TypeVar("Item")

ABSENT = object()
"""A member that is left out of the answer, as opposed to null."""


class Refused(Exception):
    """The sandbox's own no: becomes an error envelope.

    `request_id` is `ABSENT` to leave it out; text or None is sent as it is; by default a new UUID is sent.
    """

    def __init__(
        self,
        status: int,
        code: str | None,
        message: str,
        *,
        request_id: object = ...,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.request_id = request_id
        self.headers = dict(headers or {})

    def body(self, new_request_id: Callable[[], str]) -> Body:
        """The error envelope; no code is sent when there is none."""
        meta: Body = {"httpStatus": http_status(self.status)}
        if self.request_id is ...:
            meta["requestId"] = new_request_id()
        elif self.request_id is not ABSENT:
            meta["requestId"] = self.request_id
        error = {} if self.code is None else {"errorCode": self.code}
        if self.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            error["instanceId"] = "sandbox"
        return {"meta": meta | {"error": error | {"errorMessage": self.message}}}


@dataclass(slots=True)
class Call:
    """One request as a handler sees it."""

    operation: Operation
    ids: tuple[str, ...]
    path: str
    raw_query: str
    payload: bytes
    headers: Mapping[str, str]
    origin: str
    state: State
    settings: Settings
    credentials: Credentials
    fault: Fault | None = None
    query: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.query = dict(parse_qsl(self.raw_query, keep_blank_values=True)) if self.raw_query else {}

    @property
    def base_url(self) -> str:
        """The API root, without a slash at its end."""
        return f"{self.origin}/API/v3"

    def fault_kind(self) -> str | None:
        """The kind of fault that this request has drawn."""
        return None if self.fault is None else self.fault.kind

    def json(self) -> Body:
        """The body, which must be an object. Status 415 is documented, the other refusals are assumed."""
        if "json" not in self.headers.get("Content-Type", ""):
            raise Refused(415, "PLACEHOLDER_415", "The Content-Type must be application/json.")
        try:
            body = json.loads(self.payload)
        except (ValueError, RecursionError):
            raise Refused(400, "PLACEHOLDER_400", "The body is not valid JSON.") from None
        if not isinstance(body, dict):
            raise Refused(400, "PLACEHOLDER_400", "The body is not an object.")
        return body

    def param(self, name: str) -> str:
        """A query parameter that must be there."""
        value = self.query.get(name)
        if not value:
            raise Refused(400, "RP_10", f"Expected param not found: {name}")
        return value

    def flag(self, name: str) -> bool:
        """A query parameter that switches something on."""
        return self.query.get(name, "").lower() in ("true", "1")

    def page(
        self,
        items: Sequence[Item],
        render: Callable[[Item], Body],
        *,
        cursor: str = "skipToken",
        available: int | None = None,
    ) -> Body:
        """One page of `items`, of which only the first `available` exist yet."""
        start, stop, following = self.window(len(items) if available is None else available, cursor=cursor)
        elements = [render(item) for item in items[start:stop]]
        return result({"elements": elements, "nextPage": self._next_page(following, start, cursor)})

    def window(self, total: int, *, cursor: str = "skipToken") -> tuple[int, int, str | None]:
        """Where the page starts and stops, and the cursor of the one after it."""
        start = self._start(cursor)
        size = self._size()
        stop = min(start + size, total)
        kind = self.fault_kind()
        if kind == "short_page":
            stop = min(stop, start + max(1, min(size, total - start) // 2))
        elif kind == "empty_page":
            return (
                start,
                start,
                _token(f"{start}.{self._nonce() + 1}") if cursor == "skipToken" else str(start),
            )
        if stop >= total:
            return start, stop, None
        return start, stop, _token(str(stop)) if cursor == "skipToken" else str(stop)

    def _next_page(self, following: str | None, start: int, cursor: str) -> str | None:
        if self.fault is not None and self.fault.kind == "next_page":
            return self.fault.next_page
        if self.fault_kind() == "repeat_page":
            following = _token(str(start)) if cursor == "skipToken" else str(start)
        if following is None:
            return None
        return f"{self.origin}{self.path}?{urlencode(self.query | {cursor: following})}"

    def _size(self) -> int:
        text = self.query.get("pageSize")
        if text is None:
            return self.settings.page_size
        if not text.isdecimal() or int(text) < 1:
            raise Refused(400, "PLACEHOLDER_400", "pageSize must be a positive number.")
        return min(int(text), self.settings.max_page_size or int(text))

    def _start(self, cursor: str) -> int:
        text = self.query.get(cursor)
        if text is None:
            return 0
        try:
            return int(text if cursor == "offset" else _untoken(text).partition(".")[0])
        except (ValueError, binascii.Error):
            raise Refused(400, "PLACEHOLDER_400", f"{cursor} is not one of ours.") from None

    def _nonce(self) -> int:
        token = self.query.get("skipToken")
        return int(_untoken(token).partition(".")[2] or 0) if token else 0


def check_keys(body: Mapping[str, Any], allowed: Collection[str], required: Collection[str] = ()) -> None:
    """Refuse unknown keys first, then missing ones. Observed for distributions, assumed elsewhere."""
    for key in body:
        if key not in allowed:
            raise Refused(400, "RP_9", f"Unexpected json key provided: {key}")
    for key in required:
        if key not in body:
            raise Refused(400, "RP_10", f"Expected param not found: {key}")


def check_texts(body: Mapping[str, Any], keys: Iterable[str]) -> None:
    """Refuse anything but text under these keys. Assumed."""
    for key in keys:
        if not isinstance(body.get(key, ""), str):
            raise Refused(400, "PLACEHOLDER_400", f"{key} must be text.")


def nested(body: Mapping[str, Any], key: str) -> Body:
    """The object under a key, which must be one. Assumed."""
    value = body.get(key, {})
    if not isinstance(value, dict):
        raise Refused(400, "PLACEHOLDER_400", f"{key} must be an object.")
    return value


def result(value: Any) -> Body:
    """A body with a result."""
    return {"result": value}


def http_status(status: int) -> str:
    """The text of `meta.httpStatus`."""
    try:
        return f"{status} - {HTTPStatus(status).phrase}"
    except ValueError:
        return f"{status} - Unknown"


def dump(body: Any) -> bytes:
    """JSON in UTF-8; escaped where a lone surrogate leaves no other way."""
    try:
        return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(body, separators=(",", ":")).encode()


def _token(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


def _untoken(token: str) -> str:
    return base64.urlsafe_b64decode(token).decode()
