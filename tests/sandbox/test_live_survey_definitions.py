"""Survey definitions, by the real client against a sandbox."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from living import living
from speaking import Clock, asynchronous

from qualtrics_async import InvalidRequest, NotFound
from qualtrics_async.models import MessageInput
from qualtrics_async.models.survey_parts import BlockInput, QuestionInput, SurveyDefinitionCreate
from qualtrics_async.models.survey_quotas import QuotaGroupInput, QuotaInput
from qualtrics_async.resources.survey_definitions import SurveyDefinitions

TEXT = QuestionInput(question_text="Too salty?", question_type="TE", selector="SL")
METADATA = "/survey-definitions/{surveyId}/metadata"
LOGIC = {"0": {"0": {"LogicType": "Question"}, "Type": "If"}, "Type": "BooleanExpression"}
QUOTA = QuotaInput(name="Two hundred", occurrences=200, logic=LOGIC)


async def file_of(definitions: SurveyDefinitions, survey_id: str) -> dict[tuple[str | None, str | None], Any]:
    """The elements of a survey's file by kind and name."""
    file = await definitions.get(survey_id, format="qsf")
    return {(part.element, part.primary_attribute): part.payload for part in file.survey_elements}


@asynchronous
async def test_a_survey_is_made_and_filled_with_questions() -> None:
    async with living() as (client, sandbox):
        state = sandbox.state
        definitions = client.survey_definitions
        made = await definitions.create(SurveyDefinitionCreate(survey_name="Kitchen", language="DE"))
        survey_id, block_id = made.survey_id, made.default_block_id
        assert block_id is not None
        listed = {survey.id: survey.name async for survey in client.surveys.list()}
        assert listed == {state.survey_id: "Sandbox survey", survey_id: "Kitchen"}
        empty = await definitions.get(survey_id)
        assert empty.raw["Questions"] == []
        assert await definitions.questions.list(survey_id).collect() == []
        assert empty.survey_options.available_languages == ["DE"]
        assert [block.type for block in empty.blocks.values()] == ["Default", "Trash"]

        first = await definitions.questions.create(survey_id, TEXT)
        second = await definitions.questions.create(
            survey_id,
            QuestionInput(
                question_text="How hot?",
                question_type="MC",
                selector="SAVR",
                data_export_tag="heat",
                choices={"1": {"Display": "Cold"}, "2": {"Display": "Hot"}},
                choice_order=["2", "1"],
            ),
            block_id=block_id,
        )
        assert (first.question_id, second.question_id) == ("QID1", "QID2")
        full = await definitions.get(survey_id)
        assert full.blocks[block_id].question_ids == ["QID1", "QID2"]
        assert [choice.display for choice in full.questions["QID2"].choices.values()] == ["Hot", "Cold"]
        assert full.questions["QID1"].data_export_tag == "Q1"
        assert full.question_count == 2
        file = await file_of(definitions, survey_id)
        assert file["SQ", "QID2"]["DataExportTag"] == "heat"
        assert file["BL", "Survey Blocks"][0]["BlockElements"][1]["QuestionID"] == "QID2"
        assert (await client.surveys.get(survey_id)).questions is not None


@asynchronous
async def test_a_question_is_changed_trashed_and_deleted() -> None:
    async with living() as (client, sandbox):
        state = sandbox.state
        questions, survey_id = client.survey_definitions.questions, state.survey_id
        question = await questions.get(survey_id, "QID1")
        question.raw["QuestionText"] = "How was it?"
        await questions.update(survey_id, "QID1", question.raw)
        assert await questions.get(survey_id, "QID1") == question
        assert [asked.question_id async for asked in questions.list(survey_id)] == ["QID1", "QID2", "QID3"]

        await questions.delete(survey_id, "QID1")
        definition = await client.survey_definitions.get(survey_id)
        assert [block.question_ids for block in definition.blocks.values()] == [["QID2", "QID3"], ["QID1"]]
        assert definition.questions["QID1"].question_text == "How was it?"
        await questions.delete(survey_id, "QID1")
        with pytest.raises(NotFound):
            await questions.get(survey_id, "QID1")
        assert list(state.surveys[survey_id].definition["Questions"]) == ["QID2", "QID3"]
        assert (await questions.create(survey_id, TEXT)).question_id == "QID4"


