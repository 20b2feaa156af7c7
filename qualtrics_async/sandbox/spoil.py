"""Answers that a fault has spoilt."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from aiohttp import web

from qualtrics_async.sandbox.wire import Body, File, dump, http_status

if TYPE_CHECKING:
    from collections.abc import Callable

    from qualtrics_async.sandbox.faults import Fault

__all__ = ["spoil"]

JSON = "application/json"
HTML = "<!DOCTYPE html>\n<html><head><title>Error</title></head><body>Something went wrong</body></html>\n"
_RESULT_KEYS = {"result", "results"}


async def spoil(
    request: web.BaseRequest, fault: Fault, status: int, body: Body | File, new_request_id: Callable[[], str]
) -> web.StreamResponse:
    """The answer that is sent in place of `body`."""
    match fault.kind:
        case "cut":
            return _cut(request, fault)
        case "truncated" | "stalled":
            return await _halved(request, fault, dump(body))
        case "status":
            return _status(fault, new_request_id)
        case "redirect":
            return web.Response(status=302, headers={"Location": fault.location})
        case "content_type":
            return web.Response(status=status, body=dump(body), content_type=fault.content_type)
        case kind:
            content_type = "text/html" if kind == "html" else JSON
            return web.Response(body=_spoilt(fault, body, new_request_id), content_type=content_type)


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
    transport = request.transport
    if transport is not None:
        if fault.reset:
            transport.abort()
        else:
            transport.close()
    return web.Response()


async def _halved(request: web.BaseRequest, fault: Fault, body: bytes) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": str(len(body)), "Content-Type": JSON})
    await response.prepare(request)
    half = len(body) // 2
    await response.write(body[:half])
    if fault.kind == "stalled":
        await fault.hold()
        # The client may have gone meanwhile.
        with contextlib.suppress(ConnectionError):
            await response.write(body[half:])
    elif request.transport is not None:
        request.transport.close()
    return response
