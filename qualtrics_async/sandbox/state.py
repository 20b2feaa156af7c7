"""The truth of a sandbox: what exists, and how it came to be."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from qualtrics_async.sandbox.accounts import account
from qualtrics_async.sandbox.activities import Activities
from qualtrics_async.sandbox.answered import Answered
from qualtrics_async.sandbox.arranged import Arranged
from qualtrics_async.sandbox.dates import from_iso, iso, iso_fraction
from qualtrics_async.sandbox.definition import FIRST_BLOCK, definition
from qualtrics_async.sandbox.jobs import Job, Progress
from qualtrics_async.sandbox.questions import ask, embed
from qualtrics_async.sandbox.records import Distribution, Survey
from qualtrics_async.sandbox.shelves import Shelf
from qualtrics_async.sandbox.truth import Truth

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from qualtrics_async.sandbox.jobs import ByPolls, BySeconds
    from qualtrics_async.sandbox.questions import Question
    from qualtrics_async.sandbox.records import Member, Response

__all__ = ["State", "from_iso", "iso", "iso_fraction"]


class State(Activities, Arranged, Answered, Truth):
    """Everything that a sandbox knows; tests may read and arrange it at will.

    Records are kept by id. `accepted_rows` counts for each contact row how often it was accepted, by import
    or by a call of its own, a harmless repetition too; its key is the row's extRef, else e-mail, else phone.
    `processed` counts by route how often an operation was carried out, whether or not its answer arrived.
    `deleted_all_subscriptions` has, for each call that deleted all subscriptions, the ids that it took away.
    `participants` are kept by directory or project, then by unique identifier, as on the wire. `shelf()` has
    what nothing but its own handlers reads.

    Whoever reads it gets what the clock has made of imports by then. What a proof asks may be asked from any
    thread (`count_members()`, `distributions_of()`); to arrange things while requests are served is for the
    thread that serves.
    """

    def __init__(
        self,
        seed: int,
        clock: Callable[[], float],
        deduplicate: Sequence[str],
        *,
        jobs: ByPolls | BySeconds,
        search_lag: ByPolls | BySeconds | None = None,
        listing_lag: ByPolls | BySeconds | None = None,
    ) -> None:
        Truth.__init__(self, seed, clock, jobs, search_lag, listing_lag)
        Answered.__init__(self)
        Activities.__init__(self)
        self.brand_id = "examplebrand"
        self.datacenter = "fra1"
        self.surveys: dict[str, Survey] = {}
        self.responses: dict[str, Response] = {}
        self.participants: dict[str, dict[str, dict[str, Any]]] = {"ex": {}, "cx": {}, "bx": {}}
        self.processed: Counter[str] = Counter()
        self.deleted_all_subscriptions: list[tuple[str, ...]] = []
        self.jobs: dict[str, Job] = {}
        self._shelves: dict[str, Shelf] = {}
        self.user_id = self.add_user(
            "api.user@example.com", first_name="Api", last_name="User", user_type="UT_BRANDADMIN"
        )
        self.default_directory_id = self.add_directory(is_default=True, deduplicate=deduplicate)
        self.survey_id = self.add_survey("Sandbox survey")

    def shelf(self, noun: str) -> Shelf:
        """The records of one kind, as the wire has them: `state.shelf("segment")`."""
        return self._shelves.setdefault(noun, Shelf(noun))

    def add_user(
        self, email: str, *, first_name: str = "", last_name: str = "", user_type: str = "UT_PARTICIPANT"
    ) -> str:
        """Make a user of the brand, whose name is the address and the brand."""
        user_id = self.new_id("UR_")
        record = account(
            user_id,
            self.brand_id,
            iso(self.now()),
            username=f"{email}#{self.brand_id}",
            email=email,
            first_name=first_name,
            last_name=last_name,
            user_type=user_type,
        )
        self.shelf("user").put(user_id, record=record)
        return user_id

    def add_survey(
        self,
        name: str,
        *,
        active: bool = True,
        questions: Sequence[Question] | None = None,
        embedded_data: Sequence[str] | Mapping[str, str] | None = None,
    ) -> str:
        """Make a survey with these questions and embedded data, else with two questions and a `cohort`.

        A mapping has the types of the embedded data, `String` or `Number`.
        """
        survey_id, now = self.new_id("SV_"), self.now()
        wire = definition(survey_id, name, self.brand_id, self.user_id, iso(now), active=active)
        if questions is not None:
            ask(wire, FIRST_BLOCK, questions)
        if embedded_data is not None:
            embed(wire, embedded_data)
        self.surveys[survey_id] = Survey(survey_id, name, self.user_id, now, now, active, wire)
        return survey_id

    def add_response_filter(
        self, survey_id: str, name: str, keep: Callable[[Response], bool] | None = None
    ) -> str:
        """Make a saved filter of a survey, which finds the responses that are kept; without more, all.

        An export asks it of each response when it starts.
        """
        filter_id = self.new_request_id()
        record = {"filterId": filter_id, "filterName": name, "creationDate": iso(self.now())}
        self.shelf("response filter").put(survey_id, filter_id, record=record)
        self.shelf("response filter's condition").put(filter_id, record={"keep": keep})
        return filter_id

    def add_audit_event(self, name: str, **descriptor: Any) -> str:
        """Log that something was done, now; `descriptor` says more about it, as on the wire (`userId`)."""
        event_id = self.new_request_id()
        record = {"id": event_id, "name": name, "at": self.now(), "descriptor": descriptor}
        self.shelf("audit event").put(event_id, record=record)
        return event_id

    def add_distribution(
        self, survey_id: str, mailing_list_id: str, *, request_type: str = "GeneratedInvite", **fields: Any
    ) -> Distribution:
        """Make a distribution for the members that a list has now; `fields` are those of the record."""
        made = Distribution(
            self.new_id("EMD_"),
            survey_id,
            request_type,
            self.now(),
            Progress(self._clock()),
            mailing_list_id=mailing_list_id,
            members=list(self.mailing_lists[mailing_list_id].members),
            **fields,
        )
        self.distributions[made.id] = made
        return made

    def add_ex_project(self) -> str:
        """Make an EX project without participants; the form of its id is assumed."""
        project_id = self.new_id("EX_")
        self.participants[project_id] = {}
        return project_id

    def add_participant(
        self,
        place_id: str,
        unique_identifier: str,
        *,
        first_name: str = "",
        last_name: str = "",
        email: str | None = None,
        username: str | None = None,
        metadata: dict[str, str] | None = None,
        participant_data: dict[str, str] | None = None,
        subject_data: dict[str, str] | None = None,
    ) -> str:
        """Make a participant of a directory (`ex`, `cx`, `bx`) or of a project, and return its id.

        Who is in the employee directory is the same user in a project.
        """
        known = self.participants["ex"].get(unique_identifier, {})
        participant_id = self.new_id("PRT_")
        self.participants[place_id][unique_identifier] = {
            "firstName": first_name,
            "lastName": last_name,
            "email": email,
            "username": username,
            "userId": known.get("userId") or self.new_id("UR_"),
            "participantId": participant_id,
            "uniqueIdentifier": unique_identifier,
            "metadata": metadata or {},
            "participantData": participant_data,
            "subjectData": subject_data,
        }
        return participant_id

    def links(self, distribution_id: str) -> dict[str, str]:
        """The link of each contact of a distribution by contact id, whether it was asked for or not."""
        made = self.distributions[distribution_id]
        return {member.contact.id: self.link(made, member) for member in made.members}

    def link(self, made: Distribution, member: Member) -> str:
        """The link of one member: the brand's host and the parameter `Q_DL` are observed."""
        form = f"https://{self.brand_id}.{self.datacenter}.qualtrics.com/jfe/form/{made.survey_id}"
        if made.link_type == "Anonymous":
            return form
        return f"{form}?Q_CHL=gl&Q_DL={made.id}_{made.survey_id[3:]}_{member.lookup_id}"
