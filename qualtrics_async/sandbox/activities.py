"""What happens in a sandbox that subscriptions hear of.

Names of topics, the keys of completed responses and the brand before a delivered topic are observed; the keys
of what else happens, and their statuses, are documented in older pages. That what is imported, arrives as a
batch or is edited publishes nothing is assumed, and that dates are in UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from qualtrics_async.sandbox.delivery_faults import covers
from qualtrics_async.sandbox.records import Subscription

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from qualtrics_async.sandbox.publishing import Publisher
    from qualtrics_async.sandbox.records import Distribution, Response, Survey

__all__ = ["Activities"]


class Activities:
    """Subscriptions, and what they are told. It costs nothing as long as nobody has subscribed."""

    if TYPE_CHECKING:
        brand_id: str
        distributions: dict[str, Distribution]

        def new_id(self, prefix: str) -> str:
            """A prefix and random characters."""

        def now(self) -> int:
            """Milliseconds since the epoch."""

    def __init__(self) -> None:
        self.subscriptions: dict[str, Subscription] = {}
        self.publisher: Publisher | None = None

    def add_subscription(
        self, topics: str, publication_url: str, *, shared_key: str | None = None, encrypt: bool = False
    ) -> str:
        """Make an event subscription; its URL is not asked by GET."""
        made = Subscription(
            self.new_id("SUB_"), topics, publication_url, encrypted=encrypt, shared_key=shared_key
        )
        self.subscriptions[made.id] = made
        return made.id

    def unsubscribe(self, subscription_ids: Iterable[str]) -> None:
        """Take subscriptions away; what is not delivered to them yet is given up."""
        for subscription_id in subscription_ids:
            del self.subscriptions[subscription_id]
            if self.publisher is not None:
                self.publisher.give_up(subscription_id)

    def publish(self, topic: str, fields: Mapping[str, Any]) -> None:
        """Let something happen: who has subscribed to the topic, which is without the brand, is told.

        Safe from any thread.
        """
        if not self.subscriptions or self.publisher is None:
            return
        for subscription in tuple(self.subscriptions.values()):
            if covers(subscription.topics, topic):
                self.publisher.put(subscription, topic, fields)

    def tell_response(
        self, response: Response, recipient_id: str | None = None, distribution_id: str | None = None
    ) -> None:
        """A response came; recipient and distribution are those of an individual link."""
        if not self.subscriptions:
            return
        finished = response.values.get("finished") in (1, "1", "True")
        kind, status = ("completedResponse", "Complete") if finished else ("partialResponse", "Partial")
        fields = {
            "Status": status,
            "SurveyID": response.survey_id,
            "ResponseID": response.id,
            "CompletedDate": _moment(response.recorded),
            "BrandID": self.brand_id,
        }
        if recipient_id:
            fields["RecipientID"] = recipient_id
        if distribution_id:
            fields["DistributionID"] = distribution_id
        fields["ResponseEventContext"] = ""
        self.publish(f"surveyengine.{kind}.{response.survey_id}", fields)

    def tell_session(self, survey_id: str, recipient_id: str, distribution_id: str, started: int) -> None:
        """A recipient of a distribution began to answer."""
        fields = {
            "Status": "Started",
            "SurveyID": survey_id,
            "RecipientID": recipient_id,
            "ResponseEventContext": "",
            "DistributionID": distribution_id,
            "StartedDate": _moment(started),
            "BrandID": self.brand_id,
        }
        self.publish(f"surveyengine.startedRecipientSession.{survey_id}", fields)

    def activate(self, survey: Survey, *, active: bool) -> None:
        """Activate or deactivate a survey; to do so again tells nobody (assumed)."""
        changes, survey.active = survey.active != active, active
        word, status = ("activateSurvey", "Active") if active else ("deactivateSurvey", "Inactive")
        survey.definition["SurveyStatus"] = status
        if changes:
            fields = {"Status": status, "SurveyID": survey.id, "BrandID": self.brand_id}
            self.publish(f"controlpanel.{word}", fields)

    def has_recipient(self, distribution_id: str | None, lookup_id: str | None) -> bool:
        """Whether a distribution was made for this contact lookup id."""
        made = self.distributions.get(distribution_id or "")
        return made is not None and any(member.lookup_id == lookup_id for member in made.members)


def _moment(milliseconds: int) -> str:
    """`2026-06-01 09:00:00`."""
    return datetime.fromtimestamp(milliseconds // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
