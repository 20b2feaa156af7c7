"""Bulk jobs that are killed, and bulk jobs under faults: nothing is lost and nothing is doubled.

Some runs start a process that imports, creates, updates, opts out or removes contacts, generates links for
lists and transaction batches, or goes the whole way from rows to links; kill it with SIGKILL four to ten
times (while a sandbox in the parent holds one of its requests, at a step of its journal, at any time) and let
it end. The others run a job under random faults: connections cut before and after the work is done, answers
of 500 to 504, truncated and unreadable replies, storms of 429, stuck and failed import jobs, and a wall clock
that jumps. Then the sandbox's own record must show each row, each list and each distribution as the job says,
and the replay each of them once; and nothing of them is left in the journal. The same is in the tests
(`test_crashes.py`, `test_faults.py`), with few runs.

It is not among the benchmarks that run by default: it takes minutes. `--seed N` repeats one run and prints
all that it says; a run follows from its seed as far as the timing of processes and threads lets it.

What it does not show: a machine that loses power (SQLite's `synchronous=FULL` is trusted), an import request
that reaches the service only after a later import into its list has ended, and a service that behaves as no
source says.
"""

from __future__ import annotations

import atexit
import logging
import os
import signal
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

from benchmarks.report import Goal, Row

_TESTS: Final = Path(__file__).parent.parent / "tests"
sys.path += [str(_TESTS / "bulk"), str(_TESTS / "core")]

from crashing import Nursery  # noqa: E402  (the same)
from proofs import Case  # noqa: E402  (the proofs are helpers of the tests, which are no package)

__all__ = ["run"]

KILLS: Final = 500
FAULTY_RUNS: Final = 500
CRASHES: Final = 180
"""Runs that are killed: enough for more than 500 kills, although some end before they can be killed again."""

QUICK: Final = 11
"""Every eleventh run is a good sample: the kinds of cases take turns by threes, fours and sevens."""

SECONDS: Final = 120
"""What a run may take, which is some hundred times what it does take."""


@dataclass(frozen=True)
class Told:
    """What a run comes to."""

    seed: int
    name: str
    crashes: bool
    kills: int = 0
    rows: int = 0
    lost: int = 0
    doubled: int = 0
    wrong: int = 0
    in_doubt: int = 0
    needless: int = 0
    decided: Counter[str] = field(default_factory=Counter)
    words: str = ""


def run(*, quick: bool, seed: int | None = None) -> list[Row]:
    """Run the cases of many seeds on all cores, or that of one."""
    if seed is not None:
        return _table([_one(seed, verbose=True)], kills=0, faulty_runs=0)
    step = QUICK if quick else 1
    seeds = [*range(0, 2 * CRASHES, 2 * step), *range(1, 2 * FAULTY_RUNS, 2 * step)]
    told: list[Told] = []
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        for one in pool.map(_one, seeds):
            told.append(one)
            if one.words:
                print(one.words, flush=True)
    return _table(told, kills=0 if quick else KILLS, faulty_runs=0 if quick else FAULTY_RUNS)


@cache
def _nursery() -> Nursery:
    made = Nursery()
    atexit.register(made.close)
    return made


def _one(seed: int, *, verbose: bool = False) -> Told:
    """Run one case; what goes wrong with the proof itself is wrong, too."""
    if not verbose:
        logging.disable(logging.CRITICAL)
    case = Case.of(seed)
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(SECONDS)
    told: dict[str, Any] = {"seed": seed, "name": case.name, "crashes": bool(case.kills)}
    try:
        account = case.run(_nursery())
    except Exception as error:  # noqa: BLE001  (hundreds of runs: the others go on)
        _nursery().close()
        _nursery.cache_clear()
        return Told(**told, wrong=1, words=f"seed {seed}: {type(error).__name__}: {error}")
    finally:
        signal.alarm(0)
    names = ("kills", "rows", "lost", "doubled", "wrong", "in_doubt", "needless", "decided")
    numbers = {name: getattr(account, name) for name in names}
    if verbose:
        print(f"{case}\n{account}")
    return Told(**told, **numbers, words=str(account) if account.violations and not verbose else "")


def _too_long(*_: object) -> None:
    raise TimeoutError(f"it took more than {SECONDS} s")


def _table(told: list[Told], *, kills: int, faulty_runs: int) -> list[Row]:
    crashed = [one for one in told if one.crashes]
    faulty = [one for one in told if not one.crashes]
    rows = [
        *_group("killed", crashed),
        Row("killed", "kills", sum(one.kills for one in crashed), "", goal=_at_least(kills)),
        *_group("under faults", faulty),
        Row("under faults", "runs", len(faulty), "", goal=_at_least(faulty_runs)),
    ]
    by_name: dict[str, list[Told]] = defaultdict(list)
    for one in told:
        by_name[one.name].append(one)
    return [*rows, *_in_doubt(dict(sorted(by_name.items())))]


def _at_least(number: int) -> Goal | None:
    return Goal(number, at_most=False) if number else None


def _group(name: str, told: list[Told]) -> list[Row]:
    def total(what: str) -> int:
        return sum(getattr(one, what) for one in told)

    never, decided = Goal(0), sum((one.decided for one in told), Counter[str]())
    return [
        Row(name, "rows and recipients", total("rows"), ""),
        Row(name, "lost", total("lost"), "", goal=never),
        Row(name, "doubled", total("doubled"), "", goal=never),
        Row(name, "wrong outcomes", total("wrong"), "", goal=never),
        Row(name, "in doubt", total("in_doubt"), ""),
        Row(name, "in doubt although a repetition is harmless", total("needless"), ""),
        *(Row(name, f"doubts decided: {what}", number, "") for what, number in sorted(decided.items())),
    ]


def _in_doubt(by_name: dict[str, list[Told]]) -> Iterator[Row]:
    for name, told in by_name.items():
        share = sum(one.in_doubt for one in told) / (sum(one.rows for one in told) or 1)
        yield Row("in doubt, of all rows", name, 100 * share, "%")
