"""Survey sessions: views of the page that a respondent would see.

No source shows every field of an answer, so `raw` has all that came.
"""

from __future__ import annotations

from typing import Any, Self

from qualtrics_async.models._view import View

__all__ = ["SessionQuestion", "SurveySession", "SurveySessionStarted"]


class SessionQuestion(View):
    """A question of the page (documented)."""

    __slots__ = ()
    _title = "questionId"

    @property
    def question_id(self) -> str | None:
        """The id, under which its answer is sent."""
        return self._text("questionId")

    @property
    def type(self) -> str | None:
        """The kind, an open vocabulary: multiple choice, text and NPS are supported (documented)."""
        return self._text("type")

    @property
    def display(self) -> str | None:
        """What respondents read."""
        return self._text("display")

    @property
    def choices(self) -> list[dict[str, Any]]:
        """The choices, as they are."""
        return list(self._objects("choices"))

    @property
    def options(self) -> dict[str, Any]:
        """How it is answered: `columnLabels`, `multiSelect`, ... (documented)."""
        return self._mapping("options")


class SurveySession(View):
    """A session with its present page; a finished one may have none of it (documented as `{}`)."""

    __slots__ = ()
    _title = "sessionId"

    @property
    def session_id(self) -> str | None:
        """The session (`FS_...`)."""
        return self._text("sessionId")

    @property
    def embedded_data(self) -> dict[str, Any]:
        """The embedded data of the response in the making."""
        return self._mapping("embeddedData")

    @property
    def questions(self) -> list[SessionQuestion]:
        """The questions of the present page."""
        return [SessionQuestion(item) for item in self._objects("questions")]


class SurveySessionStarted(SurveySession):
    """A session that was just started: it has its id (documented)."""

    __slots__ = ()

    @classmethod
    def convert(cls, value: object) -> Self:
        """View an answer that names the session, and no other."""
        started = super().convert(value)
        if not isinstance(started.raw.get("sessionId"), str):
            raise ValueError("expected the id of the session that was started")
        return started

    @property
    def session_id(self) -> str:
        """The session (`FS_...`)."""
        return str(self.raw["sessionId"])
