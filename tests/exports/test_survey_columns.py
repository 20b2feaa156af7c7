"""The columns of an export from a survey's metadata alone, and as the sandbox exports them."""

from __future__ import annotations

import asyncio
import csv
import io
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qualtrics_async import Qualtrics
from qualtrics_async.exports.columns import METADATA, ColumnMap
from qualtrics_async.exports.survey_columns import columns_of_survey
from qualtrics_async.models.response_exports import ResponseExportOptions
from qualtrics_async.models.surveys import Survey
from qualtrics_async.sandbox import ByPolls, Question, Sandbox

if TYPE_CHECKING:
    from collections.abc import Sequence

CHOICES = {
    "1": {"recode": "1", "choiceText": "<b>Bread</b> &amp; butter"},
    "4": {"recode": "7", "choiceText": "Other", "textEntry": {}},
}
ROWS = {
    "1": {"recode": "1", "choiceText": "Room"},
    "2": {"recode": "2", "choiceText": "Food", "textEntry": "false"},
}
SIDES = {
    "1": {"questionText": "Before", "choices": CHOICES},
    "2": {"questionText": "Why", "questionType": {"type": "Matrix", "selector": "TE"}, "choices": {"1": {}}},
}
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=4)
    | st.sampled_from(["QID1", "MC", "MAVR", "SBS"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["QID1", "question", "choice", "choices", "columns", "subQuestions", "questionType"]
            )
            | st.sampled_from(["type", "selector", "recode", "textEntry", "validation", "name", "1"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def survey_of(kind: str, selector: str = "", sub_selector: str | None = None, **more: Any) -> Survey:
    asked = {
        "questionType": {"type": kind, "selector": selector, "subSelector": sub_selector},
        "questionText": "Which?",
        "questionName": "Q1",
    }
    column_map = more.pop("export_column_map", {"Q1": {"question": "QID1"}})
    merged = more.pop("loop_and_merge", None)
    return Survey(
        id="SV_1",
        name="A survey",
        questions={"QID1": asked | more},
        export_column_map=column_map,
        loop_and_merge=merged,
    )


def told(survey: Survey, **options: Any) -> list[tuple[str, str]]:
    """The tags and keys of the questions' columns."""
    return [(column.tag, column.key) for column in columns_of_survey(survey, metadata=False, **options)]


@pytest.mark.parametrize(
    ("survey", "expected"),
    [
        (survey_of("MC", "SAVR", choices=CHOICES), [("Q1", "QID1"), ("Q1_4_TEXT", "QID1_4_TEXT")]),
        (
            survey_of("MC", "MAVR", choices=CHOICES),
            [("Q1_1", "QID1_1"), ("Q1_7", "QID1_4"), ("Q1_4_TEXT", "QID1_4_TEXT")],
        ),
        (survey_of("MC", "NPS"), [("Q1_NPS_GROUP", "QID1_NPS_GROUP"), ("Q1", "QID1")]),
        (survey_of("TE", "SL"), [("Q1", "QID1_TEXT")]),
        (
            survey_of("TE", "FORM", choices=CHOICES),
            [("Q1_1", "QID1_1"), ("Q1_4", "QID1_4")],
        ),
        (
            survey_of("Matrix", "Likert", "SingleAnswer", choices=CHOICES, subQuestions=ROWS),
            [("Q1_1", "QID1_1"), ("Q1_2", "QID1_2")],
        ),
        (
            survey_of("Matrix", "Likert", "MultipleAnswer", choices=CHOICES, subQuestions=ROWS),
            [("Q1_1_1", "QID1_1_1"), ("Q1_1_7", "QID1_1_4"), ("Q1_2_1", "QID1_2_1"), ("Q1_2_7", "QID1_2_4")],
        ),
        (
            survey_of("Matrix", "TE", choices={"1": {}}, subQuestions=ROWS),
            [("Q1_1_1", "QID1_1_1"), ("Q1_2_1", "QID1_2_1")],
        ),
        (
            survey_of("SBS", "SBSMatrix", subQuestions=ROWS, columns=SIDES),
            [
                *(("Q1#1_1", "QID1#1_1"), ("Q1#1_2", "QID1#1_2")),
                *(("Q1#2_1_1", "QID1#2_1_1"), ("Q1#2_2_1", "QID1#2_2_1")),
            ],
        ),
        (survey_of("Slider", "HSLIDER", choices=ROWS), [("Q1_1", "QID1_1"), ("Q1_2", "QID1_2")]),
        (
            survey_of("FileUpload"),
            [
                *(("Q1_Id", "QID1_FILE_ID"), ("Q1_Name", "QID1_FILE_NAME")),
                *(("Q1_Size", "QID1_FILE_SIZE"), ("Q1_Type", "QID1_FILE_TYPE")),
            ],
        ),
        (
            survey_of("Timing"),
            [
                *(("Q1_First Click", "QID1_FIRST_CLICK"), ("Q1_Last Click", "QID1_LAST_CLICK")),
                *(("Q1_Page Submit", "QID1_PAGE_SUBMIT"), ("Q1_Click Count", "QID1_CLICK_COUNT")),
            ],
        ),
        (
            survey_of("Meta"),
            [
                *(("Q1_Browser", "QID1_BROWSER"), ("Q1_Version", "QID1_VERSION")),
                *(("Q1_Operating System", "QID1_OS"), ("Q1_Resolution", "QID1_RESOLUTION")),
            ],
        ),
        (survey_of("DB", "TB"), []),
        (survey_of("Matrix", "Likert"), [("Q1", "QID1")]),
        (survey_of("PGR", "DragAndDrop"), [("Q1", "QID1")]),
        (survey_of("Unheard"), [("Q1", "QID1")]),
    ],
)
def test_a_tag_stands_for_all_columns_of_its_question(
    survey: Survey, expected: list[tuple[str, str]]
) -> None:
    """As many as the type has; one where the metadata do not tell; none for what only shows something."""
    assert told(survey) == expected


@pytest.mark.parametrize(
    ("survey", "expected"),
    [
        (survey_of("MC", "MAVR", choices=CHOICES), [("Q1", "QID1"), ("Q1_4_TEXT", "QID1_4_TEXT")]),
        (
            survey_of("Matrix", "Likert", "MultipleAnswer", choices=CHOICES, subQuestions=ROWS),
            [("Q1_1", "QID1_1"), ("Q1_2", "QID1_2")],
        ),
        (
            survey_of(
                *("MC", "MAVR"),
                choices=CHOICES,
                export_column_map={
                    "Q1_1": {"question": "QID1", "choice": "QID1.choices.1"},
                    "Q1_7": {"question": "QID1", "choice": "QID1.choices.4"},
                    "Q1_4_TEXT": {"question": "QID1", "choice": "QID1.choices.4"},
                },
            ),
            [("Q1", "QID1"), ("Q1_4_TEXT", "QID1_4_TEXT")],
        ),
    ],
)
def test_sets_that_are_not_broken_out(survey: Survey, expected: list[tuple[str, str]]) -> None:
    """A multiple answer has one column then, and its text fields theirs."""
    assert told(survey, breakout_sets=False) == expected


@pytest.mark.parametrize(
    ("survey", "expected"),
    [
        (
            survey_of(
                *("MC", "MAVR"),
                choices=CHOICES,
                export_column_map={
                    "Q1_1": {"question": "QID1", "choice": "QID1.choices.1"},
                    "Q1_7": {"question": "QID1", "choice": "QID1.choices.4"},
                    "Q1_4_TEXT": {"question": "QID1", "choice": "QID1.choices.4", "textEntry": "x"},
                },
            ),
            [("Q1_1", "QID1_1"), ("Q1_7", "QID1_4"), ("Q1_4_TEXT", "QID1_4_TEXT")],
        ),
        (
            survey_of(
                *("MC", "SAVR"),
                choices=CHOICES,
                export_column_map={"Q1": {"question": "QID1"}, "Q1_7_TEXT": {"question": "QID1"}},
            ),
            [("Q1", "QID1"), ("Q1_7_TEXT", "QID1_4_TEXT")],
        ),
        (
            survey_of(
                *("Matrix", "Likert", "SingleAnswer"),
                choices=CHOICES,
                subQuestions=ROWS,
                export_column_map={
                    "Q1_1": {"question": "QID1", "subQuestion": "QID1.subQuestions.1"},
                    "Q1_2": {"question": "QID1", "subQuestion": "2"},
                },
            ),
            [("Q1_1", "QID1_1"), ("Q1_2", "QID1_2")],
        ),
        (
            survey_of(
                *("SBS", "SBSMatrix"),
                subQuestions=ROWS,
                columns=SIDES,
                export_column_map={
                    "Q1#1_2": {
                        "question": "QID1",
                        "column": "QID1.columns.1",
                        "subQuestion": "QID1.subQuestions.2",
                    },
                },
            ),
            [("Q1#1_2", "QID1#1_2")],
        ),
        (
            survey_of(
                "TE",
                export_column_map={"Q1(1)": {"question": "QID1"}, "Q1(2)": {"question": "QID1"}},
                loop_and_merge={"BL_1": {}},
            ),
            [("1_Q1", "1_QID1_TEXT"), ("2_Q1", "2_QID1_TEXT")],
        ),
        (
            survey_of("TE", export_column_map={"Q1(1)": {"question": "QID1"}, "Q1": {"question": "QID1"}}),
            [("Q1(1)", "QID1_TEXT"), ("Q1", "QID1_TEXT")],
        ),
        (
            survey_of(
                "Timing",
                export_column_map={
                    "Q1_First Click": {"question": "QID1"},
                    "Q1_Click Count": {"question": "QID1"},
                },
            ),
            [("Q1_First Click", "QID1_FIRST_CLICK"), ("Q1_Click Count", "QID1_CLICK_COUNT")],
        ),
        (
            survey_of(
                *("TE", "FORM"),
                choices=ROWS,
                export_column_map={
                    "Q1_1_TEXT": {"question": "QID1", "choice": "QID1.choices.1"},
                    "Q1_2": {"question": "QID1", "choice": "QID1.choices.2", "textEntry": "x"},
                },
            ),
            [("Q1_1", "QID1_1"), ("Q1_2", "QID1_2")],
        ),
        (
            survey_of(
                "Draw",
                export_column_map={"Q1_ID": {"question": "QID1"}, "Q1_FILE_NAME": {"question": "QID1"}},
            ),
            [("Q1_Id", "QID1_FILE_ID"), ("Q1_Name", "QID1_FILE_NAME")],
        ),
    ],
)
def test_tags_that_name_their_column(survey: Survey, expected: list[tuple[str, str]]) -> None:
    """Choice, statement, side, text field, and the pass of a loop."""
    assert told(survey) == expected


@pytest.mark.parametrize(
    ("survey", "expected"),
    [
        (
            survey_of("MC", "MAVR", choices=CHOICES),
            [("Which? - Bread & butter", "1"), ("Which? - Other", "4"), ("Which? - Other - Text", None)],
        ),
        (survey_of("MC", "NPS"), [("Which? - Group", None), ("Which?", None)]),
        (
            survey_of("SBS", subQuestions=ROWS, columns=SIDES),
            [
                *(("Which? - Before - Room", None), ("Which? - Before - Food", None)),
                *(("Which? - Why - Room", None), ("Which? - Why - Food", None)),
            ],
        ),
        (
            survey_of(
                "SBS",
                subQuestions=ROWS,
                columns=SIDES,
                export_column_map={
                    "Q1#1_2": {"question": "QID1", "column": "QID1.columns.1", "subQuestion": "2"},
                },
            ),
            [("Which? - Before - Food", None)],
        ),
        (
            survey_of(
                *("MC", "SAVR"),
                choices=CHOICES,
                export_column_map={
                    "Q1": {"question": "QID1"},
                    "Q1_7_TEXT": {"question": "QID1", "textEntry": "x"},
                    "Q1_1_TEXT": {"question": "QID1", "choice": "QID1.choices.4"},
                },
            ),
            [("Which?", None), ("Which? - Other - Text", None), ("Which? - Other - Text", None)],
        ),
    ],
)
def test_texts_have_no_markup(survey: Survey, expected: list[tuple[str, str | None]]) -> None:
    """The text of the question, then of its parts, as the second header row has them; and the choice."""
    found = columns_of_survey(survey, metadata=False)
    assert [(column.text, column.choice_id) for column in found] == expected


def test_metadata_questions_and_embedded_data() -> None:
    """The recorded order; names by choice."""
    survey = Survey(
        id="SV_1",
        name="A survey",
        questions={"QID1": {"questionType": {"type": "TE"}, "questionText": "Why?"}},
        export_column_map={"Why": {"question": "QID1"}, "Gone": {"question": "QID9"}, "odd": "x"},
        embedded_data=[{"name": "site", "defaultValue": "2"}, "odd", {}, {"name": "Why"}],
    )
    found = columns_of_survey(survey)
    assert found.names[len(METADATA) :] == ("Why", "Gone", "site", "Why_2")
    assert [column.import_id for column in found][: len(METADATA)] == list(METADATA)
    assert found["StartDate"].time_zone == "Z"
    assert found["Status"].time_zone is None
    named = columns_of_survey(survey, names="import_id", metadata=False)
    assert named.names == ("QID1_TEXT", "QID9", "site", "Why")


@given(JSON, JSON, JSON, JSON)
def test_whatever_a_survey_says(questions: Any, column_map: Any, loops: Any, embedded: Any) -> None:
    """No metadata break it; what is not understood has no column or one."""
    survey = Survey(
        id="SV_1",
        name="A survey",
        questions=questions if isinstance(questions, dict) else {"QID1": questions},
        export_column_map=column_map if isinstance(column_map, dict) else {"Q1": {"question": "QID1"}},
        loop_and_merge=loops if isinstance(loops, dict) else None,
        embedded_data=embedded if isinstance(embedded, list) else None,
    )
    for breakout_sets in (True, False):
        found = columns_of_survey(survey, breakout_sets=breakout_sets)
        assert len(set(found.names)) == len(found)
        assert ColumnMap.from_header(found.to_header()).names == found.names


QUESTIONS = (
    Question("single", "How <b>good</b>?", ("Bad", "Good"), other="Else"),
    Question("multiple", "Which?", ("Red", "Blue"), tag="Colours", other="Another"),
    Question("text", "Why,\nthen?"),
    Question("number", "How many?"),
    Question("matrix", "Rate", ("Low", "High"), ("Room", "Food")),
    Question("description", "Thank you"),
)


async def exported(client: Qualtrics, survey_id: str) -> ColumnMap:
    """The columns of an export of the sandbox's."""
    async with client.response_exports.run(survey_id, ResponseExportOptions(format="csv")) as file:
        content = await file.read(1_000_000)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        text = archive.read(archive.namelist()[0]).decode("utf-8")
    return ColumnMap.from_header(csv.reader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("questions", [None, QUESTIONS])
def test_the_sandbox_exports_what_is_foreseen(questions: Sequence[Question] | None) -> None:
    """Names, keys, texts and time zones of the header are those that the survey told, in the same order."""

    async def compare() -> None:
        async with (
            Sandbox(jobs=ByPolls(0)) as sandbox,
            Qualtrics(token=sandbox.token, base_url=sandbox.base_url) as client,
        ):
            survey_id = sandbox.state.add_survey(
                "A survey", questions=questions, embedded_data=["site", "Q1"]
            )
            header = await exported(client, survey_id)
            foreseen = columns_of_survey(await client.surveys.get(survey_id))
            assert [(column.name, column.key, column.text, column.time_zone) for column in foreseen] == [
                (column.name, column.key, column.text, column.time_zone) for column in header
            ]

    asyncio.run(compare())
