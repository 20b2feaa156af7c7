"""What arrives or changes comes once, by token or by date, and the state moves when it was taken."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from rounds import DAY, FILE, START, answer, surveyed
from virtual import virtual

from qualtrics_async import InvalidRequest, JobFailed, Unauthorized, UsageError, exports
from qualtrics_async._core.events import Call
from qualtrics_async.exports import FollowFile, FollowState, follow_rounds


@virtual
async def test_each_round_has_what_arrived_or_changed() -> None:
    """The first has everything, the next ones what is new or changed, and one may well have nothing."""
    async with surveyed() as survey:
        first, second = survey.arrive("a"), survey.arrive("b")
        found, state = await survey.once()
        assert found == [(first, "a"), (second, "b")]
        survey.change(first, "c")
        third = survey.arrive("d")
        found, state = await survey.once(state)
        assert found == [(first, "c"), (third, "d")]
        found, state = await survey.once(state)
        assert found == []
        assert [start.get("continuationToken") is None for start in survey.starts] == [True, False, False]


@virtual
async def test_the_first_round_may_begin_at_a_date() -> None:
    """What was recorded before it comes only when it changes."""
    async with surveyed() as survey:
        old = survey.arrive("old")
        await asyncio.sleep(100)
        late = survey.arrive("late")
        found, state = await survey.once(start_date=survey.told() - timedelta(seconds=10))
        assert found == [(late, "late")]
        survey.change(old, "changed")
        found, _ = await survey.once(state, start_date=survey.told() - timedelta(seconds=10))
        assert found == [(old, "changed")]


@virtual
async def test_an_old_token_is_not_tried() -> None:
    """After 7 days a round asks by date, less the overlap, and has nothing twice that is unchanged."""
    async with surveyed() as survey:
        survey.arrive("a")
        _, state = await survey.once()
        await asyncio.sleep(1)
        second = survey.arrive("b")
        survey.clock.passed += 8 * DAY
        async with survey.follow(state) as responses:
            assert [answer(response) async for response in responses] == [(second, "b")]
            assert responses.by == "date"
        asked = survey.starts[-1]
        assert asked["sortByLastModifiedDate"] is True
        since = (state.since - timedelta(minutes=10)).replace(microsecond=0)
        assert asked["startDate"] == since.isoformat().replace("+00:00", "Z")
        assert len(survey.starts) == 2


@pytest.mark.parametrize(
    ("passed", "behind", "by", "starts"),
    [(166.9, 0, "token", 2), (167.1, 0, "date", 2), (169, 3, "date", 3), (169, -3, "date", 2)],
)
@virtual
async def test_seven_days_are_the_end_of_a_token(passed: float, behind: int, by: str, starts: int) -> None:
    """Less an hour, by this machine's clock; if that is further behind, the service refuses the token."""
    async with surveyed() as survey:
        survey.arrive("a")
        _, state = await survey.once()
        second = survey.arrive("b")
        survey.clock.passed += passed * 3600
        wrong = {"clock": lambda: survey.told() - timedelta(hours=behind)}
        async with survey.follow(state, **wrong) as responses:
            assert [answer(response) async for response in responses] == [(second, "b")]
            assert responses.by == by
        assert len(survey.starts) == starts


@pytest.mark.parametrize("token", ["unknown", None])
@virtual
async def test_a_token_that_is_refused_or_missing_is_done_without(token: str | None) -> None:
    """A round by date stands in for it, and has a token for the next one."""
    async with surveyed() as survey:
        survey.arrive("a")
        _, state = await survey.once()
        second = survey.arrive("b")
        found, state = await survey.once(replace(state, token=token))
        assert found == [(second, "b")]
        third = survey.arrive("c")
        async with survey.follow(state) as responses:
            assert [answer(response) async for response in responses] == [(third, "c")]
            assert responses.by == "token"
        assert len(survey.starts) == (3 if token is None else 4)


@pytest.mark.parametrize(("status", "by"), [(404, "date"), (409, "date"), (410, "date"), (401, None)])
@virtual
async def test_how_a_token_is_refused_is_not_known(status: int, by: str | None) -> None:
    """Whatever is wrong with the request, the date stands in for the token; wrong credentials are told."""
    async with surveyed() as survey:
        survey.arrive("a")
        _, state = await survey.once()
        second = survey.arrive("b")
        route = "POST /surveys/{surveyId}/export-responses"
        survey.sandbox.faults.add(kind="status", route=route, status=status)
        async with survey.follow(state) as responses:
            if by is None:
                with pytest.raises(Unauthorized):
                    await anext(responses)
            else:
                assert [answer(response) async for response in responses] == [(second, "b")]
                assert responses.by == by


