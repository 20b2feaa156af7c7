"""Surveys, sessions and responses, by the real client against a sandbox."""

from __future__ import annotations

import json

import pytest
from living import living
from speaking import asynchronous

from qualtrics_async import InvalidRequest, JobFailed, NotFound, OutcomeUnknown
from qualtrics_async._core.uploads import FilePart
from qualtrics_async.models.response_jobs import ResponseUpdate
from qualtrics_async.models.surveys import EmbeddedDataField, ResultPermissions, SurveyPermissions
from qualtrics_async.sandbox import ByPolls

QSF = json.dumps(
    {
        "SurveyEntry": {"SurveyName": "Kitchen"},
        "SurveyElements": [
            {"Element": "FL", "Payload": {"Flow": []}},
            {
                "Element": "SQ",
                "Payload": {"QuestionID": "QID5", "QuestionType": "TE", "QuestionText": "Too salty?"},
            },
        ],
    }
).encode()


@asynchronous
async def test_a_survey_is_imported_changed_and_deleted() -> None:
    async with living() as (client, sandbox):
        state = sandbox.state
        made = await client.surveys.import_survey(QSF, name="Kitchen 2026")
        assert (made.name, state.surveys[made.id].active) == ("Kitchen 2026", False)
        assert list(state.surveys[made.id].definition["Questions"]) == ["QID5"]
        await client.surveys.update(
            made.id, name="Kitchen", is_active=True, end_date="2026-12-31T00:00:00Z", owner_id="UR_2"
        )
        survey = await client.surveys.get(made.id)
        assert (survey.name, survey.is_active, survey.owner_id) == ("Kitchen", True, "UR_2")
        assert survey.expiration is not None
        assert survey.expiration.start_date is None
        assert survey.expiration.end_date is not None
        assert survey.expiration.end_date.year == 2026
        assert survey.questions is not None
        assert survey.questions["QID5"]["questionText"] == "Too salty?"
        assert survey.blocks is not None
        assert [block["elements"] for block in survey.blocks.values()] == [
            [{"type": "Question", "questionId": "QID5"}]
        ]
        assert made.id in [listed.id async for listed in client.surveys.list()]
        await client.surveys.delete(made.id)
        assert list(state.surveys) == [state.survey_id]
        with pytest.raises(NotFound):
            await client.surveys.get(made.id)


@asynchronous
async def test_what_was_exported_can_be_imported() -> None:
    async with living() as (client, sandbox):
        state = sandbox.state
        exported = await client.survey_definitions.get(state.survey_id, format="qsf")
        made = await client.surveys.import_survey(json.dumps(exported.raw).encode(), name="Again")
        before, after = state.surveys[state.survey_id].definition, state.surveys[made.id].definition
        for part in ("Questions", "Blocks", "SurveyFlow"):
            assert after[part] == before[part]
        assert (after["SurveyName"], after["SurveyStatus"]) == ("Again", "Inactive")


@asynchronous
async def test_a_survey_comes_from_an_address_too() -> None:
    async with living() as (client, sandbox):
        state = sandbox.state
        made = await client.surveys.import_survey(name="Far", file_url="https://files.example.com/far.qsf")
        assert state.surveys[made.id].name == "Far"


@asynchronous
async def test_a_file_that_is_no_survey_is_refused() -> None:
    async with living() as (client, sandbox):
        state = sandbox.state
        for content, kind in ((b"no json", None), (b"{}", None), (b"%PDF-", "application/pdf")):
            options = {} if kind is None else {"content_type": kind}
            with pytest.raises(InvalidRequest):
                await client.surveys.import_survey(content, name="Kitchen", **options)
        assert list(state.surveys) == [state.survey_id]


@asynchronous
async def test_a_survey_is_shared() -> None:
    async with living() as (client, sandbox):
        state = sandbox.state
        survey = state.surveys[state.survey_id]
        view = SurveyPermissions(result=ResultPermissions(view_survey_results=True))
        await client.surveys.share(survey.id, view, user_id="UR_2")
        await client.surveys.share(survey.id, SurveyPermissions.full(), recipient_id="UR_3")
        assert survey.collaborations["UR_2"]["result"]["viewSurveyResults"] is True
        assert survey.collaborations["UR_2"]["surveyManagement"]["deleteSurveys"] is False
        assert survey.collaborations["UR_3"]["surveyManagement"]["deleteSurveys"] is True
        with pytest.raises(InvalidRequest) as caught:
            await client.surveys.share(survey.id, {"result": {"viewSurveyResults": True}}, user_id="UR_4")
        assert caught.value.error_code == "RP_10"
        assert survey.collaborations.keys() == {"UR_2", "UR_3"}


