"""An event as a line of JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from qualtrics_async.cli.secrecy import masked

if TYPE_CHECKING:
    from qualtrics_async.webhooks import Event
    from qualtrics_async.webhooks.fetching import EventWithResponse

__all__ = ["event_line", "fetched_line"]

_NAMES: Final = {
    "name": "name",
    "survey_id": "surveyId",
    "response_id": "responseId",
    "recipient_id": "recipientId",
    "distribution_id": "distributionId",
}


def event_line(event: Event) -> dict[str, Any]:
    """What is printed of an event: its type, what every event has, the ids of its type, and all that came.

    `type` is the name of the class, `fields` are by the service's names.
    """
    return {
        "type": type(event).__name__,
        "topic": event.topic,
        "brandId": event.brand_id,
        "occurred": event.occurred,
        "signed": event.is_signed,
        **{told: getattr(event, name) for name, told in _NAMES.items() if hasattr(event, name)},
        "fields": event.fields,
    }


def fetched_line(fetched: EventWithResponse) -> dict[str, Any]:
    """The line of an event, its `response` as the service writes it, and why there is none: `error`."""
    response, error = fetched.response, fetched.error
    found = {} if response is None else msgspec.to_builtins(response)
    return {
        **event_line(fetched.event),
        "response": {name: value for name, value in found.items() if value is not None} or None,
        "error": None if error is None else masked(" ".join(str(error).split())),
    }
