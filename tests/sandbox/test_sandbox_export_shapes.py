"""Shapes of exports: columns of every kind of question, members of archives, names, marks, nothing at all."""

from __future__ import annotations

import json
from typing import Any
from xml.etree.ElementTree import fromstring

import pytest
from exporting import table
from fetching import export, ids, keyed, survey_of_every_kind
from speaking import asynchronous, speaking

from qualtrics_async.exports import ColumnMap
from qualtrics_async.sandbox import ByPolls, Exports, Question

ANSWERS: dict[str, Any] = {
    "QID1": 3,
    "QID1_3_TEXT": 'line\nline, "quoted"',
    "QID2": ["1", "3"],
    "QID4_TEXT": "3.5",
    "QID5_1": 2,
    "site": "Łódź 🧀",
    "later": "unforeseen",
}


async def row(**options: Any) -> dict[str, str]:
    """One response in a table, by import id."""
    async with speaking(jobs=ByPolls(0)) as call:
        survey_id = survey_of_every_kind(call)
        call.sandbox.state.add_response(survey_id, ANSWERS)
        content = (await export(call, survey_id, **options)).plain
        keys, (found,) = keyed(table(content, "\t" if options.get("format") == "tsv" else ","))
        cells = dict(zip(keys, found, strict=True))
        assert len(cells) == len(keys)
        return {
            key: cells[key] for key in cells if key.startswith("QID") or key in ("site", "score", "later")
        }


@asynchronous
async def test_several_choices_are_broken_out() -> None:
    """One column for each choice, statement and entered text; a description has none."""
    assert await row() == {
        "QID1": "3",
        "QID1_3_TEXT": 'line\nline, "quoted"',
        "QID2_1": "1",
        "QID2_2": "",
        "QID2_3": "1",
        "QID2_4": "",
        "QID2_4_TEXT": "",
        "QID3_TEXT": "",
        "QID4_TEXT": "3.5",
        "QID5_1": "2",
        "QID5_2": "",
        "QID7": "",
        "site": "Łódź 🧀",
        "score": "",
        "later": "unforeseen",
    }


@asynchronous
async def test_several_choices_stay_together() -> None:
    """One column with all codes, or with all texts."""
    assert (await row(breakoutSets=False, format="tsv"))["QID2"] == "1,3"
    assert (await row(breakoutSets=False, useLabels=True))["QID2"] == "Red,Käse"


@asynchronous
async def test_labels_stand_for_codes_or_beside_them() -> None:
    """Texts of choices, also of those that no label came with."""
    found = await row(useLabels=True, formatDecimalAsComma=True, newlineReplacement=" ")
    assert (found["QID1"], found["QID2_1"], found["QID2_3"]) == ('Other "thing"', "Red", "Käse")
    assert (found["QID5_1"], found["QID4_TEXT"]) == ("High", "3,5")
    assert found["QID1_3_TEXT"] == 'line line, "quoted"'
    beside = await row(includeLabelColumns=True)
    assert (beside["QID1"], beside["QID1_LABEL"]) == ("3", 'Other "thing"')
    assert (beside["QID2_3"], beside["QID2_3_LABEL"], beside["QID2_2_LABEL"]) == ("1", "Käse", "")
    assert list(beside)[:3] == ["QID1", "QID1_LABEL", "QID1_3_TEXT"]


@asynchronous
async def test_labels_and_choices_are_marked_in_the_third_row() -> None:
    """Both readers of this repository know columns of labels and of choices by their marks."""
    async with speaking(jobs=ByPolls(0)) as call:
        survey_id = survey_of_every_kind(call)
        head = table((await export(call, survey_id, includeLabelColumns=True)).plain)
        read = ColumnMap.from_header(head)
        said = {column.tag: (column.import_id, column.choice_id, column.is_label) for column in read}
        assert said["which_1"] == ("QID2", "1", False)
        assert said["which_1_LABEL"] == ("QID2", "1", True)
        assert said["Q5_2_LABEL"] == ("QID5_2", None, True)
        assert said["Finished_LABEL"] == ("finished", None, True)
        assert {column.is_label for column in read if column.tag.endswith("_LABEL")} == {True}
        assert json.loads(head[2][head[0].index("which_1_LABEL")]) == {
            "ImportId": "QID2",
            "choiceId": "1",
            "IsLabelsColumn": True,
        }


