"""What was exported as a table and is imported again has the same values; who imported what is known."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import tracemalloc
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from fetching import export, ids, records, survey_of_every_kind
from hypothesis import given, settings
from hypothesis import strategies as st
from speaking import Caller, asynchronous, speaking, until

from qualtrics_async.sandbox import ByPolls, Exports, Question
from qualtrics_async.sandbox.response_tables import _wide_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qualtrics_async.sandbox.records import Response

TYPES = {"csv": "text/csv", "tsv": "text/tab-separated-values"}
OWN = ("_recordId", "recordedDate", "status")
"""What the service says itself of an imported response."""


async def upload(call: Caller, survey_id: str, content: bytes, form: str = "csv", key: str = "") -> str:
    """Import a file and return its job, which must end well."""
    path = f"/surveys/{survey_id}/import-responses"
    headers = {"Content-Type": TYPES[form]} | ({"Idempotency-Key": key} if key else {})
    url = call.sandbox.base_url + path
    async with call.session.post(url, data=BytesIO(content), headers=headers) as response:
        job: str = (await response.json())["result"]["progressId"]
    while (status := (await call.get(f"{path}/{job}")).result["status"]) == "inProgress":
        pass
    assert status == "complete", status
    return job


def values(responses: Sequence[Response]) -> list[dict[str, Any]]:
    """What responses say, without what the service says itself."""
    return [
        {key: value for key, value in response.values.items() if key not in OWN} for response in responses
    ]


text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12) | st.sampled_from(
    (
        'a "quote", comma',
        "line\nline\r\nline\r",
        "\ufeffmark",
        "1",
        "01",
        "1,3",
        " ",
        "\t",
        "ä🧀",
        '"',
        "=1+1",
    )
)
answers = st.fixed_dictionaries(
    {"startDate": st.just("2026-05-01T08:00:00Z"), "endDate": st.just("2026-05-01T08:09:59Z")},
    optional={
        "QID1": st.integers(1, 3),
        "QID1_3_TEXT": text,
        "QID2": st.lists(st.sampled_from(("1", "2", "3", "4")), min_size=1, unique=True).map(sorted),
        "QID2_4_TEXT": text,
        "QID3_TEXT": text,
        "QID4_TEXT": st.sampled_from(("42", "-3.5", "0")),
        "QID5_1": st.integers(1, 2),
        "site": text,
        "score": st.sampled_from(("7", "7.25")),
        "duration": st.integers(0, 9999),
        "progress": st.integers(0, 100),
        "finished": st.integers(0, 1),
    },
)


@settings(max_examples=40)
@given(
    given=st.lists(answers, min_size=1, max_size=4),
    form=st.sampled_from(("csv", "tsv")),
    broken_out=st.booleans(),
    more=st.sampled_from(({}, {"includeLabelColumns": True}, {"timeZone": "America/Denver"})),
    bom=st.booleans(),
)
def test_what_was_exported_can_be_imported(
    given: list[dict[str, Any]], form: str, broken_out: bool, more: dict[str, Any], bom: bool
) -> None:
    """Codes, several choices, text with anything in it, embedded data, numbers, and what is empty."""

    async def run() -> None:
        async with speaking(jobs=ByPolls(0), exports=Exports(bom=bom)) as call:
            state, survey_id = call.sandbox.state, survey_of_every_kind(call)
            for several in given:
                state.add_response(survey_id, several)
            options = {"format": form, "compress": False, "breakoutSets": broken_out} | more
            content = (await export(call, survey_id, **options)).content
            await upload(call, survey_id, content, form)
            found = state.responses_of(survey_id)
            assert values(found[len(given) :]) == values(found[: len(given)])
            assert {response.values["status"] for response in found[len(given) :]} == {4}

    asyncio.run(run())


@asynchronous
async def test_seeded_responses_come_back() -> None:
    """A survey moves into another one: values and labels are the same."""
    async with speaking(jobs=ByPolls(0)) as call:
        state, first = call.sandbox.state, survey_of_every_kind(call)
        second = survey_of_every_kind(call, "Another")
        state.add_responses(first, 120)
        await upload(call, second, (await export(call, first, compress=False)).content)
        one, two = state.responses_of(first), state.responses_of(second)
        assert values(two) == values(one)
        assert [found.labels for found in two] == [found.labels for found in one]


@asynchronous
async def test_labels_are_understood() -> None:
    """A table with texts in place of codes is read as well; tags serve where there are no import ids."""
    async with speaking(jobs=ByPolls(0)) as call:
        state, survey_id = call.sandbox.state, survey_of_every_kind(call)
        given = {"QID1": 2, "QID2": ["1", "3"], "QID5_2": 2, "finished": 1}
        state.add_response(survey_id, given)
        content = (await export(call, survey_id, compress=False, useLabels=True)).content
        await upload(call, survey_id, content)
        await upload(call, survey_id, b'which_1,which_4,Q5_2,site\n1,,High,"a\nb"\n')
        _, labelled, tagged = state.responses_of(survey_id)
        assert {key: labelled.values[key] for key in given} == given
        assert {key: tagged.values.get(key) for key in ("QID2", "QID5_2", "site")} == {
            "QID2": ["1"],
            "QID5_2": 2,
            "site": "a\nb",
        }


@pytest.mark.parametrize("form", ["csv", "tsv"])
@asynchronous
async def test_cells_may_be_wider_than_the_standard_library_reads(form: str) -> None:
    """With anything in them, after rows and before others; the limit of the process stays as it was."""
    limit = csv.field_size_limit()
    async with speaking(jobs=ByPolls(0)) as call:
        state, survey_id = call.sandbox.state, survey_of_every_kind(call)
        wide = ' a "quoted", line\n,\t\r\nend "' * 6_000
        assert len(wide) > limit
        for given in ({"QID1": 1}, {"QID3_TEXT": wide, "site": "north"}, {"QID3_TEXT": '"'}, {"QID2": ["1"]}):
            state.add_response(survey_id, given)
        options = {"format": form, "compress": False}
        await upload(call, survey_id, (await export(call, survey_id, **options)).content, form)
        found = values(state.responses_of(survey_id))
        assert len(found) == 8
        assert found[4:] == found[:4]
    assert csv.field_size_limit() == limit


plain = st.text(st.sampled_from('a",\n\r'), max_size=8)


@given(rows=st.lists(st.lists(plain, min_size=1, max_size=3), max_size=4), loose=plain)
def test_wide_rows_are_read_as_others_are(rows: list[list[str]], loose: str) -> None:
    """By the standard library, where it can; also what no writer writes."""
    written = io.StringIO(newline="")
    csv.writer(written).writerows(rows)
    content = written.getvalue() + loose
    # Within a line that no writer writes, quotation marks are read in more than one way.
    if '"' in loose:
        content = written.getvalue()
    expected = [row for row in csv.reader(io.StringIO(content, newline="")) if row]
    assert [row for row in _wide_rows(content, ",") if row] == expected


@asynchronous
async def test_a_header_names_choices_in_either_way() -> None:
    """A `choiceId` beside the `ImportId`, or at its end; a zone that is unknown lets the job fail."""
    head = ["a,b,c", "a,b,c"]
    async with speaking(jobs=ByPolls(0)) as call:
        state, survey_id = call.sandbox.state, survey_of_every_kind(call)

        def content(zone: str, *cells: str) -> bytes:
            keys = (
                {"ImportId": "QID2", "choiceId": "3"},
                {"ImportId": "QID2_1"},
                {"ImportId": "startDate", "timeZone": zone},
            )
            written = io.StringIO()
            csv.writer(written).writerow(map(json.dumps, keys))
            return "\n".join([*head, written.getvalue().strip(), *cells]).encode()

        await upload(call, survey_id, content("Asia/Kathmandu", "1,1,2026-05-02 08:00:00"))
        (made,) = state.responses_of(survey_id)
        assert (made.values["QID2"], made.values["startDate"]) == (["3", "1"], "2026-05-02T02:15:00Z")
        with pytest.raises(AssertionError, match="failed"):
            await upload(call, survey_id, content("Asia/Katmandoo", "1,1,2026-05-02 08:00:00"))
        assert len(state.responses_of(survey_id)) == 1


@asynchronous
async def test_a_code_is_no_label_of_another() -> None:
    """Choices whose texts are numbers come back as they were."""
    async with speaking(jobs=ByPolls(0)) as call:
        state = call.sandbox.state
        asked = [Question("single", "How many?", ("2", "1")), Question("multiple", "Which?", ("3", "1", "2"))]
        survey_id = state.add_survey("Numbers", questions=asked)
        state.add_response(survey_id, {"QID1": 1, "QID2": ["1", "2"]})
        options = {"compress": False, "breakoutSets": False}
        await upload(call, survey_id, (await export(call, survey_id, **options)).content)
        first, second = values(state.responses_of(survey_id))
        assert first == second


@asynchronous
async def test_who_imported_what_is_known() -> None:
    """By the key of the import; a key with the same file makes nothing twice, also while it is at work."""
    async with speaking(jobs=ByPolls(0)) as call:
        state, survey_id = call.sandbox.state, call.sandbox.state.survey_id
        by_hand = state.add_response(survey_id)
        one, two = b"Q1\n1\n2\n", b"Q1\n3\n"
        jobs = await asyncio.gather(*(upload(call, survey_id, one, key="a") for _ in range(3)))
        assert len(set(jobs)) == 1
        assert await upload(call, survey_id, two, key="a") not in jobs
        await upload(call, survey_id, two)
        found = [
            (response.import_key, response.values.get("QID1")) for response in state.responses_of(survey_id)
        ]
        assert found == [(None, None), ("a", 1), ("a", 2), ("a", 3), ("", 3)]
        assert by_hand.import_key is None


@asynchronous
async def test_a_large_import_holds_nobody_up_and_takes_little_room() -> None:
    """Many small rows: others are served meanwhile; it takes a few times the room of the file."""
    async with speaking(jobs=ByPolls(0)) as call:
        state, survey_id = call.sandbox.state, call.sandbox.state.survey_id
        rows = "".join(f'{index % 3 + 1},"some words, and more",{index},1\n' for index in range(20_000))
        content = f"Q1,Q2,site,Q3_2\n{rows}".encode()
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            asked = asyncio.create_task(upload(call, survey_id, content, key="large"))
            await until(lambda: call.sandbox.requests)
            assert (await call.get("/whoami")).status == 200
            await asked
            left, most = (size - before for size in tracemalloc.get_traced_memory())
        finally:
            tracemalloc.stop()
        assert most < 4 * len(content)
        assert left < 2 * len(content)
        found = state.responses_of(survey_id)
        assert len(found) == 20_000
        for index in (0, 255, 256, 19_999):
            expected = {
                "QID1": index % 3 + 1,
                "QID2_TEXT": "some words, and more",
                "QID3": ["2"],
                "status": 4,
            }
            assert expected.items() <= found[index].values.items()
            assert (found[index].values["site"], found[index].import_key) == (str(index), "large")
            assert found[index].labels["QID3"] == ["Website"]


@pytest.mark.parametrize("form", ["csv", "tsv"])
@asynchronous
async def test_many_rows_come_back_like_few(form: str) -> None:
    """What is packed is exported, looked up, changed and deleted as what is not."""
    async with speaking(jobs=ByPolls(0)) as call:
        state, first = call.sandbox.state, survey_of_every_kind(call)
        second = survey_of_every_kind(call, "Another")
        state.add_responses(first, 600)
        options = {"format": form, "compress": False}
        await upload(call, second, (await export(call, first, **options)).content, form)
        one, two = state.responses_of(first), state.responses_of(second)
        assert values(two) == values(one)
        assert [found.labels for found in two] == [found.labels for found in one]
        content = (await export(call, second, **options)).content
        assert ids(content, form) == [found.id for found in two]
        changed, gone = two[300], two[301]
        update = {"surveyId": second, "embeddedData": {"site": "new"}}
        assert (await call("PUT", f"/responses/{changed.id}", update)).status == 200
        assert (await call("DELETE", f"/surveys/{second}/responses/{gone.id}")).status == 200
        rows = records((await export(call, second, format="ndjson")).plain, "ndjson")
        assert len(rows) == 599
        assert (rows[300]["responseId"], rows[300]["values"]["site"]) == (changed.id, "new")
        assert {row["values"]["status"] for row in rows} == {4}


@pytest.mark.parametrize("form", ["csv", "tsv"])
@asynchronous
async def test_rows_with_nothing_are_none(form: str) -> None:
    """Empty lines between rows, and short rows."""
    async with speaking(jobs=ByPolls(0)) as call:
        state, survey_id = call.sandbox.state, call.sandbox.state.survey_id
        rows = b"Q1,Q2\n\n1,x\n,\n2\n".replace(b",", b"," if form == "csv" else b"\t")
        await upload(call, survey_id, rows, form)
        found = [
            (made.values.get("QID1"), made.values.get("QID2_TEXT")) for made in state.responses_of(survey_id)
        ]
        assert found == [(1, "x"), (2, None)]
