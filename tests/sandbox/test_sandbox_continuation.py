"""Exports that go on where one ended: by token, by date of modification, and after a lag."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from fetching import fetch, ids
from hypothesis import given, settings
from hypothesis import strategies as st
from speaking import Caller, Clock, asynchronous, speaking

from qualtrics_async.sandbox import ByPolls, Exports

DAY = 24 * 3600


async def follow(call: Caller, token: str | None = None, **options: Any) -> tuple[list[str], str]:
    """The ids of an export of the sandbox's own survey, and the token to go on with."""
    path = f"/surveys/{call.sandbox.state.survey_id}/export-responses"
    body = {"format": "ndjson", "compress": False, "allowContinuation": True} | options
    started = await call.post(path, body | ({} if token is None else {"continuationToken": token}))
    job = f"{path}/{started.result['progressId']}"
    progress = (await call.get(job)).result
    assert (await call.get(job)).result == progress
    file = await fetch(call, f"{call.sandbox.base_url}{path}/{progress['fileId']}/file")
    return ids(file.plain, "ndjson"), progress["continuationToken"]


@asynchronous
async def test_a_token_has_what_is_new_or_changed() -> None:
    """Each once, in the order in which it happened; then nothing until something happens."""
    async with speaking(jobs=ByPolls(0)) as call:
        state, survey_id = call.sandbox.state, call.sandbox.state.survey_id
        kept = [state.add_response(survey_id).id for _ in range(2)]
        made = state.add_responses(survey_id, 3)
        seeded = [made.id_of(index) for index in range(3)]
        found, token = await follow(call)
        assert found == kept + seeded
        found, token = await follow(call, token)
        assert found == []
        new = state.add_response(survey_id).id
        update = {"surveyId": survey_id, "embeddedData": {"cohort": "b"}, "resetRecordedDate": False}
        for changed in (seeded[1], kept[0]):
            assert (await call("PUT", f"/responses/{changed}", update)).status == 200
        edit = {"updates": [{"responseId": kept[1], "values": {"QID1": 2}}]}
        assert (await call("PATCH", f"/surveys/{survey_id}/responses", edit)).status == 200
        found, token = await follow(call, token)
        assert found == [new, seeded[1], *kept]
        assert (await follow(call, token))[0] == []


@settings(max_examples=15)
@given(st.lists(st.sampled_from(("add", "seed", "change")), max_size=8), st.integers(1, 4), st.integers(0, 8))
def test_a_limit_loses_nothing(steps: list[str], limit: int, change: int) -> None:
    """Tokens of exports that were cut lead through everything, once each if nothing changes."""

    async def run() -> None:
        async with speaking(jobs=ByPolls(0)) as call:
            state, survey_id = call.sandbox.state, call.sandbox.state.survey_id
            for step in steps:
                if step == "add":
                    state.add_response(survey_id)
                elif step == "seed":
                    state.add_responses(survey_id, 3)
                elif every := state.responses_of(survey_id):
                    state.touch(every[change % len(every)])
            expected = sorted(response.id for response in state.responses_of(survey_id))
            found: list[str] = []
            token = None
            while True:
                page, token = await follow(call, token, limit=limit)
                assert len(page) <= limit
                found += page
                if not page:
                    break
            assert sorted(found) == expected

    asyncio.run(run())


@asynchronous
async def test_a_token_lives_seven_days() -> None:
    """Of the sandbox's clock, and for its own survey."""
    clock = Clock()
    async with speaking(jobs=ByPolls(0), clock=clock) as call:
        state = call.sandbox.state
        _, token = await follow(call)
        body = {"format": "csv", "continuationToken": token}
        other = f"/surveys/{state.add_survey('Other')}/export-responses"
        assert (await call.post(other, body)).status == 400
        clock.now += 7 * DAY
        path = f"/surveys/{state.survey_id}/export-responses"
        assert (await call.post(path, body)).status == 200
        clock.now += 1
        assert "expired" in (await call.post(path, body)).json["meta"]["error"]["errorMessage"]
        assert (await call.post(path, body | {"continuationToken": "none"})).status == 400


@asynchronous
async def test_dates_are_of_modification_where_it_sorts() -> None:
    """What was changed late comes last, and is within dates of its change."""
    clock = Clock()
    async with speaking(jobs=ByPolls(0), clock=clock) as call:
        state, survey_id = call.sandbox.state, call.sandbox.state.survey_id
        first, second = (state.add_response(survey_id).id for _ in range(2))
        clock.now += 10
        made = state.add_responses(survey_id, 2)
        clock.now += 10
        since = moment(state.now())
        update = {"surveyId": survey_id, "embeddedData": {}, "resetRecordedDate": False}
        assert (await call("PUT", f"/responses/{first}", update)).status == 200
        clock.now += 10
        until = moment(state.now())
        last = state.add_response(survey_id).id
        seeded = [made.id_of(0), made.id_of(1)]
        plain: dict[str, Any] = {"allowContinuation": False}

        async def found(**options: Any) -> list[str]:
            path = f"/surveys/{survey_id}/export-responses"
            started = await call.post(path, {"format": "ndjson", "compress": False} | options)
            progress = (await call.get(f"{path}/{started.result['progressId']}")).result
            assert "continuationToken" not in progress
            url = f"{call.sandbox.base_url}{path}/{progress['fileId']}/file"
            return ids((await fetch(call, url)).plain, "ndjson")

        assert await found(**plain) == [first, second, *seeded, last]
        assert await found(**plain, sortByLastModifiedDate=True) == [second, *seeded, first, last]
        dates = {"startDate": since, "endDate": until}
        assert await found(**plain, **dates) == []
        assert await found(**plain, **dates, sortByLastModifiedDate=True) == [first]
        assert await found(sortByLastModifiedDate=True, endDate=since) == [second, *seeded]


def moment(milliseconds: int) -> str:
    """An instant as the wire has it."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@pytest.mark.parametrize("seeded", [False, True])
@asynchronous
async def test_what_is_new_takes_a_while(seeded: bool) -> None:
    """No token goes past what it has not shown; a single one is there at once."""
    clock = Clock()
    async with speaking(jobs=ByPolls(0), clock=clock, exports=Exports(lag=30)) as call:
        state, survey_id = call.sandbox.state, call.sandbox.state.survey_id
        old = state.add_response(survey_id).id
        clock.now += 31
        new = state.add_responses(survey_id, 1).id_of(0) if seeded else state.add_response(survey_id).id
        found, token = await follow(call)
        assert found == [old]
        assert (await call.get(f"/surveys/{survey_id}/responses/{new}")).status == 200
        clock.now += 29
        state.touch(state.responses[old])
        found, token = await follow(call, token)
        assert found == []
        clock.now += 1
        found, token = await follow(call, token)
        assert found == [new]
        clock.now += 30
        assert (await follow(call, token))[0] == [old]