ZONES = {
    "UTC": ("2026-03-29 00:59:59", "2026-03-29 01:00:00"),
    "Europe/Amsterdam": ("2026-03-29 01:59:59", "2026-03-29 03:00:00"),
    "America/Denver": ("2026-03-28 18:59:59", "2026-03-28 19:00:00"),
    "Asia/Kathmandu": ("2026-03-29 06:44:59", "2026-03-29 06:45:00"),
}


@pytest.mark.parametrize("zone", ZONES)
@asynchronous
async def test_dates_are_in_the_zone_that_was_asked_for(zone: str) -> None:
    """Also across the hour that is missing in spring; the third row names the zone."""
    async with speaking(jobs=ByPolls(0)) as call:
        survey_id = survey_of_every_kind(call)
        dates = {"startDate": "2026-03-29T00:59:59Z", "endDate": "2026-03-29T01:00:00.500Z"}
        call.sandbox.state.add_response(survey_id, dates | {"recordedDate": "2026-03-29T03:00:00+02:00"})
        head = table((await export(call, survey_id, timeZone=zone)).plain)
        start, end = ZONES[zone]
        at = [head[0].index(tag) for tag in ("StartDate", "EndDate", "RecordedDate")]
        assert [head[3][place] for place in at] == [start, end, end]
        assert [json.loads(head[2][place])["timeZone"] for place in at] == [zone] * 3
        assert "timeZone" not in head[2][head[0].index("Progress")]


@pytest.mark.parametrize(
    "zone", ["Europe/Amsterdm", "", "Europe", "../etc/passwd", "+02:00", "\ud800", "a\0"]
)
@asynchronous
async def test_an_unknown_zone_is_refused(zone: str) -> None:
    """With its name, so that a slip of the pen is not taken for UTC."""
    async with speaking() as call:
        options = {"format": "csv", "timeZone": zone}
        refused = await call.post(f"/surveys/{call.sandbox.state.survey_id}/export-responses", options)
        assert refused.status == 400
        assert refused.json["meta"]["error"]["errorMessage"].startswith(f"timeZone: {zone!r}")
        assert call.sandbox.state.jobs == {}


@asynchronous
async def test_what_was_seen_and_not_answered_has_a_code() -> None:
    """Every question counts as displayed; choices have a code of their own, or the same."""
    found = await row(seenUnansweredRecode=-99, multiselectSeenUnansweredRecode=0)
    assert found == {
        "QID1": "3",
        "QID1_3_TEXT": 'line\nline, "quoted"',
        "QID2_1": "1",
        "QID2_2": "0",
        "QID2_3": "1",
        "QID2_4": "0",
        "QID2_4_TEXT": "-99",
        "QID3_TEXT": "-99",
        "QID4_TEXT": "3.5",
        "QID5_1": "2",
        "QID5_2": "-99",
        "QID7": "-99",
        "site": "Łódź 🧀",
        "score": "",
        "later": "unforeseen",
    }
    same = await row(seenUnansweredRecode=-1, useLabels=True, breakoutSets=False)
    assert (same["QID2"], same["QID7"], same["score"]) == ("Red,Käse", "-1", "")
    alone = await row(multiselectSeenUnansweredRecode=7)
    assert (alone["QID2_2"], alone["QID7"]) == ("7", "")


@asynchronous
async def test_no_session_is_passed_over() -> None:
    """Nothing is in progress until a session is, which the sandbox does not export."""
    async with speaking(jobs=ByPolls(0)) as call:
        survey_id = call.sandbox.state.survey_id
        call.sandbox.state.add_response(survey_id)
        options = {"format": "ndjson", "exportResponsesInProgress": True}
        assert (await export(call, survey_id, **options)).plain == b""
        session = await call.post(f"/surveys/{survey_id}/sessions", {"language": "EN"})
        refused = await call.post(f"/surveys/{survey_id}/export-responses", options)
        assert (session.status, refused.status) == (200, 400)
        assert "exportResponsesInProgress" in refused.json["meta"]["error"]["errorMessage"]


