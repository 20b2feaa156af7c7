"""Survey definitions in the sandbox: bodies have the keys of the samples, and nothing sent breaks it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapes import OPEN, keys, sample
from speaking import Caller, asynchronous, speaking

from qualtrics_async.sandbox import routes

QUOTA = {
    "Name": "x",
    "Occurrences": 1,
    "Logic": [],
    "QuotaAction": "EndCurrentSurvey",
    "QuotaRealm": "Survey",
}

FULL = sample("survey_quota")["result"] | {"Occurrences": 200}

SHAPES = [
    ("survey_definition", "", OPEN),
    ("survey_metadata", "/metadata", set()),
    ("survey_block", "/blocks/{blockId}", {"SubType", "BlockElements"}),
    ("survey_versions", "/versions", set()),
    ("survey_quota", "/quotas/{quotaId}", set()),
    ("survey_quotas_definition", "/quotas", set()),
    ("survey_quota_groups", "/quotagroups", {"Id", "Selected"}),
    ("survey_quota_group", "/quotagroups/{quotaGroupId}", {"Selected"}),
]
"""Samples, paths, and keys that are data or optional there."""


async def arrange(call: Caller) -> dict[str, str]:
    """One of everything, by the placeholders of the paths."""
    survey_id = call.sandbox.state.survey_id
    path = f"/survey-definitions/{survey_id}"
    made = (await call.post(f"{path}/quotas", FULL)).result
    version = await call.post(f"{path}/versions", {"Description": "x", "Published": True})
    return {
        "surveyId": survey_id,
        "blockId": next(iter(call.sandbox.state.surveys[survey_id].definition["Blocks"])),
        "questionId": "QID1",
        "flowId": "FL_2",
        "quotaId": made["QuotaID"],
        "quotaGroupId": made["QuotaGroupID"],
        "versionId": version.result["metadata"]["versionID"],
        "languageCode": "FR",
    }


def without(left_out: set[str], value: Any) -> set[str]:
    """The paths of all keys whose last one is not left out, and below none that is."""
    return {path for path in keys(value) if not left_out & set(path.replace("[]", "").split("."))}


@pytest.mark.parametrize(("name", "path", "left_out"), SHAPES)
def test_bodies_have_the_keys_of_the_samples(name: str, path: str, left_out: set[str]) -> None:
    async def ask() -> Any:
        async with speaking() as call:
            ids = await arrange(call)
            return (await call.get(f"/survey-definitions/{ids['surveyId']}{path.format(**ids)}")).json

    answered = without(left_out, asyncio.run(ask()))
    assert answered == without(left_out, sample(name))
    assert ".result" in answered


@asynchronous
async def test_the_file_has_the_recorded_entry() -> None:
    """The metadata and the head of a file have the same keys, and the survey's creation is in both."""
    async with speaking() as call:
        path = f"/survey-definitions/{call.sandbox.state.survey_id}"
        entry = (await call.get(path, format="qsf")).result["SurveyEntry"]
        metadata = (await call.get(f"{path}/metadata")).result
        assert entry.keys() == metadata.keys()
        assert metadata["SurveyCreationDate"].replace("T", " ") == entry["SurveyCreationDate"] + "Z"
        assert (metadata["LastAccessed"], entry["LastAccessed"]) == (None, "0000-00-00 00:00:00")


@asynchronous
async def test_files_as_php_writes_them_are_read() -> None:
    """Blocks as an object with numbered keys, a trash without elements, no flow: all of it is understood."""
    blocks = {
        "0": {"Type": "Default", "ID": "BL_1", "BlockElements": [{"Type": "Question", "QuestionID": "QID4"}]},
        "1": {"Type": "Trash", "ID": "BL_2"},
        "2": {"Type": "Standard"},
    }
    question = {
        "QuestionID": "QID4",
        "QuestionText": "Why?",
        "Choices": [{"Display": "No"}, {"Display": "Yes"}],
        "Language": [],
    }
    elements = [
        {"Element": "BL", "Payload": blocks},
        {"Element": "SQ", "Payload": question},
        {"Element": "SO", "Payload": {"AvailableLanguages": []}},
        {"Element": "PROJ", "Payload": {}},
        None,
    ]
    async with speaking() as call:
        body = {"SurveyEntry": {"SurveyName": "x", "SurveyLanguage": "DE"}, "SurveyElements": elements}
        path = f"/survey-definitions/{(await call.post('/survey-definitions', body)).result['SurveyID']}"
        made = (await call.get(path)).result
        assert list(made["Blocks"]) == ["BL_1", "BL_2"]
        assert [(shown["ID"], shown["FlowID"]) for shown in made["SurveyFlow"]["Flow"]] == [("BL_1", "FL_2")]
        translations = f"/surveys/{made['SurveyID']}/translations/DE"
        assert (await call.get(translations)).result == {
            "QID4_QuestionText": "Why?",
            "QID4_Choice0": "No",
            "QID4_Choice1": "Yes",
        }
        assert (await call("DELETE", f"{path}/questions/QID4")).status == 200
        trash = (await call.get(f"{path}/blocks/BL_2")).result
        assert trash["BlockElements"] == [{"Type": "Question", "QuestionID": "QID4"}]


@asynchronous
async def test_a_trash_is_made_where_there_is_none() -> None:
    """A file may have no trash, and then no block for a question either."""
    async with speaking() as call:
        only = {"Element": "BL", "Payload": [{"Type": "Standard", "ID": "BL_1"}]}
        body = {"SurveyEntry": {"SurveyName": "x"}, "SurveyElements": [only]}
        path = f"/survey-definitions/{(await call.post('/survey-definitions', body)).result['SurveyID']}"
        question = {"QuestionText": "x", "QuestionType": "TE", "Selector": "SL"}
        assert (await call.post(f"{path}/questions", question)).result == {"QuestionID": "QID1"}
        assert (await call("DELETE", f"{path}/blocks/BL_1")).status == 200
        (trash,) = (await call.get(path)).result["Blocks"].values()
        assert (trash["Type"], trash["BlockElements"][0]["QuestionID"]) == ("Trash", "QID1")
        assert (await call.post(f"{path}/questions", question)).status == 400


