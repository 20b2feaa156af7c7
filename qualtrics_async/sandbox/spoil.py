"""Answers that a fault has spoilt."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aiohttp import web

from qualtrics_async.sandbox.wire import Body, dump, http_status

if TYPE_CHECKING:
    from collections.abc import Callable

    from qualtrics_async.sandbox.faults import Fault

__all__ = ["spoil"]

JSON = "application/json"
HTML = "<!DOCTYPE html>\n<html><head><title>Error</title></head><body><h1>Something went wrong</h1></body></html>\n"
_DROPPED_KEYS = ("result", "results")


async def spoil(
    request: web.BaseRequest, fault: Fault, status: int, body: Body, new_request_id: Callable[[], str]
) -> web.StreamResponse:
    """The answer that is sent in place of `body`."""
    match fault.kind:
        case "cut":
            return _cut(request, fault)
        case "truncated":
            return await _truncated(request, dump(body))
        case "status":
            return _status(fault, new_request_id)
        case "redirect":
            moved = fault.status if 300 <= fault.status < 400 else 302  # noqa: PLR2004  # the class of redirects
            return web.Response(status=moved, headers={"Location": fault.location})
        case "html":
            return web.Response(status=200, text=HTML, content_type="text/html")
        case "empty":
            return web.Response(status=200, content_type=JSON)
        case "content_type":
            return web.Response(status=status, body=dump(body), content_type=fault.content_type)
        case _:
            return web.Response(status=200, body=_spoilt(fault, body, new_request_id), content_type=JSON)


def _spoilt(fault: Fault, body: Body, new_request_id: Callable[[], str]) -> bytes:
    match fault.kind:
        case "malformed":
            return dump(body)[:-1] + b",}"
        case "error_in_200":
            return dump(_error(fault, new_request_id()))
        case "no_result":
            return dump({key: value for key, value in body.items() if key not in _DROPPED_KEYS})
        case "nested":
            nest = b"[" * fault.depth + b"]" * fault.depth
            return b'{"meta":' + dump(body.get("meta")) + b',"result":' + nest + b"}"
        case "surrogates":
            spoilt = {
                key: _with_surrogates(value) if key in _DROPPED_KEYS else value for key, value in body.items()
            }
            return json.dumps(spoilt).encode()
        case _:
            padded = dump(body)
            return b'{"padding":"' + b"x" * max(0, fault.size - len(padded) - 13) + b'",' + padded[1:]


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
    if fault.status >= 500:  # noqa: PLR2004  # the class of server errors
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


async def _truncated(request: web.BaseRequest, body: bytes) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": str(len(body)), "Content-Type": JSON})
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response