@asynchronous
async def test_embedded_data_joins_the_flow() -> None:
    async with living() as (client, sandbox):
        state = sandbox.state
        fields = [EmbeddedDataField(key="shift"), EmbeddedDataField(key="year", value="2026", type="number")]
        await client.surveys.insert_embedded_data_fields(state.survey_id, fields)
        survey = await client.surveys.get(state.survey_id)
        assert survey.embedded_data == [{"name": "shift"}, {"name": "year"}, {"name": "cohort"}]
        flow = state.surveys[state.survey_id].definition["SurveyFlow"]["Flow"]
        assert len({element["FlowID"] for element in flow}) == len(flow) == 3
        assert flow[0]["EmbeddedData"][1]["Value"] == "2026"
        # Without the count that files have, and with a gap, every element still gets an id of its own.
        whole = state.surveys[state.survey_id].definition["SurveyFlow"]
        del whole["Properties"], whole["Flow"][1]
        for _ in range(2):
            await client.surveys.insert_embedded_data_fields(state.survey_id, fields)
        assert len({element["FlowID"] for element in whole["Flow"]} | {whole["FlowID"]}) == 5
        assert whole["Properties"]["Count"] == 5


@asynchronous
async def test_quotas_are_counted() -> None:
    async with living() as (client, sandbox):
        state = sandbox.state
        assert await client.surveys.quotas(state.survey_id).collect() == []
        quota = {"Name": "Day", "Occurrences": 40, "Logic": {}, "QuotaAction": "None", "QuotaRealm": "Survey"}
        for name in ("Day", "Night"):
            await client.survey_definitions.quotas.create(state.survey_id, quota | {"Name": name})
        found = await client.surveys.quotas(state.survey_id).collect()
        assert [(quota.name, quota.count, quota.quota) for quota in found] == [
            ("Day", 0, 40),
            ("Night", 0, 40),
        ]
        assert all(quota.id.startswith("QO_") for quota in found)


@asynchronous
async def test_a_respondent_goes_through_a_survey() -> None:
    async with living() as (client, sandbox):
        state = sandbox.state
        sessions, survey_id = client.sessions, state.survey_id
        session = await sessions.start(survey_id, language="FR", embedded_data={"cohort": "2026"})
        session_id = session.session_id
        assert [question.question_id for question in session.questions] == ["QID1"]
        assert [choice["choiceId"] for choice in session.questions[0].choices] == ["1", "2", "4"]
        answers = {"QID1": {"1": {"selected": False}, "4": {"selected": True, "text": "So so"}}}
        page = await sessions.update(survey_id, session_id, answers, advance=True)
        assert [question.type for question in page.questions] == ["te", "mc"]
        again = await sessions.get(survey_id, session_id)
        assert again.raw == page.raw
        assert state.responses == {}
        end = await sessions.update(
            survey_id, session_id, {"QID2": "No reason"}, embedded_data={"cohort": "2027"}, advance=True
        )
        assert end.questions == []
        (response,) = state.responses.values()
        read = await client.responses.get(survey_id, response.id)
        expected = {
            "QID1": 4,
            "QID1_4_TEXT": "So so",
            "QID2_TEXT": "No reason",
            "cohort": "2027",
            "finished": 1,
            "userLanguage": "FR",
        }
        assert {key: read.values[key] for key in expected} == expected
        assert read.labels == {"status": "IP Address", "finished": "True", "QID1": "Other"}
        with pytest.raises(NotFound):
            await sessions.get(survey_id, session_id)


@asynchronous
async def test_sessions_end_early_or_without_a_response() -> None:
    async with living() as (client, sandbox):
        state = sandbox.state
        first = await client.sessions.start(state.survey_id)
        second = await client.sessions.start(state.survey_id)
        await client.sessions.delete(state.survey_id, first.session_id)
        assert state.responses == {}
        await client.sessions.update(state.survey_id, second.session_id, close=True)
        (response,) = state.responses.values()
        assert (response.values["finished"], response.values["progress"]) == (0, 50)


