"""What a test arranges that only the handlers of its own group read."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qualtrics_async.sandbox.shelves import Shelf

__all__ = ["Arranged"]


class Arranged:
    """Messages of libraries, tickets, automations; `group_library_id` is a library that is shared."""

    group_library_id = "GR_0sandboxlibrary"

    if TYPE_CHECKING:
        user_id: str

        def now(self) -> int:
            """Milliseconds since the epoch."""

        def shelf(self, noun: str) -> Shelf:
            """The records of one kind."""

        def new_id(self, prefix: str) -> str:
            """A prefix and random characters."""

    def add_library_message(
        self, description: str, text: str, *, category: str = "invite", library_id: str | None = None
    ) -> str:
        """Make a message in English, in the caller's own library unless another is named."""
        message_id = self.new_id("MS_")
        record = {
            "id": message_id,
            "description": description,
            "category": category,
            "messages": {"en": text},
        }
        self.shelf("message").put(library_id or self.user_id, message_id, record=record)
        return message_id

    def add_ticket(
        self,
        name: str,
        *,
        owner_id: str | None = None,
        status: int = 1,
        priority: int = 2,
        survey_id: str | None = None,
        response_id: str | None = None,
        root_causes: Sequence[str] = (),
    ) -> str:
        """Make a ticket of the caller's unless another owner is named; returns its key."""
        key = self.new_id("TK_")
        record = {
            "key": key,
            "name": name,
            "ownerId": owner_id or self.user_id,
            "status": status,
            "priority": priority,
            "followUpDetailsSurveyId": survey_id,
            "followUpDetailsResponseId": response_id,
        }
        self.shelf("ticket").put(key, record=record)
        for cause in root_causes:
            self.shelf("root cause").put(key, cause, record={"name": cause, "createdAt": self.now()})
        return key

    def add_automation(self, name: str) -> str:
        """Make an automation without files."""
        automation_id = self.new_id("AU_")
        self.shelf("automation").put(automation_id, record={"id": automation_id, "name": name})
        return automation_id
