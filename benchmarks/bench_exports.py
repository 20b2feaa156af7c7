"""Responses out: a gigabyte through `exports.stream` and `exports.records`, and in the usual way.

Each contender runs in a fresh process, in turns, against a server in another process that has the archive
ready. Rates are those of the expanded bytes, from the start of the export to its last record, the download to
disk included. Beside them, in the same round, stand what bounds them: `zlib` inflating the same bytes, and
msgspec decoding them, 128 KB at a time, into the plainest struct of the same fields, both alone, with
everything in memory. The
goal is a share of the slower of those that are needed. The usual way holds the body in memory, opens it with
`zipfile` and reads it with `json.loads` line by line, or with pandas.

Memory is the peak of the process above what it had with everything imported and a client open. The longest
stall is the longest time between two turns of the event loop, of a task that does nothing but sleep for a
millisecond; a machine that is busy with something else adds to it.

What it does not show: a network, which is slower than all of this; the time that the service takes to make an
export; a consumer that does something with what it gets; what the kernel keeps of the temporary file.
"""

from __future__ import annotations

import asyncio
import io
import json
import subprocess
import sys
import time
import zipfile
import zlib
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Final

import aiohttp
import msgspec

from benchmarks.archives import block
from benchmarks.process import MEGABYTE, peak, resident
from benchmarks.report import Goal, Row
from benchmarks.server import serving
from qualtrics_async import Limits, Polling, Qualtrics, exports

__all__ = ["run"]

ENOUGH: Final = 0.7
MEMORY: Final = 64
STALL: Final = 20
PIECE: Final = 512 * 1024
STEP: Final = 128 * 1024
TICK: Final = 0.001

OURS: Final = {"exports.stream": "csv", "exports.records": "ndjson"}
ALONE: Final = {"exports.stream": ("zlib",), "exports.records": ("zlib", "msgspec")}
USUAL: Final = {"exports.stream": "usual csv, pandas", "exports.records": "usual ndjson, json.loads"}


class Plain(msgspec.Struct, rename="camel"):
    """The plainest struct that a response can be decoded into."""

    response_id: str
    values: dict[str, Any]
    labels: dict[str, Any]
    displayed_fields: list[Any]
    displayed_values: dict[str, Any]


def run(*, quick: bool) -> list[Row]:
    """Measure each contender in turns, then the usual way once."""
    megabytes = 200 if quick else 1000
    rows: list[Row] = []
    with serving("exports") as server:
        for ours, form in OURS.items():
            server.prepare(form, megabytes)
            names = (ours, *ALONE[ours])
            measured = [
                {name: _measure(name, form, server.root, megabytes) for name in names}
                for _ in range(3 if quick else 5)
            ]
            usual = _measure(USUAL[ours], form, server.root, megabytes)
            rows += _rows(ours, names, measured, usual, megabytes)
    return rows


def _rows(
    ours: str,
    names: tuple[str, ...],
    measured: list[dict[str, dict[str, float]]],
    usual: dict[str, float],
    size: int,
) -> list[Row]:
    rates = {name: median(each[name]["rate"] for each in measured) for name in names}
    share = median(each[ours]["rate"] / min(each[name]["rate"] for name in names[1:]) for each in measured)
    group = f"{ours}: {size} MB of {OURS[ours]}"
    rows = [Row(group, f"{name}, alone", rates[name], "MB/s") for name in names[1:]]
    rows.append(Row(group, ours, rates[ours], "MB/s", share, Goal(ENOUGH, at_most=False)))
    rows.append(Row(group, USUAL[ours], usual["rate"], "MB/s", usual["rate"] / rates[ours]))
    above = max(each[ours]["peak"] - each[ours]["before"] for each in measured)
    rows.append(Row(f"{ours}: memory", "above the start", above, "MB", goal=Goal(MEMORY)))
    rows.append(Row(f"{ours}: memory", USUAL[ours], usual["peak"] - usual["before"], "MB"))
    stall = max(each[ours]["stall"] for each in measured)
    rows.append(Row(f"{ours}: longest stall of the loop", ours, stall, "ms", goal=Goal(STALL)))
    rows.append(Row(f"{ours}: longest stall of the loop", USUAL[ours], usual["stall"], "ms"))
    return rows


