"""What survey definitions are to a type checker. Never run: mypy reads it."""

from __future__ import annotations

from typing import Any, assert_type

from qualtrics_async import Page, Paged, Qualtrics
from qualtrics_async.models.survey_definitions import (
    Block,
    FlowElement,
    Question,
    SurveyDefinition,
    SurveyOptions,
    SurveyQsf,
)
from qualtrics_async.models.survey_parts import (
    BlockCreated,
    BlockInput,
    QuestionCreated,
    QuestionInput,
    SurveyDefinitionCreate,
    SurveyDefinitionCreated,
    SurveyLanguages,
    SurveyMetadata,
    SurveyPublishEvent,
    SurveyVersion,
)
from qualtrics_async.models.survey_quotas import (
    QuotaCreated,
    QuotaDefinition,
    QuotaGroup,
    QuotaGroupCreated,
    QuotaGroupInput,
    QuotaInput,
)


async def surveys(client: Qualtrics) -> None:
    """A definition has its type, and its file another one."""
    definitions = client.survey_definitions
    created = await definitions.create(SurveyDefinitionCreate(survey_name="Canteen"))
    assert_type(created, SurveyDefinitionCreated)
    assert_type(created.default_block_id, str | None)
    assert_type(await definitions.get("SV_1"), SurveyDefinition)
    assert_type(await definitions.get("SV_1", format="qsf"), SurveyQsf)
    assert_type(await definitions.metadata.get("SV_1"), SurveyMetadata)
    assert_type(await definitions.options.get("SV_1"), SurveyOptions)
    assert_type(await definitions.languages.get("SV_1"), SurveyLanguages)
    assert_type(await definitions.translations.get("SV_1", "DE"), dict[str, Any])


async def content(client: Qualtrics) -> None:
    """What a `get` gives can be put back as its `raw`, or be written anew."""
    definitions = client.survey_definitions
    assert_type(await definitions.blocks.create("SV_1", BlockInput(description="Food")), BlockCreated)
    block = await definitions.blocks.get("SV_1", "BL_1")
    assert_type(block, Block)
    await definitions.blocks.update("SV_1", "BL_1", block.raw)
    question = QuestionInput(question_text="Why?", question_type="TE", selector="SL")
    assert_type(await definitions.questions.create("SV_1", question, block_id="BL_1"), QuestionCreated)
    assert_type(await definitions.questions.get("SV_1", "QID1"), Question)
    questions = definitions.questions.list("SV_1")
    assert_type(questions, Paged[Question])
    assert_type(await questions.first_page(), Page[Question])
    flow = await definitions.flow.get("SV_1")
    assert_type(flow, FlowElement)
    await definitions.flow.update("SV_1", flow.raw)
    await definitions.flow.update_element("SV_1", "FL_2", [flow.flow[0].raw])


async def versions(client: Qualtrics) -> None:
    """A version and its content are two things."""
    versions = client.survey_definitions.versions
    assert_type(versions.list("SV_1"), Paged[SurveyVersion])
    version = await versions.create("SV_1", description="First", published=True)
    assert_type(version, SurveyVersion)
    assert_type(version.published, bool | None)
    assert_type(version.publish_events, list[SurveyPublishEvent] | None)
    assert_type(await versions.get("SV_1", version.version_id), SurveyDefinition)
    assert_type(await versions.get("SV_1", version.version_id, format="qsf"), SurveyQsf)


async def quotas(client: Qualtrics) -> None:
    """Quotas are in groups."""
    definitions = client.survey_definitions
    group = await definitions.quota_groups.create("SV_1", QuotaGroupInput(name="North"))
    assert_type(group, QuotaGroupCreated)
    quota = QuotaInput(name="Few", occurrences=5, logic={})
    made = await definitions.quotas.create("SV_1", quota, quota_group_id=group.quota_group_id)
    assert_type(made, QuotaCreated)
    assert_type(definitions.quotas.list("SV_1"), Paged[QuotaDefinition])
    assert_type((await definitions.quotas.get("SV_1", made.quota_id)).count, int | None)
    assert_type(await definitions.quota_groups.get("SV_1", group.quota_group_id), QuotaGroup)


def refused(client: Qualtrics) -> None:
    """What a checker must refuse; each ignored error is one that has to be there."""
    client.survey_definitions.get("SV_1", format="txt")  # type: ignore[call-overload]  # must be an error
    client.survey_definitions.versions.create("SV_1", description="x")  # type: ignore[call-arg, unused-coroutine]  # must be an error
    client.survey_definitions.questions.list("SV_1", page_size=3)  # type: ignore[call-arg]  # must be an error
