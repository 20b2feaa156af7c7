"""The server: from a request to its answer, through credentials, quotas, faults and the handler."""

from __future__ import annotations

import asyncio
import zlib
from collections import Counter, deque
from contextlib import AsyncExitStack, nullcontext
from typing import TYPE_CHECKING

from aiohttp import web

from qualtrics_async.sandbox.damage import damaged
from qualtrics_async.sandbox.handlers import OPERATIONS
from qualtrics_async.sandbox.import_queue import keep_up
from qualtrics_async.sandbox.kept_files import Interrupted, Keeper, Kept, Streamed
from qualtrics_async.sandbox.records import RequestRecord
from qualtrics_async.sandbox.routing import Router
from qualtrics_async.sandbox.sending import send
from qualtrics_async.sandbox.spoil import spoil
from qualtrics_async.sandbox.wire import ABSENT, Body, Call, File, Refused, dump, http_status

if TYPE_CHECKING:
    from collections.abc import Callable, MutableSequence

    from qualtrics_async.sandbox.credentials import Credentials
    from qualtrics_async.sandbox.faults import Faults
    from qualtrics_async.sandbox.limits import Window
    from qualtrics_async.sandbox.routing import Operation
    from qualtrics_async.sandbox.settings import Settings
    from qualtrics_async.sandbox.state import State

    Found = tuple[Operation, tuple[str, ...]]

__all__ = ["App"]

ROUTER = Router(OPERATIONS)

GZIP_FROM = 1_400
"""Bytes; what fits in one packet gains nothing."""

MAX_BODY = 250_000_000
"""Bytes, because the sandbox holds bodies whole; above what the vendor is known to take at once."""


