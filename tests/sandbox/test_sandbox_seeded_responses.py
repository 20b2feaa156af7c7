"""Responses that are made by their number: the same however they are looked at, and changed like others."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from fetching import EVERY_KIND, export, ids, records, survey_of_every_kind
from hypothesis import given, settings
from hypothesis import strategies as st
from speaking import Clock, asynchronous, speaking

from qualtrics_async.sandbox import ByPolls, Sandbox
from qualtrics_async.sandbox.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Iterable

OPTIONS: list[dict[str, Any]] = [
    {"format": "csv"},
    {"format": "csv", "useLabels": True},
    {"format": "csv", "useLabels": True, "breakoutSets": False},
    {"format": "csv", "includeLabelColumns": True},
    {"format": "csv", "timeZone": "Europe/Amsterdam", "seenUnansweredRecode": -99},
    {"format": "tsv", "breakoutSets": False},
    {"format": "tsv", "formatDecimalAsComma": True, "newlineReplacement": " / "},
    {"format": "csv", "questionIds": ["QID2"], "embeddedDataIds": [], "surveyMetadataIds": ["_recordId"]},
    {"format": "json"},
    {"format": "ndjson"},
    {"format": "ndjson", "questionIds": ["QID3"], "surveyMetadataIds": []},
    {"format": "xml"},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@asynchronous
async def test_what_is_made_fast_is_what_is_made_slowly(options: dict[str, Any]) -> None:
    """An export of seeded responses says what one of the same responses says when they are kept."""
    async with speaking(jobs=ByPolls(0)) as call:
        survey_id = survey_of_every_kind(call)
        made = call.sandbox.state.add_responses(survey_id, 70, seed=3)
        fast = (await export(call, survey_id, **options)).plain
        for index in range(70):
            made.changed[index] = made.at(index)
        slow = (await export(call, survey_id, **options)).plain
        if options["format"] == "xml":
            assert fast == slow
            return
        if options.get("surveyMetadataIds") != []:
            assert ids(fast, options["format"]) == [made.id_of(index) for index in range(70)]
        assert records(fast, options["format"]) == records(slow, options["format"])


@asynchronous
async def test_values_suit_the_questions() -> None:
    """Each kind has its own form, and every choice and an empty answer occur."""
    async with speaking(jobs=ByPolls(0)) as call:
        survey_id = survey_of_every_kind(call)
        call.sandbox.state.add_responses(survey_id, 300)
        found = records((await export(call, survey_id, format="ndjson")).plain, "ndjson")
        values = [record["values"] for record in found]
        seen = {key: [row.get(key) for row in values] for key in {key for row in values for key in row}}
        assert set(seen["QID1"]) == {None, 1, 2, 3}
        assert {code for codes in seen["QID2"] for code in codes or ()} == {"1", "2", "3", "4"}
        texts = "".join(text or "" for text in seen["QID3_TEXT"])
        assert {"\n", '"', ",", "ß", "🧀", "\t"} <= set(texts)
        assert all(float(number) is not None for number in seen["QID4_TEXT"] if number is not None)
        assert {*seen["QID5_1"], *seen["QID5_2"]} == {None, 1, 2}
        assert any(text is not None for text in seen["QID1_3_TEXT"])
        assert any(text is not None for text in seen["site"])
        assert "QID6" not in seen
        multiple = next(record for record in found if record["values"].get("QID2") == ["1", "3"])
        assert multiple["labels"]["QID2"] == ["Red", "Käse"]
        assert multiple["displayedValues"]["QID5_2"] == [1, 2]
        dates = [row["recordedDate"] for row in values]
        assert dates == sorted(dates)
        assert len(set(dates)) == 300


def answers(seed: int, count: int = 40) -> list[dict[str, Any]]:
    """What the responses of a seed say, without what is each one's own."""
    state = Sandbox(seed=9).state
    made = state.add_responses(state.add_survey("S", questions=EVERY_KIND), count, seed=seed)
    own = ("startDate", "endDate", "recordedDate", "_recordId")
    return [
        {key: value for key, value in made.at(index).values.items() if key not in own}
        for index in range(count)
    ]


