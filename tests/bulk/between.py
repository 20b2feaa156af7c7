"""A man in the middle: edits JSON on its way to a sandbox and back, where no fault of the sandbox's can."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web
from working import Scene, client_of

from qualtrics_async import Qualtrics

Edit = Callable[[Any], None]


@asynccontextmanager
async def between(
    scene: Scene,
    *,
    request: Mapping[str, Edit] | None = None,
    answer: Mapping[str, Edit] | None = None,
    **options: Any,
) -> AsyncGenerator[Qualtrics]:
    """Give a client with some options whose requests and answers of some routes are edited."""

    async def forward(call: web.BaseRequest) -> web.StreamResponse:
        body = await call.read()
        known = len(scene.sandbox.requests)
        if body:
            loaded = json.loads(body)
            if "contacts" in loaded:
                for edit in (request or {}).values():
                    edit(loaded)
            body = json.dumps(loaded).encode()
        headers = {
            name: call.headers[name] for name in ("X-API-TOKEN", "Content-Type") if name in call.headers
        }
        url = scene.sandbox.origin + call.raw_path
        async with session.request(call.method, url, data=body or None, headers=headers) as reply:
            returned = await reply.json(content_type=None)
            record = scene.sandbox.requests[known]
            edited = (answer or {}).get(f"{record.method} {record.route}")
            if edited is not None and reply.status == 200:
                edited(returned)
            return web.json_response(returned, status=reply.status)

    runner = web.ServerRunner(web.Server(forward, access_log=None))
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        async with (
            aiohttp.ClientSession() as session,
            client_of(scene.sandbox, base_url=f"http://{host}:{port}/API/v3", **options) as client,
        ):
            yield client
    finally:
        await runner.cleanup()
