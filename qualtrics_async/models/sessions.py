"""Survey sessions: views of the page that a respondent would see.

No source shows every field of an answer, so `raw` has all that came.
"""

from __future__ import annotations

from typing import Any

from qualtrics_async.models._view import View

__all__ = ["SessionQuestion", "SurveySession"]


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
