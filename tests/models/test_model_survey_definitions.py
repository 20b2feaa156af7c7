"""Views of survey definitions: they read what is certain and leave the JSON as it is."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from reading import body, read

from qualtrics_async.models import Block, FlowElement, Question, SurveyDefinition, SurveyOptions, SurveyQsf
from qualtrics_async.models._view import View

UNREAD = {
    "Question": {
        "DefaultChoices": "its form varies: a flag, or choices",
        "GradingData": "no source shows one that is not empty",
        "NextChoiceId": "a counter of the editor's",
        "NextAnswerId": "a counter of the editor's",
        "QuestionText_Unsafe": "the same text before sanitizing",
    },
    "FlowElement": {"Autofill": "no source shows one that is not empty"},
    "SurveyOptions": {
        "SurveyExpiration": "only ever seen null",
        "NewScoring": "a number without a documented meaning",
        "ConfirmStart": "not documented",
        "HighlightQuestions": "not documented",
        "ExternalCSS": "presentation",
        "CustomStyles": "presentation",
        "libraryId": "presentation",
        "headerMid": "presentation",
    },
}


class Watched(dict[str, Any]):
    """A JSON object that remembers which keys were read."""

    def __init__(self, items: dict[str, Any]) -> None:
        super().__init__(items)
        self.read: set[str] = set()

    def __getitem__(self, key: str) -> Any:
        self.read.add(key)
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        """Read like a dict."""
        self.read.add(key)
        return super().get(key, default)


def attributes(view: View) -> dict[str, Any]:
    """The value of every typed attribute of a view."""
    kind = type(view)
    return {name: getattr(view, name) for name in dir(kind) if isinstance(getattr(kind, name), property)}


def definition(name: str = "survey_definition") -> SurveyDefinition:
    """A definition, decoded from a sample."""
    return read(SurveyDefinition, body(name)["result"])


def nodes(flow: FlowElement) -> Iterator[FlowElement]:
    """A node of the flow and those below it."""
    yield flow
    for node in flow.flow:
        yield from nodes(node)


def parts(survey: SurveyDefinition) -> Iterator[View]:
    """A definition and every view below it."""
    yield survey
    yield survey.survey_options
    yield from nodes(survey.survey_flow)
    yield from survey.blocks.values()
    for question in survey.questions.values():
        yield question
        yield from question.choices.values()
        yield from question.answers.values()


@pytest.mark.parametrize("name", ["survey_definition", "survey_definition_empty"])
def test_raw_is_the_untouched_result(name: str) -> None:
    """Decoding loses and changes nothing, and reading every attribute does not either."""
    survey = definition(name)
    for view in parts(survey):
        attributes(view)
    assert survey.raw == body(name)["result"]
    assert msgspec.json.decode(msgspec.json.encode(survey.raw)) == body(name)["result"]


def test_no_field_of_the_sample_is_unread() -> None:
    """Each key has an attribute or a reason to have none."""
    unread: dict[str, set[str]] = {}
    for view in parts(definition()):
        watched = Watched(view.raw)
        attributes(type(view)(watched))
        left = watched.keys() - watched.read - UNREAD.get(type(view).__name__, {}).keys()
        unread.setdefault(type(view).__name__, set()).update(left)
    assert {kind: keys for kind, keys in unread.items() if keys} == {}


def test_each_attribute_is_filled_by_the_sample() -> None:
    """Each wire name is met by a value, so a misspelt one cannot hide behind None."""
    missed: dict[str, set[str]] = {}
    for view in parts(definition()):
        empty = {name for name, value in attributes(view).items() if value is None or value in ({}, [])}
        kind = type(view).__name__
        missed[kind] = missed.get(kind, empty) & empty
    assert {kind: names for kind, names in missed.items() if names} == {}


def test_identity_and_dates() -> None:
    """Ids are text, instants aware, and the count of questions a number."""
    survey = definition()
    assert survey.survey_id == "SV_9tEsTsUrVeY0001"
    assert survey.survey_name == "Canteen d'été"
    assert survey.last_modified == datetime(2026, 3, 2, 11, 22, 33, tzinfo=UTC)
    assert survey.question_count == 12
    assert survey.response_sets == {"RS_1rEsPoNsEsEt01": "Default Response Set"}


def test_choices_come_in_the_order_of_display() -> None:
    """`ChoiceOrder` mixes numbers and text; what it omits comes last."""
    question = definition().questions["QID7"]
    assert list(question.choices) == ["2", "1", "5", "6"]
    assert [choice.display for choice in question.choices.values()][:2] == ["Price", "Taste"]
    assert [choice.text_entry for choice in question.choices.values()] == [False, False, True, False]
    assert question.recode_values == {"1": "10", "2": "20"}


def test_answers_may_be_a_list() -> None:
    """PHP writes answers that are numbered from 0 as a list."""
    answers = definition().questions["QID7"].answers
    assert {key: answer.display for key, answer in answers.items()} == {"1": "Good", "0": "Bad"}
    assert list(answers) == ["1", "0"]


def test_flags_in_each_vocabulary() -> None:
    """`"true"`, `"Yes"`, `"ON"` and their opposites are booleans; another word is None."""
    survey = definition()
    options = survey.survey_options
    assert [survey.questions[key].force_response for key in ("QID7", "QID8")] == [True, False]
    assert (options.back_button, options.save_and_continue) == (True, False)
    assert (options.no_index, options.password_protection) == (True, False)
    assert SurveyOptions({"BackButton": "perhaps"}).back_button is None
    assert SurveyOptions({"BackButton": None}).back_button is None


def test_blocks_name_their_questions() -> None:
    """Page breaks are no questions, and the trash is a block."""
    blocks = list(definition().blocks.values())
    assert [block.question_ids for block in blocks] == [["QID7", "QID8"], []]
    assert [block.type for block in blocks] == ["Default", "Trash"]
    assert blocks[1].sub_type is None


def test_the_flow_is_a_tree() -> None:
    """Groups hold nodes of their own."""
    assert [node.flow_id for node in nodes(definition().survey_flow)] == ["FL_1", "FL_2", "FL_3", "FL_4"]


def test_logic_keeps_numbered_and_named_keys() -> None:
    """Conditions are objects with both kinds of keys, handed out as they are."""
    logic = definition().questions["QID8"].display_logic
    assert logic["0"]["0"]["Operator"] == "Selected"
    assert logic["Type"] == "BooleanExpression"


def test_empty_lists_are_empty_objects() -> None:
    """A survey without anything decodes, and its parts are empty."""
    survey = definition("survey_definition_empty")
    assert survey.questions == survey.blocks == survey.response_sets == survey.scoring == {}
    assert survey.survey_flow.flow == []
    assert survey.last_accessed is None
    assert survey.last_activated is None
    assert survey.survey_options.available_languages == []


@pytest.mark.parametrize("kind", [SurveyDefinition, SurveyOptions, Question, Block, FlowElement, SurveyQsf])
@pytest.mark.parametrize("junk", [None, 3, "text", True, [1, "2", None], {"a": [None]}, 1e400])
def test_no_attribute_fails_on_junk(kind: type[View], junk: object) -> None:
    """Whatever a key holds, reading it never raises."""
    keys = Watched({})
    attributes(kind(keys))
    attributes(kind(dict.fromkeys(keys.read, junk)))


def test_qsf_has_elements() -> None:
    """The file format is a type of its own, with the same untouched JSON."""
    result = body("survey_qsf")["result"]
    survey = read(SurveyQsf, result)
    (element,) = survey.survey_elements
    assert survey.raw == result
    assert survey.survey_entry["SurveyStartDate"] == "0000-00-00 00:00:00"
    assert (element.survey_id, element.element, element.primary_attribute) == (
        "SV_9tEsTsUrVeY0001",
        "SQ",
        "QID8",
    )
    assert (element.secondary_attribute, element.tertiary_attribute) == ("Why?", "third")
    assert element.payload == {"QuestionID": "QID8", "Language": []}


def test_views_are_values() -> None:
    """Equal by content, printed by id, and they survive copying and pickling."""
    survey = definition()
    assert survey == definition()
    assert survey != definition("survey_definition_empty")
    assert survey.questions["QID7"] != survey.blocks["BL_1bLoCkOfTeSt01"]
    assert repr(survey) == "<SurveyDefinition SV_9tEsTsUrVeY0001>"
    assert repr(SurveyQsf({})) == "<SurveyQsf>"
    assert pickle.loads(pickle.dumps(survey)) == copy.deepcopy(survey) == survey


def test_a_definition_is_an_object() -> None:
    """Anything else is not what the operation promises."""
    with pytest.raises(msgspec.ValidationError):
        read(SurveyDefinition, "nothing")