WORDS = (
    *("ID", "Id", "Type", "Flow", "FlowID", "Properties", "Count", "Name", "Quotas", "Occurrences", "Logic"),
    *("QuotaAction", "QuotaRealm", "QuestionID", "QuestionText", "QuestionType", "Selector", "Choices"),
    *("Answers", "Display", "Language", "FR", "EN", "BlockElements", "Description", "Published", "Options"),
    *("SurveyName", "SurveyStatus", "SurveyStartDate", "SurveyEntry", "SurveyElements", "Element", "Payload"),
    *("SQ", "BL", "FL", "SO", "Trash", "Default", "AvailableLanguages", "SurveyLanguage", "ProjectCategory"),
    *("QID1", "FL_2", "QID1_QuestionText", "QID1_Choice1", "1", "0"),
)
LEAVES = st.none() | st.booleans() | st.integers(-1, 3) | st.sampled_from(WORDS) | st.text(max_size=2)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=10,
)
BODIES: dict[str, tuple[str, ...]] = {
    "/survey-definitions": ("SurveyName", "Language", "ProjectCategory"),
    "/survey-definitions/{surveyId}/blocks": ("Type", "BlockElements", "Options"),
    "/survey-definitions/{surveyId}/blocks/{blockId}": ("Type", "BlockElements", "Options"),
    "/survey-definitions/{surveyId}/questions": ("QuestionText", "QuestionType", "Selector", "Choices"),
    "/survey-definitions/{surveyId}/questions/{questionId}": (
        *("QuestionText", "QuestionType", "Selector", "Choices", "Answers", "Language", "Validation"),
    ),
    "/survey-definitions/{surveyId}/flow": ("FlowID", "Type", "Flow", "Properties"),
    "/survey-definitions/{surveyId}/flow/{flowId}": ("Type", "Flow", "EmbeddedData"),
    "/survey-definitions/{surveyId}/options": (
        *("BackButton", "BallotBoxStuffingPrevention", "Header", "Footer", "NoIndex", "NextButton"),
        *("PartialData", "PreviousButton", "ProgressBarDisplay", "SaveAndContinue", "SecureResponseFiles"),
        *("Skin", "SurveyExpiration", "SurveyProtection", "SurveyTermination", "ValidationMessage"),
        "AvailableLanguages",
    ),
    "/survey-definitions/{surveyId}/quotas": tuple(QUOTA),
    "/survey-definitions/{surveyId}/quotas/{quotaId}": tuple(QUOTA),
    "/survey-definitions/{surveyId}/quotagroups": ("Name", "Quotas"),
    "/survey-definitions/{surveyId}/quotagroups/{quotaGroupId}": ("Name", "Quotas"),
    "/survey-definitions/{surveyId}/versions": ("Description", "Published"),
    "/survey-definitions/{surveyId}/metadata": ("SurveyName", "SurveyStatus"),
    "/surveys/{surveyId}/languages": ("AvailableLanguages",),
    "/surveys/{surveyId}/translations/{languageCode}": ("QID1_QuestionText", "QID1_Choice1"),
}
OURS = [
    (method, template)
    for method, template, _ in routes()
    if template.startswith("/survey-definitions") or "/languages" in template or "/translations" in template
]
LIKELY = {
    key: st.sampled_from(["x", "Standard", "EN", "Active"]) | VALUES
    for key in {key for known in BODIES.values() for key in known}
} | {
    "Published": st.booleans(),
    "Occurrences": st.integers(0, 9),
    "Logic": st.just([]),
    "Flow": st.lists(st.dictionaries(st.sampled_from(WORDS), VALUES, max_size=3), max_size=3),
    "BlockElements": st.lists(st.dictionaries(st.sampled_from(WORDS), VALUES, max_size=3), max_size=3),
    "AvailableLanguages": st.just(["EN", "FR"]) | VALUES,
}


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, str, Any]:
    """Any operation with a body that it may well take, or with any other."""
    method, template = draw(st.sampled_from(OURS))
    if method in ("GET", "DELETE"):
        return method, template, None
    likely = st.fixed_dictionaries({key: LIKELY[key] for key in BODIES[template]})
    return method, template, draw(likely | VALUES)


async def send(drawn: list[tuple[str, str, Any]]) -> None:
    async with speaking() as call:
        ids = await arrange(call)
        for method, template, body in drawn:
            if template == "/survey-definitions/{surveyId}" and method == "DELETE":
                continue
            answer = await call(method, template.format(**ids), body)
            assert answer.status < 500, (method, template, body, answer.text)
        for path in ("", "?format=qsf", "/questions", "/flow", "/options", "/quotagroups"):
            answer = await call.get(f"/survey-definitions/{ids['surveyId']}{path}")
            assert answer.status == 200, (drawn, path, answer.text)
        assert (await call.get(f"/surveys/{ids['surveyId']}")).status == 200


@settings(max_examples=40)
@given(st.lists(requests(), min_size=3, max_size=12))
def test_no_body_breaks_a_definition(drawn: list[tuple[str, str, Any]]) -> None:
    asyncio.run(send(drawn))


def test_the_fuzzing_knows_every_write() -> None:
    """A write that is added is fuzzed too."""
    assert {template for method, template in OURS if method in ("POST", "PUT")} == BODIES.keys()
    assert len(OURS) == 36