def test_a_seed_has_its_answers() -> None:
    """The same again, others for another one, and no more for more of them."""
    assert answers(1) == answers(1) == answers(1, 50)[:40]
    assert answers(1) != answers(2)


@asynchronous
async def test_one_is_read_changed_and_deleted() -> None:
    """By its id; the others stay as they were, in their order."""
    async with speaking(jobs=ByPolls(0)) as call:
        state, survey_id = call.sandbox.state, call.sandbox.state.survey_id
        before = state.add_response(survey_id).id
        made = state.add_responses(survey_id, 6)
        after = state.add_response(survey_id).id
        several = [made.id_of(index) for index in range(6)]
        path = f"/surveys/{survey_id}/responses"
        read = (await call.get(f"{path}/{several[2]}")).result
        assert read["values"] == made.at(2).values
        assert read["labels"] == made.at(2).labels
        update = {"surveyId": survey_id, "embeddedData": {"cohort": "new"}}
        assert (await call("PUT", f"/responses/{several[2]}", update)).status == 200
        assert (await call("DELETE", f"{path}/{several[4]}")).status == 200
        assert (await call.get(f"{path}/{several[2]}")).result["values"]["cohort"] == "new"
        assert (await call.get(f"{path}/{several[4]}")).status == 404
        del several[4]
        assert [found.id for found in state.responses_of(survey_id)] == [before, *several, after]
        assert state.responses_of(survey_id)[3].values["cohort"] == "new"
        content = (await export(call, survey_id)).plain
        assert ids(content) == [before, *several, after]
        assert [row["cohort"] for row in records(content, "csv")][3] == "new"
        counts = (await call.get(f"/surveys/{survey_id}")).result["responseCounts"]
        assert (counts["auditable"], counts["deleted"]) == (7, 1)
        assert (await call("DELETE", f"/surveys/{survey_id}")).status == 200
        assert (await call.get(f"{path}/{several[0]}")).status == 404


@pytest.mark.parametrize("form", ["csv", "ndjson"])
@asynchronous
async def test_a_filter_has_its_condition(form: str) -> None:
    """It holds for what is kept and for what is made; a limit counts what is found."""
    async with speaking(jobs=ByPolls(0)) as call:
        state, survey_id = call.sandbox.state, call.sandbox.state.survey_id
        state.add_response(survey_id, {"QID1": 2})
        first = state.add_responses(survey_id, 50).at(0)
        first.values["QID1"] = 2
        state.touch(first)
        state.add_response(survey_id, {"QID1": 1})
        filter_id = state.add_response_filter(survey_id, "Twos", lambda made: made.values.get("QID1") == 2)
        expected = [made.id for made in state.responses_of(survey_id) if made.values.get("QID1") == 2]
        assert 2 < len(expected) < 30
        for options, wanted in (({}, expected), ({"limit": 3}, expected[:3])):
            found = (await export(call, survey_id, format=form, filterId=filter_id, **options)).plain
            assert ids(found, form) == wanted
        (listed,) = (await call.get(f"/surveys/{survey_id}/filters")).result["elements"]
        assert listed.keys() == {"filterId", "filterName", "creationDate"}


@pytest.mark.parametrize("wrong", ["{}000000006", "{}00000000x", "{}" + "\u0661" * 9, "R_none", "{}"])
@asynchronous
async def test_no_other_id_is_one_of_them(wrong: str) -> None:
    """One too many, no number, a number of another script."""
    async with speaking() as call:
        state = call.sandbox.state
        made = state.add_responses(state.survey_id, 6)
        found = wrong.format(made.id_of(0)[:-9])
        assert (await call.get(f"/surveys/{state.survey_id}/responses/{found}")).status == 404
        other = state.add_survey("Other")
        assert (await call.get(f"/surveys/{other}/responses/{made.id_of(0)}")).status == 404