@asynchronous
async def test_no_order_is_made_up() -> None:
    """A survey that nobody shuffles has no columns for it; that of another one is refused."""
    async with speaking(jobs=ByPolls(0)) as call:
        survey_id = survey_of_every_kind(call)
        plain = (await export(call, survey_id)).plain
        asked = {"includeDisplayOrder": True, "includeWaveWeights": True}
        assert (await export(call, survey_id, **asked)).plain == plain
        question = call.sandbox.state.surveys[survey_id].definition["Questions"]["QID1"]
        question["Randomization"] = {"Type": "All"}
        path = f"/surveys/{survey_id}/export-responses"
        refused = await call.post(path, {"format": "csv", "includeDisplayOrder": True})
        assert refused.status == 400
        assert "includeDisplayOrder" in refused.json["meta"]["error"]["errorMessage"]
        assert (await export(call, survey_id)).plain == plain


@asynchronous
async def test_headers_name_every_column() -> None:
    """Tags, which may be there twice, texts without markup, and import ids."""
    async with speaking(jobs=ByPolls(0)) as call:
        survey_id = survey_of_every_kind(call)
        head = table((await export(call, survey_id)).plain)
        keys, _ = keyed(head)
        columns = {key: [tag, text] for key, tag, text in zip(keys, *head[:2], strict=True)}
        assert json.loads(head[2][keys.index("QID2_1")]) == {"ImportId": "QID2", "choiceId": "1"}
        assert columns["QID1"] == ["Q1", "How was it?"]
        assert columns["QID7"] == ["Q1", "Again?"]
        assert columns["QID2_1"] == ["which_1", "Which?\nTick all. - Red"]
        assert columns["QID1_3_TEXT"] == ["Q1_3_TEXT", 'How was it? - Other "thing" - Text']
        assert columns["QID5_2"] == ["Q5_2", "Rate - Staff"]
        survey = (await call.get(f"/surveys/{survey_id}")).result
        known = {tag for key, (tag, _) in columns.items() if key.startswith("QID")}
        assert survey["exportColumnMap"].keys() == known
        assert survey["exportColumnMap"]["which_1"] == {"question": "QID2", "choice": "QID2.choices.1"}
        assert survey["exportColumnMap"]["Q5_2"] == {"question": "QID5", "subQuestion": "QID5.subQuestions.2"}
        assert list(survey["questions"]["QID5"]["subQuestions"]) == ["1", "2"]
        assert [one["choiceText"] for one in survey["questions"]["QID5"]["choices"].values()] == [
            "Low",
            "High",
        ]
        assert survey["embeddedData"] == [{"name": "site"}, {"name": "score"}]


@asynchronous
async def test_eight_thousand_columns() -> None:
    """As some have."""
    async with speaking(jobs=ByPolls(0)) as call:
        asked = [Question("single", f"Question {number}", ("No", "Yes")) for number in range(8000)]
        survey_id = call.sandbox.state.add_survey("Wide", questions=asked)
        call.sandbox.state.add_responses(survey_id, 2)
        rows = table((await export(call, survey_id)).plain)
        assert [len(cells) for cells in rows] == [8018] * 5


