"""What operations on survey definitions do beyond building one request."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import pytest
from calling import check_refused
from recorder import Recorder

from qualtrics_async.models import Block, FlowElement, Question, SurveyDefinition, SurveyOptions, SurveyQsf
from qualtrics_async.models.survey_parts import SurveyVersion
from qualtrics_async.models.survey_quotas import QuotaDefinition, QuotaGroup
from qualtrics_async.resources.survey_definitions import SurveyDefinitions

NAIVE = datetime(2026, 7, 1)  # noqa: DTZ001  (the mistake that is tested)
Call = Callable[[SurveyDefinitions], Awaitable[Any]]

REFUSED: dict[str, Call] = {
    "start naive": lambda d: d.metadata.update("SV_1", survey_start_date=NAIVE),
    "end without a zone": lambda d: d.metadata.update("SV_1", survey_expiration_date="2026-07-01T00:00:00"),
    "end no date": lambda d: d.metadata.update("SV_1", survey_expiration_date="soon"),
    "question in a blank block": lambda d: d.questions.create("SV_1", {}, block_id=" "),
    "quota in a blank group": lambda d: d.quotas.create("SV_1", {}, quota_group_id=""),
    "language in place of languages": lambda d: d.languages.update("SV_1", "EN"),
    "no language": lambda d: d.languages.update("SV_1", []),
    "blank language": lambda d: d.languages.update("SV_1", ["EN", ""]),
    "translations into no language": lambda d: d.translations.update("SV_1", "", {}),
    "version without an id": lambda d: d.versions.get("SV_1", ""),
    "survey without an id": lambda d: d.delete(" "),
}


@pytest.mark.parametrize("call", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_meant_is_refused_before_any_request(call: Call) -> None:
    """Nothing was sent."""
    check_refused(lambda recorder: call(SurveyDefinitions(recorder)))


@pytest.mark.parametrize("sample", ["survey_questions", "survey_questions_mapping"])
def test_questions_are_a_list_or_a_mapping(sample: str) -> None:
    """Both forms that sources have are the same questions, in order and in one page."""
    recorder = Recorder(sample)
    questions = asyncio.run(SurveyDefinitions(recorder).questions.list("SV_1").collect())
    assert [type(question) for question in questions] == [Question, Question]
    assert [question.question_id for question in questions] == ["QID7", "QID8"]
    assert len(recorder.requests) == 1


def test_no_questions_are_an_empty_page() -> None:
    """PHP writes no questions as an empty list."""
    questions = SurveyDefinitions(Recorder("survey_questions_empty")).questions
    assert asyncio.run(questions.list("SV_1").collect()) == []


def test_results_are_views_of_the_whole_answer() -> None:
    """What a `get` answers can be changed and sent back: nothing of it is lost."""
    recorder = Recorder("survey_block", "survey_question", "survey_flow", "survey_options")
    definitions = SurveyDefinitions(recorder)

    async def ask() -> list[Any]:
        return [
            await definitions.blocks.get("SV_1", "BL_1"),
            await definitions.questions.get("SV_1", "QID7"),
            await definitions.flow.get("SV_1"),
            await definitions.options.get("SV_1"),
        ]

    block, question, flow, options = asyncio.run(ask())
    assert [type(view) for view in (block, question, flow, options)] == [
        Block,
        Question,
        FlowElement,
        SurveyOptions,
    ]
    assert block.question_ids == ["QID7", "QID8"]
    assert question.raw["QuestionText_Unsafe"] == "Rate <b>lunch</b> →"
    assert flow.raw["Properties"]["Count"] == 4
    assert options.raw["CustomStyles"] == []


def test_versions_come_in_two_formats() -> None:
    """The file format is asked for by name and has a type of its own."""
    versions = SurveyDefinitions(Recorder("survey_definition", "survey_qsf")).versions
    assert type(asyncio.run(versions.get("SV_1", "907"))) is SurveyDefinition
    assert type(asyncio.run(versions.get("SV_1", "907", format="qsf"))) is SurveyQsf


def test_listings_have_elements_of_their_types() -> None:
    """Versions come out of their `metadata`; quotas and groups are views."""
    definitions = SurveyDefinitions(
        Recorder("survey_versions", "survey_quotas_definition", "survey_quota_groups")
    )

    async def ask() -> tuple[list[SurveyVersion], list[QuotaDefinition], list[QuotaGroup]]:
        return (
            await definitions.versions.list("SV_1").collect(),
            await definitions.quotas.list("SV_1").collect(),
            await definitions.quota_groups.list("SV_1").collect(),
        )

    versions, quotas, groups = asyncio.run(ask())
    assert [version.description for version in versions] == ["Draft", "With lunch", "First"]
    assert [quota.name for quota in quotas] == ["Two hundred eaters", "Few"]
    assert [group.name for group in groups] == ["By canteen", "Empty"]