@virtual
async def test_a_service_without_tokens_is_followed_by_date() -> None:
    """Where continuation is refused, each round asks for what was modified since, and repeats nothing."""
    async with surveyed() as survey:
        state = None
        seen = []
        for number in range(4):
            survey.sandbox.faults.add(kind="status", status=400, route=START)
            survey.arrive(f"answer {number}")
            found, state = await survey.once(state)
            assert state.token is None
            seen += found
            await asyncio.sleep(1)
        assert dict(seen) == survey.truth()
        assert len(seen) == 4


@virtual
async def test_a_refusal_of_every_way_is_raised() -> None:
    """What is wrong with the request itself is raised, after each way was tried once, and the state stays."""
    async with surveyed() as survey:
        survey.arrive("a")
        _, state = await survey.once()
        async with survey.follow(state) as responses:
            faults = [survey.sandbox.faults.add(kind="status", status=400, route=START) for _ in range(3)]
            with pytest.raises(InvalidRequest):
                await anext(responses)
            assert all(fault.used for fault in faults)
            assert responses.state is state
            assert [answer(response) async for response in responses] == []
            assert responses.state is not state


@virtual
async def test_the_state_moves_when_the_last_one_was_taken() -> None:
    """Not when it is handed out, but when the consumer asks for more; who leaves gets all of it again."""
    async with surveyed() as survey:
        for number in range(3):
            survey.arrive(str(number))
        async with survey.follow() as responses:
            for _ in range(3):
                await anext(responses)
                assert responses.state is None
            assert await anext(responses, None) is None
            assert responses.state is not None
            state = responses.state
        survey.arrive("3")
        async with survey.follow(state) as responses:
            await anext(responses)
            assert responses.state == state
        found, _ = await survey.once(state)
        assert [text for _, text in found] == ["3"]


@pytest.mark.parametrize("by", ["everything", "token", "date"])
@virtual
async def test_what_cannot_be_committed_comes_again(by: str) -> None:
    """An error of `on_state` leaves the state where it was, and the round is repeated as a whole."""
    async with surveyed() as survey:
        before = None if by == "everything" else (await survey.once())[1]
        if by == "date" and before is not None:
            before = replace(before, token=None)
        survey.arrive("a")
        committed: list[FollowState] = []

        async def commit(state: FollowState) -> None:
            committed.append(state)
            if len(committed) == 1:
                raise OSError("the database is gone")

        async with survey.follow(before, on_state=commit) as responses:
            assert answer(await anext(responses))[1] == "a"
            assert responses.by == by
            with pytest.raises(OSError, match="the database is gone"):
                await anext(responses)
            assert responses.state is before
            assert [answer(response)[1] async for response in responses] == ["a"]
            assert responses.state is committed[1]


@virtual
async def test_a_round_that_broke_off_hands_out_the_rest() -> None:
    """A job that failed is raised with the state intact; asking again goes on, and repeats nothing."""
    async with surveyed() as survey:
        survey.arrive("a")
        _, state = await survey.once()
        second = survey.arrive("b")
        async with survey.follow(state) as responses:
            survey.sandbox.faults.add(kind="failed_job", route=START)
            with pytest.raises(JobFailed):
                await anext(responses)
            assert responses.state is state
            assert [answer(response) async for response in responses] == [(second, "b")]


@pytest.mark.parametrize(
    "options",
    [
        {"filter_id": "f"},
        {"limit": 3},
        {"end_date": "2026-01-01T00:00:00Z"},
        {"continuation_token": "t"},
        {"use_labels": True},
        {"question_ids": "QID1"},
        {"every": 0},
        {"every": float("inf")},
        {"overlap": -1.0},
        {"overlap": 1e12},
        {"max_faults": -1},
        {"stall_timeout": 0},
    ],
)
@virtual
async def test_what_cannot_be_meant_is_refused(options: dict[str, Any]) -> None:
    """Options that leave something out, that the service refuses or that there are not, before any I/O."""
    async with surveyed() as survey:
        with pytest.raises(UsageError, match=next(iter(options))):
            async with survey.follow(**options):
                pass
        assert survey.starts == []


@pytest.mark.parametrize("state", [{}, 5, b"follow.json", True, '{"survey_id":"SV_1"}'])
@virtual
async def test_what_is_no_state_is_refused(state: Any) -> None:
    """Before any I/O: whoever gives it would have everything again and again, and keep nothing."""
    async with surveyed() as survey:
        with pytest.raises(UsageError, match=r"state is .* got .*FollowState\.from_json"):
            async with survey.follow(state):
                pass
        assert survey.starts == []


@virtual
async def test_the_state_of_another_survey_is_refused() -> None:
    """Before any I/O, and with both names."""
    async with surveyed() as survey:
        _, state = await survey.once()
        other = survey.sandbox.state.add_survey("Other")
        with pytest.raises(UsageError, match=f"{survey.id}.*{other}"):
            async with exports.follow(survey.client, other, state=state):
                pass
        assert len(survey.starts) == 1