moments = st.integers(-3, 13)


@settings(max_examples=20)
@given(start=moments, end=moments, limit=st.none() | st.integers(1, 14), gone=st.sets(st.integers(0, 9)))
def test_dates_and_limits_cut_what_is_not_made(
    start: int, end: int, limit: int | None, gone: set[int]
) -> None:
    """As if each response had been asked for its date."""

    async def run() -> None:
        clock = Clock()
        async with speaking(jobs=ByPolls(0), clock=clock) as call:
            state, survey_id = call.sandbox.state, call.sandbox.state.survey_id
            made = state.add_responses(survey_id, 10, interval=1.0)
            every = [(found.id, found.recorded) for found in state.responses_of(survey_id)]
            for index in gone:
                state.remove_response(made.at(index))
            first = every[0][1]
            since, until = first // 1000 + start, first // 1000 + end
            expected = [
                response_id
                for index, (response_id, recorded) in enumerate(every)
                if index not in gone and since * 1000 <= recorded < until * 1000
            ]
            dates = {"startDate": moment(since), "endDate": moment(until)}
            options = dates | ({} if limit is None else {"limit": limit})
            content = (await export(call, survey_id, format="ndjson", **options)).plain
            assert ids(content, "ndjson") == expected[:limit]

    asyncio.run(run())


def moment(seconds: int) -> str:
    """An instant as the wire has it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parts(lengths: Iterable[int]) -> Selection:
    """Kept and seeded responses in turn, so many of each."""
    state = Sandbox().state
    for place, length in enumerate(lengths):
        if place % 2:
            state.add_responses(state.survey_id, length)
        else:
            for _ in range(length):
                state.add_response(state.survey_id)
    return state.selection(state.survey_id)


@settings(max_examples=30)
@given(st.lists(st.integers(0, 5), max_size=5), st.integers(1, 7), st.integers(0, 30))
def test_a_selection_is_a_sequence_however_it_is_cut(lengths: list[int], size: int, count: int) -> None:
    """Pieces, the first so many, and single ones are those of the whole."""
    whole = parts(lengths)
    every = [response.id for response in whole]
    assert len(whole) == len(every) == sum(lengths)
    assert [whole[place].id for place in range(len(every))] == every
    assert [response.id for response in whole[1:]] == every[1:]
    assert [response.id for response in whole.first(count)] == every[:count]
    pieces = [[response.id for response in piece] for piece in whole.split(size)]
    assert pieces == ([every[start : start + size] for start in range(0, len(every), size)] or [[]])
    with pytest.raises(IndexError):
        whole[len(every)]


@asynchronous
async def test_texts_are_as_wide_as_asked() -> None:
    """So that few rows make a large file."""
    async with speaking(jobs=ByPolls(0)) as call:
        survey_id = call.sandbox.state.survey_id
        call.sandbox.state.add_responses(survey_id, 20, text_size=20_000)
        found = records((await export(call, survey_id, format="ndjson")).plain, "ndjson")
        sizes = {len(record["values"]["QID2_TEXT"]) for record in found}
        assert min(sizes) > 15_000
        assert max(sizes) <= 20_000


@asynchronous
async def test_a_million_are_there_at_once() -> None:
    """Nothing is made before it is looked at."""
    async with speaking(jobs=ByPolls(0)) as call:
        state, survey_id = call.sandbox.state, call.sandbox.state.survey_id
        made = state.add_responses(survey_id, 1_000_000_000)
        assert len(state.responses_of(survey_id)) == 1_000_000_000
        assert state.responses_of(survey_id)[-1].id == made.id_of(999_999_999)
        content = (await export(call, survey_id, limit=3)).plain
        assert ids(content) == [made.id_of(index) for index in range(3)]
