"""The poller of server-side jobs, with an injected sleep and clock."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from virtual import run

from qualtrics_async import ConfigError, JobFailed, Polling, ServerFault, UnexpectedStatus
from qualtrics_async._core.jobs import poll


@dataclass
class State:
    """A progress answer."""

    percent: float = 0
    is_finished: bool = False
    is_failed: bool = False
    status: str | None = "inProgress"


class Time:
    """A clock that only `sleep` moves, and what was slept."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        """Tell the time."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Move the clock."""
        self.slept.append(seconds)
        self.now += seconds


def answers(states: Sequence[State | Exception]) -> Callable[[], Awaitable[State]]:
    """Make a progress call that gives these one after the other, the last one for ever."""
    left = list(states)

    async def progress() -> State:
        state = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(state, Exception):
            raise state
        return state

    return progress


def polled(states: Sequence[State | Exception], polling: Polling | None = None) -> tuple[Any, Time]:
    time = Time()
    result = run(poll("J_1", answers(states), polling or Polling(), sleep=time.sleep, clock=time))
    return result, time


DONE = State(100, is_finished=True, status="complete")


def test_a_job_that_is_done_is_asked_once() -> None:
    """The first question comes at once, and its answer is the result."""
    result, time = polled([DONE])
    assert (result, time.slept) == (DONE, [])


def test_the_interval_grows_to_its_longest() -> None:
    """Half a second, then half as long again each time, never above ten."""
    _, time = polled([State()] * 12 + [DONE])
    assert time.slept[:4] == [0.5, 0.75, 1.125, 1.6875]
    assert time.slept[-3:] == [10, 10, 10]
    assert time.slept == sorted(time.slept)


@given(
    st.builds(
        Polling,
        first=st.floats(0.01, 20),
        factor=st.floats(1, 5),
        longest=st.floats(0.01, 50),
        deadline=st.floats(0.1, 500),
    )
)
def test_no_wait_passes_the_deadline(polling: Polling) -> None:
    """A job that never ends fails by the deadline, without a last sleep that would overrun it."""
    time = Time()
    with pytest.raises(JobFailed) as failure:
        run(poll("J_1", answers([State()]), polling, sleep=time.sleep, clock=time))
    assert failure.value.status == "timed out"
    assert time.now <= 1000 + polling.deadline
    assert all(seconds <= max(polling.first, polling.longest) for seconds in time.slept)


def test_a_deadline_says_that_the_job_may_go_on() -> None:
    """Giving up is not the same as failing at the server; the last answer is kept."""
    with pytest.raises(JobFailed, match="may still go on") as failure:
        polled([State(40)], Polling(deadline=3))
    assert (failure.value.job_id, failure.value.detail) == ("J_1", State(40))


@pytest.mark.parametrize("percent", [0, 50, 100])
def test_failed_is_failed_even_at_100_percent(percent: float) -> None:
    """`failed` ends the wait, whatever the percentage and `is_finished` say."""
    bad = State(percent, is_finished=percent == 100, is_failed=True, status="failed")
    with pytest.raises(JobFailed, match=r"J_1 failed \(failed\): `detail`") as failure:
        polled([State(), bad])
    assert (failure.value.status, failure.value.detail) == ("failed", bad)


def test_an_error_inside_of_a_200_is_a_failed_job() -> None:
    """A progress answer whose envelope holds an error ends the job, not only the call."""
    inside = UnexpectedStatus("x", status=200, error_code="RP_1", message="It went wrong.")
    with pytest.raises(JobFailed, match="It went wrong") as failure:
        polled([State(), inside])
    assert failure.value.status == "RP_1"
    assert failure.value.__cause__ is inside


def test_a_failing_progress_call_is_not_a_failed_job() -> None:
    """When the question fails for good, nobody knows about the job: the error is the call's own."""
    with pytest.raises(ServerFault):
        polled([State(), ServerFault("x", status=503)])


def test_polling_stops_when_its_task_is_cancelled() -> None:
    """Cancellation leaves through the sleep."""

    async def main() -> None:
        task = asyncio.create_task(poll("J_1", answers([State()]), Polling()))
        await asyncio.sleep(5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main())


@pytest.mark.parametrize("options", [{"first": -1}, {"longest": -1}, {"factor": 0.5}, {"deadline": 0}])
def test_polling_that_cannot_be_meant_is_refused(options: dict[str, Any]) -> None:
    """A shrinking interval or no time at all is an error of configuration."""
    with pytest.raises(ConfigError):
        Polling(**options)
