"""Whatever happens to a survey, its tokens and its consumer, nothing is missed, and nothing comes twice."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
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

ARRIVE, KEPT = "arrive", "kept"


class Change(NamedTuple):
    """One of the first two responses changes, perhaps back to what it was."""

    which: int
    answer: int


class Episode(NamedTuple):
    """What happens to the survey and to the token, and then a round that a consumer may leave too early."""

    events: list[str | Change]
    wait: float
    token: str | None
    fault: str | None
    taken: int | None


NONE = (None,) * 6  # most rounds are whole ones
EPISODES = st.lists(
    st.builds(
        Episode,
        st.lists(st.just(ARRIVE) | st.builds(Change, st.integers(0, 1), st.integers(0, 1)), max_size=3),
        st.sampled_from((1, 1, 30, 30, 500, 700, 8 * DAY)),
        st.sampled_from((KEPT, KEPT, None, "unknown")),
        st.sampled_from((*NONE, "failed_job", "status", "archive")),
        st.sampled_from((*NONE, 0, 1, 2)),
    ),
    min_size=2,
    max_size=6,
)
LAGS = st.sampled_from((0.0, LAG))


def happen(survey: Survey, episode: Episode) -> set[str]:
    """Let something happen to the survey, and tell what was changed, perhaps to what it was."""
    touched: set[str] = set()
    for event in episode.events:
        if isinstance(event, Change):
            response_id = survey.ids[event.which]
            survey.change(response_id, f"answer {event.answer}")
            touched.add(response_id)
        else:
            survey.arrive(f"new {len(survey.ids)}")
    match episode.fault:
        case "archive":
            survey.sandbox.faults.add(kind="archive", damage="checksum", route=FILE)
        case "failed_job":
            survey.sandbox.faults.add(kind="failed_job", route=START)
        case "status":
            survey.sandbox.faults.add(kind="status", status=404, route=START)
    survey.clock.passed += episode.wait
    return touched


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


@asynccontextmanager
async def answered(lag: float) -> AsyncGenerator[Survey]:
    async with surveyed(lag=lag) as survey:
        for text in ("one", "two"):
            survey.arrive(text)
        yield survey


def settle(survey: Survey, lag: float) -> None:
    """Let everything that has happened reach exports."""
    survey.sandbox.faults.clear()
    survey.clock.passed += lag


@settings(max_examples=40)
@given(EPISODES, LAGS)
@virtual
async def test_what_is_committed_with_the_state_is_the_truth(episodes: Sequence[Episode], lag: float) -> None:
    """A consumer that commits what it took with the state has every response once for each change."""
    async with answered(lag) as survey:
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

        for episode in episodes:
            touched |= happen(survey, episode)
            if episode.token != KEPT and state is not None:
                state = replace(state, token=episode.token)
            await go(episode.taken)
        settle(survey, lag)
        for _ in range(2):
            await go(None)
            assert table == survey.truth()


@settings(max_examples=40)
@given(EPISODES, LAGS)
def test_what_is_taken_at_once_becomes_the_truth(episodes: Sequence[Episode], lag: float) -> None:
    """A consumer that keeps what it takes, whatever becomes of the round, misses no change with a file."""
    with TemporaryDirectory() as folder:
        keep_all(episodes, lag, Path(folder, "follow.json"))


@virtual
async def keep_all(episodes: Sequence[Episode], lag: float, path: Path) -> None:
    async with answered(lag) as survey:
        found: list[Answer] = []

        def lose(token: str | None) -> None:
            if path.exists():
                state = replace(FollowState.from_json(path.read_bytes()), token=token)
                path.write_bytes(state.to_json())

        for episode in episodes:
            happen(survey, episode)
            if episode.token != KEPT:
                await anyio.to_thread.run_sync(lose, episode.token)
            await going(survey, episode.taken, found, state=FollowFile(path))
        settle(survey, lag)
        await going(survey, None, found, state=FollowFile(path))
        assert dict(found) == survey.truth()