@virtual
async def test_a_consumer_may_be_impatient() -> None:
    """An `anext` that is cancelled at any moment loses nothing, and leaves nothing behind."""
    async with surveyed(latency=0.01) as survey:
        expected = [survey.arrive(str(number)) for number in range(5)]
        for patience in (0.0, 0.005, 0.015, 0.025):
            async with survey.follow() as responses:
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(patience):
                        await anext(responses)
                found = [answer(response)[0] async for response in responses]
                assert found == expected


@virtual
async def test_leaving_at_any_moment_closes_what_is_open() -> None:
    """Whoever leaves in the middle, or is cancelled there, leaves no file, no thread and no task."""
    async with surveyed() as survey:
        for number in range(50):
            survey.arrive(str(number))
        async with survey.follow() as responses:
            await anext(responses)
        assert await anext(responses, None) is None

        async def fail() -> None:
            async with survey.follow() as responses:
                await anext(responses)
                raise RuntimeError("of the consumer's own")

        with pytest.raises(RuntimeError, match="of the consumer's own"):
            await fail()

        async def consume() -> None:
            async with survey.follow(every=60) as responses:
                async for _ in responses:
                    pass

        for seconds in (0.0, 0.01, 1, 61):
            task = asyncio.create_task(consume())
            await asyncio.sleep(seconds)
            task.cancel()
            await asyncio.wait({task})
            assert task.cancelled()
        assert survey.sandbox.calls[FILE, 200] >= 4


@virtual
async def test_one_task_asks_at_a_time() -> None:
    """A second one is refused, and the state does not move while the first is at work."""
    async with surveyed(latency=0.01) as survey:
        expected = [survey.arrive(str(number)) for number in range(5)]
        found: list[str] = []

        async def work() -> None:
            async for response in responses:
                found.append(answer(response)[0])
                await asyncio.sleep(1)

        async with survey.follow() as responses:
            ended = await asyncio.gather(*(work() for _ in range(3)), return_exceptions=True)
            assert [type(error) for error in ended] == [type(None), UsageError, UsageError]
            assert "queue" in str(ended[1])
            assert (found, responses.rounds) == (expected, 1)


@pytest.mark.parametrize("seconds", [0.0, 0.005, 0.015, 0.025, 5.0, 30.0])
@virtual
async def test_leaving_ends_what_another_task_waits_for(seconds: float) -> None:
    """Whether it waits for a round that is not due, for its export, which is closed, or for a commit."""

    async def commit(state: FollowState) -> None:
        del state
        await asyncio.sleep(10)

    async with surveyed(latency=0.01) as survey:
        if seconds < 1:
            survey.arrive("a")
        async with survey.follow(every=60, on_state=commit) as responses:
            task = asyncio.create_task(anext(responses, None))
            await asyncio.sleep(seconds)
        starts = len(survey.starts)
        await asyncio.wait({task})
        assert task.exception() is None
        assert task.result() is None
        assert len(survey.starts) <= max(starts, 1)


@virtual
async def test_what_is_shown_has_no_data(tmp_path: Path) -> None:
    """Neither answers nor tokens are in the `repr` of what is followed, of its state and of its file."""
    async with surveyed() as survey:
        survey.arrive("precious")
        file = FollowFile(tmp_path / "follow.json")
        assert repr(file) == f"FollowFile({str(file.path)!r})"
        async with survey.follow(file) as responses:
            assert repr(responses) == f"<Followed {survey.id!r} open rounds=0>"
            await anext(responses)
            assert repr(responses) == f"<Followed {survey.id!r} in a round by everything rounds=0>"
            assert await anext(responses, None) is None
            assert repr(responses) == f"<Followed {survey.id!r} over rounds=1>"
            since = responses.state.since.isoformat()
            assert repr(responses.state) == f"<FollowState {survey.id!r} since={since}>"


@pytest.mark.parametrize("ahead", [timedelta(hours=3), timedelta(hours=-3)])
@virtual
async def test_the_earlier_clock_counts(ahead: timedelta, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose clock is ahead goes by the date of the service's answers, and misses nothing."""

    class Wrong(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Wrong:
            return super().now(tz) + ahead

    monkeypatch.setattr(follow_rounds, "datetime", Wrong)
    async with surveyed() as survey:
        before = datetime.now(UTC).replace(microsecond=0)
        async with exports.follow(survey.client, survey.id) as responses:
            assert [answer(response) async for response in responses] == []
            state = responses.state
        assert state is not None
        assert (
            before + min(ahead, timedelta(0)) <= state.since <= datetime.now(UTC) + min(ahead, timedelta(0))
        )


def test_answers_without_a_date_tell_no_time() -> None:
    """What is missing, odd or without a zone is left out."""
    for date in (None, "", "yesterday", "Sun, 22 Nov 2026 03:16:31 -0000", "Sun, 32 Nov 2026 03:16:31 GMT"):
        headers = {} if date is None else {"Date": date}
        call = Call("GET", "/x", 200, None, headers, 1, 0.1, None, None)
        assert follow_rounds._served_at(call) == []