class App:
    """Answers requests; `Sandbox` gives it a port and its settings."""

    def __init__(
        self,
        *,
        state: State,
        settings: Settings,
        credentials: Credentials,
        faults: Faults,
        window: Window | None,
        clock: Callable[[], float],
        record_requests: bool | int,
    ) -> None:
        self.origin = ""
        self.calls: Counter[tuple[str, int]] = Counter()
        self.requests: MutableSequence[RequestRecord] = (
            [] if record_requests is True else deque(maxlen=int(record_requests))
        )
        self._state = state
        self._settings = settings
        self._credentials = credentials
        self._faults = faults
        self._window = window
        self._clock = clock
        self._keeper = Keeper()

    def interrupt(self) -> None:
        """Make no more files: nothing would come of waiting for them."""
        self._keeper.interrupt()

    async def close(self) -> None:
        """Give back the files that were made."""
        await self._keeper.close()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request and keep a record of it."""
        url = request.rel_url
        found = ROUTER.match(request.method, url.raw_path)
        template = None if found is None else found[0].template
        record = RequestRecord(self._clock(), request.method, template, url.raw_path, url.raw_query_string)
        self.requests.append(record)
        try:
            response = await self._answer(request, record, found)
        except Interrupted:
            response = web.Response(status=503)
        record.status = 0 if record.fault == "cut" else response.status
        self.calls[f"{record.method} {record.route}", record.status] += 1
        return response

    async def _answer(
        self, request: web.BaseRequest, record: RequestRecord, found: Found | None
    ) -> web.StreamResponse:
        headers = request.headers
        if (
            request.method == "POST"
            and "Content-Length" not in headers
            and "Transfer-Encoding" not in headers
        ):
            return web.Response(status=411, text="Length Required")
        if (request.content_length or 0) > MAX_BODY:
            reason = f"The sandbox takes at most {MAX_BODY // 1_000_000} MB at once."
            refusal = Refused(413, "PLACEHOLDER_413", reason, headers={"Connection": "close"})
            return self._respond(request, *self._refusal(refusal), refusal.headers)
        try:
            payload = await request.content.read()
        except (ConnectionError, web.RequestPayloadError):
            return web.Response(status=400, text="Bad Request")
        if self._settings.record_bodies:
            record.body = payload
        try:
            call = self._admit(request, record, found, payload)
        except Refused as refusal:
            return self._respond(request, *self._refusal(refusal), refusal.headers)
        async with AsyncExitStack() as borrowed:
            return await self._serve(request, record, call, borrowed)

    def _admit(
        self, request: web.BaseRequest, record: RequestRecord, found: Found | None, payload: bytes
    ) -> Call:
        if found is None:
            raise Refused(404, None, "The requested resource does not exist.", request_id=ABSENT)
        operation, ids = found
        if not operation.bare:
            self._credentials.check(request.headers)
            wait = None if self._window is None else self._window.admit(operation.route, self._clock())
            if self._window is not None and wait is not None:
                headers = self._window.retry_after(wait)
                raise Refused(429, "PLACEHOLDER_429", "The rate limit was exceeded.", headers=headers)
        return Call(
            operation,
            ids,
            record.path,
            record.query,
            payload,
            request.headers,
            self.origin,
            self._state,
            self._settings,
            self._credentials,
        )

    async def _serve(
        self, request: web.BaseRequest, record: RequestRecord, call: Call, borrowed: AsyncExitStack
    ) -> web.StreamResponse:
        if self._settings.latency:
            await asyncio.sleep(self._settings.latency)
        fault = call.fault = self._faults.take(record)
        if fault is None or not fault.spoils:
            return await self._answer_with(request, *await self._process(call, record, borrowed))
        if fault.kind == "delay":
            if fault.when == "before":
                await fault.hold()
            held = await self._process(call, record, borrowed)
            if fault.when == "after":
                await fault.hold()
            return await self._answer_with(request, *held)
        answer: tuple[int, Body | File | Kept] = (200, self._envelope({}))
        if fault.when != "before":
            answer = await self._process(call, record, borrowed)
        if isinstance(answer[1], Kept) and fault.passes:
            kept = answer[1]
            if fault.kind == "archive":
                kept = await borrowed.enter_async_context(self._keeper.lend(damaged(kept, fault)))
            return await send(request, kept, ranges=self._settings.exports.ranges, fault=fault)
        return await spoil(request, fault, *answer, self._state.new_request_id)

    async def _answer_with(
        self, request: web.BaseRequest, status: int, body: Body | File | Kept
    ) -> web.StreamResponse:
        if isinstance(body, Kept):
            return await send(request, body, ranges=self._settings.exports.ranges)
        return self._respond(request, status, body)

    async def _process(
        self, call: Call, record: RequestRecord, borrowed: AsyncExitStack
    ) -> tuple[int, Body | File | Kept]:
        operation = call.operation
        try:
            await keep_up(call)
            with self._state.serving():
                outcome = operation.handler(call)
            made = outcome if isinstance(outcome, dict | File | Streamed) else await outcome
            lent = self._keeper.lend(made) if isinstance(made, Streamed) else nullcontext(made)
            body = await borrowed.enter_async_context(lent)
        except Refused as refusal:
            return self._refusal(refusal)
        record.processed = True
        self._state.processed[operation.route] += 1
        return 200, body if operation.bare or isinstance(body, File | Kept) else self._envelope(body)

    def _refusal(self, refusal: Refused) -> tuple[int, Body]:
        return refusal.status, refusal.body(self._state.new_request_id)

    def _envelope(self, body: Body) -> Body:
        meta: Body = {"httpStatus": http_status(200), "requestId": self._state.new_request_id()}
        if self._settings.proxied:
            host = f"{self._state.datacenter}.qualtrics.com"
            meta["notice"] = f"Request proxied. For faster response times, use this host instead: {host}"
        body["meta"] = meta | body.get("meta", {})
        return body

    def _respond(
        self,
        request: web.BaseRequest,
        status: int,
        body: Body | File,
        headers: dict[str, str] | None = None,
    ) -> web.Response:
        own = body.headers if isinstance(body, File) else {"Content-Type": "application/json"}
        headers = own | (headers or {})
        data = dump(body)
        if (
            len(data) >= GZIP_FROM
            and self._settings.gzip
            and "gzip" in request.headers.get("Accept-Encoding", "")
        ):
            headers["Content-Encoding"] = "gzip"
            data = _gzip(data)
        return web.Response(status=status, body=data, headers=headers)


def _gzip(data: bytes) -> bytes:
    # Level 1: the time counts here, not the size.
    packer = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    return packer.compress(data) + packer.flush()
