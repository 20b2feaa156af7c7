"""A request is a value: what an operation means, with nothing about how or when it is executed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, Generic, TypeAlias, TypeVar
from urllib.parse import quote

from msgspec import Struct
from msgspec.structs import replace

from qualtrics_async.errors import UsageError
from qualtrics_async.models._dates import utc_text

__all__ = [
    "ANY_TYPE",
    "DELETE",
    "GET",
    "NOTHING",
    "PATCH",
    "POST",
    "PUT",
    "Query",
    "Request",
    "Route",
    "encode_query",
    "fill",
    "instant",
]

T = TypeVar("T")

QueryValue: TypeAlias = str | int | bool | datetime | None
Query: TypeAlias = Mapping[str, QueryValue]

NOTHING: Final = object()
"""The body of a request that has none (`None` would be JSON's null)."""

ANY_TYPE: Final = ("Accept", "*/*")
"""The header of a request for a file, which has any type."""

_READING_METHODS = frozenset({"GET", "HEAD", "POST"})
_IDEMPOTENT_METHODS = frozenset({"GET", "HEAD", "PUT", "DELETE"})
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_PLAIN_ID = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9_.~-]*")
_FORBIDDEN = re.compile(r"[/\\\x00-\x1f\x7f]")
_IN_NO_ID = re.compile(r"[\s?#]")
_KEYS_OF_USERS = frozenset({"uniqueField"})
"""Placeholders that take what users wrote, not an id that the service made."""


class Route(Struct, frozen=True):
    """Where an operation lives: method, the vendor's template, and the concrete, percent-encoded path.

    `base` is the path before the template where it is not the API root (`/automations-file-service`).
    """

    method: str
    template: str
    path: str
    base: str | None = None

    @property
    def key(self) -> str:
        """What limits are keyed by: `"GET /surveys/{surveyId}"`."""
        return f"{self.method} {self.template}"


class Request(Struct, Generic[T], frozen=True):
    """One call of one operation.

    `returns` is the type of the result, `None` where only `meta` comes back. `whole` says that the body is
    the result itself, without the `{"result", "meta"}` envelope. `body` is encoded as JSON, as a form where
    `form` is true, or streamed where it is an `Upload`. `headers` go along with those of the session. `url`
    replaces the route's own address: a next page, opaque and absolute. `private` says that the answer is a
    secret, no part of which goes into an error, `writes` that a repeatable POST is no mere question.
    `idempotent` decides whether a repeat on doubt is allowed.
    """

    route: Route
    returns: type[T] | None
    query: tuple[tuple[str, str], ...] = ()
    body: object = NOTHING
    idempotent: bool = True
    whole: bool = False
    form: bool = False
    url: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    private: bool = False
    writes: bool = False

    def __repr__(self) -> str:
        return f"<Request {self.route.key}>"

    @property
    def safe(self) -> bool:
        """Whether it only reads: nothing is in doubt when it is abandoned. A GET may start a job."""
        return self.idempotent and not self.writes and self.route.method in _READING_METHODS

    @property
    def secrets(self) -> tuple[str, ...]:
        """What headers of its own hold, a one-time token for one: no message may show it."""
        return tuple(value.rpartition(" ")[2] for name, value in self.headers if name != "Accept")

    def at(self, url: str) -> Request[T]:
        """Derive the request for the page at this absolute URL."""
        return replace(self, url=url, query=())

    def with_query(self, name: str, value: str) -> Request[T]:
        """Derive a request in which one query parameter has another value."""
        kept = tuple(pair for pair in self.query if pair[0] != name)
        return replace(self, query=(*kept, (name, value)))

    def with_body(self, body: object) -> Request[T]:
        """Derive a request with another body."""
        return replace(self, body=body)


