"""Rounds that come again and again: when they begin, what they do about faults, who may leave."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from rounds import FILE, START, answer, surveyed
from virtual import virtual

from qualtrics_async import Forbidden, QualtricsError, ServerFault
from qualtrics_async.exports import FollowState, follow_state


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what is broken be found when it is reached, as in an export that is large."""
    monkeypatch.setattr("qualtrics_async.exports.export._CHECKED", 0)


def times(survey: Any) -> list[float]:
    """When exports were started, in whole seconds."""
    asked = [record for record in survey.sandbox.requests if f"{record.method} {record.route}" == START]
    return [round(record.at) for record in asked]


@virtual
async def test_rounds_come_every_so_many_seconds() -> None:
    """From the beginning of one to that of the next, whether there is anything in them or not."""
    async with surveyed() as survey, survey.follow(every=60) as responses:
        survey.arrive("first")
        assert answer(await anext(responses))[1] == "first"

        async def later() -> None:
            await asyncio.sleep(150)
            survey.arrive("later")

        task = asyncio.create_task(later())
        assert answer(await anext(responses))[1] == "later"
        await task
        assert times(survey) == [0, 60, 120, 180]
        assert responses.rounds == 3


@virtual
async def test_rounds_never_overlap() -> None:
    """A consumer that takes longer than a round gets the next one at once, and not those in between."""
    async with surveyed() as survey, survey.follow(every=60) as responses:
        survey.arrive("a")
        await anext(responses)
        survey.arrive("b")
        await asyncio.sleep(200)
        assert answer(await anext(responses))[1] == "b"
        survey.arrive("c")
        assert answer(await anext(responses))[1] == "c"
        assert times(survey) == [0, 200, 260]


@pytest.mark.usefixtures("unchecked")
@virtual
async def test_passing_faults_wait_for_the_next_round() -> None:
    """Each waits longer than the one before, is told, and one that succeeds begins the count anew."""
    told: list[QualtricsError] = []
    async with surveyed() as survey, survey.follow(every=60, max_faults=3, on_fault=told.append) as responses:
        survey.arrive("a")
        await anext(responses)
        for kind in ("failed_job", "no_file"):
            survey.sandbox.faults.add(kind=kind, route=START)

        async def later() -> None:
            await asyncio.sleep(400)
            survey.arrive("b")

        task = asyncio.create_task(later())
        assert answer(await anext(responses))[1] == "b"
        await task
        assert [type(error).__name__ for error in told] == ["JobFailed", "JobFailed"]
        assert times(survey) == [0, 60, 120, 240, 300, 360, 420]
        for _ in range(3):
            survey.sandbox.faults.add(kind="failed_job", route=START)
        survey.arrive("c")
        assert answer(await anext(responses))[1] == "c"
        assert len(told) == 5


@virtual
async def test_faults_have_a_bound() -> None:
    """After so many in a row the error is raised with the state intact; who asks again goes on at once."""
    told: list[QualtricsError] = []
    async with (
        surveyed() as survey,
        survey.follow(every=400, max_faults=2, on_fault=told.append) as responses,
    ):
        survey.arrive("a")
        await anext(responses)
        fault = survey.sandbox.faults.add(kind="status", status=503, route="*", times=None)
        survey.arrive("b")
        with pytest.raises(QualtricsError) as caught:
            await anext(responses)
        assert len(told) == 2
        assert caught.value not in told
        state = responses.state
        assert isinstance(state, FollowState)
        assert asyncio.get_running_loop().time() == pytest.approx(400 + 400 + 600, abs=1)
        fault.times = 0
        assert answer(await anext(responses))[1] == "b"
        assert asyncio.get_running_loop().time() == pytest.approx(1400, abs=1)
        assert responses.state is state


@virtual
async def test_what_does_not_pass_is_raised_at_once() -> None:
    """A permission that is missing is missing in the next round as well."""
    async with surveyed() as survey, survey.follow(every=60) as responses:
        survey.sandbox.faults.add(kind="status", status=403, route=START)
        with pytest.raises(Forbidden):
            await anext(responses)
        assert times(survey) == [0]


@virtual
async def test_one_round_has_no_patience() -> None:
    """Without `every` a passing fault is raised, whatever `max_faults` says."""
    async with surveyed() as survey, survey.follow(max_faults=9) as responses:
        survey.sandbox.faults.add(kind="status", status=503, route=FILE, times=9)
        with pytest.raises(ServerFault):
            await anext(responses)


@pytest.mark.usefixtures("unchecked")
@virtual
async def test_a_round_that_breaks_off_repeats_nothing_in_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is broken at its end hands out more than a state keeps; the next round only the others."""
    kept = 100
    monkeypatch.setattr(follow_state, "_REMEMBERED", kept)
    async with surveyed() as survey:
        expected = [survey.arrive(f"{number} {'x' * 2000}") for number in range(700)]
        survey.sandbox.faults.add(kind="archive", damage="checksum", route=FILE)
        told: list[tuple[int, QualtricsError]] = []
        found: list[str] = []
        async with survey.follow(
            every=60, on_fault=lambda error: told.append((len(found), error))
        ) as responses:
            async for response in responses:
                found.append(response.response_id)
                if len(found) == len(expected):
                    break
        assert found == expected
        ((before, error),) = told
        assert "CRC" in str(error)
        assert kept < before < len(expected)


@virtual
async def test_the_wait_for_a_round_may_be_given_up_and_taken_up() -> None:
    """A timeout while nothing is due changes nothing about when the next round begins."""
    async with surveyed() as survey, survey.follow(every=60) as responses:
        survey.arrive("a")
        await anext(responses)
        survey.arrive("b")
        for _ in range(5):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(responses), 10)
        assert answer(await asyncio.wait_for(anext(responses), 20))[1] == "b"
        assert times(survey) == [0, 60]


@virtual
async def test_faults_may_come_for_ever() -> None:
    """However many rounds in a row have failed, the wait for the next one is ten minutes."""
    told: list[QualtricsError] = []
    async with surveyed() as survey:
        async with survey.follow(every=600, max_faults=5000, on_fault=told.append) as responses:
            responses._faults = 2000
            survey.sandbox.faults.add(kind="failed_job", route=START, times=2)
            survey.arrive("a")
            assert answer(await anext(responses))[1] == "a"
        assert times(survey) == [0, 600, 1200]