@pytest.mark.parametrize(("repeat_headers", "heads"), [(True, [3, 3, 3]), (False, [3, 0, 0])])
@asynchronous
async def test_rows_are_spread_over_members(repeat_headers: bool, heads: list[int]) -> None:
    """With their header rows or without, all rows once and in order."""
    exports = Exports(rows=10, repeat_headers=repeat_headers)
    async with speaking(jobs=ByPolls(0), exports=exports) as call:
        survey_id = call.sandbox.state.survey_id
        made = call.sandbox.state.add_responses(survey_id, 25)
        members = (await export(call, survey_id)).members
        assert list(members) == ["Sandbox survey.csv", "Sandbox survey_2.csv", "Sandbox survey_3.csv"]
        rows = [table(content) for content in members.values()]
        assert [len(found) for found in rows] == [10 + heads[0], 10 + heads[1], 5 + heads[2]]
        place = rows[0][0].index("ResponseId")
        found = [cells[place] for several, head in zip(rows, heads, strict=True) for cells in several[head:]]
        assert found == [made.id_of(index) for index in range(25)]
        for form in ("json", "ndjson"):
            members = (await export(call, survey_id, format=form)).members
            assert [len(ids(content, form)) for content in members.values()] == [10, 10, 5]


@asynchronous
async def test_a_full_member_is_followed_by_none() -> None:
    """Ten rows in members of ten are one."""
    async with speaking(jobs=ByPolls(0), exports=Exports(rows=10)) as call:
        call.sandbox.state.add_responses(call.sandbox.state.survey_id, 10)
        assert len((await export(call, call.sandbox.state.survey_id)).members) == 1


@pytest.mark.parametrize("name", ["../evil", 'A "b": c/d', "Käse 🧀", "a\\b"])
@asynchronous
async def test_members_are_named_after_the_survey(name: str) -> None:
    """Odd characters are replaced unless they are asked for."""
    for raw in (False, True):
        async with speaking(jobs=ByPolls(0), exports=Exports(raw_names=raw)) as call:
            fetched = await export(call, call.sandbox.state.add_survey(name))
            (member,) = fetched.members
            plain = member.removesuffix(".csv")
            assert (plain == name) == (raw or name == plain)
            assert raw or not set('/\\:"🧀') & set(plain)
            assert not set('/\\:"') & set(fetched.headers["Content-Disposition"])


@asynchronous
async def test_tables_can_begin_with_a_mark() -> None:
    """Once in each member."""
    async with speaking(jobs=ByPolls(0), exports=Exports(bom=True, rows=1)) as call:
        call.sandbox.state.add_responses(call.sandbox.state.survey_id, 2)
        for content in (await export(call, call.sandbox.state.survey_id)).members.values():
            assert content.startswith(b"\xef\xbb\xbfStartDate,")
            assert content.count(b"\xef\xbb\xbf") == 1


@pytest.mark.parametrize(
    ("form", "content"), [("json", b'{"responses":[]}'), ("ndjson", b""), ("csv", None), ("tsv", None)]
)
@asynchronous
async def test_an_empty_survey_has_its_headers(form: str, content: bytes | None) -> None:
    """And nothing else."""
    async with speaking(jobs=ByPolls(0)) as call:
        found = (await export(call, call.sandbox.state.survey_id, format=form)).plain
        if content is None:
            assert len(table(found, "," if form == "csv" else "\t")) == 3
        else:
            assert found == content


@asynchronous
async def test_xml_has_a_value_for_each_cell() -> None:
    """Whatever the text: what XML cannot have is left out."""
    async with speaking(jobs=ByPolls(0)) as call:
        survey_id = survey_of_every_kind(call, 'A <b> & "c"')
        odd = {"QID3_TEXT": 'a < b & c > d\x00\x08\ufffe "e"\n]]>', "x<y>&": "z"}
        made = call.sandbox.state.add_response(survey_id, ANSWERS | odd)
        (response,) = fromstring((await export(call, survey_id, format="xml")).plain)
        found = {value.get("id"): value.text for value in response}
        assert (found["_recordId"], found["QID2_3"]) == (made.id, "1")
        assert found["QID3_TEXT"] == 'a < b & c > d "e"\n]]>'
        assert found["x<y>&"] == "z"
        assert "QID2_2" not in found
        (await export(call, call.sandbox.state.survey_id, format="xml")).plain.index(
            b"<Responses>\n</Responses>"
        )


def test_a_member_has_room_for_a_row() -> None:
    """Else there would be no end of members."""
    with pytest.raises(ValueError, match="row"):
        Exports(rows=0)
