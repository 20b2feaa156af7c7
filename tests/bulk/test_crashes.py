"""The crash test with few kills: `python -m benchmarks crash` has hundreds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from crashing import KILLS, Nursery, crash
from proofs import Case
from proving import CRITERIA, JOBS, JobName, Plan

pytestmark = pytest.mark.skipif(os.name != "posix", reason="kills with SIGKILL")


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    """What the processes that die come from."""
    with Nursery() as made:
        yield made


@pytest.mark.parametrize("job", JOBS)
def test_nothing_is_lost_and_nothing_is_doubled(job: JobName, nursery: Nursery, tmp_path: Path) -> None:
    """A job that is killed in every way and ends at last: each row is where its outcome says."""
    account = crash(Plan.of(8, job, ()), [*KILLS, "held"], nursery, folder=tmp_path)
    assert account.kills >= 2, "it was not killed: the moments come too late"
    assert account.rows > 0
    assert not account.violations, str(account)


def test_the_cases_of_the_benchmark_take_turns() -> None:
    """Every job is killed in every way, with every kind of deduplication, and meets faults with each."""
    cases = [Case.of(seed) for seed in range(2 * len(JOBS) * len(CRITERIA) * (len(KILLS) + 1))]
    killed = {(case.plan.job, case.plan.deduplicate, frozenset(case.kills)) for case in cases if case.kills}
    faulty = {(case.plan.job, case.plan.deduplicate) for case in cases if not case.kills}
    single = {(job, criteria, frozenset({kind})) for job in JOBS for criteria in CRITERIA for kind in KILLS}
    assert single <= killed
    assert faulty == {(job, criteria) for job in JOBS for criteria in CRITERIA}
    assert Case.of(5) == Case.of(5)
