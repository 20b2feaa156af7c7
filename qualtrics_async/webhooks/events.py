"""What deliveries tell, by topic."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar, Final

import msgspec

from qualtrics_async.errors import DeliveryMalformed, TopicMismatch

__all__ = [
    "CompletedResponse",
    "Event",
    "PartialResponse",
    "ResponseEvent",
    "StartedRecipientSession",
    "SurveyActivated",
    "SurveyDeactivated",
    "SurveyEvent",
    "ThreeSixtyEvent",
    "event_of",
]


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened; of a topic that is not among the known ones, this class itself.

    `topic` is the one that was delivered, without the brand: `surveyengine.completedResponse.SV_...`.
    `fields` has all that came, by the service's names, unknown ones too; an open set (observed). `is_signed`
    tells whether a signature was verified: then `fields` are the service's, and where they show the type, so
    is the type. `topic` itself is never signed: of a 360 event or an unknown one it is only what was sent.
    `brand_id` is the message's; of what is not signed, where that has none, the one in front of the topic.
    """

    topic: str
    brand_id: str | None = None
    fields: dict[str, Any]
    is_signed: bool = False

    @property
    def occurred(self) -> datetime | None:
        """When it happened, in UTC, where the service says so."""
        return None

    @property
    def identity(self) -> tuple[str, ...] | None:
        """What two deliveries of one event have in common; None where nothing tells two events apart.

        Events without one are handed out each time they are delivered.
        """
        return None


class SurveyEvent(Event, frozen=True, kw_only=True):
    """Something that happened to a survey."""

    survey_id: str


class SurveyActivated(SurveyEvent, frozen=True, kw_only=True):
    """A survey was activated.

    It carries no date, so a redelivery looks like a second activation; and who got hold of a signed one can
    send it again at any time: no `max_age` refuses it. Ask the API whether the survey is active now.
    """

    word: ClassVar[str] = "controlpanel.activateSurvey"


class SurveyDeactivated(SurveyEvent, frozen=True, kw_only=True):
    """A survey was deactivated. Without a date, as an activation: it may be an old one, sent again."""

    word: ClassVar[str] = "controlpanel.deactivateSurvey"


class StartedRecipientSession(SurveyEvent, frozen=True, kw_only=True):
    """A recipient began to answer (documented in older pages). `recipient_id` is a contact lookup id."""

    word: ClassVar[str] = "surveyengine.startedRecipientSession"
    recipient_id: str | None = None
    distribution_id: str | None = None
    started_date: datetime | None = None

    @property
    def occurred(self) -> datetime | None:
        """When the session was started, in UTC."""
        return self.started_date

    @property
    def identity(self) -> tuple[str, ...] | None:
        """Recipient, distribution and start; None where the recipient or the start is missing."""
        began = self.fields.get("StartedDate")
        if not self.recipient_id or not began:
            return None
        return (self.word, self.survey_id, self.recipient_id, self.distribution_id or "", str(began))


class ResponseEvent(SurveyEvent, frozen=True, kw_only=True):
    """A response was recorded. `recipient_id` is a contact lookup id, CGC_... (observed)."""

    word: ClassVar[str]
    response_id: str
    completed_date: datetime | None = None
    recipient_id: str | None = None
    distribution_id: str | None = None
    response_event_context: str | None = None

    @property
    def occurred(self) -> datetime | None:
        """When the response was recorded, in UTC."""
        return self.completed_date

    @property
    def identity(self) -> tuple[str, ...] | None:
        """Topic, response and completion time; None where that is missing."""
        completed = self.fields.get("CompletedDate")
        return (self.word, self.survey_id, self.response_id, str(completed)) if completed else None


class CompletedResponse(ResponseEvent, frozen=True, kw_only=True):
    """A response was completed."""

    word: ClassVar[str] = "surveyengine.completedResponse"


class PartialResponse(ResponseEvent, frozen=True, kw_only=True):
    """A response was recorded although it is not complete."""

    word: ClassVar[str] = "surveyengine.partialResponse"


class ThreeSixtyEvent(Event, frozen=True, kw_only=True):
    """Something that happened in a 360 project; which fields it has is not documented anywhere.

    `name` is what the topic says after `threesixty.`: `reportReady`, `person.statusChanged`, ...
    """

    name: str


_KNOWN: Final[dict[str, type[SurveyEvent]]] = {
    cls.word: cls
    for cls in (
        CompletedResponse,
        PartialResponse,
        StartedRecipientSession,
        SurveyActivated,
        SurveyDeactivated,
    )
}
_STATUSES: Final[dict[str, type[SurveyEvent]]] = {
    "Complete": CompletedResponse,
    "Completed": CompletedResponse,
    "Partial": PartialResponse,
    "Started": StartedRecipientSession,
    "Active": SurveyActivated,
    "Inactive": SurveyDeactivated,
}
"""`Complete` is recorded, `Completed` is a public client's word, the others stand in older documentation."""