@asynchronous
async def test_what_sessions_cannot_do_is_refused() -> None:
    async with living() as (client, sandbox):
        state = sandbox.state
        session = await client.sessions.start(state.survey_id)
        for answers in ({"QID9": "a"}, {"QID1": {"3": {"selected": True}}}, {"QID1": 5}):
            with pytest.raises(InvalidRequest):
                await client.sessions.update(state.survey_id, session.session_id, answers)
        await client.surveys.update(state.survey_id, is_active=False)
        with pytest.raises(InvalidRequest, match="not active"):
            await client.sessions.start(state.survey_id)


@asynchronous
async def test_a_response_is_created_read_changed_and_deleted() -> None:
    async with living() as (client, sandbox):
        state = sandbox.state
        responses, survey_id = client.responses, state.survey_id
        made = await responses.create(
            survey_id, {"QID1": 2, "cohort": "2026", "recordedDate": "2026-01-02T03:04:05Z"}
        )
        read = await responses.get(survey_id, made.response_id)
        assert (read.values["QID1"], read.values["cohort"]) == (2, "2026")
        assert read.labels == {"status": "IP Address", "finished": "True", "QID1": "High"}
        assert read.displayed_fields == ["QID1", "QID1_4_TEXT", "QID2_TEXT", "QID3"]
        assert read.displayed_values == {"QID1": [1, 2, 4], "QID3": [1, 2, 3]}
        assert state.responses[made.response_id].recorded == 1_767_323_045_000
        update = {"cohort": "2027"}
        await responses.update(made.response_id, update, survey_id=survey_id, reset_recorded_date=False)
        kept = await responses.get(survey_id, made.response_id)
        assert (kept.values["cohort"], kept.values["recordedDate"]) == ("2027", "2026-01-02T03:04:05Z")
        await responses.update(made.response_id, {}, survey_id=survey_id)
        assert state.responses[made.response_id].values["recordedDate"] > "2026-01-02T03:04:05Z"
        await responses.delete(survey_id, made.response_id, decrement_quotas=True)
        assert state.responses == {}
        counts = (await client.surveys.get(survey_id)).response_counts
        assert counts is not None
        assert (counts.auditable, counts.deleted) == (0, 1)
        with pytest.raises(NotFound):
            await responses.update(made.response_id, {}, survey_id=survey_id)


@asynchronous
async def test_the_schema_names_what_a_response_has() -> None:
    async with living() as (client, sandbox):
        state = sandbox.state
        state.add_response(state.survey_id, {"QID1": 2, "QID2_TEXT": "a", "cohort": "2026"})
        schema = await client.responses.schema(state.survey_id)
        values = schema["properties"]["values"]["properties"]
        (response,) = state.responses.values()
        assert response.values.keys() - values.keys() == {"locationLatitude", "locationLongitude"}
        assert values["QID1"]["type"] == "number"


@asynchronous
async def test_files_of_a_response_come_back() -> None:
    async with living() as (client, sandbox):
        state = sandbox.state
        content = bytes(range(256)) * 100
        files = {"QID3": FilePart(content, "a b.bin"), "QID4": FilePart(b"", "empty.txt", "text/plain")}
        made = await client.responses.create(state.survey_id, {"cohort": "2026"}, files=files)
        values = state.responses[made.response_id].values
        assert (values["QID3_FILE_NAME"], values["QID3_FILE_SIZE"]) == ("a b.bin", 25_600)
        assert values["QID4_FILE_TYPE"] == "text/plain"
        ids = state.survey_id, made.response_id, values["QID3_FILE_ID"]
        async with client.responses.uploaded_file(*ids) as file:
            assert await file.read(1_000_000) == content
        with pytest.raises(NotFound):
            async with client.responses.uploaded_file(*ids[:2], "F_none"):
                pass


@asynchronous
async def test_nothing_is_created_twice_on_doubt() -> None:
    """The answer is cut off after the response was made: the client says so and does not send it again."""
    async with living() as (client, sandbox):
        state = sandbox.state
        sandbox.faults.add(kind="cut", route="POST /surveys/{surveyId}/responses", when="after")
        with pytest.raises(OutcomeUnknown):
            await client.responses.create(state.survey_id, {"QID1": 1})
        assert len(state.responses) == 1


