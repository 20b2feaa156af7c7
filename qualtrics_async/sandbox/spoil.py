"""Answers that a fault has spoilt."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from aiohttp import web

from qualtrics_async.sandbox.kept_files import Kept
from qualtrics_async.sandbox.wire import Body, File, dump, http_status

if TYPE_CHECKING:
    from collections.abc import Callable

    from qualtrics_async.sandbox.faults import Fault

__all__ = ["hang_up", "spoil"]

JSON = "application/json"
HTML = "<!DOCTYPE html>\n<html><head><title>Error</title></head><body>Something went wrong</body></html>\n"
_KEPT = ("content_type", "slow", "corrupt", "no_range", "etag", "archive")
"""The kinds that leave the status as it was."""
_RESULT_KEYS = {"result", "results"}


async def spoil(
    request: web.BaseRequest,
    fault: Fault,
    status: int,
    body: Body | File | Kept,
    new_request_id: Callable[[], str],
) -> web.StreamResponse:
    """The answer that is sent in place of `body`."""
    if isinstance(body, Kept):
        body = {}  # nothing that is done to JSON can be done to it
    match fault.kind:
        case "cut" if not fault.cuts_inside:
            return _cut(request, fault)
        case "cut" | "truncated" | "stalled":
            return await _halved(request, fault, dump(body))
        case "wrong_length":
            return await _of_wrong_length(request, fault, dump(body))
        case "status":
            return _status(fault, new_request_id)
        case "redirect":
            return web.Response(status=302, headers={"Location": fault.location})
        case kind:
            if kind == "slow":
                await asyncio.sleep(fault.seconds or 0.0)
            told = {"html": "text/html", "content_type": fault.content_type}
            content_type, status = told.get(kind, JSON), status if kind in _KEPT else 200
            return web.Response(
                status=status, body=_spoilt(fault, body, new_request_id), content_type=content_type
            )


def _spoilt(fault: Fault, body: Body | File, new_request_id: Callable[[], str]) -> bytes:
    plain = dump(body)
    if isinstance(body, File):
        body = {}  # what is done to members has none to find
    match fault.kind:
        case "html":
            plain = HTML.encode()
        case "empty":
            plain = b""
        case "malformed":
            plain = plain[:-1] + b",}"
        case "error_in_200":
            plain = dump(_error(fault, new_request_id()))
        case "corrupt":
            plain = fault.flip(plain, 0, len(plain))
        case "no_result":
            plain = dump({key: value for key, value in body.items() if key not in _RESULT_KEYS})
        case "nested":
            plain = b'{"result":' + b"[" * fault.depth + b"]" * fault.depth + b',"meta":{}}'
        case "surrogates":
            plain = dump(body | {key: _with_surrogates(body[key]) for key in _RESULT_KEYS & body.keys()})
        case "huge":
            padding = b"x" * max(0, fault.size - len(plain) - len(b'"padding":"",'))
            plain = b'{"padding":"' + padding + b'",' + plain[1:]
    return plain


def _with_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return f"{value}\ud800"
    if isinstance(value, list):
        return [_with_surrogates(item) for item in value]
    if isinstance(value, dict):
        # A spoilt cursor would hide the fault in question behind another one.
        return {key: item if key == "nextPage" else _with_surrogates(item) for key, item in value.items()}
    return value


def _status(fault: Fault, new_request_id: Callable[[], str]) -> web.Response:
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    if fault.body == "html":
        return web.Response(status=fault.status, text=HTML, content_type="text/html", headers=headers)
    if fault.body == "empty":
        return web.Response(status=fault.status, headers=headers)
    body: Body = {"meta": None} if fault.body == "meta_null" else _error(fault, new_request_id())
    if fault.body == "no_request_id":
        del body["meta"]["requestId"]
    return web.Response(status=fault.status, body=dump(body), content_type=JSON, headers=headers)


def _error(fault: Fault, request_id: str) -> Body:
    error = {"errorCode": fault.code or f"PLACEHOLDER_{fault.status}", "errorMessage": fault.message}
    if fault.status >= 500:  # noqa: PLR2004  # server errors
        error["instanceId"] = "example-instance-id"
    return {"meta": {"httpStatus": http_status(fault.status), "requestId": request_id, "error": error}}


def _cut(request: web.BaseRequest, fault: Fault) -> web.StreamResponse:
    hang_up(request, fault)
    return web.Response()


def hang_up(request: web.BaseRequest, fault: Fault) -> None:
    """Close the connection, by RST if the fault says so."""
    transport = request.transport
    if transport is not None:
        if fault.reset:
            transport.abort()
        else:
            transport.close()


async def _halved(request: web.BaseRequest, fault: Fault, body: bytes) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": str(len(body)), "Content-Type": JSON})
    await response.prepare(request)
    half = len(body) // 2 if fault.at is None else fault.at
    await response.write(body[:half])
    if fault.kind == "stalled":
        await fault.hold()
        # The client may have gone meanwhile.
        with contextlib.suppress(ConnectionError):
            await response.write(body[half:])
    else:
        hang_up(request, fault)
    return response


async def _of_wrong_length(request: web.BaseRequest, fault: Fault, body: bytes) -> web.StreamResponse:
    length = max(0, len(body) + fault.by)
    response = web.StreamResponse(headers={"Content-Length": str(length), "Content-Type": JSON})
    await response.prepare(request)
    await response.write(body)
    hang_up(request, fault)
    return response
