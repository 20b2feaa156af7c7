"""The fault test with few runs: `python -m benchmarks crash` has hundreds."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from faulting import fault
from hypothesis import example, given, settings
from hypothesis import strategies as st
from proving import CRITERIA, JOBS, JobName, Plan


@settings(max_examples=8)
@given(
    seed=st.integers(0, 10**9),
    job=st.sampled_from(JOBS),
    deduplicate=st.sampled_from(CRITERIA),
    rate=st.sampled_from((0.02, 0.08, 0.2)),
)
@example(seed=1, job="imports", deduplicate=(), rate=0.2)
def test_whatever_goes_wrong_the_outcomes_are_the_truth(
    seed: int, job: JobName, deduplicate: tuple[str, ...], rate: float
) -> None:
    """Faults of a fiftieth to a fifth of all requests cost doubts at most, and the replay says the same."""
    with TemporaryDirectory() as folder:
        account = fault(Plan.of(seed, job, deduplicate), rate=rate, folder=Path(folder))
    assert account.rows > 0
    assert not account.violations, str(account)
