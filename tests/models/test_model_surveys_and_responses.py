"""What the models around surveys and responses make of the wire."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from reading import body, read

from qualtrics_async.models.response_jobs import ResponseJobProgress, ResponseUpdate
from qualtrics_async.models.responses import Response
from qualtrics_async.models.sessions import SessionQuestion, SurveySession, SurveySessionStarted
from qualtrics_async.models.surveys import ResponsePermissions, SurveyPermissions


@pytest.mark.parametrize(
    ("sample", "finished", "failed"),
    [
        ("response_job_queued", False, False),
        ("response_job_running", False, False),
        ("response_job_finished", True, False),
        ("response_job_failed", True, True),
    ],
)
def test_jobs_say_how_they_stand(sample: str, finished: bool, failed: bool) -> None:
    progress = read(ResponseJobProgress, body(sample)["result"])
    assert (progress.is_finished, progress.is_failed) == (finished, failed)


def test_errors_of_a_job_are_a_list_however_php_writes_them() -> None:
    progress = read(ResponseJobProgress, body("response_job_failed")["result"])
    assert progress.errors == ["R_8rEsPoNsE000001 is locked"]
    assert progress.percent_complete == 100.0


def test_empty_parts_of_a_response_are_empty_objects() -> None:
    """PHP writes `[]` for an empty object, and numbered keys for a list with gaps."""
    response = read(Response, body("response_sparse")["result"])
    assert (response.labels, response.displayed_fields, response.displayed_values) == ({}, ["QID8"], {})


def test_a_session_is_read_and_kept_whole() -> None:
    wire = body("survey_session")["result"] | {"addedTomorrow": 1}
    session = read(SurveySession, wire)
    assert (session.session_id, session.embedded_data) == ("FS_6sEsSiOn000001", {"shift": "day"})
    text, choice = session.questions
    assert (text.question_id, text.type, text.display) == ("QID7", "te", "What did you eat?")
    assert (text.choices, text.options) == ([], {"columnLabels": []})
    assert [item["choiceId"] for item in choice.choices] == ["1", "2"]
    assert choice.options["multiSelect"] is False
    assert session.raw == wire
    assert repr(session) == "<SurveySession FS_6sEsSiOn000001>"


@pytest.mark.parametrize("wire", [{}, {"sessionId": None}, {"sessionId": 5}, []])
def test_a_session_that_was_started_has_its_id(wire: Any) -> None:
    """Without one there is nothing to go on with, so it is no answer."""
    started = read(SurveySessionStarted, body("survey_session")["result"])
    assert started.session_id == "FS_6sEsSiOn000001"
    assert len(started.questions) == 2
    with pytest.raises(msgspec.ValidationError, match="expected the id of the session"):
        read(SurveySessionStarted, wire)


def test_a_finished_session_has_no_page() -> None:
    session = read(SurveySession, body("survey_session_finished")["result"])
    assert (session.session_id, session.embedded_data, session.questions) == (None, {}, [])


@pytest.mark.parametrize("junk", [None, 5, "text", [1], {"a": 1}])
def test_no_attribute_of_a_session_fails_on_junk(junk: Any) -> None:
    """What is not understood is missing or empty, and stays in `raw`."""
    session = SurveySession(dict.fromkeys(("sessionId", "embeddedData", "questions"), junk))
    question = SessionQuestion(dict.fromkeys(("questionId", "type", "display", "choices", "options"), junk))
    plain = str(junk) if isinstance(junk, int | str) else None
    nested = {"a": 1} if isinstance(junk, dict) else {"0": 1} if isinstance(junk, list) else {}
    assert (session.session_id, session.embedded_data, session.questions) == (plain, nested, [])
    assert (question.question_id, question.type, question.display) == (plain, plain, plain)
    assert (question.choices, question.options) == ([], nested)
    assert session.raw["questions"] is junk


def test_permissions_always_have_every_key() -> None:
    """Nothing is allowed by default, and what is not allowed is said to be so."""
    some = SurveyPermissions(response=ResponsePermissions(view_response_id=True))
    wire = msgspec.to_builtins(some)
    assert {key: len(value) for key, value in wire.items()} == {
        "surveyDefinitionManipulation": 12,
        "surveyManagement": 7,
        "response": 5,
        "result": 4,
    }
    allowed = {(part, key) for part, keys in wire.items() for key, value in keys.items() if value}
    assert allowed == {("response", "viewResponseId")}


def test_full_permissions_are_all_of_them() -> None:
    wire = msgspec.to_builtins(SurveyPermissions.full())
    assert {value for keys in wire.values() for value in keys.values()} == {True}
    assert wire["result"].keys() == msgspec.to_builtins(SurveyPermissions())["result"].keys()


def test_an_update_leaves_out_what_it_does_not_say() -> None:
    update = ResponseUpdate(response_id="R_1", embedded_data={"shift": "night"})
    assert msgspec.to_builtins(update) == {"responseId": "R_1", "embeddedData": {"shift": "night"}}
