"""Which event a topic and the fields of a message make, and which they contradict."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from webhook_making import DONE

from qualtrics_async import DeliveryMalformed, TopicMismatch
from qualtrics_async.webhooks import topics
from qualtrics_async.webhooks.events import (
    CompletedResponse,
    Event,
    PartialResponse,
    ResponseEvent,
    StartedRecipientSession,
    SurveyActivated,
    SurveyDeactivated,
    ThreeSixtyEvent,
    event_of,
)

STARTED = {
    "Status": "Started",
    "SurveyID": "SV_1",
    "RecipientID": "CGC_1",
    "DistributionID": "EMD_1",
    "StartedDate": "2026-05-02 08:03:20",
}
WHEN = datetime(2026, 5, 2, 8, 3, 20, tzinfo=UTC)
KINDS: dict[str, tuple[type[Event], str, dict[str, Any]]] = {
    "Complete": (CompletedResponse, "surveyengine.completedResponse.SV_1", DONE),
    "Completed": (CompletedResponse, "surveyengine.completedResponse.SV_1", DONE),
    "Partial": (PartialResponse, "surveyengine.partialResponse.SV_1", DONE),
    "Started": (StartedRecipientSession, "surveyengine.startedRecipientSession.SV_1", STARTED),
    "Active": (SurveyActivated, "controlpanel.activateSurvey", {"SurveyID": "SV_1"}),
    "Inactive": (SurveyDeactivated, "controlpanel.deactivateSurvey", {"SurveyID": "SV_1"}),
}


@pytest.mark.parametrize("is_signed", [True, False])
@pytest.mark.parametrize("status", KINDS)
def test_each_documented_status_has_its_topic(status: str, *, is_signed: bool) -> None:
    """With the brand in front or without, with the survey behind it or not."""
    cls, topic, fields = KINDS[status]
    fields = {**fields, "Status": status}
    word = ".".join(topic.split(".")[:2])
    for delivered in (topic, word, f"{word}.", f"{word}.*", f"{word}.SV_1"):
        for brand in ("", "examplebrand."):
            event = event_of(brand + delivered, fields, is_signed=is_signed)
            assert type(event) is cls
            assert event.topic == delivered
            assert event.is_signed == is_signed
            assert event.fields == fields


@pytest.mark.parametrize("is_signed", [True, False])
@pytest.mark.parametrize("status", KINDS)
def test_no_status_goes_with_the_topic_of_another(status: str, *, is_signed: bool) -> None:
    """Nor with a 360 topic: an activation is no deactivation, a partial response no whole one."""
    cls, _, fields = KINDS[status]
    fields = {**fields, "Status": status, "ResponseID": "R_1"} if "ResponseID" in fields else fields
    fields = {**fields, "Status": status}
    others = [topic for other, topic, _ in KINDS.values() if other is not cls]
    for topic in [*others, "threesixty.reportReady", "threesixty.person.statusChanged"]:
        needed = {"ResponseID": "R_1"} if topic.startswith("surveyengine") else {}
        with pytest.raises(TopicMismatch):
            event_of(topic, {**needed, **fields}, is_signed=is_signed)


@pytest.mark.parametrize("status", KINDS)
def test_a_signed_message_is_no_event_of_an_unknown_topic(status: str) -> None:
    """What the signature shows is what it is; unsigned, nothing is known but the topic."""
    _, _, fields = KINDS[status]
    fields = {**fields, "Status": status}
    for topic in ("surveyengine.completedresponse.SV_1", "surveyengine", "new.thing", "SV_1"):
        with pytest.raises(TopicMismatch):
            event_of(topic, fields, is_signed=True)
        assert type(event_of(topic, fields, is_signed=False)) is Event


@pytest.mark.parametrize("status", ["Active", "Inactive"])
def test_a_signed_activation_is_one_whatever_else_it_says(status: str) -> None:
    """Fields are an open set; a 360 event, of which nothing is known, may have such a status and more."""
    fields = {"Status": status, "SurveyID": "SV_1", "BrandID": "b", "CreatorID": "UR_1"}
    with pytest.raises(TopicMismatch):
        event_of("b.new.thing", fields, is_signed=True)
    assert isinstance(event_of("b.threesixty.statusChanged", fields, is_signed=True), ThreeSixtyEvent)
    assert event_of(KINDS[status][1], fields, is_signed=True).fields == fields


@pytest.mark.parametrize("status", [None, "", "complete", "New", 1, ["Complete"], {"a": [1]}])
def test_a_signed_message_shows_its_type_by_itself(status: Any) -> None:
    """A status that no source knows shows nothing, so the topic alone would decide; unsigned, it does."""
    fields = {**DONE, "Status": status}
    with pytest.raises(TopicMismatch) as caught:
        event_of("surveyengine.completedResponse.SV_1", fields, is_signed=True)
    assert len(str(caught.value)) < 200
    assert isinstance(event_of("surveyengine.partialResponse.SV_1", fields, is_signed=False), PartialResponse)


def test_a_long_status_is_cut() -> None:
    """What a stranger writes does not fill the log."""
    with pytest.raises(TopicMismatch) as caught:
        event_of("surveyengine.completedResponse", {**DONE, "Status": "x\n" * 9999}, is_signed=True)
    assert len(str(caught.value)) < 200
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("survey", ["SV_2", "SV_1.x", "SV_", "sv_1", "SV_1 ", "**"])
def test_another_survey(survey: str) -> None:
    """The topic may name the survey of the message, any or none."""
    for is_signed in (True, False):
        with pytest.raises(TopicMismatch, match="another survey"):
            event_of(f"surveyengine.completedResponse.{survey}", DONE, is_signed=is_signed)


@pytest.mark.parametrize(
    ("brand", "delivered", "expected"),
    [
        ("examplebrand", "examplebrand.surveyengine.x", ("examplebrand", "surveyengine.x")),
        ("ExampleBrand", "examplebrand.surveyengine.x", ("ExampleBrand", "surveyengine.x")),
        ("example.brand", "example.brand.surveyengine.x", ("example.brand", "surveyengine.x")),
        (None, "example.brand.surveyengine.x", ("example.brand", "surveyengine.x")),
        ("", "examplebrand.threesixty.x", ("examplebrand", "threesixty.x")),
        ("surveyengine", "surveyengine.surveyengine.x", ("surveyengine", "surveyengine.x")),
        ("examplebrand", "surveyengine.x", ("examplebrand", "surveyengine.x")),
        (None, "controlpanel.x", (None, "controlpanel.x")),
        (None, "a.threesixty.surveyengine.x", ("a", "threesixty.surveyengine.x")),
        (None, "asurveyengine.threesixty.x", ("asurveyengine", "threesixty.x")),
        (None, ".threesixty.x", (None, "threesixty.x")),
        (None, "brand.new.thing", (None, "brand.new.thing")),
        ("brand", "brand.new.thing", ("brand", "new.thing")),
        ("other", "brand.new.thing", ("other", "brand.new.thing")),
        ("other", "other.brand.surveyengine.x", ("other", "brand.surveyengine.x")),
        (["x"], "brand.surveyengine.x", ("brand", "surveyengine.x")),
    ],
)
def test_the_brand_comes_off(brand: Any, delivered: str, expected: tuple[str | None, str]) -> None:
    """Where the message names it, it is that one; else what stands before the first known word."""
    event = event_of(delivered, {"BrandID": brand}, is_signed=False)
    assert (event.brand_id, event.topic) == expected


@pytest.mark.parametrize("brand", [None, "", 5])
def test_what_is_signed_has_no_brand_of_the_topic(brand: Any) -> None:
    """The brand comes off the topic all the same, which anybody could have written."""
    for rest in ("surveyengine.completedResponse.SV_1", "threesixty.reportReady", "surveyengine.new"):
        fields = {**DONE, "Status": "Complete" if "SV_1" in rest else "Other", "BrandID": brand}
        event = event_of(f"evilbrand.{rest}", fields, is_signed=True)
        assert (event.brand_id, event.topic) == (None, rest)
        assert event_of(f"evilbrand.{rest}", fields, is_signed=False).brand_id == "evilbrand"


@pytest.mark.parametrize(
    "delivered",
    ["other.surveyengine.completedResponse.SV_1", "examplebrandx.threesixty.x", "x.controlpanel.x"],
)
def test_another_brand(delivered: str) -> None:
    """A topic of one brand on the message of another."""
    for is_signed in (True, False):
        with pytest.raises(TopicMismatch, match="another brand"):
            event_of(delivered, DONE, is_signed=is_signed)


def test_a_topic_of_nothing() -> None:
    """The brand alone is none."""
    for delivered in ("", "examplebrand."):
        with pytest.raises(DeliveryMalformed):
            event_of(delivered, DONE, is_signed=True)


@pytest.mark.parametrize("missing", [None, "", 1, ["SV_1"], {}])
def test_ids_are_needed(missing: Any) -> None:
    """An event without them cannot be followed up; absent, empty and no text are the same."""
    for name in ("SurveyID", "ResponseID"):
        for fields in ({**DONE, name: missing}, {key: value for key, value in DONE.items() if key != name}):
            with pytest.raises(DeliveryMalformed, match=name):
                event_of("surveyengine.completedResponse", fields, is_signed=True)
    with pytest.raises(DeliveryMalformed, match="SurveyID"):
        event_of("controlpanel.activateSurvey", {"Status": "Active", "SurveyID": missing}, is_signed=True)


@pytest.mark.parametrize("odd", [None, "", 0, 5, ["x"], {"a": 1}])
def test_what_is_optional_refuses_nothing(odd: Any) -> None:
    """Of another type than is recorded it stays in the fields, and no event is lost for it."""
    names = ("RecipientID", "DistributionID", "ResponseEventContext", "CompletedDate", "BrandID")
    event = event_of("surveyengine.completedResponse", DONE | dict.fromkeys(names, odd), is_signed=True)
    assert isinstance(event, CompletedResponse)
    assert (event.recipient_id, event.distribution_id, event.response_event_context) == (None, None, None)
    assert (event.completed_date, event.brand_id) == (None, None)
    assert event.fields["RecipientID"] == odd


def test_what_a_response_event_has() -> None:
    """All that is recorded, and what is new in `fields`."""
    fields = {
        **DONE,
        "RecipientID": "CGC_1",
        "DistributionID": "EMD_1",
        "ResponseEventContext": "x",
        "CreatorID": "UR_1",
    }
    event = event_of("examplebrand.surveyengine.completedResponse.SV_1", fields, is_signed=True)
    assert event == CompletedResponse(
        topic="surveyengine.completedResponse.SV_1",
        brand_id="examplebrand",
        fields=fields,
        is_signed=True,
        survey_id="SV_1",
        response_id="R_1",
        completed_date=WHEN,
        recipient_id="CGC_1",
        distribution_id="EMD_1",
        response_event_context="x",
    )
    assert event.occurred == WHEN


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2026-05-02 08:03:20", WHEN),
        ("2026-05-02T08:03:20Z", WHEN),
        ("2026-05-02T10:03:20+02:00", WHEN),
        (" 2026-05-02 08:03:20.5 ", WHEN + timedelta(seconds=0.5)),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-14:00", None),
        ("2026-02-30 08:03:20", None),
        ("1777708800", None),
        ("", None),
        ("9" * 10_000, None),
    ],
)
def test_dates(written: str, expected: datetime | None) -> None:
    """As recorded, in UTC, or ISO 8601; what cannot be read is no error."""
    for topic, name, status in (
        ("surveyengine.partialResponse", "CompletedDate", "Partial"),
        ("surveyengine.startedRecipientSession", "StartedDate", "Started"),
    ):
        event = event_of(topic, {**DONE, "Status": status, name: written}, is_signed=True)
        assert event.occurred == expected
        assert event.occurred is None or event.occurred.tzinfo is UTC


def identity(topic: str, fields: dict[str, Any], **changes: Any) -> tuple[str, ...] | None:
    return event_of(topic, {**fields, **changes}, is_signed=False).identity


def test_what_two_deliveries_of_one_event_have_in_common() -> None:
    """Type, survey, response and completion time, and nothing else: neither brand nor new fields."""
    topic = topics.completed_response("SV_1")
    first = identity(topic, DONE)
    assert first == ("surveyengine.completedResponse", "SV_1", "R_1", "2026-05-02 08:03:20")
    assert identity(f"examplebrand.{topic}", DONE, RecipientID="CGC_1", New="x") == first
    assert identity("surveyengine.completedResponse.*", DONE) == first
    changed = [
        identity("surveyengine.completedResponse", DONE, SurveyID="SV_2"),
        identity(topic, DONE, ResponseID="R_2"),
        identity(topic, DONE, CompletedDate="2026-05-02 08:03:21"),
        identity("surveyengine.partialResponse", DONE, Status="Partial"),
    ]
    assert len({first, *changed}) == 5


def test_the_identity_of_a_session() -> None:
    """Recipient, distribution and start; without recipient or start two sessions could be one."""
    topic = "surveyengine.startedRecipientSession.SV_1"
    first = identity(topic, STARTED)
    assert first is not None
    assert identity(topic, STARTED, Other="x") == first
    assert len({first, *(identity(topic, STARTED, **{name: "x"}) for name in list(STARTED)[2:])}) == 4
    assert identity(topic, STARTED, RecipientID="") is None
    assert identity(topic, STARTED, StartedDate=None) is None


@pytest.mark.parametrize("date", [None, "", 0])
def test_responses_without_their_date_have_no_identity(date: Any) -> None:
    """One response may be recorded as partial more than once, and nothing would tell the times apart."""
    for name, status in (("partialResponse", "Partial"), ("completedResponse", "Complete")):
        topic = f"surveyengine.{name}"
        assert identity(topic, DONE, Status=status, CompletedDate=date) is None
        assert identity(topic, {"SurveyID": "SV_1", "ResponseID": "R_1"}) is None


def test_events_that_may_happen_twice_have_no_identity() -> None:
    """A survey can be activated again, and nothing would tell the second time from the first."""
    for topic in (topics.SURVEY_ACTIVATED, topics.SURVEY_DEACTIVATED, topics.THREE_SIXTY_REPORT_READY, "new"):
        assert identity(topic, {"SurveyID": "SV_1"}) is None


def test_360_events() -> None:
    """Their fields are not documented: a status of their own is none of a response's."""
    fields = {"Status": "Complete", "ProjectID": "x"}
    event = event_of("examplebrand.threesixty.person.statusChanged", fields, is_signed=True)
    assert event == ThreeSixtyEvent(
        topic=topics.THREE_SIXTY_PERSON_STATUS_CHANGED,
        fields=fields,
        is_signed=True,
        name="person.statusChanged",
    )
    more = {"Status": "Active", "SurveyID": "SV_1", "PersonID": "x"}
    assert isinstance(event_of("threesixty.statusChanged", more, is_signed=True), ThreeSixtyEvent)


def test_the_fields_are_a_copy() -> None:
    """Who changes the mapping later changes no event."""
    fields = dict(DONE)
    event = event_of("surveyengine.completedResponse", fields, is_signed=True)
    fields.clear()
    assert event.fields == DONE
    assert isinstance(event, ResponseEvent)
    with pytest.raises(AttributeError):
        event.response_id = "R_2"  # type: ignore[misc]


def test_a_zone_that_is_not_utc_is_converted() -> None:
    """An instant is one instant, however it is written."""
    zone = timezone(timedelta(hours=-7))
    event = event_of(
        "surveyengine.completedResponse",
        {**DONE, "CompletedDate": WHEN.astimezone(zone).isoformat()},
        is_signed=True,
    )
    assert event.occurred == WHEN
