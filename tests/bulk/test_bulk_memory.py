"""Memory: a bulk job holds a few chunks, not its input."""

from __future__ import annotations

import json
import sys
import tracemalloc
from collections.abc import Iterator
from subprocess import PIPE
from typing import Any

import anyio
from working import AT_ONCE, asynchronous

from qualtrics_async import Limits, Qualtrics, bulk


def rows(count: int) -> Iterator[dict[str, Any]]:
    """Make rows one at a time."""
    for n in range(count):
        yield {"extRef": f"r{n}", "email": f"person{n}@example.com"}


SERVER = """
import asyncio, json, sys
from qualtrics_async.sandbox import ByPolls, Sandbox
async def main():
    async with Sandbox(record_requests=False, gzip=False, jobs=ByPolls(1), deduplicate=()) as sandbox:
        told = {
            "token": sandbox.token,
            "base_url": sandbox.base_url,
            "directory": sandbox.state.default_directory_id,
            "list": sandbox.state.add_mailing_list("List"),
        }
        print(json.dumps(told), flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""


async def peak(client: Qualtrics, told: dict[str, str], count: int) -> int:
    """Import so many rows and return the most memory that was taken on the way, in bytes."""
    tracemalloc.start()
    try:
        seen = 0
        async with bulk.import_contacts(
            client, told["directory"], rows(count), mailing_list=told["list"], chunk_rows=500
        ) as outcomes:
            async for _ in outcomes:
                seen += 1
        assert seen == count
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@asynchronous
async def test_memory_does_not_grow_with_the_input() -> None:
    """Four times the rows need hardly more memory: neither rows nor outcomes are kept."""
    async with await anyio.open_process([sys.executable, "-c", SERVER], stdin=PIPE, stderr=None) as server:
        assert server.stdout is not None
        told = json.loads(await server.stdout.receive())
        async with Qualtrics(
            token=told["token"], base_url=told["base_url"], limits=Limits.unlimited(), polling=AT_ONCE
        ) as client:
            await peak(client, told, 1000)
            small, large = await peak(client, told, 3000), await peak(client, told, 12_000)
        server.terminate()
    assert large < 4_000_000
    # 9 000 rows that were kept would be at least 800 kB; what is under way varies with the machine's load.
    assert large - small < 500_000
