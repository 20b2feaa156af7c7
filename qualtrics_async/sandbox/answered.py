"""Responses: how they come, change and go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qualtrics_async.sandbox.dates import from_iso, iso, iso_fraction
from qualtrics_async.sandbox.legacy_survey import embedded_types
from qualtrics_async.sandbox.records import Response
from qualtrics_async.sandbox.response_fields import fields
from qualtrics_async.sandbox.seeded import SeededResponses
from qualtrics_async.sandbox.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qualtrics_async.sandbox.records import Survey
    from qualtrics_async.sandbox.selection import Key

__all__ = ["Answered"]


class Answered:
    """The responses of all surveys: those that are kept, by id, and seeded ones that are made when looked at.

    Whatever comes or changes takes the next number of one order.
    """

    if TYPE_CHECKING:
        surveys: dict[str, Survey]
        responses: dict[str, Response]

        def now(self) -> int:
            """Milliseconds since the epoch."""

        def new_id(self, prefix: str) -> str:
            """A prefix and random characters."""

    def __init__(self) -> None:
        self._seeded: dict[str, list[SeededResponses]] = {}
        self._changes_of_responses = 0

    @property
    def latest_change(self) -> int:
        """The number of the last thing that came or changed."""
        return self._changes_of_responses

    def add_response(
        self, survey_id: str, values: dict[str, Any] | None = None, *, labels: dict[str, Any] | None = None
    ) -> Response:
        """Make a response without a request: `values` may say otherwise about its metadata as well.

        Without more it is a finished one that took no time.

        Raises:
            ValueError: for a `recordedDate` that is none.
        """
        response_id, now = self.new_id("R_"), self.now()
        known: dict[str, Any] = {
            "startDate": iso(now),
            "endDate": iso(now),
            "status": 0,
            "ipAddress": "192.0.2.1",
            "progress": 100,
            "duration": 0,
            "finished": 1,
            "recordedDate": iso_fraction(now),
            "_recordId": response_id,
            "locationLatitude": "0",
            "locationLongitude": "0",
            "distributionChannel": "anonymous",
            "userLanguage": "EN",
        }
        known |= (values or {}) | {"_recordId": response_id}
        recorded = from_iso(known["recordedDate"])
        made = Response(response_id, survey_id, known, {**(labels or {})}, recorded, arrived=now)
        self.touch(made)
        made.arrival = made.change
        self.responses[response_id] = made
        return made

    def add_responses(
        self,
        survey_id: str,
        count: int,
        *,
        seed: int = 0,
        text_size: int | None = None,
        interval: float = 1.0,
    ) -> SeededResponses:
        """Let so many responses arrive that suit the survey's questions and embedded data, of any number.

        They are not kept but made by their number when somebody looks: the same seed has the same answers.
        Texts have quotes, commas, line breaks and more than ASCII, and about `text_size` characters where
        that is given. They were recorded `interval` seconds apart, the last one now; all arrive now.
        """
        definition = self.surveys[survey_id].definition
        made = SeededResponses(
            survey_id,
            count,
            fields(definition),
            embedded_types(definition),
            seed=seed,
            mark=self.new_id("")[:6],
            arrived=self.now(),
            first=self._changes_of_responses + 1,
            interval=int(interval * 1000),
            text_size=text_size,
        )
        self._changes_of_responses += count
        self._seeded.setdefault(survey_id, []).append(made)
        return made

    def responses_of(self, survey_id: str) -> Sequence[Response]:
        """The responses of a survey in order of arrival; seeded ones are made as they are looked at."""
        kept = [response for response in self.responses.values() if response.survey_id == survey_id]
        return self.selection(survey_id) if self._seeded.get(survey_id) else kept

    def selection(self, survey_id: str, order: Key | None = None) -> Selection:
        """The same, as exports take it, in this or another order."""
        kept = [response for response in self.responses.values() if response.survey_id == survey_id]
        seeded = self._seeded.get(survey_id, [])
        return Selection.of(kept, seeded) if order is None else Selection.of(kept, seeded, order)

    def find_response(self, response_id: str, survey_id: str | None = None) -> Response | None:
        """The response with this id, of this survey if one is named; a seeded one is made anew each time."""
        found = self.responses.get(response_id)
        if found is None:
            made, index = self._find_seeded(response_id)
            if made is not None:
                found = made.changed[index] if index in made.changed else made.at(index)
        return found if found is not None and survey_id in (None, found.survey_id) else None

    def touch(self, response: Response) -> None:
        """Note that a response came or was changed now; a seeded one is kept from here on."""
        self._changes_of_responses += 1
        response.change, response.modified = self._changes_of_responses, self.now()
        made, index = self._find_seeded(response.id)
        if made is not None:
            made.changed[index] = response

    def remove_response(self, response: Response) -> None:
        """Take a response away and count it."""
        made, index = self._find_seeded(response.id)
        if made is not None:
            made.changed[index] = None
        self.responses.pop(response.id, None)
        survey = self.surveys.get(response.survey_id)
        if survey is not None:
            survey.deleted_responses += 1

    def forget_responses(self, survey_id: str) -> None:
        """Take all responses of a survey away."""
        self._seeded.pop(survey_id, None)
        for response_id in [made.id for made in self.responses.values() if made.survey_id == survey_id]:
            del self.responses[response_id]

    def _find_seeded(self, response_id: str) -> tuple[SeededResponses | None, int]:
        for several in self._seeded.values():
            for made in several:
                index = made.index_of(response_id)
                if index is not None:
                    return made, index
        return None, 0