@asynchronous
async def test_blocks_come_and_go_with_the_flow() -> None:
    async with living() as (client, sandbox):
        state = sandbox.state
        definitions, survey_id = client.survey_definitions, state.survey_id
        made = await definitions.blocks.create(survey_id, BlockInput(description="Drinks"))
        asked = await definitions.questions.create(survey_id, TEXT, block_id=made.block_id)
        flow = await definitions.flow.get(survey_id)
        assert [(node.type, node.id) for node in flow.flow][-1] == ("Standard", made.block_id)
        assert (flow.flow[-1].flow_id, flow.properties["Count"]) == (made.flow_id, 4)

        await definitions.blocks.update(survey_id, made.block_id, {"Description": "Hot drinks"})
        block = await definitions.blocks.get(survey_id, made.block_id)
        assert (block.id, block.description, block.type) == (made.block_id, "Hot drinks", "Standard")
        assert block.question_ids == [asked.question_id]

        await definitions.blocks.delete(survey_id, made.block_id)
        definition = await definitions.get(survey_id)
        assert made.block_id not in definition.blocks
        assert made.block_id not in [node.id for node in definition.survey_flow.flow]
        (trash,) = [block for block in definition.blocks.values() if block.type == "Trash"]
        assert trash.question_ids == [asked.question_id]
        with pytest.raises(NotFound):
            await definitions.blocks.get(survey_id, made.block_id)
        with pytest.raises(InvalidRequest):
            await definitions.blocks.delete(survey_id, str(trash.id))


@asynchronous
async def test_the_flow_is_replaced_and_its_elements_changed() -> None:
    async with living() as (client, sandbox):
        state = sandbox.state
        flows, survey_id = client.survey_definitions.flow, state.survey_id
        flow = (await flows.get(survey_id)).raw
        group = {"Type": "Group", "FlowID": "FL_9", "Description": "All", "Flow": flow["Flow"]}
        await flows.update(survey_id, flow | {"Flow": [group]})
        await flows.update_element(survey_id, "FL_2", {"Type": "Standard", "Autofill": [1]})
        await flows.update_element(survey_id, "FL_3", [{"Type": "EmbeddedData", "Description": "Fields"}])
        (found,) = (await flows.get(survey_id)).flow
        assert [(node.flow_id, node.type) for node in found.flow] == [
            ("FL_3", "EmbeddedData"),
            ("FL_2", "Standard"),
        ]
        assert found.flow[0].description == "Fields"
        assert found.flow[1].id is not None
        with pytest.raises(NotFound):
            await flows.update_element(survey_id, "FL_77", {"Type": "EndSurvey"})
        assert (await file_of(client.survey_definitions, survey_id))["FL", "Survey Flow"]["Flow"][
            0
        ] == found.raw


@asynchronous
async def test_options_are_replaced_as_a_whole() -> None:
    async with living() as (client, sandbox):
        state = sandbox.state
        options, survey_id = client.survey_definitions.options, state.survey_id
        before = await options.get(survey_id)
        assert before.back_button is False
        with pytest.raises(InvalidRequest) as refused:
            await options.update(survey_id, {"BackButton": "true"})
        assert refused.value.error_code == "RP_10"
        await options.update(survey_id, before.raw | {"BackButton": "true"})
        after = await options.get(survey_id)
        assert after.raw == before.raw | {"BackButton": "true"}
        assert (await client.survey_definitions.get(survey_id)).survey_options == after


