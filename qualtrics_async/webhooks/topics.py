"""What one can subscribe to.

A topic is one text, exact or with `*` for the rest of it (documented). Deliveries name it with the brand in
front, subscriptions without (observed).
"""

from __future__ import annotations

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