@asynchronous
async def test_many_responses_are_updated() -> None:
    async with living(jobs=ByPolls(3)) as (client, sandbox):
        state = sandbox.state
        made = [state.add_response(state.survey_id, {"cohort": "2026"}) for _ in range(3)]
        recorded = made[0].values["recordedDate"]
        updates = [
            ResponseUpdate(
                response_id=response.id, embedded_data={"cohort": "2027"}, reset_recorded_date=False
            )
            for response in made
        ]
        missing = ResponseUpdate(response_id="R_none", embedded_data={})
        progress = await client.response_updates.run(state.survey_id, [*updates, missing])
        assert (progress.status, progress.error_count, progress.warning_count) == ("complete", 1, 0)
        assert progress.errors == ["No such response: R_none"]
        assert {response.values["cohort"] for response in made} == {"2027"}
        assert made[0].values["recordedDate"] == recorded
        ignored = await client.response_updates.run(state.survey_id, [missing], ignore_missing_responses=True)
        assert ignored.error_count == 0
        far = await client.response_updates.run(state.survey_id, file_url="https://files.example.com/u.json")
        assert far.is_finished


@asynchronous
async def test_jobs_of_one_survey_stand_in_a_queue() -> None:
    async with living(jobs=ByPolls(2)) as (client, sandbox):
        state = sandbox.state
        updates = [ResponseUpdate(response_id=state.add_response(state.survey_id).id, embedded_data={})]
        jobs = client.response_updates
        first = await jobs.start(state.survey_id, updates)
        second = await jobs.start(state.survey_id, updates)
        words = [
            (await jobs.progress(state.survey_id, started.progress_id)).status
            for started in (second, first, second, second)
        ]
        assert words == ["queued", "complete", "inProgress", "complete"]
        third = await jobs.start(state.survey_id, updates)
        path = f"/surveys/{state.survey_id}/delete-responses"
        body = {"deletes": [{"responseId": "R_none"}]}
        sent = await client.request("POST", path, body=body, returns=dict)
        assert (await client.request("GET", f"{path}/{sent['progressId']}", returns=dict))[
            "status"
        ] == "queued"
        assert (await jobs.progress(state.survey_id, third.progress_id)).status == "complete"


@asynchronous
async def test_a_job_that_fails_changes_nothing() -> None:
    async with living() as (client, sandbox):
        state = sandbox.state
        response = state.add_response(state.survey_id, {"cohort": "2026"})
        sandbox.faults.add(kind="failed_job", route="POST /surveys/{surveyId}/delete-responses")
        with pytest.raises(JobFailed) as caught:
            await client.response_deletions.run(state.survey_id, [response.id], confirm=True)
        assert caught.value.status == "failed"
        assert list(state.responses) == [response.id]


@asynchronous
async def test_many_responses_are_deleted() -> None:
    async with living() as (client, sandbox):
        state = sandbox.state
        doomed, kept = (state.add_response(state.survey_id) for _ in range(2))
        elsewhere = state.add_response(state.add_survey("Other"))
        done = await client.response_deletions.run(
            state.survey_id, [doomed.id, elsewhere.id], confirm=True, decrement_quotas=False
        )
        assert (done.status, done.error_count) == ("complete", 1)
        assert list(state.responses) == [kept.id, elsewhere.id]


@asynchronous
async def test_answers_are_edited_and_the_edits_remembered() -> None:
    async with living() as (client, sandbox):
        state = sandbox.state
        edits, response = client.response_edits, state.add_response(state.survey_id, {"QID1": 1})
        other = state.add_response(state.survey_id)
        body = {"updates": [{"responseId": response.id, "values": {"QID1": 2}}]}
        done = await edits.run(state.survey_id, body)
        assert (done.status, response.values["QID1"]) == ("complete", 2)
        (edit,) = (await edits.get(state.survey_id, response.id))["elements"]
        assert (edit["fieldId"], edit["previousValue"], edit["newValue"]) == ("QID1", 1, 2)
        assert (await edits.aggregate(state.survey_id, {}))["count"] == 2
        found = await edits.get_with_options(state.survey_id, {"responseIds": [other.id]})
        assert [element["responseId"] for element in found["elements"]] == [other.id]
        update = ResponseUpdate(response_id=response.id, embedded_data={})
        await client.response_updates.run(state.survey_id, [update], remove_edits=True)
        assert (await edits.get(state.survey_id, response.id))["elements"] == []
