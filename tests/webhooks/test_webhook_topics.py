"""Topics: what one subscribes to, and that deliveries of them are known."""

from __future__ import annotations

import pytest

from qualtrics_async import UsageError, webhooks
from qualtrics_async.webhooks import topics
from qualtrics_async.webhooks.events import (
    CompletedResponse,
    PartialResponse,
    StartedRecipientSession,
    SurveyActivated,
    SurveyDeactivated,
    ThreeSixtyEvent,
    event_of,
)

BUILDERS = {
    topics.completed_response: CompletedResponse,
    topics.partial_response: PartialResponse,
    topics.started_recipient_session: StartedRecipientSession,
}
FIELDS = {"SurveyID": "SV_1", "ResponseID": "R_1"}


def test_the_constants_are_those_of_the_service() -> None:
    """Word for word, as clients in production subscribe to them."""
    named = {name: getattr(topics, name) for name in topics.__all__ if name.isupper()}
    assert named == {
        "ALL": "*",
        "ALL_THREE_SIXTY": "threesixty.*",
        "SURVEY_ACTIVATED": "controlpanel.activateSurvey",
        "SURVEY_DEACTIVATED": "controlpanel.deactivateSurvey",
        "THREE_SIXTY_CREATED": "threesixty.created",
        "THREE_SIXTY_EVALUATION_STATUS_CHANGED": "threesixty.evaluationStatusChanged",
        "THREE_SIXTY_NOMINATION_CREATED": "threesixty.nominationCreated",
        "THREE_SIXTY_NOMINATION_REMOVED": "threesixty.nominationRemoved",
        "THREE_SIXTY_PERSON_STATUS_CHANGED": "threesixty.person.statusChanged",
        "THREE_SIXTY_REPORT_READY": "threesixty.reportReady",
        "THREE_SIXTY_STATUS_CHANGED": "threesixty.statusChanged",
    }


def test_they_are_found_where_one_looks() -> None:
    """By `dir()` and whatever completes names."""
    assert {"topics", *webhooks.__all__} == {*dir(webhooks)}


def test_the_builders() -> None:
    """One survey, or any."""
    assert topics.completed_response("SV_1") == "surveyengine.completedResponse.SV_1"
    assert topics.completed_response() == "surveyengine.completedResponse.*"
    assert topics.partial_response("SV_1") == "surveyengine.partialResponse.SV_1"
    assert topics.partial_response() == "surveyengine.partialResponse.*"
    assert topics.started_recipient_session("SV_1") == "surveyengine.startedRecipientSession.SV_1"
    assert topics.started_recipient_session() == "surveyengine.startedRecipientSession.*"


@pytest.mark.parametrize(
    "survey_id", ["", " ", "SV_1 ", "SV.1", "SV_*", "**", "SV_1,SV_2", "SV_1\n", "_", "SV_é"]
)
def test_no_other_topic_comes_out_of_a_builder(survey_id: str) -> None:
    """An empty id would subscribe to something else, silently."""
    for builder in BUILDERS:
        with pytest.raises(UsageError, match="survey id"):
            builder(survey_id)


def test_what_is_built_is_known_when_it_is_delivered() -> None:
    """The words of topics and of events are the same ones."""
    for builder, cls in BUILDERS.items():
        assert type(event_of(f"examplebrand.{builder('SV_1')}", FIELDS, is_signed=False)) is cls
    assert type(event_of(topics.SURVEY_ACTIVATED, FIELDS, is_signed=False)) is SurveyActivated
    assert type(event_of(topics.SURVEY_DEACTIVATED, FIELDS, is_signed=False)) is SurveyDeactivated
    for name in topics.__all__:
        if name.startswith("THREE_SIXTY_"):
            event = event_of(getattr(topics, name), {}, is_signed=False)
            assert isinstance(event, ThreeSixtyEvent)
            assert event.topic == f"threesixty.{event.name}"


@pytest.mark.parametrize(
    "topic",
    [
        *(getattr(topics, name) for name in topics.__all__ if name.isupper()),
        *(builder(survey) for builder in BUILDERS for survey in ("SV_1aB", "*")),
        *("controlpanel.*", "surveyengine.*", "threesixty.person.*", "surveyengine.completed*"),
    ],
)
def test_no_doubt_about_what_is_known(topic: str) -> None:
    assert topics.doubt_about(topic) is None


@pytest.mark.parametrize(
    ("topic", "meant"),
    [
        ("controlpanel.activatesurvey", "controlpanel.activateSurvey"),
        ("controlpanel.deactivated", "controlpanel.deactivateSurvey"),
        ("surveyengine.completedRespons.*", "surveyengine.completedResponse.*"),
        ("surveyEngine.partialresponse.SV_1", "surveyengine.partialResponse.SV_1"),
        ("surveyengine.startedRecipientSessions.SV_1", "surveyengine.startedRecipientSession.SV_1"),
        ("surveyengine.completedResponse", "surveyengine.completedResponse.*"),
        ("surveyengine.completedResponse.", "surveyengine.completedResponse.*"),
        ("surveyengine.completedResponse.SV_", "surveyengine.completedResponse.*"),
        ("surveyengine.completedResponse.R_1", "surveyengine.completedResponse.*"),
        ("SV_1", "surveyengine.completedResponse.SV_1"),
        ("threesixty.reportready", "threesixty.reportReady"),
        ("threesixy.*", "threesixty.*"),
        ("brand.surveyengine.completedResponse.SV_1", "surveyengine.completedResponse.SV_1"),
        ("brand.controlpanel.*", "controlpanel.*"),
    ],
)
def test_a_doubt_names_what_may_be_meant(topic: str, meant: str) -> None:
    doubt = topics.doubt_about(topic)
    assert doubt is not None
    assert doubt.startswith(f"the topic {topic} ")
    assert doubt.endswith(f"perhaps {meant} is meant")


@pytest.mark.parametrize("topic", ["x", "brand.*", ".", "newengine.event"])
def test_a_doubt_about_what_is_like_nothing(topic: str) -> None:
    assert topics.doubt_about(topic) == f"the topic {topic} is not known; see `webhooks.topics`"
