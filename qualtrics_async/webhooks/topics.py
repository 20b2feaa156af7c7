"""What one can subscribe to.

A topic is one text, exact or with `*` for the rest of it (documented). Deliveries name it with the brand in
front, subscriptions without (observed).
"""

from __future__ import annotations

import re
from typing import Final

from qualtrics_async.errors import UsageError

__all__ = [
    "ALL",
    "ALL_THREE_SIXTY",
    "SURVEY_ACTIVATED",
    "SURVEY_DEACTIVATED",
    "THREE_SIXTY_CREATED",
    "THREE_SIXTY_EVALUATION_STATUS_CHANGED",
    "THREE_SIXTY_NOMINATION_CREATED",
    "THREE_SIXTY_NOMINATION_REMOVED",
    "THREE_SIXTY_PERSON_STATUS_CHANGED",
    "THREE_SIXTY_REPORT_READY",
    "THREE_SIXTY_STATUS_CHANGED",
    "completed_response",
    "covers",
    "doubt_about",
    "partial_response",
    "started_recipient_session",
]

ALL: Final = "*"
"""Everything that happens in the brand."""

SURVEY_ACTIVATED: Final = "controlpanel.activateSurvey"
SURVEY_DEACTIVATED: Final = "controlpanel.deactivateSurvey"

ALL_THREE_SIXTY: Final = "threesixty.*"
THREE_SIXTY_CREATED: Final = "threesixty.created"
THREE_SIXTY_EVALUATION_STATUS_CHANGED: Final = "threesixty.evaluationStatusChanged"
THREE_SIXTY_NOMINATION_CREATED: Final = "threesixty.nominationCreated"
THREE_SIXTY_NOMINATION_REMOVED: Final = "threesixty.nominationRemoved"
THREE_SIXTY_PERSON_STATUS_CHANGED: Final = "threesixty.person.statusChanged"
THREE_SIXTY_REPORT_READY: Final = "threesixty.reportReady"
THREE_SIXTY_STATUS_CHANGED: Final = "threesixty.statusChanged"


def completed_response(survey_id: str = "*") -> str:
    """A response was completed; without an id, in any survey."""
    return f"surveyengine.completedResponse.{_survey(survey_id)}"


def partial_response(survey_id: str = "*") -> str:
    """A response was recorded although it is not complete; without an id, in any survey."""
    return f"surveyengine.partialResponse.{_survey(survey_id)}"


def started_recipient_session(survey_id: str = "*") -> str:
    """A recipient of a distribution began to answer; without an id, any survey (documented, older pages)."""
    return f"surveyengine.startedRecipientSession.{_survey(survey_id)}"


def _survey(survey_id: str) -> str:
    if survey_id != "*" and not (survey_id.isascii() and survey_id.replace("_", "").isalnum()):
        raise UsageError(f"a survey id is needed, or nothing for any survey; got {survey_id!r:.40}")
    return survey_id


def covers(topic: str, other: str) -> bool:
    """Whether all events of the other topic are events of this one as well."""
    if topic == ALL or topic.endswith(".*"):
        return other.startswith(topic[:-1])
    return topic == other


def doubt_about(topic: str) -> str | None:
    """Say why a topic is perhaps not what was meant, and what may be; None for one that is known.

    Only a doubt, since which topics there are is not documented as a whole.
    """
    if topic in _EXACT or topic == ALL or _OF_SURVEYS.fullmatch(topic):
        return None
    if topic.endswith("*") and any(known.startswith(topic[:-1]) for known in _KNOWN):
        return None
    if _SURVEY_ID.fullmatch(topic):
        return f"the topic {topic} is a survey id; perhaps {completed_response(topic)} is meant"
    brand, _, rest = topic.partition(".")
    if brand and rest and rest != ALL and doubt_about(rest) is None:
        return f"the topic {topic} has a brand in front, as deliveries name it; perhaps {rest} is meant"
    nearest = _nearest(topic)
    what = f"perhaps {nearest} is meant" if nearest else "see `webhooks.topics`"
    return f"the topic {topic} is not known; {what}"


def _nearest(topic: str) -> str | None:
    """The known topic that is written most like this one, with the survey of this one if it names any."""
    from difflib import get_close_matches  # hardly ever needed

    parts = topic.split(".")
    survey_id = parts[-1] if _SURVEY_ID.fullmatch(parts[-1]) else "*"
    known = [*_EXACT, ALL_THREE_SIXTY, *(builder(survey_id) for builder in _BUILDERS)]
    by_lower = {name.lower(): name for name in known}
    found = get_close_matches(topic.lower(), by_lower, n=1)
    return by_lower[found[0]] if found else None


_BUILDERS: Final = (completed_response, partial_response, started_recipient_session)
_SURVEY_ID: Final = re.compile("SV_[A-Za-z0-9]+")
_OF_SURVEYS: Final = re.compile(
    "|".join(re.escape(builder()[:-1]) + rf"(?:\*|{_SURVEY_ID.pattern})" for builder in _BUILDERS)
)
_EXACT: Final = (
    SURVEY_ACTIVATED,
    SURVEY_DEACTIVATED,
    THREE_SIXTY_CREATED,
    THREE_SIXTY_EVALUATION_STATUS_CHANGED,
    THREE_SIXTY_NOMINATION_CREATED,
    THREE_SIXTY_NOMINATION_REMOVED,
    THREE_SIXTY_PERSON_STATUS_CHANGED,
    THREE_SIXTY_REPORT_READY,
    THREE_SIXTY_STATUS_CHANGED,
)
_KNOWN: Final = (*_EXACT, *(builder()[:-1] for builder in _BUILDERS))
