"""Whatever happens to a survey, its tokens and its consumer, nothing is missed, and nothing comes twice."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import anyio.to_thread
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from rounds import DAY, FILE, START, Answer, Survey, answer, surveyed
from virtual import virtual

from qualtrics_async import QualtricsError
from qualtrics_async.exports import FollowFile, FollowState

LAG = 40.0


class Arrive(NamedTuple):
    """A response arrives."""


class Change(NamedTuple):
    """One of them changes, perhaps back to what it was."""

    which: int
    answer: int


class Wait(NamedTuple):
    """Time passes."""

    seconds: float


class Lose(NamedTuple):
    """The token is gone, or the service does not know it."""

    token: str | None


class Break(NamedTuple):
    """The next export goes wrong."""

    kind: str


class Go(NamedTuple):
    """A round, in which the consumer is gone after it took so many; None takes all."""

    taken: int | None


STEPS = st.one_of(
    st.just(Arrive()),
    st.just(Go(None)),
    st.builds(Change, st.integers(0, 1), st.integers(0, 1)),
    st.builds(Wait, st.sampled_from((1, 30, 500, 700, 8 * DAY))),
    st.builds(Lose, st.sampled_from((None, "unknown"))),
    st.builds(Break, st.sampled_from(("failed_job", "status", "archive"))),
    st.builds(Go, st.none() | st.integers(0, 3)),
)


def happen(survey: Survey, step: Arrive | Change | Break) -> set[str]:
    """Let something happen to the survey, and tell what was changed, perhaps to what it was."""
    match step:
        case Arrive():
            survey.arrive(f"new {len(survey.ids)}")
        case Change(which, text) if survey.ids:
            survey.change(response_id := survey.ids[which % len(survey.ids)], f"answer {text}")
            return {response_id}
        case Break("archive"):
            survey.sandbox.faults.add(kind="archive", damage="checksum", route=FILE)
        case Break("failed_job"):
            survey.sandbox.faults.add(kind="failed_job", route=START)
        case Break("status"):
            survey.sandbox.faults.add(kind="status", status=404, route=START)
    return set()


async def going(survey: Survey, taken: int | None, into: list[Answer], **options: Any) -> FollowState | None:
    """Go one round, and give it up after so many; the state is what it is then."""
    async with survey.follow(**options) as responses:
        try:
            while taken is None or taken > 0:
                response = await anext(responses, None)
                if response is None:
                    break
                into.append(answer(response))
                taken = None if taken is None else taken - 1
        except QualtricsError:
            pass  # told by the state, which has not moved
        state: FollowState | None = responses.state
        return state


@settings(max_examples=60)
@given(st.lists(STEPS, max_size=14), st.sampled_from((0.0, LAG)))
@virtual
async def test_what_is_committed_with_the_state_is_the_truth(
    steps: Sequence[Arrive | Change | Wait | Lose | Break | Go], lag: float
) -> None:
    """A consumer that commits what it took with the state has every response once for each change."""
    async with surveyed(lag=lag) as survey:
        table: dict[str, str] = {}
        touched: set[str] = set()
        state: FollowState | None = None

        async def go(taken: int | None) -> None:
            nonlocal state
            found: list[Answer] = []
            before = state
            state = await going(survey, taken, found, state=state and FollowState.from_json(state.to_json()))
            if state == before:
                return  # the transaction is rolled back
            for response_id, text in found:
                assert table.get(response_id) != text or response_id in touched
                touched.discard(response_id)
                table[response_id] = text

        for step in steps:
            match step:
                case Wait(seconds):
                    survey.clock.passed += seconds
                case Lose(token):
                    state = state and replace(state, token=token)
                case Go(taken):
                    await go(taken)
                case _:
                    touched |= happen(survey, step)
        survey.sandbox.faults.clear()
        survey.clock.passed += lag
        await go(None)
        assert table == survey.truth()
        await go(None)
        assert table == survey.truth()


@settings(max_examples=40)
@given(st.lists(STEPS, max_size=14), st.sampled_from((0.0, LAG)))
def test_what_is_taken_at_once_becomes_the_truth(
    steps: Sequence[Arrive | Change | Wait | Lose | Break | Go], lag: float
) -> None:
    """A consumer that keeps what it takes, whatever becomes of the round, misses no change with a file."""
    with TemporaryDirectory() as folder:
        keep_all(steps, lag, Path(folder, "follow.json"))


@virtual
async def keep_all(
    steps: Sequence[Arrive | Change | Wait | Lose | Break | Go], lag: float, path: Path
) -> None:
    async with surveyed(lag=lag) as survey:
        found: list[Answer] = []

        def lose(token: str | None) -> None:
            if path.exists():
                state = replace(FollowState.from_json(path.read_bytes()), token=token)
                path.write_bytes(state.to_json())

        for step in steps:
            match step:
                case Wait(seconds):
                    survey.clock.passed += seconds
                case Lose(token):
                    await anyio.to_thread.run_sync(lose, token)
                case Go(taken):
                    await going(survey, taken, found, state=FollowFile(path))
                case _:
                    happen(survey, step)
        survey.sandbox.faults.clear()
        survey.clock.passed += lag
        await going(survey, None, found, state=FollowFile(path))
        assert dict(found) == survey.truth()