@asynchronous
async def test_metadata_changes_what_is_given() -> None:
    clock = Clock()
    async with living(clock=clock) as (client, sandbox):
        state = sandbox.state
        metadata, survey_id = client.survey_definitions.metadata, state.survey_id
        before = await metadata.get(survey_id)
        assert (before.survey_name, before.survey_status) == ("Sandbox survey", "Active")
        assert (before.survey_description, before.survey_start_date, before.deleted) == (None, None, None)
        clock.now += 60
        await metadata.update(
            survey_id,
            survey_name="Kitchen",
            survey_description="What we eat",
            survey_status="Inactive",
            survey_start_date=datetime(2026, 1, 1, tzinfo=UTC),
            survey_expiration_date="2026-12-31 12:00:00",
        )
        after = await metadata.get(survey_id)
        assert (after.survey_name, after.survey_description) == ("Kitchen", "What we eat")
        assert after.survey_start_date == datetime(2026, 1, 1, tzinfo=UTC)
        assert after.last_modified is not None
        assert before.last_modified is not None
        assert (after.last_modified - before.last_modified).total_seconds() == 60
        survey = state.surveys[survey_id]
        assert (survey.name, survey.active, survey.modified) == ("Kitchen", False, state.now())
        assert survey.expiration == {"startDate": "2026-01-01T00:00:00Z", "endDate": "2026-12-31T12:00:00Z"}
        await metadata.update(survey_id, survey_expiration_date="0000-00-00 00:00:00")
        assert survey.expiration["endDate"] is None
        entry = (await client.survey_definitions.get(survey_id, format="qsf")).survey_entry
        assert entry["SurveyStartDate"] == "2026-01-01 00:00:00"
        assert entry["SurveyExpirationDate"] == "0000-00-00 00:00:00"
        with pytest.raises(InvalidRequest):
            await metadata.update(survey_id, survey_status="Sleeping")


@asynchronous
async def test_versions_keep_what_was_published() -> None:
    async with living() as (client, sandbox):
        state = sandbox.state
        definitions, survey_id = client.survey_definitions, state.survey_id
        versions = definitions.versions
        first = await versions.create(survey_id, description="First", published=True)
        again = await versions.create(survey_id, description="The same", published=True)
        assert (again.version_id, again.version_number) == (first.version_id, 1)
        assert again.description == "The same"
        assert again.publish_events is not None
        assert len(again.publish_events) == 2

        await definitions.questions.delete(survey_id, "QID2")
        await definitions.questions.delete(survey_id, "QID2")
        second = await versions.create(survey_id, description="Shorter", published=True)
        draft = await versions.create(survey_id, description="Draft", published=False)
        listed = await versions.list(survey_id).collect()
        assert [(version.version_number, version.published, version.was_published) for version in listed] == [
            (1, False, True),
            (2, True, True),
            (3, False, False),
        ]
        assert listed[2] == draft

        assert list((await versions.get(survey_id, first.version_id)).questions) == ["QID1", "QID2", "QID3"]
        assert list((await versions.get(survey_id, second.version_id)).questions) == ["QID1", "QID3"]
        file = await versions.get(survey_id, first.version_id, format="qsf")
        assert [part.primary_attribute for part in file.survey_elements if part.element == "SQ"] == [
            "QID1",
            "QID2",
            "QID3",
        ]
        with pytest.raises(NotFound):
            await versions.get(survey_id, "1")


