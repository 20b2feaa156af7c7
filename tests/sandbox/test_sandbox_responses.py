"""Surveys and responses of the sandbox over bare aiohttp: shapes, refusals, and bodies of any kind."""

from __future__ import annotations

import asyncio
import json
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import FormData
from hypothesis import given, settings
from hypothesis import strategies as st
from shapes import keys, sample
from speaking import Caller, asynchronous, speaking

from qualtrics_async.sandbox import ByPolls, Sandbox

if TYPE_CHECKING:
    from qualtrics_async.sandbox import State

QSF = "application/vnd.qualtrics.survey.qsf"
SURVEY = "/surveys/{survey}"
CALLS: list[tuple[str, str, str, Any]] = [
    ("GET", "response", SURVEY + "/responses/{response}", None),
    ("GET", "response_edits", SURVEY + "/responses/{response}/edits", None),
    ("POST", "response_created", SURVEY + "/responses", {"values": {}}),
    ("POST", "response_job_started", SURVEY + "/delete-responses", {"deletes": [{"responseId": "R_1"}]}),
    ("GET", "response_job_finished", SURVEY + "/update-responses/{job}", None),
    ("POST", "survey_session", SURVEY + "/sessions", {"embeddedData": {"shift": "day"}}),
    ("POST", "survey_session_finished", SURVEY + "/sessions/{session}", {"close": True}),
]
SAMPLE_DATA = {".result.values.QID7_TEXT", ".result.values.QID8", ".result.values.shift"} | {
    *(".result.labels.QID8", ".result.displayedValues.QID8")
}
"""What the sample's survey asks."""


async def arrange(call: Caller) -> dict[str, str]:
    """One of everything, by the names that the paths above use."""
    state, survey = call.sandbox.state, f"/surveys/{call.sandbox.state.survey_id}"
    response = state.add_response(state.survey_id, labels={"status": "IP Address", "finished": "True"})
    response.edits.append({"fieldId": "QID1", "previousValue": 1, "newValue": 2, "editedDate": "2026-01-01"})
    updates = {"updates": [{"responseId": response.id, "embeddedData": {}}]}
    job = (await call.post(f"{survey}/update-responses", updates)).result["progressId"]
    session = (await call.post(f"{survey}/sessions", {})).result["sessionId"]
    return {"survey": state.survey_id, "response": response.id, "job": job, "session": session}


async def ask(method: str, template: str, body: Any) -> Any:
    async with speaking(jobs=ByPolls(0)) as call:
        return (await call(method, template.format(**await arrange(call)), body)).json


@pytest.mark.parametrize(("method", "name", "template", "body"), CALLS)
def test_bodies_have_the_keys_of_the_samples(method: str, name: str, template: str, body: Any) -> None:
    answer = asyncio.run(ask(method, template, body))
    shown = {".result.displayedValues.QID1", ".result.displayedValues.QID3"}
    assert keys(answer) - shown == keys(sample(name)) - SAMPLE_DATA


@asynchronous
async def test_what_the_vendor_refuses_is_refused() -> None:
    async with speaking(jobs=ByPolls(0)) as call:
        ids = await arrange(call)
        survey, one = f"/surveys/{ids['survey']}", {"responseId": ids["response"], "embeddedData": {}}
        refused = [
            ("POST", f"{survey}/update-responses", {"updates": []}, None),
            ("POST", f"{survey}/update-responses", {}, "RP_10"),
            (
                "POST",
                f"{survey}/update-responses",
                {"updates": [one], "fileUrl": "https://a.example"},
                "RP_10",
            ),
            ("POST", f"{survey}/update-responses", {"updates": [one, one]}, None),
            ("POST", f"{survey}/update-responses", {"updates": [{"embeddedData": {}}]}, "RP_10"),
            ("POST", f"{survey}/update-responses", {"updates": [one | {"embeddedData": {"a": 1}}]}, None),
            ("POST", f"{survey}/delete-responses", {"deletes": []}, None),
            ("POST", f"{survey}/delete-responses", {}, "RP_10"),
            ("POST", f"{survey}/delete-responses", {"deletes": [one]}, "RP_9"),
            ("POST", f"{survey}/responses", {"values": {"recordedDate": "soon"}}, None),
            ("POST", f"{survey}/responses", {"values": {"finished": "yes"}}, None),
            ("POST", f"{survey}/responses", {}, "RP_10"),
            ("PUT", f"/responses/{ids['response']}", {"embeddedData": {}}, "RP_10"),
            ("PUT", f"/responses/{ids['response']}", {"surveyId": ids["survey"], "values": {}}, "RP_9"),
            ("POST", f"{survey}/sessions/{ids['session']}", {"advance": True, "close": True}, None),
            ("PUT", survey, {"isActive": "yes"}, None),
            ("PUT", survey, {"expiration": {"soon": True}}, "RP_9"),
            ("PATCH", f"{survey}/responses", {}, "RP_10"),
        ]
        for method, path, body, code in refused:
            answer = await call(method, path, body)
            assert (answer.status, answer.code) == (400, code or "PLACEHOLDER_400"), (path, body, answer.text)
        assert call.sandbox.state.responses.keys() == {ids["response"]}


