"""The vendor's envelope, refusals, key rules and pages."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from email import message_from_string
from email.message import Message
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl, urlencode

from qualtrics_async.sandbox.cursors import LIFETIME, Cursor

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
    "File",
    "Part",
    "Refused",
    "check_keys",
    "check_texts",
    "dump",
    "file_headers",
    "http_status",
    "nested",
    "result",
]

Body = dict[str, Any]
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class File:
    """An answer that is a file, without an envelope."""

    content: bytes
    content_type: str = "application/octet-stream"
    name: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        """Its type and, as observed, its name with `+` for spaces."""
        return file_headers(self.content_type, self.name)


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a form that was uploaded."""

    content: bytes
    filename: str | None
    content_type: str | None


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

    def fault_kind(self) -> str | None:
        """The kind of fault that this request has drawn."""
        return None if self.fault is None else self.fault.kind

    def json(self) -> Body:
        """The body, which must be an object. Status 415 is documented, the other refusals are assumed."""
        body = self._parsed()
        if not isinstance(body, dict):
            raise Refused(400, "PLACEHOLDER_400", "The body is not an object.")
        return body

    def array(self) -> list[Any]:
        """The body, which must be an array; else as `json()`."""
        body = self._parsed()
        if not isinstance(body, list):
            raise Refused(400, "PLACEHOLDER_400", "The body is not an array.")
        return body

    def form(self) -> dict[str, Part]:
        """The parts of a `multipart/form-data` body by name. Statuses 413 and 415 are documented for it."""
        header = Message()
        header["Content-Type"] = self.headers.get("Content-Type", "")
        boundary = header.get_boundary()
        if header.get_content_type() != "multipart/form-data" or boundary is None:
            raise Refused(415, "PLACEHOLDER_415", "The Content-Type must be multipart/form-data.")
        parts = {}
        for piece in self.payload.split(f"--{boundary}".encode())[1:-1]:
            head, found, content = piece.partition(b"\r\n\r\n")
            about = message_from_string(head.strip().decode(errors="replace"))
            name = about.get_param("name", header="Content-Disposition")
            if not found or not isinstance(name, str):
                raise Refused(413, "PLACEHOLDER_413", "The form cannot be read.")
            part_type = about.get_content_type() if "Content-Type" in about else None
            parts[name] = Part(content.removesuffix(b"\r\n"), about.get_filename(), part_type)
        return parts

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
        listing: str = "",
    ) -> Body:
        """One page of `items`, of which only the first `available` exist yet.

        The cursors of a named listing are refused elsewhere (assumed).
        """
        total = len(items) if available is None else available
        start, stop, following = self.window(total, cursor=cursor, listing=listing)
        if self.fault is not None and self.fault.kind == "next_page":
            next_page = self.fault.next_page
        elif following is None:
            next_page = None
        else:
            next_page = f"{self.origin}{self.path}?{urlencode(self.query | {cursor: following})}"
        return result({"elements": [render(item) for item in items[start:stop]], "nextPage": next_page})

    def window(
        self, total: int, *, cursor: str = "skipToken", listing: str = ""
    ) -> tuple[int, int, str | None]:
        """Where the page starts and stops, and the cursor of the one after it."""
        opaque = cursor == "skipToken"
        given = self._cursor(self.query.get(cursor), listing, opaque=opaque)
        start, turn = given.start, given.turn
        size = self._size()
        following = stop = min(start + size, total)
        more = stop < total
        match self.fault_kind():
            case "short_page":
                following = stop = min(stop, start + max(1, min(size, total - start) // 2))
                more = stop < total
            case "empty_page":
                # The turn makes the cursor a new one: an empty page is no circle.
                following, stop, turn, more = start, start, turn + 1, True
            case "repeat_page":
                following, more = start, True
            case _:
                turn = 0
        after = given._replace(start=following, turn=turn)
        return start, stop, after.text(opaque=opaque) if more else None

    def _cursor(self, text: str | None, listing: str, *, opaque: bool) -> Cursor:
        now = self.state.now() if listing else 0
        if text is None:
            return Cursor(listing=listing, began=now)
        try:
            given = Cursor.read(text, opaque=opaque)
        except ValueError:
            given = None
        if given is None or given.listing != listing or now > given.began + LIFETIME:
            raise Refused(400, "PLACEHOLDER_400", "The cursor is not one of ours.")
        return given

    def _parsed(self) -> Any:
        if "json" not in self.headers.get("Content-Type", ""):
            raise Refused(415, "PLACEHOLDER_415", "The Content-Type must be application/json.")
        try:
            return json.loads(self.payload, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            raise Refused(400, "PLACEHOLDER_400", "The body is not valid JSON.") from None

    def _size(self) -> int:
        text = self.query.get("pageSize")
        if text is None:
            return self.settings.page_size
        if not text.isdecimal() or int(text) < 1:
            raise Refused(400, "PLACEHOLDER_400", "pageSize must be a positive number.")
        return min(int(text), self.settings.max_page_size or int(text))


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


def file_headers(content_type: str, name: str | None) -> dict[str, str]:
    """The type of a file and, as observed, its name with `+` for spaces."""
    headers = {"Content-Type": content_type}
    if name is not None:
        headers["Content-Disposition"] = f"attachment; filename={name.replace(' ', '+')}"
    return headers


def http_status(status: int) -> str:
    """The text of `meta.httpStatus`."""
    try:
        return f"{status} - {HTTPStatus(status).phrase}"
    except ValueError:
        return f"{status} - Unknown"


def dump(body: Body | File) -> bytes:
    """A file as it is, else JSON in UTF-8; escaped where a lone surrogate leaves no other way."""
    if isinstance(body, File):
        return body.content
    try:
        return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(body, separators=(",", ":")).encode()


def _no_constant(name: str) -> Any:
    raise ValueError(name)