def _measure(name: str, form: str, root: str, megabytes: int) -> dict[str, float]:
    told = subprocess.run(
        [sys.executable, "-m", "benchmarks.bench_exports", name, form, root, str(megabytes)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parent.parent,
        check=True,
    ).stdout
    measured: dict[str, float] = json.loads(told)
    return measured


async def _stream(client: Qualtrics, survey_id: str) -> int:
    done = 0
    async with exports.stream(client, survey_id, format="csv") as chunks:
        async for chunk in chunks:
            done += len(chunk)
    return done


async def _records(client: Qualtrics, survey_id: str) -> int:
    count = 0
    async with exports.records(client, survey_id) as responses:
        async for _ in responses:
            count += 1
        if not count:
            raise RuntimeError("no record came")
        return responses.info.size


async def _usual(client: Qualtrics, survey_id: str, form: str) -> int:
    """Do what scripts do, for the same export of the same server."""
    url = f"{client.base_url}/surveys/{survey_id}/export-responses"
    async with aiohttp.ClientSession() as session:
        async with session.post(url, json={"format": form}) as answer:
            job = (await answer.json())["result"]["progressId"]
        async with session.get(f"{url}/{job}") as answer:
            file_id = (await answer.json())["result"]["fileId"]
        async with session.get(f"{url}/{file_id}/file") as answer:
            body = await answer.read()
    with zipfile.ZipFile(io.BytesIO(body)) as packed:
        data = packed.read(packed.namelist()[0])
    if form == "csv":
        import pandas as pd

        table = pd.read_csv(io.BytesIO(data), skiprows=[1, 2], low_memory=False)
    else:
        table = [json.loads(line) for line in data.splitlines()]
    if len(table) == 0:  # pandas knows no truth
        raise RuntimeError("no row came")
    return len(data)


async def _ticks(gaps: list[float]) -> None:
    last = time.perf_counter()
    while True:
        await asyncio.sleep(TICK)
        now = time.perf_counter()
        gaps[0] = max(gaps[0], now - last - TICK)
        last = now


async def _watched(
    root: str, megabytes: int, work: Callable[[Qualtrics, str], Awaitable[int]]
) -> dict[str, float]:
    async with Qualtrics(
        token="a-token", base_url=root, limits=Limits.unlimited(), polling=Polling(first=0.02)
    ) as client:
        await work(client, "SV_1")
        gaps = [0.0]
        watch = asyncio.create_task(_ticks(gaps))
        await asyncio.sleep(10 * TICK)
        gaps[0], before, began = 0.0, resident(), time.perf_counter()
        done = await work(client, f"SV_{megabytes}")
        seconds = time.perf_counter() - began
        watch.cancel()
    return {
        "rate": done / 1e6 / seconds,
        "before": before / MEGABYTE,
        "peak": peak() / MEGABYTE,
        "stall": 1000 * gaps[0],
    }


def _inflate(form: str, megabytes: int) -> dict[str, float]:
    packed = block(form).packed
    count = megabytes * 1_000_000 // len(block(form).plain)
    began, done = time.perf_counter(), 0
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    for _ in range(count):
        waiting = packed
        while waiting:
            done += len(inflater.decompress(waiting, PIECE))
            waiting = inflater.unconsumed_tail
    return {"rate": done / 1e6 / (time.perf_counter() - began)}


def _decode(form: str, megabytes: int) -> dict[str, float]:
    plain, decoder = block(form).plain, msgspec.json.Decoder(Plain)
    count = megabytes * 1_000_000 // len(plain)
    pieces, begin = [], 0
    while begin < len(plain):
        end = plain.find(b"\n", begin + STEP) + 1 or len(plain)
        pieces.append(plain[begin:end])
        begin = end
    began = time.perf_counter()
    for _ in range(count):
        for piece in pieces:
            decoder.decode_lines(piece)
    return {"rate": count * len(plain) / 1e6 / (time.perf_counter() - began)}


def main() -> None:
    """Run one contender and tell what it took as JSON."""
    name, form, root, size = sys.argv[1:]
    megabytes = int(size)
    match name:
        case "zlib":
            told = _inflate(form, megabytes)
        case "msgspec":
            told = _decode(form, megabytes)
        case "exports.stream":
            told = asyncio.run(_watched(root, megabytes, _stream))
        case "exports.records":
            told = asyncio.run(_watched(root, megabytes, _records))
        case _:
            told = asyncio.run(_watched(root, megabytes, partial(_usual, form=form)))
    print(json.dumps(told))


if __name__ == "__main__":
    main()
