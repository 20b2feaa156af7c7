"""Memory and the loop: jobs over responses hold a chunk, not their input, and let other tasks have a turn."""

from __future__ import annotations

import asyncio
import json
import sys
import tracemalloc
from collections.abc import Iterator
from subprocess import PIPE
from typing import Any

import anyio
from working import AT_ONCE, asynchronous

from qualtrics_async import Limits, Qualtrics, bulk

SERVER = """
import asyncio, json, sys
from qualtrics_async.sandbox import ByPolls, Sandbox
async def main():
    async with Sandbox(record_requests=False, gzip=False, jobs=ByPolls(0)) as sandbox:
        told = {
            "token": sandbox.token,
            "base_url": sandbox.base_url,
            "survey": sandbox.state.add_survey("Customers"),
        }
        print(json.dumps(told), flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""


def ids(count: int) -> Iterator[str]:
    """Make ids one at a time."""
    return (f"R_{number:08d}" for number in range(count))


async def delete(client: Qualtrics, survey_id: str, count: int) -> int:
    """Delete so many responses and return the most memory that was taken on the way, in bytes."""
    options: dict[str, Any] = {"confirm": True, "ignore_missing_responses": True, "chunk_rows": 500}
    tracemalloc.start()
    try:
        seen = 0
        async with bulk.delete_responses(client, survey_id, ids(count), **options) as outcomes:
            async for _ in outcomes:
                seen += 1
        assert seen == count
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@asynchronous
async def test_memory_does_not_grow_with_the_input() -> None:
    """Four times the responses need hardly more: neither ids, nor which were seen, nor outcomes are kept."""
    async with await anyio.open_process([sys.executable, "-c", SERVER], stdin=PIPE, stderr=None) as server:
        assert server.stdout is not None
        told = json.loads(await server.stdout.receive())
        async with Qualtrics(
            token=told["token"], base_url=told["base_url"], limits=Limits.unlimited(), polling=AT_ONCE
        ) as client:
            await delete(client, told["survey"], 1_000)
            small, large = [await delete(client, told["survey"], count) for count in (2_500, 10_000)]
        server.terminate()
    assert large < 4_000_000
    assert large - small < 500_000  # 7 500 ids that were kept would be at least 600 kB


@asynchronous
async def test_the_loop_has_its_turns() -> None:
    """While a source that never waits is read, other tasks are not held up."""
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with Qualtrics(token="x", base_url="http://127.0.0.1:9/API/v3") as client:
        counting = asyncio.create_task(count())
        read = 0

        def source() -> Iterator[str]:
            nonlocal read
            for name in ids(10_000):
                read += 1
                yield name
            raise asyncio.InvalidStateError  # nothing is to be sent

        try:
            async with bulk.delete_responses(client, "SV_1", source(), confirm=True) as outcomes:
                assert [outcome async for outcome in outcomes] == []
        except asyncio.InvalidStateError:
            assert read == 10_000
        counting.cancel()
    assert turns >= 10_000 // 250
