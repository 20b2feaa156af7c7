"""Requests to bytes, and `(status, headers, bytes)` to a result or the right error."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, Final, Generic, NamedTuple, TypeVar
from urllib.parse import quote, urlencode

import msgspec
from msgspec import UNSET, Struct, UnsetType

from qualtrics_async._core.events import scrub
from qualtrics_async._core.request import NOTHING, Request
from qualtrics_async._core.uploads import Upload
from qualtrics_async.errors import (
    ApiError,
    DecodeError,
    OutcomeUnknown,
    RateLimited,
    Unauthorized,
    UsageError,
    api_error_class,
)
from qualtrics_async.models._base import convert_wire

__all__ = ["Answer", "Envelope", "Meta", "decode", "encode_body", "encode_query_string"]

T = TypeVar("T")

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
_EXCERPT: Final = 200
_LONGEST: Final = 500
_CUT_OFF: Final = 64
_OK = range(200, 300)
_PATH = re.compile(r" - at `(\$.*)`$")
_encode = msgspec.json.Encoder().encode


class ErrorBody(Struct, rename="camel"):
    """`meta.error` as documented, with the retry hint that one client reads."""

    error_code: Any = None
    error_message: Any = None
    retry_after: Any = None


class Meta(Struct, rename="camel"):
    """`meta` of an answer. `httpStatus` is text that can differ from the real status, so nothing reads it."""

    request_id: str | None = None
    notice: str | None = None
    error: ErrorBody | None = None


class Envelope(Struct, Generic[T]):
    """The vendor's envelope, decoded in one pass with its result."""

    result: T | UnsetType = UNSET
    meta: Meta | None = None


class _MetaOnly(Struct):
    meta: Meta | None = None


class Answer(NamedTuple):
    """A decoded result, and what came with it."""

    value: Any
    request_id: str | None
    notice: str | None


def encode_body(request: Request[Any]) -> tuple[str, bytes] | None:
    """Encode the body: its content type and bytes, or None where the request has none or streams it.

    Raises:
        UsageError: for what JSON cannot say: NaN and infinities, lone surrogates, unknown types, cycles.
    """
    body = request.body
    if body is NOTHING or isinstance(body, Upload):
        return None
    if request.form:
        return FORM, urlencode(body).encode()  # type: ignore[arg-type]  # a form is a mapping of text
    try:
        data = _encode(body)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise UsageError(f"{request.route.key}: the body cannot be written as JSON: {error}") from None
    # msgspec writes NaN as null, so only a body with a null in it needs the walk.
    if b"null" in data and _has_nan(body):
        raise UsageError(f"{request.route.key}: the body holds NaN or an infinity, which JSON cannot say")
    return JSON, data


def _has_nan(value: object) -> bool:
    if isinstance(value, float):
        return value - value != 0
    if isinstance(value, Mapping):
        return any(map(_has_nan, value.values()))
    if isinstance(value, list | tuple | set | frozenset):
        return any(map(_has_nan, value))
    if isinstance(value, Struct):
        return any(_has_nan(getattr(value, name)) for name in value.__struct_fields__)
    # A dataclass, without importing what makes them.
    return any(_has_nan(getattr(value, name)) for name in getattr(value, "__dataclass_fields__", ()))


def encode_query_string(pairs: tuple[tuple[str, str], ...]) -> str:
    """Write a query with every reserved character percent-encoded; a space is `%20`.

    Raises:
        UsageError: for lone surrogates, which UTF-8 cannot write.
    """
    try:
        return urlencode(pairs, quote_via=quote)
    except UnicodeEncodeError:
        raise UsageError(f"the query is not valid Unicode: {pairs!a:.200}") from None


@lru_cache(maxsize=512)
def _decoder(returns: Any, whole: bool) -> msgspec.json.Decoder[Any]:
    wire: Any = _MetaOnly if returns is None else returns if whole else Envelope[returns]
    return msgspec.json.Decoder(wire, dec_hook=convert_wire)


def decode(
    request: Request[Any],
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    secrets: Collection[str] = (),
) -> Answer:
    """Decode an answer by its HTTP status.

    Raises:
        ApiError: the subclass for the status, also for an error inside of a 200.
        DecodeError: for a success whose body is not what the operation promises.
    """
    if status not in _OK:
        raise _api_error(request, status, headers, body, secrets)
    if not body and request.returns is None:
        return Answer(None, None, None)
    content_type = headers.get("Content-Type")
    if content_type is not None and "json" not in content_type.lower():
        page = _undecodable(request, status, body, f"content type {content_type!r:.60}", secrets)
        page.transient = True
        raise page
    try:
        decoded = _decoder(request.returns, request.whole).decode(body)  # type: ignore[arg-type]  # a type is hashable
    except msgspec.ValidationError as error:
        return _decode_loosely(request, status, headers, body, str(error), secrets=secrets)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        broken = _undecodable(request, status, body, str(error), secrets)
        broken.transient = True
        raise broken from None
    if request.whole and request.returns is not None:
        if b'"error"' in body and _mapping(_loosely(body).get("meta")).get("error"):
            raise _api_error(request, status, headers, body, secrets)
        return Answer(decoded, None, None)
    meta = decoded.meta
    if meta is None:
        request_id = notice = None
    elif meta.error is not None:
        raise _api_error(request, status, headers, body, secrets)
    else:
        request_id, notice = meta.request_id, meta.notice
    if request.returns is None:
        return Answer(None, request_id, notice)
    if decoded.result is UNSET:
        raise _undecodable(request, status, body, "no result", secrets, request_id=request_id)
    return Answer(decoded.result, request_id, notice)


