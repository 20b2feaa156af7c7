"""Kept files on their way out: whole or from a byte on, spoilt where a fault wants it."""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import TYPE_CHECKING, NamedTuple

from aiohttp import web

from qualtrics_async.sandbox.spoil import hang_up

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from qualtrics_async.sandbox.faults import Fault
    from qualtrics_async.sandbox.kept_files import Kept

__all__ = ["send"]

PIECE = 1 << 18
"""Bytes that are read and sent at once."""
_RANGE = re.compile(r"bytes=([0-9]{1,18})-([0-9]{0,18})")
_ENDING = ("truncated", "stalled", "cut")


class _Span(NamedTuple):
    """The bytes of an answer; `partial` answers 206."""

    start: int
    stop: int
    partial: bool


async def send(
    request: web.BaseRequest, kept: Kept, *, ranges: bool, fault: Fault | None = None
) -> web.StreamResponse:
    """Send a kept file.

    That the service knows ranges is assumed: `Range: bytes=N-`, with or without an end, and `If-Range`;
    everything else is answered with the whole file.
    """
    kind = None if fault is None else fault.kind
    known = ranges and kind != "no_range"
    etag = '"another"' if kind == "etag" else kept.etag
    span = _span(request, kept.size, etag) if known else _Span(0, kept.size, partial=False)
    headers = kept.made.headers
    if known:
        headers |= {"Accept-Ranges": "bytes", "ETag": etag}
    if span.start > span.stop:
        return web.Response(status=416, headers=headers | {"Content-Range": f"bytes */{kept.size}"})
    size = span.stop - span.start
    if fault is not None:
        headers |= _told_wrongly(fault, size)
    headers = {"Content-Length": str(size)} | headers
    if span.partial:
        headers["Content-Range"] = f"bytes {span.start}-{span.stop - 1}/{kept.size}"
    response = web.StreamResponse(status=206 if span.partial else 200, headers=headers)
    # The client may go at any time, also while the file was made.
    with contextlib.suppress(ConnectionError):
        await response.prepare(request)
        await _write(request, response, kept, span, fault)
    return response


def _told_wrongly(fault: Fault, size: int) -> dict[str, str]:
    match fault.kind:
        case "content_type":
            return {"Content-Type": fault.content_type}
        case "wrong_length":
            return {"Content-Length": str(max(0, size + fault.by))}
        case _:
            return {}


async def _write(
    request: web.BaseRequest, response: web.StreamResponse, kept: Kept, span: _Span, fault: Fault | None
) -> None:
    ending = fault is not None and fault.kind in _ENDING
    stop = span.stop
    if fault is not None and ending:
        middle = (span.start + span.stop) // 2 if fault.at is None else fault.at
        stop = min(max(middle, span.start), span.stop)
    async for piece in _pieces(kept, span.start, stop, fault):
        await response.write(piece)
    if fault is None:
        return
    if fault.kind == "stalled":
        await fault.hold()
        async for piece in _pieces(kept, stop, span.stop, None):
            await response.write(piece)
    elif ending or fault.kind == "wrong_length":
        # Of a wrong length, the rest would be taken from the next answer.
        hang_up(request, fault)


async def _pieces(kept: Kept, start: int, stop: int, fault: Fault | None) -> AsyncIterator[bytes]:
    slow = fault is not None and fault.kind == "slow"
    step = fault.size if fault is not None and slow and fault.size < PIECE else PIECE
    for position in range(start, stop, step):
        piece = await kept.read(position, min(step, stop - position))
        if fault is not None and fault.kind == "corrupt":
            piece = fault.flip(piece, position, kept.size)
        yield piece
        if fault is not None and slow:
            await asyncio.sleep(fault.seconds or 0.0)


def _span(request: web.BaseRequest, size: int, etag: str) -> _Span:
    whole = _Span(0, size, partial=False)
    found = _RANGE.fullmatch(request.headers.get("Range", ""))
    if found is None or request.headers.get("If-Range", etag) != etag:
        return whole
    start = int(found[1])
    stop = min(int(found[2]) + 1, size) if found[2] else size
    if start >= size:
        return _Span(1, 0, partial=False)
    return whole if stop <= start else _Span(start, stop, partial=True)