@asynchronous
async def test_quotas_live_in_groups() -> None:
    async with living(page_size=1) as (client, sandbox):
        state = sandbox.state
        definitions, survey_id = client.survey_definitions, state.survey_id
        first = await definitions.quotas.create(survey_id, QUOTA)
        group = await definitions.quota_groups.create(
            survey_id, QuotaGroupInput(name="North", multiple_match="LeastFilled", selected=True)
        )
        second = await definitions.quotas.create(survey_id, QUOTA, quota_group_id=group.quota_group_id)
        assert second.quota_group_id == group.quota_group_id != first.quota_group_id
        listed = await definitions.quotas.list(survey_id).collect()
        assert [(quota.id, quota.count, quota.occurrences) for quota in listed] == [
            (first.quota_id, 0, 200),
            (second.quota_id, 0, 200),
        ]
        assert len((await definitions.quotas.list(survey_id, page_size=2).first_page()).elements) == 2

        quota = await definitions.quotas.get(survey_id, first.quota_id)
        await definitions.quotas.update(survey_id, first.quota_id, quota.raw | {"Occurrences": 300})
        assert (await definitions.quotas.get(survey_id, first.quota_id)).occurrences == 300
        await definitions.quota_groups.update(
            survey_id, group.quota_group_id, QuotaGroupInput(quotas=[first.quota_id, second.quota_id])
        )
        groups = {found.id: found async for found in definitions.quota_groups.list(survey_id)}
        assert groups[first.quota_group_id].quotas == []
        north = await definitions.quota_groups.get(survey_id, group.quota_group_id)
        assert north == groups[group.quota_group_id]
        assert (north.name, north.multiple_match, north.quotas, north.selected) == (
            "North",
            "LeastFilled",
            [first.quota_id, second.quota_id],
            None,
        )
        file = await file_of(definitions, survey_id)
        assert file["QO", first.quota_id]["Occurrences"] == 300
        assert file["QG", group.quota_group_id]["Name"] == "North"

        await definitions.quotas.delete(survey_id, first.quota_id)
        north = await definitions.quota_groups.get(survey_id, group.quota_group_id)
        assert north.quotas == [second.quota_id]
        await definitions.quota_groups.delete(survey_id, group.quota_group_id)
        assert state.shelf("quota").under(survey_id) == []
        for gone in (
            definitions.quotas.get(survey_id, second.quota_id),
            definitions.quota_groups.get(survey_id, group.quota_group_id),
        ):
            with pytest.raises(NotFound):
                await gone


@asynchronous
async def test_a_survey_learns_a_language() -> None:
    async with living() as (client, sandbox):
        state = sandbox.state
        definitions, survey_id = client.survey_definitions, state.survey_id
        assert (await definitions.languages.get(survey_id)).available_languages == ["EN", "FR"]
        with pytest.raises(InvalidRequest):
            await definitions.translations.update(survey_id, "DE", {"QID2_QuestionText": "Warum?"})
        await definitions.languages.update(survey_id, ["EN", "FR", "DE"])
        assert (await definitions.get(survey_id)).survey_options.available_languages == ["EN", "FR", "DE"]

        french = await definitions.translations.get(survey_id, "FR")
        assert (french["QID1_QuestionText"], french["QID2_QuestionText"]) == ("", "Pourquoi ?")
        await definitions.translations.update(
            survey_id, "DE", {"QID2_QuestionText": "Warum?", "QID1_Choice1": "Wenig", "SurveyTitle": "Küche"}
        )
        german = await definitions.translations.get(survey_id, "DE")
        assert german.keys() == french.keys() | {"SurveyTitle"}
        assert (german["QID1_Choice1"], german["QID1_Choice2"], german["SurveyTitle"]) == (
            "Wenig",
            "",
            "Küche",
        )
        questions = state.surveys[survey_id].definition["Questions"]
        assert questions["QID1"]["Language"]["DE"] == {"Choices": {"1": {"Display": "Wenig"}}}
        assert questions["QID2"]["Language"]["DE"] == {"QuestionText": "Warum?"}
        assert questions["QID2"]["Language"]["FR"] == {"QuestionText": "Pourquoi ?"}

        await definitions.translations.update(survey_id, "EN", {"QID1_Choice1": "Little"})
        assert questions["QID1"]["Choices"]["1"] == {"Display": "Little"}
        assert (await definitions.translations.get(survey_id, "EN"))["QID1_Choice1"] == "Little"


