"""Types that only a survey's definition tells."""

from __future__ import annotations

from typing import Any

import pytest
from outward import asynchronous, scene

from qualtrics_async.exports import ColumnMap, columns_of_survey, kinds_of
from qualtrics_async.exports.survey_reading import described, survey_of
from qualtrics_async.models.surveys import Survey
from qualtrics_async.sandbox import Question

TEXT = {
    "questionType": {"type": "TE", "selector": "SL"},
    "questionName": "Q1",
    "validation": {"doesForceResponse": True},
}
SURVEY = Survey(
    id="SV_1",
    name="Survey",
    questions={"QID1": TEXT, "QID2": "odd"},
    export_column_map={"Q1": {"question": "QID1"}},
    embedded_data=[{"name": "score"}, {"name": "site"}, "odd"],
)
NUMBER = {"Settings": {"Type": "ContentType", "ContentType": "ValidNumber"}}
FIELDS: list[Any] = [
    {"Field": "score", "VariableType": "Scale"},
    {"Field": "site", "VariableType": "String"},
    1,
]


def kinds(survey: Survey | None, columns: ColumnMap) -> dict[str, str]:
    return {name: kind for name, kind in kinds_of(columns, survey).items() if name in ("Q1", "score", "site")}


@pytest.mark.parametrize("fields", [FIELDS, {"0": FIELDS[0], "1": FIELDS[1]}], ids=["a list", "an object"])
@pytest.mark.parametrize("depth", [0, 1, 3])
def test_numbers_are_those_of_the_definition(fields: object, depth: int) -> None:
    """A text that takes numbers only, and fields of the flow, however deep they stand in it."""
    flow: dict[str, Any] = {"Type": "EmbeddedData", "EmbeddedData": fields}
    for _ in range(depth):
        flow = {"Type": "Group", "Flow": [{"Type": "Block"}, flow]}
    definition = {"Questions": {"QID1": {"Validation": NUMBER}, "QID2": {}}, "SurveyFlow": flow}
    columns = columns_of_survey(SURVEY)
    assert kinds(SURVEY, columns) == {"Q1": "text", "score": "text", "site": "text"}
    assert kinds(described(SURVEY, definition), columns) == {
        "Q1": "number",
        "score": "number",
        "site": "text",
    }


@pytest.mark.parametrize(
    "definition",
    [
        {},
        {"Questions": [], "SurveyFlow": []},
        {"Questions": {"QID1": []}, "SurveyFlow": {"EmbeddedData": "x"}},
    ],
)
def test_what_a_definition_does_not_say_changes_nothing(definition: dict[str, Any]) -> None:
    """PHP writes `[]` for what is empty."""
    columns = columns_of_survey(SURVEY)
    assert kinds(described(SURVEY, definition), columns) == kinds(SURVEY, columns)


@asynchronous
async def test_a_definition_that_may_not_be_read_is_no_error() -> None:
    """Many may export a survey and not edit it."""
    async with scene() as play:
        survey_id = play.sandbox.state.add_survey("Ages", questions=[Question("number", "Age?")])
        for status, kind in ((403, "text"), (404, "text"), (200, "number")):
            if status != 200:
                play.sandbox.faults.add(
                    kind="status", route="GET /survey-definitions/{surveyId}", status=status
                )
            found = await survey_of(play.client, survey_id)
            assert found is not None
            assert kinds(found, columns_of_survey(found)) == {"Q1": kind}
