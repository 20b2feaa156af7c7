"""Memory of importing contacts in bulk, by the length of the job.

Each job runs in a fresh process that makes its rows as it goes, sends them to four mailing lists through
`bulk.import_contacts` with the temporary journal that is the default, and reads every outcome. The peak is
that of resident memory; what the process had before the job, with everything imported and a client open, is
taken off in the second column of figures. A server in another process accepts every row and reports it.

What it does not show: the journal's file on disk, which grows with the job until its rows are done; rows with
much embedded data, of which 5 MB a chunk are held at a time; and a caller that keeps the outcomes.
"""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from benchmarks.report import Goal, Row
from benchmarks.server import serving
from qualtrics_async import Limits, Polling, Qualtrics, bulk

__all__ = ["run"]

MEGABYTE: Final = 1024 * 1024
LISTS: Final = tuple(f"CG_{number}aB2cD3eF4gH5iJ" for number in range(4))
FLAT: Final = 1.15


def run(*, quick: bool) -> list[Row]:
    """Import jobs of several lengths."""
    lengths = (200_000, 400_000) if quick else (50_000, 200_000, 1_000_000)
    measured: list[dict[str, float]] = []
    rows: list[Row] = []
    for length in lengths:
        with serving("imports") as server:
            told = subprocess.run(
                [sys.executable, "-m", "benchmarks.bench_memory", server.root, str(length)],
                stdout=subprocess.PIPE,
                cwd=Path(__file__).parent.parent,
                check=True,
            ).stdout
        memory: dict[str, float] = json.loads(told)
        measured.append(memory)
        group = f"importing {length} rows"
        rows += [
            Row(group, "peak in all", memory["peak"], "MB", goal=Goal(150)),
            Row(group, "of it for the job", memory["peak"] - memory["before"], "MB"),
            Row(group, "time", memory["seconds"], "s"),
            Row(group, "CPU time a row", 1e6 * memory["cpu"] / length, "µs"),
        ]
    shorter, longest = measured[-2]["peak"], measured[-1]["peak"]
    name = f"peak of {lengths[-1]} rows to that of {lengths[-2]}"
    return [*rows, Row("flat", name, longest / shorter, "", goal=Goal(FLAT))]


def _rows(count: int) -> Iterator[dict[str, Any]]:
    for index in range(count):
        yield {
            "firstName": "Zoë" if index % 10 == 0 else "Ada",
            "lastName": f"Example {index}",
            "email": f"ada{index}@example.com",
            "extRef": f"E{index:07}",
            "department": "Research",
            "cohort": f"2027-{index % 50}",
        }


def _list_of(row: dict[str, Any]) -> str:
    return LISTS[int(row["extRef"][1:]) % len(LISTS)]


async def _import(root: str, count: int) -> dict[str, float]:
    polling = Polling(first=0.02, factor=1.0)
    async with Qualtrics(
        token="a-token", base_url=root, limits=Limits.unlimited(), polling=polling
    ) as client:
        job = bulk.import_contacts(client, "POOL_1aB2cD3eF4gH5iJ", _rows(count), mailing_list=_list_of)
        await client.mailing_lists.get("POOL_1aB2cD3eF4gH5iJ", LISTS[0])
        before, began, cpu = _resident(), time.perf_counter(), time.process_time()
        done = 0
        async with job as outcomes:
            async for outcome in outcomes:
                if not isinstance(outcome, bulk.Ok):
                    raise TypeError(f"a row was not imported: {outcome}")
                done += 1
    if done != count:
        raise RuntimeError(f"{done} outcomes for {count} rows")
    return {
        "before": before / MEGABYTE,
        "peak": _peak() / MEGABYTE,
        "seconds": time.perf_counter() - began,
        "cpu": time.process_time() - cpu,
    }


def _resident() -> int:
    return _of_status("VmRSS") or _most_ever()


def _peak() -> int:
    # What getrusage() tells begins, on Linux, with the peak of the process that started this one.
    return _of_status("VmHWM") or _most_ever()


def _most_ever() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _of_status(name: str) -> int:
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith(f"{name}:")), 0)


def main() -> None:
    """Import so many rows and tell the memory as JSON."""
    root, count = sys.argv[1:]
    print(json.dumps(asyncio.run(_import(root, int(count)))))


if __name__ == "__main__":
    main()