@asynchronous
async def test_a_survey_is_copied_by_its_file_and_deleted() -> None:
    async with living() as (client, sandbox):
        state = sandbox.state
        definitions = client.survey_definitions
        file = await definitions.get(state.survey_id, format="qsf")
        original = await definitions.get(state.survey_id)
        made = await definitions.create(file.raw)
        assert made.default_block_id is None
        copy = await definitions.get(made.survey_id)
        assert copy.survey_name == original.survey_name
        assert (copy.questions, copy.blocks) == (original.questions, original.blocks)
        assert (copy.survey_flow, copy.survey_options) == (original.survey_flow, original.survey_options)
        assert (copy.survey_id, copy.survey_status) == (made.survey_id, "Inactive")

        state.add_response(made.survey_id)
        await definitions.delete(made.survey_id)
        assert list(state.surveys) == [state.survey_id]
        assert state.responses == {}
        with pytest.raises(NotFound):
            await definitions.get(made.survey_id)


@asynchronous
async def test_a_copy_has_the_quotas_and_counts_anew() -> None:
    async with living() as (client, sandbox):
        state = sandbox.state
        definitions, survey_id = client.survey_definitions, state.survey_id
        made = await definitions.quotas.create(
            survey_id, QuotaInput(name="Two hundred", occurrences=200, logic=LOGIC, count=7)
        )
        file = await definitions.get(survey_id, format="qsf")
        created = await definitions.create(file.raw)
        imported = await client.surveys.import_survey(json.dumps(file.raw).encode(), name="Copy")
        for copy_id in (created.survey_id, imported.id):
            quota = await definitions.quotas.get(copy_id, made.quota_id)
            assert (quota.name, quota.count, quota.occurrences) == ("Two hundred", 0, 200)
            group = await definitions.quota_groups.get(copy_id, made.quota_group_id or "")
            assert group.quotas == [made.quota_id]
            assert [counted.count async for counted in client.surveys.quotas(copy_id)] == [0]
            assert (await definitions.quotas.get(survey_id, made.quota_id)).count == 7


@asynchronous
async def test_a_deleted_survey_takes_its_distributions_along() -> None:
    async with living() as (client, sandbox):
        state = sandbox.state
        list_id = state.add_mailing_list("Guests")
        made = await client.distributions.create_links(survey_id=state.survey_id, mailing_list_id=list_id)
        message = MessageInput(message_text="Hello: ${l://SurveyURL}")
        await client.sms_distributions.create(
            name="Texts",
            survey_id=state.survey_id,
            send_date=datetime.now(UTC),
            message=message,
            mailing_list_id=list_id,
        )
        await client.surveys.delete(state.survey_id)
        assert await client.distributions.list(state.survey_id).collect() == []
        assert await client.sms_distributions.list(state.survey_id).collect() == []
        with pytest.raises(NotFound):
            await client.distributions.get(made.id, survey_id=state.survey_id)