def _decode_loosely(
    request: Request[Any],
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    problem: str,
    *,
    secrets: Collection[str],
) -> Answer:
    """Look again at JSON of another shape: an error inside, a strange `meta`, or a wrong result."""
    try:
        loose = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        broken = _undecodable(request, status, body, str(error), secrets)
        broken.transient = True
        raise broken from None
    meta = _mapping(_mapping(loose).get("meta"))
    if meta.get("error"):
        raise _api_error(request, status, headers, body, secrets)
    request_id = _text(meta.get("requestId"))
    if request.returns is None:
        return Answer(None, request_id, _text(meta.get("notice")))
    if not request.whole and "result" in _mapping(loose):
        try:
            value = msgspec.convert(loose["result"], request.returns, dec_hook=convert_wire)
        except msgspec.ValidationError:
            pass
        else:
            return Answer(value, request_id, _text(meta.get("notice")))
    raise _undecodable(request, status, body, problem, secrets, request_id=request_id)


def _undecodable(
    request: Request[Any],
    status: int,
    body: bytes,
    problem: str,
    secrets: Collection[str],
    *,
    request_id: str | None = None,
) -> DecodeError:
    found = _PATH.search(problem)
    # A new credential is one that `secrets` cannot know yet.
    excerpt = "" if request.private else _excerpt(body, secrets)
    return DecodeError(
        f"{request.route.key}: the body of the {status} is not what was promised: "
        f"{_line(problem, secrets)}{_with_id(request_id)}",
        path=found.group(1) if found else "$",
        excerpt=excerpt,
        status=status,
        request_id=request_id,
        method=request.route.method,
        template=request.route.template,
    )


def _api_error(
    request: Request[Any], status: int, headers: Mapping[str, str], body: bytes, secrets: Collection[str]
) -> ApiError:
    loose = _loosely(body)
    meta = _mapping(loose.get("meta"))
    error = _mapping(meta.get("error"))
    # meta.errorMessage and the two internal codes are the shape before 2016; OAuth answers flat (RFC 6749).
    code = _text(
        error.get("errorCode")
        or meta.get("internalErrorCode")
        or meta.get("qualtricsErrorCode")
        or loose.get("error")
    )
    code = None if code is None else _line(code, secrets)
    said = _text(error.get("errorMessage") or meta.get("errorMessage") or loose.get("error_description"))
    message = _line(said or "", secrets)
    request_id = _line(_text(meta.get("requestId")) or "", secrets) or None
    cls = api_error_class(status, code)
    told = f" {code}" if code else ""
    why = f": {message}" if message else "" if loose else " with a body that is no envelope"
    failure = cls(
        f"{request.route.key} answered {status}{told}{why}{_with_id(request_id)}{_hint(cls, code)}",
        status=status,
        error_code=code,
        message=message,
        request_id=request_id,
        method=request.route.method,
        template=request.route.template,
        excerpt="" if error or request.private else _excerpt(body, secrets),
    )
    if isinstance(failure, RateLimited):
        failure.retry_after = parse_retry_after(headers.get("Retry-After"))
        if failure.retry_after is None:
            failure.retry_after = parse_retry_after(error.get("retryAfter"))
    return failure


def _hint(cls: type[ApiError], code: str | None) -> str:
    if cls is Unauthorized:
        return "; check the credential and the data centre (Account Settings, Qualtrics IDs)"
    if code == "AuthZ_2.0":
        return "; the account needs the API permission"
    return ""


def parse_retry_after(value: object) -> float | None:
    """Read `Retry-After`: seconds or an HTTP date, never negative; None for anything else."""
    text = _text(value)
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return max(0.0, (moment - datetime.now(UTC)).total_seconds())
    return seconds if 0 <= seconds < float("inf") else None


def too_large(
    request: Request[Any], status: int, limit: int, start: bytes, secrets: Collection[str]
) -> DecodeError:
    """Make the error for a body of more than `limit` bytes, of which the start was read."""
    return _undecodable(request, status, start, f"more than {limit} bytes", secrets)


def outcome_unknown(request: Request[Any], cause: BaseException) -> OutcomeUnknown:
    """Turn a failure after sending into doubt: nobody knows whether this write was carried out."""
    status = getattr(cause, "status", None)
    request_id = getattr(cause, "request_id", None)
    answered = f"answered {status}" if status else type(cause).__name__
    doubt = OutcomeUnknown(
        f"{request.route.key}: {answered} after the request had left, so nobody knows whether it was "
        f"carried out{_with_id(request_id)}; look before you send it again",
        method=request.route.method,
        template=request.route.template,
    )
    doubt.status, doubt.request_id = status, request_id
    return doubt


def _with_id(request_id: str | None) -> str:
    return f" (request id {request_id})" if request_id else ""


def _line(text: str, secrets: Collection[str]) -> str:
    """Make a text of the server's fit for a message: one line, not too long, nothing private in it."""
    return " ".join(scrub(text, secrets).split())[:_LONGEST]


def _excerpt(body: bytes, secrets: Collection[str]) -> str:
    """Show the beginning of a body with everything private masked."""
    window = 8 * _EXCERPT
    text = scrub(body[:window].decode("utf-8", "replace"), secrets)
    if len(body) > window:
        # A secret or an address that the window's end cuts in two is recognised no more.
        text = text[: -max(_CUT_OFF, *map(len, secrets), 0)]
    return text[:_EXCERPT]


def _loosely(body: bytes) -> dict[str, Any]:
    try:
        return _mapping(msgspec.json.decode(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else None
