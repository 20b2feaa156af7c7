"""Responses: how they come, change and go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qualtrics_async.sandbox.batches import ImportedResponses
from qualtrics_async.sandbox.dates import from_iso, iso, iso_fraction
from qualtrics_async.sandbox.legacy_survey import embedded_types
from qualtrics_async.sandbox.records import Response
from qualtrics_async.sandbox.response_fields import fields, labels_by
from qualtrics_async.sandbox.seeded import SeededResponses
from qualtrics_async.sandbox.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qualtrics_async.sandbox.batches import Batch, Packed
    from qualtrics_async.sandbox.records import Survey
    from qualtrics_async.sandbox.selection import Key

__all__ = ["Answered"]


class Answered:
    """The responses of all surveys: single ones, by id, and batches that are made when they are looked at.

    Whatever comes or changes takes the next number of one order.
    """

    if TYPE_CHECKING:
        surveys: dict[str, Survey]
        responses: dict[str, Response]

        def now(self) -> int:
            """Milliseconds since the epoch."""

        def new_id(self, prefix: str) -> str:
            """A prefix and random characters."""

        def tell_response(
            self, response: Response, recipient_id: str | None = None, distribution_id: str | None = None
        ) -> None:
            """A response came."""

    def __init__(self) -> None:
        self._batches: dict[str, list[Batch]] = {}
        self._changes_of_responses = 0

    @property
    def latest_change(self) -> int:
        """The number of the last thing that came or changed."""
        return self._changes_of_responses

    def add_response(
        self,
        survey_id: str,
        values: dict[str, Any] | None = None,
        *,
        labels: dict[str, Any] | None = None,
        recipient_id: str | None = None,
        distribution_id: str | None = None,
    ) -> Response:
        """Make a response without a request: `values` may say otherwise about its metadata as well.

        Without more it is a finished one that took no time. Subscriptions are told of it, with the contact
        lookup id and the distribution that are given.

        Raises:
            ValueError: for a `recordedDate` that is none.
        """
        made = self.import_response(survey_id, values, labels=labels)
        self.tell_response(made, recipient_id, distribution_id)
        return made

    def import_response(
        self, survey_id: str, values: dict[str, Any] | None = None, *, labels: dict[str, Any] | None = None
    ) -> Response:
        """The same, of which nobody is told."""
        now = self.now()
        made = _response(self.new_id("R_"), survey_id, now, values or {}, labels or {})
        self.touch(made)
        made.arrival = made.change
        self.responses[made.id] = made
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
            text_size=text_size,
            **self._when(),
            interval=int(interval * 1000),
        )
        self._keep_batch(made)
        return made

    def import_responses(self, survey_id: str, rows: Packed, import_key: str, **fixed: Any) -> None:
        """Let the rows of a large import arrive; `fixed` are values that all of them have."""
        asked, now = list(fields(self.surveys[survey_id].definition)), self.now()

        def make(response_id: str, values: dict[str, Any]) -> Response:
            made = _response(response_id, survey_id, now, values | fixed, labels_by(asked, values))
            made.import_key = import_key
            return made

        self._keep_batch(ImportedResponses(survey_id, rows, make, **self._when()))

    def responses_of(self, survey_id: str) -> Sequence[Response]:
        """The responses of a survey in order of arrival; those of batches are made as they are looked at."""
        kept = [response for response in self.responses.values() if response.survey_id == survey_id]
        return self.selection(survey_id) if self._batches.get(survey_id) else kept

    def selection(self, survey_id: str, order: Key | None = None) -> Selection:
        """The same, as exports take it, in this or another order."""
        kept = [response for response in self.responses.values() if response.survey_id == survey_id]
        batches = self._batches.get(survey_id, [])
        return Selection.of(kept, batches) if order is None else Selection.of(kept, batches, order)

    def find_response(self, response_id: str, survey_id: str | None = None) -> Response | None:
        """The response with this id, of this survey if one is named; of a batch, made anew each time."""
        found = self.responses.get(response_id)
        if found is None:
            made, index = self._find_in_batch(response_id)
            if made is not None:
                found = made.changed[index] if index in made.changed else made.at(index)
        return found if found is not None and survey_id in (None, found.survey_id) else None

    def touch(self, response: Response) -> None:
        """Note that a response came or was changed now; one of a batch is kept from here on."""
        self._changes_of_responses += 1
        response.change, response.modified = self._changes_of_responses, self.now()
        made, index = self._find_in_batch(response.id)
        if made is not None:
            made.changed[index] = response

    def remove_response(self, response: Response) -> None:
        """Take a response away and count it."""
        made, index = self._find_in_batch(response.id)
        if made is not None:
            made.changed[index] = None
        self.responses.pop(response.id, None)
        survey = self.surveys.get(response.survey_id)
        if survey is not None:
            survey.deleted_responses += 1

    def forget_responses(self, survey_id: str) -> None:
        """Take all responses of a survey away."""
        self._batches.pop(survey_id, None)
        for response_id in [made.id for made in self.responses.values() if made.survey_id == survey_id]:
            del self.responses[response_id]

    def _when(self) -> dict[str, Any]:
        """What the next batch is known by."""
        return {
            "mark": self.new_id("")[:6],
            "arrived": self.now(),
            "first": self._changes_of_responses + 1,
        }

    def _keep_batch(self, made: Batch) -> None:
        self._changes_of_responses += made.count
        self._batches.setdefault(made.survey_id, []).append(made)

    def _find_in_batch(self, response_id: str) -> tuple[Batch | None, int]:
        for several in self._batches.values():
            for made in several:
                index = made.index_of(response_id)
                if index is not None:
                    return made, index
        return None, 0


def _response(
    response_id: str, survey_id: str, now: int, values: dict[str, Any], labels: dict[str, Any]
) -> Response:
    """A finished response that took no time, unless its values say otherwise."""
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
    known |= values | {"_recordId": response_id}
    recorded = from_iso(known["recordedDate"])
    return Response(response_id, survey_id, known, {**labels}, recorded, arrived=now)