@asynchronous
async def test_surveys_and_jobs_of_others_are_not_found() -> None:
    async with speaking(jobs=ByPolls(0)) as call:
        ids = await arrange(call)
        other = call.sandbox.state.add_survey("Other")
        for path in (
            "/surveys/SV_none/responses/R_1",
            f"/surveys/{other}/responses/{ids['response']}",
            f"/surveys/{other}/update-responses/{ids['job']}",
            f"/surveys/{ids['survey']}/delete-responses/{ids['job']}",
            f"/surveys/{other}/sessions/{ids['session']}",
        ):
            assert (await call.get(path)).status == 404, path


@pytest.mark.parametrize("mapping", ['{"file1": 5}', '{"file2": "QID1"}', "{}", "[]", "no json"])
@asynchronous
async def test_files_and_their_mapping_agree(mapping: str) -> None:
    async with speaking() as call:
        parts = {"response": '{"values": {}}', "fileMapping": mapping, "file1": "content"}
        form = FormData(default_to_multipart=True)
        for name, text in parts.items():
            form.add_field(name, text)
        answer = await call("POST", f"/surveys/{call.sandbox.state.survey_id}/responses", data=form)
        assert answer.status == 400
        assert call.sandbox.state.responses == {}


def ids_of(state: State) -> dict[str, str]:
    """Ids by their placeholders; the same for every sandbox of one seed."""
    session = {
        "sessionId": "FS_1",
        "language": "EN",
        "embeddedData": {},
        "answers": {},
        "page": 0,
        "started": 0,
    }
    state.shelf("session").put(state.survey_id, "FS_1", record=session)
    return {
        "surveyId": state.survey_id,
        "sessionId": "FS_1",
        "responseId": state.add_response(state.survey_id).id,
    }