_SPACE: Final = re.compile(r"(?:\A|\.)(?=(?:surveyengine|controlpanel|threesixty)\.)")
_BARE: Final = frozenset({"Status", "SurveyID", "BrandID"})
"""All that an activation has; a 360 event with a status may have more."""


def event_of(delivered: str, fields: Mapping[str, Any], *, is_signed: bool) -> Event:
    """Make the event of a delivered topic and the fields of its message.

    Raises:
        DeliveryMalformed: when the ids are missing that events of its type have, or are no text.
        TopicMismatch: when the topic names something else than the fields.
    """
    told = {**fields}
    own_brand = _text(told, "BrandID")
    brand_id, topic = _split(delivered, own_brand)
    if not topic:
        raise DeliveryMalformed("a delivery whose topic names nothing")
    if is_signed:  # the topic is not
        brand_id = own_brand
    common: dict[str, Any] = {"topic": topic, "brand_id": brand_id, "fields": told, "is_signed": is_signed}
    word, subject = _word(topic)
    cls = _KNOWN.get(word)
    if cls is None:
        is_360 = topic.startswith("threesixty.")
        if (is_signed or is_360) and _is_unmistakable(told, is_360=is_360):
            raise TopicMismatch(f"the topic names something else than the message: {_status(told)}")
        if is_360:
            return ThreeSixtyEvent(name=topic.removeprefix("threesixty."), **common)
        return Event(**common)
    survey_id = _needed(told, "SurveyID", word)
    if subject not in ("", "*", survey_id):
        raise TopicMismatch(f"the topic of {word} names another survey than its SurveyID")
    event = _typed(cls, told, survey_id, common)
    shown = _shown(told)
    if shown is not cls and (is_signed or shown is not None):
        raise TopicMismatch(f"the topic names {word}, the message does not: {_status(told)}")
    return event


def _typed(
    cls: type[SurveyEvent], told: dict[str, Any], survey_id: str, common: dict[str, Any]
) -> SurveyEvent:
    if issubclass(cls, ResponseEvent):
        return cls(
            **common,
            survey_id=survey_id,
            response_id=_needed(told, "ResponseID", cls.word),
            completed_date=_instant(told.get("CompletedDate")),
            recipient_id=_text(told, "RecipientID"),
            distribution_id=_text(told, "DistributionID"),
            response_event_context=_text(told, "ResponseEventContext"),
        )
    if issubclass(cls, StartedRecipientSession):
        return cls(
            **common,
            survey_id=survey_id,
            recipient_id=_text(told, "RecipientID"),
            distribution_id=_text(told, "DistributionID"),
            started_date=_instant(told.get("StartedDate")),
        )
    return cls(**common, survey_id=survey_id)


def _split(delivered: str, brand_id: str | None) -> tuple[str | None, str]:
    """Take the brand off a delivered topic: what stands before the first known word; it may have dots."""
    if brand_id and delivered[: len(brand_id) + 1].casefold() == f"{brand_id}.".casefold():
        return brand_id, delivered[len(brand_id) + 1 :]
    known = _SPACE.search(delivered)
    if known is None or known.end() == 0:
        return brand_id, delivered
    if brand_id:
        raise TopicMismatch("the topic names another brand than the BrandID")
    return delivered[: known.start()] or None, delivered[known.end() :]


def _word(topic: str) -> tuple[str, str]:
    """What a topic is about, `surveyengine.completedResponse`, and of what, if it says so."""
    space, _, rest = topic.partition(".")
    name, _, subject = rest.partition(".")
    return f"{space}.{name}", subject


def _shown(told: Mapping[str, Any]) -> type[SurveyEvent] | None:
    """Find the type that the status shows by itself, without the topic."""
    status = told.get("Status")
    return _STATUSES.get(status) if isinstance(status, str) else None


def _is_unmistakable(told: Mapping[str, Any], *, is_360: bool) -> bool:
    """Whether the fields are those of a known type.

    360 events may have such a status as well: one of them is an activation only if it has nothing more.
    """
    cls = _shown(told)
    if cls is None or not told.get("SurveyID"):
        return False
    if issubclass(cls, ResponseEvent):
        return bool(told.get("ResponseID"))
    if cls is StartedRecipientSession:
        return "StartedDate" in told
    return not is_360 or told.keys() <= _BARE


def _status(told: Mapping[str, Any]) -> str:
    status = told.get("Status")
    return f"its Status is {status!r:.40}" if isinstance(status, str) else "it has no Status"


def _needed(told: Mapping[str, Any], name: str, word: str) -> str:
    found = _text(told, name)
    if found is None:
        raise DeliveryMalformed(f"a delivery of {word} without a {name}")
    return found


def _text(told: Mapping[str, Any], name: str) -> str | None:
    """Give a text; None for what is empty or no text, which stays in `fields` as it came."""
    found = told.get(name)
    return found if isinstance(found, str) and found else None


def _instant(found: object) -> datetime | None:
    """`2026-05-02 08:03:20` in UTC (observed), or ISO 8601; None for anything else."""
    if not isinstance(found, str):
        return None
    try:
        moment = datetime.fromisoformat(found.strip())
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