@lru_cache(maxsize=1024)
def _parse(template: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    pieces = _PLACEHOLDER.split(template)
    return tuple(pieces[::2]), tuple(pieces[1::2])


def _segment(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise UsageError(f"{name} must be a string, got {type(value).__name__}")
    if _PLAIN_ID.fullmatch(value):
        return value
    if not value.strip():
        raise UsageError(f"{name} is empty: refused, because a path without it names something else")
    if value in {".", ".."} or _FORBIDDEN.search(value):
        raise UsageError(f"{name} has characters that no id has: {value!r:.60}")
    if name not in _KEYS_OF_USERS and _IN_NO_ID.search(value):
        raise UsageError(f"{name} has white space, ? or #, which no id has: {value!r:.60}")
    try:
        return quote(value, safe="")
    except UnicodeEncodeError:
        raise UsageError(f"{name} is not valid Unicode: {value!r:.60}") from None


def fill(template: str, ids: tuple[object, ...]) -> str:
    """Fill the placeholders of a path template in order, percent-encoding each id as one segment.

    Raises:
        UsageError: for a wrong number of ids, and for an id that is empty, blank, `.` or `..`, or holds a
            slash, a control character, white space, `?` or `#`. (An empty id would turn "delete one" into
            "delete all"; the others come of copying an address or a cell.) Keys that users made may have
            the last three.
    """
    fixed, names = _parse(template)
    if len(names) != len(ids):
        raise UsageError(f"{template} takes {len(names)} ids, got {len(ids)}")
    if not names:
        return template
    path = fixed[0]
    for name, value, tail in zip(names, ids, fixed[1:], strict=True):
        path += _segment(name, value) + tail
    return path


def GET(template: str, *ids: str, base: str | None = None) -> Route:  # noqa: N802  (the verb, as written)
    """Build the route of a GET operation; the template is a literal equal to the vendor's path."""
    return Route("GET", template, fill(template, ids), base)


def POST(template: str, *ids: str, base: str | None = None) -> Route:  # noqa: N802  (the verb, as written)
    """Build the route of a POST operation; the template is a literal equal to the vendor's path."""
    return Route("POST", template, fill(template, ids), base)


def PUT(template: str, *ids: str, base: str | None = None) -> Route:  # noqa: N802  (the verb, as written)
    """Build the route of a PUT operation; the template is a literal equal to the vendor's path."""
    return Route("PUT", template, fill(template, ids), base)


def PATCH(template: str, *ids: str, base: str | None = None) -> Route:  # noqa: N802  (the verb, as written)
    """Build the route of a PATCH operation; the template is a literal equal to the vendor's path."""
    return Route("PATCH", template, fill(template, ids), base)


def DELETE(template: str, *ids: str, base: str | None = None) -> Route:  # noqa: N802  (the verb, as written)
    """Build the route of a DELETE operation; the template is a literal equal to the vendor's path."""
    return Route("DELETE", template, fill(template, ids), base)


def is_idempotent(method: str) -> bool:
    """Whether a repeat of this method changes nothing more (RFC 9110, section 9.2.2)."""
    return method in _IDEMPOTENT_METHODS


def instant(value: datetime | str, name: str) -> str:
    """Write an instant as the service takes it: ISO 8601 in UTC with whole seconds and a `Z`.

    Some endpoints refuse fractions of a second (facts.md section 8), so they are cut off.

    Raises:
        UsageError: for a naive `datetime` or a text without an offset, which name no instant.
    """
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise UsageError(f"{name} is not an ISO 8601 instant: {value!r:.40}") from None
    return utc_text(value, name).replace(" ", "T") + "Z"


def encode_query(query: Query | None) -> tuple[tuple[str, str], ...]:
    """Turn parameters into pairs of text: `None` is left out, booleans become `true` and `false`."""
    if not query:
        return ()
    return tuple((name, _query_value(name, value)) for name, value in query.items() if value is not None)


def _query_value(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return instant(value, name)
    if isinstance(value, str | int):
        return str(value)
    raise UsageError(f"{name} must be text, a number, a boolean or an instant, got {type(value).__name__}")
