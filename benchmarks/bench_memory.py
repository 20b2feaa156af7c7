"""Memory of importing contacts and of generating links in bulk, by the length of the job, and their journals.

Each job runs in a fresh process and reads every outcome: with the temporary journal that is the default, and
with a named one, which is durable. Imports make their rows as they go and send them to four mailing lists; a
server in another process accepts every row and reports it, and its directory deduplicates, so that nothing is
searched for. Links are those of one list, whose contacts the server knows in no order. The peak is that of
resident memory; what the process had before the job, with everything imported and a client open, is taken off
in the second column of figures.

The cost of the journal is CPU time, of jobs that take turns. "Named" is compared with "temporary": what it
costs to be durable (write-ahead log, `synchronous=FULL`), to erase what is done (`secure_delete`) and to
write the file anew at the end. The share of the journal is the CPU time of its thread within transactions, in
that of the whole process: SQLite, and rows and results on their way from and to its blobs.

What it does not show: the time that a disk takes to sync (a job waits for it, the processor does not); the
journal's file on disk, which grows with the job until its rows are done; rows with much embedded data, of
which 5 MB a chunk are held at a time; a caller that keeps the outcomes; the server's share, as in a test all
is near; and jobs that send row by row, whose requests cost far more than their journal.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple, TypeVar
from unittest.mock import patch

from benchmarks.process import MEGABYTE, peak, resident
from benchmarks.report import Goal, Row, compare
from benchmarks.server import DIRECTORY, serving
from qualtrics_async import Limits, Polling, Qualtrics, bulk
from qualtrics_async._core.store import Store
from qualtrics_async.bulk import journal

__all__ = ["run"]

LISTS: Final = tuple(f"CG_{number}aB2cD3eF4gH5iJ" for number in range(4))
FLAT: Final = 1.15
JOURNALS: Final = ("temporary", "named")
QUICK_LENGTHS: Final = (200_000, 400_000)
COMPARED: Final = 100_000


class Job(NamedTuple):
    """A kind of job: what its journal may cost as a share, and what a named one as a multiple of the job."""

    name: str
    lengths: tuple[int, ...]
    share: float
    dearer: float


JOBS: Final = (
    Job("imports", (50_000, 200_000, 1_000_000), 0.1, 1.1),
    Job("links", (50_000, 200_000, 400_000), 0.35, 1.25),
)

T = TypeVar("T")


class _Timed(Store):
    """A store that counts the CPU time of its thread."""

    seconds = 0.0

    def _transaction(self, work: Callable[[sqlite3.Connection], T], durable: bool) -> T:
        began = time.thread_time()
        try:
            return super()._transaction(work, durable)
        finally:
            _Timed.seconds += time.thread_time() - began

    def _compact(self) -> None:
        began = time.thread_time()
        super()._compact()
        _Timed.seconds += time.thread_time() - began


def run(*, quick: bool) -> list[Row]:
    """Run jobs of several lengths with each kind of journal, then compare the two."""
    rows: list[Row] = []
    for job in JOBS:
        lengths = QUICK_LENGTHS if quick else job.lengths
        rows += [row for kind in JOURNALS for row in _memory(job, kind, lengths)]
        rows += _costs(job, rounds=3 if quick else 5)
    return rows


def _memory(job: Job, kind: str, lengths: tuple[int, ...]) -> Iterator[Row]:
    peaks: list[float] = []
    for length in lengths:
        memory = _measure(job, kind, length)
        peaks.append(memory["peak"])
        group = f"{job.name}: {length}, {kind} journal"
        yield Row(group, "peak in all", memory["peak"], "MB", goal=Goal(150))
        yield Row(group, "of it for the job", memory["peak"] - memory["before"], "MB")
        yield Row(group, "time", memory["seconds"], "s")
        yield Row(group, "CPU time of each", 1e6 * memory["cpu"] / length, "µs")
    name = f"peak of {lengths[-1]} to that of {lengths[-2]}"
    yield Row(f"{job.name}: flat, {kind} journal", name, peaks[-1] / peaks[-2], "", goal=Goal(FLAT))


def _costs(job: Job, *, rounds: int) -> list[Row]:
    measured = [{kind: _measure(job, kind, COMPARED) for kind in JOURNALS} for _ in range(rounds)]
    costs = [{kind: 1e6 * each[kind]["cpu"] / COMPARED for kind in JOURNALS} for each in measured]
    rows = compare(f"{job.name}: CPU time of each, by the journal", "µs", costs, {"named": Goal(job.dearer)})
    for kind in JOURNALS:
        share = median(each[kind]["journal"] / each[kind]["cpu"] for each in measured)
        rows.append(Row(f"{job.name}: share of the journal in it", kind, share, "", goal=Goal(job.share)))
    return rows


def _measure(job: Job, kind: str, length: int) -> dict[str, float]:
    """Run a job in a process of its own."""
    with serving(job.name) as server:
        told = subprocess.run(
            [sys.executable, "-m", "benchmarks.bench_memory", job.name, server.root, str(length), kind],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parent.parent,
            check=True,
        ).stdout
    measured: dict[str, float] = json.loads(told)
    return measured


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


def _import(client: Qualtrics, count: int, path: Path | None) -> Any:
    return bulk.import_contacts(client, DIRECTORY, _rows(count), mailing_list=_list_of, journal=path)


def _generate(client: Qualtrics, count: int, path: Path | None) -> Any:
    return bulk.generate_links(
        client, "SV_0aB1cD2eF3gH4iJ", [f"CG_{count}"], directory_id=DIRECTORY, journal=path
    )


async def _run(name: str, root: str, count: int, path: Path | None) -> dict[str, float]:
    async with Qualtrics(
        token="a-token", base_url=root, limits=Limits.unlimited(), polling=Polling(first=0.02, factor=1.0)
    ) as client:
        job = (_import if name == "imports" else _generate)(client, count, path)
        await client.mailing_lists.get(DIRECTORY, LISTS[0])
        before, began, cpu = resident(), time.perf_counter(), time.process_time()
        done = 0
        async with job as outcomes:
            async for outcome in outcomes:
                if not isinstance(outcome, bulk.Ok):
                    raise TypeError(f"it did not go well: {outcome}")
                done += 1
    if done != count:
        raise RuntimeError(f"{done} outcomes, not {count}")
    return {
        "before": before / MEGABYTE,
        "peak": peak() / MEGABYTE,
        "seconds": time.perf_counter() - began,
        "cpu": time.process_time() - cpu,
        "journal": _Timed.seconds,
    }


def main() -> None:
    """Run a job of so many with a kind of journal and tell memory and CPU time as JSON."""
    name, root, count, kind = sys.argv[1:]
    with TemporaryDirectory() as folder, patch.object(journal, "Store", _Timed):
        path = Path(folder) / "job.db" if kind == "named" else None
        print(json.dumps(asyncio.run(_run(name, root, int(count), path))))


if __name__ == "__main__":
    main()