IDS = ids_of(Sandbox().state)
READS = [
    "/surveys/{surveyId}",
    "/surveys/{surveyId}/response-schema",
    "/surveys/{surveyId}/responses/{responseId}",
    "/surveys/{surveyId}/sessions/{sessionId}",
]
KEYS = (
    *("recordedDate", "startDate", "finished", "status", "_recordId", "QID1", "QID2_TEXT", "cohort"),
    *("selected", "text", "values", "embeddedData", "updates", "responseId", "result", "viewPersonalData"),
    *("endDate", "name", "key", "value"),
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([*IDS.values(), "2026-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00"])
    | st.text(max_size=3)
)
BODIES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=12,
)
NAMED = st.dictionaries(st.sampled_from(KEYS), LEAVES, max_size=6)
ONE = st.fixed_dictionaries(
    {"responseId": st.just(IDS["responseId"])},
    optional={"embeddedData": NAMED, "values": NAMED, "resetRecordedDate": LEAVES, "decrementQuotas": LEAVES},
)
CHOICES = st.dictionaries(
    st.sampled_from(["1", "2", "9"]), NAMED | st.fixed_dictionaries({"selected": st.just(value=True)})
)
SURVEYS = "/surveys/{surveyId}"
SHAPES = {
    ("POST", f"{SURVEYS}/sessions"): st.fixed_dictionaries({"embeddedData": NAMED}),
    ("POST", f"{SURVEYS}/sessions/{{sessionId}}"): st.fixed_dictionaries(
        {"responses": st.dictionaries(st.sampled_from(["QID1", "QID2"]), CHOICES | LEAVES)},
        optional={"embeddedData": NAMED, "advance": LEAVES, "close": LEAVES},
    ),
    ("POST", f"{SURVEYS}/responses"): st.fixed_dictionaries({"values": NAMED}),
    ("PUT", "/responses/{responseId}"): st.fixed_dictionaries(
        {"surveyId": st.just(IDS["surveyId"]), "embeddedData": NAMED}
    ),
    ("PUT", SURVEYS): st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("name", "isActive", "expiration", "ownerId"), LEAVES | NAMED)
    ),
    ("POST", f"{SURVEYS}/permissions/collaborations"): st.fixed_dictionaries(
        {"userId": LEAVES, "permissions": NAMED | BODIES}
    ),
    ("POST", f"{SURVEYS}/embeddeddatafields"): st.fixed_dictionaries(
        {"embeddedDataFields": st.lists(st.fixed_dictionaries({"key": LEAVES}), max_size=3) | BODIES}
    ),
    ("POST", f"{SURVEYS}/update-responses"): st.fixed_dictionaries({"updates": st.lists(ONE, max_size=2)}),
    ("POST", f"{SURVEYS}/delete-responses"): st.fixed_dictionaries({"deletes": st.lists(ONE, max_size=2)}),
    ("PATCH", f"{SURVEYS}/responses"): st.fixed_dictionaries({"updates": st.lists(ONE, max_size=2)}),
    ("POST", f"{SURVEYS}/responses/op-aggregate"): BODIES,
    ("POST", f"{SURVEYS}/responses/op-get-with-options"): st.fixed_dictionaries({"responseIds": BODIES}),
}
"""Bodies that are nearly right, by operation."""
REQUESTS = st.one_of(
    *(st.tuples(st.just(route), shape) for route, shape in SHAPES.items()),
    st.tuples(st.sampled_from(list(SHAPES)), BODIES),
)


async def write(requests: list[tuple[tuple[str, str], Any]]) -> None:
    async with speaking(jobs=ByPolls(0)) as call:
        assert ids_of(call.sandbox.state) == IDS
        for (method, template), body in requests:
            answer = await call(method, template.format(**IDS), body)
            assert answer.status < 500, (method, template, body, answer.text)
        for template in READS:
            answer = await call.get(template.format(**IDS))
            assert answer.status in {200, 404}, (template, requests, answer.text)


@settings(max_examples=60, deadline=None)
@given(st.lists(REQUESTS, max_size=16))
def test_no_body_breaks_surveys_and_responses(requests: list[tuple[tuple[str, str], Any]]) -> None:
    asyncio.run(write(requests))


NAMES = ("SurveyEntry", "SurveyElements", "Element", "Payload", "QuestionID", "Choices", "QuestionType", "1")
JUNK = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(NAMES), inner), max_leaves=8
)


def file_of(junk: Any) -> Any:
    """A QSF file with one question, of junk."""
    fields = ("Choices", "QuestionType", "QuestionText", "Selector", "Validation", "DataExportTag")
    question = {"QuestionID": "QID1"} | dict.fromkeys(fields, junk)
    return {"SurveyEntry": {}, "SurveyElements": [{"Element": "SQ", "Payload": question}, junk]}


async def load(file: Any) -> None:
    async with speaking() as call:
        form = FormData()
        form.add_field("name", "Junk")
        form.add_field("file", BytesIO(json.dumps(file).encode()), content_type=QSF, filename="junk.qsf")
        answer = await call("POST", "/surveys", data=form)
        assert answer.status in (200, 400), answer.text
        if answer.status == 200:
            survey = f"/surveys/{answer.result['id']}"
            for path in (survey, f"{survey}/response-schema"):
                assert (await call.get(path)).status == 200
            made = await call.post(f"{survey}/responses", {"values": {"QID1": 1}})
            read = await call.get(f"{survey}/responses/{made.result['responseId']}")
            assert read.result["values"]["QID1"] == 1


@settings(max_examples=40, deadline=None)
@given(JUNK)
def test_no_file_breaks_the_sandbox(junk: Any) -> None:
    asyncio.run(load(file_of(junk)))
    asyncio.run(load(junk))