REFUSED: dict[str, Callable[[SurveyDefinitions, str], Awaitable[Any]]] = {
    "survey without a language": lambda d, s: d.create({"SurveyName": "x", "ProjectCategory": "CORE"}),
    "survey with a number for a name": lambda d, s: d.create(
        {"SurveyName": 1, "Language": "EN", "ProjectCategory": "CORE"}
    ),
    "file without elements": lambda d, s: d.create({"SurveyEntry": {"SurveyName": "x"}}),
    "file with odd elements": lambda d, s: d.create(
        {"SurveyEntry": {"SurveyName": "x"}, "SurveyElements": {}}
    ),
    "file without a name": lambda d, s: d.create({"SurveyEntry": {}, "SurveyElements": []}),
    "block with an unknown key": lambda d, s: d.blocks.create(s, {"Type": "Standard", "Name": "x"}),
    "block of odd elements": lambda d, s: d.blocks.create(s, {"Type": "Standard", "BlockElements": [1]}),
    "block without a type": lambda d, s: d.blocks.create(s, {"Description": "x"}),
    "question without a text": lambda d, s: d.questions.create(s, {"QuestionType": "TE", "Selector": "SL"}),
    "question with an odd type": lambda d, s: d.questions.update(
        s, "QID1", {"QuestionText": "x", "QuestionType": [], "Selector": "SL"}
    ),
    "flow without properties": lambda d, s: d.flow.update(s, {"FlowID": "FL_1", "Type": "Root", "Flow": []}),
    "flow of odd elements": lambda d, s: d.flow.update(
        s, {"FlowID": "FL_1", "Type": "Root", "Flow": {}, "Properties": {}}
    ),
    "element without a type": lambda d, s: d.flow.update_element(s, "FL_2", {"FlowID": "FL_2"}),
    "several elements": lambda d, s: d.flow.update_element(s, "FL_2", [{"Type": "EndSurvey"}] * 2),
    "quota of no number": lambda d, s: d.quotas.create(
        s, {"Name": "x", "Occurrences": "1", "Logic": [], "QuotaAction": "x", "QuotaRealm": "Survey"}
    ),
    "quota of no logic": lambda d, s: d.quotas.create(
        s, {"Name": "x", "Occurrences": 1, "Logic": "x", "QuotaAction": "x", "QuotaRealm": "Survey"}
    ),
    "quota with an unknown key": lambda d, s: d.quotas.create(s, {"name": "x"}),
    "group without a name": lambda d, s: d.quota_groups.create(s, {}),
    "group of odd quotas": lambda d, s: d.quota_groups.create(s, {"Name": "x", "Quotas": [1]}),
    "version published by a word": lambda d, s: d.versions.create(s, description="x", published="yes"),  # type: ignore[arg-type]  # the point
    "languages without the survey's own": lambda d, s: d.languages.update(s, ["FR"]),
    "translation of no text": lambda d, s: d.translations.update(s, "FR", {"QID1_QuestionText": 1}),
    "translation of no question": lambda d, s: d.translations.update(s, "FR", {"QID9_QuestionText": "x"}),
}


@pytest.mark.parametrize("call", REFUSED.values(), ids=REFUSED)
@asynchronous
async def test_the_sandbox_refuses(call: Callable[[SurveyDefinitions, str], Awaitable[Any]]) -> None:
    async with living() as (client, sandbox):
        state = sandbox.state
        before = state.surveys[state.survey_id].modified
        with pytest.raises(InvalidRequest):
            await call(client.survey_definitions, state.survey_id)
        assert list(state.surveys) == [state.survey_id]
        assert state.surveys[state.survey_id].modified == before


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("PUT", "/surveys/{surveyId}/languages", {"AvailableLanguages": ["EN", 1]}, "PLACEHOLDER_400"),
        ("PUT", METADATA, {"isActive": True}, "RP_9"),
        ("PUT", METADATA, {"SurveyName": None}, "PLACEHOLDER_400"),
        ("PUT", METADATA, {"SurveyStartDate": "2026-01-01T00:00:00Z"}, "PLACEHOLDER_400"),
        ("POST", "/survey-definitions/{surveyId}/versions", {"description": "x", "published": True}, "RP_9"),
        ("POST", "/survey-definitions/{surveyId}/quotas?quotaGroupId=QG_none", QUOTA, "PLACEHOLDER_404"),
        ("POST", "/survey-definitions/{surveyId}/questions?blockId=BL_none", TEXT, "PLACEHOLDER_404"),
        (
            "POST",
            "/survey-definitions/{surveyId}/quotagroups",
            {"Name": "x", "Quotas": ["QO_none"]},
            "PLACEHOLDER_404",
        ),
    ],
)
@asynchronous
async def test_the_sandbox_refuses_what_only_others_send(
    method: str, path: str, body: Any, code: str
) -> None:
    async with living() as (client, sandbox):
        state = sandbox.state
        template, _, query = path.partition("?")
        with pytest.raises((InvalidRequest, NotFound)) as refused:
            await client.request(
                method,
                template,
                state.survey_id,
                query=dict([query.split("=")]) if query else None,
                body=body,
                returns=None,
            )
        assert refused.value.error_code == code
